"""WooCommerce's own report of orders (Analytics > Orders): no buyer that could be told apart, and net sales only.

A refund is a row of its own with the number of its order and a negative amount, net as well; one of shipping alone has
none. What an export of a plugin told about an order is never replaced by what this report says.
"""

import re

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import refunds_of, refunds_of_older
from crm.imports.formats._woocommerce import SOURCE, is_cancelled, payment_of
from crm.imports.formats.base import Addition, BadValue, Header, Needs, Options, Purchase, PurchaseLine, clean
from crm.orders.purchases import NET_REFUNDS, REPORT

SLUG = "woocommerce_analytics"
LABEL = _("WooCommerce orders (Analytics report)")
KIND = base.ORDERS

_ALIASES = {
    "number": ["order #", "order number"], "placed": ["date"], "status": ["status"], "net": ["net sales"],
    "shown": ["n. revenue (formatted)", "n. revenue"], "products": ["product(s)", "products"],
    "coupons": ["coupon(s)", "coupons"], "channel": ["attribution"],
}  # fmt: skip
_COUNT = re.compile(r"(?:^|,)\s*(\d{1,6})\s*[×xX]\s+")  # 2× Hoodie, 1× Cap; names hold commas too


def sniff(header: Header) -> float:
    if not {"date", "status", "net sales"} <= header.index.keys() or header.find(*_ALIASES["products"]) is None:
        return 0.0
    if header.find(*_ALIASES["number"]) is None:
        return 0.0
    return 0.75 + 0.2 * header.share(["customer", "customer type", "items sold"])


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.find(*_ALIASES["number"])),
        amounts=(header.index["net sales"],),
        dates=(header.index["date"],),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    return base.each(groups, lambda group: _purchase(base.once(group, column["net"]), column, options))


def _purchase(rows, column, options: Options) -> Purchase | Addition:
    currency = base.currency_in(rows[0][1][column["shown"]], options.currency)
    minor = options.minor(column["net"], currency)
    number = base.order_number(rows[0][1][column["number"]])
    amounts = []
    for line_number, cells in rows:
        if not cells[column["net"]].strip():
            raise BadValue(_now("The order has no total"))
        amounts.append((line_number, cells, minor(cells[column["net"]])))
    back = [row for row in amounts if row[2] < 0]
    refunds = refunds_of(
        SOURCE, (("", -amount, base.required_moment(row[column["placed"]], options)) for _line, row, amount in back)
    )
    sales = [row for row in amounts if row[2] > 0] or [row for row in amounts if row[2] == 0 and not back]
    if not sales:
        return refunds_of_older(rows, refunds, source=SOURCE, number=number, currency=currency, tells=NET_REFUNDS)
    line_number, cells, total = sales[0]
    if any(amount != total for _line, _cells, amount in sales):
        raise BadValue(_now("Two different rows have this order number"))
    word = cells[column["status"]].strip()
    placed_at = base.required_moment(cells[column["placed"]], options)
    options.warn("net_sales_without_buyers", line_number)
    return Purchase(
        source=SOURCE, number=number, placed_at=placed_at, currency=currency, total_minor=total,
        refunded_minor=sum(amount for _key, amount, _at in refunds), refunds=refunds,
        refunded_at=max((at for _key, _amount, at in refunds), default=None),
        payment=payment_of(word), payment_word=word, cancelled_at=placed_at if is_cancelled(word) else None,
        channel=clean(cells[column["channel"]]), coupon_code=clean(cells[column["coupons"]]),
        lines=_lines(cells[column["products"]], total), line_number=line_number, tells=REPORT,
    )  # fmt: skip


def _lines(cell: str, total: int) -> list[PurchaseLine]:
    """Return the items of a cell; only an order of one item tells what it cost."""
    found = list(_COUNT.finditer(cell))
    ends = [count.start() for count in found[1:]] + [len(cell)]
    told = [(int(count[1]), clean(cell[count.end() : end])) for count, end in zip(found, ends)]
    told = [(many, name) for many, name in told if name and many]
    whole = total if len(told) == 1 else 0
    return [PurchaseLine(name, "", many, round(whole / many), whole) for many, name in told]
