"""The register of what personal data is processed (GDPR 30, PIPL 55), made of what every floor says of itself.

A floor that forgets a part (contacts.forgetting) describes it here under the same name; a test sees that none is left
out, and `models` are those the part answers for. What is said is true of this shop: its settings are asked each time.
"""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts import logbook
from crm.accounts.models import Deed, OneTimeLink, RecoveryCode, TwoStep, User
from crm.contacts import forgetting
from crm.contacts.models import Retention
from crm.lib.templatetags import say


class Activity(NamedTuple):
    """One thing done with people's data, in words."""

    title: str
    purpose: str
    what: str
    origin: str
    kept: str
    receivers: list[str] = []
    safeguards: list[str] = []
    models: list[str] = []


DESCRIBERS: dict[str, Callable[[], Activity]] = {}


def register(name: str, describe: Callable[[], Activity]) -> None:
    """Add what a floor does with people's data, under the name of the part it forgets."""
    DESCRIBERS[name] = describe


def activities() -> list[Activity]:
    """Return everything that is done, each with the models it is kept in."""
    told = []
    for name, part in forgetting.PARTS.items():
        models = list(dict.fromkeys(one.rpartition(".")[0] for one in part.covers))
        told.append(DESCRIBERS[name]()._replace(models=models))
    return [*told, _of_people_here()]


def as_customer() -> str:
    """Return how long a customer is kept, as the owner has set it."""
    years = Retention.current().years
    if not years:
        return _("Until the customer is erased. No rule erases anybody by itself.")
    text = ngettext(
        "Until the customer is erased, by your rule after %(years)s year without a sign of life.",
        "Until the customer is erased, by your rule after %(years)s years without a sign of life.",
        years,
    )
    return text % {"years": say.number(years)}


def host(address: str) -> str:
    """Return the machine an address names, without names and passwords in it."""
    return urlsplit(address).hostname or ""


def _of_people_here() -> Activity:
    """Say what is done with whoever logs in."""
    years = logbook.KEPT.days // 365
    kept = ngettext(
        "Names as long as the shop, because its history names them; what somebody did, %(years)s year.",
        "Names as long as the shop, because its history names them; what somebody did, %(years)s years.",
        years,
    )
    return Activity(
        title=_("People who work here"),
        purpose=_("Let in only whom you invited, and know later who did what."),
        what=_("Name, e-mail, role, when they log in, and which exports, mailings and changes were theirs."),
        origin=_("From you, and from what they do here."),
        kept=kept % {"years": say.number(years)},
        safeguards=[_("Passwords and recovery codes are kept as hashes only, keys of the second step encrypted.")],
        models=[model._meta.label for model in (User, OneTimeLink, TwoStep, RecoveryCode, Deed)],
    )


def describe() -> Activity:
    """Say what is done with customers themselves."""
    return Activity(
        title=_("Keeping customers"),
        purpose=_("Know who your customers are, answer them, and write only to those who said yes."),
        what=_(
            "Name, e-mail, phone, address, company, birthday, language, tags, notes, further columns of imported "
            "files, numbers on platforms, groups, and every yes and no to messages with its wording."
        ),
        origin=_("From the customers, from your shop platform and files you import, and from what you type in."),
        kept=as_customer(),
        safeguards=[
            _("Only who logs in sees it."),
            _("After erasing only keyed hashes stay, from which nothing can be read."),
        ],
    )
