"""Wix orders: the old file with a row per item and the order repeated on each, and the new pair of orders and items.

The number that buyers see is the key, since both generations have it; `Order ID` stands in where it is missing. Day and
time are two columns, in the site's language and time zone. A file without totals brings lines only, one without
items the orders only. A cancelled order is told by its fulfilment status.
"""

from functools import partial

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import Header, Needs, Options, Purchase, clean
from crm.orders.purchases import HEAD, LINES

SLUG = "wix_orders"
LABEL = _("Wix orders")
KIND = base.ORDERS
SOURCE = "wix"

_ALIASES = {
    "number": ["order number", "order id"], "placed": ["date created"], "time": ["time"],
    "email": ["contact email", "email"], "note": ["note from customer"], "item": ["item"], "variant": ["variant"],
    "sku": ["sku"], "quantity": ["qty", "quantity"], "price": ["price"], "line_discount": ["item discount amount"],
    "status": ["payment status"], "fulfilment": ["fulfillment status"],
    "coupon": ["coupon code", "global coupon code", "item coupon code"], "discount": ["global discount amount"],
    "shipping": ["shipping rate", "shipping"], "tax": ["total tax", "tax"], "total": ["total"],
    "currency": ["currency"], "refunded": ["refunded amount"], "channel": ["business location"],
    "name": ["billing name"], "phone": ["billing phone"], "company": ["billing company name"],
    "street": ["billing address"], "city": ["billing city"], "region": ["billing state name", "billing state"],
    "zip": ["billing zip/postal code"], "country": ["billing country"],
    "ship_name": ["recipient name"], "ship_phone": ["recipient phone"], "ship_company": ["recipient company name"],
    "ship_street": ["delivery address"], "ship_city": ["delivery city"],
    "ship_region": ["delivery state name", "delivery state"], "ship_zip": ["delivery zip/postal code"],
    "ship_country": ["delivery country"],
}  # fmt: skip
_ADDRESS = ("street", "city", "region", "zip", "country")
_OF_THE_LINE = {"item", "variant", "sku", "quantity", "price", "line_discount"}
_PAYMENT = {
    "": "paid", "paid": "paid", "unpaid": "unpaid", "not paid": "unpaid", "pending": "unpaid",
    "authorized": "unpaid", "declined": "unpaid", "voided": "unpaid", "canceled": "unpaid",
    "partially paid": "partly_paid", "refunded": "refunded", "fully refunded": "refunded",
    "partially refunded": "partly_refunded",
}  # fmt: skip
_TELLING = ["contact email", "payment status", "fulfillment status", "delivery method", "item", "qty", "total"]
_OURS = [
    "contact email", "fulfillment status", "fulfillment location", "modifiers/add-ons", "item fulfillment locations",
]  # fmt: skip


def sniff(header: Header) -> float:
    if header.find("order number", "order id") is None or "date created" not in header or header.find(*_OURS) is None:
        return 0.0
    if header.find("total", "item") is None:
        return 0.0
    return 0.65 + 0.3 * header.share(_TELLING)


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.find("order number", "order id")),
        amounts=tuple(header.index[name] for name in ("total", "price", "shipping rate") if name in header),
        dates=(header.index["date created"],),
    )


def parse(groups, options: Options):
    build = partial(_purchase, _billed_under_delivery(options.header))
    return base.each_order(groups, options, _ALIASES, build, of_the_line=_OF_THE_LINE)


def _billed_under_delivery(header: Header) -> dict[str, int]:
    """Return where a bill's address stands in files that name its columns "Delivery" a second time."""
    places = {}
    for index, name in enumerate(map(base.fold, header.names)):
        billing = name.replace("delivery", "billing")
        field = next((field for field in _ADDRESS if billing in _ALIASES[field]), "")
        if field and index != header.index[name] and header.find(*_ALIASES[field]) is None:
            places.setdefault(field, index)
    return places


def _purchase(billed, rows, cells, column, options: Options) -> Purchase:
    line_number, missing = rows[0][0], options.missing
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    placed_at = base.required_moment(f"{clean(cells[column['placed']])} {clean(cells[column['time']])}", options)
    lines = base.lines_of(rows, column, options, currency)
    shipping, tax = minor(cells[column["shipping"]]), minor(cells[column["tax"]])
    discount = abs(minor(cells[column["discount"]]))
    discount += sum(abs(minor(row[column["line_discount"]])) for _line, row in rows)
    if column["total"] == missing:
        total = max(sum(line.total_minor for line in lines), 0)
    else:
        total = base.required_total(cells[column["total"]], minor)
    word = clean(cells[column["status"]])
    is_cancelled = bool({word.casefold(), clean(cells[column["fulfilment"]]).casefold()} & {"canceled", "cancelled"})
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=total, discount_minor=discount, shipping_minor=shipping, tax_minor=tax,
        refunded_minor=abs(minor(cells[column["refunded"]])), payment=_PAYMENT.get(word.casefold(), "unknown"),
        payment_word=word, cancelled_at=placed_at if is_cancelled else None,
        channel=clean(cells[column["channel"]]), coupon_code=clean(cells[column["coupon"]]),
        note=cells[column["note"]].strip(), lines=lines,
        tells=LINES if column["total"] == missing else HEAD if column["item"] == missing else "",
        person=_person(cells, {**column, **billed}, line_number), line_number=line_number,
    )  # fmt: skip


def _person(cells, column, line_number: int):
    delivered = {"name": "ship_name", "phone": "ship_phone", "company": "ship_company"}
    if not any(cells[column[field]] for field in _ADDRESS):
        delivered |= {field: f"ship_{field}" for field in _ADDRESS}
    filled = {field: column[other] for field, other in delivered.items() if not cells[column[field]]}
    return base.person_of(cells, {**column, **filled}, source=SOURCE, line_number=line_number)
