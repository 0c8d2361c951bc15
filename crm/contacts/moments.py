"""What contacts itself tells of a person's story: notes, permission given or taken, the first day."""

import datetime as dt

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.contacts import merging
from crm.contacts.models import Consent, Contact, Merge, Note
from crm.contacts.timeline import Moment
from crm.lib.templatetags import say


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


def merges(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell who was merged into a person; the page behind it undoes that, as long as it can be."""
    rows = Merge.objects.filter(kept_id=contact_id, undone_at=None, at__lt=before).order_by("-at", "-pk")[:limit]
    told = []
    for merge in rows:
        name = merge.details["names"][1] if merge.details else ""
        text = _("Merged with %(name)s") % {"name": name} if name else _("Merged with another customer")
        detail = _("Can be undone until %(date)s.") % {"date": say.day(merge.at + merging.UNDO_FOR)} if name else ""
        href = reverse("contacts:merged", args=[merge.pk]) if name else ""
        told.append(Moment(at=merge.at, icon="users", text=text, href=href, detail=detail))
    return told


def joined(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell since when we know a person."""
    rows = Contact.objects.filter(pk=contact_id, joined_at__lt=before).values_list("joined_at", flat=True)[:limit]
    return [Moment(at=at, icon="user-plus", text=_("First known to the shop")) for at in rows]
