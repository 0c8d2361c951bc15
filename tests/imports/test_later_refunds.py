"""A refund whose sale came with an earlier file goes to that sale, once, whatever order the files come in."""

import pytest
from django.db.models import Sum

from crm.imports import undoing
from crm.orders.models import Order, Refund
from crm.rewards.models import Account, Rule

from .formats import test_ebay as ebay
from .formats.test_paypal_activity import ROW, table

pytestmark = pytest.mark.django_db

SALE = {**ROW, "Gross": "149.00"}
REFUND = {**ROW, "Date": "10/25/2026", "Type": "Payment Refund", "Gross": "-49.00", "Transaction ID": "R1",
          "Reference Txn ID": ROW["Transaction ID"]}  # fmt: skip
REST = {**REFUND, "Date": "11/02/2026", "Gross": "-100.00", "Transaction ID": "R2"}


def state() -> list[tuple]:
    return list(Order.objects.order_by("number").values_list("total_minor", "refunded_minor", "net_minor", "payment"))


def test_a_refund_of_another_month_goes_to_its_sale(take):
    take(table(SALE), "september.csv", currency="USD")
    second = take(table(REFUND), "october.csv", currency="USD").result
    assert state() == [(14900, 4900, 10000, "partly_refunded")]
    assert (second["orders"], second["rejected"], second["gross_total"], second["stored_total"]) == (
        {"created": 0, "updated": 1, "unchanged": 0}, 0, {"USD": "0.00"}, {},
    )  # fmt: skip
    assert second["refunded_total"] == {"USD": "49.00"}
    take(table(REST), "november.csv", currency="USD")
    assert state() == [(14900, 14900, 0, "refunded")]


@pytest.mark.parametrize(
    "files", [[[SALE], [REFUND], [REFUND, REST], [SALE]], [[SALE, REFUND], [REST]], [[SALE, REFUND, REST]],
              [[SALE, REST], [SALE, REFUND]]],
)  # fmt: skip
def test_whatever_files_tell_a_refund_it_counts_once(take, files):
    for number, rows in enumerate(files):
        take(table(*rows), f"{number}.csv", currency="USD")
    assert state() == [(14900, 14900, 0, "refunded")]
    assert Refund.objects.aggregate(Sum("amount_minor"))["amount_minor__sum"] == 14900


def test_a_refund_that_came_before_its_sale_waits_among_the_rejected_rows(take):
    other = {**SALE, "Transaction ID": "T9", "Gross": "5.00"}
    first = take(table(other, REFUND), "october.csv", currency="USD").result
    assert (first["rejected"], first["without_sale"]) == (1, 1)
    take(table(SALE), "september.csv", currency="USD")
    again = take(table(other, REFUND), "october.csv", currency="USD").result
    assert (again["rejected"], again["orders"]["updated"]) == (0, 1)
    assert (14900, 4900, 10000, "partly_refunded") in state()


def test_a_refund_in_another_currency_is_rejected_with_the_reason(take):
    take(table(SALE), "september.csv", currency="USD")
    importing = take(table({**REFUND, "Currency": "CAD"}), "october.csv", currency="USD")
    assert importing.rejected_rows.get().reason == "The sale that was refunded is in another currency"
    assert state() == [(14900, 0, 14900, "paid")]


def test_points_go_with_the_refund_and_come_back_with_an_undo(take, now):
    Rule.objects.create(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on="2020-01-01"
    )
    euros = {"Currency": "EUR"}
    take(table(SALE | euros), "september.csv", currency="EUR")
    earned = Account.objects.get().balance
    second = take(table(REFUND | euros), "october.csv", currency="EUR")
    assert (earned, Account.objects.get().balance) == (100, 51)  # shipping earns nothing
    undoing.undo(second.pk, now=now)
    assert (state(), Account.objects.get().balance) == ([(14900, 0, 14900, "paid")], 100)


def test_ebay_tells_its_refunds_by_their_own_numbers(take, parse):
    orders = [item for item in parse(ebay.LEDGER) if getattr(item, "refunds", ())]
    assert orders
    assert all(sum(amount for _key, amount, _at in order.refunds) == order.refunded_minor for order in orders)


def test_two_equal_refunds_of_one_day_are_two(take):
    refund = next(line for line in ebay.LEDGER.splitlines() if '"Refund","12-1"' in line)
    take(ebay.LEDGER.replace(refund, f"{refund}\n{refund.replace('Ann Example', 'Ann  Example')}"), currency="USD")
    assert state() == [(2660, 2000, 660, "partly_refunded")]
