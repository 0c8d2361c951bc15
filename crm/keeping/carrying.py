"""What the shop that was put aside knows and the backup does not: what people said since, and what was sent since.

A backup is older than the shop it replaces. Whoever unsubscribed in between must not be written to again, and a message
that left in between must not leave twice; who was switched off or may do less since stays so; nor may an objection, a
wish to be erased, a link that was replaced or a program's key that was taken back be undone by a restore. Where nothing
was put aside (a new machine) none of it can be known but erasures (keeping.erasures); the owner sees what was under way
and decides (keeping.confirming).
"""

import contextlib
import datetime as dt
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from django.db import DatabaseError
from django.db.models import F
from django.utils.translation import gettext as _

from crm.accounts import people
from crm.accounts.models import User
from crm.campaigns.models import Message
from crm.campaigns.sending import TO_DO
from crm.contacts import consent, forgetting, objecting, requesting
from crm.contacts.models import Consent, Contact, Erasure, Suppression
from crm.keeping import manifests
from crm.lib import bulk
from crm.portal.models import Card

log = logging.getLogger(__name__)

Ask = Callable[[str], list[tuple]]
_LEFT = (
    Message.State.SENT, Message.State.UNCERTAIN, Message.State.SENDING, Message.State.STOPPED, Message.State.WITHHELD,
)  # fmt: skip


@dataclass
class Carried:
    """How many of each."""

    said_no: int = 0
    addresses: int = 0
    erased: int = 0  # by contacts.forgetting, from its log outside the database
    messages: int = 0
    objected: int = 0  # to predictions
    wishes: int = 0  # to be erased, for a copy of the data, and what the owner had decided
    links: int = 0  # of customers, replaced
    keys: int = 0  # of programs, taken back


CARRIERS: dict[str, Callable[[Ask, Carried, dt.datetime], None]] = {}


def carry_over(ask_old: Ask, *, same_key: bool, now: dt.datetime) -> Carried:
    """Take what must not be forgotten from the shop put aside; whatever cannot be read there is left."""
    carried, same_shop = Carried(), "SELECT CAST(created_at AS text) FROM accounts_shop"
    try:
        if ask_old(same_shop) != manifests.ask_here(same_shop):
            return carried  # another shop was here: its customers and messages are none of this one's
    except (DatabaseError, sqlite3.Error) as error:
        log.info("what was put aside cannot be read: %s", error)
        return carried
    of_all = (_people, _said_no, _objected, _wishes, _requests, *CARRIERS.values())
    for act in (*of_all, _addresses, _messages, _links) if same_key else of_all:
        try:
            act(ask_old, carried, now)
        except (DatabaseError, sqlite3.Error) as error:  # an older version had no such table, or it is damaged
            log.info("what was put aside cannot be read to its end: %s", error)
    return carried


def register(name: str, carry: Callable[[Ask, Carried, dt.datetime], None]) -> None:
    """Add what a floor above takes over: `carry(ask_old, carried, now)`."""
    CARRIERS[name] = carry


def _people(ask_old: Ask, carried: Carried, now: dt.datetime) -> None:
    """Give people the roles they had in the end, owners first, and switch off who was switched off since."""
    old = ask_old("SELECT email, role, CASE WHEN switched_off_at IS NULL THEN 0 ELSE 1 END FROM accounts_user")
    ours = dict(User.objects.values_list("email", "pk"))
    for email, role, is_off in sorted(old, key=lambda row: row[1] != User.Role.OWNER):
        if email in ours:
            with contextlib.suppress(people.LastOwner):  # the other owner came after the backup: the box needs one
                people.give_role(ours[email], role)
                if is_off:
                    people.switch_off(ours[email], now=now)


def _said_no(ask_old: Ask, carried: Carried, now: dt.datetime) -> None:
    old = ask_old("SELECT email_key FROM contacts_contact WHERE consent = 'no' AND email_key IS NOT NULL")
    keys = [key for (key,) in old]
    willing = Contact.objects.alive().filter(email_key__in=bulk.among(keys)).exclude(consent=Contact.ConsentState.NO)
    for contact_id in list(willing.values_list("pk", flat=True)):
        consent.withdraw(contact_id, source=Consent.Source.OWNER, detail=_("Said before the restore"), at=now)
        carried.said_no += 1


_ROWS = "SELECT id, CAST(created_at AS text) FROM contacts_contact"  # a number may be somebody else's here


def _same_people(ask_old: Ask) -> set[int]:
    """Return the customers of the backup whom the shop put aside knows by the same number."""
    return {contact_id for contact_id, _made in set(manifests.ask_here(_ROWS)).intersection(ask_old(_ROWS))}


def _objected(ask_old: Ask, carried: Carried, now: dt.datetime) -> None:
    old = ask_old(f"{_ROWS} WHERE no_profiling AND erased_at IS NULL")
    willing = set(manifests.ask_here(f"{_ROWS} WHERE NOT no_profiling AND erased_at IS NULL")) if old else set()
    for contact_id, _made in willing.intersection(old):
        carried.objected += objecting.object_to_profiling(contact_id, now=now)


def _wishes(ask_old: Ask, carried: Carried, now: dt.datetime) -> None:
    """Let wishes wait for an answer as long as they would have, and plan again what the owner had decided."""
    old = ask_old(
        "SELECT contact_id, asked, asked_at, due_at FROM contacts_erasure WHERE ended_at IS NULL AND done_at IS NULL"
        " AND asked IN ('customer', 'owner') ORDER BY id"
    )
    there = _same_people(ask_old) if old else set()
    for contact_id, asked, asked_at, due_at in old:
        if contact_id not in there or forgetting.open_of(contact_id):
            continue
        if asked == Erasure.Asked.CUSTOMER:
            forgetting.ask(contact_id, asked=Erasure.Asked.CUSTOMER, now=_moment(asked_at))
        if due_at is not None:
            forgetting.ask(contact_id, asked=Erasure.Asked.OWNER, now=now)
        carried.wishes += 1


def _requests(ask_old: Ask, carried: Carried, now: dt.datetime) -> None:
    """Let what platforms passed on wait for an answer as long as it would have."""
    old = ask_old("SELECT kind, contact_id, via, asked_at FROM contacts_datarequest WHERE answered_at IS NULL")
    there = {0} | (_same_people(ask_old) if old else set())
    for kind, contact_id, via, asked_at in old:
        if contact_id in there:
            carried.wishes += requesting.ask(kind, contact_id=contact_id, via=via, now=_moment(asked_at))


def _links(ask_old: Ask, carried: Carried, now: dt.datetime) -> None:
    """Keep links and cards worthless that were replaced since: they may be in other hands."""
    replaced = dict(ask_old("SELECT contact_id, issue FROM portal_card"))
    known = dict(Card.objects.values_list("contact_id", "issue"))
    for contact_id in _same_people(ask_old) if replaced else ():
        issue = replaced.get(contact_id, 0)
        if issue > known.get(contact_id, 0):
            Card.objects.update_or_create(contact_id=contact_id, defaults={"issue": issue, "replaced_at": now})
            carried.links += 1


def _moment(said: dt.datetime | str) -> dt.datetime:
    """Return a moment as the put-aside database tells it: SQLite keeps text, in UTC."""
    moment = said if isinstance(said, dt.datetime) else dt.datetime.fromisoformat(said)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _addresses(ask_old: Ask, carried: Carried, now: dt.datetime) -> None:
    old = ask_old("SELECT address_hash, reason FROM contacts_suppression")
    known = set(Suppression.objects.values_list("address_hash", flat=True))
    new = [Suppression(address_hash=address, reason=reason, at=now) for address, reason in old if address not in known]
    Suppression.objects.bulk_create(new, batch_size=1_000)
    carried.addresses += len(new)


def _messages(ask_old: Ask, carried: Carried, now: dt.datetime) -> None:
    """Count what left since as the other shop did; what was just leaving is not sure to have arrived."""
    states = ", ".join(f"'{state}'" for state in _LEFT)
    old = ask_old(f"SELECT id, address_hash, state FROM campaigns_message WHERE state IN ({states})")
    waiting = Message.objects.filter(state__in=TO_DO)
    ours = dict(waiting.values_list("pk", "address_hash"))
    by_state: dict[str, list[int]] = {}
    for pk, address, state in old:
        if pk in ours and ours[pk] == address:
            by_state.setdefault(state, []).append(pk)
    for state, ids in by_state.items():
        left = state if state != Message.State.SENDING else Message.State.UNCERTAIN
        carried.messages += waiting.filter(pk__in=bulk.among(ids)).update(
            state=left, tried_at=now, sent_at=now if left == Message.State.SENT else None, claimed_by="",
            claimed_until=None, attempts=F("attempts") + 1,
        )  # fmt: skip
