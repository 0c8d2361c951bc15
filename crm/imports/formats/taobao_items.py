"""Taobao's and Tmall's report of products (宝贝, ExportOrderDetailList): one row per product of an order.

Newer reports hold dates and what was paid for each product, so that they can stand alone. Older ones have neither:
their rows add to orders the report of orders (taobao_orders) brought before.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.formats import _china, _taobao, base
from crm.imports.formats.base import Addition, Header, Needs, Options, Purchase, PurchaseLine, clean
from crm.orders.purchases import LINES

SLUG = "taobao_items"
LABEL = gettext_lazy("Taobao and Tmall order items (宝贝)")
KIND = base.ORDERS
SOURCE = _taobao.SOURCE

_NUMBER = ["主订单编号", "订单编号"]
_ALIASES = {
    **_taobao.PERSON, **_taobao.ORDER,
    "number": _NUMBER, "line": ["子订单编号"], "item": ["标题", "宝贝标题", "商品标题"], "kind": ["商品属性"],
    "price": ["价格", "商品价格"], "quantity": ["购买数量"], "sku": ["商家编码"],
    "sku2": ["外部系统编号"],
    "due": ["买家应付货款"], "received": ["买家实际支付金额", "买家实付金额"], "back": ["退款状态"], "note": ["备注"],
}  # fmt: skip
_OF_THE_LINE = {
    "line", "item", "kind", "price", "quantity", "sku", "sku2", "due", "received", "back", "refunded", "status",
}  # fmt: skip


def sniff(header: Header) -> float:
    if "购买数量" not in header or header.find(*_NUMBER) is None or header.find(*_ALIASES["item"]) is None:
        return 0.0
    return 0.75 + 0.2 * header.share(["价格", "商品属性", "外部系统编号", "商家编码", "订单状态"])


def needs(header: Header, mapping) -> Needs:
    amounts = ("价格", "买家应付货款", "买家实际支付金额", "退款金额")
    return Needs(
        order_key=base.KeyIn(header.find(*_NUMBER)),
        amounts=tuple(header.index[name] for name in amounts if name in header),
    )


def parse(groups, options: Options):
    has_line = options.header.find("子订单编号") is not None
    return base.each_order(
        groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE, telling="line" if has_line else "item"
    )


def _purchase(rows, cells, column, options: Options) -> Purchase | Addition:
    lines = [_line(row, column, options) for _number, row in rows]
    words = [clean(row[column["status"]]) for _number, row in rows]
    still_open = [word for word in words if not _china.is_cancelled(word)]
    total = sum(line.total_minor for line in lines)
    has_date = any(_china.told(cells[column[name]]) for name in ("placed", "paid"))
    purchase = _china.purchase(
        source=SOURCE,
        number=base.order_number(cells[column["number"]]),
        placed=_china.placed_at(cells, column["placed"], column["paid"]) if has_date else None,
        total_minor=total,
        word=(still_open or words)[0],
        refunded_minor=min(sum(_taobao.refunded(options, row, column) for _number, row in rows), total),
        was_paid=_taobao.was_paid(cells, column),
        channel=_china.told(cells[column["channel"]]),
        lines=lines,
        tells=LINES,
        person=_taobao.person(cells, column, rows[0][0]),
        line_number=rows[0][0],
    )
    if has_date:
        options.warn("no_total_column", rows[0][0])
        return purchase
    reason = _("Nothing here says when this was ordered: import the report of orders (订单) first, then this one again")
    return Addition(purchase, list(base.bad(rows, reason)))


def _line(cells, column, options: Options) -> PurchaseLine:
    many = options.quantity(column["quantity"])(clean(cells[column["quantity"]]))
    unit = _china.minor(options, cells, column["price"])
    stated = next((column[name] for name in ("received", "due") if _china.told(cells[column[name]])), None)
    total = round(unit * many) if stated is None else _china.minor(options, cells, stated)
    if not total and stated == column["received"] and _china.told(cells[column["due"]]):
        total = _china.minor(options, cells, column["due"])  # not paid yet
    name = _china.product_name(cells[column["item"]], cells[column["kind"]])
    sku = _china.told(cells[column["sku"]]) or _china.told(cells[column["sku2"]])
    return PurchaseLine(name, sku, many, unit, total)
