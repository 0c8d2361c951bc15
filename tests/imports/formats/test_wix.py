"""Wix: the old file that repeats the order on each row, the new pair of files, contacts, products."""

import csv
import datetime as dt
import io

import pytest

from crm.imports.formats.base import BadRow
from crm.orders.models import Order

from .sheets import sheet

OLD = (
    "Order number,Date created,Time,Fulfill by,Total order quantity,Contact email,Note from customer,"
    "Additional checkout info,Item,Variant,SKU,Qty,Quantity refunded,Price,Weight,Custom text,Deposit amount,"
    "Delivery method,Delivery time,Recipient name,Recipient phone,Recipient company name,Delivery country,"
    "Delivery state,Delivery state name,Delivery city,Delivery address,Delivery zip/postal code,Billing name,"
    "Billing phone,Billing company name,Billing country,Billing state,Billing state name,Billing city,Billing address,"
    "Billing zip/postal code,Payment status,Payment method,Coupon code,Gift card amount,Shipping rate,Total tax,Total,"
    "Currency,Refunded amount,Net amount,Additional fees,Fulfillment status,Tracking number,Fulfillment service"
)
ORDERS = (
    "Order number,Date created,Time,Business location,Tags,Order ID,Contact email,Note from customer,Delivery method,"
    "Recipient name,Delivery city,Billing name,Billing city,Payment status,Global coupon code,Global discount amount,"
    "Amount paid,Shipping rate,Total tax,Total,Currency,Refunded amount,Net amount,Fulfillment status"
)
ITEMS = (
    "Order number,Date created,Time,Order ID,Contact email,Item,Variant,SKU,Qty,Price,Modifiers/Add-ons,"
    "Item coupon code,Item discount amount,Fulfillment location"
)
ROW = {
    "Order number": "10002", "Date created": "Dec 11, 2024", "Time": "2:10:40 PM", "Contact email": "ann@example.com",
    "Item": "Cap", "Variant": "Color:Navy | Size:S", "SKU": "CAP-S", "Qty": 2, "Price": "22.98",
    "Recipient name": "Bob Example", "Delivery city": "Kiel", "Delivery address": "Way 2",
    "Delivery zip/postal code": '"24103"', "Billing name": "Ann Example", "Billing phone": '"0152 00000016"',
    "Billing country": "DEU", "Billing city": "Bonn", "Billing address": "Way 1",
    "Billing zip/postal code": '"01055"', "Payment status": "Paid", "Shipping rate": "15.00", "Total tax": "3.00",
    "Total": "73.94", "Currency": "EUR", "Refunded amount": "0.00", "Fulfillment status": "Unfulfilled",
}  # fmt: skip
SECOND = {**ROW, "Item": "Pillow", "Variant": "", "SKU": "PIL", "Qty": 1, "Price": "12.98"}


class TestOldOrders:
    def test_repeated_columns_are_taken_once(self, parse):
        (order,) = parse("\ufeff" + sheet(OLD, ROW, SECOND), zone="Europe/Berlin")
        assert parse.looked.format == "wix_orders"
        assert (order.number, order.total_minor, order.shipping_minor, order.tax_minor) == ("10002", 7394, 1500, 300)
        assert order.placed_at == dt.datetime(2024, 12, 11, 13, 10, 40, tzinfo=dt.UTC)
        assert [(ln.name, ln.sku, ln.quantity, ln.total_minor) for ln in order.lines] == [
            ("Cap, Color:Navy | Size:S", "CAP-S", 2, 4596),
            ("Pillow", "PIL", 1, 1298),
        ]
        person = order.person
        assert (person.email, person.name, person.phone, person.postcode, person.city, person.street) == (
            "ann@example.com", "Ann Example", "0152 00000016", "01055", "Bonn", "Way 1",
        )  # fmt: skip
        assert (order.tells, person.consent) == ("", "")

    def test_where_it_was_sent_stands_in_for_a_missing_bill(self, parse):
        unbilled = {name: value for name, value in ROW.items() if not name.startswith("Billing")}
        (order,) = parse(sheet(OLD, unbilled))
        assert (order.person.name, order.person.city, order.person.postcode) == ("Bob Example", "Kiel", "24103")

    def test_a_header_with_delivery_where_billing_should_stand(self, parse):
        names = OLD.split(",")
        first, last = names.index("Billing state"), names.index("Billing zip/postal code") + 1
        cells = [ROW.get(name, "") for name in names]
        names[first:last] = [name.replace("Billing", "Delivery") for name in names[first:last]]
        text = io.StringIO()
        csv.writer(text).writerows([names, cells])
        (order,) = parse(text.getvalue())
        assert (parse.looked.format, order.person.street, order.person.city, order.person.postcode) == (
            "wix_orders", "Way 1", "Bonn", "01055",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("status", "fulfilment", "payment", "is_cancelled"),
        [
            ("Unpaid", "Canceled", "unpaid", True),
            ("Paid", "Canceled", "paid", True),
            ("Partially paid", "Unfulfilled", "partly_paid", False),
            ("Refunded", "Fulfilled", "refunded", False),
            ("Partially refunded", "Fulfilled", "partly_refunded", False),
            ("Bezahlt?", "", "unknown", False),
        ],
    )
    def test_status(self, parse, status, fulfilment, payment, is_cancelled):
        (order,) = parse(sheet(OLD, {**ROW, "Payment status": status, "Fulfillment status": fulfilment}))
        assert (order.payment, order.cancelled_at is not None) == (payment, is_cancelled)

    @pytest.mark.parametrize(
        ("day", "time", "moment"),
        [
            ("11. Dez. 2024", "14:10:40", dt.datetime(2024, 12, 11, 14, 10, 40, tzinfo=dt.UTC)),
            ("11 déc. 2024", "14:10:40", dt.datetime(2024, 12, 11, 14, 10, 40, tzinfo=dt.UTC)),
            ("11 févr. 2024", "14:10:40", dt.datetime(2024, 2, 11, 14, 10, 40, tzinfo=dt.UTC)),
            ("11 de dez. de 2024", "14:10:40", dt.datetime(2024, 12, 11, 14, 10, 40, tzinfo=dt.UTC)),
            ("2024年12月11日", "14:10:40", dt.datetime(2024, 12, 11, 14, 10, 40, tzinfo=dt.UTC)),
            ("2024-12-11", "", dt.datetime(2024, 12, 11, tzinfo=dt.UTC)),
        ],
    )
    def test_days_in_the_language_of_the_site(self, parse, day, time, moment):
        (order,) = parse(sheet(OLD, {**ROW, "Date created": day, "Time": time}))
        assert order.placed_at == moment


class TestNewPair:
    HEAD = {
        **{name: ROW[name] for name in ROW if name not in ("Item", "Variant", "SKU", "Qty", "Price")},
        "Order ID": "7f3e", "Global coupon code": "HI", "Global discount amount": "5.00",
    }  # fmt: skip
    LINES = {**ROW, "Order ID": "7f3e", "Item discount amount": "1.98"}

    def test_orders_tell_no_lines_and_items_no_totals(self, parse):
        (head,) = parse(sheet(ORDERS, self.HEAD))
        assert (parse.looked.format, head.tells, head.number, head.lines) == ("wix_orders", "head", "10002", [])
        assert (head.total_minor, head.discount_minor, head.coupon_code) == (7394, 500, "HI")
        (lines,) = parse(sheet(ITEMS, self.LINES))
        assert (parse.looked.format, lines.tells, lines.number) == ("wix_orders", "lines", "10002")
        assert [(ln.total_minor, ln.unit_price_minor) for ln in lines.lines] == [(4398, 2298)]

    @pytest.mark.django_db
    @pytest.mark.parametrize("first_items", [True, False])
    def test_both_files_make_one_order(self, take, settings, tmp_path, first_items):
        settings.MEDIA_ROOT = tmp_path / "media"
        files = [sheet(ORDERS, self.HEAD), sheet(ITEMS, self.LINES)]
        for text in reversed(files) if first_items else files:
            take(text)
        assert list(Order.objects.values_list("number", "total_minor", "coupon_code", "contact__email")) == [
            ("10002", 7394, "HI", "ann@example.com")
        ]
        assert list(Order.objects.get().lines.values_list("sku", "total_minor")) == [("CAP-S", 4398)]


class TestContacts:
    HEADER = (
        "First Name,Last Name,Email 1,Phone 1,Address 1 - Type,Address 1 - Street,Address 1 - City,Address 1 - Zip,"
        "Address 1 - Country,Company,Labels,Created At (UTC+0),Email subscriber status,SMS subscriber status,Source,"
        "Language"
    )
    ANN = {
        "First Name": "Ann", "Last Name": "Example", "Email 1": "ann@example.com", "Phone 1": "'+49 30 555123456",
        "Address 1 - Street": "Way 1", "Address 1 - City": "Bonn", "Address 1 - Zip": "53111",
        "Labels": "Customers; VIP,Tea", "Created At (UTC+0)": "2024-05-01 08:00", "Email subscriber status": "Subscribed",
        "Language": "de-DE",
    }  # fmt: skip

    def test_a_contact(self, parse):
        (ann,) = parse(sheet(self.HEADER, self.ANN), zone="Asia/Tokyo")
        assert parse.looked.format == "wix_contacts"
        assert (ann.name, ann.email, ann.phone, ann.city, ann.language, list(ann.tags), ann.authoritative) == (
            "Ann Example", "ann@example.com", "+49 30 555123456", "Bonn", "de", ["Customers", "VIP", "Tea"], True,
        )  # fmt: skip
        assert ann.joined_at == dt.datetime(2024, 5, 1, 8, tzinfo=dt.UTC)

    @pytest.mark.parametrize(
        ("status", "consent"),
        [("subscribed", "yes"), ("UNSUBSCRIBED", "no"), ("Never subscribed", ""), ("Pending", ""), ("", "")],
    )
    def test_consent(self, parse, status, consent):
        assert [p.consent for p in parse(sheet(self.HEADER, {**self.ANN, "Email subscriber status": status}))] == [
            consent
        ]

    def test_somebody_nothing_identifies_is_rejected(self, parse):
        (row,) = parse(sheet(self.HEADER, {"First Name": "Ann"}))
        assert (type(row), row.line_number) == (BadRow, 2)


def test_products_and_their_variants(parse):
    header = "handle,fieldType,name,visible,plainDescription,price,cost,inventory,sku,productOptionName1"
    tee = {"handle": "tee", "fieldType": "Product", "name": "Tee", "visible": "TRUE", "price": "20", "cost": "8"}
    small = {"handle": "tee", "fieldType": "Variant", "sku": "TEE-S", "price": "21.5"}
    mug = {"handle": "mug", "fieldType": "PRODUCT", "name": "Mug", "visible": "false", "price": "9", "sku": "MUG"}
    items = parse(sheet(header, tee, small, {**small, "sku": "TEE-L", "price": ""}, mug))
    assert parse.looked.format == "wix_products"
    assert [(i.sku, i.name, i.price_minor, i.cost_minor, i.is_active) for i in items] == [
        ("TEE-S", "Tee", 2150, 800, True),
        ("TEE-L", "Tee", 2000, 800, True),
        ("MUG", "Mug", 900, None, False),
    ]
