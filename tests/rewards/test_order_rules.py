"""The kinds of rules for purchases, alone and together, settled like any other: due minus posted."""

import datetime as dt

import pytest
from django.db.models import Sum

from crm.lib import books
from crm.orders.models import Order, OrderLine, Product
from crm.rewards import ledger, rule_changing, settling
from crm.rewards.models import Entry, Rule
from crm.rewards.rules import RULES, Line, Purchase
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order

DAY = dt.timedelta(days=1)
STARTS_ON = dt.date(2026, 1, 1)


@pytest.fixture(autouse=True)
def books_are_right(db):
    yield
    assert [finding for finding in books.run_all() if not finding.ok and finding.name.startswith("points")] == []


def start(kind, now, *, starts_on=STARTS_ON, ends_on=None, **params):
    rule = rule_changing.start(kind=kind, params=params, starts_on=starts_on, ends_on=ends_on, now=now)
    Rule.objects.update(catch_up_from=None)
    return rule


def settle_all(now):
    return settling.settle(Order.objects.values_list("pk", flat=True), now=now)


def of(order):
    """Return what an order has, by kind of rule."""
    rows = Entry.objects.filter(order_ref=order.pk).values_list("rule__kind").annotate(points=Sum("points"))
    return {kind: points for kind, points in rows.order_by("rule__kind") if points}


def with_lines(order, *lines):
    for position, (name, category, quantity, total) in enumerate(lines, start=1):
        product, _new = Product.objects.get_or_create(key=name, defaults={"name": name, "category": category})
        OrderLine.objects.create(
            order=order, product=product, position=position, name=name, quantity=quantity, total_minor=total
        )
    return order


def bought(total, **fields):
    values = {"refunded_minor": 0, "shipping_minor": 0, "currency": "EUR", "placed_on": dt.date(2026, 11, 20)}
    return Purchase(total_minor=total, **values | fields)


def points(kind, purchase, **params):
    return RULES[kind].points(purchase, RULES[kind].read(params))


@pytest.mark.parametrize(("rounding", "total", "due"), [
    ("down", 199, 1), ("nearest", 149, 1), ("nearest", 150, 2), ("up", 101, 2), ("up", 100, 1), ("up", 0, 0),
])  # fmt: skip
def test_rounding_of_a_part_of_a_step(rounding, total, due):
    euro = {"points": 1, "step_minor": 100, "currency": "EUR", "rounding": rounding}
    assert points("per_amount", bought(total), **euro) == due


def test_excluded_products_and_categories_earn_nothing(mia, now):
    euro_rule(now, excluded=["Gift  Cards", "Bag"])
    order = with_lines(
        new_order(mia, now, 10_000), ("Bread", "Bread", 1, 4000), ("bag", "Other", 1, 1000), ("Card", "gift cards", 1, 5000)
    )
    settle_all(now)
    assert of(order) == {"per_amount": 40}
    amend(order, refunded_minor=5000, payment="partly_refunded")
    settle_all(now)
    assert of(order) == {"per_amount": 20}


def test_points_per_order_lose_the_refunded_share(mia, now):
    start("per_order", now, points=10, currency="EUR", minimum_minor=500)
    order, small = new_order(mia, now, 1000), new_order(mia, now, 499)
    settle_all(now)
    assert (of(order), of(small)) == ({"per_order": 10}, {})
    for refunded, left in ((333, 6), (999, 0)):
        amend(order, refunded_minor=refunded, payment="partly_refunded")
        settle_all(now)
        assert of(order) == ({"per_order": left} if left else {})


def test_two_bonuses_of_different_categories_hold_at_once(mia, now):
    start("bonus", now, points=5, of="category", named="Coffee")
    start("bonus", now, points=3, of="product", named="Filter")
    with pytest.raises(rule_changing.RuleOverlaps):
        start("bonus", now, points=9, of="category", named=" coffee ")
    order = with_lines(new_order(mia, now, 3000), ("Beans", "COFFEE", 2.5, 2500), ("Filter", "", 1, 500))
    settle_all(now)
    assert of(order) == {"bonus": 13}


def test_double_points_weekend_counts_only_on_its_days(rule, mia, now):
    start("multiplier", now, percent=200, starts_on=dt.date(2026, 11, 14), ends_on=dt.date(2026, 11, 15))
    start("multiplier", now, percent=150, starts_on=dt.date(2026, 11, 1), ends_on=dt.date(2026, 11, 2))
    inside = new_order(mia, now, 1000, placed_at=dt.datetime(2026, 11, 15, 22, 59, tzinfo=dt.UTC))
    outside = new_order(mia, now, 1000, placed_at=dt.datetime(2026, 11, 15, 23, 0, tzinfo=dt.UTC))
    half = new_order(mia, now, 1100, placed_at=dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC))
    settle_all(now)
    assert [of(order) for order in (inside, outside, half)] == [
        {"multiplier": 10, "per_amount": 10}, {"per_amount": 10}, {"multiplier": 5, "per_amount": 11},
    ]  # fmt: skip
    amend(inside, cancelled_at=now)
    settle_all(now)
    assert of(inside) == {}


def test_first_order_bonus_moves_on_when_the_first_is_cancelled_and_back(mia, now):
    start("nth_order", now, points=20, ordinal=1)
    start("nth_order", now, points=50, ordinal=3)
    first, second, third = (new_order(mia, now, 1000, placed_at=now - n * DAY) for n in (3, 2, 1))
    settling.settle([third.pk], now=now)  # whichever is settled, all of the customer's are
    assert [of(order) for order in (first, second, third)] == [{"nth_order": 20}, {}, {"nth_order": 50}]
    amend(first, cancelled_at=now)
    settling.settle([first.pk], now=now)
    assert [of(order) for order in (first, second, third)] == [{}, {"nth_order": 20}, {}]
    tom = new_contact(now, name="Tom")
    amend(second, contact=tom)
    settling.settle([second.pk], now=now)
    assert [of(order) for order in (first, second, third)] == [{}, {"nth_order": 20}, {"nth_order": 20}]
    assert (ledger.balance(mia.pk), ledger.balance(tom.pk)) == (20, 20)


def test_limits_of_an_order_and_of_a_day(rule, mia, now):
    start("cap", now, per_order=50, per_day=80)
    morning = dt.datetime(2026, 11, 10, 6, tzinfo=dt.UTC)
    orders = [new_order(mia, now, 6000, placed_at=morning + dt.timedelta(hours=n)) for n in range(3)]
    next_day = new_order(mia, now, 1000, placed_at=morning + DAY)
    settle_all(now)
    assert [of(order).get("per_amount", 0) for order in (*orders, next_day)] == [50, 30, 0, 10]
    amend(orders[0], cancelled_at=now)
    settling.settle([orders[0].pk], now=now)
    assert [of(order).get("per_amount", 0) for order in orders] == [0, 50, 30]


def test_limit_takes_from_what_was_asked_last(rule, mia, now):
    start("multiplier", now, percent=300, starts_on=dt.date(2026, 11, 1), ends_on=dt.date(2026, 11, 30))
    start("cap", now, per_order=25, per_day=None)
    order = new_order(mia, now, 1000)
    settle_all(now)
    assert of(order) == {"multiplier": 15, "per_amount": 10}


@pytest.mark.parametrize(
    ("every", "days", "due"),
    [
        ("week", [0, 7, 14], [0, 0, 25]),
        ("week", [0, 1, 7, 8, 14, 15], [0, 0, 0, 0, 25, 0]),
        ("week", [0, 7, 21], [0, 0, 0]),
        ("week", [0, 7, 14, 21, 28, 35], [0, 0, 25, 0, 0, 25]),
        ("month", [0, 31, 59], [0, 0, 25]),
        ("month", [0, 31, 90], [0, 0, 0]),
    ],
)
def test_orders_on_end(mia, now, every, days, due):
    start("streak", now, points=25, times=3, every=every)
    monday = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)
    orders = [new_order(mia, now, 1000, placed_at=monday + day * DAY) for day in days]
    settle_all(now)
    assert [of(order).get("streak", 0) for order in orders] == due


def test_rules_with_history_cost_as_many_queries_for_three_customers_as_for_one(rule, now, queries_of):
    start("nth_order", now, points=20, ordinal=1)
    start("bonus", now, points=5, of="category", named="Coffee")
    orders = [new_order(new_contact(now), now) for _ in range(4)]
    one = queries_of(lambda: settling.settle([orders[0].pk], now=now))
    three = queries_of(lambda: settling.settle([order.pk for order in orders[1:]], now=now))
    assert one == three


def test_preview_of_a_multiplier_counts_what_it_adds(rule, mia, now):
    new_order(mia, now, 1000)
    settle_all(now)
    said = rule_changing.preview(kind="multiplier", params={"percent": 300}, starts_on=dt.date(2026, 11, 1), now=now)
    assert (said.purchases, said.customers, said.points) == (1, 1, 20)


def test_line_of_a_bonus_counts_whole_pieces_only():
    lines = (Line("beans", "coffee", 0.5, 500), Line("beans", "coffee", 1.7, 1700))
    coffee = {"points": 5, "of": "category", "named": "Coffee"}
    assert points("bonus", bought(2200, lines=lines), **coffee) == 10
    assert points("bonus", bought(2200, refunded_minor=1100, lines=lines), **coffee) == 5
