"""The messages to a person, what they followed in them, and what automations met them about, to be handed over."""

import datetime as dt

from django.db.models import Exists, OuterRef, Prefetch
from django.utils.translation import gettext_lazy as _

from crm.campaigns import rendering
from crm.campaigns.models import Click, Message, Occasion
from crm.contacts.handing_over import Amount

LABELS = {
    "messages": _("Messages"), "all_messages": _("Messages to you"), "campaign": _("Campaign"), "sent_at": _("Sent"),
    "subject": _("Subject"), "clicks": _("Links you followed"), "address": _("Address"),
    "orders_counted": _("Orders counted to it"), "points_given": _("Points given"), "version": _("Version"),
    "automations": _("Automations"), "automation": _("Automation"), "occasion": _("Occasion"),
    "happened_at": _("When it happened"), "ended": _("What became of it"),
}  # fmt: skip


def hand_over(*, contact_id: int) -> dict:
    """Return each message with its text, as far as it is kept, and the links that were followed."""
    clicks = Prefetch("clicks", queryset=Click.objects.select_related("link").order_by("at", "pk"))
    messages = Message.objects.filter(contact=contact_id).select_related("rotation__campaign", "outgoing")
    occasions = Occasion.objects.filter(contact=contact_id).select_related("automation")
    return {
        "all_messages": [
            _told(message)
            for message in messages.prefetch_related(clicks, "attributions__order").order_by("due_at", "pk")
        ],
        "automations": [
            {
                "automation": one.automation.name, "occasion": one.key.partition(":")[2],
                "happened_at": one.happened_at, "ended": one.get_ended_display() if one.ended else "",
            }
            for one in occasions.order_by("happened_at", "pk")
        ],
    }  # fmt: skip


def clicked_since(moment: dt.datetime) -> Exists:
    """Return the condition that somebody followed a link since then."""
    return Exists(Click.objects.filter(message__contact=OuterRef("pk"), at__gte=moment))


def _told(message: Message) -> dict:
    kept = getattr(message, "outgoing", None)
    return {
        "campaign": message.rotation.campaign.name, "state": message.state, "sent_at": message.sent_at,
        "subject": kept.subject if kept else "", "text": kept.text if kept else "", "points_given": message.points,
        "version": message.variant,
        "clicks": [{"at": one.at, "address": rendering.without_source(one.link.url)} for one in message.clicks.all()],
        "orders_counted": [
            {"number": one.order.number, "amount": Amount(one.amount_minor, one.order.currency)}
            for one in message.attributions.all()
        ],
    }  # fmt: skip
