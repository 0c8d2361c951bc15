"""eBay's reports: notes around them, summary rows, fees that carry an order's number, German wording."""

import datetime as dt

from crm.contacts.models import Contact
from crm.imports.formats.base import Addition, Purchase
from crm.orders.models import Order

ORDERS = """\

Sales Record Number,Order Number,Buyer Username,Buyer Name,Buyer Email,Ship To Name,Ship To City,Ship To Zip,Item Title,Custom Label,Quantity,Sold For,Shipping And Handling,Total Price,Sale Date,Paid On Date,Transaction ID

101,12-00000-00001,buyer_one,Ann Example,abc@members.ebay.com,Ann Example,Leeds,LS1,,,2,,$5.00,"US $1,025.00",Jul-21-25,Jul-21-25,
101,12-00000-00001,buyer_one,,,,,,Fern print,FERN,2,$10.00,,,,,7001
101,12-00000-00001,buyer_one,,,,,,Large frame,FRAME,1,"$1,000.00",,,,,7002
102,12-00000-00002,buyer_two,Bo Example,,Bo Example,York,YO1,Fern print,FERN,1,$10.00,$2.00,$12.00,Jul-22-25,,7003
,,,,,,,,,,,,,,,,
2 record(s) downloaded,,,,,,,,,,,,,,,,
Seller ID : acme,,,,,,,,,,,,,,,,
"""


def test_an_order_of_several_items_and_the_notes_around_it(parse):
    one, two = parse(ORDERS, currency="USD")
    assert (parse.looked.format, parse.surveyed.rows_total) == ("ebay_orders", 6)
    assert parse.warned == [("skipped_notes", 9), ("skipped_notes", 10)]
    assert (one.number, one.total_minor, one.shipping_minor, one.currency, one.payment) == (
        "12-00000-00001", 102500, 500, "USD", "paid",
    )  # fmt: skip
    assert one.placed_at == dt.datetime(2025, 7, 21, tzinfo=dt.UTC)
    assert [(ln.name, ln.sku, ln.quantity, ln.unit_price_minor, ln.total_minor) for ln in one.lines] == [
        ("Fern print", "FERN", 2, 1000, 2000),
        ("Large frame", "FRAME", 1, 100000, 100000),
    ]
    assert (two.total_minor, two.payment) == (1200, "unpaid")  # no day of payment


def test_a_relay_address_of_ebay_is_no_address(parse):
    one, two = parse(ORDERS, currency="USD")
    assert [(p.key, p.name, p.email) for p in (one.person, two.person)] == [
        ("buyer_one", "Ann Example", ""),
        ("buyer_two", "Bo Example", ""),
    ]


def test_item_rows_that_repeat_the_total_do_not_double_it_and_parts_add_up(parse):
    header = "Order Number,Buyer Username,Item Title,Quantity,Sold For,Total Price,Sale Date\n"
    repeated = "1,ann,Tee,1,£10.00,£25.00,03-Jul-25\n1,ann,Mug,1,£15.00,£25.00,03-Jul-25\n"
    parts = "2,ann,Tee,1,£10.00,£10.00,03-Jul-25\n2,ann,Mug,1,£15.00,£15.00,03-Jul-25\n"
    assert [(order.total_minor, order.currency) for order in parse(header + repeated + parts)] == [
        (2500, "GBP"),
        (2500, "GBP"),
    ]


def test_a_price_of_all_pieces_is_told_by_the_total(parse):
    header = "Order Number,Buyer Username,Item Title,Quantity,Sold For,Shipping And Handling,Total Price,Sale Date\n"
    of_one = "1,ann,Tee,2,$10.00,$5.00,$25.00,03-Jul-25\n"
    of_all = "2,ann,Tee,2,$20.00,$5.00,$25.00,03-Jul-25\n"
    for order in parse(header + of_one + of_all, currency="USD"):
        assert [(line.quantity, line.unit_price_minor, line.total_minor) for line in order.lines] == [(2, 1000, 2000)]


def test_german_orders(parse):
    text = (
        "Verkaufsprotokollnummer;Bestellnummer;Nutzername des Käufers;Name des Käufers;Angebotstitel;Bestandseinheit;"
        "Stückzahl;Verkauft für;Verpackung und Versand;Gesamtbetrag;Verkauft am;Zahlungsdatum\n"
        "1;23-12345-12345;kaeufer;--;Lüfter;SKU-1;1;110,00 €;6,99 €;116,99 €;10-Dez-25;10-Dez-25\n"
    )
    (order,) = parse(text, currency="CHF")
    assert (order.number, order.total_minor, order.shipping_minor, order.currency, order.payment) == (
        "23-12345-12345", 11699, 699, "EUR", "paid",
    )  # fmt: skip
    assert (order.placed_at.date(), order.person.key, order.person.name) == (dt.date(2025, 12, 10), "kaeufer", "")


LEDGER = """\
"Transaction report"
"Start date","2026-09-01"

"Transaction creation date","Type","Order number","Buyer username","Buyer name","Net amount","Payout currency","Transaction ID","Item title","Custom label","Quantity","Item subtotal","Shipping and handling","Gross transaction amount","Transaction currency"
"Sep 25, 2026","Refund","12-1","ann","Ann Example","-9.00","USD","1","","","","--","--","-10.00","USD"
"Sep 24, 2026","Refund","11-9","zoe","Zoe Example","-9.00","USD","9","","","","--","--","-10.00","USD"
"Sep 6, 2026","Other fee","12-1","ann","Ann Example","-1.50","USD","","--","--","--","--","--","--","USD"
"Sep 5, 2026","Order","12-1","ann","Ann Example","21.46","USD","1","Fern print","FERN","2","20.00","5.00","26.60","USD"
"Sep 22, 2026","Payout","","","","-15.86","USD","","","","","","","","USD"
"""


def test_only_sales_and_refunds_of_the_ledger_are_read(parse):
    found = parse(LEDGER)
    (order,) = [item for item in found if isinstance(item, Purchase)]
    ((bad,),) = [item.bad for item in found if isinstance(item, Addition)]
    assert (parse.looked.format, parse.surveyed.rows_total, parse.warned) == (
        "ebay_transactions", 5, [("skipped_fees", 7), ("skipped_fees", 9)],
    )  # fmt: skip
    assert (order.number, order.total_minor, order.refunded_minor, order.shipping_minor, order.currency) == (
        "12-1", 2660, 1000, 500, "USD",
    )  # fmt: skip
    assert (order.placed_at.date(), order.refunded_at.date()) == (dt.date(2026, 9, 5), dt.date(2026, 9, 25))
    assert [(ln.name, ln.sku, ln.quantity, ln.total_minor) for ln in order.lines] == [("Fern print", "FERN", 2, 2000)]
    assert (bad.line_number, bad.reason) == (
        6, "The sale that was refunded is neither in this file nor among your orders: import the file with the sale first,"
        " then this file again",
    )  # fmt: skip


def test_a_german_ledger(parse):
    text = (
        "Transaktionsbericht\n"
        "Datum der Transaktionserstellung;Typ;Bestellnummer;Nutzername des Käufers;Name des Käufers;"
        "Betrag abzügl. Kosten;Angebotstitel;Bestandseinheit;Stückzahl;Zwischensumme Artikel;Verpackung und Versand;"
        "Transaktionsbetrag (inkl. Kosten)\n"
        '"Dez 29, 2025";Bestellung;08-1;kaeufer;Kai Beispiel;"23,65";Lüfter;SKU-1;1;"19,9";"6,19";"26,09"\n'
        '"Dez 29, 2025";Andere Gebühr;08-1;kaeufer;Kai Beispiel;"-2,14";--;--;--;--;--;--\n'
    )
    (order,) = parse(text)
    assert (order.number, order.total_minor, order.shipping_minor, order.lines[0].total_minor) == ("08-1", 2609, 619, 1990)
    assert parse.warned == [("skipped_fees", 4)]


def test_a_postage_list_names_buyers(parse):
    text = (
        "Order number;Buyer username;Post to name;Post to phone;Post to address 1;Post to city;Post to postcode;"
        "Post to country\n22-1;buyer1;Sam Example;07700 900222;9 King Street;Leeds;LS1 1BA;United Kingdom\n"
        "22-2;buyer1;Sam Example;;;;;\n"
    )
    (person,) = parse(text)
    assert parse.looked.format == "ebay_buyers"
    assert (person.key, person.name, person.phone, person.postcode, person.authoritative) == (
        "buyer1", "Sam Example", "07700 900222", "LS1 1BA", False,
    )  # fmt: skip


def test_the_two_reports_are_one_order_and_the_refund_stays(take, db):
    header = "Order Number,Buyer Username,Item Title,Custom Label,Quantity,Sold For,Total Price,Sale Date\n"
    orders = header + "12-1,ann,Fern print,FERN,2,$10.00,$25.00,Sep-05-26\n13-1,bo,Fern print,FERN,1,$10.00,$10.00,Sep-05-26\n"
    take(orders, currency="USD")
    take(LEDGER, name="ledger.csv", currency="USD")
    assert take(orders, name="again.csv", currency="USD").result["orders"] == {
        "created": 0, "updated": 0, "unchanged": 2,
    }  # fmt: skip
    assert list(Order.objects.order_by("number").values_list("number", "total_minor", "refunded_minor", "net_minor")) == [
        ("12-1", 2660, 1000, 1660),
        ("13-1", 1000, 0, 1000),
    ]
    assert Contact.objects.count() == 2
