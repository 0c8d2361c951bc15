"""Douyin shop (抖店) orders: one row per sub-order, amounts per row; names and phones are mostly encrypted.

One variant joins the products of an order in one cell with semicolons. "-" means empty.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _china, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Purchase, PurchaseLine, clean

SLUG = "douyin_orders"
LABEL = _("Douyin shop orders (抖店)")
KIND = base.ORDERS
SOURCE = "douyin"

_ALIASES = {
    "number": ["主订单编号"], "line": ["子订单编号"], "item": ["选购商品", "商品名称"], "kind": ["商品规格"],
    "quantity": ["商品数量"], "sku": ["商家编码", "商品id"], "total": ["订单应付金额"], "goods": ["商品金额"],
    "shipping": ["运费"], "name": ["收件人", "收货人"], "phone": ["收件人手机号", "收货人手机号"],
    "address": ["详细地址", "收货地址"], "region": ["省"], "city": ["市"], "district": ["区"],
    "placed": ["订单提交时间", "下单时间"], "paid": ["支付完成时间", "支付时间"], "done": ["订单完成时间"],
    "status": ["订单状态"], "after": ["售后状态"], "channel": ["app渠道", "订单来源"], "note": ["买家留言", "商家备注"],
}  # fmt: skip
_OF_THE_LINE = {"line", "item", "kind", "quantity", "sku", "total", "goods", "shipping", "status", "after"}


def sniff(header: Header) -> float:
    if not {"主订单编号", "子订单编号", "订单应付金额"} <= header.index.keys():
        return 0.0
    return 0.75 + 0.2 * header.share(["选购商品", "订单状态", "售后状态", "订单提交时间"])


def needs(header: Header, mapping) -> Needs:
    return Needs(
        order_key=base.KeyIn(header.index["主订单编号"]),
        amounts=tuple(header.index[name] for name in ("订单应付金额", "商品金额", "运费") if name in header),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE, telling="line")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    amounts = [_china.minor(options, row, column["total"]) for _number, row in rows]
    if not any(_china.told(row[column["total"]]) for _number, row in rows):
        raise BadValue(_("The order has no total"))
    words = [clean(row[column["status"]]) for _number, row in rows]
    still_open = [word for word in words if not _china.is_cancelled(word)]
    back = [_china.is_refunded(clean(row[column["after"]])) for _number, row in rows]
    if still_open:  # a part that was closed while the rest went on had been paid
        back = [gone or _china.is_cancelled(word) for gone, word in zip(back, words)]
    return _china.purchase(
        source=SOURCE,
        number=base.order_number(cells[column["number"]]),
        placed=_china.placed_at(cells, column["placed"], column["paid"], column["done"]),
        total_minor=sum(amounts),
        word=(still_open or words)[0],
        refunded_minor=sum(amount for amount, gone in zip(amounts, back) if gone),
        was_paid=any(_china.told(cells[column[name]]) for name in ("paid", "done")),
        shipping_minor=sum(_china.minor(options, row, column["shipping"]) for _number, row in rows),
        channel=_china.told(cells[column["channel"]]),
        note=_china.told(cells[column["note"]]),
        lines=[line for (_number, row), amount in zip(rows, amounts) for line in _lines(row, column, options, amount)],
        person=_china.person(
            SOURCE,
            name=cells[column["name"]],
            phones=(cells[column["phone"]],),
            place=cells[column["address"]],
            region=cells[column["region"]],
            city=cells[column["city"]],
            district=cells[column["district"]],
            line_number=rows[0][0],
        ),
        line_number=rows[0][0],
    )


def _lines(cells, column, options: Options, amount: int) -> list[PurchaseLine]:
    goods = amount - _china.minor(options, cells, column["shipping"])
    sku, names = _china.told(cells[column["sku"]]), _china.told(cells[column["item"]])
    joined = sum(bool(part.strip()) for part in names.replace("；", ";").split(";"))
    if joined > 1:
        return _china.packed(names.replace("；", ";"), kinds=str(joined), total_minor=goods)
    name = _china.product_name(names, cells[column["kind"]])
    if not name and not sku:
        return []
    many = options.quantity(column["quantity"])(_china.told(cells[column["quantity"]]))
    return [PurchaseLine(name, sku, many, round(goods / many) if many else 0, goods)]
