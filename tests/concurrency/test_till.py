"""The form of the till, sent by fifty at once, on both databases: one effect, and books that are right."""

import pytest

WORKER = "till_worker"
STATE = """
SELECT (SELECT count(*) FROM orders_order), (SELECT used_count FROM coupons_coupon),
       (SELECT count(*) FROM rewards_redemption), (SELECT balance FROM rewards_account)
"""

pytestmark = pytest.mark.slow


def test_one_form_sent_by_fifty_is_one_purchase(crowd):
    told = crowd.run(["sell_one_form"] * 50)
    assert len({one["order"] for one in told}) == 1
    assert (crowd.ask(STATE), crowd.wrong_books()) == ([(1, 1, 1, 100 - 60 + 6)], [])


def test_of_many_forms_that_want_the_last_coupon_one_gets_it(crowd):
    told = crowd.run(["sell_own_form"] * 16)
    assert sorted("order" in one for one in told) == [False] * 15 + [True]
    assert (crowd.ask(STATE), crowd.wrong_books()) == ([(1, 1, 1, 46)], [])
