"""Takings by local day, week and month."""

import datetime as dt

from crm.home import figures
from crm.home.figures import PERIODS, Takings
from tests.conftest import NOW
from tests.home.tiny import books, person, sale

TODAY = dt.date(2026, 11, 20)


def test_a_day_tells_new_returning_and_unnamed_apart(shop):
    books()
    days = {day.first: day for day in figures.by_day(TODAY - dt.timedelta(days=40), TODAY, shop=shop)}
    assert len(days) == 41
    day = dt.timedelta(days=1)
    assert days[TODAY - day] == Takings(TODAY - day, TODAY - day, 1, 1, 0, 2_000, 0, 0)
    assert days[TODAY - 10 * day] == Takings(TODAY - 10 * day, TODAY - 10 * day, 1, 1, 1, 1_500, 1_500, 0)
    assert days[TODAY - 3 * day] == Takings(TODAY - 3 * day, TODAY - 3 * day, 1, 1, 0, 500, 0, 0)
    assert days[TODAY - 5 * day] == Takings(TODAY - 5 * day, TODAY - 5 * day, 1, 0, 0, 2_000, 0, 2_000)
    assert sum(one.minor for one in days.values()) == 10_000


def test_a_return_slip_lowers_money_and_is_no_order(shop):
    sale("R-1", person("Ada"), days_ago=2, total=-300, kind="return", net_minor=-300)
    day = figures.by_day(TODAY - dt.timedelta(days=2), TODAY - dt.timedelta(days=2), shop=shop)[0]
    assert (day.orders, day.minor, day.returning_minor) == (0, -300, -300)


def test_days_are_those_of_the_shops_zone(shop):
    """23:30 in London is the next day in Berlin."""
    late = dt.datetime(2026, 11, 17, 23, 30, tzinfo=dt.UTC)
    order = sale("L-1", person("Ada"), days_ago=1, total=100)
    order.placed_at = late
    order.save()
    days = figures.by_day(dt.date(2026, 11, 17), dt.date(2026, 11, 18), shop=shop)
    assert [day.orders for day in days] == [0, 1]


def test_the_hour_that_comes_twice_is_counted_once(shop):
    """On 25 October 2026 Berlin's clocks go back; the day has 25 hours."""
    order = sale("D-1", person("Ada"), days_ago=1, total=100)
    order.placed_at = dt.datetime(2026, 10, 25, 22, 30, tzinfo=dt.UTC)
    order.save()
    days = figures.by_day(dt.date(2026, 10, 24), dt.date(2026, 10, 26), shop=shop)
    assert [day.orders for day in days] == [0, 1, 0]


def test_repeat_rate_counts_orders_of_known_customers(shop):
    books()
    last = figures.total(figures.by_day(TODAY - dt.timedelta(days=29), TODAY, shop=shop))
    assert (last.orders, last.named_orders, last.first_orders) == (4, 3, 1)
    assert last.repeat_rate == 2 / 3
    assert figures.total(figures.by_day(TODAY, TODAY, shop=shop)).repeat_rate is None


def test_weeks_are_whole_and_end_on_the_last_day(shop):
    books()
    weeks = figures.revenue(PERIODS["90d"], until=TODAY, shop=shop)
    assert len(weeks) == 13
    assert {(week.last - week.first).days for week in weeks} == {6}
    assert weeks[-1].last == TODAY
    assert weeks[-1].minor == 4_500
    assert sum(week.minor for week in weeks) == 10_000


def test_months_are_those_of_the_calendar(shop):
    books()
    months = figures.revenue(PERIODS["1y"], until=TODAY, shop=shop)
    assert [month.first for month in months][:2] == [dt.date(2025, 12, 1), dt.date(2026, 1, 1)]
    assert (months[-1].first, months[-1].last) == (dt.date(2026, 11, 1), TODAY)
    assert (len(months), months[-1].minor, months[-2].minor) == (12, 6_000, 4_000)


def test_newest_order_looks_at_counting_orders_up_to_now(shop):
    books()
    assert figures.newest_order_on(shop=shop, now=NOW) == TODAY - dt.timedelta(days=1)
    assert figures.newest_order_on(shop=shop, now=NOW - dt.timedelta(days=100)) == dt.date(2026, 5, 4)


def test_the_number_of_queries_does_not_grow_with_orders(shop, django_assert_num_queries):
    for n in range(3):
        books_of = person(f"Person {n}")
        sale(f"Q-{n}", books_of, days_ago=n, total=100)
        with django_assert_num_queries(2):
            figures.by_day(TODAY - dt.timedelta(days=60), TODAY, shop=shop)
