"""Pinduoduo (拼多多) orders: one product per order. The usual template names no buyer at all.

What the buyer paid is the total; where the file has only what the shop received, that is. A number such as
260517-607198974342268 begins with the day, which stands in where no time is written.
"""

import datetime as dt
import re

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _china, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Purchase, PurchaseLine, clean

SLUG = "pinduoduo_orders"
LABEL = _("Pinduoduo orders (拼多多)")
KIND = base.ORDERS
SOURCE = "pinduoduo"

_ALIASES = {
    "number": ["订单号"], "status": ["订单状态"], "after": ["售后状态"],
    "placed": ["订单成交时间", "成交时间", "拼单成功时间", "下单时间"], "paid": ["支付时间"],
    "total": ["用户实付金额(元)", "用户实付金额"], "total2": ["商家实收金额(元)", "商家实收金额"],
    "goods": ["商品总价(元)", "商品总价"], "shipping": ["邮费(元)", "邮费"], "discount": ["店铺优惠折扣(元)"],
    "discount2": ["平台优惠折扣(元)"], "discount3": ["多多支付立减金额(元)"],
    "item": ["商品", "商品名称"], "kind": ["商品规格"], "sku": ["商家编码-规格维度", "商家编码-商品维度"],
    "sku2": ["样式id", "商品id"], "quantity": ["商品数量(件)", "商品数量"], "note": ["买家留言", "商家备注"],
    "name": ["收货人", "收件人", "收货人姓名"], "phone": ["手机", "收货人手机", "手机号", "收件人手机", "联系电话"],
    "region": ["省"], "city": ["市"], "district": ["区"], "address": ["详细地址", "收货地址", "街道"],
}  # fmt: skip
_AMOUNTS = ("total", "total2", "goods", "shipping", "discount")
_OF_THE_LINE = {"item", "kind", "sku", "sku2", "quantity", "goods"}
_DAY = re.compile(r"(\d\d)(\d\d)(\d\d)-\d{9,}")


def sniff(header: Header) -> float:
    has_amount = header.find(*_ALIASES["total"][:1], *_ALIASES["total2"][:1], *_ALIASES["goods"][:1]) is not None
    if "订单号" not in header or not has_amount or header.find("商品数量(件)", "商家编码-规格维度", "样式id") is None:
        return 0.0
    return 0.75 + 0.2 * header.share(["订单状态", "商品id", "商品数量(件)", "商家实收金额(元)"])


def needs(header: Header, mapping) -> Needs:
    amounts = (header.find(*_ALIASES[name]) for name in _AMOUNTS)
    return Needs(
        order_key=base.KeyIn(header.index["订单号"]),
        amounts=tuple(index for index in amounts if index is not None),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=_OF_THE_LINE)


def _purchase(rows, cells, column, options: Options) -> Purchase:
    number = base.order_number(cells[column["number"]])
    total, shipping = _total(rows, cells, column, options), _china.minor(options, cells, column["shipping"])
    paid = _china.told(cells[column["paid"]])
    discounts = (_china.minor(options, cells, column[name]) for name in ("discount", "discount2", "discount3"))
    word, after = clean(cells[column["status"]]), clean(cells[column["after"]])
    return _china.purchase(
        source=SOURCE,
        number=number,
        placed=_placed_at(cells, column, number),
        total_minor=total,
        word=word,
        refunded_minor=total if _china.is_refunded(after) else 0,
        was_paid=bool(paid),
        discount_minor=sum(map(abs, discounts)),
        shipping_minor=shipping,
        note=_china.told(cells[column["note"]]),
        lines=_lines(rows, column, options, goods=max(total - shipping, 0)),
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


def _total(rows, cells, column, options: Options) -> int:
    for name in ("total", "total2"):
        if _china.told(cells[column[name]]):
            return _china.minor(options, cells, column[name])
    if not _china.told(cells[column["goods"]]):
        raise BadValue(_("The order has no total"))
    options.warn("no_total_column", rows[0][0])
    goods = sum(_china.minor(options, row, column["goods"]) for _number, row in rows)
    return goods + _china.minor(options, cells, column["shipping"])


def _placed_at(cells, column, number: str) -> dt.datetime:
    times = column["placed"], column["paid"]
    day = _DAY.fullmatch(number)
    if day and not any(_china.told(cells[index]) for index in times):
        return _china.read_moment(f"20{day[1]}-{day[2]}-{day[3]}")
    return _china.placed_at(cells, *times)


def _lines(rows, column, options: Options, *, goods: int) -> list[PurchaseLine]:
    lines = []
    for _number, cells in rows:
        name = _china.product_name(cells[column["item"]], cells[column["kind"]])
        sku = _china.told(cells[column["sku"]]) or _china.told(cells[column["sku2"]])
        if not name and not sku:
            continue
        many = options.quantity(column["quantity"])(clean(cells[column["quantity"]]))
        stated = _china.told(cells[column["goods"]])
        total = _china.minor(options, cells, column["goods"]) if stated else goods if len(rows) == 1 else 0
        lines.append(PurchaseLine(name, sku, many, round(total / many) if many else 0, total))
    return lines
