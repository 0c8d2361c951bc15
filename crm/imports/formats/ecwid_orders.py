"""Ecwid's (Lightspeed E-Series) orders: the owner chooses columns and delimiter, a row is an item or a whole order.

What belongs to the order is taken once, wherever it stands.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import currency_of, handle, said
from crm.imports.formats.base import Header, Needs, Options, Purchase, PurchaseLine, clean

SLUG = "ecwid_orders"
LABEL = _("Ecwid (Lightspeed E-Series) orders")
KIND = base.ORDERS
SOURCE = "ecwid"

_NUMBER, _TOTAL = ["order number", "order id"], ["total", "order total"]
_PLACED = ["order date", "date placed", "order placed date"]
_ALIASES = {
    "number": _NUMBER, "email": ["email", "customer email"], "placed": _PLACED, "payment": ["payment status"],
    "fulfillment": ["fulfillment status"], "total": _TOTAL, "currency": ["currency"],
    "shipping": ["shipping cost", "shipping price", "shipping rate"], "tax": ["tax", "total tax"],
    "discount": ["discount", "total discount", "discount amount"], "coupon": ["coupon code", "coupon"],
    "refunded": ["refunded amount"], "customer": ["customer id"],
    "name": ["billing person name", "billing name", "customer name", "shipping person name", "shipping name"],
    "phone": ["billing phone", "shipping phone", "phone", "shipping person phone", "billing person phone"],
    "company": ["billing company name", "billing company", "shipping company name", "shipping company"],
    "street": ["billing street", "billing address", "shipping street", "shipping address"],
    "city": ["billing city", "shipping city"],
    "zip": ["billing postal code", "billing zip", "shipping postal code", "shipping zip"],
    "region": ["billing state", "billing state or province", "shipping state", "shipping state or province"],
    "country": ["billing country", "billing country name", "shipping country", "shipping country name"],
    "sku": ["sku", "item sku"], "item": ["name", "item name", "product name"], "price": ["price", "item price"],
    "quantity": ["quantity", "item quantity"], "note": ["order comments", "comments"],
    "accepts": ["accept marketing", "accepts marketing"],
}  # fmt: skip
_OF_THE_LINE = {"sku", "item", "price", "quantity"}
_PAYMENT = {
    "paid": "paid", "accepted": "paid", "": "paid", "awaiting payment": "unpaid", "queued": "unpaid",
    "incomplete": "unpaid", "chargeable": "unpaid", "declined": "unpaid", "failed": "unpaid", "cancelled": "unpaid",
    "canceled": "unpaid", "refunded": "refunded", "partially refunded": "partly_refunded",
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"payment status", "fulfillment status"} <= header.index.keys():
        return 0.0
    if any(header.find(*names) is None for names in (_NUMBER, _TOTAL, _PLACED, _ALIASES["email"])):
        return 0.0
    return 0.65 + 0.25 * header.share(["sku", "quantity", "price", "order number"])


def needs(header: Header, mapping) -> Needs:
    amounts = [header.find(*names) for names in (_TOTAL, _ALIASES["price"])]
    return Needs(
        order_key=base.KeyIn(header.find(*_NUMBER)),
        amounts=tuple(index for index in amounts if index is not None),
        dates=(header.find(*_PLACED),),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    currency = base.currency_code(cells[column["currency"]], currency_of(cells[column["total"]], options.currency))
    minor = options.minor(column["total"], currency)
    placed_at = base.required_moment(cells[column["placed"]], options)
    word = clean(cells[column["payment"]])
    folded = word.casefold().replace("_", " ")
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=base.required_total(cells[column["total"]], minor),
        discount_minor=abs(minor(cells[column["discount"]])), shipping_minor=minor(cells[column["shipping"]]),
        tax_minor=minor(cells[column["tax"]]), refunded_minor=abs(minor(cells[column["refunded"]])),
        payment=_PAYMENT.get(folded, "unknown"), payment_word=word,
        cancelled_at=placed_at if folded in ("cancelled", "canceled") else None,
        coupon_code=said(cells[column["coupon"]]), note=said(cells[column["note"]]),
        lines=_lines(rows, column, options, currency), person=_person(cells, column, line_number),
        line_number=line_number,
    )  # fmt: skip


def _lines(rows, column, options: Options, currency: str) -> list[PurchaseLine]:
    minor, quantity = options.minor(column["price"], currency), options.quantity(column["quantity"])
    lines = []
    for _line_number, cells in rows:
        name, sku = said(cells[column["item"]]), said(cells[column["sku"]])
        if name or sku:
            many, unit = quantity(cells[column["quantity"]]), minor(cells[column["price"]])
            lines.append(PurchaseLine(name, sku, many, unit, round(unit * many)))
    return lines


def _person(cells, column, line_number: int):
    ticked = base.is_yes(cells[column["accepts"]])
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=handle(cells[column["customer"]]),
        consent="yes" if ticked else "", consent_detail="Ecwid: accepted marketing at checkout" if ticked else "",
    )  # fmt: skip
    return person if person.key or person.email or person.phone else None
