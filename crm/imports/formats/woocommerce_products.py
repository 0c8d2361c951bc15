"""WooCommerce's product exporter: a row per product and per variation, which has its parent's category."""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._woocommerce import SOURCE  # noqa: F401 - a member of every format
from crm.imports.formats.base import BadValue, Header, Item, Needs, Options, clean

SLUG = "woocommerce_products"
LABEL = _("WooCommerce products")
KIND = base.PRODUCTS

_ALIASES = {
    "id": ["id"], "type": ["type"], "sku": ["sku"], "name": ["name"], "published": ["published"],
    "sale": ["sale price"], "regular": ["regular price"], "categories": ["categories"], "parent": ["parent"],
    "cost": ["cost of goods", "cost of goods sold", "meta: wc cog cost", "meta: cogs total value"],
    "from": ["date sale price starts"], "until": ["date sale price ends"], "stock": ["stock"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"type", "sku", "name", "regular price"} <= header.index.keys():
        return 0.0
    return 0.7 + 0.25 * header.share(["published", "is featured?", "visibility in catalog", "categories", "parent"])


def needs(header: Header, mapping) -> Needs:
    amounts = [header.find(*_ALIASES[name]) for name in ("regular", "sale", "cost")]
    return Needs(amounts=tuple(index for index in amounts if index is not None))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    categories: dict[str, str] = {}  # of the products above, by id and SKU: variations have none of their own
    for group in groups:
        line_number, cells = group[0]
        try:
            item = _item(cells, column, options, line_number)
        except BadValue as error:
            yield from base.bad(group, error)
            continue
        parent = clean(cells[column["parent"]])
        if item.category:
            categories[f"id:{clean(cells[column['id']])}"] = categories[item.sku] = item.category
        elif parent:
            item.category = categories.get(parent, "")
        yield item


def _item(cells, column, options: Options, line_number: int) -> Item:
    sku, name = clean(cells[column["sku"]]), clean(cells[column["name"]])
    if not (sku or name):
        raise BadValue(_now("The row has no name and no SKU"))
    is_sale = not (cells[column["from"]].strip() or cells[column["until"]].strip())  # else it is not always the price
    price = _amount(cells, column["sale"], options) if is_sale else None
    return Item(
        sku=sku, name=name, category=_category(cells[column["categories"]]),
        price_minor=_amount(cells, column["regular"], options) if price is None else price,
        cost_minor=_amount(cells, column["cost"], options), currency=options.currency,
        is_active={"1": True, "0": False, "-1": False}.get(clean(cells[column["published"]])), line_number=line_number,
        stock=base.stock(cells, column["stock"], options),
    )  # fmt: skip


def _category(cell: str) -> str:
    r"""Return the first category's narrowest step: "Clothing > Hoodies, Sale"; a comma of a name is written "\,"."""
    first = clean(cell).replace("\\,", "\0").partition(",")[0].replace("\0", ",")
    return first.rpartition(">")[2].strip()


def _amount(cells, column: int, options: Options) -> int | None:
    return base.price(cells[column].strip(), options.minor(column, options.currency))
