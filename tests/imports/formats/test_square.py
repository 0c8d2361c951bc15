"""Square's reports: a clock in three columns, refunds under the sale's number, buyers mostly unknown."""

import datetime as dt

from crm.orders.models import Order

TRANSACTIONS = (
    "Date,Time,Time Zone,Gross Sales,Discounts,Net Sales,Tax,Tip,Total Collected,Source,Net Total,Transaction ID,"
    "Payment ID,Card Brand,PAN Suffix,Description,Event Type,Customer ID,Customer Name"
)
SALE = (
    "12/27/2018,10:02:11,Eastern Time (US & Canada),$30.00,-$3.00,$27.00,$2.16,$2.00,$31.16,Register,$30.23,SQ1,P1,Visa,"
    "0000,Mug x 1,Payment,CUST1,Dee Example"
)
REFUND = (
    "12/28/2018,09:00:00,Eastern Time (US & Canada),-$5.00,$0.00,-$5.00,$0.00,$0.00,($5.00),Register,-$5.00,SQ1,P1R,Visa,"
    "0000,Mug x 1,Refund,,"
)


def test_a_sale_with_its_refund(parse):
    (order,) = parse(f"{TRANSACTIONS}\n{REFUND}\n{SALE}\n", currency="USD")
    assert parse.looked.format == "square_transactions"
    assert (order.number, order.total_minor, order.discount_minor, order.tax_minor, order.refunded_minor) == (
        "SQ1", 3116, 300, 216, 500,
    )  # fmt: skip
    assert (order.placed_at, order.refunded_at) == (
        dt.datetime(2018, 12, 27, 15, 2, 11, tzinfo=dt.UTC), dt.datetime(2018, 12, 28, 14, tzinfo=dt.UTC),
    )  # fmt: skip
    assert (order.person.key, order.person.name, order.tells, order.lines) == ("CUST1", "Dee Example", "head", [])
    assert TRANSACTIONS.split(",").index("PAN Suffix") in parse.looked.header.secret()


def test_a_refund_alone_is_no_order(parse):
    (addition,) = parse(f"{TRANSACTIONS}\n{REFUND}\n", currency="USD")
    assert (addition.purchase.number, addition.purchase.only_refunds, addition.purchase.refunded_minor) == ("SQ1", True, 500)
    assert [row.line_number for row in addition.bad] == [2]


def test_two_payments_of_one_sale_add_up(parse):
    (order,) = parse(f"{TRANSACTIONS}\n{SALE}\n{SALE.replace('P1', 'P2')}\n{SALE}\n", currency="USD")
    assert order.total_minor == 6232  # the third row is the first one again


def test_without_transaction_ids_each_row_is_a_sale_or_a_slip(parse):
    header = TRANSACTIONS.replace("Transaction ID,Payment ID,", "")
    sale, refund = SALE.replace("SQ1,P1,", ""), REFUND.replace("SQ1,P1R,", "")
    found = parse(f"{header}\n{sale}\n{sale}\n{refund}\n", currency="USD")
    assert [(order.kind, order.total_minor) for order in found] == [("sale", 3116), ("sale", 3116), ("return", -500)]
    assert len({order.number for order in found}) == 3


ITEMS = (
    "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,"
    "Payment ID,Event Type,Location,Customer ID,Customer Name,Channel"
)


def test_items_are_the_lines_of_the_sale(parse):
    row = "2026-07-18,19:30:00,Pacific Time (US & Canada),Cups,Mug,{qty},{point},M1,{gross},{off},{net},{tax},SQ1,P1,{event},Fair,,,Till"
    mug = row.format(qty=2, point="Blue", gross="$30.00", off="-$3.00", net="$27.00", tax="$2.00", event="Payment")
    back = row.format(qty=-1, point="Blue", gross="-$15.00", off="$1.50", net="-$13.50", tax="-$1.00", event="Refund")
    plain = row.format(qty=1, point="Regular", gross="$15.00", off="$0.00", net="$15.00", tax="$1.00", event="Payment")
    (order,) = parse("\n".join([ITEMS, mug, plain, plain, back]), currency="USD")
    assert parse.looked.format == "square_items"
    assert [(ln.name, ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
        ("Mug (Blue)", "M1", 2, 1500, 2700),
        ("Mug", "M1", 1, 1500, 1500),
        ("Mug", "M1", 1, 1500, 1500),
    ]
    assert (order.total_minor, order.refunded_minor, order.tax_minor, order.tells) == (6100, 1450, 400, "lines")
    assert (order.person, order.placed_at) == (None, dt.datetime(2026, 7, 19, 2, 30, tzinfo=dt.UTC))


def test_the_catalogue(parse):
    text = (
        "Token,Item Name,Variation Name,SKU,Description,Categories,GTIN,Price,Default Unit Cost,Archived\n"
        't1,Mug,Regular,M1,,Cups,,"£1,250.00",4.50,N\n'
        "t2,Mug,Large,M2,,Cups,,variable,,Y\n"
        "t3,,Large,M3,,Cups,,1.00,,N\n"
    )
    one, two, bad = parse(text, currency="EUR")
    assert parse.looked.format == "square_products"
    assert (one.name, one.sku, one.category, one.price_minor, one.cost_minor, one.currency, one.is_active) == (
        "Mug", "M1", "Cups", 125000, 450, "GBP", True,
    )  # fmt: skip
    assert (two.name, two.price_minor, two.cost_minor, two.is_active) == ("Mug (Large)", None, None, False)
    assert bad.reason == "The row has no name of an item"


def test_customers(parse):
    text = (
        "Reference ID,First Name,Last Name,Email Address,Phone Number,Company Name,City,Postal Code,Birthday,Memo,"
        "Creation Source,First Visit,Transaction Count,Lifetime Spend,Email Subscription Status,Instant Profile,"
        "Square Customer ID\n"
        "R1,Dee,Example,dee@example.com,'+15550101234,,Austin,'00123,1990-02-01,likes mugs,Directory,2024-05-06,3,$30.00,"
        "unsubscribed,No,CUST1\n"
        ",,,,,,,,,,Instant Profile,2024-05-06,1,$5.00,unknown,Yes,\n"
    )
    dee, bad = parse(text, currency="USD")
    assert parse.looked.format == "square_customers"
    assert (dee.key, dee.name, dee.phone, dee.postcode, dee.birthday, dee.consent, dee.extra) == (
        "CUST1", "Dee Example", "+15550101234", "00123", dt.date(1990, 2, 1), "no",
        {"reference": "R1", "note": "likes mugs"},
    )  # fmt: skip
    assert bad.reason == "The row has no customer number, no e-mail and no phone"


def test_both_reports_are_one_order_in_either_order(take, db):
    items = (
        f"{ITEMS}\n12/27/2018,10:02:11,Eastern Time (US & Canada),Cups,Mug,1,Regular,M1,$30.00,-$3.00,$27.00,$2.16,SQ1,P1,"
        "Payment,Fair,CUST1,Dee Example,\n"
    )
    transactions = f"{TRANSACTIONS}\n{SALE}\n{REFUND}\n"
    for first, second in ((items, transactions), (transactions, items)):
        Order.objects.all().delete()
        take(first, name="first.csv", currency="USD")
        take(second, name="second.csv", currency="USD")
        order = Order.objects.get()
        assert (order.total_minor, order.refunded_minor, order.contact.name) == (3116, 500, "Dee Example")
        assert list(order.lines.values_list("name", "sku", "total_minor")) == [("Mug", "M1", 2700)]


def test_a_later_report_of_items_tells_of_a_refund(take, db):
    row = "07/18/2026,19:30:00,Eastern Time (US & Canada),Cups,Mug,{},Regular,M1,{},$0.00,{},$0.00,SQ1,{},{},Fair,,,Till"
    sale = row.format(1, "$30.00", "$30.00", "P1", "Payment")
    refund = row.format(-1, "-$30.00", "-$30.00", "P2", "Refund")
    assert take(f"{ITEMS}\n{sale}\n", currency="USD").result["orders"]["created"] == 1
    assert take(f"{ITEMS}\n{sale}\n{refund}\n", currency="USD").result["orders"]["updated"] == 1
    assert list(Order.objects.values_list("total_minor", "refunded_minor", "payment")) == [(3000, 3000, "refunded")]
