"""What somebody said to the shop and was told, to be handed over, and when they last spoke."""

import datetime as dt

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from crm.listening.models import Answer, Conversation, Line

LABELS = {
    "listening": _("What you said"), "conversations": _("Conversations"), "opened_at": _("Begun"),
    "subject": _("Subject"), "via": _("How"), "is_complaint": _("Complaint"), "lines": _("Lines"),
    "direction": _("Direction"), "attachments": _("Attachments"), "to": _("Sent to"), "points": _("Points"),
    "feedback": _("Answers to questions"), "question": _("Question"), "score": _("Score"), "comment": _("Comment"),
    "may_quote": _("May be quoted"), "order": _("Order"), "email": _("E-mail"), "phone": _("Phone"),
}  # fmt: skip


def spoke_since(moment: dt.datetime) -> Exists:
    """Return the condition that somebody wrote or answered since then."""
    return Exists(
        Line.objects.filter(
            conversation__contact=OuterRef("pk"), direction=Line.Direction.IN, at__gte=moment
        )
    )


def answered_since(moment: dt.datetime) -> Exists:
    """Return the condition that somebody answered the question after a purchase since then."""
    return Exists(Answer.objects.filter(contact=OuterRef("pk"), at__gte=moment))


def hand_over(*, contact_id: int) -> dict:
    """Return everything kept here about a person, as they may have it: notes of the shop among it."""
    lines = Line.objects.filter(conversation__contact=contact_id).order_by("conversation__opened_at", "at", "pk")
    said: dict[int, list[dict]] = {}
    for line in lines:
        said.setdefault(line.conversation_id, []).append(
            {
                "at": line.at, "direction": line.direction, "via": line.via, "text": line.text,
                "attachments": line.attachments, "points": line.points, "to": line.to, "state": line.state,
            }
        )  # fmt: skip
    conversations = Conversation.objects.filter(contact=contact_id).order_by("opened_at", "pk")
    answers = Answer.objects.filter(contact=contact_id).select_related("order").order_by("at", "pk")
    return {
        "conversations": [
            {
                "opened_at": one.opened_at, "subject": one.subject, "via": one.via, "state": one.state,
                "name": one.name, "email": one.email, "phone": one.phone, "is_complaint": one.is_complaint,
                "lines": said.get(one.pk, []),
            }
            for one in conversations
        ],
        "feedback": [
            {
                "at": one.at, "question": one.asks, "score": one.score, "comment": one.comment,
                "may_quote": one.may_quote, "order": one.order.number if one.order else "",
            }
            for one in answers
        ],
    }  # fmt: skip
