"""Take what somebody said into a conversation: a new one, or the one it belongs to. Everything that comes in passes
here.

    line = hear(Words(text="Is the rye gluten-free?", via=Via.FORM, email="mia@example.com", form_key=key), now=now)

The same form, and the same mail, counts once. Writing to the shop is no permission to send campaigns.
"""

import datetime as dt
import re
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F

from crm.contacts import merging
from crm.contacts.identity import email_key
from crm.listening import senders
from crm.listening.models import Conversation, Line, Via

LONGEST = 20_000  # letters of one line; what is longer is cut
_REPLY_MARKS = re.compile(
    r"^\s*((re|aw|antw|sv|vs|fw|fwd|wg|tr|回复|答复|转发|回覆)\s*(\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE
)
_UNWRITTEN = dict.fromkeys(i for i in range(32) if i not in (9, 10))  # control characters, which PostgreSQL may refuse


@dataclass(frozen=True, kw_only=True)
class Words:
    """What was said, by whom and how it reached the shop; `by`: who of the shop typed it in."""

    text: str
    via: Via
    contact_id: int | None = None
    name: str = ""
    email: str = ""
    phone: str = ""
    subject: str = ""
    at: dt.datetime | None = None
    by: str = ""
    attachments: tuple[str, ...] = ()
    message_id: str | None = None
    answers_to: tuple[str, ...] = ()  # the mails it says it answers
    form_key: str | None = None
    is_complaint: bool = False


def hear(words: Words, *, now: dt.datetime) -> tuple[Line, bool]:
    """Keep what was said, once; return it and whether it is new."""
    if known := _heard(words):
        return known, False
    try:
        with transaction.atomic():
            return _hear(words, now=now), True
    except IntegrityError:  # the same form or mail, at the same moment
        if known := _heard(words):
            return known, False
        raise


def plain(text: str, *, longest: int = LONGEST) -> str:
    """Return a text without what cannot be written, with one kind of line end."""
    text = text.encode("utf-8", "replace").decode()  # halves of letters, from broken mails
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_UNWRITTEN).strip()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def bare(subject: str) -> str:
    """Return a subject without the marks of answers and forwarding."""
    return " ".join(_REPLY_MARKS.sub("", plain(subject)).split())[:200]


def _heard(words: Words) -> Line | None:
    for name in ("form_key", "message_id"):
        if value := getattr(words, name):
            found = Line.objects.filter(**{name: value}).select_related("conversation").first()
            if found:
                return found
    return None


def _hear(words: Words, *, now: dt.datetime) -> Line:
    at = min(words.at or now, now)
    contact_id = words.contact_id and merging.current_id(words.contact_id)
    contact_id = contact_id or senders.known(email=words.email, phone=words.phone)
    conversation = _belongs_to(words, contact_id) or Conversation.objects.create(
        contact_id=contact_id,
        name=" ".join(plain(words.name).split())[:200],
        email=plain(words.email)[:254],
        email_key=email_key(words.email) if words.email else None,
        phone=plain(words.phone)[:40],
        subject=bare(words.subject),
        via=words.via,
        opened_at=at,
        last_at=at,
    )
    line = Line.objects.create(
        conversation=conversation, direction=Line.Direction.IN, via=words.via, text=plain(words.text), at=at,
        by=words.by, attachments=[plain(name, longest=120) for name in words.attachments],
        message_id=words.message_id, form_key=words.form_key,
    )  # fmt: skip
    changes = {"is_complaint": True} if words.is_complaint else {}
    if at > conversation.last_at:
        changes["last_at"] = at
    Conversation.objects.filter(pk=conversation.pk).update(
        state=Conversation.State.OPEN, remind_on=None, version=F("version") + 1, **changes
    )
    conversation.refresh_from_db()
    return line


def _belongs_to(words: Words, contact_id: int | None) -> Conversation | None:
    """Return the conversation this goes on with: the answered one, else one with the same person that is not over."""
    if words.answers_to:
        answered = Conversation.objects.filter(lines__message_id__in=words.answers_to[-50:]).order_by("-last_at")
        if found := answered.first():
            return found
    going_on = Conversation.objects.exclude(state=Conversation.State.DONE).order_by("-last_at", "-pk")
    if contact_id:
        going_on = going_on.filter(contact=contact_id)
    elif key := email_key(words.email) if words.email else None:
        going_on = going_on.filter(contact=None, email_key=key)
    else:
        return None
    match words.via:
        case Via.MAIL:
            return going_on.filter(via=Via.MAIL, subject__iexact=bare(words.subject)).first()
        case Via.FEEDBACK:
            return going_on.filter(is_complaint=True).first()
        case Via.PAGE:
            return going_on.filter(via=Via.PAGE).first()
    return None
