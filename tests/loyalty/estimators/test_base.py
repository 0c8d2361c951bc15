"""What was known on a day, and the one line per buyer."""

import numpy as np
import pytest

from loyalty.estimators.base import NEVER, History, NotEnoughData, counts_between, summarise


def small(**changes) -> History:
    """Two customers: 10 buys on days 0, 10 (twice) and 40; 20 buys once, on day 5."""
    given = {
        "as_of": 50,
        "customer_ids": np.array([10, 20]),
        "order_customer": np.array([0, 0, 0, 0, 1], np.int32),
        "order_day": np.array([0, 10, 10, 40, 5], np.int32),
        "order_amount": np.array([1000, 500, 700, 2000, 300]),
    }
    return History(**(given | changes))


def test_orders_of_one_day_are_one_visit():
    visits = small().visits
    assert visits.customer.tolist() == [0, 0, 0, 1]
    assert visits.day.tolist() == [0, 10, 40, 5]
    assert visits.amount.tolist() == [1000, 1200, 2000, 300]


def test_summary_says_the_papers_numbers():
    s = summarise(small())
    assert s.repeats.tolist() == [2, 0]
    assert s.recency.tolist() == [40, 0]
    assert s.age.tolist() == [50, 45]
    assert s.quiet.tolist() == [10, 45]
    assert s.spend.tolist() == [4200, 300]
    assert s.mean_gap[0] == 20
    assert s.max_gap[0] == 30
    assert s.last_gap[0] == 30
    assert np.isnan(s.mean_gap[1])


def test_a_cut_forgets_everything_later():
    s = summarise(small().upto(10))
    assert s.visits.tolist() == [2, 1]
    assert s.quiet.tolist() == [0, 5]


def test_a_refund_lowers_money_from_its_day_on_and_adds_no_purchase():
    history = small(
        refund_order=np.array([3], np.int32), refund_customer=np.array([0], np.int32),
        refund_day=np.array([45], np.int32), refund_amount=np.array([1500]),
    )  # fmt: skip
    assert summarise(history.upto(44)).spend.tolist() == [4200, 300]
    assert summarise(history.upto(45)).spend.tolist() == [2700, 300]
    assert summarise(history.upto(45)).visits.tolist() == [3, 1]


def test_a_return_slip_without_an_order_lowers_the_customers_money():
    history = small(
        refund_order=np.array([-1], np.int32), refund_customer=np.array([1], np.int32),
        refund_day=np.array([20], np.int32), refund_amount=np.array([100]),
    )  # fmt: skip
    assert summarise(history.upto(19)).spend.tolist() == [2200, 300]
    assert summarise(history.upto(50)).spend.tolist() == [4200, 200]


def test_an_order_counts_until_the_day_it_was_cancelled():
    history = small(
        order_void_day=np.array([NEVER, NEVER, NEVER, 47, NEVER], np.int32),
        refund_order=np.array([3], np.int32), refund_customer=np.array([0], np.int32),
        refund_day=np.array([47], np.int32), refund_amount=np.array([2000]),
    )  # fmt: skip
    assert summarise(history.upto(46)).visits.tolist() == [3, 1]
    assert summarise(history.upto(47)).visits.tolist() == [2, 1]
    assert summarise(history.upto(47)).spend.tolist() == [2200, 300]
    assert summarise(history).visits.tolist() == [2, 1]


def test_lines_follow_their_orders_through_a_cut():
    history = small(
        product_ids=np.array([7, 8]), product_active=np.array([True, True]),
        line_order=np.array([0, 1, 2, 3, 4], np.int32), line_product=np.array([0, 1, 0, 1, 0], np.int32),
        line_quantity=np.ones(5, np.float32), line_amount=np.array([1000, 500, 700, 2000, 300]),
    )  # fmt: skip
    cut = history.upto(10)
    assert cut.line_order.tolist() == [0, 1, 2, 3]
    assert cut.order_amount[cut.line_order].tolist() == cut.line_amount.tolist()


def test_counts_between_are_inclusive():
    visits, spent = counts_between(small(), 5, 10)
    assert visits.tolist() == [1, 1]
    assert spent.tolist() == [1200, 300]


def test_some_customers_keep_their_own_past():
    history = small(
        refund_order=np.array([4, -1], np.int32), refund_customer=np.array([1, 1], np.int32),
        refund_day=np.array([6, 7], np.int32), refund_amount=np.array([50, 20]),
    )  # fmt: skip
    part = history.of_customers(np.array([False, True]))
    assert part.customer_ids.tolist() == [20]
    assert summarise(part).spend.tolist() == [230]


def test_no_orders_is_not_enough():
    with pytest.raises(NotEnoughData, match="at least 1 is needed"):
        summarise(small().upto(-1))
