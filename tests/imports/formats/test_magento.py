"""Magento 2: the orders grid and the customer files."""

import datetime as dt

import pytest

from crm.imports.formats.base import BadRow, Header

from .sheets import sheet

GRID = (
    "ID,Purchase Point,Purchase Date,Bill-to Name,Ship-to Name,Grand Total (Base),Grand Total (Purchased),Status,"
    "Billing Address,Shipping Address,Shipping Information,Customer Email,Customer Group,Subtotal,"
    "Shipping and Handling,Customer Name,Payment Method,Total Refunded"
)
ORDER = {
    "ID": "000000123", "Purchase Point": "Main Website\nMain Store\nDefault Store View",
    "Purchase Date": "Jan 5, 2026, 3:04:05 PM", "Bill-to Name": "Ann Example", "Ship-to Name": "Bob Example",
    "Grand Total (Base)": "$1,064.00", "Grand Total (Purchased)": "€980.00", "Status": "complete",
    "Billing Address": "1 Way,Salem,Oregon,97301", "Customer Email": "ann@example.com",
    "Shipping and Handling": "$5.00", "Total Refunded": "",
}  # fmt: skip
MAIN = (
    "email,_website,_store,confirmation,created_at,created_in,disable_auto_group_change,dob,firstname,gender,group_id,"
    "lastname,middlename,password_hash,prefix,rp_token,store_id,suffix,taxvat,website_id,password"
)
ADDRESS = (
    ",_address_city,_address_company,_address_country_id,_address_firstname,_address_lastname,_address_postcode,"
    "_address_region,_address_street,_address_telephone,_address_default_billing_,_address_default_shipping_"
)
ANN = {
    "email": "Ann@Example.com", "_website": "base", "created_at": "2012-05-06 15:53:00", "dob": "1980-05-06",
    "firstname": "Ann", "middlename": "B.", "lastname": "Example", "password_hash": "6a9c", "group_id": 1,
}  # fmt: skip


class TestOrders:
    def test_an_order(self, parse):
        (order,) = parse(sheet(GRID, ORDER), currency="USD")
        assert parse.looked.format == "magento_orders"
        assert (order.number, order.total_minor, order.currency, order.shipping_minor) == (
            "000000123",
            106400,
            "USD",
            500,
        )
        assert order.placed_at == dt.datetime(2026, 1, 5, 15, 4, 5, tzinfo=dt.UTC)
        assert (order.channel, order.lines, order.payment) == ("Default Store View", [], "paid")
        assert (order.person.email, order.person.name, order.person.street) == (
            "ann@example.com", "Ann Example", "1 Way,Salem,Oregon,97301",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("status", "payment", "is_cancelled"),
        [
            ("processing", "paid", False),
            ("closed", "refunded", False),
            ("pending", "unpaid", False),
            ("holded", "unpaid", False),
            ("payment_review", "unpaid", False),
            ("canceled", "unpaid", True),
            ("Ready for pickup", "unknown", False),
        ],
    )
    def test_status(self, parse, status, payment, is_cancelled):
        (order,) = parse(sheet(GRID, {**ORDER, "Status": status}))
        assert (order.payment, order.cancelled_at is not None) == (payment, is_cancelled)

    def test_the_currency_beside_the_amount_counts(self, parse):
        (order,) = parse(sheet(GRID, {**ORDER, "Grand Total (Base)": "£64.00"}))
        assert (order.currency, order.total_minor) == ("GBP", 6400)

    @pytest.mark.parametrize("status", ["complete", "closed"])
    def test_part_of_it_given_back(self, parse, status):
        (order,) = parse(sheet(GRID, {**ORDER, "Status": status, "Total Refunded": "$64.00"}))
        assert (order.payment, order.refunded_minor, order.tells) == ("paid", 6400, "head")


class TestCustomers:
    def test_a_customer(self, parse):
        (ann,) = parse(sheet(MAIN, ANN))
        assert parse.looked.format == "magento_customers"
        assert (ann.email, ann.name, ann.birthday, ann.authoritative, ann.consent, ann.extra) == (
            "Ann@Example.com", "Ann B. Example", dt.date(1980, 5, 6), True, "", {},
        )  # fmt: skip
        assert ann.joined_at == dt.datetime(2012, 5, 6, 15, 53, tzinfo=dt.UTC)

    def test_rows_without_an_address_belong_to_the_customer_above(self, parse):
        home = {"_address_city": "Bonn", "_address_street": "Way 1\nLeft", "_address_telephone": "'+49 30 555123456"}
        rows = [ANN, home, {"_address_city": "Kiel"}, {**ANN, "email": "bob@example.com"}]
        ann, bob = parse(sheet(MAIN + ADDRESS, *rows))
        assert (ann.city, ann.street, ann.phone) == ("Bonn", "Way 1 Left", "+49 30 555123456")
        assert (bob.email, bob.city) == ("bob@example.com", "")

    def test_one_address_on_two_websites_is_one_person_since_the_earlier(self, parse):
        other = {**ANN, "email": "ann@example.com", "_website": "outlet", "created_at": "2010-01-01 00:00:00"}
        (ann,) = parse(sheet(MAIN, ANN, other))
        assert ann.joined_at.year == 2010

    def test_a_day_nobody_can_read_costs_no_customer(self, parse):
        (ann,) = parse(sheet(MAIN, {**ANN, "created_at": "long ago", "dob": "5th of spring"}))
        assert (ann.joined_at, ann.birthday, ann.extra) == (None, None, {"birthday_text": "5th of spring"})
        assert parse.warned == [("joined_unread", 2)]

    def test_a_profile_whose_street_is_a_list(self, parse):
        header = "firstname,lastname,email,password,dob,gender,street,city,region,country_id,postcode,telephone"
        (person,) = parse(
            sheet(header, {"firstname": "Ann", "email": "a@example.com", "street": '["1 Way",""]', "country_id": "US"})
        )
        assert (person.street, person.country) == ("1 Way", "US")

    def test_addresses_before_any_customer_are_rejected(self, parse):
        (row,) = parse(sheet(MAIN + ADDRESS, {"_address_city": "Bonn"}))
        assert (type(row), row.line_number) == (BadRow, 2)

    def test_secrets_are_known(self):
        names = MAIN.split(",")
        assert {names[index] for index in Header(names).secret()} == {"password_hash", "rp_token", "password"}
