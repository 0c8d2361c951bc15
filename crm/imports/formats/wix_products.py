"""Wix products: a row per product and, under the same handle, one per variant; `fieldType` tells which."""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import BadValue, Header, Item, Needs, Options, clean

SLUG = "wix_products"
LABEL = _("Wix products")
KIND = base.PRODUCTS
SOURCE = "wix"

_ALIASES = {
    "handle": ["handle", "handleid"], "type": ["fieldtype"], "name": ["name"], "price": ["price"], "cost": ["cost"],
    "sku": ["sku"], "visible": ["visible"], "category": ["collection", "categories"], "stock": ["inventory"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if "fieldtype" not in header or header.find("handle", "handleid") is None:
        return 0.0
    return 0.75 + 0.2 * header.share(["name", "price", "visible", "sku", "inventory"])


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.find("handle", "handleid")),
        amounts=tuple(header.index[name] for name in ("price", "cost") if name in header),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    for group in groups:
        parent = next((row for _line, row in group if not _is_variant(row, column)), group[0][1])
        several = any(_is_variant(row, column) for _line, row in group)
        of_all, reason, came = [], "", False
        for line_number, cells in group:
            if several and not _is_variant(cells, column) and not clean(cells[column["sku"]]):
                of_all.append((line_number, cells))  # its variants are what is sold
                continue
            try:
                yield _item(cells, parent, column, options, line_number)
                came = True
            except BadValue as error:
                reason = str(error)
                yield from base.bad([(line_number, cells)], error)
        if not came:
            yield from base.bad(of_all, reason)


def _is_variant(cells, column) -> bool:
    return clean(cells[column["type"]]).casefold() == "variant"


def _item(cells, parent, column, options: Options, line_number: int) -> Item:
    name, sku = clean(parent[column["name"]]), clean(cells[column["sku"]])
    if not (name or sku):
        raise BadValue(_now("The row has no name and no SKU"))

    def amount(field: str) -> int | None:
        said = cells[column[field]].strip() or parent[column[field]]
        return base.price(said, options.minor(column[field], options.currency))

    is_sold_out = clean(cells[column["stock"]]).casefold() == "outofstock"
    visible = clean(cells[column["visible"]]) or clean(parent[column["visible"]])
    return Item(
        sku=sku, name=name, category=clean(parent[column["category"]]).split(";")[0], price_minor=amount("price"),
        cost_minor=amount("cost"), currency=options.currency,
        is_active=True if base.is_yes(visible) else False if base.is_no(visible) else None, line_number=line_number,
        stock=0 if is_sold_out else base.stock(cells, column["stock"], options),
    )  # fmt: skip
