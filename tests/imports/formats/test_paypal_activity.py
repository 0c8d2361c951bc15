"""PayPal's activity: only what customers paid and got back, in five languages."""

import pytest

from crm.imports.formats.base import BadRow

NAMES = [
    "Date", "Time", "TimeZone", "Name", "Type", "Status", "Currency", "Gross", "Fee", "Net", "From Email Address",
    "Transaction ID", "Reference Txn ID", "Item Title", "Shipping and Handling Amount", "Balance Impact",
]  # fmt: skip
ROW = {
    "Date": "09/22/2026", "Time": "10:15:30", "TimeZone": "PDT", "Name": "Ann Example", "Type": "Express Checkout Payment",
    "Status": "Completed", "Currency": "USD", "Gross": "1,149.00", "Fee": "-30.00", "Net": "1,119.00",
    "From Email Address": "ann@example.com", "Transaction ID": "T1", "Item Title": "Table",
    "Shipping and Handling Amount": "49.00", "Balance Impact": "Credit",
}  # fmt: skip


def table(*rows, names=NAMES):
    lines = ({name: name for name in names}, *rows)
    return "\ufeff" + "\r\n".join(",".join(f'"{row.get(name, "")}"' for name in names) for row in lines) + "\r\n"


def test_a_payment_and_its_refund_are_one_order(parse):
    refund = {**ROW, "Date": "09/25/2026", "Type": "Payment Refund", "Gross": "-149.00", "Transaction ID": "T2",
              "Reference Txn ID": "T1", "From Email Address": "shop@example.com", "Balance Impact": "Debit"}  # fmt: skip
    (order,) = parse(table(refund, ROW), currency="EUR")
    assert parse.looked.format == "paypal_activity"
    assert (order.number, order.currency, order.total_minor, order.refunded_minor, order.shipping_minor) == (
        "T1", "USD", 114900, 14900, 4900,
    )  # fmt: skip
    assert (order.placed_at.isoformat(), order.refunded_at.isoformat()) == (
        "2026-09-22T17:15:30+00:00", "2026-09-25T17:15:30+00:00",
    )  # fmt: skip
    assert [(ln.name, ln.total_minor) for ln in order.lines] == [("Table", 110000)]
    assert (order.person.email, order.person.name, order.line_number) == ("ann@example.com", "Ann Example", 3)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"Type": "General Currency Conversion", "Reference Txn ID": "T1"}, "skipped_fees"),
        ({"Type": "Bank Deposit to PP Account "}, "skipped_fees"),
        ({"Type": "Account Hold for Open Authorization"}, "skipped_fees"),
        ({"Type": "Reversal of General Account Hold"}, "skipped_fees"),
        ({"Type": "General Withdrawal", "Gross": "-50.00"}, "skipped_fees"),
        ({"Balance Impact": "Memo"}, "skipped_fees"),
        ({"Type": "Pre-approved Payment Bill User Payment", "Gross": "-45.00"}, "skipped_money_out"),
        ({"Type": "Payment Refund", "Gross": "45.00"}, "skipped_money_out"),
        ({"Status": "Pending"}, "skipped_attempts"),
        ({"Status": "Denied"}, "skipped_attempts"),
    ],
)
def test_what_is_no_sale_is_counted(parse, said, code):
    assert parse(table({**ROW, **said})) == []
    assert parse.warned == [(code, 2)]


def test_a_refund_of_another_month_is_rejected_and_not_an_order(parse):
    refund = {**ROW, "Type": "Payment Refund", "Gross": "-149.00", "Transaction ID": "T2", "Reference Txn ID": "T0"}
    (addition,) = parse(table(refund))
    (bad,) = addition.bad
    assert (type(bad), bad.reason[:42]) == (BadRow, "The sale that was refunded is neither in t")
    assert (addition.purchase.number, addition.purchase.refunded_minor) == ("T0", 14900)


def test_the_status_tells_of_a_refund_in_another_file(parse):
    whole, part = parse(
        table({**ROW, "Status": "Refunded"}, {**ROW, "Transaction ID": "T3", "Status": "Partially Refunded"})
    )
    assert (whole.payment, part.payment) == ("refunded", "partly_refunded")


def test_german(parse):
    names = [
        "Datum", "Uhrzeit", "Zeitzone", "Name", "Typ", "Status", "Währung", "Brutto", "Gebühr", "Netto",
        "Absender E-Mail-Adresse", "Transaktionscode", "Zugehöriger Transaktionscode", "Artikelbezeichnung",
    ]  # fmt: skip
    sale = dict(zip(names, ["03.04.2026", "10:00:00", "Europe/Berlin", "Kai Beispiel", "Website-Zahlung", "Abgeschlossen",
                            "EUR", "1.234,56", "-5,00", "1.229,56", "kai@example.com", "A", "", "Tisch"]))  # fmt: skip
    refund = {**sale, "Typ": "Rückzahlung", "Brutto": "-34,56", "Transaktionscode": "B", "Zugehöriger Transaktionscode": "A"}
    other = [
        {**sale, "Typ": word, "Transaktionscode": f"C{index}", "Brutto": "9,15"}
        for index, word in enumerate(["Allgemeine Währungsumrechnung", "Bankgutschrift auf PayPal-Konto",
                                      "Rückbuchung allgemeiner Einbehaltung", "Rücklastschriftgebühr"])
    ]  # fmt: skip
    (order,) = parse(table(sale, refund, *other, names=names))
    assert (order.total_minor, order.refunded_minor, order.placed_at.isoformat()) == (
        123456, 3456, "2026-04-03T08:00:00+00:00",
    )  # fmt: skip
    assert parse.warned == [("skipped_fees", line) for line in (4, 5, 6, 7)]


def test_french(parse):
    names = ["Date", "Heure", "Fuseau horaire", "Nom", "Type", "État", "Devise", "Avant commission", "Commission", "Net",
             "De l'adresse email", "N° de transaction", "Nº de transaction de référence"]  # fmt: skip
    sale = dict(zip(names, ["13/04/2026", "10:00:00", "CEST", "Luc Exemple", "Paiement sur site marchand", "Terminé",
                            "EUR", "1 234,56", "-5,00", "1 229,56", "luc@example.com", "A", ""]))  # fmt: skip
    refund = {**sale, "Type": "Remboursement de paiement", "Avant commission": "-34,56", "N° de transaction": "C",
              "Nº de transaction de référence": "A"}  # fmt: skip
    transfer = {**sale, "Type": "Virement standard", "Avant commission": "-100,00", "N° de transaction": "B"}
    (order,) = parse(table(sale, transfer, refund, names=names))
    assert (order.total_minor, order.refunded_minor, order.placed_at.isoformat(), order.person.email) == (
        123456, 3456, "2026-04-13T08:00:00+00:00", "luc@example.com",
    )  # fmt: skip
    assert parse.warned == [("skipped_fees", 3)]


def test_few_columns_get_numbers_that_stay_the_same(parse):
    names = ["Date", "Time", "Name", "Gross", "Currency", "Balance Impact"]
    sale = dict(zip(names, ["13/02/2025", "10:00:00", "CLIENT PAYMENT", "500.00", "EUR", "Credit"]))
    text = table(sale, sale, {**sale, "Gross": "-20.00", "Balance Impact": "Debit"}, names=names)
    first = [order.number for order in parse(text)]
    assert (len(set(first)), [order.number for order in parse(text)]) == (2, first)
    assert (parse.warned, [order.person for order in parse(text)]) == ([("skipped_money_out", 4)], [None, None])


def test_the_american_columns_of_2026(parse):
    names = ["Date", "Time", "TimeZone", "Name", "Type", "Status", "Currency", "Amount", "Fees", "Total",
             "Exchange Rate", "Receipt ID", "Balance", "Transaction ID", "Memo"]  # fmt: skip
    sale = dict(zip(names, ["08/14/2026", "18:22:41", "America/Los_Angeles", "Ann Example", "General Payment",
                            "Completed", "USD", "32.50", "-1.00", "31.50", "", "", "31.50", "X", ""]))  # fmt: skip
    (order,) = parse(table(sale, names=names))
    assert (order.total_minor, order.placed_at.isoformat(), order.person) == (3250, "2026-08-15T01:22:41+00:00", None)


def test_italian(parse):
    names = ["Data", "Orario", "Fuso orario", "Nome", "Tipo", "Stato", "Valuta", "Lordo", "Tariffa", "Netto",
             "Indirizzo email mittente", "Codice transazione", "Codice transazione di riferimento", "Città"]  # fmt: skip
    sale = dict(zip(names, ["27/10/2022", "11:53:23", "CEST", "Ada Esempio", "Pagamento da cellulare", "Completata", "EUR",
                            "10,00", "0,00", "10,00", "ada@example.it", "A", "", "Bari"]))  # fmt: skip
    refund = {**sale, "Tipo": "Rimborso pagamento", "Lordo": "-2,50", "Codice transazione": "B",
              "Codice transazione di riferimento": "A"}  # fmt: skip
    card = {**sale, "Nome": "", "Indirizzo email mittente": "", "Tipo": "Versamento generico con carta",
            "Codice transazione": "C"}  # fmt: skip
    (order,) = parse(table(sale, refund, card, names=names))
    assert (order.total_minor, order.refunded_minor, order.person.city, order.placed_at.isoformat()) == (
        1000, 250, "Bari", "2022-10-27T09:53:23+00:00",
    )  # fmt: skip
    assert parse.warned == [("skipped_fees", 4)]


def test_dutch(parse):
    names = ["Datum", "Tijd", "Tijdzone", "Naam", "Type", "Status", "Valuta", "Bruto", "Kosten", "Netto", "Saldo",
             "Transactie-ID", "Van e-mailadres"]  # fmt: skip
    sale = dict(zip(names, ["25/03/2026", "12:00:00", "CET", "Jan Voorbeeld", "Algemene betaling", "Voltooid", "EUR",
                            "30,00", "-1,00", "29,00", "29,00", "A", "jan@example.nl"]))  # fmt: skip
    opname = {**sale, "Type": "Algemene opname", "Bruto": "-29,00", "Transactie-ID": "B"}
    (order,) = parse(table(sale, opname, names=names))
    assert (order.total_minor, order.person.email, parse.warned) == (3000, "jan@example.nl", [("skipped_fees", 3)])


def test_money_that_nobody_paid_moved_inside_the_account(parse):
    assert parse(table({**ROW, "Name": "", "From Email Address": "", "Type": "Something in another language"})) == []
    assert parse.warned == [("skipped_fees", 2)]
