"""The door: everything that comes in, typed, imported or sent by a program, comes in here.

Lists in, lists out; each call is one transaction: match people, record orders, report to the
customers' standing, settle points, link orders to messages. Safe to repeat.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from crm.campaigns import attribution
from crm.contacts import forgotten, matching, merging
from crm.contacts.matching import Matched, Person
from crm.contacts.models import Contact
from crm.imports import crediting
from crm.imports.models import Change
from crm.lib import attempts, bulk, changes
from crm.orders import cataloguing, correcting, recording, standing
from crm.orders.cataloguing import Catalogued, Item
from crm.orders.models import Order
from crm.orders.numbering import nameless
from crm.orders.recording import Known, Purchase, Purchases, Recorded
from crm.rewards import settling


@dataclass(slots=True)
class Taken:
    """What came of a list. `contact_ids` stands beside it; `recorded` is None for a list of people."""

    contact_ids: list[int | None]
    matched: Matched
    recorded: Recorded | None = None
    entries: int = 0  # points entries written


def take_orders(
    purchases: Sequence[Purchase],
    *,
    now: dt.datetime,
    import_id: int | None = None,
    more_to_come: bool = False,
    are_first: bool = False,
    finally_: Callable[[Taken], None] = lambda taken: None,
) -> Taken:
    """Take orders in, with the people in them; `finally_` is told what came of them, last in the same transaction.

    With `more_to_come` the customers' standing, their balance in it and welcome gifts wait for `conclude`: who is new,
    and since when, is known only when the whole file was seen. With `are_first` the books are taken to hold none of
    these orders, and asked only where that turns out to be wrong.
    """
    purchases = Purchases.of(purchases)

    def act() -> Taken:
        nonlocal are_first
        known = [None] * len(purchases) if are_first else recording.look_up(purchases)
        are_first = False  # of another attempt
        taken = _take_orders(purchases, known, now=now, import_id=import_id, is_reported=not more_to_come)
        if not more_to_come:
            brought = {*taken.recorded.contact_ids, *taken.matched.created}
            taken.entries += _conclude(brought, taken.matched.created, now=now, import_id=import_id)
        finally_(taken)
        return taken

    return attempts.whole(act)()


def conclude(contact_ids: Sequence[int], *, now: dt.datetime, import_id: int) -> int:
    """Report to these people's standing what a whole import brought, and welcome the new ones; return the gifts."""

    def act() -> int:
        people = Contact.objects.filter(id__in=bulk.among(contact_ids), created_by_import=import_id)
        return _conclude(contact_ids, list(people.values_list("id", flat=True)), now=now, import_id=import_id)

    return attempts.whole(act)()


def take_people(
    people: Iterable[Person],
    *,
    now: dt.datetime,
    import_id: int | None = None,
    finally_: Callable[[Taken], None] = lambda taken: None,
) -> Taken:
    """Take people in; `finally_` is told what came of them, last in the same transaction."""

    def act() -> Taken:
        taken = _take_people(people, now=now, import_id=import_id)
        finally_(taken)
        return taken

    return attempts.whole(act)()


def take_products(
    items: Sequence[Item],
    *,
    now: dt.datetime,
    import_id: int | None = None,
    finally_: Callable[[Catalogued], None] = lambda catalogued: None,
) -> Catalogued:
    """Take products in; `finally_` is told what came of them, last in the same transaction."""

    def act() -> Catalogued:
        catalogued = cataloguing.catalogue(items, now=now, import_id=import_id)
        if import_id is not None:
            _journal([], catalogued.changes, import_id=import_id)
        changes.tell(changes.PRODUCTS, [*catalogued.created, *catalogued.updated])
        finally_(catalogued)
        return catalogued

    return attempts.whole(act)()


@transaction.atomic
def take_refund(
    order_id: int, *, amount_minor: int, key: str, at: dt.datetime, now: dt.datetime, reason: str = ""
) -> bool:
    """Give money back on an order, once per `key`, and take its points back; raise RefundTooLarge."""
    done = correcting.refund(order_id, amount_minor=amount_minor, key=key, at=at, now=now, reason=reason)
    _settle([order_id], now=now)
    return done


@transaction.atomic
def take_refund_sum(order_id: int, *, amount_minor: int, at: dt.datetime, now: dt.datetime) -> bool:
    """Take a platform's word for all it gave back on an order so far, and take the points back."""
    done = correcting.refund_in_all(order_id, amount_minor=amount_minor, at=at, now=now)
    if done:
        _settle([order_id], now=now)
    return done


@transaction.atomic
def take_cancellation(order_id: int, *, at: dt.datetime, now: dt.datetime) -> bool:
    """Cancel an order and take its points back."""
    done = correcting.cancel(order_id, at=at, now=now)
    original = Order.objects.filter(pk=order_id).values_list("original_id", flat=True).first()
    _settle([order_id, *([original] if original else [])], now=now)
    return done


def _take_orders(
    purchases: Purchases, known: list[Known | None], *, now: dt.datetime, import_id: int | None, is_reported: bool
) -> Taken:
    if (named := {*purchases.column("contact_id")} - {None}) and (led := merging.led(named)):
        purchases = purchases.having(contact_id=[led.get(who, who) for who in purchases.column("contact_id")])
    unchanged = recording.unchanged(purchases, known)
    any_erased = forgotten.any_yet()
    of_the_erased = _of_the_erased(known) if any_erased else ()
    told = zip(known, unchanged, purchases.people.column("source"), *purchases.columns("contact_id", "tells"))
    asking = [
        position
        for position, (row, is_unchanged, named, contact_id, tells) in enumerate(told)
        if named is not None and contact_id is None and not is_unchanged
        and not (row and row.contact_id and tells == recording.LINES)  # the other file named the buyer
        and not (row and row.contact_id in of_the_erased)
    ]
    begun = zip(purchases.people.column("joined_at"), purchases.column("placed_at"))
    people = purchases.people.having(joined_at=[joined_at or placed_at for joined_at, placed_at in begun])
    placed = purchases.column("placed_at")
    happened = placed if len(asking) == len(purchases) else [placed[position] for position in asking]
    matched = matching.match(people.pick(asking), now=now, import_id=import_id, happened_at=happened)
    if len(asking) == len(purchases) and not any(known):
        buyers = matched.contact_ids
    else:
        found = dict(zip(asking, matched.contact_ids))
        buyers = [
            found.get(position) or contact_id or (row.contact_id if row else None)
            for position, (contact_id, row) in enumerate(zip(purchases.column("contact_id"), known))
        ]
    if any_erased:
        purchases = _without_words(purchases, buyers)
    recorded = recording.record(purchases, known=known, buyers=buyers, now=now, import_id=import_id)
    changed = [*recorded.created, *recorded.updated, *recorded.originals]
    earning = _earning(purchases, recorded)
    entries = settling.settle(earning, now=now, is_reported=is_reported) if earning else 0
    if changed:
        attribution.attribute(changed, now=now)
    _tell(matched, orders=changed)
    if import_id is not None:
        _journal(matched.changed, recorded.changes, import_id=import_id)
    return Taken(contact_ids=buyers, matched=matched, recorded=recorded, entries=entries)


def _of_the_erased(known: list[Known | None]) -> set[int]:
    """Return which buyers of orders in the books were erased: these orders stay theirs, whoever a file names."""
    return forgotten.among({row.contact_id for row in known if row and row.contact_id})


def _without_words(purchases: Purchases, buyers: list[int | None]) -> Purchases:
    """Leave out what orders of customers who were erased say in words; their figures belong to the books."""
    gone = forgotten.among({buyer for buyer in buyers if buyer})
    if not gone:
        return purchases
    notes, numbers = purchases.columns("note", "number")
    is_gone = [buyer in gone for buyer in buyers]
    return purchases.having(
        note=["" if erased else note for erased, note in zip(is_gone, notes)],
        number=[nameless(number) if erased else number for erased, number in zip(is_gone, numbers)],
    )


def _earning(purchases: Purchases, recorded: Recorded) -> list[int]:
    """Return the orders points may be due for: all that changed, but no new one from before the programme."""
    start, placed = crediting.programme_start(), purchases.column("placed_at")
    ids = {*recorded.updated, *recorded.originals}
    if start is not None and recorded.created and max(placed) >= start:
        new = set(recorded.created)
        ids.update(
            order_id
            for order_id, placed_at in zip(recorded.order_ids, placed)
            if placed_at >= start and order_id in new
        )
    return sorted(ids)


def _take_people(people: Iterable[Person], *, now: dt.datetime, import_id: int | None) -> Taken:
    matched = matching.match(people, now=now, import_id=import_id)
    entries = settling.welcome(matched.created, now=now) if matched.created else 0
    _tell(matched)
    if import_id is not None:
        _journal(matched.changed, [], import_id=import_id)
    return Taken(contact_ids=matched.contact_ids, matched=matched, entries=entries)


def _tell(matched: Matched, *, orders: Sequence[int] = ()) -> None:
    """Let those who want to know hear what came in."""
    changes.tell(changes.PEOPLE, [*matched.created, *(contact_id for contact_id, *_rest in matched.changed)])
    changes.tell(changes.ORDERS, orders)


def _settle(order_ids: list[int], *, now: dt.datetime) -> None:
    """Bring points and standing in line with orders that changed."""
    settling.settle(order_ids, now=now)
    changes.tell(changes.ORDERS, order_ids)
    buyers = Order.objects.filter(pk__in=order_ids).exclude(contact=None)
    standing.refresh(set(buyers.values_list("contact_id", flat=True)))


def _conclude(contact_ids: Iterable[int], newcomers: list[int], *, now: dt.datetime, import_id: int | None) -> int:
    """Bring the standing of people whose orders changed in line, and welcome the newcomers; return the gifts."""
    earlier = standing.refresh(contact_ids, made_by=import_id)
    if import_id is not None:
        moved = [(row.contact_id, row.joined_before.isoformat(), row.joined_now.isoformat()) for row in earlier]
        rows = [("contact", who, {"joined_at": before}, {"joined_at": after}, 0) for who, before, after in moved]
        _journal([], rows, import_id=import_id)
        settling.report(contact_ids)
    return settling.welcome(newcomers, now=now) if newcomers else 0


def _journal(people: list[tuple[int, dict, int]], rows: list[tuple], *, import_id: int) -> None:
    """Keep what the changed rows held before, for undo. What this import made needs no memory: undo removes it."""
    people = [("contact", contact_id, before, {}, version) for contact_id, before, version in people]
    bulk.insert(
        Change,
        ("importing_id", "table", "row_id", "before", "after", "version_after"),
        [(import_id, *row) for row in (*people, *rows)],
    )
