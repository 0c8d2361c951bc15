"""What contacts itself tells of a person's story: notes, permission given or taken, the first day."""

import datetime as dt

from django.utils.translation import gettext as _

from crm.contacts.models import Consent, Contact, Note
from crm.contacts.timeline import Moment


def notes(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell what the owner wrote about a person."""
    rows = Note.objects.filter(contact=contact_id, at__lt=before).order_by("-at", "-pk")[:limit]
    return [
        Moment(
            at=note.at,
            icon="pencil",
            text=_("Note by %(author)s") % {"author": note.author} if note.author else _("Note"),
            detail=note.text,
        )
        for note in rows
    ]


def consents(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell when a person said yes or no to messages, and how we know."""
    rows = Consent.objects.filter(contact=contact_id, at__lt=before).order_by("-at", "-pk")[:limit]
    return [
        Moment(
            at=consent.at,
            icon="mail-check" if consent.state == Contact.ConsentState.YES else "mail-x",
            text=_("Said yes to messages") if consent.state == Contact.ConsentState.YES else _("Said no to messages"),
            detail=": ".join(filter(None, (consent.get_source_display(), consent.detail))),
        )
        for consent in rows
    ]


def joined(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell since when we know a person."""
    rows = Contact.objects.filter(pk=contact_id, joined_at__lt=before).values_list("joined_at", flat=True)[:limit]
    return [Moment(at=at, icon="user-plus", text=_("First known to the shop")) for at in rows]
