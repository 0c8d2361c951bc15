"""What a person does with a message: a click on one of our links, or no more messages."""

import datetime as dt
import re
from urllib.parse import urlsplit

from django.db import transaction

from crm.campaigns.models import Click, Link, Message
from crm.contacts import consent
from crm.lib import tokens

VISIT = "visit"  # what the token for the shop's own pages is signed for


def message_of(token: str) -> str | None:
    """Return whose unsubscribe link this is: a message's key, "example" for a test, None if it is not ours."""
    return tokens.read("unsubscribe", token)


def unsubscribe(message: Message, *, one_click: bool, now: dt.datetime) -> None:
    """Never write to this person again: note their no and take their waiting messages out of the queue."""
    source = "click" if one_click else "link"
    with transaction.atomic():
        consent.withdraw(message.contact_id, source=source, detail=message.rotation.campaign.name, at=now)
        Message.objects.filter(
            contact_id=message.contact_id,
            state__in=[Message.State.QUEUED, Message.State.CLAIMED, Message.State.RETRY],
        ).update(state=Message.State.SUPPRESSED, claimed_by="", claimed_until=None)


def link_of(token: str) -> tuple[int, Link] | None:
    """Return the message and the stored link a click address stands for, or None."""
    pair = re.fullmatch(r"(\d{1,18})-(\d{1,18})", tokens.read("click", token) or "", re.ASCII)
    if pair is None:
        return None
    message_id, link_id = int(pair[1]), int(pair[2])
    link = Link.objects.filter(pk=link_id, campaign__rotations__messages=message_id).first()
    return (message_id, link) if link else None


def address_for(link: Link, *, contact_id: int, website: str) -> str:
    """Return where a link leads; one to the shop's own pages tells their visit script who came (crm.api.visits).

    The token stands behind the #: no server of anybody's gets to see it.
    """
    own = urlsplit(website).hostname
    if not own or urlsplit(link.url).hostname != own or "#" in link.url:
        return link.url
    return f"{link.url}#rg={tokens.sign(VISIT, contact_id)}"


def record_click(*, message_id: int, link: Link, now: dt.datetime) -> None:
    Click.objects.create(message_id=message_id, link=link, at=now)
