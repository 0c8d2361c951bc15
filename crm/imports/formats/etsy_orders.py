"""Etsy's sold orders: one row per order, without its items, which stand in a file of their own (etsy_items).

`Order Total` is what the buyer paid. It may hold a tax that Etsy collects while `Sales Tax` says 0; what is over
the goods and their shipping is that tax. Dates are month first wherever the shop is. Real files leave `Status`
empty and the adjusted columns at 0: refunds stand in the statement only.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._etsy import SOURCE, buyer_key
from crm.imports.formats.base import Header, Needs, Options, Purchase, clean
from crm.orders.purchases import HEAD

SLUG = "etsy_orders"
LABEL = _("Etsy sold orders")
KIND = base.ORDERS

_ALIASES = {
    "number": ["order id"], "placed": ["sale date"], "user": ["buyer user id"], "buyer": ["buyer"],
    "name": ["full name"], "first": ["first name"], "last": ["last name"],
    "street": ["street 1"], "street2": ["street 2"], "city": ["ship city", "delivery city"],
    "region": ["ship state", "delivery state"], "zip": ["ship zipcode", "delivery zipcode", "delivery postcode"],
    "country": ["ship country", "delivery country"], "currency": ["currency"], "value": ["order value"],
    "coupon": ["coupon code"], "discount": ["discount amount"], "in_person": ["inperson discount"],
    "shipping_discount": ["shipping discount", "delivery discount"], "shipping": ["shipping", "delivery"],
    "tax": ["sales tax"], "total": ["order total"], "status": ["status"], "adjusted": ["adjusted order total"],
    "channel": ["order type"],
}  # fmt: skip
_PAYMENT = {
    "": "paid", "completed": "paid", "complete": "paid", "paid": "paid", "shipped": "paid", "processing": "paid",
    "refunded": "refunded", "fully refunded": "refunded", "partially refunded": "partly_refunded",
    "unpaid": "unpaid", "payment processing": "unpaid", "canceled": "unpaid", "cancelled": "unpaid",
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"sale date", "order id", "order total"} <= header.index.keys():
        return 0.0
    return 0.7 + 0.25 * header.share(["buyer user id", "order value", "order net", "full name", "number of items"])


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.index["order id"]),
        amounts=tuple(header.index[name] for name in ("order total", "order value", "shipping") if name in header),
        dates=(header.index["sale date"],),
        day_first=False,
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=(), telling="number")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["total"], currency)
    placed_at = base.required_moment(cells[column["placed"]], options)
    total = base.required_total(cells[column["total"]], minor)
    goods, tax = minor(cells[column["value"]]), minor(cells[column["tax"]])
    discount = abs(minor(cells[column["discount"]])) + abs(minor(cells[column["in_person"]]))
    shipping = minor(cells[column["shipping"]]) - abs(minor(cells[column["shipping_discount"]]))
    if goods and not tax:
        tax = max(total - (goods - discount + shipping), 0)
    adjusted = minor(cells[column["adjusted"]])
    word = clean(cells[column["status"]])
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed_at, currency=currency,
        total_minor=total, discount_minor=discount, shipping_minor=max(shipping, 0), tax_minor=tax,
        refunded_minor=total - adjusted if 0 < adjusted < total else 0,
        payment=_PAYMENT.get(word.casefold(), "unknown"), payment_word=word,
        cancelled_at=placed_at if word.casefold() in ("canceled", "cancelled") else None,
        channel=clean(cells[column["channel"]]), coupon_code=clean(cells[column["coupon"]]), tells=HEAD,
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _person(cells, column, line_number: int):
    person = base.person_of(cells, column, source=SOURCE, line_number=line_number)
    person.key = buyer_key(
        buyer=cells[column["buyer"]], user_id=cells[column["user"]], name=person.name, postcode=person.postcode
    )
    return person if person.key else None
