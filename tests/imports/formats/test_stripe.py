"""Stripe's payments and customers: currencies in lower case, tests, attempts, consent at checkout."""

import pytest

HEADER = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Description,Mode,PaymentIntent ID,"
    "Refunded date (UTC),Status,Card Last4,Card Name,Customer ID,Customer Email,Customer Phone,Invoice Number,"
    "Checkout Promotional Consent"
)
ROW = {
    "id": "ch_1", "Created date (UTC)": "2026-03-01 23:30:00", "Amount": "1,149.00", "Amount Refunded": "0.00",
    "Currency": "eur", "Captured": "TRUE", "Description": "Course", "Mode": "Live", "Status": "Paid",
    "Card Last4": "4242", "Customer ID": "cus_A", "Customer Email": "Ann@Example.com", "Card Name": "Ann Example",
}  # fmt: skip


def table(*rows):
    names = HEADER.split(",")
    return "\n".join([HEADER, *(",".join(f'"{row.get(name, "")}"' for name in names) for row in rows)]) + "\n"


def test_a_payment(parse):
    (order,) = parse(table(ROW), currency="USD", zone="Asia/Tokyo")
    assert parse.looked.format == "stripe_payments"
    assert (order.number, order.currency, order.total_minor, order.payment, order.payment_word) == (
        "ch_1", "EUR", 114900, "paid", "Paid",
    )  # fmt: skip
    assert order.placed_at.isoformat() == "2026-03-01T23:30:00+00:00"
    assert (order.person.key, order.person.email, order.person.name) == ("cus_A", "Ann@Example.com", "Ann Example")
    assert HEADER.split(",").index("Card Last4") in parse.looked.header.secret()


def test_yen_has_no_cents(parse):
    (order,) = parse(table({**ROW, "Currency": "jpy", "Amount": "1200"}))
    assert (order.currency, order.total_minor) == ("JPY", 1200)


@pytest.mark.parametrize(
    ("said", "refunded", "payment"),
    [
        ({"Status": "Refunded", "Amount Refunded": "1,149.00"}, 114900, "refunded"),
        ({"Status": "Partially refunded", "Amount Refunded": "49.00"}, 4900, "partly_refunded"),
        ({"Status": "Paid", "Captured": "false"}, 0, "unpaid"),
        ({"Status": "Something new"}, 0, "unknown"),
    ],
)
def test_refunds_and_words(parse, said, refunded, payment):
    (order,) = parse(table({**ROW, **said}))
    assert (order.refunded_minor, order.payment) == (refunded, payment)


def test_tests_and_attempts_are_counted_and_left_out(parse):
    rows = [{**ROW, "id": "ch_2", "Mode": "Test"}, {**ROW, "id": "ch_3", "Status": "Failed"},
            {**ROW, "id": "ch_4", "Status": "Requires payment method"}]  # fmt: skip
    assert [order.number for order in parse(table(ROW, *rows))] == ["ch_1"]
    assert parse.warned == [("skipped_tests", 3), ("skipped_attempts", 4), ("skipped_attempts", 5)]


@pytest.mark.parametrize(("word", "consent"), [("opt_in", "yes"), ("opt_out", ""), ("", "")])
def test_a_box_left_empty_is_no_answer(parse, word, consent):
    (order,) = parse(table({**ROW, "Checkout Promotional Consent": word}))
    assert order.person.consent == consent


def test_customers(parse):
    text = (
        "id,Description,Email,Name,Created (UTC),Delinquent,Plan,Status,Total Spend,Payment Count,Refunded Volume\n"
        "cus_A,Ann from the fair,ann@example.com,,2024-01-05 09:00,false,gold,active,120.00,3,0.00\n"
        "cus_B,,ann@example.com,Ann Example,2025-01-05 09:00,false,,,0.00,0,0.00\n"
        ",,,Nobody,2025-01-05 09:00,false,,,0.00,0,0.00\n"
    )
    one, two, bad = parse(text)
    assert parse.looked.format == "stripe_customers"
    assert (one.key, one.name, one.email, one.extra, one.consent) == (
        "cus_A", "Ann from the fair", "ann@example.com", {"plan": "gold", "delinquent": "false"}, "",
    )  # fmt: skip
    assert (one.joined_at.isoformat(), two.name) == ("2024-01-05T09:00:00+00:00", "Ann Example")
    assert bad.reason == "The row has no customer number and no e-mail"


def test_a_lost_dispute_is_money_given_back(parse):
    header = "id,Created (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,Disputed Amount,Dispute Status\n"
    lost, won = "ch_1,2026-03-01 10:00,20.00,5.00,eur,Paid,c1,15.00,lost\n", "ch_2,2026-03-01 10:00,20.00,0,eur,Paid,c1,20.00,won\n"
    assert [order.refunded_minor for order in parse(header + lost + won)] == [2000, 0]
