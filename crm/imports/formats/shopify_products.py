"""Shopify's product export, classic and new header: a product is a handle, its variants the rows with a price or SKU.

Rows that hold only a picture belong to the handle above them. Variants are named as they stand on orders:
"Title - Red / M". Several rows with one SKU (or none) and one name are one product.
"""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import BadValue, Header, Item, Needs, Options, clean

SLUG = "shopify_products"
LABEL = _("Shopify products")
KIND = base.PRODUCTS
SOURCE = "shopify"

_ALIASES = {
    "handle": ["handle", "url handle"], "title": ["title"], "type": ["type"],
    "category": ["product category", "standardized product type", "standard product type", "custom product type"],
    "published": ["published", "published on online store"], "status": ["status"],
    "option1": ["option1 value"], "option2": ["option2 value"], "option3": ["option3 value"],
    "sku": ["variant sku", "sku"], "price": ["variant price", "price"], "cost": ["cost per item"],
    "tracker": ["variant inventory tracker", "inventory tracker"],
    "stock": ["variant inventory qty", "inventory quantity"],
}  # fmt: skip
_NO_SKU = {"", "-", "n/a", "none"}
_SINGLE = {"", "default title", "default"}


def sniff(header: Header) -> float:
    if header.find("handle", "url handle") is None or "title" not in header:
        return 0.0
    if header.find("variant price", "price") is None or header.find("option1 value", "variant sku", "sku") is None:
        return 0.0
    marks = ["vendor", "type", "tags", "option1 name", "option1 value"]
    return 0.6 + 0.35 * header.share(marks)


def needs(header: Header, mapping) -> Needs:
    amounts = [header.find(*_ALIASES[name]) for name in ("price", "cost")]
    handle, title = header.find("handle", "url handle"), header.index["title"]
    return Needs(
        order_key=lambda cells: cells[handle].strip() or cells[title].strip(),
        amounts=tuple(index for index in amounts if index is not None),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    of_the_product = [column[name] for name in ("title", "type", "category", "published", "status")]
    variant = [column[name] for name in ("sku", "price", "option1")]
    for group in groups:
        try:
            product = dict(zip(of_the_product, (_first(group, index) for index in of_the_product)))
            if not product[column["title"]] and not any(clean(cells[column["sku"]]) for _line, cells in group):
                raise BadValue(_now("The row has no title and no SKU"))
            rows = [row for row in group if any(row[1][index].strip() for index in variant)] or group[:1]
            items = [_item(cells, column, options, product, line_number) for line_number, cells in rows]
        except BadValue as error:
            yield from base.bad(group, error)
            continue
        yield from items


def _first(group, index: int) -> str:
    return next((said for _line, cells in group if (said := clean(cells[index]))), "")


def _item(cells, column, options: Options, product, line_number: int) -> Item:
    sku = clean(cells[column["sku"]])
    chosen = [clean(cells[column[name]]) for name in ("option1", "option2", "option3")]
    variant = " / ".join(value for value in chosen if value.casefold() not in _SINGLE)
    title = product[column["title"]]
    return Item(
        sku="" if sku.casefold() in _NO_SKU else sku,
        name=f"{title} - {variant}" if title and variant else title or sku,
        category=product[column["type"]] or _last_step(product[column["category"]]),
        price_minor=_amount(cells, column["price"], options),
        cost_minor=_amount(cells, column["cost"], options),
        currency=options.currency,
        is_active=_is_active(product[column["status"]], product[column["published"]]),
        line_number=line_number,
        stock=base.stock(cells, column["stock"], options) if _is_counted(cells, column, options) else None,
    )


def _last_step(category: str) -> str:
    """Return the narrowest of the steps of a category: Apparel > Clothing > Shirts."""
    return category.rpartition(">")[2].strip()


def _amount(cells, column: int, options: Options) -> int | None:
    return base.price(cells[column].strip(), options.minor(column, options.currency))


def _is_counted(cells, column, options: Options) -> bool:
    """Tell whether the shop counts this variant: without a tracker its quantity is a 0 that means nothing."""
    return column["tracker"] == options.missing or bool(clean(cells[column["tracker"]]))


def _is_active(status: str, published: str) -> bool | None:
    """Return whether it is on sale: as the status says, else as it is published."""
    match status.casefold():
        case "active":
            return True
        case "draft" | "archived" | "unlisted":
            return False
    return True if base.is_yes(published) else False if base.is_no(published) else None
