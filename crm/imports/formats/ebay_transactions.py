"""eBay's transaction report: a ledger with notes above it, of which only sales and refunds concern buyers.

Fees, labels and payouts are left out and counted, even where they carry an order's number. "--" means empty.
The gross amount is what the buyer paid; a refund goes to its sale by the order number.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.formats import _ebay, base
from crm.imports.formats._marketplace import amount, leave_out, refunds_of, refunds_of_older, said
from crm.imports.formats.base import Addition, BadValue, Header, Needs, Options, Purchase, PurchaseLine

SLUG = "ebay_transactions"
LABEL = gettext_lazy("eBay transaction report")
KIND = base.ORDERS
SOURCE = _ebay.SOURCE

_TYPE, _NUMBER = ["type", "typ"], ["order number", "bestellnummer"]
_PLACED = _ebay.BOOKED_ON
_GROSS = ["gross transaction amount", "transaktionsbetrag (inkl. kosten)"]
_SUBTOTAL, _SHIPPING = ["item subtotal", "zwischensumme artikel"], ["shipping and handling", "postage and packaging",
    "verpackung und versand"]  # fmt: skip
_NET = ["net amount", "betrag abzügl. kosten"]
_ALIASES = {
    **_ebay.BUYER, "type": _TYPE, "number": _NUMBER, "placed": _PLACED, "gross": _GROSS, "subtotal": _SUBTOTAL,
    "shipping": _SHIPPING, "net": _NET,
    "currency": ["transaction currency", "transaktionswährung", "payout currency", "auszahlungswährung"],
    "item": ["item title", "angebotstitel"], "sku": ["custom label", "bestandseinheit"],
    "quantity": ["quantity", "stückzahl"], "tax": ["seller collected tax", "vom verkäufer eingezogene steuer"],
    "line": ["transaction id", "transaktionsnummer"],
}  # fmt: skip
_OF_THE_LINE = _ALIASES.keys() - _ebay.BUYER.keys() - {"currency"}
_SALE, _REFUND = {"order", "bestellung"}, {"refund", "rückerstattung", "erstattung"}


def sniff(header: Header) -> float:
    if any(header.find(*names) is None for names in (_TYPE, _NUMBER, _PLACED)):
        return 0.0
    return 0.8 + 0.15 * sum(header.find(*names) is not None for names in (_GROSS, _SUBTOTAL, _NET)) / 3


def needs(header: Header, mapping) -> Needs:
    number, kind = header.find(*_NUMBER), header.find(*_TYPE)
    amounts = [header.find(*names) for names in (_GROSS, _SUBTOTAL, _SHIPPING, _NET)]
    return Needs(
        order_key=lambda cells: (said(cells[number]) or None) if _concerns_a_buyer(cells[kind]) else None,
        amounts=tuple(index for index in amounts if index is not None),
        dates=(header.find(*_PLACED),),
    )


def _concerns_a_buyer(word: str) -> bool:
    return word.strip().casefold() in _SALE | _REFUND


def parse(groups, options: Options):
    kind = options.header.find(*_TYPE)

    def why(cells: list[str]) -> str:
        if _concerns_a_buyer(cells[kind]):
            return ""
        return "skipped_fees" if said(cells[kind]) else "skipped_notes"

    wanted = leave_out(groups, options, why)
    return base.each_order(wanted, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE, telling="line")


def _purchase(rows, cells, column, options: Options) -> Purchase | Addition:
    kind = column["type"]
    sales = [row for row in rows if row[1][kind].strip().casefold() in _SALE]
    currency = base.currency_code(said(cells[column["currency"]]), options.currency)
    back = [row for _line, row in rows if row[kind].strip().casefold() in _REFUND]
    refunds = refunds_of(  # the transaction's number is that of the sale, and the same for each of its refunds
        SOURCE, (("", abs(_gross(row, column, options, currency)), _placed(row, column, options)) for row in back)
    )
    if not sales:
        number = base.order_number(said(cells[column["number"]]))
        return refunds_of_older(rows, refunds, source=SOURCE, number=number, currency=currency)
    line_number, first = sales[0]
    shipping, tax = (
        sum(options.minor(column[name], currency)(amount(row[column[name]])) for _line, row in sales)
        for name in ("shipping", "tax")
    )
    lines = _lines(sales, column, options, currency)
    totals = [(bool(said(row[column["item"]])), _gross(row, column, options, currency)) for _line, row in sales]
    total = _ebay.total_of(
        [total for is_item, total in totals if not is_item and total],
        [total for is_item, total in totals if is_item and total],
        sum(line.total_minor for line in lines) + shipping,
    )
    if total < 0:
        raise BadValue(_("The order's total is negative"))
    return Purchase(
        source=SOURCE, number=base.order_number(said(first[column["number"]])),
        placed_at=_placed(first, column, options), currency=currency, total_minor=total, shipping_minor=shipping,
        tax_minor=tax, refunded_minor=sum(amount for _key, amount, _at in refunds), refunds=refunds,
        refunded_at=max((at for _key, _amount, at in refunds), default=None),
        payment_word=first[kind].strip(), lines=lines, person=_ebay.person(cells, column, line_number),
        line_number=line_number,
    )  # fmt: skip


def _placed(cells, column, options: Options):
    return base.required_moment(said(cells[column["placed"]]), options)


def _gross(cells, column, options: Options, currency: str) -> int:
    """Return what the buyer paid or got back: the gross amount, else item and shipping, else what came of it."""
    for names in (("gross",), ("subtotal", "shipping"), ("net",)):
        if said(cells[column[names[0]]]):
            return sum(options.minor(column[name], currency)(amount(cells[column[name]])) for name in names)
    return 0


def _lines(rows, column, options: Options, currency: str) -> list[PurchaseLine]:
    minor, quantity = options.minor(column["subtotal"], currency), options.quantity(column["quantity"])
    lines = []
    for _line_number, cells in rows:
        if name := said(cells[column["item"]]):
            many, total = quantity(said(cells[column["quantity"]])), minor(amount(cells[column["subtotal"]]))
            unit = round(total / many) if many else total
            lines.append(PurchaseLine(name, said(cells[column["sku"]]), many, unit, total))
    return lines
