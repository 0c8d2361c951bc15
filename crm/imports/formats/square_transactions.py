"""Square's transactions: one row per payment, without items, which stand in a report of their own (square_items).

What counts is `Total Collected`, tips and taxes included.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.formats import _square, base
from crm.imports.formats._marketplace import Numbers, currency_of, refunds_of_older, said
from crm.imports.formats.base import Addition, BadValue, Header, Needs, Options, Purchase
from crm.orders.purchases import HEAD

SLUG = "square_transactions"
LABEL = gettext_lazy("Square transactions")
KIND = base.ORDERS
SOURCE = _square.SOURCE

_ALIASES = {
    **_square.WHEN_AND_WHO, "total": ["total collected"], "discount": ["discounts"], "tax": ["tax"],
    "status": ["transaction status"], "note": ["description"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"date", "total collected", "net total"} <= header.index.keys():
        return 0.0
    return 0.75 + 0.2 * header.share(["transaction id", "payment id", "gross sales", "event type", "card brand"])


def needs(header: Header, mapping) -> Needs:
    return _square.needs(header, _telling(header), amounts=("total collected", "net total", "tax"))


def _telling(header: Header) -> list[int]:
    names = ("date", "time", "total collected", "net total", "tax", "card brand", "details", "description", "location")
    return [header.index[name] for name in names if name in header]


def parse(groups, options: Options):
    numbers = Numbers(options, _telling(options.header))

    def build(rows, cells, column, options):
        return _purchase(rows, column, options, numbers)

    return base.each_order(groups, options, _ALIASES, build, of_the_line=_ALIASES, telling="payment")


def _purchase(rows, column, options: Options, numbers: Numbers) -> Purchase | Addition:
    if not said(rows[0][1][column["total"]]):
        raise BadValue(_("The order has no total"))
    currency = currency_of(rows[0][1][column["total"]], options.currency)

    def summed(name: str, rows) -> int:
        return sum(options.minor(column[name], currency)(row[column[name]]) for _line, row in rows)

    sale, refunds = _square.apart(rows, column, options, lambda rows: summed("total", rows))
    if not sale:
        number = said(rows[0][1][column["number"]])
        return refunds_of_older(rows, refunds, source=SOURCE, number=number, currency=currency)
    line_number, cells = sale[0]
    placed_at = _square.when(cells, column, options)
    total = summed("total", sale)
    if total < 0 and column["number"] != options.missing:
        raise BadValue(_("The order's total is negative"))
    word = said(cells[column["status"]])
    return Purchase(
        source=SOURCE, number=base.order_number(_square.number_of(cells, column, options, numbers, placed_at)),
        placed_at=placed_at, currency=currency, total_minor=total, kind="return" if total < 0 else "sale",
        discount_minor=abs(summed("discount", sale)), tax_minor=summed("tax", sale) if total >= 0 else 0,
        refunded_minor=sum(amount for _key, amount, _at in refunds), refunds=refunds,
        refunded_at=max((at for _key, _amount, at in refunds), default=None),
        payment="paid" if word.casefold() in ("", "complete", "completed", "paid") else "unknown", payment_word=word,
        channel=said(cells[column["channel"]]), note=said(cells[column["note"]]), tells=HEAD,
        person=next(filter(None, (_square.person(row, column, line) for line, row in sale)), None),
        line_number=line_number,
    )  # fmt: skip
