"""Square's catalogue: one row per variation of an item."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.formats import _square, base
from crm.imports.formats._marketplace import amount, currency_of, said
from crm.imports.formats.base import BadValue, Header, Item, Needs, Options
from crm.imports.formats.square_items import item_name

SLUG = "square_products"
LABEL = gettext_lazy("Square items (catalogue)")
KIND = base.PRODUCTS
SOURCE = _square.SOURCE

_ALIASES = {
    "name": ["item name"], "variation": ["variation name"], "sku": ["sku"],
    "category": ["reporting category", "categories", "category"], "price": ["price"],
    "cost": ["default unit cost", "unit cost"], "archived": ["archived"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"item name", "variation name", "price"} <= header.index.keys():
        return 0.0
    return 0.65 + 0.3 * header.share(["token", "sku", "square online item visibility", "gtin"])


def needs(header: Header, mapping) -> Needs:
    return Needs(amounts=tuple(i for n in ("price", "cost") if (i := header.find(*_ALIASES[n])) is not None))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    places = [place for name, place in options.header.index.items() if name.startswith("current quantity")]
    return base.each(groups, lambda group: _item(*group[0], column, places, options))


def _item(line_number: int, cells, column, places: list[int], options: Options) -> Item:
    name, sku = item_name(cells[column["name"]], cells[column["variation"]]), said(cells[column["sku"]])
    if not said(cells[column["name"]]):
        raise BadValue(_("The row has no name of an item"))
    currency = currency_of(cells[column["price"]], options.currency)

    def money(field: str) -> int | None:
        text = amount(cells[column[field]])
        if not any(char.isdigit() for char in text):
            return None  # empty, or "variable": the till asks
        return options.minor(column[field], currency)(text)

    on_hand = [units for place in places if (units := base.stock(cells, place, options)) is not None]
    return Item(
        sku=sku, name=name, category=said(cells[column["category"]]), price_minor=money("price"),
        cost_minor=money("cost"), currency=currency, line_number=line_number,
        is_active=None if column["archived"] == options.missing else not base.is_yes(cells[column["archived"]]),
        stock=sum(on_hand) if on_hand else None,  # a column for each place of the shop
    )  # fmt: skip
