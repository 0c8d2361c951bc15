"""Etsy's sold order items: one row per item, the order's discount and shipping on its first row only.

The file of orders (etsy_orders) knows the same orders by the same numbers, with what was really paid. Whichever comes
first, the other adds to it: here come the lines; the totals worked out here stand until the orders come.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._etsy import SOURCE, buyer_key
from crm.imports.formats.base import Header, Needs, Options, Purchase, clean
from crm.orders.purchases import LINES

SLUG = "etsy_items"
LABEL = _("Etsy sold order items")
KIND = base.ORDERS

_ALIASES = {
    "number": ["order id"], "placed": ["sale date"], "item": ["item name"], "buyer": ["buyer"],
    "quantity": ["quantity"], "price": ["price"], "line_total": ["item total"], "sku": ["sku"],
    "transaction": ["transaction id"], "coupon": ["coupon code"], "discount": ["discount amount"],
    "in_person": ["inperson discount"], "shipping_discount": ["shipping discount", "delivery discount"],
    "shipping": ["order shipping", "order delivery"], "tax": ["order sales tax"], "currency": ["currency"],
    "name": ["ship name", "delivery name"], "street": ["ship address1", "delivery address1"],
    "street2": ["ship address2", "delivery address2"], "city": ["ship city", "delivery city"],
    "region": ["ship state", "delivery state"], "zip": ["ship zipcode", "delivery zipcode", "delivery postcode"],
    "country": ["ship country", "delivery country"], "channel": ["order type"],
}  # fmt: skip
_OF_THE_LINE = {"item", "quantity", "price", "line_total", "sku", "transaction"}


def sniff(header: Header) -> float:
    if not {"sale date", "item name", "order id", "price"} <= header.index.keys():
        return 0.0
    return 0.7 + 0.25 * header.share(["item total", "transaction id", "listing id", "buyer", "quantity"])


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.index["order id"]),
        amounts=tuple(header.index[name] for name in ("price", "item total") if name in header),
        dates=(header.index["sale date"],),
        day_first=False,
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE, telling="transaction")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    line_number = rows[0][0]
    currency = base.currency_code(cells[column["currency"]], options.currency)
    minor = options.minor(column["price"], currency)
    lines = base.lines_of(rows, column, options, currency)

    def once(name: str) -> int:
        """Return an amount of the order, whether it stands on its first row or on each."""
        return max(abs(minor(row[column[name]])) for _line_number, row in rows)

    discount, tax = once("discount") + once("in_person"), once("tax")
    shipping = max(once("shipping") - once("shipping_discount"), 0)
    total = sum(line.total_minor for line in lines) - discount + shipping + tax
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]),
        placed_at=base.required_moment(cells[column["placed"]], options), currency=currency,
        total_minor=max(total, 0), discount_minor=discount, shipping_minor=shipping, tax_minor=tax,
        channel=clean(cells[column["channel"]]), coupon_code=clean(cells[column["coupon"]]), lines=lines, tells=LINES,
        person=_person(cells, column, line_number), line_number=line_number,
    )  # fmt: skip


def _person(cells, column, line_number: int):
    person = base.person_of(cells, column, source=SOURCE, line_number=line_number)
    person.key = buyer_key(buyer=cells[column["buyer"]], user_id="", name=person.name, postcode=person.postcode)
    return person if person.key else None
