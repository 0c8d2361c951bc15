"""JD (京东) orders: one row per item, the amount of the order repeated on each.

The buyer is the account that ordered; phones are masked, so without it a name at an address is the buyer.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _china, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Purchase, PurchaseLine, clean

SLUG = "jd_orders"
LABEL = _("JD orders (京东)")
KIND = base.ORDERS
SOURCE = "jd"

_ALIASES = {
    "number": ["订单号", "订单编号"], "item": ["商品名称"], "sku": ["货号", "商品id", "商品编号"],
    "quantity": ["订购数量", "商品数量", "数量"], "price": ["京东价", "商品单价"], "placed": ["下单时间"],
    "paid": ["付款确认时间", "付款时间"], "total": ["订单金额"], "total2": ["应付金额"], "total3": ["结算金额"],
    "shipping": ["运费金额", "运费"], "status": ["订单状态"], "refunded": ["退款金额"],
    "channel": ["订单渠道", "订单来源"], "note": ["订单备注"], "account": ["下单帐号", "下单账号"],
    "name": ["客户姓名", "收货人姓名", "收货人"], "address": ["客户地址", "收货地址"], "phone": ["联系电话", "手机号"],
}  # fmt: skip
_OF_THE_LINE = {"item", "sku", "quantity", "price"}


def sniff(header: Header) -> float:
    if "下单时间" not in header or header.find("订单号", "订单编号") is None or "订单金额" not in header:
        return 0.0
    if header.find("京东价", "下单帐号", "下单账号", "商家应收", "结算金额") is None:
        return 0.0
    return 0.75 + 0.2 * header.share(["订购数量", "京东价", "商品名称", "客户姓名", "订单状态"])


def needs(header: Header, mapping) -> Needs:
    amounts = ("订单金额", "京东价", "应付金额", "结算金额")
    return Needs(
        order_key=base.KeyIn(header.find("订单号", "订单编号")),
        amounts=tuple(header.index[name] for name in amounts if name in header),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    stated = next((column[name] for name in ("total", "total2", "total3") if _china.told(cells[column[name]])), None)
    if stated is None:
        raise BadValue(_("The order has no total"))
    return _china.purchase(
        source=SOURCE,
        number=base.order_number(cells[column["number"]]),
        placed=_china.placed_at(cells, column["placed"], column["paid"]),
        total_minor=_china.minor(options, cells, stated),
        word=clean(cells[column["status"]]),
        refunded_minor=abs(_china.minor(options, cells, column["refunded"])),
        was_paid=bool(_china.told(cells[column["paid"]])),
        shipping_minor=_china.minor(options, cells, column["shipping"]),
        channel=_china.told(cells[column["channel"]]),
        note=_china.told(cells[column["note"]]),
        lines=[_line(row, column, options) for _number, row in rows if clean(row[column["item"]])],
        person=_china.person(
            SOURCE,
            key=cells[column["account"]],
            name=cells[column["name"]],
            phones=(cells[column["phone"]],),
            place=cells[column["address"]],
            line_number=rows[0][0],
        ),
        line_number=rows[0][0],
    )


def _line(cells, column, options: Options) -> PurchaseLine:
    many = options.quantity(column["quantity"])(clean(cells[column["quantity"]]))
    unit = _china.minor(options, cells, column["price"])
    return PurchaseLine(clean(cells[column["item"]]), clean(cells[column["sku"]]), many, unit, round(unit * many))
