"""What the shop that was put aside knows and the backup does not: who said no since, and what has been sent since.

A backup is older than the shop it replaces. Whoever unsubscribed in between must not be written to again, a message
that left in between must not leave twice, and who was switched off or may do less since stays so. Where nothing was put
aside (a new machine) none of it can be known; the owner sees what was under way and decides (keeping.confirming).
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
from crm.contacts import consent
from crm.contacts.models import Consent, Contact, Suppression
from crm.keeping import manifests
from crm.lib import bulk

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


def carry_over(ask_old: Ask, *, same_key: bool, now: dt.datetime) -> Carried:
    """Take what must not be forgotten from the shop put aside; whatever cannot be read there is left."""
    carried, same_shop = Carried(), "SELECT CAST(created_at AS text) FROM accounts_shop"
    try:
        if ask_old(same_shop) != manifests.ask_here(same_shop):
            return carried  # another shop was here: its customers and messages are none of this one's
        for act in (_said_no, _addresses, _messages) if same_key else (_said_no,):
            act(ask_old, carried, now)
        _people(ask_old, now)
    except (DatabaseError, sqlite3.Error) as error:
        log.info("what was put aside cannot be read to its end: %s", error)
    return carried


def _people(ask_old: Ask, now: dt.datetime) -> None:
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
