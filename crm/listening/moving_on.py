"""What the owner does with a conversation besides answering: close it, put it off, note something, say whose it is."""

import datetime as dt

from django.db.models import F

from crm.listening import hearing
from crm.listening.models import Conversation, Line


def move(pk: int, *, state: str) -> None:
    """Put a conversation among the open, waiting or done ones; one that is done reminds nobody."""
    changes = {"remind_on": None} if state == Conversation.State.DONE else {}
    Conversation.objects.filter(pk=pk).update(state=state, version=F("version") + 1, **changes)


def remind(pk: int, *, on: dt.date) -> None:
    """Put a conversation off until a day, when it is open again."""
    Conversation.objects.filter(pk=pk).update(state=Conversation.State.WAITING, remind_on=on, version=F("version") + 1)


def note(pk: int, *, text: str, by: str, form_key: str, now: dt.datetime) -> Line:
    """Write something down beside a conversation that nobody else reads, once for each form."""
    said = {"conversation_id": pk, "direction": Line.Direction.NOTE, "text": hearing.plain(text), "at": now, "by": by}
    return Line.objects.get_or_create(form_key=form_key, defaults=said)[0]


def belongs_to(pk: int, *, contact_id: int) -> None:
    """Say which customer a conversation is with."""
    Conversation.objects.filter(pk=pk).update(contact=contact_id, version=F("version") + 1)
