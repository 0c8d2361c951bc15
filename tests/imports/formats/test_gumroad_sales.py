"""Gumroad's sales: 1 and 0, a row of totals, disputes, explicit refusals."""

import pytest

HEADER = (
    "Purchase ID,Item Name,Buyer Name,Purchase Email,Buyer Email,Do not contact?,Purchase Date,"
    "Purchase Time (UTC timezone),Subtotal ($),Taxes ($),Shipping ($),Sale Price ($),Net Total ($),City,Zip Code,"
    "Country,Referrer,Refunded?,Partial Refund ($),Fully Refunded?,Disputed?,Dispute Won?,Variants,Discount Code,"
    "Free trial purchase?,SKU ID,Quantity"
)
ROW = {
    "Purchase ID": "g1", "Item Name": "Planner", "Buyer Name": "Ann Example", "Purchase Email": "ann@example.com",
    "Do not contact?": 0, "Purchase Date": "2026-09-02", "Purchase Time (UTC timezone)": "10:00:00",
    "Subtotal ($)": "24.00", "Taxes ($)": "1.92", "Shipping ($)": "0.0", "Sale Price ($)": "25.92", "Zip Code": "01234",
    "Refunded?": 0, "Fully Refunded?": 0, "Disputed?": 0, "Dispute Won?": 0, "Quantity": 2, "Variants": "(Blue)",
}  # fmt: skip


def table(*rows):
    names = HEADER.split(",")
    return "\n".join([HEADER, *(",".join(str(row.get(name, "")) for name in names) for row in rows)]) + "\n"


def test_a_sale(parse):
    totals = {"Purchase ID": "Totals", "Subtotal ($)": "24.00", "Sale Price ($)": "25.92"}
    (order,) = parse(table(ROW, totals), currency="EUR", zone="Asia/Tokyo")
    assert (order.number, order.currency, order.total_minor, order.tax_minor, order.payment) == (
        "g1", "USD", 2592, 192, "paid",
    )  # fmt: skip
    assert order.placed_at.isoformat() == "2026-09-02T10:00:00+00:00"
    assert [(ln.name, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
        ("Planner (Blue)", 2, 1200, 2400)
    ]
    assert (order.person.email, order.person.postcode, order.person.consent) == ("ann@example.com", "01234", "")


@pytest.mark.parametrize(
    ("said", "refunded", "payment", "word"),
    [
        ({"Refunded?": 1, "Partial Refund ($)": "5.00"}, 500, "paid", ""),
        ({"Refunded?": 1, "Fully Refunded?": 1}, 2592, "refunded", ""),
        ({"Disputed?": 1}, 2592, "refunded", "disputed"),
        ({"Disputed?": 1, "Dispute Won?": 1}, 0, "paid", "disputed"),
        ({"Free trial purchase?": 1}, 0, "unpaid", "trial"),
        ({"Fully Refunded?": "false"}, 0, "paid", ""),
    ],
)
def test_what_was_given_back(parse, said, refunded, payment, word):
    (order,) = parse(table({**ROW, **said}))
    assert (order.refunded_minor, order.payment, order.payment_word) == (refunded, payment, word)


def test_do_not_contact_is_a_no(parse):
    (order,) = parse(table({**ROW, "Do not contact?": 1}))
    assert (order.person.consent, order.person.consent_detail) == ("no", "Gumroad: Do not contact? = 1")
