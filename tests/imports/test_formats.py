"""Every format: fixtures of our own in the shape of the platform's files, and what comes out of them."""

import datetime as dt
from pathlib import Path

import pytest

from crm.imports import formats, surveying
from crm.imports.formats import FORMATS
from crm.imports.formats.base import BadRow, Header
from crm.imports.surveying import FormatUnknown

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,"
    "Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Billing Address1,"
    "Billing City,Billing Zip,Billing Country,Billing Phone,Notes,Cancelled at,Refunded Amount,Vendor,Id,Source,"
    "Lineitem discount,Phone"
)
WEBTOFFEE = (
    "order_id,order_number,order_date,status,shipping_total,tax_total,discount_total,order_total,order_currency,"
    "customer_id,customer_email,billing_first_name,billing_last_name,billing_email,billing_phone,billing_country,"
    "coupon_items,refund_items,customer_ip_address,line_item_1,line_item_2"
)
ADVANCED = (
    "Order Number,Order Status,Order Date,First Name (Billing),Last Name (Billing),Email (Billing),Phone (Billing),"
    "Country Code (Billing),Cart Discount Amount,Order Shipping Amount,Order Refund Amount,Order Total Amount,"
    "Order Total Tax Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Coupon Code"
)


def shopify(*rows):
    """Return a file of rows given as {column: value}."""
    return table(SHOPIFY, *rows)


def table(header, *rows):
    names = header.split(",")
    return "\n".join([header, *(",".join(str(row.get(name, "")) for name in names) for row in rows)]) + "\n"


ORDER = {
    "Name": "#1001", "Email": "Ann@Example.com", "Financial Status": "paid", "Currency": "EUR", "Shipping": "4.90",
    "Taxes": "3.10", "Total": "24.90", "Discount Code": "HELLO", "Discount Amount": "2.00",
    "Created at": "2026-04-05 21:06:21 +0400", "Lineitem quantity": 2, "Lineitem name": "Tee", "Lineitem price": "9.50",
    "Lineitem sku": "TEE", "Billing Name": "Ann Example", "Billing City": "Bonn", "Billing Zip": "'00123",
    "Billing Country": "DE", "Billing Phone": "'+49 30 555123456", "Refunded Amount": "0.00", "Source": "web",
    "Lineitem discount": "1.00", "Accepts Marketing": "yes", "Vendor": "Acme", "Id": "5001",
}  # fmt: skip
LINE = {
    "Name": "#1001",
    "Lineitem quantity": 1,
    "Lineitem name": "Mug",
    "Lineitem price": "4.00",
    "Lineitem sku": "MUG",
}


def test_every_module_of_the_folder_is_in_the_table():
    folder = Path(formats.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_") and path.stem != "base"}
    assert {member.__name__.rpartition(".")[2] for member in FORMATS.values()} == modules
    for slug, member in FORMATS.items():
        assert (slug, member.KIND in ("orders", "contacts", "products"), bool(str(member.LABEL))) == (member.SLUG, True, True)


@pytest.mark.parametrize(
    ("header", "format"),
    [
        (SHOPIFY, "shopify_orders"),
        (
            "Name,Email,Created at,Total,Refunded Amount,Currency,Financial Status,Lineitem name,Lineitem quantity",
            "shopify_orders",
        ),
        (
            "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Phone,Tags",
            "shopify_customers",
        ),
        ("First Name,Last Name,Email,Company,Address1,City,Accepts Marketing,Tags,Metafield Key", "shopify_customers"),
        (WEBTOFFEE, "woocommerce_webtoffee"),
        (ADVANCED, "woocommerce_advanced"),
        ("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country", "plain"),
        ("customer_id,date,price", "plain"),
    ],
)
def test_a_header_tells_its_format(header, format):
    names = Header(header.split(","))
    sure = {slug: confidence for slug, member in FORMATS.items() if (confidence := member.sniff(names)) >= 0.5}
    assert max(sure, key=sure.get) == format


def test_a_header_of_nothing_we_know_is_nobodys():
    assert {member.sniff(Header(["Colour", "Width", "Height"])) for member in FORMATS.values()} == {0.0}


class TestShopifyOrders:
    def test_an_order_of_several_rows(self, parse):
        (order,) = parse(shopify(ORDER, LINE))
        assert (order.source, order.number, order.line_number) == ("shopify", "#1001", 2)
        assert order.placed_at == dt.datetime(2026, 4, 5, 17, 6, 21, tzinfo=dt.UTC)
        assert (order.total_minor, order.shipping_minor, order.tax_minor, order.discount_minor) == (2490, 490, 310, 200)
        assert [(ln.name, ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
            ("Tee", "TEE", 2, 950, 1800),
            ("Mug", "MUG", 1, 400, 400),
        ]
        assert (order.payment, order.payment_word, order.coupon_code, order.channel) == ("paid", "paid", "HELLO", "web")
        person = order.person
        assert (person.name, person.email, person.phone, person.postcode, person.consent) == (
            "Ann Example", "Ann@Example.com", "+49 30 555123456", "00123", "yes",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("word", "payment"),
        [
            ("paid", "paid"),
            ("PAID", "paid"),
            ("pending", "unpaid"),
            ("authorized", "unpaid"),
            ("partially_paid", "partly_paid"),
            ("partially_refunded", "partly_refunded"),
            ("refunded", "refunded"),
            ("voided", "unpaid"),
            ("something new", "unknown"),
        ],
    )
    def test_payment_words(self, parse, word, payment):
        (order,) = parse(shopify({**ORDER, "Financial Status": word}))
        assert (order.payment, order.payment_word) == (payment, word)

    def test_cancelled_is_told_by_its_date(self, parse):
        (order,) = parse(shopify({**ORDER, "Cancelled at": "2026-04-06 08:00:00 +0000"}))
        assert (order.payment, order.cancelled_at) == ("paid", dt.datetime(2026, 4, 6, 8, tzinfo=dt.UTC))

    def test_an_unticked_box_is_no_refusal(self, parse):
        assert [order.person.consent for order in parse(shopify({**ORDER, "Accepts Marketing": "no"}))] == [""]

    def test_the_same_rows_twice_are_one_order(self, parse):
        (order,) = parse(shopify(ORDER, LINE, ORDER, LINE))
        assert [line.sku for line in order.lines] == ["TEE", "MUG"]

    @pytest.mark.parametrize(("tax", "total"), [("3.10", "24.90"), ("3.10", "28.00"), ("0", "24.90")])
    def test_the_total_is_the_platforms_whether_taxes_are_in_it_or_not(self, parse, tax, total):
        (order,) = parse(shopify({**ORDER, "Taxes": tax, "Total": total}, LINE))
        assert (order.total_minor, order.tax_minor) == (round(float(total) * 100), round(float(tax) * 100))

    def test_a_free_order_is_an_order(self, parse):
        (order,) = parse(shopify({**ORDER, "Total": "0.00", "Shipping": "0.00", "Lineitem price": "0.00"}))
        assert (order.total_minor, order.payment, order.refunded_minor, order.lines[0].quantity) == (0, "paid", 0, 2)

    def test_rows_out_of_place_come_together(self, parse):
        other = {**ORDER, "Name": "#1002", "Total": "9.00"}
        orders = parse(shopify(ORDER, other, LINE, {**LINE, "Name": "#1002"}))
        assert {order.number: [line.sku for line in order.lines] for order in orders} == {
            "#1001": ["TEE", "MUG"],
            "#1002": ["TEE", "MUG"],
        }
        assert {order.number: order.total_minor for order in orders} == {"#1001": 2490, "#1002": 900}

    @pytest.mark.parametrize(
        "changes",
        [
            {"Total": ""},
            {"Total": "-5.00"},
            {"Total": "many"},
            {"Created at": ""},
            {"Created at": "someday"},
            {"Currency": "EURO"},
            {"Name": "1.2E+17"},
        ],
    )
    def test_an_order_that_cannot_be_read_is_rejected_whole(self, parse, changes):
        rows = parse(
            shopify({**ORDER, **changes}, {**LINE, "Name": changes.get("Name", "#1001")}, {**ORDER, "Name": "#9"})
        )
        assert [(row.line_number, bool(row.reason)) for row in rows if isinstance(row, BadRow)] == [
            (2, True),
            (3, True),
        ]
        assert [row.number for row in rows if not isinstance(row, BadRow)] == ["#9"]

    def test_a_decimal_comma_throughout(self, parse):
        rows = [{**ORDER, **{k: f'"{v}"' for k, v in {"Total": "24,90", "Lineitem price": "9,50"}.items()}}]
        rows[0] |= {
            "Shipping": '"4,90"',
            "Taxes": "",
            "Discount Amount": "",
            "Refunded Amount": "",
            "Lineitem discount": "",
        }
        (order,) = parse(shopify(*rows))
        assert (order.total_minor, order.shipping_minor, order.lines[0].unit_price_minor) == (2490, 490, 950)


class TestBuyers:
    """What the cells of a buyer hold on every platform."""

    def person(self, parse, column, cell):
        (order,) = parse(table(f"{SHOPIFY},Billing Company", {**ORDER, column: '"' + cell.replace('"', '""') + '"'}))
        return order.person

    @pytest.mark.parametrize(
        ("cell", "email"),
        [
            ("ANN@Example.COM", "ANN@Example.COM"),
            ("ann@example.com, bob@example.com", "ann@example.com"),
            ("<ann@example.com>; bob@example.com", "ann@example.com"),
            ("n/a ann@@example ann@example.com", "ann@example.com"),
            ("anna@bücher.example", "anna@bücher.example"),
            ("x7k2p@privaterelay.appleid.com", "x7k2p@privaterelay.appleid.com"),
        ],
    )
    def test_one_address_of_a_cell(self, parse, cell, email):
        assert self.person(parse, "Email", cell).email == email

    @pytest.mark.parametrize(
        ("cell", "company"),
        [
            ("Acme GmbH", "Acme GmbH"), ("3M", "3M"), ("1688", "1688"), ("Studio 1234567", "Studio 1234567"),
            ("RSSMRA80A01H501U", ""), ("123.456.789-09", ""), ("12345678Z", ""), ("X1234567L", ""),
            ("11010519491231002X", ""), ("'12345678901", ""),
        ],
    )  # fmt: skip
    def test_a_persons_number_is_no_company(self, parse, cell, company):
        assert self.person(parse, "Billing Company", cell).company == company

    @pytest.mark.parametrize("name", ["ANNA EXAMPLE", "山本太郎", "Anna Example (Acme)", "O'Neill, Anna"])
    def test_a_name_stays_as_it_is_written(self, parse, name):
        assert self.person(parse, "Billing Name", name).name == name


class TestShopifyCustomers:
    HEADER = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Phone,Tags,Note"

    def test_a_customer(self, parse):
        (ann,) = parse(f"{self.HEADER}\n'721,Ann,Example,Ann@Example.com,yes,Bonn,'+49 30 555,\"vip, new\",Likes tea\n")
        assert (ann.key, ann.name, ann.email, ann.phone, ann.city) == (
            "721",
            "Ann Example",
            "Ann@Example.com",
            "+49 30 555",
            "Bonn",
        )
        assert (list(ann.tags), ann.extra, ann.consent, ann.authoritative) == (
            ["vip", "new"],
            {"note": "Likes tea"},
            "yes",
            True,
        )

    @pytest.mark.parametrize(
        ("email", "said", "consent"),
        [("a@example.com", "no", "no"), ("a@example.com", "", ""), ("", "yes", ""), ("a@example.com", "true", "yes")],
    )
    def test_blank_is_not_asked_and_a_yes_needs_an_address(self, parse, email, said, consent):
        assert [p.consent for p in parse(f"{self.HEADER}\n1,Ann,,{email},{said},,,,\n")] == [consent]

    def test_somebody_nothing_identifies_is_rejected(self, parse):
        (row,) = parse(f"{self.HEADER}\n,Ann,Example,,yes,Bonn,,,\n")
        assert (row.line_number, row.cells[1]) == (2, "Ann")


class TestWebToffee:
    ROW = {
        "order_id": 1001, "order_number": 1001, "order_date": "16-05-2018 07:32:06", "status": "completed",
        "shipping_total": 10, "tax_total": "3.42", "discount_total": 5, "order_total": "22.42", "order_currency": "USD",
        "customer_id": 3, "customer_email": "lilly@example.com", "billing_first_name": "Lilly",
        "billing_email": "other@example.com", "billing_country": "US", "coupon_items": "code:flat20|amount:5.00",
        "customer_ip_address": "192.0.2.7",
        "line_item_1": "name:Shoe: formal|product_id:13|sku:A12|quantity:2|total:8.00|tax:1.44",
        "line_item_2": "name:Cap|sku:|quantity:1|total:3.00",
    }  # fmt: skip

    def test_an_order(self, parse):
        (order,) = parse(table(WEBTOFFEE, self.ROW))
        assert (order.source, order.number, order.total_minor, order.coupon_code) == (
            "woocommerce",
            "1001",
            2242,
            "flat20",
        )
        assert order.placed_at == dt.datetime(2018, 5, 16, 7, 32, 6, tzinfo=dt.UTC)
        assert [(ln.name, ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
            ("Shoe: formal", "A12", 2, 400, 800),
            ("Cap", "", 1, 300, 300),
        ]
        assert (order.person.key, order.person.email) == ("3", "lilly@example.com")

    def test_a_guest_is_known_by_the_billing_address(self, parse):
        (order,) = parse(table(WEBTOFFEE, {**self.ROW, "customer_id": 0, "customer_email": ""}))
        assert (order.person.key, order.person.email) == ("", "other@example.com")

    def test_refunds_with_their_date(self, parse):
        refund = "amount:6.00|reason:late|date:2018-06-19 12:13:48;amount:1.50|date:2018-06-20 00:00:00"
        (order,) = parse(table(WEBTOFFEE, {**self.ROW, "refund_items": refund}))
        assert (order.refunded_minor, order.refunded_at) == (750, dt.datetime(2018, 6, 20, tzinfo=dt.UTC))

    @pytest.mark.parametrize(
        ("status", "payment", "is_cancelled"),
        [
            ("processing", "paid", False),
            ("wc-completed", "paid", False),
            ("on-hold", "unpaid", False),
            ("refunded", "refunded", False),
            ("cancelled", "unpaid", True),
            ("shipped", "unknown", False),
        ],
    )
    def test_status(self, parse, status, payment, is_cancelled):
        (order,) = parse(table(WEBTOFFEE, {**self.ROW, "status": status}))
        assert (order.payment, order.cancelled_at is not None) == (payment, is_cancelled)


class TestAdvanced:
    ROW = {
        "Order Number": 77, "Order Status": "Completed", "Order Date": "2026-05-01 10:30", "First Name (Billing)": "Ann",
        "Email (Billing)": "ann@example.com", "Order Shipping Amount": "5.00", "Order Refund Amount": "2.50",
        "Order Total Amount": "30.00", "SKU": "A", "Item #": 1, "Item Name": "Tea", "Quantity (- Refund)": 2,
        "Item Cost": "7.50", "Coupon Code": "may",
    }  # fmt: skip

    def test_repeated_columns_are_taken_once(self, parse):
        second = {
            **self.ROW,
            "SKU": "B",
            "Item #": 2,
            "Item Name": "Pot",
            "Quantity (- Refund)": 1,
            "Item Cost": "10.00",
        }
        (order,) = parse(table(ADVANCED, self.ROW, second), zone="Europe/Berlin")
        assert (order.number, order.total_minor, order.refunded_minor, order.coupon_code) == ("77", 3000, 250, "may")
        assert order.placed_at == dt.datetime(2026, 5, 1, 8, 30, tzinfo=dt.UTC)
        assert [(ln.sku, ln.quantity, ln.total_minor) for ln in order.lines] == [("A", 2, 1500), ("B", 1, 1000)]


class TestPlain:
    RETAIL = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

    def test_invoices_with_lines(self, parse):
        (first, second) = parse(
            self.RETAIL
            + "536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
            + "536365,71053,LANTERN,6,2010-12-01 08:26:00,3.395,17850.0,United Kingdom\n"
            + "536366,22633,WARMER,1,2010-12-01 08:28:00,1.85,,United Kingdom\n"
        )
        assert (first.number, first.total_minor, first.kind, first.person.key) == (
            "536365",
            1530 + 2037,
            "sale",
            "17850",
        )
        assert [(ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in first.lines] == [
            ("85123A", 6, 255, 1530),
            ("71053", 6, 340, 2037),
        ]
        assert (second.person, second.total_minor) == (None, 185)

    def test_a_negative_quantity_and_a_c_number_are_returns(self, parse):
        rows = self.RETAIL + "".join(f"{n},A,a,1,2010-12-01,1.00,1,UK\n" for n in (1, 2, 3))
        rows += "4,A,a,-2,2010-12-02,1.00,1,UK\nC5,A,a,-1,2010-12-02,1.00,1,UK\nC6,A,a,3,2010-12-02,1.00,1,UK\n"
        assert [
            (order.number, order.kind, order.total_minor, order.lines[0].quantity) for order in parse(rows)[3:]
        ] == [
            ("4", "return", -200, -2),
            ("C5", "return", -100, -1),
            ("C6", "return", -300, -3),
        ]

    def test_a_c_before_every_number_means_nothing(self, parse):
        rows = self.RETAIL + "".join(f"C{n},A,a,1,2010-12-01,1.00,1,UK\n" for n in (1, 2, 3))
        assert {order.kind for order in parse(rows)} == {"sale"}

    def test_equal_lines_of_an_invoice_are_two_lines(self, parse):
        (order,) = parse(self.RETAIL + "1,A,a,1,2010-12-01,1.00,1,UK\n" * 2)
        assert (len(order.lines), order.total_minor) == (2, 200)

    @pytest.mark.parametrize(
        "header", ["customer_id,date,price", "master_id,customer_id,date,cds,amount", "cds,date,amount"]
    )
    def test_a_list_of_customer_date_and_amount_is_one_order_per_row(self, parse, header):
        names = header.split(",")
        rows = [{"customer_id": 1, "master_id": 4, "date": day, "cds": 2, "price": "29.33", "amount": "29.33"} for day in
                ("1997-01-01", "1997-01-18")]  # fmt: skip
        if "customer_id" not in names:
            with pytest.raises(AssertionError):
                assert parse(table(header, *rows)) and parse.looked.confidence >= 0.5
            return
        orders = parse(table(header, *rows))
        assert parse.looked.confidence >= 0.5
        assert [(o.person.key, o.placed_at.date().isoformat(), o.total_minor, o.lines) for o in orders] == [
            ("1", "1997-01-01", 2933, []),
            ("1", "1997-01-18", 2933, []),
        ]

    def test_equal_rows_are_orders_of_their_own_and_keep_their_numbers(self, parse):
        text = "customer_id,date,price\n7,2005-01-02,10.5\n8,2005-01-02,10.5\n7,2005-01-02,10.5\n7,2005-01-02,11\n"
        numbers = [order.number for order in parse(text)]
        assert len(set(numbers)) == 4
        assert [order.number for order in parse(text)] == numbers
        more = text + "9,2005-01-03,1\n"
        assert [order.number for order in parse(more)][:4] == numbers

    def test_products_without_an_invoice_are_one_order_per_customer_and_moment(self, parse):
        orders = parse(
            "kunde;datum;artikel;menge;preis\n"
            "K1;01.02.2024 09:00;Brot;2;3,50\nK2;01.02.2024;Brot;1;3,50\nK1;01.02.2024 18:00;Kuchen;1;4,20\n"
            "K1;01.02.2024 09:00;Kuchen;1;4,20\nK1;13.02.2024;Brot;1;3,50\nK1;13.02.2024;Tee;1;1,00\n"
        )
        assert sorted((o.number, o.total_minor, len(o.lines)) for o in orders) == [
            ("K1:20240201T090000", 1120, 2),
            ("K1:20240201T180000", 420, 1),
            ("K1:20240213", 450, 2),
            ("K2:20240201", 350, 1),
        ]

    def test_moments_of_one_second_are_two(self, parse):
        orders = parse("Customer,Date,Product,Amount\nA,2024-01-02 10:00:00.100,x,3\nA,2024-01-02 10:00:00.900,x,4\n")
        assert (len({order.number for order in orders}), sum(order.total_minor for order in orders)) == (2, 700)

    def test_the_time_may_stand_in_a_column_of_its_own(self, parse):
        rows = "Anna,2024-01-02,10:00,Tea,3.00\nAnna,2024-01-02,17:30,Mug,9.00\nAnna,2024-01-02,10:00,Jam,4.00\n"
        orders = parse("Customer,Date,Time,Product,Amount\n" + rows)
        assert sorted((o.number, o.total_minor) for o in orders) == [
            ("Anna:20240102T100000", 700),
            ("Anna:20240102T173000", 900),
        ]

    def test_dates_in_words_are_days_of_their_own(self, parse):
        rows = 'Anna,5 Jan 2024,Tea,3.00\nAnna,5 Feb 2024,Mug,9.00\nBert,"Jan 5, 2024",Tea,3.00\nBert,"Jan 7, 2024",Tea,4.00\n'
        orders = parse("Customer,Date,Product,Amount\n" + rows)
        assert sorted((o.number, o.total_minor) for o in orders) == [
            ("Anna:20240105", 300), ("Anna:20240205", 900), ("Bert:20240105", 300), ("Bert:20240107", 400),
        ]  # fmt: skip

    def test_equal_rows_that_name_nobody_are_orders_of_their_own(self, parse):
        row, named = ",2024-01-02,Coffee,3.00\n", "Anna,2024-01-02,Coffee,3.00\n"
        orders = parse("Customer,Date,Product,Amount\n" + row + row + named + row)
        assert (len({order.number for order in orders}), sum(order.total_minor for order in orders)) == (4, 1200)

    @pytest.mark.parametrize("later", ["2024-01-02 10:00:00", "2024-01-02T10:00", "2024-01-02 09:00Z", "2024-01-02 11:00+02:00"])
    def test_a_moment_written_in_two_ways_loses_no_row(self, parse, later):
        rows = f"Anna,2024-01-02 10:00+01:00,Coffee,3.00\nAnna,{later},Tea,4.00\n"
        orders = parse("Customer,Date,Product,Amount\n" + rows, zone="Europe/Berlin")
        assert (len({order.number for order in orders}), sum(order.total_minor for order in orders)) == (2, 700)

    def test_an_order_total_that_is_repeated_is_not_added_up(self, parse):
        rows = "".join(f"{n},2024-01-0{n},c{n},{item},1,{n}9.00\n" for n in (1, 2, 3) for item in ("a", "b"))
        orders = parse("order_id,date,customer_id,product,quantity,total\n" + rows)
        assert [order.total_minor for order in orders] == [1900, 2900, 3900]

    def test_a_line_total_stays_a_line_total(self, parse):
        (order,) = parse(
            "order_id,date,customer_id,product,quantity,price,total\n1,2024-01-01,c,a,2,3.00,6.00\n1,2024-01-01,c,b,1,4.00,4.00\n"
        )
        assert order.total_minor == 1000

    def test_emails_and_names_as_customers(self, parse):
        (by_email,) = parse("customer,date,amount\nAnn@Example.com,2024-01-13,5.00\n")
        (by_name,) = parse("name,date,amount\nAnn  Example,2024-01-13,5.00\n")
        assert (by_email.person.email, by_email.person.key) == ("Ann@Example.com", "")
        assert (by_name.person.key, by_name.person.name) == ("ann example", "Ann  Example")

    @pytest.mark.parametrize(
        ("word", "payment", "gone"), [("Bezahlt", "paid", 0), ("已取消", "unpaid", 1), ("open", "unpaid", 0)]
    )
    def test_status_words(self, parse, word, payment, gone):
        (order,) = parse(f"date,customer,amount,status\n2024-01-13,c1,5.00,{word}\n")
        assert (order.payment, order.cancelled_at is not None) == (payment, bool(gone))

    def test_unknown_words_in_a_status_column_change_nothing(self, parse):
        (order,) = parse("date,customer,amount,status\n2024-01-13,c1,5.00,gold member\n")
        assert order.payment == "paid"

    def test_chinese_columns(self, parse):
        (order,) = parse(
            "订单号,下单时间,手机号,商品名称,数量,单价\n9001,2024-05-13 09:00:00,13900139000,茶,2,¥12.50\n",
            currency="CNY",
        )
        assert (order.number, order.total_minor, order.person.phone) == ("9001", 2500, "13900139000")

    def test_ambiguous_dates_follow_the_currency_and_say_so(self, parse):
        text = "customer,date,amount\nc1,03/04/2024,5.00\n"
        assert [o.placed_at.month for o in parse(text, currency="EUR")] == [4]
        assert len(parse.surveyed.doubts) == 1
        assert [o.placed_at.month for o in parse(text, currency="USD")] == [3]

    def test_amounts_that_may_be_thousands_are_rejected(self, parse):
        (row,) = parse('customer,date,amount\nc1,2024-04-13,"1,234"\n')
        assert isinstance(row, BadRow)

    def test_tills_with_other_columns_do_not_share_customers(self, parse):
        (first,) = parse("customer_id,date,amount\n1,2024-01-13,5.00\n")
        (other,) = parse("client,datum,betrag\n1,2024-01-13,5.00\n")
        (wider,) = parse("customer_id,date,amount,colour\n1,2024-01-13,5.00,red\n")
        assert first.source == wider.source == first.person.source
        assert first.source != other.source


class TestLooking:
    def test_titles_above_the_header_and_totals_below_the_rows(self, parse):
        text = (
            "Sales report\n\nFrom 2024-01-01,to 2024-02-01\ncustomer,date,amount\nc1,2024-01-13,5.00\n\nTotal,,5.00\n"
        )
        (order,) = parse(text)
        assert (order.total_minor, parse.surveyed.rows_total, order.line_number) == (500, 1, 5)

    def test_ragged_rows(self, parse):
        text = "customer,date,amount,city\nc1,2024-01-13,5.00\nc2,2024-01-13,6.00,Bonn,,\nc3,2024-01-13,7.00,Bonn,x,y\n"
        rows = parse(text + "c4,2024-01-13,8.00,Bonn\n")
        assert [row.total_minor for row in rows if not isinstance(row, BadRow)] == [500, 600, 800]
        assert [(row.line_number, len(row.cells)) for row in rows if isinstance(row, BadRow)] == [(4, 6)]

    def test_one_cell_more_in_every_row_is_how_the_file_is(self, parse):
        text = "customer,date,amount\n" + "".join(f"c{n},2024-01-13,5.00,x\n" for n in range(5))
        assert [order.total_minor for order in parse(text)] == [500] * 5

    def test_a_byte_order_mark_and_other_case(self, parse):
        assert len(parse("\ufeffCUSTOMER ; Date ;AMOUNT\nc1;2024-01-13;5,00\n")) == 1

    @pytest.mark.parametrize("header", ["{}", "{},", "{},,", '" Customer \nnumber ",Date ,Amount', '"CUSTOMER\r\nNUMBER",dAte, Amount,'])
    def test_a_header_however_it_is_written(self, parse, header):
        """Broken over two lines, in another case, with blanks, wider than its rows by a comma at its end."""
        rows = "".join(f"c{n},2024-01-13,5.00\n" for n in range(5))
        orders = parse(header.format("customer number,date,amount") + "\n" + rows)
        assert [(order.person.key, order.total_minor) for order in orders] == [(f"c{n}", 500) for n in range(5)]

    def test_blank_rows_after_each_row_and_below(self, parse):
        text = "\ncustomer,date,amount\n\nc1,2024-01-13,5.00\n,,\nc2,2024-01-13,6.00\n\n , ,\n\n\n"
        assert [(order.line_number, order.total_minor) for order in parse(text)] == [(4, 500), (6, 600)]

    def test_the_owner_overrules_the_guess(self, write):
        header = SHOPIFY + ",Quantity,Date,Amount,Customer"
        assert surveying.look(write(header + "\n1\n")).format == "shopify_orders"
        assert surveying.look(write(header + "\n1\n"), format="plain").format == "plain"

    @pytest.mark.parametrize("format", ["nothing", "shopify_orders", "woocommerce_webtoffee"])
    def test_a_format_whose_columns_are_missing_is_refused(self, write, format):
        with pytest.raises(FormatUnknown):
            surveying.look(write("customer,date,amount\nc1,2024-01-13,5.00\n"), format=format)

    def test_a_file_we_cannot_place_gets_a_guess_by_content(self, write):
        looked = surveying.look(write("wann,wieviel,wer\n2024-01-13,5.00,Ann\n2024-01-14,7.50,Bob\n"))
        assert (looked.confidence, looked.format) == (0.0, "plain")
        assert looked.mapping == {"date": 0, "amount": 1, "customer": 2}

    def test_samples_hide_secrets(self, write):
        looked = surveying.look(write("customer,date,amount,password\nc1,2024-01-13,5.00,hunter2\n"))
        assert looked.samples() == [["c1"], ["2024-01-13"], ["5.00"], []]

    @pytest.mark.parametrize(
        ("name", "is_secret"),
        [
            ("Password", True), ("user_pass", True), ("password_hash", True), ("session_tokens", True), ("OPTIN_IP", True),
            ("customer_ip_address", True), ("customer_user_agent", True), ("Card Suffix", True), ("order_key", True), ("CPF do Comprador", True),
            ("Billing Zip", False), ("Gift Card", False), ("Shipping", False), ("Description", False), ("Tip", False),
        ],
    )  # fmt: skip
    def test_which_columns_are_secret(self, name, is_secret):
        assert bool(Header([name]).secret()) is is_secret
