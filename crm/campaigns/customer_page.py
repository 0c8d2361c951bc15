"""What the customer page shows about messages: a panel, and moments of the person's story."""

import datetime as dt

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from crm.campaigns import rendering
from crm.campaigns.models import Click, Message
from crm.contacts import consent
from crm.contacts.models import Contact
from crm.contacts.timeline import Moment

IN_PANEL = 5


def panel(*, contact: Contact, request) -> dict | None:
    """Return the newest messages to a person with what came of them, and whether their address is dead; or None."""
    messages = (
        Message.objects.filter(contact=contact)
        .exclude(state__in=[Message.State.STOPPED, Message.State.WITHHELD])
        .select_related("rotation__campaign", "outgoing")
        .annotate(was_clicked=Exists(Click.objects.filter(message=OuterRef("pk"))))
        .order_by("-pk")[:IN_PANEL]
    )
    returned_at = consent.bounced_at(contact.email_key)
    return {"messages_to": messages, "returned_at": returned_at} if messages or returned_at else None


def moments(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell which messages a person got and when they followed a link."""
    sent = (
        Message.objects.filter(contact=contact_id, sent_at__lt=before, state=Message.State.SENT)
        .select_related("rotation__campaign")
        .order_by("-sent_at")[:limit]
    )
    clicked = (
        Click.objects.filter(message__contact=contact_id, at__lt=before)
        .select_related("message__rotation__campaign", "link")
        .order_by("-at")[:limit]
    )
    told = [
        Moment(
            at=message.sent_at,
            icon="mail",
            text=_("Got the message “%(campaign)s”.") % {"campaign": message.rotation.campaign.name},
            href=message.rotation.campaign.get_absolute_url(),
        )
        for message in sent
    ] + [
        Moment(
            at=click.at,
            icon="mouse-pointer-click",
            text=_("Followed a link in “%(campaign)s”.") % {"campaign": click.message.rotation.campaign.name},
            detail=rendering.without_source(click.link.url),
        )
        for click in clicked
    ]
    return sorted(told, key=lambda moment: moment.at, reverse=True)[:limit]
