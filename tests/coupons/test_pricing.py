"""What coupons take off, to the cent."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.coupons import pricing
from crm.coupons.pricing import ORDER, Basket, Line, Terms, discounts

TEA, MUG = 1, 2


def basket(shipping=500) -> Basket:
    return Basket([Line(TEA, 3, 1500, "drinks", 200), Line(MUG, 1, 1000, "things", 900)], shipping)


CASES = [
    (Terms("percent", percent=10), 250),
    (Terms("percent", percent=50), 750 + 100),  # the mug would go below its cost: only 100 of it
    (Terms("percent", percent=50, may_go_below_cost=True), 1250),
    (Terms("percent", percent=10, categories=frozenset({"drinks"})), 150),
    (Terms("percent", percent=10, products=frozenset({MUG})), 100),
    (Terms("amount", amount_minor=600), 600),
    (Terms("amount", amount_minor=99_999), 900 + 100),
    (Terms("shipping"), 500),
    (Terms("product", product_id=TEA), 500),
    (Terms("product", product_id=77), 0),
    (Terms("buy_get", buy_quantity=3, get_quantity=1), 500),
    (Terms("buy_get", buy_quantity=1, get_quantity=1), 1000),
    (Terms("gift_card", balance_minor=2000), 2000),
    (Terms("gift_card", balance_minor=9999), 3000),
]


@pytest.mark.parametrize(("terms", "expected"), CASES)
def test_each_kind(terms, expected):
    assert discounts(basket(), [terms]) == [expected]


def test_the_order_they_come_in_does_not_matter():
    percent, amount = Terms("percent", percent=10), Terms("amount", amount_minor=500)
    assert discounts(basket(), [percent, amount]) == [155, 500]  # of the mug only 50 are left above its cost
    assert discounts(basket(), [amount, percent]) == [500, 155]


def test_a_percent_is_rounded_once_over_all_lines():
    lines = Basket([Line(n, 1, 5) for n in range(10)])
    assert discounts(lines, [Terms("percent", percent=10)]) == [5]


def test_the_basket_is_left_as_it_was():
    before = basket()
    discounts(before, [Terms("percent", percent=10)])
    assert before == basket()


lines = st.builds(
    Line, st.integers(1, 4), st.integers(1, 5), st.integers(0, 100_000), st.sampled_from(["a", "b"]),
    st.none() | st.integers(0, 30_000),
)  # fmt: skip
terms = st.builds(
    Terms, st.sampled_from(ORDER), percent=st.integers(1, 100), amount_minor=st.integers(0, 200_000),
    product_id=st.integers(1, 4), buy_quantity=st.integers(1, 3), get_quantity=st.integers(1, 2),
    categories=st.sampled_from([frozenset(), frozenset({"a"})]), balance_minor=st.integers(0, 300_000),
)  # fmt: skip


@given(st.lists(lines, min_size=1, max_size=6), st.integers(0, 2_000), st.lists(terms, min_size=1, max_size=4))
def test_never_more_than_there_is_and_never_below_cost(rows, shipping, coupons):
    before = Basket(rows, shipping)
    taken = discounts(before, coupons)
    assert all(amount >= 0 for amount in taken)
    assert sum(taken) <= before.total_minor
    sold_down = sum(amount for amount, coupon in zip(taken, coupons) if coupon.gives in ("percent", "amount"))
    assert sold_down <= sum(max(line.total_minor - (line.cost_minor or 0) * line.quantity, 0) for line in rows)


@given(st.lists(lines, min_size=1, max_size=6), st.integers(1, 3), st.integers(1, 2))
def test_runs_of_equal_pieces_come_to_what_piece_by_piece_does(rows, buy, get):
    pieces = sorted((row.total_minor // row.quantity, place) for place, row in enumerate(rows) for _n in range(row.quantity))
    free = pieces[: len(pieces) // (buy + get) * get]
    each = [row.total_minor - sum(price for price, of in free if of == place) for place, row in enumerate(rows)]
    terms = Terms("buy_get", buy_quantity=buy, get_quantity=get)
    assert [row.total_minor for row in pricing.left(Basket(rows), [terms]).lines] == each
    assert discounts(Basket(rows), [terms]) == [sum(price for price, _of in free)]


def test_a_million_pieces_take_no_memory_of_their_own():
    basket = Basket([Line(1, 1_000_000, 3_000_000), Line(2, 1_000_000, 1_000_000)])
    tracemalloc.start()
    taken = discounts(basket, [Terms("buy_get", buy_quantity=2, get_quantity=2)])
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (taken, peak < 100_000) == ([1_000_000], True)


def test_what_is_left_tells_the_least_it_may_be_sold_for():
    basket = Basket([Line(1, 2, 1_000, cost_minor=300), Line(2, 1, 500), Line(3, 1, 200, cost_minor=450)], 490)
    assert pricing.floor(basket) == 600 + 0 + 200
    left = pricing.left(basket, [Terms("percent", percent=10)])
    assert ([line.total_minor for line in left.lines], left.shipping_minor) == ([900, 450, 200], 490)
    assert left.total_minor - pricing.floor(left) == 300 + 450 + 490
