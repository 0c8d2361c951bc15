"""What the programme costs: points that are out, what they are worth, and how many of them will be redeemed.

Everything is counted from the ledger in a few statements that read each table once. A point of time is put into its
month, by the shop's calendar, inside the statement, so that what comes back is a few hundred rows however many entries
there are.
"""

import datetime as dt
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection
from django.db.models import Max, Min, Sum

from crm.accounts.models import Shop
from crm.lib import clock
from crm.orders.models import Order
from crm.rewards import lots, runoff, tiers
from crm.rewards.models import Account, Entry, Lot, Membership, Programme, Redemption, Reward

HAPPENED, WRITTEN = "at", "created_at"  # the columns a movement can be counted by
KEPT_FOR = 3_600  # seconds, as long as nothing is written to the ledger
SLOW, KEPT_ANYWAY = 1.0, 600  # what takes longer than a second is kept for ten minutes whatever is written
TRIANGLE_MONTHS = 60
FARTHEST_MONTHS = 140  # ahead: no point lives longer than ten years, to the end of the year


@dataclass(frozen=True)
class Worth:
    """What points are worth in money: those of a reward, or as the owner says."""

    points: int
    worth_minor: int
    reward: Reward | None = None

    def of(self, points: float) -> int:
        """Return the worth of so many points, in minor units, to the nearest."""
        if isinstance(points, int):
            return (2 * points * self.worth_minor + self.points) // (2 * self.points)
        return round(points * self.worth_minor / self.points)


@dataclass(frozen=True)
class Movement:
    """What a month did to the points that are out: opening + issued - redeemed - expired - reversed = closing."""

    first: dt.date  # of the month
    opening: int
    issued: int
    redeemed: int
    expired: int
    reversed: int  # taken back, and taken by hand, less what was forgiven

    @property
    def closing(self) -> int:
        return self.opening + self.issued - self.redeemed - self.expired - self.reversed


@dataclass(frozen=True)
class Outstanding:
    """Points of lots that go the same way."""

    state: str
    earned: int  # month, as an index of Months
    expires: int | None  # the last month they can be used in; None: for ever
    points: int
    level: int = 0  # the customer's, now


@dataclass(frozen=True)
class Slice:
    """Part of the points that are out: those whose last month it is, or of customers who hold a level."""

    key: dt.date | str | None  # first day of the month, or the level's name; None: never, or no level
    points: int
    expected: float | None


@dataclass(frozen=True)
class Rates:
    """Shares, 0 to 1; None where there is nothing to divide by."""

    redeemed: float | None  # of what was issued and not taken back, so far
    expired: float | None
    redeemed_in_the_end: float | None  # with what is expected of the points that are out
    discount: float | None  # worth redeemed, of sales
    since: dt.date  # of the discount
    worth_redeemed_minor: int
    sales_minor: int

    @property
    def breakage(self) -> float | None:
        return None if self.redeemed_in_the_end is None else 1 - self.redeemed_in_the_end


@dataclass(frozen=True)
class Cost:
    as_of: dt.datetime
    balance: int  # the sum of the ledger
    pending: int
    active: int
    debt: int
    movements: list[Movement]
    run_off: runoff.RunOff | None  # None: too little history
    by_month: list[Slice]
    by_level: list[Slice]  # the highest first; empty in a shop without levels
    rates: Rates

    @property
    def outstanding(self) -> int:
        return self.pending + self.active


class Months:
    """Months of the shop's calendar in a row, counted from 0; -1 is before them."""

    def __init__(self, *, first: dt.date, count: int, zone: str):
        index = first.year * 12 + first.month - 1
        self.firsts = [dt.date(n // 12, n % 12 + 1, 1) for n in range(index, index + count)]
        self.starts = [clock.day_bounds(day, zone)[0] for day in self.firsts]

    def __len__(self) -> int:
        return len(self.firsts)

    def of(self, moment: dt.datetime) -> int:
        return bisect_right(self.starts, moment) - 1

    def sql(self, column: str, *, is_until: bool = False) -> tuple[str, list]:
        """Return SQL for the month a column falls in (the month it ends, for an exclusive end), and its parameters.

        The months are halved again and again, so a row is compared six times and not sixty.
        """
        less, params = "<=" if is_until else "<", []
        if connection.vendor == "sqlite":
            column = f"+{column}"  # as it is stored: else each comparison tries to make numbers of both sides

        def half(low: int, high: int) -> str:  # the month is one of low-1 .. high-1
            if low == high:
                return str(low - 1)
            middle = (low + high) // 2
            params.append(connection.ops.adapt_datetimefield_value(self.starts[middle]))
            return f"CASE WHEN {column} {less} %s THEN {half(low, middle)} ELSE {half(middle + 1, high)} END"

        return half(0, len(self.starts)), params


def point_worth() -> Worth | None:
    """Return what points are worth: what the owner says, else what a reward says; None where nobody says."""
    said = Programme.current().per_100_minor
    return Worth(100, said) if said else reward_worth()


def say_worth(per_100_minor: int | None) -> None:
    """Keep what the owner says 100 points are worth; None leaves it to the rewards."""
    Programme.objects.update_or_create(pk=1, defaults={"per_100_minor": per_100_minor})


def reward_worth() -> Worth | None:
    """Return what points are worth by the reward most of them went into, else by the cheapest; None without any."""
    rewards = list(Reward.objects.filter(is_active=True, worth_minor__gt=0).order_by("points", "pk"))
    if not rewards:
        return None
    used = Redemption.objects.filter(state=Redemption.State.COMMITTED, reward__in=rewards)
    most = dict(used.values_list("reward_id").annotate(Sum("points")).order_by())
    reward = max(rewards, key=lambda reward: most.get(reward.pk, 0))  # the first of equals is the cheapest
    return Worth(reward.points, reward.worth_minor, reward)


def cost(*, now: dt.datetime) -> Cost:
    """Return what the programme costs now, or did a moment ago: `as_of` says when."""
    last = Entry.objects.aggregate(last=Max("pk"))["last"] or 0
    pending = Lot.objects.filter(state=Lot.State.PENDING).aggregate(Max("pk"))["pk__max"] or 0
    shop = Shop.current()
    state = last, pending, shop.timezone, clock.local_date(now, shop.timezone)
    kept_state, took, kept = cache.get(f"rewards-cost:{shop.pk}") or (None, 0.0, None)
    if kept and (kept_state == state or (took > SLOW and now - kept.as_of < dt.timedelta(seconds=KEPT_ANYWAY))):
        return kept
    began = time.perf_counter()
    found = _cost(now=now, shop=shop)
    cache.set(f"rewards-cost:{shop.pk}", (state, time.perf_counter() - began, found), KEPT_FOR)
    return found


def _cost(*, now: dt.datetime, shop: Shop) -> Cost:
    held = Account.objects.aggregate(balance=Sum("balance"), pending=Sum("pending"), debt=Sum("debt"))
    balance, pending, debt = held["balance"] or 0, held["pending"] or 0, held["debt"] or 0
    past, months = ledger_months(now=now), ledger_months(now=now, ahead=FARTHEST_MONTHS)
    sums = _sums(past)
    movements = _movements(sums, past)
    ladder = tiers.ladder(now=now)
    groups = outstanding(months=months, levels_of=ladder and ladder.rule_id)
    run_off = _run_off(groups, sums, months=months, now=now)
    return Cost(
        as_of=now,
        balance=balance,
        pending=pending,
        active=balance - pending + debt,
        debt=debt,
        movements=movements,
        run_off=run_off,
        by_month=_by_month(groups, run_off, months),
        by_level=_by_level(groups, run_off, ladder) if ladder else [],
        rates=_rates(movements, run_off, months=months, now=now, shop=shop),
    )


def ledger_months(*, now: dt.datetime, ahead: int = 0, column: str = HAPPENED) -> Months:
    """Return the months from the first entry to this one, and so many ahead."""
    zone = Shop.current().timezone
    first = Entry.objects.aggregate(first=Min(column))["first"]
    today = clock.local_date(now, zone)
    since = min(clock.local_date(first, zone), today) if first else today
    count = (today.year - since.year) * 12 + today.month - since.month + 1
    return Months(first=since, count=count + ahead, zone=zone)


def movement(*, now: dt.datetime, column: str = HAPPENED) -> list[Movement]:
    """Return every month's movement from the first entry on, oldest first; the last closing is the sum of the ledger.

    By the day things happened for the customer, or by the day they were written: that one never changes afterwards.
    """
    months = ledger_months(now=now, column=column)
    return _movements(_sums(months, column), months)


def _sums(months: Months, column: str = HAPPENED) -> list[tuple[int, str, bool, int]]:
    """Return the sums of the ledger: month, kind, whether it was given, points."""
    month, params = months.sql(column)
    table = connection.ops.quote_name(Entry._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {month}, kind, points > 0, SUM(points) FROM {table} GROUP BY 1, 2, 3", params)
        rows = cursor.fetchall()
    return [(max(index, 0), kind, bool(is_given), int(points)) for index, kind, is_given, points in rows]


def _movements(rows: Sequence[tuple[int, str, bool, int]], months: Months) -> list[Movement]:
    sums = defaultdict(Counter)
    for index, kind, is_given, points in rows:
        sums[index][_column_of(kind, is_given)] += points
    found, opening = [], 0
    for index, first in enumerate(months.firsts):
        one = sums[index]
        found.append(
            Movement(first, opening, one["issued"], -one["redeemed"], -one["expired"], -one["reversed"])
        )
        opening = found[-1].closing
    return found


def _column_of(kind: str, is_given: bool) -> str:
    if kind == Entry.Kind.REDEEM:
        return "redeemed"  # what was given back lessens it
    if kind == Entry.Kind.EXPIRE:
        return "expired"
    if kind in lots.CARRIED:
        return "reversed"  # both sides of it stand in one month, and come to nothing
    return "issued" if is_given and kind != Entry.Kind.WAIVE else "reversed"


def outstanding(*, months: Months, levels_of: int | None = None) -> list[Outstanding]:
    """Return what is left in the lots, by state, month of earning, last month of use, and level under a rule."""
    earned, earned_params = months.sql("e.at")
    until, until_params = months.sql("l.expires_at", is_until=True)
    quote = connection.ops.quote_name
    level, holders, params = "0", "", [*earned_params, *until_params]
    if levels_of is not None:
        level = "COALESCE(m.level, 0)"
        holders = (
            f"JOIN {quote(Account._meta.db_table)} a ON a.id = e.account_id "
            f"LEFT JOIN {quote(Membership._meta.db_table)} m "
            "ON m.contact_id = a.contact_id AND m.rule_id = %s AND m.until IS NULL "
        )
        params.append(levels_of)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.state, {earned}, CASE WHEN l.expires_at IS NULL THEN NULL ELSE {until} END, {level}, "
            f"SUM(l.remaining) FROM {quote(Lot._meta.db_table)} l JOIN {quote(Entry._meta.db_table)} e ON e.id = l.id "
            f"{holders}WHERE l.remaining > 0 GROUP BY 1, 2, 3, 4",
            params,
        )
        rows = cursor.fetchall()
    return [Outstanding(state, max(int(at), 0), ends, int(points), held) for state, at, ends, held, points in rows]


def triangle(sums: Sequence[tuple[int, str, bool, int]], *, months: Months, now: dt.datetime):
    """Return exposed, redeemed and known by earn month and age, for the last months up to now."""
    import numpy as np

    this = months.of(now)
    size = min(this + 1, TRIANGLE_MONTHS)
    start = this + 1 - size
    given, given_params = months.sql("g.at")
    taken, taken_params = months.sql("t.at")
    quote = connection.ops.quote_name
    entries = quote(Entry._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {given}, {taken}, t.kind = %s, SUM(a.points) FROM {quote('rewards_allocation')} a "
            f"JOIN {entries} g ON g.id = a.lot_id JOIN {entries} t ON t.id = a.entry_id GROUP BY 1, 2, 3",
            [*given_params, *taken_params, Entry.Kind.REDEEM.value],
        )
        taken_rows = cursor.fetchall()
    issued = np.zeros(size)
    gone, redeemed = np.zeros((size, size)), np.zeros((size, size))
    for row, _kind, is_given, points in sums:
        if is_given and start <= row <= this:
            issued[row - start] += points
    for row, when, is_redeemed, points in taken_rows:
        age = max(min(when, this) - row, 0)
        if start <= row <= this and age < size:
            gone[row - start, age] += int(points)
            if is_redeemed:
                redeemed[row - start, age] += int(points)
    exposed = issued[:, None] - np.cumsum(gone, axis=1) + gone
    row, age = np.indices((size, size))
    return exposed, redeemed, row + age < size - 1  # the present month is not over


def _run_off(
    groups: Sequence[Outstanding],
    sums: Sequence[tuple[int, str, bool, int]],
    *,
    months: Months,
    now: dt.datetime,
) -> runoff.RunOff | None:
    this = months.of(now)
    start = this + 1 - min(this + 1, TRIANGLE_MONTHS)
    exposed, redeemed, known = triangle(sums, months=months, now=now)
    until = months.starts[this + 1]
    try:
        return runoff.estimate(
            exposed=exposed,
            redeemed=redeemed,
            known=known,
            groups=[
                runoff.Group(
                    row=max(min(group.earned, this) - start, 0),
                    age=this - max(min(group.earned, this), start),
                    months=None if group.expires is None else max(group.expires - this + 1, 1),
                    points=group.points,
                )
                for group in groups
            ],
            month_left=(until - now) / (until - months.starts[this]),
        )
    except runoff.NotEnoughData:
        return None


def _by_month(groups: Sequence[Outstanding], run_off: runoff.RunOff | None, months: Months) -> list[Slice]:
    points, expected = Counter(), Counter()
    for number, group in enumerate(groups):
        points[group.expires] += group.points
        expected[group.expires] += run_off.of_groups[number] if run_off else 0
    order = sorted(points, key=lambda month: (month is None, month))
    firsts = {month: None if month is None else months.firsts[max(month, 0)] for month in order}
    return [Slice(firsts[month], points[month], expected[month] if run_off else None) for month in order]


def _by_level(
    groups: Sequence[Outstanding], run_off: runoff.RunOff | None, ladder: tiers.Ladder
) -> list[Slice]:
    points, expected = Counter(), Counter()
    for number, group in enumerate(groups):
        points[group.level] += group.points
        expected[group.level] += run_off.of_groups[number] if run_off else 0
    names = [None, *(level.name for level in ladder.params.levels)]
    return [
        Slice(names[level], points[level], expected[level] if run_off else None)
        for level in reversed(range(len(names)))
        if points[level]
    ]


def _rates(
    movements: Sequence[Movement], run_off: runoff.RunOff | None, *, months: Months, now: dt.datetime, shop: Shop
) -> Rates:
    issued = sum(one.issued - one.reversed for one in movements)
    redeemed, expired = (sum(getattr(one, name) for one in movements) for name in ("redeemed", "expired"))
    first = months.firsts[max(months.of(now) - 11, 0)]
    since = clock.day_bounds(first, shop.timezone)[0]
    worth = Redemption.objects.filter(
        state=Redemption.State.COMMITTED, settled_at__gte=since, settled_at__lte=now, currency=shop.currency
    ).aggregate(total=Sum("worth_minor"))["total"] or 0
    sales = Order.objects.counting().filter(
        placed_at__gte=since, placed_at__lte=now, currency=shop.currency
    ).aggregate(total=Sum("net_minor"))["total"] or 0
    return Rates(
        redeemed=redeemed / issued if issued > 0 else None,
        expired=expired / issued if issued > 0 else None,
        redeemed_in_the_end=(redeemed + run_off.expected) / issued if run_off and issued > 0 else None,
        discount=worth / sales if sales > 0 else None,
        since=first,
        worth_redeemed_minor=int(worth),
        sales_minor=int(sales),
    )
