"""Answer somebody who wrote: kept with the form's key, sent once, honest where nobody can know.

    queued -> sending -> sent | failed | uncertain

Whoever wrote asked for an answer: permission for campaigns does not matter, and no campaign footer is added. The answer
leaves by the channel campaigns leave by (campaigns.channels), with the same moment of doubt: `sending` is committed
just before the payload, and a process that dies there leaves `uncertain`, which only the owner sends again
(docs/decisions/0006-sending.md). In the outbox of a box without a mail server all is one transaction.
"""

import datetime as dt
import logging
from contextlib import nullcontext
from dataclasses import dataclass
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from crm.accounts import instance
from crm.accounts.models import Shop
from crm.campaigns import channels, fields, pacing, rendering
from crm.campaigns.channels.base import BadMail, Channel, Mail, NoSuchAddress, SendFailed, Uncertain, Withheld
from crm.campaigns.sending import BACK_OFF, LEASE
from crm.contacts import consent
from crm.contacts.identity import email_key
from crm.contacts.models import Contact
from crm.lib import tokens
from crm.lib.templatetags import say
from crm.listening.models import Conversation, Line, SavedAnswer, Via
from crm.rewards import ledger

log = logging.getLogger(__name__)

_OUTBOX = "outbox-"
_POINTS, _OPEN = "points_given", "{{ points_given }}"
State = Line.State


class CannotAnswer(ValueError):
    """The answer was not kept; the text says why, for the owner."""


class ChangedMeanwhile(CannotAnswer):
    """Something was said in the conversation that the owner has not seen yet."""


class NoWay(CannotAnswer):
    """There is no address to write to, and no page of their own to read it on."""


class AddressIsDead(CannotAnswer):
    """Mail to this address came back: it does not exist."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the owner wrote. `then`: the conversation's state afterwards; `version`: as they read it."""

    text: str
    form_key: str
    version: int
    by: str = ""
    points: int = 0
    reason: str = ""
    then: str = Conversation.State.WAITING


def fill(text: str, conversation: Conversation, *, points: int | None = None, now: dt.datetime) -> str:
    """Put the person's values into the fields of a text; raise fields.UnknownField.

    A stranger is greeted by the name they gave. Without `points` that field stays open until the answer is sent.
    """
    person = conversation.contact or Contact(name=conversation.name, email=conversation.email)
    values = fields.facts(contact=person, shop=Shop.current(), points_given=points or 0, now=now)
    return "".join(
        part if isinstance(part, str) else _OPEN if points is None and part.name == _POINTS else part.write(values)
        for part in fields.agreeing(fields.split(text), values)
    )


def add_saved(text: str, saved: SavedAnswer, conversation: Conversation, *, now: dt.datetime) -> str:
    """Return what is typed already with a saved answer under it."""
    return "\n\n".join(part for part in (text.strip(), fill(saved.text, conversation, now=now)) if part)


def check(conversation: Conversation) -> None:
    """Raise CannotAnswer where no answer can reach the person."""
    address = conversation.address
    if not address:
        if not is_read_on_page(conversation):
            raise NoWay(_("There is no e-mail address to answer to. Call them, and note here what was said."))
    elif returned_at := consent.bounced_at(email_key(address)):
        text = _("Mail to %(address)s came back on %(date)s: there is no such address. Nothing was sent.")
        raise AddressIsDead(text % {"address": address, "date": say.day(returned_at)})
    elif channels.current_slug() == "email" and not rendering.sender_address(Shop.current()):
        raise NoWay(_("Your shop has no sender address yet. Set it under Settings, then answer."))


def is_read_on_page(conversation: Conversation) -> bool:
    """Tell whether the person reads this conversation on their own page, because they began it there."""
    return conversation.via == Via.PAGE and conversation.contact_id is not None


def answer(conversation: Conversation, reply: Reply, *, now: dt.datetime) -> Line:
    """Keep an answer to be sent, once for each form; raise CannotAnswer or fields.UnknownField, having kept nothing."""
    known = Line.objects.filter(form_key=reply.form_key).first()
    if known:
        return known
    check(conversation)
    text = fill(reply.text, conversation, points=reply.points, now=now)
    try:
        with transaction.atomic():
            return _answer(conversation, reply, text, now=now)
    except IntegrityError:  # the same form at the same moment
        known = Line.objects.filter(form_key=reply.form_key).first()
        if known is None:
            raise
        return known


def _answer(conversation: Conversation, reply: Reply, text: str, *, now: dt.datetime) -> Line:
    unread = Conversation.objects.filter(pk=conversation.pk, version=reply.version).update(
        version=F("version") + 1, state=reply.then, last_at=now
    )
    if not unread:
        if known := Line.objects.filter(form_key=reply.form_key).first():
            return known
        raise ChangedMeanwhile(
            _("Something was said meanwhile; read it above. Your answer is kept and was not sent yet.")
        )
    if reply.points:
        ledger.adjust(
            conversation.contact_id, points=reply.points, reason=reply.reason, key=f"answer-{reply.form_key}", now=now
        )
    address = conversation.address
    return Line.objects.create(
        conversation=conversation, direction=Line.Direction.OUT, via=Via.MAIL if address else Via.PAGE, text=text,
        at=now, by=reply.by, form_key=reply.form_key, points=reply.points, to=address,
        state=State.QUEUED if address else State.ON_PAGE, due_at=now if address else None,
        sent_at=None if address else now,
        message_id=message_id(reply.form_key, shop=Shop.current()) if address else None,
    )  # fmt: skip


def send_due(*, now: dt.datetime) -> int:
    """Send the answers that are due, unless nothing may be sent; return how many were tried."""
    if instance.is_held():
        return 0
    release_forgotten(now=now)
    due = Line.objects.filter(state=State.QUEUED, due_at__lte=now).order_by("due_at", "pk")
    ids = list(due.values_list("pk", flat=True)[:50])
    if not ids:
        return 0
    shop = Shop.current()
    with channels.current() as channel:
        for pk in ids:
            _send(pk, channel=channel, shop=shop, now=now)
    return len(ids)


def release_forgotten(*, now: dt.datetime) -> int:
    """Shelve as uncertain what a dead process was just sending."""
    return Line.objects.filter(state=State.SENDING, claimed_until__lt=now).update(
        state=State.UNCERTAIN, claimed_until=None,
        error=gettext_noop("The program stopped while the message was on its way."),
    )  # fmt: skip


def doubt_waiting(*, now: dt.datetime) -> int:
    """Shelve what waited in a copy of the shop: the shop it was copied from may have sent it."""
    return Line.objects.filter(state=State.QUEUED).update(
        state=State.UNCERTAIN, due_at=None,
        error=gettext_noop("It waited when this shop was copied: they may have it already."),
    )  # fmt: skip


def send_again(line: Line, *, now: dt.datetime) -> bool:
    """Send an answer again that failed or may not have arrived, because the owner asked for it."""
    check(line.conversation)
    again = Line.objects.filter(pk=line.pk, state__in=[State.FAILED, State.UNCERTAIN])
    return bool(again.update(state=State.QUEUED, attempts=0, due_at=now, error="", to=line.conversation.address))


def treat_as_sent(line: Line, *, now: dt.datetime) -> bool:
    """Count a doubtful answer as arrived, because the owner says so."""
    return bool(Line.objects.filter(pk=line.pk, state=State.UNCERTAIN).update(state=State.SENT, sent_at=now, error=""))


def _send(pk: int, *, channel: Channel, shop: Shop, now: dt.datetime) -> None:
    """Send one answer and mark what came of it."""
    line = Line.objects.select_related("conversation__contact").filter(pk=pk).first()
    if line is None:  # forgotten since
        return
    mine = Line.objects.filter(pk=pk)

    def enter_sending() -> None:
        pacing.note(channel=channel, now=now)
        entered = mine.filter(state=State.QUEUED).update(
            state=State.SENDING, due_at=None, claimed_until=now + LEASE, attempts=F("attempts") + 1
        )
        if not entered:  # another process has it
            raise Withheld

    def tried(state: str, error: Exception, **changes) -> None:
        said = {"state": state, "error": " ".join(str(error).split())[:300], "due_at": None, "claimed_until": None}
        mine.filter(state__in=[State.QUEUED, State.SENDING]).update(**said | changes)

    try:
        with transaction.atomic() if channel.same_database else nullcontext():
            provider_id = channel.send(_mail(line, shop=shop, now=now), before_payload=enter_sending)
            kept = int(provider_id.removeprefix(_OUTBOX)) if provider_id.startswith(_OUTBOX) else None
            mine.filter(state__in=[State.SENDING, State.UNCERTAIN]).update(
                state=State.SENT, sent_at=now, claimed_until=None, error="", outgoing_id=kept
            )
    except Withheld:
        return
    except NoSuchAddress as error:
        consent.note_bounce(email_key(line.to), at=now)
        tried(State.FAILED, error)
    except BadMail as error:
        tried(State.FAILED, error)
    except Uncertain as error:
        tried(State.UNCERTAIN, error)
    except SendFailed as error:
        if error.permanent or line.attempts >= len(BACK_OFF):
            tried(State.FAILED, error)
        else:
            tried(State.QUEUED, error, due_at=now + BACK_OFF[line.attempts], attempts=line.attempts + 1)
    except DatabaseError:
        raise
    except Exception as error:  # a defect of ours or of a channel must not hold up the answers behind this one
        log.exception("answer %s", pk)
        if mine.filter(state=State.SENDING).exists():
            tried(State.UNCERTAIN, error)
        else:
            tried(State.FAILED, error)


def _mail(line: Line, *, shop: Shop, now: dt.datetime) -> Mail:
    """Write the mail of an answer: what the owner wrote, and under it what it answers."""
    conversation = line.conversation
    said = list(conversation.lines.exclude(direction=Line.Direction.NOTE).filter(at__lte=line.at).order_by("at", "pk"))
    asked = next((one for one in reversed(said) if one.direction == Line.Direction.IN and one.text), None)
    thread = [one.message_id for one in said if one.message_id and one.pk != line.pk][-10:]
    headers = {"Date": format_datetime(now), "Message-ID": line.message_id, "Auto-Submitted": "no"}
    if thread:
        headers |= {"In-Reply-To": thread[-1], "References": " ".join(thread)}
    with translation.override(_language(conversation, shop)), timezone.override(ZoneInfo(shop.timezone)):
        subject = conversation.subject or _("Your message to %(shop)s") % {"shop": shop.name}
        context = {"text": line.text, "asked": asked, "shop": shop}
        text = render_to_string("listening/mail/answer.txt", context)
        body = render_to_string("listening/mail/answer.html", context)
    return Mail(
        sender=rendering.sender(shop), to=line.to, subject=" ".join(f"Re: {subject}".split()),
        text=text.strip() + "\n", html=body, at=now, headers=headers,
    )  # fmt: skip


def _language(conversation: Conversation, shop: Shop) -> str:
    """Return the language of the words we put around an answer: the customer's where we speak it, else the shop's."""
    try:
        return translation.get_supported_language_variant(conversation.contact.language if conversation.contact else "")
    except LookupError:
        return shop.language


def message_id(form_key: str, *, shop: Shop) -> str:
    """Return the Message-ID of the answer written in a form: nobody can guess it, and an answer to it finds back."""
    domain = rendering.sender_address(shop).rpartition("@")[2] or "example.invalid"
    return f"<answer.{tokens.keyed_hash(f'answer:{form_key}')[:32]}@{domain}>"
