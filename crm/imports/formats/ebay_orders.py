"""eBay's orders report: notes above and below, one row per item, before several items a row that sums them up.

`Sold For` is the price of one. The order number may be blank in old files; then the sales record number
is the key. German and UK wording, whatever delimiter the seller chose. It knows of no refunds, so of an order that the
transaction report told already it changes nothing.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.formats import _ebay, base
from crm.imports.formats._marketplace import amount, currency_of, leave_out, said
from crm.imports.formats.base import BadValue, Header, Needs, Options, Purchase, PurchaseLine
from crm.orders.purchases import REPORT

SLUG = "ebay_orders"
LABEL = gettext_lazy("eBay orders")
KIND = base.ORDERS
SOURCE = _ebay.SOURCE

_NUMBER, _RECORD = ["order number", "bestellnummer"], ["sales record number", "verkaufsprotokollnummer"]
_TOTAL = ["total price", "total", "gesamtbetrag", "gesamtpreis"]
_PRICE = ["sold for", "sale price", "verkauft für", "verkaufspreis"]
_ALIASES = {
    **_ebay.BUYER, "number": _NUMBER, "record": _RECORD, "total": _TOTAL, "placed": _ebay.SOLD_ON, "price": _PRICE,
    "paid": ["paid on date", "zahlungsdatum", "bezahlt am", "bezahldatum"],
    "note": ["buyer note", "hinweis des käufers"],
    "item": ["item title", "angebotstitel", "artikelbezeichnung"],
    "sku": ["custom label", "custom label (sku)", "bestandseinheit"],
    "variation": ["variation details", "variantendetails", "variationsdetails"],
    "quantity": ["quantity", "stückzahl", "anzahl"],
    "shipping": ["shipping and handling", "postage and packaging", "postage and handling", "verpackung und versand"],
    "tax": ["seller collected tax", "included vat", "vom verkäufer eingezogene steuer"],
}  # fmt: skip
_OF_THE_LINE = {"number", "record", "item", "sku", "variation", "quantity", "price", "total", "shipping", "tax"}


def sniff(header: Header) -> float:
    if any(header.find(*names) is None for names in (_NUMBER + _RECORD, _TOTAL, _ebay.SOLD_ON, _ALIASES["buyer"])):
        return 0.0
    if header.find(*_RECORD) is None and header.find(*_PRICE) is None:
        return 0.0
    return 0.75 + 0.2 * sum(header.find(*_ALIASES[name]) is not None for name in ("item", "price", "paid", "zip")) / 4


def needs(header: Header, mapping) -> Needs:
    number, record = header.find(*_NUMBER), header.find(*_RECORD)
    amounts = [header.find(*names) for names in (_TOTAL, _PRICE, _ALIASES["shipping"])]

    def order_key(cells: list[str]) -> str | None:
        if number is not None and (said_number := said(cells[number])):
            return said_number
        of_record = "" if record is None else cells[record].strip()
        return of_record if of_record.isdecimal() else None

    return Needs(
        order_key=order_key,
        amounts=tuple(index for index in amounts if index is not None),
        dates=(header.find(*_ebay.SOLD_ON),),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    order_key = needs(options.header, {}).order_key

    def why(cells: list[str]) -> str:
        is_note = order_key(cells) is None and not said(cells[column["item"]]) and not said(cells[column["total"]])
        return "skipped_notes" if is_note else ""

    return base.each_order(leave_out(groups, options, why), options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    number = said(cells[column["number"]]) or cells[column["record"]]
    placed_at = base.required_moment(cells[column["placed"]], options)
    total_texts = [text for _line, row in rows if (text := said(row[column["total"]]))]
    if not total_texts:
        raise BadValue(_("The order has no total"))
    currency = currency_of(total_texts[0], options.currency)
    minor = options.minor(column["total"], currency)
    named = [(bool(said(row[column["item"]])), said(row[column["total"]])) for _line, row in rows]
    shipping = sum(options.minor(column["shipping"], currency)(amount(row[column["shipping"]])) for _line, row in rows)
    tax = sum(options.minor(column["tax"], currency)(amount(row[column["tax"]])) for _line, row in rows)
    if not named[0][0]:  # the row that sums up says it all
        shipping = options.minor(column["shipping"], currency)(amount(cells[column["shipping"]])) or shipping
        tax = options.minor(column["tax"], currency)(amount(cells[column["tax"]])) or tax
    lines = _lines(rows, column, options, currency)
    by_line = _lines(rows, column, options, currency, is_of_one=False)
    said_whole = [minor(amount(text)) for is_item, text in named if text and not is_item]
    said_by_item = [minor(amount(text)) for is_item, text in named if text and is_item]
    added_up = sum(line.total_minor for line in lines) + shipping
    total = _ebay.total_of(said_whole, said_by_item, added_up)
    fitting = {total - shipping, total - shipping - tax}
    if added_up - shipping not in fitting and sum(line.total_minor for line in by_line) in fitting:
        lines = by_line  # "Sold For" was the price of all pieces
    if total < 0:
        raise BadValue(_("The order's total is negative"))
    is_paid = column["paid"] == options.missing or said(cells[column["paid"]])
    return Purchase(
        source=SOURCE, number=base.order_number(number), placed_at=placed_at, currency=currency, total_minor=total,
        shipping_minor=shipping, tax_minor=tax, payment="paid" if is_paid else "unpaid",
        note=said(cells[column["note"]]), lines=lines, person=_ebay.person(cells, column, line_number),
        line_number=line_number, tells=REPORT,
    )  # fmt: skip


def _lines(rows, column, options: Options, currency: str, *, is_of_one: bool = True) -> list[PurchaseLine]:
    """Return the items; their price is that of one piece, or of all pieces of the line."""
    minor, quantity = options.minor(column["price"], currency), options.quantity(column["quantity"])
    lines = []
    for _line_number, cells in rows:
        if not said(cells[column["item"]]):
            continue
        many, price = quantity(said(cells[column["quantity"]])), minor(amount(cells[column["price"]]))
        unit, total = (price, round(price * many)) if is_of_one or not many else (round(price / many), price)
        variation = said(cells[column["variation"]]).strip("[]")
        name = said(cells[column["item"]]) + (f" ({variation})" if variation else "")
        lines.append(PurchaseLine(name, said(cells[column["sku"]]), many, unit, total))
    return lines
