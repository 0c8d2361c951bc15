"""One coupon under many processes at once, on both databases, beside a naive way that must fail on PostgreSQL.

COUPON_TRIES says how often each of the 16 processes tries: 100 here, 1,000 in `make prove`.
"""

import pytest

from tests.concurrency.coupons_worker import LIMIT, TRIES

PROCESSES = 16
WORKER = "coupons_worker"

pytestmark = pytest.mark.slow


def counters(crowd) -> list[tuple]:
    return crowd.ask("SELECT used_count, given_minor FROM coupons_coupon")


def test_a_coupon_is_used_exactly_as_often_as_it_may_be(crowd):
    told = crowd.run(["use"] * PROCESSES)
    assert sum(one["used"] for one in told) == LIMIT
    assert sum(one["refused"] for one in told) == PROCESSES * TRIES - LIMIT
    assert (counters(crowd), crowd.wrong_books()) == ([(LIMIT, LIMIT * 100)], [])


@pytest.mark.postgres
def test_without_the_guard_it_is_used_too_often(postgres_crowd):
    told = postgres_crowd.run(["use_naively"] * PROCESSES)
    assert sum(one["used"] for one in told) > LIMIT


def test_one_order_sent_by_fifty_is_one_use(crowd):
    told = crowd.run(["use_once"] * 50)
    assert len({one["use"] for one in told}) == 1
    assert counters(crowd) == [(1, 100)]


def test_what_is_taken_back_is_freed_exactly_once(crowd):
    crowd.run(["use_and_take_back"] * 8)
    assert (counters(crowd), crowd.wrong_books()) == ([(0, 0)], [])
