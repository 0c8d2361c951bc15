"""Squarespace orders: one row per item, what belongs to the order on its first row only.

The status is written PAID in capitals and refunded in small letters. A cancelled order has `Cancelled at`.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import Header, Needs, Options, Purchase, clean

SLUG = "squarespace_orders"
LABEL = _("Squarespace orders")
KIND = base.ORDERS
SOURCE = "squarespace"

_ALIASES = {
    "number": ["order id"], "email": ["email"], "status": ["financial status"], "fulfilment": ["fulfillment status"],
    "currency": ["currency"], "shipping": ["shipping"], "tax": ["taxes"], "refunded": ["amount refunded"],
    "total": ["total"], "coupon": ["discount code"], "discount": ["discount amount"], "placed": ["created at"],
    "paid": ["paid at"], "quantity": ["lineitem quantity"], "item": ["lineitem name"], "price": ["lineitem price"],
    "sku": ["lineitem sku"], "variant": ["lineitem variant"],
    "name": ["billing name"], "street": ["billing address1"], "street2": ["billing address2"],
    "city": ["billing city"], "zip": ["billing zip"], "region": ["billing province"], "country": ["billing country"],
    "phone": ["billing phone"], "ship_name": ["shipping name"], "ship_phone": ["shipping phone"],
    "cancelled": ["cancelled at"], "note": ["private notes"], "channel": ["channel name", "channel type"],
}  # fmt: skip
_OF_THE_LINE = {"number", "quantity", "item", "price", "sku", "variant"}
_PAYMENT = {
    "": "paid", "paid": "paid", "refunded": "refunded", "partially refunded": "partly_refunded",
    "pending": "unpaid", "not paid": "unpaid", "unpaid": "unpaid", "failed": "unpaid", "authorized": "unpaid",
    "partially paid": "partly_paid",
}  # fmt: skip


def sniff(header: Header) -> float:
    lines = sum(name.startswith("lineitem ") for name in header.index)
    if "order id" not in header or not lines or "created at" not in header or "name" in header:
        return 0.0
    return 0.75 + 0.2 * header.share(["financial status", "email", "amount refunded", "total", "lineitem variant"])


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.index["order id"]),
        amounts=tuple(header.index[name] for name in ("total", "lineitem price") if name in header),
        dates=tuple(header.index[name] for name in ("created at", "paid at") if name in header),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    word = clean(cells[column["status"]])
    placed_at = base.required_moment(cells[column["placed"]], options)
    cancelled_at = options.moment(cells[column["cancelled"]])
    if cancelled_at is None and clean(cells[column["fulfilment"]]).casefold() in ("canceled", "cancelled"):
        cancelled_at = placed_at
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=base.required_total(cells[column["total"]], minor),
        discount_minor=abs(minor(cells[column["discount"]])), shipping_minor=minor(cells[column["shipping"]]),
        tax_minor=minor(cells[column["tax"]]), refunded_minor=abs(minor(cells[column["refunded"]])),
        payment=_PAYMENT.get(word.casefold().replace("_", " "), "unknown"), payment_word=word,
        cancelled_at=cancelled_at, channel=clean(cells[column["channel"]]), coupon_code=clean(cells[column["coupon"]]),
        note=cells[column["note"]].strip(), lines=base.lines_of(rows, column, options, currency),
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _person(cells, column, line_number: int):
    person = base.person_of(cells, column, source=SOURCE, line_number=line_number)
    person.name = person.name or clean(cells[column["ship_name"]])
    person.phone = person.phone or clean(cells[column["ship_phone"]])
    return person
