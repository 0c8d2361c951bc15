"""The door: everything that comes in, typed, imported or sent by a program, comes in here.

Lists in, lists out; each call is one transaction: match people, record orders, report to the
customers' standing, settle points, link orders to messages. Safe to repeat.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import IntegrityError, transaction

from crm.campaigns import attribution
from crm.contacts import matching
from crm.contacts.matching import Matched, Person
from crm.imports.models import Change
from crm.lib import bulk
from crm.orders import correcting, recording, standing
from crm.orders.models import Order
from crm.orders.recording import Purchase, Recorded
from crm.orders.standing import Earlier
from crm.rewards import settling

_ATTEMPTS = 3

T = TypeVar("T")


@dataclass(slots=True)
class Taken:
    """What came of a list. `contact_ids` stands beside it; `recorded` is None for a list of people."""

    contact_ids: list[int | None]
    matched: Matched
    recorded: Recorded | None = None
    entries: int = 0  # points entries written
    people: list[Person] = field(default_factory=list)  # those that were looked for, beside matched.contact_ids


def take_orders(
    purchases: Sequence[Purchase],
    *,
    now: dt.datetime,
    import_id: int | None = None,
    finally_: Callable[[], None] = lambda: None,
) -> Taken:
    """Take orders in, with the people in them; `finally_` is done last, in the same transaction."""

    def act() -> Taken:
        taken = _take_orders(list(purchases), now=now, import_id=import_id)
        finally_()
        return taken

    return _in_one_transaction(act)


def take_people(
    people: Iterable[Person],
    *,
    now: dt.datetime,
    import_id: int | None = None,
    finally_: Callable[[], None] = lambda: None,
) -> Taken:
    """Take people in; `finally_` is done last, in the same transaction."""

    def act() -> Taken:
        taken = _take_people(list(people), now=now, import_id=import_id)
        finally_()
        return taken

    return _in_one_transaction(act)


@transaction.atomic
def take_refund(
    order_id: int, *, amount_minor: int, key: str, at: dt.datetime, now: dt.datetime, reason: str = ""
) -> bool:
    """Give money back on an order, once per `key`, and take its points back; raise RefundTooLarge."""
    done = correcting.refund(order_id, amount_minor=amount_minor, key=key, at=at, now=now, reason=reason)
    _settle([order_id], now=now)
    return done


@transaction.atomic
def take_cancellation(order_id: int, *, at: dt.datetime, now: dt.datetime) -> bool:
    """Cancel an order and take its points back."""
    done = correcting.cancel(order_id, at=at, now=now)
    original = Order.objects.filter(pk=order_id).values_list("original_id", flat=True).first()
    _settle([order_id, *([original] if original else [])], now=now)
    return done


def _in_one_transaction(act: Callable[[], T]) -> T:
    """Do the act in a transaction; once more if another process made the same person or order meanwhile."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return act()
        except IntegrityError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError


def _take_orders(purchases: list[Purchase], *, now: dt.datetime, import_id: int | None) -> Taken:
    known = recording.look_up(purchases)
    asking = [
        purchase
        for purchase, row in zip(purchases, known)
        if purchase.person and purchase.contact_id is None and not recording.is_unchanged(purchase, row)
    ]
    for purchase in asking:
        purchase.person.joined_at = purchase.person.joined_at or purchase.placed_at
    people = [purchase.person for purchase in asking]
    matched = matching.match(people, now=now, import_id=import_id)
    found = {id(purchase): contact_id for purchase, contact_id in zip(asking, matched.contact_ids)}
    buyers = [
        found.get(id(purchase), purchase.contact_id) or (row.contact_id if row else None)
        for purchase, row in zip(purchases, known)
    ]
    recorded = recording.record(purchases, known=known, buyers=buyers, now=now, import_id=import_id)
    earlier = standing.refresh({*recorded.contact_ids, *matched.created}, made_by=import_id)
    changed = [*recorded.created, *recorded.updated, *recorded.originals]
    entries = settling.settle(changed, now=now) if changed else 0
    entries += settling.welcome(matched.created, now=now) if matched.created else 0
    if changed:
        attribution.attribute(changed, now=now)
    if import_id is not None:
        _journal(matched, recorded, earlier, import_id=import_id)
    return Taken(contact_ids=buyers, matched=matched, recorded=recorded, entries=entries, people=people)


def _take_people(people: list[Person], *, now: dt.datetime, import_id: int | None) -> Taken:
    matched = matching.match(people, now=now, import_id=import_id)
    entries = settling.welcome(matched.created, now=now) if matched.created else 0
    if import_id is not None:
        _journal(matched, None, [], import_id=import_id)
    return Taken(contact_ids=matched.contact_ids, matched=matched, entries=entries, people=people)


def _settle(order_ids: list[int], *, now: dt.datetime) -> None:
    """Bring points and standing in line with orders that changed."""
    settling.settle(order_ids, now=now)
    buyers = Order.objects.filter(pk__in=order_ids).exclude(contact=None)
    standing.refresh(set(buyers.values_list("contact_id", flat=True)))


def _journal(matched: Matched, recorded: Recorded | None, earlier: list[Earlier], *, import_id: int) -> None:
    """Keep what the changed rows held before, for undo. What this import made needs no memory: undo removes it."""
    rows = [("contact", contact_id, before, {}, version) for contact_id, before, version in matched.changed]
    rows += recorded.changes if recorded else []
    rows += [
        (
            "contact",
            row.contact_id,
            {"joined_at": row.joined_before.isoformat()},
            {"joined_at": row.joined_now.isoformat()},
            0,
        )
        for row in earlier
    ]
    bulk.insert(
        Change,
        ("importing_id", "table", "row_id", "before", "after", "version_after"),
        [(import_id, *row) for row in rows],
    )
