"""products.csv of our own export of everything: one row per product."""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._regulars import said
from crm.imports.formats.base import Header, Item, Needs, Options

SLUG = "regulars_products"
LABEL = _("Products of a Regulars export")
KIND = base.PRODUCTS
SOURCE = "regulars"


def sniff(header: Header) -> float:
    return 1.0 if {"regulars product", "on sale", "stock counted"} <= header.index.keys() else 0.0


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.index["regulars product"]),
        amounts=(header.index["price"], header.index["cost"]),
    )


def parse(groups, options: Options):
    place = options.header.index

    def item(group) -> Item:
        line_number, cells = group[0]
        currency = base.currency_code(cells[place["currency"]], options.currency)
        price, cost = (
            base.price(cells[place[name]], options.minor(place[name], currency)) for name in ("price", "cost")
        )
        return Item(
            sku=said(cells[place["sku"]]), name=said(cells[place["name"]]), category=said(cells[place["category"]]),
            price_minor=price, cost_minor=cost, currency=currency, is_active=base.is_yes(cells[place["on sale"]]),
            stock=base.stock(cells, place["stock"], options), stock_on=base.birthday(cells[place["stock counted"]]),
            line_number=line_number,
        )  # fmt: skip

    return base.each(groups, item)
