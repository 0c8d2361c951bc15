"""Shopify's order export: one row per item, what belongs to the order on its first row only.

The number (`Name`) is the key: `Id` stands on the first row only and not in every export. An order
is cancelled by `Cancelled at`, whatever its financial status says. `Total` may or may not contain the
taxes, so it is kept and never rebuilt. An unticked marketing box at checkout is no answer: people who
subscribed before leave it unticked too.
"""

from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import BadRow, BadValue, Header, Needs, Options, Person, Purchase, PurchaseLine, clean

SLUG = "shopify_orders"
LABEL = _("Shopify orders")
KIND = base.ORDERS
SOURCE = "shopify"

_ALIASES = {
    "number": ["name"], "email": ["email"], "status": ["financial status"], "consent": ["accepts marketing"],
    "currency": ["currency"], "shipping": ["shipping", "shipping line price"], "tax": ["taxes"], "total": ["total"],
    "coupon": ["discount code"], "discount": ["discount amount"], "placed": ["created at", "processed at"],
    "quantity": ["lineitem quantity"], "item": ["lineitem name"], "price": ["lineitem price"], "sku": ["lineitem sku"],
    "line_discount": ["lineitem discount"], "category": ["vendor"], "note": ["notes", "note"],
    "cancelled": ["cancelled at"], "refunded": ["refunded amount"], "channel": ["source"], "id": ["id"],
    "outstanding": ["outstanding balance"],
    "name": ["billing name"], "name2": ["shipping name"],
    "first": ["billing first name"], "last": ["billing last name"],
    "phone": ["phone"], "phone2": ["shipping phone"], "phone3": ["billing phone"], "company": ["billing company"],
    "street": ["billing address1", "billing street"], "street2": ["billing address2"], "city": ["billing city"],
    "zip": ["billing zip"], "region": ["billing province name", "billing province", "billing province code"],
    "country": ["billing country", "billing country code"], "ship_street": ["shipping address1", "shipping street"],
    "ship_city": ["shipping city"], "ship_zip": ["shipping zip"], "ship_region": ["shipping province"],
    "ship_country": ["shipping country", "shipping country code"],
}  # fmt: skip
_OF_THE_LINE = {"number", "quantity", "item", "price", "sku", "line_discount", "category", "id"}
_PAYMENT = {
    "paid": "paid", "partially_refunded": "partly_refunded", "refunded": "refunded", "partially_paid": "partly_paid",
    "pending": "unpaid", "authorized": "unpaid", "voided": "unpaid", "expired": "unpaid", "unpaid": "unpaid",
    "": "paid",
}  # fmt: skip


def sniff(header: Header) -> float:
    lines = sum(name.startswith("lineitem ") for name in header.index)
    if "name" not in header or not lines or not ("created at" in header or "processed at" in header):
        return 0.0
    return 0.75 + 0.2 * header.share(["financial status", "email", "currency", "total", "lineitem price"])


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.index["name"]),
        amounts=tuple(header.index[name] for name in ("total", "lineitem price") if name in header),
        dates=tuple(header.index[name] for name in ("created at", "processed at") if name in header),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase | BadRow:
    line_number = rows[0][0]
    number = base.order_number(cells[column["number"]])
    placed_at = base.required_moment(cells[column["placed"]], options)
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    lines = _lines(rows, column, options, currency)
    shipping = minor(cells[column["shipping"]])
    if cells[column["total"]].strip():
        total = minor(cells[column["total"]])
    elif column["total"] == options.missing and column["price"] != options.missing:
        total = sum(line.total_minor for line in lines) + shipping
        options.warn("no_total_column", line_number)
    else:
        raise BadValue(_("The order has no total"))
    if total < 0:
        raise BadValue(_("The order's total is negative"))
    ids = {value for _line, row in rows if (value := row[column["id"]].strip())}
    if len(ids) > 1:
        options.warn("two_ids_one_number", line_number)
    word = cells[column["status"]].strip()
    payment = _PAYMENT.get(word.casefold().replace(" ", "_"), "unknown")
    cancelled = cells[column["cancelled"]]
    return Purchase(
        source=SOURCE, number=number, placed_at=placed_at, currency=currency, total_minor=total,
        discount_minor=abs(minor(cells[column["discount"]])), shipping_minor=shipping,
        tax_minor=minor(cells[column["tax"]]), refunded_minor=abs(minor(cells[column["refunded"]])), payment=payment,
        payment_word=word, cancelled_at=options.moment(cancelled) if cancelled.strip() else None,
        channel=clean(cells[column["channel"]]), coupon_code=clean(cells[column["coupon"]]),
        note=cells[column["note"]].strip(), lines=lines, person=_person(cells, column, line_number),
        line_number=line_number,
    )  # fmt: skip


def _lines(rows, column, options: Options, currency: str) -> list[PurchaseLine]:
    item, sku, category = column["item"], column["sku"], column["category"]
    count, price, discount = column["quantity"], column["price"], column["line_discount"]
    readers = options.minor(price, currency), options.quantity(count)
    return [
        _line(cells[item], cells[sku], cells[count], cells[price], cells[discount], cells[category], *readers)
        for _line_number, cells in rows
        if cells[item] or cells[sku]
    ]


@lru_cache(maxsize=16_384)
def _line(name: str, sku: str, count: str, price: str, discount: str, category: str, minor, quantity) -> PurchaseLine:
    many, unit = quantity(count), minor(price)
    total = round(unit * many) - abs(minor(discount))
    return PurchaseLine(clean(name), clean(sku), many, unit, total, clean(category))


def _person(cells, column, line_number: int) -> Person:
    name = cells[column["name"]] or base.person_name(cells[column["first"]], cells[column["last"]])
    bills = bool(cells[column["street"]] or cells[column["city"]] or cells[column["zip"]] or cells[column["country"]])
    street, city, postcode, region, country = (
        ("street", "city", "zip", "region", "country")
        if bills
        else ("ship_street", "ship_city", "ship_zip", "ship_region", "ship_country")
    )
    extra_street = cells[column["street2"]] if bills else ""
    return Person(
        source=SOURCE,
        name=base.person_name(name or cells[column["name2"]]),
        email=base.first_email(cells[column["email"]]),
        phone=clean(cells[column["phone"]] or cells[column["phone2"]] or cells[column["phone3"]]),
        company=base.company(cells[column["company"]]),
        street=base.person_name(cells[column[street]], extra_street),
        postcode=clean(cells[column[postcode]]),
        city=clean(cells[column[city]]),
        region=clean(cells[column[region]]),
        country=clean(cells[column[country]]),
        consent="yes" if base.is_yes(cells[column["consent"]]) else "",
        consent_detail="Shopify: Accepts Marketing at checkout",
        line_number=line_number,
    )
