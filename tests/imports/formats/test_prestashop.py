"""PrestaShop: a list of orders in the shop's language without e-mails, customers, addresses."""

import datetime as dt

import pytest

from crm.imports.formats._prestashop import is_cancelled, payment_of

from .sheets import sheet

ENGLISH = "ID,Reference,New client,Delivery,Customer,Total,Payment,Status,Date"
FRENCH = "ID;Référence;Nouveau client;Livraison;Client;Total;Paiement;État;Date;Société"
GERMAN = "ID;Bestellnr.;Neukunde;Lieferung;Kunde;Gesamt;Zahlung;Status;Datum"


class TestOrders:
    def test_an_order_of_a_french_shop(self, parse):
        row = {
            "ID": "12", "Référence": "XKBKNABJK", "Nouveau client": "1", "Livraison": "France", "Client": "A. EXEMPLE",
            "Total": "1 234,56 €", "Paiement": "Carte", "État": "Paiement accepté", "Date": "2026-01-05 15:04:05",
        }  # fmt: skip
        (order,) = parse(sheet(FRENCH, row, delimiter=";"), currency="CHF", zone="Europe/Paris")
        assert parse.looked.format == "prestashop_orders"
        assert (order.number, order.total_minor, order.currency) == ("12", 123456, "EUR")
        assert order.placed_at == dt.datetime(2026, 1, 5, 14, 4, 5, tzinfo=dt.UTC)
        assert (order.payment, order.payment_word, order.person) == ("paid", "Paiement accepté", None)
        assert order.note == "XKBKNABJK, A. EXEMPLE"

    @pytest.mark.parametrize(("header", "delimiter"), [(ENGLISH, ","), (GERMAN, ";")])
    def test_other_languages_and_parts_of_a_split_order(self, parse, header, delimiter):
        names = header.split(delimiter)
        values = ["12", "XKBKNABJK", "0", "Germany", "A. EXAMPLE", "64.00", "Wire", "Shipped", "2026-01-05 15:04:05"]
        first, second = dict(zip(names, values)), dict(zip(names, ["13", *values[1:]]))
        orders = parse(sheet(header, first, second, delimiter=delimiter))
        assert parse.looked.format == "prestashop_orders"
        assert [(order.number, order.total_minor, order.currency) for order in orders] == [
            ("12", 6400, "EUR"),
            ("13", 6400, "EUR"),
        ]

    @pytest.mark.parametrize(
        ("word", "payment", "gone"),
        [
            ("Payment accepted", "paid", False), ("Delivered", "paid", False), ("Zahlung eingegangen", "paid", False),
            ("Awaiting bank wire payment", "unpaid", False), ("En attente de virement bancaire", "unpaid", False),
            ("Warten auf Zahlungseingang von Bank", "unpaid", False), ("Pago mediante PayPal pendiente", "unpaid", False),
            ("Canceled", "unpaid", True), ("Bestellung storniert", "unpaid", True), ("Annulé", "unpaid", True),
            ("Remboursement", "refunded", False), ("Refunded", "refunded", False), ("Partial refund", "partly_refunded", False),
            ("On backorder (paid)", "paid", False), ("On backorder (not paid)", "unpaid", False),
            ("Terugbetaling", "refunded", False), ("In afwachting van bankoverschrijving", "unpaid", False),
            ("In attesa di rifornimento", "unknown", False), ("Płatność przyjęta", "paid", False),
            ("Artikel nicht auf Lager (bezahlt)", "paid", False), ("Artikel nicht auf Lager", "unpaid", False),
            ("En attente de réapprovisionnement (non payé)", "unpaid", False),
            ("Waiting for the moon", "unknown", False),
        ],
    )  # fmt: skip
    def test_status_words(self, word, payment, gone):
        assert (payment_of(word), is_cancelled(word)) == (payment, gone)


class TestCustomers:
    GRID = (
        "ID;Social title;First name;Last name;Email address;Group;Sales;Enabled;Newsletter;Partner offers;Registration;"
        "Last visit"
    )
    TEMPLATE = (
        "Customer ID,Active (0/1),Titles ID (Mr = 1; Ms = 2; else 0),Email *,Password *,Birthday (yyyy-mm-dd),"
        "Last Name *,First Name *,Newsletter (0/1),Opt-in (0/1),Groups (x;y;z...),Default group ID"
    )

    def test_the_grid(self, parse):
        row = {
            "ID": 7, "First name": "Ann", "Last name": "EXAMPLE", "Email address": "ann@example.com",
            "Group": "Customer", "Sales": "12,00 €", "Enabled": 1, "Newsletter": 1, "Registration": "2024-05-01 08:00:00",
        }  # fmt: skip
        (ann,) = parse(sheet(self.GRID, row, delimiter=";"))
        assert parse.looked.format == "prestashop_customers"
        assert (ann.key, ann.name, ann.email, list(ann.tags), ann.consent, ann.authoritative) == (
            "7", "Ann EXAMPLE", "ann@example.com", ["Customer"], "yes", True,
        )  # fmt: skip
        assert ann.joined_at == dt.datetime(2024, 5, 1, 8, tzinfo=dt.UTC)

    @pytest.mark.parametrize(("newsletter", "consent"), [("1", "yes"), ("0", ""), ("", "")])
    def test_the_template_and_its_boxes(self, parse, newsletter, consent):
        row = {
            "Customer ID": 1, "Email *": "ann@example.com", "Password *": "x", "Birthday (yyyy-mm-dd)": "1987-04-02",
            "Last Name *": "Pan", "First Name *": "Ann", "Newsletter (0/1)": newsletter, "Opt-in (0/1)": "1",
            "Groups (x;y;z...)": "Customer; Kids",
        }  # fmt: skip
        (ann,) = parse(sheet(self.TEMPLATE, row))
        assert (ann.name, ann.birthday, list(ann.tags), ann.consent) == (
            "Ann Pan", dt.date(1987, 4, 2), ["Customer", "Kids"], consent,
        )  # fmt: skip
        assert {parse.looked.header.names[index] for index in parse.looked.header.secret()} == {"Password *"}


def test_addresses_of_customers_and_of_nobody(parse):
    header = (
        "Adress ID,Alias*,Active (0/1),Customer e-mail*,Customer ID,Manufacturer,Supplier,Company,Lastname*,Firstname*,"
        "Address 1*,Address 2,Zipcode*,City*,Country*,State,Other,Phone,Mobile Phone,VAT number,DNI"
    )
    home = {
        "Customer e-mail*": "ann@example.com", "Lastname*": "Example", "Firstname*": "Ann", "Address 1*": "Way 1",
        "Zipcode*": "53111", "City*": "Bonn", "Country*": "Germany", "Phone": "01 02 03 04 05",
    }  # fmt: skip
    maker = {"Manufacturer": "Acme", "Address 1*": "Loop 1", "Phone": "01 02 03 04 05"}
    (ann,) = parse(sheet(header, home, {**home, "City*": "Kiel"}, maker))
    assert parse.looked.format == "prestashop_addresses"
    assert (ann.email, ann.name, ann.street, ann.city, ann.phone) == (
        "ann@example.com", "Ann Example", "Way 1", "Bonn", "01 02 03 04 05",
    )  # fmt: skip
    assert parse.warned == [("skipped_suppliers", 4)]
