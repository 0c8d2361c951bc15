"""TikTok Shop's orders: a row of descriptions, repeated totals, masked buyers, words in many languages."""

import datetime as dt

import pytest

NAMES = [
    "Order ID", "Order Status", "Order Substatus", "Cancelation/Return Type", "SKU ID", "Seller SKU", "Product Name",
    "Variation", "Quantity", "SKU Unit Original Price", "SKU Subtotal After Discount", "Shipping Fee After Discount",
    "Order Amount", "Order Refund Amount", "Created Time", "Paid Time", "Shipped Time", "Cancelled Time",
    "Buyer Username", "Recipient", "Phone #", "Country",
]  # fmt: skip
ROW = {
    "Order ID": "576460000000000001\t", "Order Status": "Completed", "SKU ID": "1729\t", "Seller SKU": "TEE-M",
    "Product Name": "Tee", "Variation": "M", "Quantity": 2, "SKU Unit Original Price": "$10.00",
    "SKU Subtotal After Discount": "$18.00", "Shipping Fee After Discount": "$4.00", "Order Amount": "$29.97",
    "Order Refund Amount": "$0.00", "Created Time": "09/22/2026 10:15:30 AM\t", "Paid Time": "09/22/2026 10:16:00 AM\t",
    "Cancelled Time": "\t", "Buyer Username": "ann_22", "Recipient": "A*** E***", "Phone #": "(+1)480*****01",
    "Country": "United States",
}  # fmt: skip
DESCRIPTION = {name: f"Platform unique {name} text" for name in NAMES}


def table(*rows):
    cells = [[str(row.get(name, "")) for name in NAMES] for row in ({name: name for name in NAMES}, *rows)]
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in cells) + "\n"


def test_rows_of_an_order_share_its_amount(parse):
    mug = {**ROW, "SKU ID": "1730\t", "Seller SKU": "MUG", "Product Name": "Mug", "Variation": "Default", "Quantity": 1,
           "SKU Subtotal After Discount": "$7.97"}  # fmt: skip
    (order,) = parse(table(DESCRIPTION, ROW, mug), currency="EUR")
    assert (parse.looked.format, parse.warned) == ("tiktok_orders", [("skipped_notes", 2)])
    assert (order.number, order.total_minor, order.shipping_minor, order.currency, order.payment) == (
        "576460000000000001", 2997, 400, "USD", "paid",
    )  # fmt: skip
    assert order.placed_at == dt.datetime(2026, 9, 22, 10, 15, 30, tzinfo=dt.UTC)
    assert [(ln.name, ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
        ("Tee (M)", "TEE-M", 2, 1000, 1800),
        ("Mug", "MUG", 1, 1000, 797),
    ]
    assert (order.person.key, order.person.name, order.person.phone, order.person.country) == (
        "ann_22", "", "", "United States",
    )  # fmt: skip


def test_masked_buyers_are_nobody_rather_than_one_person(parse):
    orders = parse(table({**ROW, "Buyer Username": "a***2"}, {**ROW, "Order ID": "2", "Buyer Username": "a***2"}))
    assert [order.person for order in orders] == [None, None]


@pytest.mark.parametrize(
    ("said", "payment", "is_cancelled"),
    [
        ({}, "paid", False),
        ({"Paid Time": "\t", "Order Status": "Unpaid"}, "unpaid", False),
        ({"Paid Time": "\t", "Order Status": "จัดส่งแล้ว", "Shipped Time": "09/23/2026 01:00:00 AM"}, "paid", False),
        ({"Order Status": "Canceled", "Cancelled Time": "09/23/2026 08:00:00 AM\t"}, "paid", True),
        ({"Order Status": "ยกเลิกแล้ว", "Paid Time": ""}, "unpaid", True),
    ],
)
def test_payment_in_any_language(parse, said, payment, is_cancelled):
    (order,) = parse(table({**ROW, **said}))
    assert (order.payment, order.cancelled_at is not None) == (payment, is_cancelled)


def test_brazilian_money(parse):
    amounts = {"SKU Unit Original Price": "BRL 1.045,90", "SKU Subtotal After Discount": "BRL 1.045,90",
               "Order Amount": "BRL 1.050,00", "Order Refund Amount": "BRL 50,00", "Shipping Fee After Discount": ""}  # fmt: skip
    (order,) = parse(table({**ROW, **amounts, "Quantity": 1}))
    assert (order.currency, order.total_minor, order.refunded_minor, order.lines[0].total_minor) == (
        "BRL", 105000, 5000, 104590,
    )  # fmt: skip
