"""Points under many processes at once, on both databases, beside a naive way that must fail on PostgreSQL."""

import pytest

from crm.rewards.models import Account, Entry
from tests.concurrency.points_worker import HELD, ORDERS, TRIES

PROCESSES = 16
WORKER = "points_worker"

pytestmark = pytest.mark.slow


def balance_of_saver(crowd) -> int:
    return crowd.ask(
        f"SELECT a.balance FROM {Account._meta.db_table} a JOIN contacts_contact c ON c.id = a.contact_id "
        "WHERE c.name = 'Saver'"
    )[0][0]


def test_points_are_never_taken_twice(crowd):
    told = crowd.run(["take"] * PROCESSES)
    assert sum(one["taken"] for one in told) == HELD
    assert sum(one["refused"] for one in told) == PROCESSES * TRIES - HELD
    assert balance_of_saver(crowd) == 0
    assert crowd.wrong_books() == ["points_of_orders"]  # nobody has settled them here


@pytest.mark.postgres
def test_without_the_lock_points_are_taken_twice(postgres_crowd):
    told = postgres_crowd.run(["take_naively"] * PROCESSES)
    assert sum(one["taken"] for one in told) > HELD
    assert balance_of_saver(postgres_crowd) < 0


def test_one_form_sent_by_many_is_one_entry(crowd):
    told = crowd.run(["take_once"] * PROCESSES)
    assert len({one["entry"] for one in told}) == 1
    assert balance_of_saver(crowd) == HELD - 10


def test_points_are_never_redeemed_twice(crowd):
    told = crowd.run(["redeem"] * PROCESSES)
    assert sum(one["redeemed"] for one in told) == HELD // 10
    assert balance_of_saver(crowd) == 0
    assert crowd.ask("SELECT state, COUNT(*) FROM rewards_redemption GROUP BY state") == [("committed", HELD // 10)]
    assert crowd.wrong_books() == ["points_of_orders"]


def test_one_order_redeems_once_whoever_commits_or_rolls_back(crowd):
    told = crowd.run(["redeem_one_order"] * PROCESSES)
    assert len({one["redemption"] for one in told}) == 1
    [(state,)] = crowd.ask("SELECT state FROM rewards_redemption")
    assert (state, balance_of_saver(crowd)) == ("back", HELD)
    assert crowd.wrong_books() == ["points_of_orders"]


def test_any_mix_of_acts_leaves_nobody_below_zero_and_the_books_right(crowd):
    told = crowd.run(["mix"] * PROCESSES)
    acts = ("earned", "spent", "refused", "refunded", "merged", "parted")
    assert min(sum(one[what] for one in told) for what in acts) > 0
    assert crowd.ask("SELECT COUNT(*) FROM rewards_account WHERE balance < pending OR debt > 0") == [(0,)]
    assert crowd.wrong_books() == ["points_of_orders"]


def test_orders_settled_by_many_earn_once(crowd):
    told = crowd.run(["settle"] * 8)
    assert sum(one["written"] for one in told) == ORDERS
    table = Entry._meta.db_table
    of_these = "order_ref NOT IN (SELECT id FROM orders_order WHERE number LIKE 'M%')"
    assert crowd.ask(f"SELECT COUNT(*), SUM(points) FROM {table} WHERE kind = 'order' AND {of_these}") == [
        (ORDERS, sum(10 + number for number in range(ORDERS)))
    ]
    assert crowd.wrong_books() == []


def test_orders_settled_while_they_are_refunded_end_at_what_they_are_due(crowd):
    crowd.run(["settle", "refund", "settle", "refund", "settle", "refund"])
    assert crowd.ask("SELECT COUNT(*) FROM orders_order WHERE refunded_minor = 390") == [(ORDERS,)]
    assert crowd.wrong_books() == []
