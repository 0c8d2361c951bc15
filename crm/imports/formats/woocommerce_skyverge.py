"""WooCommerce orders as SkyVerge's "Customer/Order/Coupon Export" writes them.

Four of its layouts: items packed into one cell between bars (the default) or as JSON ("CSV Import"), and one row per
item with the order repeated on each, in today's and in the legacy names.
"""

import html
import json
import re

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._woocommerce import SOURCE, customer_key, is_cancelled, payment_of
from crm.imports.formats.base import BadValue, Header, Needs, Options, Purchase, PurchaseLine, clean

SLUG = "woocommerce_skyverge"
LABEL = _("WooCommerce orders (SkyVerge export)")
KIND = base.ORDERS

_ALIASES = {
    "number": ["order number", "order id", "id"], "placed": ["date", "created at"],
    "status": ["status", "order status"],
    "shipping": ["shipping total", "total shipping", "shipping"], "tax": ["tax total", "cart tax", "tax"],
    "discount": ["discount total", "total discount"], "total": ["order total", "total"],
    "refunded": ["refunded total", "total refunded"], "currency": ["order currency", "currency"],
    "customer": ["customer id", "customer user"], "first": ["billing first name"], "last": ["billing last name"],
    "company": ["billing company"], "email": ["billing email"], "phone": ["billing phone"],
    "street": ["billing address 1"], "street2": ["billing address 2"], "zip": ["billing postcode", "billing post code"],
    "city": ["billing city"], "region": ["billing state"], "country": ["billing country"],
    "note": ["customer note", "note"], "packed": ["line items"], "coupons": ["coupon items", "coupon lines"],
    "item": ["item name"], "sku": ["item sku"], "quantity": ["item quantity", "item amount"],
    "line_total": ["item total", "row price"], "variant": ["item variation"],
}  # fmt: skip
_OF_THE_LINE = {"item", "sku", "quantity", "line_total", "variant"}


def sniff(header: Header) -> float:
    if any(header.find(*_ALIASES[name]) is None for name in ("number", "total", "placed", "email")):
        return 0.0
    if "order number formatted" in header:
        return 0.75 + 0.2 * header.share(["line items", "order notes", "download permissions granted", "customer note"])
    if "billing post code" in header:
        return 0.75 + 0.2 * header.share(["order status", "item name", "row price", "order notes"])
    return 0.0


def needs(header: Header, mapping) -> Needs:
    amounts = [header.find(*_ALIASES[name]) for name in ("total", "line_total")]
    return Needs(
        order_key=base.KeyIn(header.find(*_ALIASES["number"])),
        amounts=tuple(index for index in amounts if index is not None),
        dates=(header.find(*_ALIASES["placed"]),),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    word = cells[column["status"]].strip()
    placed_at = base.required_moment(cells[column["placed"]], options)
    if column["packed"] != options.missing:
        lines = [_line(item, minor, options) for item in _items(cells[column["packed"]])]
    else:
        lines = _lines(rows, column, options, currency)
    coupons = [code for item in _items(cells[column["coupons"]]) if (code := item.get("code", ""))]
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=base.required_total(cells[column["total"]], minor),
        discount_minor=abs(minor(cells[column["discount"]])), shipping_minor=minor(cells[column["shipping"]]),
        tax_minor=minor(cells[column["tax"]]), refunded_minor=abs(minor(cells[column["refunded"]])),
        payment=payment_of(word), payment_word=word, cancelled_at=placed_at if is_cancelled(word) else None,
        coupon_code=", ".join(coupons), note=cells[column["note"]].strip(), lines=lines,
        person=base.person_of(
            cells, column, source=SOURCE, line_number=rows[0][0], key=customer_key(cells[column["customer"]])
        ),
        line_number=rows[0][0],
    )  # fmt: skip


def _items(cell: str) -> list[dict[str, str]]:
    """Return what a cell of packed items holds: JSON, or id:7|name:Cap;id:8|... with a backslash before such marks."""
    cell = cell.strip()
    if cell.startswith(("[", "{")):
        try:
            told = json.loads(html.unescape(cell) if "&quot;" in cell else cell)
        except (ValueError, RecursionError):
            raise BadValue(_now("The items “%(text)s” cannot be read") % {"text": cell[:40]}) from None
        items = told if isinstance(told, list) else [told]
        plain = (str, int, float)
        return [
            {name: str(value) for name, value in item.items() if isinstance(value, plain)}
            for item in items
            if isinstance(item, dict)
        ]
    return [_pairs(part) for part in _cut(cell, ";")]


def _pairs(item: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in _cut(item, "|"))
    return {name.strip(): re.sub(r"\\(.)", r"\1", value).strip() for name, _colon, value in pairs}


def _cut(text: str, mark: str) -> list[str]:
    """Return the parts between marks that no backslash stands before."""
    return re.findall(rf"(?:\\.|[^\\{mark}]|\\$)+", text, re.DOTALL)


def _line(item: dict[str, str], minor, options: Options) -> PurchaseLine:
    many = options.quantity(options.missing)(item.get("quantity", ""))
    total = minor(item.get("total", ""))
    return PurchaseLine(
        name=clean(item.get("name", "")), sku=clean(item.get("sku", "")), quantity=many,
        unit_price_minor=round(total / many) if many else total, total_minor=total,
    )  # fmt: skip


def _lines(rows, column, options: Options, currency: str) -> list[PurchaseLine]:
    minor, quantity = options.minor(column["line_total"], currency), options.quantity(column["quantity"])
    lines = []
    for _line_number, cells in rows:
        name, sku = clean(cells[column["item"]]), clean(cells[column["sku"]])
        if not name and not sku:
            continue
        many, total = quantity(cells[column["quantity"]]), minor(cells[column["line_total"]])
        name = ", ".join(filter(None, (name, clean(cells[column["variant"]]))))
        lines.append(PurchaseLine(name, sku, many, round(total / many) if many else total, total))
    return lines
