"""BigCommerce products, bulk-edit template and the newer one: a product, and below it its variants and pictures."""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._bigcommerce import SOURCE  # noqa: F401 - a member of every format
from crm.imports.formats.base import BadValue, Header, Item, Needs, Options, clean

SLUG = "bigcommerce_products"
LABEL = _("BigCommerce products")
KIND = base.PRODUCTS

_ALIASES = {
    "type": ["item type", "item"], "name": ["product name", "name"], "sku": ["product code/sku", "sku"],
    "price": ["price"], "cost": ["cost price"], "category": ["category", "categories"],
    "visible": ["product visible?", "is visible", "product visible"],
    "tracking": ["track inventory", "inventory tracking"], "stock": ["current stock level", "current stock"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if header.find("item type", "item") is None or "price" not in header or "cost price" not in header:
        return 0.0
    own = ["product code/sku", "brand name", "product visible?", "allow purchases?", "retail price", "product id"]
    new = ["id", "sku", "inventory tracking", "current stock", "retail price", "channels"]
    return 0.5 + 0.45 * max(header.share(own), header.share(new)) if "retail price" in header else 0.0


def needs(header: Header, mapping) -> Needs:
    kind = header.find(*_ALIASES["type"])
    return Needs(
        order_key=lambda cells: None if _is_product(cells[kind]) else "",  # further rows belong to the product above
        amounts=tuple(header.index[name] for name in ("price", "cost price")),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    for group in groups:
        name, tracking = clean(group[0][1][column["name"]]), clean(group[0][1][column["tracking"]]).casefold()
        further, reason, came = [], "", False
        for line_number, cells in group:
            is_further = cells is not group[0][1] and not _is_product(cells[column["type"]])
            if is_further and not clean(cells[column["sku"]]):
                further.append((line_number, cells))  # a picture, a video, a rule of the product above
                continue
            try:
                yield _item(cells, column, options, name, tracking, line_number)
                came = True
            except BadValue as error:
                reason = str(error)
                yield from base.bad([(line_number, cells)], error)
        if not came:
            yield from base.bad(further, reason)


def _is_product(kind: str) -> bool:
    return clean(kind).casefold() == "product"


def _is_counted(kind: str, tracking: str) -> bool:
    """Tell whether the shop counts this row: the product as a whole, or each of its variants."""
    if tracking in ("", "none"):
        return not tracking  # the file does not say, or nothing is counted
    return _is_product(kind) != any(word in tracking for word in ("option", "variant", "sku"))


def _item(cells, column, options: Options, name: str, tracking: str, line_number: int) -> Item:
    own, sku = clean(cells[column["name"]]), clean(cells[column["sku"]])
    if not (own or sku):
        raise BadValue(_now("The row has no name and no SKU"))
    visible = clean(cells[column["visible"]])

    def amount(field: str) -> int | None:
        return base.price(cells[column[field]], options.minor(column[field], options.currency))

    return Item(
        sku=sku, name=own if own and "=" not in own else name, category=clean(cells[column["category"]]).split(";")[0],
        price_minor=amount("price"), cost_minor=amount("cost"), currency=options.currency,
        is_active=True if base.is_yes(visible) else False if base.is_no(visible) else None, line_number=line_number,
        stock=base.stock(cells, column["stock"], options) if _is_counted(cells[column["type"]], tracking) else None,
    )  # fmt: skip
