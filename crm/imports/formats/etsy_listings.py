"""Etsy's listings download: one row per listing. A listing with variations names all their SKUs in one cell."""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._etsy import SOURCE  # noqa: F401 - a member of every format
from crm.imports.formats.base import BadValue, Header, Item, Needs, Options, clean

SLUG = "etsy_listings"
LABEL = _("Etsy listings")
KIND = base.PRODUCTS

_ALIASES = {
    "name": ["title"], "price": ["price"], "currency": ["currency code"], "sku": ["sku"], "stock": ["quantity"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"title", "price", "currency code"} <= header.index.keys():
        return 0.0
    return 0.6 + 0.35 * header.share(["quantity", "tags", "materials", "image1", "variation 1 type", "sku"])


def needs(header: Header, mapping) -> Needs:
    return Needs(amounts=(header.index["price"],))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    for group in groups:
        try:
            yield from _items(*group[0], column, options)
        except BadValue as error:
            yield from base.bad(group, error)


def _items(line_number: int, cells, column, options: Options) -> list[Item]:
    name = clean(cells[column["name"]])
    if not name:
        raise BadValue(_now("The row has no title"))
    currency = base.currency_code(cells[column["currency"]], options.currency)
    price = base.price(cells[column["price"]], options.minor(column["price"], currency))
    skus = dict.fromkeys(sku for part in cells[column["sku"]].split(",") if (sku := clean(part))) or [""]
    stock = base.stock(cells, column["stock"], options) if len(skus) == 1 else None  # of them all together
    return [
        Item(
            sku=sku, name=name, price_minor=price, currency=currency, is_active=True, line_number=line_number,
            stock=stock,
        )
        for sku in skus
    ]  # fmt: skip
