"""Whatever a marketplace's file holds: no crash, and each row is applied, rejected or left out and counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..damage import REFUSED, damaged, read_all
from . import test_amazon_orders as amazon
from . import test_ebay as ebay
from . import test_ecwid_orders as ecwid
from . import test_gumroad_sales as gumroad
from . import test_paypal_activity as paypal
from . import test_square as square
from . import test_stripe as stripe
from . import test_tiktok_orders as tiktok

_REFUND = {**paypal.ROW, "Type": "Payment Refund", "Gross": "-5.00", "Transaction ID": "T2", "Reference Txn ID": "T1"}
FILES = {
    "amazon_orders": amazon.tabbed(amazon.ROW, {**amazon.ROW, "order-item-id": "2"}, {**amazon.ROW, "order-id": "3"}),
    "ebay_orders": ebay.ORDERS,
    "ebay_transactions": ebay.LEDGER,
    "ecwid_orders": f"{ecwid.HEADER}\n{ecwid.FIRST}\n{ecwid.FIRST.replace('A12', 'A13')}\n",
    "gumroad_sales": gumroad.table(gumroad.ROW, {**gumroad.ROW, "Purchase ID": "g2"}),
    "paypal_activity": paypal.table(paypal.ROW, _REFUND, {**paypal.ROW, "Transaction ID": "T3", "Gross": "-9.00"}),
    "square_transactions": f"{square.TRANSACTIONS}\n{square.REFUND}\n{square.SALE}\n",
    "stripe_payments": stripe.table(stripe.ROW, {**stripe.ROW, "id": "ch_2", "Mode": "Test"}),
    "tiktok_orders": tiktok.table(tiktok.DESCRIPTION, tiktok.ROW, {**tiktok.ROW, "Order ID": "2"}),
}


@pytest.mark.parametrize("format", FILES)
def test_a_file_twice_changes_nothing(take, db, format):
    first = take(FILES[format], currency="USD").result
    again = take(FILES[format], currency="USD").result
    assert (first["format"], again["orders"]["created"], again["orders"]["updated"]) == (format, 0, 0)
    assert again["orders"]["unchanged"] == first["orders"]["created"] > 0
    assert (again["contacts"]["created"], again["contacts"]["updated"]) == (0, 0)
    assert [again[name] for name in ("rows", "rejected", "skipped", "gross_total", "refunded_total")] == [
        first[name] for name in ("rows", "rejected", "skipped", "gross_total", "refunded_total")
    ]


@pytest.mark.parametrize("format", FILES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_row_of_a_damaged_file_is_accounted_for(format, data):
    try:
        read = read_all(damaged(data.draw, FILES[format]), format)
    except REFUSED:
        return
    assert len(read.taken) == len(read.applied)
    for order in read.taken:
        assert (order.kind == "return") == (order.total_minor < 0)
        assert abs(order.total_minor) < 2**62
        assert 0 <= order.refunded_minor < 2**62
        assert 0 < len(order.number) <= 120
