"""Merges at the same time, on both databases: nobody is dropped twice, no order and no point is lost."""

import pytest

from tests.concurrency.merging_worker import HELD, ORDERS, RING

WORKER = "merging_worker"
PEOPLE = "SELECT COUNT(*), SUM(points_balance) FROM contacts_contact"

pytestmark = pytest.mark.slow


def test_the_same_two_are_merged_once_and_parted_once(crowd):
    told = crowd.run(["merge_pair"] * 8)
    assert len({one["merge"] for one in told}) == 1
    assert crowd.ask(PEOPLE) == [(RING - 1, RING * HELD)]
    assert crowd.wrong_books() == []
    assert [one["undone"] for one in crowd.run(["undo"] * 4)] == [True] * 4
    assert crowd.ask(PEOPLE) == [(RING, RING * HELD)]
    assert crowd.ask("SELECT COUNT(*) FROM rewards_account WHERE balance = 100") == [(RING,)]
    assert crowd.wrong_books() == []


def test_a_ring_ends_in_one(crowd):
    crowd.run(["merge_ring"] * 8)
    crowd.run(["merge_ring"])
    assert crowd.ask(PEOPLE) == [(1, RING * HELD)]
    assert crowd.ask("SELECT COUNT(*), COUNT(DISTINCT dropped_id) FROM contacts_merge") == [(RING - 1, RING - 1)]
    assert crowd.wrong_books() == []


def test_orders_that_arrive_meanwhile_go_to_the_kept_one(crowd):
    crowd.run(["buy", "buy", "buy", "merge_pair", "merge_pair", "buy"])
    count = 4 * ORDERS
    assert crowd.ask("SELECT COUNT(*), COUNT(DISTINCT contact_id) FROM orders_order") == [(count, 1)]
    assert crowd.ask(PEOPLE) == [(RING - 1, RING * HELD + count * 10)]
    assert crowd.wrong_books() == []
