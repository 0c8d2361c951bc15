"""Taobao's and Tmall's report of orders (ExportOrderList): one row per order, what was paid, no prices of products.

The report of products (taobao_items) knows the same orders; whichever comes first, the other adds to it.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _china, _taobao, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Purchase, clean
from crm.orders.purchases import HEAD

SLUG = "taobao_orders"
LABEL = _("Taobao and Tmall orders (订单)")
KIND = base.ORDERS
SOURCE = _taobao.SOURCE

_ALIASES = {
    **_taobao.PERSON, **_taobao.ORDER,
    "number": ["订单编号"], "goods": ["买家应付货款"], "shipping": ["买家应付邮费"], "total": ["总金额"],
    "received": ["买家实际支付金额", "买家实付金额", "支付金额"], "items": ["宝贝标题", "商品标题"],
    "kinds": ["宝贝种类"], "pieces": ["宝贝总数量"], "note": ["买家留言", "订单备注"], "reason": ["订单关闭原因"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if "订单编号" not in header or header.find("买家应付货款", "买家实际支付金额", "买家实付金额") is None:
        return 0.0
    if "购买数量" in header or "子订单编号" in header:
        return 0.0  # the report of products
    return 0.75 + 0.2 * header.share(["总金额", "订单状态", "订单创建时间", "收货地址"])


def needs(header: Header, mapping) -> Needs:
    amounts = ("买家应付货款", "总金额", "买家实际支付金额", "买家应付邮费", "退款金额")
    return Needs(
        order_key=base.KeyIn(header.index["订单编号"]),
        amounts=tuple(header.index[name] for name in amounts if name in header),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=(), telling="number")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    was_paid = _taobao.was_paid(cells, column)
    total = _total(cells, column, options, was_paid)
    shipping = _china.minor(options, cells, column["shipping"])
    return _china.purchase(
        source=SOURCE,
        number=base.order_number(cells[column["number"]]),
        placed=_china.placed_at(cells, column["placed"], column["paid"]),
        total_minor=total,
        word=clean(cells[column["status"]]),
        refunded_minor=_taobao.refunded(options, cells, column),
        was_paid=was_paid,
        shipping_minor=shipping,
        channel=_china.told(cells[column["channel"]]),
        note=_china.told(cells[column["note"]]),
        lines=_china.packed(
            cells[column["items"]],
            kinds=cells[column["kinds"]],
            pieces=cells[column["pieces"]],
            total_minor=max(total - shipping, 0),
        ),
        tells=HEAD,
        person=_taobao.person(cells, column, rows[0][0]),
        line_number=rows[0][0],
    )


def _total(cells, column, options: Options, was_paid: bool) -> int:
    """Return what was paid; of an order that was not, what it came to."""
    received = _china.minor(options, cells, column["received"]) if _china.told(cells[column["received"]]) else None
    if received or (received is not None and was_paid and not _china.is_cancelled(cells[column["status"]])):
        return received
    if _china.told(cells[column["total"]]):
        return _china.minor(options, cells, column["total"])
    if _china.told(cells[column["goods"]]):
        return _china.minor(options, cells, column["goods"]) + _china.minor(options, cells, column["shipping"])
    if received is None:
        raise BadValue(_("The order has no total"))
    return received
