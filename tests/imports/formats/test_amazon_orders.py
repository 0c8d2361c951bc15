"""Amazon's order reports: line totals, relay addresses, inches."""

import datetime as dt

import pytest

from crm.imports.formats.base import BadRow

NAMES = [
    "order-id", "order-item-id", "purchase-date", "payments-date", "buyer-email", "buyer-name", "buyer-phone-number",
    "sku", "product-name", "quantity-purchased", "item-price", "item-tax", "shipping-price", "shipping-tax",
    "ship-address-1", "ship-city", "ship-postal-code", "ship-country",
]  # fmt: skip
ROW = {
    "order-id": "111-0000001-0000001", "order-item-id": "1", "purchase-date": "2026-03-01T10:00:00+00:00",
    "buyer-email": "Abc@marketplace.amazon.co.uk", "buyer-name": "Ann Example", "sku": "RULER",
    "product-name": 'Steel ruler 12" long', "quantity-purchased": 3, "item-price": "30.00", "item-tax": "2.00",
    "shipping-price": "4.00", "shipping-tax": "0.30", "ship-city": "Leeds", "ship-country": "GB",
}  # fmt: skip


def tabbed(*rows, names=NAMES):
    return "\n".join("\t".join(str(row.get(name, "")) for name in names) for row in ({n: n for n in names}, *rows)) + "\n"


def test_the_price_is_that_of_the_whole_line_and_a_quote_is_an_inch(parse):
    (order,) = parse(tabbed(ROW, {**ROW, "order-item-id": "2", "sku": "PEN", "product-name": "Pen", "quantity-purchased": 1,
                                  "item-price": "5.00", "item-tax": "", "shipping-price": "", "shipping-tax": ""}))  # fmt: skip
    assert [(ln.name, ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
        ('Steel ruler 12" long', "RULER", 3, 1000, 3000),
        ("Pen", "PEN", 1, 500, 500),
    ]
    assert (order.number, order.total_minor, order.shipping_minor, order.tax_minor) == (
        "111-0000001-0000001", 3900, 400, 230,
    )  # fmt: skip
    assert order.placed_at == dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
    assert parse.warned == [("no_total_column", 2)]
    assert parse.looked.format == "amazon_orders"


@pytest.mark.parametrize("name", ['"Vintage" tee', '"Big ruler', 'Ruler 12"', '"'])
def test_a_quote_anywhere_in_a_name_swallows_no_row(parse, name):
    orders = parse(tabbed({**ROW, "product-name": name}, *({**ROW, "order-id": number} for number in "23")))
    assert [(order.number, order.lines[0].name) for order in orders] == [
        ("111-0000001-0000001", name),
        ("2", 'Steel ruler 12" long'),
        ("3", 'Steel ruler 12" long'),
    ]


def test_two_equal_items_of_one_order_are_two_lines(parse):
    (order,) = parse(tabbed(ROW, {**ROW, "order-item-id": "2"}, ROW))
    assert [line.total_minor for line in order.lines] == [3000, 3000]


def test_a_relay_address_is_a_key_and_never_an_address(parse):
    one, two = parse(tabbed(ROW, {**ROW, "order-id": "2", "buyer-email": "xyz@marketplace.amazon.com"}), currency="EUR")
    assert (one.person.key, one.person.email, two.person.key) == (
        "abc@marketplace.amazon.co.uk", "", "xyz@marketplace.amazon.com",
    )  # fmt: skip
    assert (one.currency, two.currency) == ("GBP", "USD")  # the relay tells the marketplace


def test_a_phone_with_an_extension_is_a_relay_too(parse):
    (order,) = parse(tabbed({**ROW, "buyer-phone-number": "+1 347-448-3190 ext. 12345"}))
    assert order.person.phone == ""


def test_an_ordinary_address_is_kept_as_one(parse):
    (order,) = parse(tabbed({**ROW, "buyer-email": "ann@example.com"}))
    assert (order.person.key, order.person.email) == ("", "ann@example.com")


ALL_ORDERS = [
    "amazon-order-id", "purchase-date", "order-status", "sales-channel", "product-name", "sku", "item-status", "quantity",
    "currency", "item-price", "item-tax", "shipping-price", "item-promotion-discount", "ship-promotion-discount",
]  # fmt: skip


def test_the_report_of_all_orders_names_no_buyer(parse):
    row = {
        "amazon-order-id": "302-1", "purchase-date": "2026-03-01T10:00:00+00:00", "order-status": "Shipped",
        "sales-channel": "Amazon.de", "product-name": "Lineal", "sku": "L", "item-status": "Shipped", "quantity": 2,
        "currency": "EUR", "item-price": "20.00", "shipping-price": "3.00", "item-promotion-discount": "2.00",
        "ship-promotion-discount": "3.00",
    }  # fmt: skip
    cancelled = {**row, "amazon-order-id": "302-2", "order-status": "Cancelled", "item-price": "", "currency": ""}
    pending = {**row, "amazon-order-id": "302-3", "order-status": "Pending"}
    shipped, gone, waiting = parse(tabbed(row, cancelled, pending, names=ALL_ORDERS), currency="USD")
    assert (shipped.person, shipped.currency, shipped.total_minor, shipped.discount_minor, shipped.payment) == (
        None, "EUR", 1800, 500, "paid",
    )  # fmt: skip
    assert (gone.payment, gone.cancelled_at, gone.currency) == ("unpaid", gone.placed_at, "EUR")
    assert (waiting.payment, waiting.cancelled_at) == ("unpaid", None)


def test_a_row_without_a_date_is_rejected(parse):
    (bad,) = parse(tabbed({**ROW, "purchase-date": "not-a-date"}))
    assert (type(bad), bad.line_number, bad.reason) == (BadRow, 2, "“not-a-date” is not a date we can read")
