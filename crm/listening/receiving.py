"""Mails become lines of conversations, each once, however often and on whatever way it arrives."""

import datetime as dt

from crm.accounts.models import Shop, User
from crm.campaigns import rendering
from crm.listening import hearing, letters
from crm.listening.models import Line, Via


class NotKept(ValueError):
    """The mail was read and not kept; the name says why."""


class FromOurselves(NotKept):
    pass


class Automatic(NotKept):
    pass


def own_addresses(shop: Shop) -> frozenset[str]:
    """Return the addresses the shop itself writes from."""
    users = User.objects.values_list("email", flat=True)
    return frozenset(one.lower() for one in [rendering.sender_address(shop), *users] if one)


def take(data: bytes, *, own: frozenset[str], now: dt.datetime) -> tuple[Line, bool]:
    """Keep what a mail says; return the line and whether it is new. Raise letters.NotAMail or NotKept."""
    letter = letters.read(data, own=own)
    if letter.is_automatic:
        raise Automatic
    if letter.address.lower() in own:
        raise FromOurselves
    return hearing.hear(
        hearing.Words(
            text=letter.text,
            via=Via.MAIL,
            name=letter.name,
            email=letter.address,
            subject=letter.subject,
            at=letter.at,
            attachments=letter.attachments,
            message_id=letter.message_id,
            answers_to=letter.answers_to,
        ),
        now=now,
    )
