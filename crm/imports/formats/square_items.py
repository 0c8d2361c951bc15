"""Square's item sales: one row per item. Where the transactions came in too, theirs are the totals and these the lines.

No column holds what was paid or given back in all: it is added up from net sales and taxes, so a tip is not in it.
Two equal rows are two pieces.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _square, base
from crm.imports.formats._marketplace import Numbers, currency_of, refunds_of_older, said
from crm.imports.formats.base import Addition, BadValue, Header, Needs, Options, Purchase, PurchaseLine
from crm.orders.purchases import LINES, NET_REFUNDS

SLUG = "square_items"
LABEL = _("Square item sales")
KIND = base.ORDERS
SOURCE = _square.SOURCE

_ALIASES = {
    **_square.WHEN_AND_WHO, "category": ["category"], "item": ["item"], "quantity": ["qty"],
    "variation": ["price point name"], "sku": ["sku"], "gross": ["gross sales"], "discount": ["discounts"],
    "net": ["net sales"], "tax": ["tax"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"date", "item", "qty", "net sales"} <= header.index.keys():
        return 0.0
    return 0.75 + 0.2 * header.share(["gross sales", "transaction id", "price point name", "event type", "time zone"])


def needs(header: Header, mapping) -> Needs:
    return _square.needs(header, _telling(header), amounts=("gross sales", "net sales", "tax"))


def _telling(header: Header) -> list[int]:
    names = ("date", "time", "item", "qty", "price point name", "sku", "gross sales", "net sales", "tax")
    return [header.index[name] for name in names if name in header]


def parse(groups, options: Options):
    column, numbers = options.columns(_ALIASES), Numbers(options, _telling(options.header))
    return base.each(groups, lambda group: _purchase(group, column, options, numbers))


def _purchase(rows, column, options: Options, numbers: Numbers) -> Purchase | Addition:
    currency = currency_of(rows[0][1][column["net"]], options.currency)

    def summed(name: str, rows) -> int:
        return sum(options.minor(column[name], currency)(row[column[name]]) for _line, row in rows)

    sale, refunds = _square.apart(rows, column, options, lambda rows: summed("net", rows) + summed("tax", rows))
    if not sale:
        number = said(rows[0][1][column["number"]])
        return refunds_of_older(rows, refunds, source=SOURCE, number=number, currency=currency, tells=NET_REFUNDS)
    line_number, cells = sale[0]
    placed_at = _square.when(cells, column, options)
    tax = summed("tax", sale)
    total = summed("net", sale) + tax
    if total < 0 and column["number"] != options.missing:
        raise BadValue(_("The order's total is negative"))
    options.warn("no_total_column", line_number)
    return Purchase(
        source=SOURCE, number=base.order_number(_square.number_of(cells, column, options, numbers, placed_at)),
        placed_at=placed_at, currency=currency, total_minor=total, kind="return" if total < 0 else "sale",
        discount_minor=abs(summed("discount", sale)), tax_minor=tax if total >= 0 else 0,
        refunded_minor=sum(amount for _key, amount, _at in refunds), refunds=refunds,
        refunded_at=max((at for _key, _amount, at in refunds), default=None),
        channel=said(cells[column["channel"]]), tells=LINES,
        lines=[_line(row, column, options, currency) for _line_number, row in sale],
        person=next(filter(None, (_square.person(row, column, line) for line, row in sale)), None),
        line_number=line_number,
    )  # fmt: skip


def _line(cells, column, options: Options, currency: str) -> PurchaseLine:
    many = options.quantity(column["quantity"])(cells[column["quantity"]])
    gross = options.minor(column["gross"], currency)(cells[column["gross"]])
    net = options.minor(column["net"], currency)(cells[column["net"]])
    return PurchaseLine(
        item_name(cells[column["item"]], cells[column["variation"]]), said(cells[column["sku"]]), many,
        round(gross / many) if many else gross, net, said(cells[column["category"]]),
    )  # fmt: skip


def item_name(item: str, variation: str) -> str:
    """Return what an item is called, with its variation where it has more than the one."""
    item, variation = said(item), said(variation)
    return f"{item} ({variation})" if variation and variation.casefold() not in ("regular", item.casefold()) else item
