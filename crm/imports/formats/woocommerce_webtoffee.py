"""WooCommerce orders as WebToffee's plugin exports them: one row per order, items in numbered columns.

A guest has customer_id 0 and no customer_email, so the billing address speaks for the person.
"""

import re

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._woocommerce import SOURCE, customer_key, is_cancelled, payment_of
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, Purchase, PurchaseLine, clean

SLUG = "woocommerce_webtoffee"
LABEL = _("WooCommerce orders (WebToffee export)")
KIND = base.ORDERS

_ALIASES = {
    "number": ["order number", "order id"], "placed": ["order date"], "status": ["status"],
    "shipping": ["shipping total"], "tax": ["tax total"], "discount": ["discount total"], "total": ["order total"],
    "currency": ["order currency"], "customer": ["customer id", "customer user"], "email": ["customer email"],
    "billing_email": ["billing email"], "first": ["billing first name"], "last": ["billing last name"],
    "company": ["billing company"], "phone": ["billing phone"], "street": ["billing address 1"],
    "street2": ["billing address 2"], "zip": ["billing postcode"], "city": ["billing city"],
    "region": ["billing state"], "country": ["billing country"], "note": ["customer note"],
    "coupons": ["coupon items"], "refunds": ["refund items"],
    "channel": ["meta: wc order attribution source type", "created via"],
}  # fmt: skip
_ITEM = re.compile(r"line item \d+")


def sniff(header: Header) -> float:
    if "order date" not in header or "order total" not in header or not any(map(_ITEM.fullmatch, header.index)):
        return 0.0
    return 0.75 + 0.2 * header.share(["order id", "order currency", "billing email", "status", "refund items"])


def needs(header: Header, mapping) -> Needs:
    number = header.find("order number", "order id")
    return Needs(
        order_key=None if number is None else base.KeyIn(number),
        amounts=(header.index["order total"],),
        dates=(header.index["order date"],),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    items = [index for name, index in options.header.index.items() if _ITEM.fullmatch(name)]
    for group in groups:
        rows = base.once(group, column["number"])
        try:
            if len(rows) > 1:
                raise BadValue(_("Two different rows have this order number"))
            yield _purchase(*rows[0], column, items, options)
        except BadValue as error:
            yield from base.bad(group, error)


def _purchase(line_number: int, cells, column, items, options: Options) -> Purchase:
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    word = cells[column["status"]].strip()
    placed_at = base.required_moment(cells[column["placed"]], options)
    refunds = [_pairs(part) for part in _parts(cells[column["refunds"]])]
    refunded_at = [moment for refund in refunds if (moment := options.moment(refund.get("date", "")))]
    coupons = [code for part in _parts(cells[column["coupons"]]) if (code := _pairs(part).get("code"))]
    total = base.required_total(cells[column["total"]], minor)
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=total, discount_minor=abs(minor(cells[column["discount"]])),
        shipping_minor=minor(cells[column["shipping"]]), tax_minor=minor(cells[column["tax"]]),
        refunded_minor=sum(abs(minor(refund.get("amount", ""))) for refund in refunds),
        refunded_at=max(refunded_at, default=None), payment=payment_of(word), payment_word=word,
        cancelled_at=placed_at if is_cancelled(word) else None, channel=clean(cells[column["channel"]]),
        coupon_code=", ".join(coupons), note=cells[column["note"]].strip(),
        lines=[_line(cells[index], minor, options) for index in items if cells[index].strip()],
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _parts(cell: str) -> list[str]:
    return [part for part in re.split(r"[;\n]", cell) if part.strip()]


def _pairs(cell: str) -> dict[str, str]:
    """Return what "name:Cap|sku:A12" holds; a bar without a name belongs to the value before it."""
    pairs, key = {}, ""
    for part in cell.split("|"):
        name, colon, value = part.partition(":")
        if colon and re.fullmatch(r"\w[\w ]*", name.strip()):
            key = name.strip()
            pairs[key] = value.strip()
        elif key:
            pairs[key] += "|" + part
    return pairs


def _line(cell: str, minor, options: Options) -> PurchaseLine:
    item = _pairs(cell)
    quantity = options.quantity(options.missing)(item.get("quantity", ""))
    total = minor(item.get("total", ""))
    return PurchaseLine(
        name=clean(item.get("name", "")),
        sku=clean(item.get("sku", "")),
        quantity=quantity,
        unit_price_minor=round(total / quantity) if quantity else total,
        total_minor=total,
    )


def _person(cells, column, line_number: int) -> Person:
    return Person(
        source=SOURCE,
        key=customer_key(cells[column["customer"]]),
        name=base.person_name(cells[column["first"]], cells[column["last"]]),
        email=base.first_email(cells[column["email"]]) or base.first_email(cells[column["billing_email"]]),
        phone=clean(cells[column["phone"]]),
        company=base.company(cells[column["company"]]),
        street=base.person_name(cells[column["street"]], cells[column["street2"]]),
        postcode=clean(cells[column["zip"]]),
        city=clean(cells[column["city"]]),
        region=clean(cells[column["region"]]),
        country=clean(cells[column["country"]]),
        line_number=line_number,
    )
