"""Work out what orders are due under the rules of their day.

The order of asking never changes: first what a purchase earns, each rule by itself; then what multiplies the sum (the
days of a multiplier and the customer's tier as of that day, both counted on what was earned and added up); then the
limits, which take from what was asked last. Rules for a first or n-th order, a streak or a limit a day look at a
customer's other sales that count, in the order they were placed; a change of one can change what another is due, so
whoever settles asks `touched` which orders to settle along.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from crm.lib import bulk
from crm.orders.models import Order, OrderLine
from crm.rewards.models import Membership
from crm.rewards.rules import LIMITS, MULTIPLIES, Line, Purchase, fold
from crm.rewards.rules import Rule as Kind
from crm.rewards.terms import Terms


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule ready to be asked, with its days as moments."""

    rule_id: int
    kind: Kind
    params: Any
    terms: Terms
    starts_at: dt.datetime
    ends_before: dt.datetime | None

    def covers(self, moment: dt.datetime) -> bool:
        return self.starts_at <= moment and (self.ends_before is None or moment < self.ends_before)


class Due(NamedTuple):
    """What one rule gives for an order."""

    points: int
    basis_minor: int
    activates_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None


NOTHING = Due(0, 0)


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


class _Held(NamedTuple):
    contact_id: int
    rule_id: int
    level: int
    since: dt.datetime
    until: dt.datetime | None


class Levels(Protocol):
    """Who holds which level, where it is not read from the books (rewards.climbing)."""

    def level(self, sale: Sale, rule: InForce) -> int: ...

    def count(self, sale: Sale, points: int) -> None: ...


class Earning:
    """The rules of purchases, ready to be asked; what they need to know beside the sales is read by `look_at`.

    With `levels` each customer's sales must be asked about in turn.
    """

    def __init__(self, rules: Sequence[InForce], *, zone: ZoneInfo, levels: Levels | None = None):
        self.rules, self.zone, self.levels = rules, zone, levels
        self.earns = [rule for rule in rules if rule.kind.stage not in (MULTIPLIES, LIMITS)]
        self.multiplies = [rule for rule in rules if rule.kind.stage == MULTIPLIES]
        self.limits = [rule for rule in rules if rule.kind.stage == LIMITS]
        self.since = min((rule.starts_at for rule in rules), default=None)
        self.with_lines = self._needing("lines")
        self.with_history = self._needing("history")
        self.with_level = self._needing("level")
        self._lines: dict[int, list[Line]] = {}
        self._history: dict[int, list[Sale]] = {}
        self._held: dict[tuple[int, int], list[_Held]] = {}
        self._due: dict[int, dict[int, Due]] = {}

    def _needing(self, what: str) -> list[InForce]:
        return [rule for rule in self.rules if what in rule.kind.needs(rule.params)]

    def touched(self, contact_ids: Collection[int]) -> list[int]:
        """Return the orders of these customers whose points depend on one another."""
        if not self.with_history or not contact_ids:
            return []
        since = min(rule.starts_at for rule in self.with_history)
        orders = Order.objects.filter(contact_id__in=bulk.among(contact_ids), placed_at__gte=since)
        return list(orders.filter(kind=Order.Kind.SALE).values_list("pk", flat=True))

    def look_at(self, sales: Iterable[Sale]) -> None:
        """Read what the rules need to know about these sales."""
        sales = [sale for sale in sales if sale.counts and sale.contact_id is not None]
        self._history, self._due = {}, {}
        if self.with_history and sales:
            since = min(rule.starts_at for rule in self.with_history)
            if people := {sale.contact_id for sale in sales if sale.placed_at >= since}:
                found = Order.objects.counting().filter(contact_id__in=bulk.among(people), kind=Order.Kind.SALE)
                history = defaultdict(list)
                for row in bulk.rows(found.order_by("placed_at", "pk").values_list(*Sale._fields)):
                    history[row[1]].append(Sale._make(row))
                self._history = history
        if self.with_level and sales and self.levels is None:
            self._held = _held(sales, self.with_level)
        if self.with_lines and sales:
            since = min(rule.starts_at for rule in self.with_lines)
            everyone = sales + [sale for of_one in self._history.values() for sale in of_one]
            self._lines = _lines([sale.id for sale in everyone if sale.placed_at >= since])

    def dues(self, sale: Sale) -> dict[int, Due]:
        """Return what each rule gives for a sale; empty where it earns nothing."""
        if not sale.counts or sale.contact_id is None or sale.kind != Order.Kind.SALE:
            return {}
        if sale.contact_id in self._history:
            return self._in_turn(sale)
        return self._of(sale, ordinal=0, earlier=(), earned_today=0)

    def _in_turn(self, sale: Sale) -> dict[int, Due]:
        """Work through a customer's sales one after the other, once."""
        if sale.id not in self._due:
            earned, days = defaultdict(int), []
            for ordinal, one in enumerate(self._history[sale.contact_id], start=1):
                day = one.placed_at.astimezone(self.zone).date()
                due = self._of(one, ordinal=ordinal, earlier=tuple(days), earned_today=earned[day])
                self._due[one.id] = due
                earned[day] += sum(given.points for given in due.values())
                days.append(day)
        return self._due.get(sale.id, {})

    def _of(self, sale: Sale, *, ordinal: int, earlier: Sequence[dt.date], earned_today: int) -> dict[int, Due]:
        found, purchase = {}, None
        for rule in self.earns:
            if rule.covers(sale.placed_at):
                purchase = purchase or Purchase(
                    sale.total_minor,
                    sale.refunded_minor,
                    sale.shipping_minor,
                    sale.currency,
                    sale.placed_at.astimezone(self.zone).date(),
                    self._lines.get(sale.id, ()),
                    ordinal,
                    earlier,
                )
                if points := rule.kind.points(purchase, rule.params):
                    basis = rule.kind.basis_minor(purchase, rule.params)
                    found[rule.rule_id] = Due(points, basis, *rule.terms.of(purchase.placed_on, self.zone.key))
        if found and (self.multiplies or self.limits):
            self._adjust(found, sale, purchase, earned_today)
        if self.levels is not None:
            self.levels.count(sale, sum(due.points for due in found.values()))
        return found

    def _adjust(self, found: dict[int, Due], sale: Sale, purchase: Purchase, earned_today: int) -> None:
        earned, basis = sum(due.points for due in found.values()), max(due.basis_minor for due in found.values())
        for rule in self.multiplies:
            if not rule.covers(sale.placed_at):
                continue
            if more := rule.kind.more(earned, rule.params, level=self._level(sale, rule)):
                found[rule.rule_id] = Due(more, basis, *rule.terms.of(purchase.placed_on, self.zone.key))
        self._limit(found, sale, earned_today)

    def _level(self, sale: Sale, rule: InForce) -> int:
        """Return the level the customer held under this rule when they ordered; 0 for none."""
        if self.levels is not None:
            return self.levels.level(sale, rule) if "level" in rule.kind.needs(rule.params) else 0
        for held in self._held.get((sale.contact_id, rule.rule_id), ()):
            if held.since <= sale.placed_at and (held.until is None or sale.placed_at < held.until):
                return held.level
        return 0

    def _limit(self, found: dict[int, Due], sale: Sale, earned_today: int) -> None:
        for rule in self.limits:
            most = rule.kind.most(earned_today, rule.params) if rule.covers(sale.placed_at) else None
            over = 0 if most is None else sum(due.points for due in found.values()) - most
            for rule_id in reversed(list(found)):
                if over <= 0:
                    break
                part = min(over, found[rule_id].points)
                over -= part
                found[rule_id] = found[rule_id]._replace(points=found[rule_id].points - part)
                if not found[rule_id].points:
                    del found[rule_id]


def _held(sales: Sequence[Sale], rules: Sequence[InForce]) -> dict[tuple[int, int], list[_Held]]:
    """Return what levels these customers have held, by customer and rule."""
    since = min(rule.starts_at for rule in rules)
    people = {sale.contact_id for sale in sales if sale.placed_at >= since}
    rows = Membership.objects.filter(contact_id__in=bulk.among(people), rule_id__in=[rule.rule_id for rule in rules])
    found = defaultdict(list)
    for held in map(_Held._make, bulk.rows(rows.order_by("since", "pk").values_list(*_Held._fields))):
        found[held.contact_id, held.rule_id].append(held)
    return found


def _lines(order_ids: Collection[int]) -> dict[int, list[Line]]:
    found = defaultdict(list)
    lines = OrderLine.objects.filter(order_id__in=bulk.among(list(order_ids))).order_by("order_id", "position")
    columns = ("order_id", "name", "product__name", "product__category", "quantity", "total_minor")
    for order_id, name, product, category, quantity, total in lines.values_list(*columns):
        found[order_id].append(Line(fold(product or name), fold(category or ""), quantity, total))
    return found
