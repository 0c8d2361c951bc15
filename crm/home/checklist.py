"""The four steps that bring a shop to life. Invented data of the demo never counts as done."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.campaigns.models import Campaign
from crm.contacts.models import Contact
from crm.rewards.models import Rule


@dataclass(frozen=True)
class Step:
    label: str | Promise
    hint: str | Promise
    url_name: str
    is_done: bool


def steps(*, shop: Shop) -> list[Step]:
    """Return the steps with what is done; an empty list once all are."""
    real = not shop.is_demo
    found = [
        Step(
            _("Import your customers and orders"),
            _("The file your platform or till exports."),
            "imports:new",
            real and Contact.objects.exists(),
        ),
        Step(
            _("Decide how customers earn points"),
            _("So many points for what they spend, or for every purchase."),
            "rewards:home",
            real and Rule.objects.exists(),
        ),
        Step(
            _("Enter your sender address"),
            _("Customers see it as the sender of your messages."),
            "home:settings",
            real and bool(shop.sender_email),
        ),
        Step(
            _("Schedule your first campaign"),
            _("Choose a group, write a few lines, look at it as they will."),
            "campaigns:new",
            real and Campaign.objects.exclude(state=Campaign.State.DRAFT).exists(),
        ),
    ]
    return [] if all(step.is_done for step in found) else found
