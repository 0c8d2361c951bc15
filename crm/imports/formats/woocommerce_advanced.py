"""WooCommerce orders as "Advanced Order Export" writes them: one row per item, everything else repeated on each."""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._woocommerce import SOURCE, customer_key, is_cancelled, payment_of
from crm.imports.formats.base import Header, Needs, Options, Person, Purchase, PurchaseLine, clean

SLUG = "woocommerce_advanced"
LABEL = _("WooCommerce orders (Advanced Order Export)")
KIND = base.ORDERS

_ALIASES = {
    "number": ["order number", "order id"], "status": ["order status"], "placed": ["order date"],
    "note": ["customer note"], "first": ["first name (billing)"], "last": ["last name (billing)"],
    "company": ["company (billing)"], "street": ["address 1&2 (billing)", "address 1 (billing)"],
    "city": ["city (billing)"], "region": ["state code (billing)", "state name (billing)"],
    "zip": ["postcode (billing)"], "country": ["country code (billing)", "country name (billing)"],
    "email": ["email (billing)", "customer email"], "phone": ["phone (billing)"],
    "customer": ["customer user id", "user id"],
    "discount": ["cart discount amount"], "shipping": ["order shipping amount"], "refunded": ["order refund amount"],
    "total": ["order total amount"], "tax": ["order total tax amount"], "currency": ["order currency", "currency"],
    "sku": ["sku"], "item": ["item name", "product name"], "position": ["item #"],
    "quantity": ["quantity (- refund)", "quantity"], "price": ["item cost"], "coupon": ["coupon code"],
    "line_total": ["order line total", "item line total"], "category": ["category"],
}  # fmt: skip
_OF_THE_LINE = {"sku", "item", "position", "quantity", "price", "line_total", "category", "coupon"}


def sniff(header: Header) -> float:
    if (
        "order total amount" not in header
        or header.find("order number", "order id") is None
        or "order date" not in header
    ):
        return 0.0
    return 0.75 + 0.2 * header.share(["order status", "email (billing)", "item name", "item cost", "phone (billing)"])


def needs(header: Header, mapping) -> Needs:
    amounts = [header.find(name) for name in ("order total amount", "item cost")]
    return Needs(
        order_key=base.KeyIn(header.find("order number", "order id")),
        amounts=tuple(index for index in amounts if index is not None),
        dates=(header.index["order date"],),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    word = cells[column["status"]].strip()
    placed_at = base.required_moment(cells[column["placed"]], options)
    total = base.required_total(cells[column["total"]], minor)
    coupons = dict.fromkeys(code for _line, row in rows if (code := clean(row[column["coupon"]])))
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=total, discount_minor=abs(minor(cells[column["discount"]])),
        shipping_minor=minor(cells[column["shipping"]]), tax_minor=minor(cells[column["tax"]]),
        refunded_minor=abs(minor(cells[column["refunded"]])), payment=payment_of(word), payment_word=word,
        cancelled_at=placed_at if is_cancelled(word) else None, coupon_code=", ".join(coupons),
        note=cells[column["note"]].strip(), lines=_lines(rows, column, options, currency),
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _lines(rows, column, options: Options, currency: str) -> list[PurchaseLine]:
    minor, quantity = options.minor(column["price"], currency), options.quantity(column["quantity"])
    lines = []
    for _line_number, cells in rows:
        if not cells[column["item"]] and not cells[column["sku"]]:
            continue
        many, unit = quantity(cells[column["quantity"]]), minor(cells[column["price"]])
        said = cells[column["line_total"]].strip()
        lines.append(
            PurchaseLine(
                name=clean(cells[column["item"]]), sku=clean(cells[column["sku"]]), quantity=many,
                unit_price_minor=unit,
                total_minor=minor(said) if said else round(unit * many), category=clean(cells[column["category"]]),
            )
        )  # fmt: skip
    return lines


def _person(cells, column, line_number: int) -> Person:
    return Person(
        source=SOURCE,
        key=customer_key(cells[column["customer"]]),
        name=base.person_name(cells[column["first"]], cells[column["last"]]),
        email=base.first_email(cells[column["email"]]),
        phone=clean(cells[column["phone"]]),
        company=base.company(cells[column["company"]]),
        street=clean(cells[column["street"]]),
        postcode=clean(cells[column["zip"]]),
        city=clean(cells[column["city"]]),
        region=clean(cells[column["region"]]),
        country=clean(cells[column["country"]]),
        line_number=line_number,
    )
