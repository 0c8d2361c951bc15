"""WooCommerce: its own reports and product exporter, and SkyVerge's export in its layouts."""

import datetime as dt
import json

import pytest

from crm.contacts.models import Contact
from crm.imports.formats.base import BadRow
from crm.orders.models import Order, Product

from ..conftest import SAMPLES

PHP = "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,Coupon(s),Net Sales,Attribution\n"
BROWSER = "Date,Order #,Status,Customer,Customer type,Product(s),Items sold,Coupon(s),Net sales\n"


@pytest.fixture
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def lines(order):
    return [(line.name, line.sku, line.quantity, line.unit_price_minor, line.total_minor) for line in order.lines]


class TestAnalyticsOrders:
    def test_both_headers(self, parse):
        (order,) = parse(
            "\ufeff" + PHP + '2026-05-01 09:58:12,1001,"€ 45,00",completed,Ann Example,new,"2× Hoodie, blue, 1× Cap",3,WELCOME,45.00,Organic\n'
        )
        assert parse.looked.format == "woocommerce_analytics"
        assert (order.source, order.number, order.total_minor, order.currency) == ("woocommerce", "1001", 4500, "EUR")
        assert order.placed_at == dt.datetime(2026, 5, 1, 9, 58, 12, tzinfo=dt.UTC)
        assert (order.payment, order.coupon_code, order.channel, order.person) == ("paid", "WELCOME", "Organic", None)
        assert lines(order) == [("Hoodie, blue", "", 2, 0, 0), ("Cap", "", 1, 0, 0)]
        (order,) = parse(BROWSER + "2026-05-01T09:58:12,1001,processing,Ann,new,2× Cap,2,,9.00\n")
        assert lines(order) == [("Cap", "", 2, 450, 900)]
        assert parse.warned == [("net_sales_without_buyers", 2)]

    @pytest.mark.parametrize("amount", ['"\t-10.00"', "'-10.00", "-10"])
    def test_a_negative_row_is_a_refund_of_the_order_of_its_number(self, parse, amount):
        (order,) = parse(
            BROWSER
            + f"2026-05-09 10:00:00,1001,completed,Ann,new,1× Cap,-1,,{amount}\n2026-05-01 09:00:00,1001,completed,Ann,new,1× Cap,1,,45.00\n"
        )
        assert (order.total_minor, order.refunded_minor, order.refunded_at.day, order.placed_at.day) == (4500, 1000, 9, 1)

    def test_a_refund_of_an_order_that_is_not_there_waits_for_it(self, parse):
        (addition,) = parse(BROWSER + "2026-05-09 10:00:00,1001,completed,Ann,new,1× Cap,-1,,-10\n")
        assert (addition.purchase.number, addition.purchase.refunded_minor) == ("1001", 1000)
        assert [row.line_number for row in addition.bad] == [2]

    @pytest.mark.django_db
    def test_it_never_takes_back_what_an_export_told(self, take, files):
        export = "order_id,order_number,order_date,status,order_total,order_currency,billing_email,line_item_1\n"
        export += "1001,1001,2026-05-01 09:00:00,completed,60.00,EUR,ann@example.com,name:Cap|sku:CAP|quantity:1|total:45.00\n"
        report = BROWSER + "2026-05-01 09:00:00,1001,completed,Ann,new,1× Cap,1,,45.00\n"
        newer = report.replace("1001,completed", "1001,refunded")
        take(report)
        assert take(newer).result["orders"] == {"created": 0, "updated": 1, "unchanged": 0}
        take(export)
        assert take(newer).result["orders"] == {"created": 0, "updated": 0, "unchanged": 1}
        assert list(Order.objects.values_list("number", "total_minor", "payment", "contact__email")) == [
            ("1001", 6000, "paid", "ann@example.com")
        ]


class TestCustomers:
    def test_the_report_in_both_headers(self, parse):
        for joined in ("Sign Up", "Date registered"):
            (person, bad) = parse(
                f"Name,Username,Last Active,{joined},Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code\n"
                "Ann Example,ann,2026-05-01,2025-01-02 03:04:05,Ann@Example.com,3,90,30,DE,Bonn,NW,'00123\n"
                "Guest,,,,,1,5,5,DE,,,\n"
            )
            assert parse.looked.format == "woocommerce_customers"
            assert (person.name, person.email, person.key, person.city, person.postcode, person.consent) == (
                "Ann Example", "Ann@Example.com", "", "Bonn", "00123", "",
            )  # fmt: skip
            assert person.joined_at == dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
            assert (type(bad), bad.line_number) == (BadRow, 3)

    def test_skyverge_customers(self, parse):
        (person,) = parse(
            "customer_id,first_name,last_name,email,date_registered,billing_company,billing_phone,billing_address_1,"
            "billing_postcode,billing_city,billing_country,shipping_city\n"
            "7,Ann,Example,ann@example.com,2025-01-02 03:04:05,Acme,030 5551234,Main 1,53111,Bonn,DE,Köln\n"
        )
        assert parse.looked.format == "woocommerce_customers"
        assert (person.source, person.key, person.name, person.company, person.city, person.phone) == (
            "woocommerce", "7", "Ann Example", "Acme", "Bonn", "030 5551234",
        )  # fmt: skip

    def test_skyverge_legacy_customers(self, parse):
        (person,) = parse(
            "ID,First Name,Last Name,Email,Phone,Address,Address 2,Post code,City,State,Country,Company\n"
            "7,Ann,Example,ann@example.com,030 5551234,Main 1,2nd floor,53111,Bonn,,DE,Acme\n"
        )
        assert (parse.looked.format, person.key, person.street) == ("woocommerce_customers", "7", "Main 1 2nd floor")

    @pytest.mark.django_db
    def test_passwords_of_webtoffee_are_never_kept(self, take, files, settings):
        header = (
            "ID,customer_id,user_login,user_pass,user_nicename,user_email,user_registered,display_name,first_name,"
            "last_name,roles,session_tokens,billing_phone,billing_city\n"
        )
        take(header + "7,7,ann,$P$Bhash,ann,ann@example.com,2025-01-02 03:04:05,Ann E.,,,customer,a:1:{tok},,Bonn\n")
        assert list(Contact.objects.values_list("email", "name", "city")) == [("ann@example.com", "Ann E.", "Bonn")]
        (kept,) = [file for file in settings.MEDIA_ROOT.rglob("*") if file.is_file()]
        assert not {"$P$Bhash", "a:1:{tok}"} & set(kept.read_text().replace("\n", ",").split(","))


SKYVERGE = (
    "order_id,order_number,order_number_formatted,date,status,shipping_total,tax_total,discount_total,order_total,"
    "refunded_total,order_currency,payment_method,customer_id,billing_first_name,billing_last_name,billing_email,"
    "billing_phone,billing_address_1,billing_postcode,billing_city,billing_country,customer_note,"
)
ORDER = "5001,1001,A-1001,2026-05-01 09:58:12,{status},4.90,3.10,2.00,24.90,{refunded},EUR,paypal,{customer},Ann,Example,ann@example.com,030 5551234,Main 1,53111,Bonn,DE,,"


class TestSkyVerge:
    def test_items_between_bars(self, parse):
        item = r"id:1|name:Tee\; blue\|big|product_id:9|sku:TEE|quantity:2|subtotal:20.00|total:18.00|total_tax:3.42|refunded:0.00|meta:Size: L"
        (order,) = parse(
            SKYVERGE + "line_items,coupon_items,order_notes\n"
            + ORDER.format(status="completed", refunded="5.00", customer="7")
            + f'{item};id:2|name:Mug|sku:MUG|quantity:1|total:4.00,id:3|code:HELLO|amount:2.00,\n'
        )  # fmt: skip
        assert parse.looked.format == "woocommerce_skyverge"
        assert (order.number, order.total_minor, order.refunded_minor, order.shipping_minor, order.tax_minor) == (
            "1001", 2490, 500, 490, 310,
        )  # fmt: skip
        assert (order.payment, order.coupon_code, order.discount_minor) == ("paid", "HELLO", 200)
        assert lines(order) == [("Tee; blue|big", "TEE", 2, 900, 1800), ("Mug", "MUG", 1, 400, 400)]
        assert (order.person.key, order.person.name, order.person.email, order.person.city) == (
            "7", "Ann Example", "ann@example.com", "Bonn",
        )  # fmt: skip

    def test_a_row_for_each_item(self, parse):
        head = ORDER.format(status="cancelled", refunded="0", customer="0")
        (order,) = parse(
            SKYVERGE + "item_id,item_name,item_sku,item_quantity,item_subtotal,item_total,item_refunded,order_notes\n"
            f"{head}1,Tee,TEE,2,20.00,18.00,0,\n{head}2,Mug,MUG,1,4.00,4.00,0,\n"
        )
        assert lines(order) == [("Tee", "TEE", 2, 900, 1800), ("Mug", "MUG", 1, 400, 400)]
        assert (order.total_minor, order.payment, order.cancelled_at is not None, order.person.key) == (
            2490, "unpaid", True, "",
        )  # fmt: skip

    def test_items_as_json(self, parse):
        items = json.dumps([{"name": 'Tee "blue"', "sku": "TEE", "quantity": 2, "total": "18.00", "meta": [{"a": 1}]}])
        for told in (items, items.replace('"', "&quot;")):
            (order,) = parse(
                "id,order_number,order_number_formatted,created_at,status,total,total_shipping,cart_tax,total_discount,"
                "total_refunded,currency,customer_user,billing_email,line_items,coupon_lines,note,order_notes\n"
                f"5001,1001,1001,2026-05-01 09:58:12,completed,24.90,4.90,3.10,2.00,0,EUR,7,ann@example.com,{_quoted(told)},,,\n"
            )
            assert lines(order)[0][1:] == ("TEE", 2, 900, 1800)
            assert (order.number, order.total_minor, order.shipping_minor, order.person.key) == ("1001", 2490, 490, "7")

    def test_items_that_cannot_be_read_cost_their_order(self, parse):
        (row,) = parse(
            SKYVERGE + "line_items,order_notes\n" + ORDER.format(status="completed", refunded="0", customer="7") + "[1;,\n"
        )
        assert isinstance(row, BadRow)

    def test_the_legacy_names(self, parse):
        header = (
            "Order ID,Date,Order Status,Shipping,Tax,Discount Total,Order Total,Payment Method,Billing First Name,"
            "Billing Last Name,Billing Email,Billing Post code,Billing City,Billing Country,Customer Note,Item SKU,"
            "Item Name,Item Variation,Item Amount,Row Price,Order Notes\n"
        )
        row = "1001,2026-05-01 09:58:12,Processing,4.90,3.10,0,24.90,PayPal,Ann,Example,ann@example.com,53111,Bonn,DE,,"
        (order,) = parse(header + row + "TEE,Tee,Size: L,2,18.00,\n" + row + "MUG,Mug,,1,4.00,\n")
        assert parse.looked.format == "woocommerce_skyverge"
        assert lines(order) == [("Tee, Size: L", "TEE", 2, 900, 1800), ("Mug", "MUG", 1, 400, 400)]
        assert (order.total_minor, order.payment, order.person.postcode) == (2490, "paid", "53111")


def _quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


class TestProducts:
    HEADER = (
        'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Is featured?","Visibility in catalog","Date sale price starts",'
        '"Sale price","Regular price",Categories,Parent,"Meta: _wc_cog_cost"\n'
    )

    def test_products_variations_and_costs(self, parse):
        items = parse(
            "\ufeff" + self.HEADER
            + "44,variable,HOODIE,,Hoodie,1,0,visible,,,,\"Clothing > Hoodies\\, warm, Sale\",,\n"
            "45,variation,HOODIE-B,,Hoodie - Blue,1,0,visible,,39.00,45.00,,id:44,12.50\n"
            "46,variation,,,'-Hoodie - Red,1,0,visible,2026-01-01,39.00,45.00,,HOODIE,\n"
            "47,\"simple, downloadable, virtual\",ALBUM,,Album,-1,0,visible,,,15.00,,,\n"
            "48,simple,,,,1,0,visible,,,1.00,,,\n"
        )  # fmt: skip
        assert parse.looked.format == "woocommerce_products"
        assert [(i.sku, i.name, i.category, i.price_minor, i.cost_minor, i.is_active) for i in items[:4]] == [
            ("HOODIE", "Hoodie", "Hoodies, warm", None, None, True),
            ("HOODIE-B", "Hoodie - Blue", "Hoodies, warm", 3900, 1250, True),
            ("", "-Hoodie - Red", "Hoodies, warm", 4500, None, True),
            ("ALBUM", "Album", "", 1500, None, False),
        ]
        assert (type(items[4]), items[4].line_number) == (BadRow, 6)

    @pytest.mark.django_db
    @pytest.mark.samples
    @pytest.mark.skipif(not SAMPLES.exists(), reason="../shared/samples is not here")
    @pytest.mark.parametrize(("name", "rows", "priced"), [("core_sample_products", 25, 22), ("products_synthetic", 100, 100)])
    def test_samples(self, take, files, name, rows, priced):
        result = take(SAMPLES / f"woocommerce/{name}.csv").result
        assert (result["format"], result["rows"], result["rejected"]) == ("woocommerce_products", rows, 0)
        assert result["products"] == {"created": rows, "updated": 0, "unchanged": 0}
        assert Product.objects.filter(price_minor__isnull=False).count() == priced
