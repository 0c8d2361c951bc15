"""Settle orders: what they are due under the rules, less what was posted for them; the difference is one new entry.

An order is due points under the rule whose dates cover the day it was placed, in the shop's zone, and
counted on what was paid and not given back. Because the difference is posted and never a change, everything that
may happen to an order needs no code of its own: a refund, a cancellation, a customer who turns out to be another
one, a rule started in the past. Doing it again posts nothing.
"""

import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection, models
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import bulk, clock
from crm.orders.models import Order
from crm.rewards import ledger, tiers
from crm.rewards.earning import NOTHING, Due, Earning, InForce, Sale
from crm.rewards.models import Account, Entry, Rule
from crm.rewards.rules import JOINING, ORDER, RULES, read_terms

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
    activates_at: dt.datetime | None
    expires_at: dt.datetime | None


class _Posted(NamedTuple):
    order_id: int
    account_id: int
    contact_id: int | None
    rule_id: int | None
    points: int
    entries: int


def settle(order_ids: Iterable[int], *, now: dt.datetime, is_reported: bool = True) -> int:
    """Give what these orders are due and have not got, take back what is too much; return the entries written.

    Whoever settles piece by piece says is_reported=False and calls `report` once at the end.
    """
    written = 0
    with ledger.one_transaction():
        rules = rules_for(ORDER)
        for ids in pieces(sorted(_with_touched(order_ids, rules)), CHUNK):
            written += _post(gaps(ids, rules=rules, lock=True), now=now, is_reported=is_reported)
            if any("level" in rule.kind.needs(rule.params) for rule in rules):
                later = tiers.rise(_people(ids), now=now)
                written += _post(gaps(later, rules=rules, lock=True), now=now, is_reported=is_reported)
    return written


def _with_touched(order_ids: Iterable[int], rules: Sequence[InForce]) -> set[int]:
    """Return the orders, and those whose points depend on them: other orders of the same customers."""
    ids = set(order_ids)
    earning = Earning(rules, zone=shop_zone())
    if earning.with_history and ids:
        ids.update(earning.touched(_people(ids)))
    return ids


def _people(order_ids: Collection[int]) -> set[int]:
    """Return who bought these orders, and who has points of them."""
    people = set(Order.objects.filter(pk__in=bulk.among(order_ids)).values_list("contact_id", flat=True))
    given = Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref__in=bulk.among(order_ids))
    people |= set(given.values_list("account__contact_id", flat=True))
    return people - {None}


def report(contact_ids: Iterable[int]) -> None:
    """Write what these customers can spend to their standing, where it says something else."""
    accounts = Account.objects.to_spend_from().filter(contact_id__in=bulk.among(list(contact_ids)))
    ledger.report(list(accounts.values_list("pk", flat=True)))


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
            joined = joined.exclude(pk__in=_welcomed_before_a_merge())
            given += ledger.post(_gifts(joined.values_list("pk", "joined_at"), rules), now=now)
    return given


def rules_for(occasion: str) -> list[InForce]:
    """Return the rules of an occasion, ended ones too: each is still what orders of its days go by."""
    rows = [rule for rule in Rule.objects.order_by("starts_on", "pk") if RULES[rule.kind].occasion == occasion]
    if not rows:
        return []
    rows.sort(key=lambda rule: list(RULES).index(rule.kind))  # they are asked kind by kind
    zone = Shop.current().timezone
    return [
        in_force(rule.kind, rule.params, rule_id=rule.pk, starts_on=rule.starts_on, ends_on=rule.ends_on, zone=zone)
        for rule in rows
    ]


def in_force(
    kind: str, params: dict, *, rule_id: int, starts_on: dt.date, ends_on: dt.date | None, zone: str
) -> InForce:
    """Return a rule ready to be asked; raise BadParams where its parameters make no sense."""
    return InForce(
        rule_id=rule_id,
        kind=RULES[kind],
        params=RULES[kind].read(params),
        terms=read_terms(params),
        starts_at=clock.day_bounds(starts_on, zone)[0],
        ends_before=ends_on and clock.day_bounds(ends_on, zone)[1],
    )


def gaps(order_ids: Sequence[int], *, rules: Sequence[InForce], lock: bool = False) -> list[Gap]:
    """Return due minus posted for these orders, where it is not nothing; one row per order, account and rule."""
    earning = Earning(rules, zone=shop_zone())
    sales = list(_sales(order_ids, since=earning.since, lock=lock))
    posted = defaultdict(list)
    for row in _posted(order_ids):
        posted[row.order_id].append(row)
    earning.look_at(sales)
    found = []
    for sale in sales:
        found += _gaps_of(sale, earning.dues(sale), posted.pop(sale.id, ()))
    if posted:
        there = set(Order.objects.filter(pk__in=bulk.among(posted)).values_list("pk", flat=True))
        for order_id, rows in posted.items():
            if order_id not in there:
                found += _gaps_of(None, {}, rows)
    return found


def shop_zone() -> ZoneInfo:
    """Return the zone whose calendar the rules' dates speak of."""
    return ZoneInfo(Shop.current().timezone)


def pieces(rows: Sequence, size: int) -> Iterator[Sequence]:
    """Cut a list into lists of at most `size`."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _sales(order_ids: Sequence[int], *, since: dt.datetime | None, lock: bool) -> Iterator[Sale]:
    """Read the orders that have points or may earn some; locked, so that no other process settles or changes them.

    An order from before the first rule is left where it is: a shop's long past costs next to nothing. So is one of
    somebody who was erased: their points are closed.
    """
    erased = Contact.objects.filter(pk=OuterRef("contact_id"), erased_at__isnull=False)
    has_points = Exists(Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref=OuterRef("pk")))
    may_earn = Q(placed_at__gte=since) if since else Q(pk__in=[])
    orders = Order.objects.filter(may_earn | Q(has_points), ~Exists(erased), pk__in=bulk.among(order_ids))
    orders = orders.order_by("pk")
    if lock and connection.features.has_select_for_update:
        orders = orders.select_for_update(no_key=True)
    return map(Sale._make, bulk.rows(orders.values_list(*Sale._fields)))


def _posted(order_ids: Sequence[int]) -> Iterator[_Posted]:
    """Return what each account was given for each order under each rule, nothing included."""
    entries = Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref__in=bulk.among(order_ids))
    rows = entries.values_list("order_ref", "account_id", "account__contact_id", "rule_id")
    return map(_Posted._make, rows.annotate(Sum("points"), Count("pk")).order_by("order_ref", "account_id", "rule_id"))


def _gaps_of(sale: Sale | None, due: dict[int, Due], posted: Sequence[_Posted]) -> Iterator[Gap]:
    if not posted:  # the usual case of an import, kept short
        for rule_id, (points, basis, activates_at, expires_at) in due.items():
            yield Gap(
                sale.id, sale.contact_id, None, rule_id, points, basis, "", sale.placed_at, 0, activates_at, expires_at
            )
        return
    order_id, entries = posted[0].order_id, sum(row.entries for row in posted)
    theirs = sale and sale.contact_id
    own = Counter(row.rule_id for row in posted if row.contact_id == theirs)
    for row in posted:
        is_theirs = theirs is not None and row.contact_id == theirs
        if is_theirs and own[row.rule_id] > 1:  # on an account that was merged as well: the last one gets the rest
            own[row.rule_id] -= 1
            whole = due.get(row.rule_id, NOTHING)
            due[row.rule_id] = whole._replace(points=whole.points - row.points)
            continue
        now_due = due.pop(row.rule_id, NOTHING) if is_theirs else NOTHING
        points = now_due.points - row.points
        if points:
            why = _why(sale, row, now_due.points, is_theirs=is_theirs)
            term = now_due[2:] if points > 0 else NOTHING[2:]
            yield Gap(
                order_id, row.contact_id, row.account_id, row.rule_id, points, now_due.basis_minor, why, None, entries,
                *term,
            )  # fmt: skip
    for rule_id, (points, basis, *term) in due.items():
        yield Gap(order_id, sale.contact_id, None, rule_id, points, basis, "", sale.placed_at, entries, *term)


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


def _post(found: list[Gap], *, now: dt.datetime, is_reported: bool) -> int:
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
                    gap.activates_at,
                    gap.expires_at,
                )
            )
    ledger.lock({row[0] for row in rows})
    ledger.write(rows, is_reported=is_reported)
    return len(rows)


def _welcomed_before_a_merge() -> QuerySet:
    """Return who got the gift as somebody they were merged with."""
    given = Entry.objects.filter(kind=Entry.Kind.WELCOME, account__merged_into__isnull=False)
    return given.exclude(account__contact=None).values("account__contact")


def _gifts(people: Iterable[tuple[int, dt.datetime]], rules: Sequence[InForce]) -> Iterator[ledger.Posting]:
    zone = shop_zone()
    for contact_id, joined_at in people:
        rule = next((rule for rule in rules if rule.covers(joined_at)), None)
        if rule is not None:
            activates_at, expires_at = rule.terms.of(joined_at.astimezone(zone).date(), zone.key)
            yield ledger.Posting(
                contact_id=contact_id,
                points=rule.kind.points(None, rule.params),
                kind=Entry.Kind.WELCOME,
                source=f"welcome:{contact_id}",
                at=joined_at,
                rule_id=rule.rule_id,
                activates_at=activates_at,
                expires_at=expires_at,
            )
