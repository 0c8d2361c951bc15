"""Etsy: orders and items are two files about the same orders, in any order; and the listings."""

import datetime as dt

import pytest

from crm.contacts.models import Contact
from crm.imports import intake, undoing
from crm.imports.formats._etsy import buyer_key
from crm.imports.formats.base import BadRow
from crm.orders.models import Order

from .sheets import sheet

ORDERS = (
    '"Sale Date","Order ID","Buyer User ID","Full Name","First Name","Last Name","Number of Items","Payment Method",'
    '"Date Shipped","Street 1","Street 2","Ship City","Ship State","Ship Zipcode","Ship Country",Currency,"Order Value",'
    '"Coupon Code","Coupon Details","Discount Amount","Shipping Discount",Shipping,"Sales Tax","Order Total",Status,'
    '"Card Processing Fees","Order Net","Adjusted Order Total","Adjusted Card Processing Fees",'
    '"Adjusted Net Order Amount",Buyer,"Order Type","Payment Type","InPerson Discount","InPerson Location",SKU'
)
ITEMS = (
    '"Sale Date","Item Name",Buyer,Quantity,Price,"Coupon Code","Coupon Details","Discount Amount","Shipping Discount",'
    '"Order Shipping","Order Sales Tax","Item Total",Currency,"Transaction ID","Listing ID","Date Paid","Date Shipped",'
    '"Ship Name","Ship Address1","Ship Address2","Ship City","Ship State","Ship Zipcode","Ship Country","Order ID",'
    'Variations,"Order Type","Listings Type","Payment Type","InPerson Discount","InPerson Location",'
    '"VAT Paid by Buyer",SKU'
)
ORDER = {
    "Sale Date": "09/03/26", "Order ID": "3001", "Buyer User ID": "ann99", "Full Name": "Ann Example",
    "First Name": "Ann", "Last Name": "Example", "Number of Items": 3, "Street 1": "1 Way", "Ship City": "Bonn",
    "Ship Zipcode": "53111", "Ship Country": "Germany", "Currency": "EUR", "Order Value": "30.00",
    "Coupon Code": "HI", "Discount Amount": "3.00", "Shipping Discount": "0.00", "Shipping": "5.00",
    "Sales Tax": "0.00", "Order Total": "34.50", "Order Net": "30.00", "Adjusted Order Total": "0.00",
    "Buyer": "Ann Example (ann99)", "Order Type": "online",
}  # fmt: skip
MUG = {
    "Sale Date": "09/03/26", "Item Name": "Mug", "Buyer": "Ann Example (ann99)", "Quantity": 2, "Price": "10.00",
    "Coupon Code": "HI", "Discount Amount": "3.00", "Shipping Discount": "0.00", "Order Shipping": "5.00",
    "Item Total": "20.00", "Currency": "EUR", "Transaction ID": "1", "Date Paid": "09/03/2026",
    "Ship Name": "Ann Example", "Ship City": "Bonn", "Ship Zipcode": "53111", "Ship Country": "Germany",
    "Order ID": "3001", "SKU": "MUG",
}  # fmt: skip
BOWL = {
    **MUG, "Item Name": "Bowl", "Quantity": 1, "Item Total": "10.00", "Transaction ID": "2", "SKU": "",
    "Discount Amount": "", "Order Shipping": "",
}  # fmt: skip


class TestOrders:
    def test_an_order(self, parse):
        (order,) = parse(sheet(ORDERS, ORDER))
        assert parse.looked.format == "etsy_orders"
        assert (order.source, order.number, order.placed_at) == ("etsy", "3001", dt.datetime(2026, 9, 3, tzinfo=dt.UTC))
        assert (order.total_minor, order.discount_minor, order.shipping_minor, order.lines) == (3450, 300, 500, [])
        assert order.tax_minor == 250  # over the goods and their shipping: collected by Etsy, though the column says 0
        assert (order.payment, order.payment_word, order.coupon_code) == ("paid", "", "HI")
        person = order.person
        assert (person.key, person.name, person.email, person.city, person.country) == (
            "ann99", "Ann Example", "", "Bonn", "Germany",
        )  # fmt: skip

    @pytest.mark.parametrize("currency", ["EUR", "USD"])
    def test_the_month_stands_first_wherever_the_shop_is(self, parse, currency):
        (order,) = parse(sheet(ORDERS, {**ORDER, "Currency": currency}), currency=currency)
        assert (order.placed_at.month, parse.surveyed.doubts) == (9, [])

    def test_a_file_a_european_spreadsheet_rewrote(self, parse):
        first, second = parse(sheet(ORDERS, ORDER, {**ORDER, "Order ID": "3002", "Sale Date": "23/09/2026"}))
        assert (first.placed_at.month, second.placed_at.day) == (3, 23)

    @pytest.mark.parametrize(
        ("status", "payment", "is_cancelled"),
        [
            ("Completed", "paid", False),
            ("Canceled", "unpaid", True),
            ("Refunded", "refunded", False),
            ("Partially Refunded", "partly_refunded", False),
            ("Dreaming", "unknown", False),
        ],
    )
    def test_status(self, parse, status, payment, is_cancelled):
        (order,) = parse(sheet(ORDERS, {**ORDER, "Status": status}))
        assert (order.payment, order.cancelled_at is not None) == (payment, is_cancelled)

    def test_an_adjusted_total_is_what_was_given_back(self, parse):
        (order,) = parse(sheet(ORDERS, {**ORDER, "Adjusted Order Total": "30.00"}))
        assert (order.total_minor, order.refunded_minor) == (3450, 450)

    def test_the_same_row_twice_is_one_order(self, parse):
        assert [order.total_minor for order in parse(sheet(ORDERS, ORDER, ORDER))] == [3450]

    @pytest.mark.parametrize("changes", [{"Order Total": ""}, {"Sale Date": ""}, {"Order ID": "3.1E+9"}])
    def test_what_cannot_be_read_is_rejected(self, parse, changes):
        (row,) = parse(sheet(ORDERS, {**ORDER, **changes}))
        assert (type(row), row.line_number) == (BadRow, 2)


class TestItems:
    def test_lines_and_what_stands_on_the_first_row_only(self, parse):
        (order,) = parse(sheet(ITEMS, MUG, BOWL))
        assert parse.looked.format == "etsy_items"
        assert [(ln.name, ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in order.lines] == [
            ("Mug", "MUG", 2, 1000, 2000),
            ("Bowl", "", 1, 1000, 1000),
        ]
        assert (order.discount_minor, order.shipping_minor, order.total_minor) == (300, 500, 3200)
        assert (order.person.key, order.placed_at.month) == ("ann99", 9)

    def test_amounts_of_the_order_count_once_wherever_they_stand(self, parse):
        repeated = {**BOWL, "Discount Amount": "3.00", "Order Shipping": "5.00"}
        assert [order.total_minor for order in parse(sheet(ITEMS, MUG, repeated))] == [3200]
        zeros = {**BOWL, "Discount Amount": "0.00", "Order Shipping": "0.00"}
        assert [order.total_minor for order in parse(sheet(ITEMS, zeros, MUG))] == [3200]


@pytest.mark.parametrize(
    ("buyer", "user_id", "name", "key"),
    [
        ("Ann Example (Ann99)", "", "Ann Example", "ann99"),
        ("ann99", "", "Ann Example", "ann99"),
        ("ann99", "7", "Ann Example", "ann99"),
        ("Ann Example", "ann99", "Ann Example", "ann99"),
        ("", "7", "Ann Example", "7"),
        ("", "1.23457E+08", "Ann Example", "guest:ann example:v2c1a1"),
        ("Ann Example", "", "Ann Example", "guest:ann example:v2c1a1"),
        ("Ann", "", "Ann Example", "guest:ann example:v2c1a1"),
        ("", "", "", ""),
    ],
)
def test_what_a_buyer_is_known_by(buyer, user_id, name, key):
    assert buyer_key(buyer=buyer, user_id=user_id, name=name, postcode="V2C 1A1") == key


class TestListings:
    HEADER = (
        "TITLE,DESCRIPTION,PRICE,CURRENCY_CODE,QUANTITY,TAGS,MATERIALS,IMAGE1,IMAGE2,VARIATION 1 TYPE,"
        "VARIATION 1 NAME,VARIATION 1 VALUES,SKU"
    )

    def test_listings(self, parse):
        mug = {"TITLE": "Mug", "PRICE": "12.50", "CURRENCY_CODE": "CAD", "QUANTITY": 3, "SKU": "MUG-S,MUG-L"}
        items = parse(sheet(self.HEADER, mug, {"TITLE": "Bowl", "PRICE": "", "CURRENCY_CODE": "CAD"}, {"PRICE": "1"}))
        assert parse.looked.format == "etsy_listings"
        assert [(i.sku, i.name, i.price_minor, i.currency, i.is_active) for i in items[:3]] == [
            ("MUG-S", "Mug", 1250, "CAD", True),
            ("MUG-L", "Mug", 1250, "CAD", True),
            ("", "Bowl", None, "CAD", True),
        ]
        assert (type(items[3]), items[3].line_number) == (BadRow, 4)


def books():
    """Return the books as far as orders go: everything but when and by which file."""
    return [
        (
            order.number, order.total_minor, order.discount_minor, order.shipping_minor, order.tax_minor,
            order.payment, order.coupon_code, order.counts, order.net_minor, order.contact and order.contact.name,
            list(order.lines.order_by("position").values_list("name", "sku", "quantity", "total_minor")),
        )
        for order in Order.objects.order_by("number").select_related("contact")
    ]  # fmt: skip


@pytest.mark.django_db
class TestTwoFilesOneOrder:
    @pytest.fixture(autouse=True)
    def files(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path / "media"

    BOTH = (
        "3001", 3450, 300, 500, 250, "paid", "HI", True, 3450, "Ann Example",
        [("Mug", "MUG", 2.0, 2000), ("Bowl", "", 1.0, 1000)],
    )  # fmt: skip

    @pytest.mark.parametrize("first_items", [True, False])
    def test_whichever_comes_first(self, take, first_items):
        files = [sheet(ORDERS, ORDER), sheet(ITEMS, MUG, BOWL)]
        for text in reversed(files) if first_items else files:
            importing = take(text)
        assert books() == [self.BOTH]
        assert list(Contact.objects.values_list("name", "order_count", "spent_minor")) == [("Ann Example", 1, 3450)]
        assert importing.result["orders"] == {"created": 0, "updated": 1, "unchanged": 0}

    def test_files_that_say_nothing_new_change_nothing(self, take):
        for _time in range(2):
            results = [take(sheet(ORDERS, ORDER)).result, take(sheet(ITEMS, MUG, BOWL)).result]
        assert [result["orders"] for result in results] == [{"created": 0, "updated": 0, "unchanged": 1}] * 2
        assert books() == [self.BOTH]

    def test_a_changed_head_keeps_the_lines_and_changed_lines_keep_the_head(self, take):
        take(sheet(ORDERS, ORDER))
        take(sheet(ITEMS, MUG, BOWL))
        take(sheet(ORDERS, {**ORDER, "Status": "Refunded"}))
        take(sheet(ITEMS, MUG))
        order = Order.objects.get()
        assert (order.payment, order.total_minor, order.refunded_minor, order.net_minor) == ("refunded", 3450, 3450, 0)
        assert [refund.amount_minor for refund in order.refunds.all()] == [3450]
        assert [line.name for line in order.lines.all()] == ["Mug"]

    def test_totals_follow_the_items_until_the_orders_came(self, take):
        take(sheet(ITEMS, MUG))
        take(sheet(ITEMS, MUG, BOWL))
        assert [order.total_minor for order in Order.objects.all()] == [3200]
        take(sheet(ORDERS, ORDER))
        take(sheet(ITEMS, MUG))
        assert [order.total_minor for order in Order.objects.all()] == [3450]

    def test_a_refund_recorded_by_hand_stays(self, take, now):
        take(sheet(ORDERS, ORDER))
        intake.take_refund(Order.objects.get().pk, amount_minor=450, key="typed:1", at=now, now=now)
        take(sheet(ITEMS, MUG, BOWL))
        take(sheet(ORDERS, {**ORDER, "Status": "Completed"}))
        assert list(Order.objects.values_list("refunded_minor", "net_minor", "payment_word")) == [(450, 3000, "Completed")]

    def test_what_the_file_says_is_what_is_stored(self, take):
        take(sheet(ORDERS, ORDER))
        result = take(sheet(ITEMS, MUG, BOWL)).result
        assert (result["gross_total"], result["stored_total"]) == ({"EUR": "30.00"}, {"EUR": "30.00"})

    def test_a_guest_in_the_items_makes_no_second_customer_of_a_known_buyer(self, take):
        take(sheet(ORDERS, ORDER))
        take(sheet(ITEMS, {**MUG, "Buyer": "Ann Example"}, {**BOWL, "Buyer": "Ann Example"}))
        assert books() == [self.BOTH]
        assert Contact.objects.count() == 1

    def test_two_guests_of_one_name_are_two_people(self, take):
        guest = {**ORDER, "Buyer User ID": "", "Buyer": "Ann Example"}
        elsewhere = {**guest, "Order ID": "3002", "Ship Zipcode": "10115"}
        again = {**guest, "Order ID": "3003", "Full Name": "ANN EXAMPLE"}
        take(sheet(ORDERS, guest, elsewhere, again))
        assert sorted(Contact.objects.values_list("postcode", "order_count")) == [("10115", 1), ("53111", 2)]

    def test_undo_of_the_second_file_leaves_the_first(self, take, now):
        take(sheet(ORDERS, ORDER))
        before = books()
        importing = take(sheet(ITEMS, MUG, BOWL))
        undoing.undo(importing.pk, now=now)
        assert books() == before
