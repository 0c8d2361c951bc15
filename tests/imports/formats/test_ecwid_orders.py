"""Ecwid's orders: a row per item or per order, any delimiter."""

import pytest

HEADER = (
    "order_number;email;order_date;payment_status;fulfillment_status;total;currency;shipping_cost;tax;coupon_code;"
    "billing_person_name;billing_phone;billing_city;sku;name;price;quantity"
)
FIRST = "A12;ann@example.com;2026-05-01 10:00:00;PAID;SHIPPED;24,00;EUR;4,00;3,20;HELLO;Ann Example;;Bonn;TEE;Tee;8,00;2"


def test_items_in_rows(parse):
    (order,) = parse(f"{HEADER}\n{FIRST}\nA12;;;;;;;;;;;;;MUG;Mug;4,00;1\n", currency="USD")
    assert parse.looked.format == "ecwid_orders"
    assert (order.number, order.total_minor, order.shipping_minor, order.tax_minor, order.currency, order.payment) == (
        "A12", 2400, 400, 320, "EUR", "paid",
    )  # fmt: skip
    assert [(ln.sku, ln.quantity, ln.total_minor) for ln in order.lines] == [("TEE", 2, 1600), ("MUG", 1, 400)]
    assert (order.person.email, order.person.name, order.person.city) == ("ann@example.com", "Ann Example", "Bonn")


@pytest.mark.parametrize(
    ("word", "payment", "is_cancelled"),
    [
        ("Awaiting Payment", "unpaid", False),
        ("AWAITING_PAYMENT", "unpaid", False),
        ("Partially Refunded", "partly_refunded", False),
        ("Cancelled", "unpaid", True),
        ("Sent by owl", "unknown", False),
    ],
)
def test_payment_words(parse, word, payment, is_cancelled):
    (order,) = parse(f"{HEADER}\n{FIRST.replace('PAID', word)}\n")
    assert (order.payment, order.payment_word, order.cancelled_at is not None) == (payment, word, is_cancelled)
