"""PayPal's activity, in five languages: a ledger in which only customers' payments and refunds concern us.

Money going out, fees, holds, transfers and conversions are left out and counted. A refund goes to its payment by the
reference it names. A time zone stands beside each time, as letters or a place.
"""

import re

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import (
    Numbers,
    fingerprint,
    leave_out,
    moment,
    refund_without_sale,
    refunds_of,
    refunds_of_older,
    said,
)
from crm.imports.formats.base import Addition, Header, Needs, Options, Person, Purchase, PurchaseLine
from crm.imports.values import BadValue, read_amount

SLUG = "paypal_activity"
LABEL = _("PayPal activity")
KIND = base.ORDERS
SOURCE = "paypal"

_GROSS = ["gross", "brutto", "avant commission", "lordo", "bruto"]
_ALIASES = {
    "date": ["date", "datum", "data"], "time": ["time", "uhrzeit", "heure", "orario", "ora", "tijd"],
    "zone": ["timezone", "time zone", "zeitzone", "fuseau horaire", "fuso orario", "tijdzone"],
    "name": ["name", "nom", "nome", "naam"],
    "type": ["type", "typ", "tipo", "description", "beschreibung", "descrizione", "omschrijving"],
    "status": ["status", "état", "etat", "stato"], "currency": ["currency", "währung", "devise", "valuta"],
    "gross": [*_GROSS, "amount"],
    "fee": ["fee", "fees", "gebühr", "entgelt", "commission", "tariffa", "kosten"],
    "email": [
        "from email address", "absender e-mail-adresse", "de l'adresse email", "de l’adresse email",
        "indirizzo email mittente", "van e-mailadres",
    ],
    "number": [
        "transaction id", "transaktionscode", "numéro de transaction", "codice transazione", "transactie-id",
        "transactiereferentie", "n° de transaction", "no de transaction",
    ],
    "reference": [
        "reference txn id", "zugehöriger transaktionscode", "numéro de la transaction de référence",
        "codice transazione di riferimento", "n° de transaction de référence", "no de transaction de référence",
    ],
    "item": ["item title", "artikelbezeichnung", "titre de l'objet", "titre de l’objet", "titolo oggetto"],
    "sku": ["item id", "artikelnummer", "numéro d'objet", "codice articolo"],
    "quantity": ["quantity", "anzahl", "quantité", "quantità", "aantal"],
    "shipping": [
        "shipping and handling amount", "versand- und bearbeitungsgebühr", "montant de la livraison",
        "importo spese di spedizione e imballaggio", "importo per spedizione e imballaggio", "verzendkosten",
        "montant de la livraison et du traitement",
    ],
    "tax": ["sales tax", "umsatzsteuer", "taxe sur les ventes", "tva", "imposte sulle vendite", "iva", "btw"],
    "street": ["address line 1", "adresszeile 1", "adresse ligne 1", "adresse 1", "indirizzo"],
    "street2": ["address line 2/district/neighborhood", "address line 2", "indirizzo (continua)"],
    "city": ["town/city", "ort", "ville", "città"],
    "region": ["state/province/region/county/territory/prefecture/republic", "bundesland", "provincia"],
    "zip": ["zip/postal code", "plz", "code postal", "cap/codice postale"],
    "country": ["country code", "country", "land", "pays", "paese"],
    "phone": ["contact phone number", "telefon", "numéro de téléphone", "telefono"],
    "impact": ["balance impact", "auswirkung auf guthaben", "impact sur le solde", "impatto sul saldo"],
    "note": ["note", "hinweis", "remarque", "messaggio", "memo"], "invoice": ["invoice number", "rechnungsnummer"],
}  # fmt: skip
_DONE = {
    "", "completed", "cleared", "refunded", "partially refunded", "abgeschlossen", "rückerstattet",
    "teilweise rückerstattet", "zurückgezahlt", "terminé", "effectué", "remboursé", "partiellement remboursé",
    "completata", "completato", "rimborsata", "rimborsato", "parzialmente rimborsato", "voltooid", "terugbetaald",
}  # fmt: skip
_INTERNAL = re.compile(
    r"conversion|\bholds?\b|reversal of|authori[sz]|deposit|withdraw|transfer|payouts?\b|\bfees?\b|bank|request|"
    r"invoice (sent|item)|cart item|\bloan|adjustment|^order$|"
    r"umrechnung|gutschrift|abbuchung|auszahlung|überweisung|einbehaltung|rückbuchung allgemeiner|autorisierung|"
    r"gebühr|kontobewegung|warenkorb|anforderung|^bestellung$|"
    r"virement|retrait|autorisation|suspension|blocage|transfert|commission|demande de paiement|"
    r"versamento|bonifico|prelievo|trattenuta|\bblocco|trasferimento|tariffa|autorizzazione|"
    r"opname|storting|valutaom|valutacon|blokkering|overboeking|\bkosten"
)
_REFUND = re.compile(
    r"refund|reversal|chargeback|rückzahlung|rückerstattung|rückbuchung|rembours|annulation|rétrofactur|rimborso|storno"
    r"|terugbetaling|terugboeking"
)


def sniff(header: Header) -> float:
    found = {name for name, names in _ALIASES.items() if header.find(*names) is not None}
    if not {"date", "currency", "gross", "name"} <= found or not {"impact", "number", "zone"} & found:
        return 0.0
    if header.find(*_GROSS) is None and not {"zone", "type", "status", "fee"} <= found:
        return 0.0
    return 0.7 + 0.03 * len({"time", "zone", "type", "status", "fee", "email", "number", "impact"} & found)


def needs(header: Header, mapping) -> Needs:
    found = {name: header.find(*names) for name, names in _ALIASES.items()}
    number, reference, kind = found["number"], found["reference"], found["type"]

    def order_key(cells: list[str]) -> str | None:
        if reference is not None and kind is not None and said(cells[reference]) and _is_refund(cells[kind]):
            return said(cells[reference])
        return said(cells[number]) or None

    wanted = Needs(
        order_key=None if number is None else order_key,
        amounts=tuple(found[name] for name in ("gross", "fee", "shipping") if found[name] is not None),
        dates=(found["date"],),
    )
    if number is None:
        wanted.fingerprint = fingerprint(_telling(header))
    return wanted


def _telling(header: Header) -> list[int]:
    """Return the columns that tell one row from another where there is no number."""
    names = ("date", "time", "name", "type", "currency", "gross")
    return [index for name in names if (index := header.find(*_ALIASES[name])) is not None]


def _is_refund(word: str) -> bool:
    word = word.strip().casefold()
    return not _INTERNAL.search(word) and _REFUND.search(word) is not None


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    numbers = Numbers(options, _telling(options.header))
    mark = options.marks.get(column["gross"], options.mark)

    def why(cells: list[str]) -> str:
        word = cells[column["type"]].strip().casefold()
        if _INTERNAL.search(word) or cells[column["impact"]].strip().casefold() == "memo":
            return "skipped_fees"
        try:
            gross = read_amount(cells[column["gross"]], mark) or 0
        except BadValue:
            return ""  # to be told as what it is
        if cells[column["status"]].strip().casefold() not in _DONE:
            return "skipped_attempts"
        if gross < 0:
            return "" if _is_refund(word) else "skipped_money_out"
        if gross == 0 or not (said(cells[column["name"]]) or said(cells[column["email"]])):
            return "skipped_fees"  # nobody paid it: money moved inside the account
        return "skipped_money_out" if _is_refund(word) else ""

    def build(rows, cells, column, options):
        return _purchase(rows, column, options, numbers)

    wanted = leave_out(groups, options, why)
    return base.each_order(wanted, options, _ALIASES, build, of_the_line=_ALIASES, telling="number")


def _purchase(rows, column, options: Options, numbers: Numbers) -> Purchase | Addition:
    amounts = [(_minor(cells, column, "gross", options), line_number, cells) for line_number, cells in rows]
    sales = [row for row in amounts if row[0] > 0]
    back = [(-amount, row) for amount, _line, row in amounts if amount < 0]
    refunds = refunds_of(
        SOURCE, ((said(row[column["number"]]), amount, _moment(row, column, options)) for amount, row in back)
    )
    if not sales:
        first = back[0][1]
        if column["number"] == options.missing or not said(first[column["reference"]]):
            raise refund_without_sale()
        number = base.order_number(first[column["reference"]])
        return refunds_of_older(rows, refunds, source=SOURCE, number=number, currency=_currency(first, column, options))
    total, line_number, cells = sales[0]
    placed_at = _moment(cells, column, options)
    number = cells[column["number"]] if column["number"] != options.missing else numbers.of(cells, placed_at)
    name = said(cells[column["item"]])
    many = options.quantity(column["quantity"])(said(cells[column["quantity"]])) or 1
    shipping, tax = _minor(cells, column, "shipping", options), _minor(cells, column, "tax", options)
    goods = total - shipping
    return Purchase(
        source=SOURCE, number=base.order_number(number), placed_at=placed_at,
        currency=_currency(cells, column, options), total_minor=total, shipping_minor=shipping,
        tax_minor=tax, refunded_minor=sum(amount for amount, _row in back), refunds=refunds,
        refunded_at=max((at for _key, _amount, at in refunds), default=None),
        payment=_payment(cells[column["status"]], back), payment_word=said(cells[column["status"]]),
        note=said(cells[column["note"]]), person=_person(cells, column, line_number), line_number=line_number,
        lines=[PurchaseLine(name, said(cells[column["sku"]]), many, round(goods / many), goods)] if name else [],
    )  # fmt: skip


def _payment(status: str, back: list) -> str:
    """Return the payment; where the refund stands in another file, the status alone tells of it."""
    status = status.strip().casefold()
    if back or not re.search(r"refund|rückerstattet|zurückgezahlt|rembours|rimbors|terugbetaald", status):
        return "paid"
    return "partly_refunded" if re.search(r"partial|teilweise|partiel|parzial|gedeeltelijk", status) else "refunded"


def _currency(cells, column, options: Options) -> str:
    return base.currency_code(cells[column["currency"]], options.currency)


def _minor(cells, column, name: str, options: Options) -> int:
    return options.minor(column[name], _currency(cells, column, options))(cells[column[name]])


def _moment(cells, column, options: Options):
    return moment(cells[column["date"]], cells[column["time"]], cells[column["zone"]], options)


def _person(cells, column, line_number: int) -> Person | None:
    """Return the payer, known by the e-mail; a name alone is many people's."""
    person = base.person_of(cells, column, source=SOURCE, line_number=line_number)
    return person if person.email or person.phone else None
