"""The levels customers would have held: rewards.tiers, walked through order by order instead of day by day.

Between two orders nothing changes but on the days an order leaves the window or grace is over, so only those are looked
at. Refunds count as they stand today, from the day of the order.
"""

import datetime as dt
from collections import deque
from zoneinfo import ZoneInfo

from crm.rewards.earning import InForce, Sale
from crm.rewards.rules.tiers import SPEND, Params
from crm.rewards.terms import last_day, months_before

DAY = dt.timedelta(days=1)


class Climb:
    """One customer on the levels of one rule, from a day on."""

    def __init__(self, params: Params, *, since: dt.date):
        self.params, self.amount, self.level = params, 0, params.reached(0)
        self.falls_on: dt.date | None = None
        self._risen_on, self._swept_on = since, since
        self._leaving: deque[tuple[dt.date, int]] = deque()  # when an order leaves the window, and with how much

    def level_on(self, day: dt.date) -> int:
        """Return the level held on a day, before what is bought on it; days must not go back."""
        while (due := self._next()) is not None and due <= day:
            while self._leaving and self._leaving[0][0] <= due:
                self.amount -= self._leaving.popleft()[1]
            self._swept_on = due
            self._move(due, may_fall=True)
        return self.level

    def count(self, day: dt.date, amount: int) -> None:
        """Count what was bought on a day, and rise by it."""
        self.level_on(day)
        self._swept_on = max(self._swept_on, day)
        self.amount += amount
        self._leaving.append((leaves_on(day, self.params.months), amount))
        self._move(day, may_fall=False)

    def _next(self) -> dt.date | None:
        """Return the next day on which something may change by itself."""
        days = [self._leaving[0][0]] if self._leaving else []
        if self.falls_on is not None:
            days.append(max(self.falls_on, self._swept_on + DAY))
        return min(days, default=None)

    def _move(self, day: dt.date, *, may_fall: bool) -> None:
        """Do what tiers._move does for one customer."""
        reached, grace = self.params.reached(self.amount), dt.timedelta(days=self.params.grace_days)
        if reached > self.level:
            self.level, self.falls_on, self._risen_on = reached, None, day
        elif reached == self.level:
            self.falls_on = None
        else:
            lost_on = self.falls_on or day + grace
            if may_fall and lost_on <= day and self._risen_on < day:
                self.level, self._risen_on = self.level - 1, day
                self.falls_on = day + grace if reached < self.level else None
            elif self.falls_on is None:
                self.falls_on = lost_on


class Climbs:
    """All customers on the levels of the rules of a plan, whose sales come one after the other."""

    def __init__(self, rules: list[InForce], *, zone: ZoneInfo):
        self.rules, self.zone = rules, zone
        self._climbs: dict[tuple[int, int], Climb] = {}

    def level(self, sale: Sale, rule: InForce) -> int:
        """Return the level a customer holds when they order."""
        return self._of(sale, rule).level_on(self._day(sale))

    def count(self, sale: Sale, points: int) -> None:
        """Count a sale that earned so many points, under every rule of levels."""
        for rule in self.rules:
            in_money = sale.total_minor - sale.refunded_minor if sale.currency == rule.params.currency else 0
            amount = in_money if rule.params.basis == SPEND else points
            self._of(sale, rule).count(self._day(sale), amount)

    def _of(self, sale: Sale, rule: InForce) -> Climb:
        key = sale.contact_id, rule.rule_id
        if key not in self._climbs:
            first = min(rule.starts_at.astimezone(self.zone).date(), self._day(sale))
            self._climbs[key] = Climb(rule.params, since=first)
        return self._climbs[key]

    def _day(self, sale: Sale) -> dt.date:
        return sale.placed_at.astimezone(self.zone).date()


def leaves_on(day: dt.date, months: int) -> dt.date:
    """Return the first day on which an order of `day` counts no more (tiers.Ladder.window)."""
    leaves = last_day(day, months=months)
    while months_before(leaves, months) < day:  # a shorter month has no such day
        leaves += DAY
    return leaves
