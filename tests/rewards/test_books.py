"""Each check finds what it is for, and nothing else; the tables are harmed behind the guards' back."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from crm.contacts.models import Contact
from crm.lib import books
from crm.orders import standing
from crm.orders.models import Order
from crm.rewards import ledger, redeeming, settling, triggers
from crm.rewards.models import Entry, Rule
from tests.rewards.conftest import amend, new_contact, new_order


@pytest.fixture
def shop_with_points(rule, mia, now):
    orders = [new_order(mia, now, 8000), new_order(new_contact(now), now, 1000), new_order(mia, now, payment="unpaid")]
    settling.settle([order.pk for order in orders], now=now)
    ledger.adjust(mia.pk, points=-5, reason="coffee", key="a", now=now)
    standing.refresh(Contact.objects.values_list("pk", flat=True))
    return orders


def harm(*statements):
    with triggers.lifted(), connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def wrong():
    return {finding.name for finding in books.run_all() if not finding.ok}


def test_right_books_are_right(shop_with_points):
    assert wrong() == set()


def test_empty_box_is_right(db):
    assert wrong() == set()


def test_balance_that_is_not_the_sum_is_found(shop_with_points):
    harm("UPDATE rewards_account SET balance = balance + 1 WHERE balance = 75")
    assert wrong() == {"points_balances", "points_lots", "points_shown"}


def test_changed_entry_is_found(shop_with_points):
    harm("UPDATE rewards_entry SET points = 81 WHERE points = 80")
    assert wrong() == {"points_balances", "points_lot_entries", "points_of_orders"}


def test_deleted_entry_is_found(shop_with_points):
    harm("DELETE FROM rewards_allocation", "DELETE FROM rewards_entry WHERE points = -5")
    assert wrong() == {"points_balances", "points_lot_entries"}


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE rewards_lot SET remaining = remaining + 1 WHERE remaining = 75", {"points_lots", "points_lot_entries"}),
        ("UPDATE rewards_lot SET state = 'pending', activates_at = '2030-01-01' WHERE remaining = 75", {"points_lots"}),
        ("UPDATE rewards_account SET pending = 3 WHERE balance = 75", {"points_lots", "points_shown"}),
        ("UPDATE rewards_account SET debt = 3 WHERE balance = 75", {"points_lots", "points_paid"}),
        ("UPDATE rewards_allocation SET points = 4", {"points_lot_entries", "points_paid"}),
        ("DELETE FROM rewards_allocation", {"points_lot_entries", "points_paid"}),
        ("UPDATE rewards_lot SET account_id = (SELECT MAX(id) FROM rewards_account) WHERE remaining = 75",
         {"points_lots", "points_lot_entries", "points_paid"}),
    ],
)  # fmt: skip
def test_harmed_lot_is_found(shop_with_points, sql, found):
    harm(sql)
    assert wrong() == found


def test_redemption_without_its_points_is_found(shop_with_points, mia, now):
    redeeming.reserve(mia.pk, points=10, key="order:1", now=now)
    assert wrong() == set()
    harm("UPDATE rewards_redemption SET state = 'back', settled_at = reserved_at")
    assert wrong() == {"points_redeemed"}

def test_customer_showing_another_balance_is_found(shop_with_points):
    Contact.objects.filter(points_balance=75).update(points_balance=76)
    assert wrong() == {"points_shown"}


def test_missing_trigger_is_found(shop_with_points):
    with connection.cursor() as cursor:
        triggers._drop(cursor, "rewards_entry_unchanged")
    assert wrong() == {"points_guards"}


def test_order_that_was_not_settled_is_found(shop_with_points):
    order = amend(shop_with_points[0], refunded_minor=1000, payment="partly_refunded")
    standing.refresh([order.contact_id])
    assert wrong() == {"points_of_orders"}


def test_removed_order_that_was_not_settled_is_found(shop_with_points):
    contact_id = shop_with_points[0].contact_id
    shop_with_points[0].delete()
    standing.refresh([contact_id])
    assert wrong() == {"points_of_orders"}


def test_order_waiting_for_a_changed_rule_is_not_an_error(shop_with_points, rule, now):
    settled = Order.objects.order_by("pk").first()
    Rule.objects.update(catch_up_from=rule.starts_on, catch_up_after_id=settled.pk)
    Entry.objects.count()
    findings = {finding.name: finding for finding in books.run_all()}
    assert findings["points_of_orders"].ok
    assert findings["points_of_orders"].detail == "1 order has the points it is due; 2 wait for a changed rule."


def test_wrong_net_and_standing_are_found(shop_with_points):
    Order.objects.filter(total_minor=1000).update(net_minor=900)
    assert wrong() == {"orders_net", "customers_standing"}
    Order.objects.filter(total_minor=1000).update(net_minor=0, counts=False)
    assert wrong() == {"orders_net", "customers_standing", "points_of_orders"}


def test_command_prints_one_object_and_fails_when_something_is_wrong(shop_with_points, capsys):
    call_command("check_books", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert [check["name"] for check in said["checks"]] == list(books.CHECKS)
    Contact.objects.filter(points_balance=75).update(points_balance=76)
    with pytest.raises(CommandError, match="points_shown"):
        call_command("check_books", "--json")
    said = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in said["checks"] if not check["ok"]] == ["points_shown"]


def test_check_that_cannot_run_counts_as_wrong(db, monkeypatch):
    def broken():
        raise RuntimeError("no table")

    monkeypatch.setattr(books, "CHECKS", {"broken": broken})
    assert books.run_all() == [books.Finding("broken", False, "RuntimeError: no table")]
