"""Big Cartel: items packed in one cell."""

import datetime as dt

import pytest

from .sheets import sheet

HEADER = (
    "Number,Buyer first name,Buyer last name,Buyer email,Buyer phone number,Date,Time,Status,Payment status,"
    "Transaction ID,Shipping status,Shipping methods,Shipping address 1,Shipping address 2,Shipping city,Shipping state,"
    "Shipping zip,Shipping country,Currency,Items,Item count,Item total,Total price,Total shipping,Total tax,"
    "Tax remitted by Big Cartel,Total discount,Discount code,Source,Note,Private notes"
)
ORDER = {
    "Number": "ABCD-123456", "Buyer first name": "Ann", "Buyer last name": "Example", "Buyer email": "ann@example.com",
    "Date": "2026-05-01", "Time": "2:33 AM EDT", "Status": "completed", "Payment status": "completed", "Source": "Online",
    "Transaction ID": "pi_1", "Shipping city": "Salem", "Shipping zip": "'01970",
    "Items": "product_name:Tee; the good one|product_option_name:Small|quantity:2|price:10.0|total:20.0;"
    "product_name:Pin|product_option_name:|quantity:1|price:3.0|total:3.0",
    "Total price": "26.50", "Total shipping": "4.50", "Total tax": "0.00", "Total discount": "1.00", "Currency": "USD",
}  # fmt: skip


def test_an_order(parse):
    (order,) = parse(sheet(HEADER, ORDER))
    assert parse.looked.format == "bigcartel_orders"
    assert (order.number, order.total_minor, order.shipping_minor, order.discount_minor, order.currency) == (
        "ABCD-123456", 2650, 450, 100, "USD",
    )  # fmt: skip
    assert order.placed_at == dt.datetime(2026, 5, 1, 6, 33, tzinfo=dt.UTC)
    assert (order.payment, order.channel) == ("paid", "Online")
    assert HEADER.split(",").index("Transaction ID") in parse.looked.header.private()
    assert [(ln.name, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
        ("Tee; the good one, Small", 2, 1000, 2000),
        ("Pin", 1, 300, 300),
    ]
    assert (order.person.name, order.person.email, order.person.postcode) == ("Ann Example", "ann@example.com", "01970")


@pytest.mark.parametrize(
    ("status", "payment", "gone"),
    [("paid", "paid", False), ("Unpaid", "unpaid", False), ("canceled", "unpaid", True), ("odd", "unknown", False)],
)
def test_status(parse, status, payment, gone):
    older = HEADER.replace("Payment status,", "")
    for header in (HEADER, older):
        (order,) = parse(sheet(header, {**ORDER, "Status": status, "Payment status": status}))
        assert (order.payment, order.cancelled_at is not None) == (payment, gone)


def test_a_paid_order_may_be_cancelled(parse):
    (order,) = parse(sheet(HEADER, {**ORDER, "Status": "canceled", "Payment status": "completed"}))
    assert (order.payment, order.cancelled_at is not None) == ("paid", True)
