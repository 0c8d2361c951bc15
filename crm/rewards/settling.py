"""Settle orders: what they are due under the rules, less what was posted for them; the difference is one new entry.

An order is due points under the rule whose dates cover the day it was placed, in the shop's zone, and
counted on what was paid and not given back. Because the difference is posted and never a change, everything that
may happen to an order needs no code of its own: a refund, a cancellation, a customer who turns out to be another
one, a rule started in the past. Doing it again posts nothing.
"""

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection, models
from django.db.models import Count, Sum

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import bulk, clock
from crm.orders.models import Order
from crm.rewards import ledger
from crm.rewards.models import Entry, Rule
from crm.rewards.rules import JOINING, ORDER, RULES, Purchase
from crm.rewards.rules import Rule as Kind

CHUNK = 5_000


class Why(models.TextChoices):
    """Why an order's points were corrected; kept in Entry.reason, put into words by rewards.explaining."""

    REFUND = "refund"
    CANCELLED = "cancelled"
    UNPAID = "unpaid"
    MOVED = "moved"  # the order belongs to somebody else now, or to nobody
    GONE = "gone"  # the order was removed
    AMOUNT = "amount"  # the order itself became larger or smaller, or a refund was taken back
    AGAIN = "again"  # it counts again
    RULE = "rule"  # the rules of its day give it nothing any more


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule ready to be asked, with its days as moments."""

    rule_id: int
    kind: Kind
    params: Any
    starts_at: dt.datetime
    ends_before: dt.datetime | None

    def covers(self, moment: dt.datetime) -> bool:
        return self.starts_at <= moment and (self.ends_before is None or moment < self.ends_before)


class Gap(NamedTuple):
    """What one account is owed (or owes) for one order under one rule."""

    order_id: int
    contact_id: int | None
    account_id: int | None  # None: not opened yet
    rule_id: int | None
    points: int
    basis_minor: int
    why: str
    at: dt.datetime | None  # None: now
    entries_before: int


class Sale(NamedTuple):
    id: int
    contact_id: int | None
    placed_at: dt.datetime
    kind: str
    currency: str
    total_minor: int
    refunded_minor: int
    shipping_minor: int
    counts: bool
    cancelled_at: dt.datetime | None


class _Posted(NamedTuple):
    order_id: int
    account_id: int
    contact_id: int | None
    rule_id: int | None
    points: int
    entries: int


def settle(order_ids: Iterable[int], *, now: dt.datetime) -> int:
    """Give what these orders are due and have not got, take back what is too much; return the entries written."""
    written = 0
    with ledger.one_transaction():
        rules = rules_for(ORDER)
        for ids in pieces(sorted(set(order_ids)), CHUNK):
            written += _post(gaps(ids, rules=rules, lock=True), now=now)
    return written


def welcome(contact_ids: Iterable[int], *, now: dt.datetime) -> int:
    """Give the welcome gift to those who joined while such a rule was in force and never got one; return how many."""
    given = 0
    with ledger.one_transaction():
        rules = rules_for(JOINING)
        if not rules:
            return 0
        first = min(rule.starts_at for rule in rules)
        for ids in pieces(sorted(set(contact_ids)), CHUNK):
            joined = Contact.objects.alive().filter(pk__in=bulk.among(ids), joined_at__gte=first)
            given += ledger.post(_gifts(joined.values_list("pk", "joined_at"), rules), now=now)
    return given


def rules_for(occasion: str) -> list[InForce]:
    """Return the rules of an occasion, ended ones too: each is still what orders of its days go by."""
    return [
        in_force(rule_id=rule.pk, kind=rule.kind, params=rule.params, starts_on=rule.starts_on, ends_on=rule.ends_on)
        for rule in Rule.objects.order_by("starts_on", "pk")
        if RULES[rule.kind].occasion == occasion
    ]


def in_force(*, rule_id: int, kind: str, params: dict, starts_on: dt.date, ends_on: dt.date | None) -> InForce:
    """Return a rule ready to be asked; raise BadParams where its parameters make no sense."""
    zone = Shop.current().timezone
    return InForce(
        rule_id=rule_id,
        kind=RULES[kind],
        params=RULES[kind].read(params),
        starts_at=clock.day_bounds(starts_on, zone)[0],
        ends_before=ends_on and clock.day_bounds(ends_on, zone)[1],
    )


def gaps(order_ids: Sequence[int], *, rules: Sequence[InForce], lock: bool = False) -> list[Gap]:
    """Return due minus posted for these orders, where it is not nothing; one row per order, account and rule."""
    sales = list(_sales(order_ids, lock=lock))
    posted = defaultdict(list)
    for row in _posted(order_ids):
        posted[row.order_id].append(row)
    if not rules and not posted:
        return []
    zone, found = shop_zone(), []
    for sale in sales:
        found += _gaps_of(sale, dues(sale, rules, zone), posted.pop(sale.id, ()))
    for rows in posted.values():  # orders that are no longer there
        found += _gaps_of(None, {}, rows)
    return found


def shop_zone() -> ZoneInfo:
    """Return the zone whose calendar the rules' dates speak of."""
    return ZoneInfo(Shop.current().timezone)


def pieces(rows: Sequence, size: int) -> Iterator[Sequence]:
    """Cut a list into lists of at most `size`."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _sales(order_ids: Sequence[int], *, lock: bool) -> Iterator[Sale]:
    """Read the orders; locked, so that no other process settles them or changes what they are due meanwhile."""
    orders = Order.objects.filter(pk__in=bulk.among(order_ids)).order_by("pk")
    if lock and connection.features.has_select_for_update:
        orders = orders.select_for_update(no_key=True)
    return map(Sale._make, bulk.rows(orders.values_list(*Sale._fields)))


def _posted(order_ids: Sequence[int]) -> Iterator[_Posted]:
    """Return what each account was given for each order under each rule, nothing included."""
    entries = Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref__in=bulk.among(order_ids))
    rows = entries.values_list("order_ref", "account_id", "account__contact_id", "rule_id")
    return map(_Posted._make, rows.annotate(Sum("points"), Count("pk")).order_by("order_ref", "account_id", "rule_id"))


def dues(sale: Sale, rules: Sequence[InForce], zone: ZoneInfo) -> dict[int, tuple[int, int]]:
    """Return {rule: (points, amount they are counted on)} of a sale; empty where it earns nothing."""
    if not sale.counts or sale.contact_id is None or sale.kind != Order.Kind.SALE:
        return {}
    found, purchase = {}, None
    for rule in rules:
        if rule.covers(sale.placed_at):
            purchase = purchase or Purchase(
                total_minor=sale.total_minor,
                refunded_minor=sale.refunded_minor,
                shipping_minor=sale.shipping_minor,
                currency=sale.currency,
                placed_on=sale.placed_at.astimezone(zone).date(),
            )
            if points := rule.kind.points(purchase, rule.params):
                found[rule.rule_id] = points, rule.kind.basis_minor(purchase, rule.params)
    return found


def _gaps_of(sale: Sale | None, due: dict[int, tuple[int, int]], posted: Sequence[_Posted]) -> Iterator[Gap]:
    if not posted:  # the usual case of an import, kept short
        for rule_id, (points, basis) in due.items():
            yield Gap(sale.id, sale.contact_id, None, rule_id, points, basis, "", sale.placed_at, 0)
        return
    order_id, entries = posted[0].order_id, sum(row.entries for row in posted)
    for row in posted:
        is_theirs = sale is not None and row.contact_id == sale.contact_id and sale.contact_id is not None
        points, basis = due.pop(row.rule_id, (0, 0)) if is_theirs else (0, 0)
        if points != row.points:
            why = _why(sale, row, points, is_theirs=is_theirs)
            yield Gap(
                order_id, row.contact_id, row.account_id, row.rule_id, points - row.points, basis, why, None, entries
            )
    for rule_id, (points, basis) in due.items():
        yield Gap(order_id, sale.contact_id, None, rule_id, points, basis, "", sale.placed_at, entries)


def _why(sale: Sale | None, row: _Posted, points: int, *, is_theirs: bool) -> str:
    if sale is None:
        return Why.GONE
    if not is_theirs:
        return Why.MOVED
    if sale.cancelled_at:
        return Why.CANCELLED
    if sale.refunded_minor and points < row.points:
        return Why.REFUND
    if not sale.counts:
        return Why.UNPAID
    if points == 0:
        return Why.RULE
    return Why.AGAIN if row.points == 0 else Why.AMOUNT


def _post(found: list[Gap], *, now: dt.datetime) -> int:
    if not found:
        return 0
    accounts = ledger.open_accounts([gap.contact_id for gap in found if gap.account_id is None], now=now)
    rows = []
    for order_id, of_order in itertools.groupby(found, key=attrgetter("order_id")):
        for number, gap in enumerate(of_order, start=1):
            rows.append(
                (
                    gap.account_id or accounts[gap.contact_id],
                    gap.points,
                    Entry.Kind.ORDER,
                    f"order:{order_id}:{gap.entries_before + number}",
                    gap.why,
                    gap.at or now,
                    order_id,
                    gap.rule_id,
                    gap.basis_minor,
                    now,
                )
            )
    ledger.lock({row[0] for row in rows})
    ledger.write(rows)
    return len(rows)


def _gifts(people: Iterable[tuple[int, dt.datetime]], rules: Sequence[InForce]) -> Iterator[ledger.Posting]:
    for contact_id, joined_at in people:
        rule = next((rule for rule in rules if rule.covers(joined_at)), None)
        if rule is not None:
            yield ledger.Posting(
                contact_id=contact_id,
                points=rule.kind.points(None, rule.params),
                kind=Entry.Kind.WELCOME,
                source=f"welcome:{contact_id}",
                at=joined_at,
                rule_id=rule.rule_id,
            )
