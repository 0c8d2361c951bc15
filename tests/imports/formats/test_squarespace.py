"""Squarespace: items on rows of their own, the order on the first of them only."""

import datetime as dt

import pytest

from .sheets import sheet

HEADER = (
    "Order ID,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,Shipping,Taxes,"
    "Amount Refunded,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem sku,Lineitem variant,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing Address1,Billing Address2,Billing City,Billing Zip,"
    "Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Phone,Cancelled at,Private Notes,"
    "Payment Method,Payment Reference,Channel Type,Channel Name,Channel Order Number,Product Form: Email"
)
ORDER = {
    "Order ID": "00021", "Email": "ann@example.com", "Financial Status": "PAID", "Fulfillment Status": "pending",
    "Currency": "USD", "Subtotal": "28.00", "Shipping": "6.00", "Taxes": "1.40", "Amount Refunded": "0.00",
    "Total": "33.40", "Discount Code": "HI", "Discount Amount": "2.00", "Created at": "2026-07-25 21:06:10 -0400",
    "Lineitem quantity": 2, "Lineitem name": "Coffee", "Lineitem price": "10.00", "Lineitem sku": "SQ1",
    "Lineitem variant": "200g", "Billing Name": "Ann Example", "Billing Address1": "1 Way", "Billing City": "Salem",
    "Billing Zip": "'01970", "Billing Country": "United States", "Shipping Phone": "(555) 555-0100",
    "Product Form: Email": "gift@example.com",
}  # fmt: skip
SECOND = {"Order ID": "00021", "Lineitem quantity": 1, "Lineitem name": "Mug", "Lineitem price": "10.00"}


def test_an_order_of_two_rows(parse):
    (order,) = parse(sheet(HEADER, ORDER, SECOND, {}))
    assert parse.looked.format == "squarespace_orders"
    assert (order.source, order.number, order.currency) == ("squarespace", "00021", "USD")
    assert order.placed_at == dt.datetime(2026, 7, 26, 1, 6, 10, tzinfo=dt.UTC)
    assert (order.total_minor, order.shipping_minor, order.tax_minor, order.discount_minor) == (3340, 600, 140, 200)
    assert [(ln.name, ln.sku, ln.quantity, ln.total_minor) for ln in order.lines] == [
        ("Coffee, 200g", "SQ1", 2, 2000),
        ("Mug", "", 1, 1000),
    ]
    person = order.person
    assert (person.email, person.name, person.postcode, person.phone, person.consent, order.channel) == (
        "ann@example.com", "Ann Example", "01970", "(555) 555-0100", "", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "payment"),
    [("PAID", "paid"), ("refunded", "refunded"), ("PARTIALLY_REFUNDED", "partly_refunded"), ("Pending", "unpaid"),
     ("odd", "unknown")],
)  # fmt: skip
def test_status_in_any_case(parse, status, payment):
    (order,) = parse(sheet(HEADER, {**ORDER, "Financial Status": status}))
    assert (order.payment, order.payment_word) == (payment, status)


def test_cancelled_by_its_date_else_by_its_fulfilment(parse):
    dated, worded = parse(
        sheet(
            HEADER,
            {**ORDER, "Cancelled at": "2026-07-27 08:00:00 +0000"},
            {**ORDER, "Order ID": "00022", "Fulfillment Status": "cancelled"},
        )
    )
    assert dated.cancelled_at == dt.datetime(2026, 7, 27, 8, tzinfo=dt.UTC)
    assert worded.cancelled_at == worded.placed_at


def test_dates_after_a_spreadsheet(parse):
    first, second = parse(
        sheet(
            HEADER,
            {**ORDER, "Created at": "8/4/2018 19:26"},
            {**ORDER, "Order ID": "2", "Created at": "7/25/2018 22:12"},
        )
    )
    assert (first.placed_at.month, second.placed_at.month) == (8, 7)


def test_a_file_without_currency_is_in_the_shops(parse):
    header = HEADER.replace("Currency,", "")
    assert [order.currency for order in parse(sheet(header, ORDER), currency="GBP")] == ["GBP"]
