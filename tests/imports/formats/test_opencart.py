"""OpenCart: its order table as extensions write it."""

import datetime as dt

import pytest

from .sheets import sheet

HEADER = (
    "order_id,invoice_no,store_name,customer_id,firstname,lastname,email,telephone,payment_company,payment_address_1,"
    "payment_city,payment_postcode,payment_zone,payment_country,payment_method,comment,total,order_status,"
    "currency_code,currency_value,date_added,ip"
)
LINES = HEADER + ",product_name,model,quantity,price,product_total"
ORDER = {
    "order_id": 41, "store_name": "Main", "customer_id": 3, "firstname": "Ann", "lastname": "Example",
    "email": "ann@example.com", "telephone": "030 555123456", "payment_city": "Bonn", "payment_country": "Germany",
    "total": "23.5000", "order_status": "Complete", "currency_code": "EUR", "currency_value": "1.00000000",
    "date_added": "2026-05-01 10:30:00", "ip": "192.0.2.7",
}  # fmt: skip
TEA = {**ORDER, "product_name": "Tea", "model": "T1", "quantity": 2, "price": "7.5000", "product_total": "15.0000"}
POT = {**ORDER, "product_name": "Pot", "model": "P1", "quantity": 1, "price": "8.5000"}


def test_one_row_per_order(parse):
    (order,) = parse(sheet(HEADER, ORDER))
    assert parse.looked.format == "opencart_orders"
    assert (order.number, order.total_minor, order.currency, order.lines) == ("41", 2350, "EUR", [])
    assert order.placed_at == dt.datetime(2026, 5, 1, 10, 30, tzinfo=dt.UTC)
    assert (order.person.key, order.person.name, order.person.email, order.person.city) == (
        "3", "Ann Example", "ann@example.com", "Bonn",
    )  # fmt: skip


def test_one_row_per_product(parse):
    (order,) = parse(sheet(LINES, TEA, POT))
    assert (order.total_minor, [(ln.name, ln.sku, ln.quantity, ln.total_minor) for ln in order.lines]) == (
        2350,
        [("Tea", "T1", 2, 1500), ("Pot", "P1", 1, 850)],
    )


def test_amounts_are_the_shops_where_the_buyer_paid_in_another_currency(parse):
    (order,) = parse(sheet(HEADER, {**ORDER, "currency_code": "USD", "currency_value": "1.08"}), currency="EUR")
    assert (order.currency, order.total_minor) == ("EUR", 2350)


@pytest.mark.parametrize(
    ("status", "payment", "gone"),
    [
        ("Processing", "paid", False),
        ("5", "paid", False),
        ("Pending", "unpaid", False),
        ("Canceled", "unpaid", True),
        ("7", "unpaid", True),
        ("Chargeback", "refunded", False),
        ("Wrapped", "unknown", False),
    ],
)
def test_status(parse, status, payment, gone):
    (order,) = parse(sheet(HEADER, {**ORDER, "order_status": status}))
    assert (order.payment, order.cancelled_at is not None) == (payment, gone)


def test_an_unfinished_checkout_is_no_order(parse):
    assert parse(sheet(HEADER.replace("order_status", "order_status_id"), {**ORDER, "order_status_id": "0"})) == []
    assert parse.warned == [("skipped_abandoned", 2)]


def test_a_guest(parse):
    (order,) = parse(sheet(HEADER, {**ORDER, "customer_id": 0}))
    assert (order.person.key, order.person.email) == ("", "ann@example.com")


def test_headers_of_another_extension(parse):
    header = (
        "Order ID,Invoice Number,Store Name,Customer,Customer Email,Customer Telephone,Total (Price),Date of Purchase,"
    )
    header += "Quantity,Product Name"
    row = {
        "Order ID": 9, "Store Name": "Main", "Customer": "Ann Example", "Customer Email": "ann@example.com",
        "Total (Price)": "$23.50", "Date of Purchase": "13/05/2026", "Quantity": 1, "Product Name": "Tea",
    }  # fmt: skip
    (order,) = parse(sheet(header, row))
    assert (parse.looked.format, order.number, order.total_minor, order.person.name, order.placed_at.day) == (
        "opencart_orders", "9", 2350, "Ann Example", 13,
    )  # fmt: skip
