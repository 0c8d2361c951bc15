"""Big Cartel orders: one row per order, its items packed in one cell as "product_name:Tee|quantity:1;..."."""

import re

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import Header, Needs, Options, Purchase, PurchaseLine, clean

SLUG = "bigcartel_orders"
LABEL = _("Big Cartel orders")
KIND = base.ORDERS
SOURCE = "bigcartel"

_TOTAL = ["total price", "total"]
_ALIASES = {
    "number": ["number", "order number"], "first": ["buyer first name"], "last": ["buyer last name"],
    "email": ["buyer email"], "phone": ["buyer phone number", "buyer phone"], "placed": ["date", "order date"],
    "time": ["time"], "status": ["payment status", "status"], "order_status": ["status"], "channel": ["source"],
    "street": ["shipping address 1"], "street2": ["shipping address 2"], "city": ["shipping city"],
    "region": ["shipping state"], "zip": ["shipping zip", "shipping postal code"], "country": ["shipping country"],
    "items": ["items"],
    "total": _TOTAL, "shipping": ["total shipping"], "tax": ["total tax"], "discount": ["total discount"],
    "coupon": ["discount code"], "currency": ["currency", "currency code"], "note": ["note", "customer note"],
}  # fmt: skip
_PAYMENT = {
    "": "paid", "paid": "paid", "completed": "paid", "complete": "paid", "shipped": "paid", "unpaid": "unpaid",
    "pending": "unpaid", "incomplete": "unpaid", "canceled": "unpaid", "cancelled": "unpaid", "refunded": "refunded",
    "partially refunded": "partly_refunded",
}  # fmt: skip
_GONE = {"canceled", "cancelled"}
_FIELD = re.compile(r"(?:^|\|)\s*(\w+):")


def sniff(header: Header) -> float:
    if header.find(*_ALIASES["number"]) is None or not {"buyer email", "items"} <= header.index.keys():
        return 0.0
    if header.find(*_TOTAL) is None or header.find("date", "order date") is None:
        return 0.0
    return 0.6 + 0.35 * header.share(["buyer first name", "item count", "total price", "shipping status", "time"])


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.find(*_ALIASES["number"])),
        amounts=(header.find(*_TOTAL),),
        dates=(header.find("date", "order date"),),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=(), telling="number")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    word = clean(cells[column["status"]])
    placed_at = base.required_moment(f"{clean(cells[column['placed']])} {clean(cells[column['time']])}", options)
    items = [item for item in re.split(r";(?=\s*\w+:)", cells[column["items"]]) if ":" in item]
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=base.required_total(cells[column["total"]], minor),
        discount_minor=abs(minor(cells[column["discount"]])), shipping_minor=minor(cells[column["shipping"]]),
        tax_minor=minor(cells[column["tax"]]), payment=_PAYMENT.get(word.casefold(), "unknown"), payment_word=word,
        cancelled_at=placed_at if {word.casefold(), clean(cells[column["order_status"]]).casefold()} & _GONE else None,
        channel=clean(cells[column["channel"]]),
        coupon_code=clean(cells[column["coupon"]]), note=cells[column["note"]].strip(),
        lines=[_line(item, minor, options) for item in items],
        person=base.person_of(cells, column, source=SOURCE, line_number=line_number), line_number=line_number,
    )  # fmt: skip


def _line(packed: str, minor, options: Options) -> PurchaseLine:
    marks = list(_FIELD.finditer(packed))
    ends = [*(mark.start() for mark in marks[1:]), len(packed)]
    item = {mark[1]: clean(packed[mark.end() : end]) for mark, end in zip(marks, ends)}
    many, unit = options.quantity(options.missing)(item.get("quantity", "")), minor(item.get("price", ""))
    name, variant = item.get("product_name", ""), item.get("product_option_name", "")
    return PurchaseLine(
        name=f"{name}, {variant}" if variant and variant != name else name, sku=item.get("sku", ""), quantity=many,
        unit_price_minor=unit, total_minor=minor(item["total"]) if item.get("total") else round(unit * many),
    )  # fmt: skip
