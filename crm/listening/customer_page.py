"""What the customer page shows of what a person said: a panel, and moments of their story."""

import datetime as dt

from django.utils.translation import gettext as _

from crm.contacts.models import Contact
from crm.contacts.timeline import Moment
from crm.listening.models import Answer, Conversation, Line
from crm.listening.scoring import TOP

IN_PANEL = 4
_ICONS = {Line.Direction.IN: "message-square", Line.Direction.OUT: "send", Line.Direction.NOTE: "pencil"}


def panel(*, contact: Contact, request) -> dict | None:
    """Return the newest conversations and the last answer to the question; nothing for somebody who was erased."""
    if contact.erased_at:
        return None
    last = Answer.objects.filter(contact=contact).order_by("-at", "-pk").first()
    return {
        "conversations": Conversation.objects.filter(contact=contact).order_by("-last_at", "-pk")[:IN_PANEL],
        "last_answer": last,
        "top": last and TOP[last.asks],
        "contact_ref": str(contact.pk),
    }


def moments(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell what a person said and was answered, and how satisfied they were."""
    lines = Line.objects.filter(conversation__contact=contact_id, at__lt=before).select_related("conversation")
    answers = Answer.objects.filter(contact=contact_id, at__lt=before)
    told = [
        Moment(
            at=line.at,
            icon=_ICONS[line.direction],
            text=_said(line),
            href=line.conversation.get_absolute_url(),
            detail=line.text[:300],
        )
        for line in lines.exclude(via="feedback").order_by("-at", "-pk")[:limit]
    ] + [
        Moment(
            at=answer.at,
            icon="smile",
            text=_("Answered your question: %(score)s of %(top)s") % {"score": answer.score, "top": TOP[answer.asks]},
            href=answer.conversation.get_absolute_url() if answer.conversation else "",
            detail=answer.comment[:300],
        )
        for answer in answers.select_related("conversation").order_by("-at", "-pk")[:limit]
    ]
    return sorted(told, key=lambda moment: moment.at, reverse=True)[:limit]


def _said(line: Line) -> str:
    match line.direction:
        case Line.Direction.OUT:
            return _("You answered")
        case Line.Direction.NOTE:
            return _("Note in a conversation")
    return _("Said: %(way)s") % {"way": line.get_via_display()}
