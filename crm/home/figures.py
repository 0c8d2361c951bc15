"""What the shop took in, by local days: the numbers of the Today page and of every revenue chart.

An order is "new" when it is its customer's first, "unnamed" when nobody knows who bought, else
"returning". Amounts are net of refunds, in minor units of the shop's currency; orders in another
currency are left out, because they cannot be added up.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import clock
from crm.orders.models import Order

WINDOW = 30  # days of the key figures, and of what they are compared with
_DAYS_PER_QUERY = 120  # SQLite joins at most 500 SELECTs


@dataclass(frozen=True)
class Takings:
    first: dt.date
    last: dt.date
    orders: int = 0
    named_orders: int = 0
    first_orders: int = 0
    minor: int = 0
    new_minor: int = 0
    unnamed_minor: int = 0

    @property
    def returning_minor(self) -> int:
        return self.minor - self.new_minor - self.unnamed_minor

    @property
    def repeat_rate(self) -> float | None:
        """The share of orders by known customers that was not their first; None without such orders."""
        return (self.named_orders - self.first_orders) / self.named_orders if self.named_orders else None


def newest_order_on(*, shop: Shop, now: dt.datetime) -> dt.date | None:
    """Return the local date of the newest order that counts, or None where there is none."""
    placed = (
        Order.objects.counting()
        .filter(currency=shop.currency, placed_at__lte=now)
        .order_by("-placed_at", "-id")
        .values_list("placed_at", flat=True)
        .first()
    )
    return clock.local_date(placed, shop.timezone) if placed else None


def by_day(first: dt.date, last: dt.date, *, shop: Shop) -> list[Takings]:
    """Return one Takings per local date, from `first` to `last` inclusive."""
    dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    found: list[Takings] = []
    for start in range(0, len(dates), _DAYS_PER_QUERY):
        found += _count(dates[start : start + _DAYS_PER_QUERY], shop=shop)
    return found


def _count(dates: Sequence[dt.date], *, shop: Shop) -> list[Takings]:
    """Count each date by two ranges of an index: all orders, and first orders of people who came that day."""
    orders, contacts = Order._meta.db_table, Contact._meta.db_table
    everything = sums_by_day(
        f"""SELECT {{n}},
            SUM(CASE WHEN o.kind = 'sale' THEN 1 ELSE 0 END),
            SUM(CASE WHEN o.kind = 'sale' AND o.contact_id IS NOT NULL THEN 1 ELSE 0 END),
            SUM(o.net_minor),
            SUM(CASE WHEN o.contact_id IS NULL THEN o.net_minor ELSE 0 END)
        FROM {orders} o WHERE o.placed_at >= %s AND o.placed_at < %s AND o.counts AND o.currency = %s""",
        dates,
        shop=shop,
        more=(shop.currency,),
    )
    # The plus sign makes both databases look orders up by their time, in the index that holds all we ask for.
    firsts = sums_by_day(
        f"""SELECT {{n}}, COUNT(*), SUM(o.net_minor)
        FROM {contacts} c CROSS JOIN {orders} o
        WHERE c.first_order_at >= %s AND c.first_order_at < %s AND o.placed_at = c.first_order_at
            AND +o.contact_id = c.id AND o.kind = 'sale' AND o.counts AND o.currency = %s""",
        dates,
        shop=shop,
        more=(shop.currency,),
    )
    return [
        Takings(date, date, orders_count, named, first_count, minor, new_minor, unnamed)
        for date, (orders_count, named, minor, unnamed), (first_count, new_minor) in zip(dates, everything, firsts)
    ]


def sums_by_day(sql: str, dates: Sequence[dt.date], *, shop: Shop, more: Sequence = ()) -> list[tuple[int, ...]]:
    """Return what `sql` adds up for each local date; its first two values are the day's bounds, then come `more`.

    One SELECT a day, joined to one statement, because the database must not work out a local date per row: with
    the bounds 70,000 orders take 25 ms, truncating each time stamp takes a second. Nothing is 0.
    """
    adapt = connection.ops.adapt_datetimefield_value
    values: list = []
    for date in dates:
        values += [*map(adapt, clock.day_bounds(date, shop.timezone)), *more]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(sql.format(n=n) for n in range(len(dates))), values)
        found = {n: sums for n, *sums in cursor.fetchall()}
    return [tuple(int(value or 0) for value in found[n]) for n in range(len(dates))]


def total(days: Iterable[Takings]) -> Takings:
    """Add up days that follow one another."""
    days = list(days)
    return Takings(
        days[0].first,
        days[-1].last,
        *(sum(getattr(day, name) for day in days) for name in _ADDED),
    )


_ADDED = ("orders", "named_orders", "first_orders", "minor", "new_minor", "unnamed_minor")


def by_week(days: Sequence[Takings]) -> list[Takings]:
    """Add up to whole weeks that end on the last day; days before the first whole week are dropped."""
    spare = len(days) % 7
    return [total(days[start : start + 7]) for start in range(spare, len(days), 7)]


def by_month(days: Sequence[Takings]) -> list[Takings]:
    """Add up to calendar months; the last one may be under way."""
    months: dict[tuple[int, int], list[Takings]] = {}
    for day in days:
        months.setdefault((day.first.year, day.first.month), []).append(day)
    return [total(month) for month in months.values()]


@dataclass(frozen=True)
class Period:
    slug: str
    days: int
    grouped: str  # day, week or month


PERIODS = {
    "30d": Period("30d", 30, "day"),
    "90d": Period("90d", 91, "week"),
    "1y": Period("1y", 365, "month"),
}


def revenue(period: Period, *, until: dt.date, shop: Shop) -> list[Takings]:
    """Return the bars of the revenue chart: days, whole weeks or calendar months up to a date."""
    if period.grouped == "month":
        first = dt.date(until.year - 1, until.month, 1)
        first = dt.date(first.year + first.month // 12, first.month % 12 + 1, 1)
        return by_month(by_day(first, until, shop=shop))
    days = by_day(until - dt.timedelta(days=period.days - 1), until, shop=shop)
    return days if period.grouped == "day" else by_week(days)
