"""Youzan (有赞) orders: one row per order, its products in one cell. The name 分销员 stands twice in the header."""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _china, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Purchase, clean

SLUG = "youzan_orders"
LABEL = _("Youzan orders (有赞)")
KIND = base.ORDERS
SOURCE = "youzan"

_ALIASES = {
    "number": ["订单号"], "channel": ["销售渠道", "归属店铺"], "status": ["订单状态"],
    "placed": ["订单创建时间", "下单时间", "创建时间"], "paid": ["买家付款时间"], "done": ["交易成功时间"],
    "total": ["订单实付金额"], "due": ["应收订单金额"], "goods": ["商品金额合计"], "shipping": ["运费"],
    "discount": ["店铺优惠合计"], "items": ["全部商品名称"], "kinds": ["商品种类数"],
    "pieces": ["商品件数", "商品总数"],
    "refund_status": ["订单退款状态"], "refunded": ["订单已退款金额"], "coupon": ["优惠券码名称", "优惠码"],
    "name": ["收货人/提货人", "收货人"], "phone": ["收货人手机号/提货人手机号", "收货人手机号"],
    "buyer_phone": ["买家手机号"], "nickname": ["买家昵称", "买家姓名"], "region": ["收货人省份"],
    "city": ["收货人城市"], "address": ["详细收货地址/提货地址", "详细收货地址"], "note": ["买家备注", "商家订单备注"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if "订单号" not in header or header.find("订单实付金额", "应收订单金额") is None:
        return 0.0
    if header.find("收货人/提货人", "全部商品名称", "收货人手机号/提货人手机号") is None:
        return 0.0
    return 0.75 + 0.2 * header.share(["买家付款时间", "全部商品名称", "收货人/提货人", "买家昵称"])


def needs(header: Header, mapping) -> Needs:
    amounts = ("订单实付金额", "应收订单金额", "运费", "店铺优惠合计", "订单已退款金额")
    return Needs(
        order_key=base.KeyIn(header.index["订单号"]),
        amounts=tuple(header.index[name] for name in amounts if name in header),
    )


def parse(groups, options: Options):
    return base.each_order(groups, options, _ALIASES, _purchase, of_the_line=(), telling="number")


def _purchase(rows, cells, column, options: Options) -> Purchase:
    word = clean(cells[column["status"]])
    paid = _china.told(cells[column["paid"]])
    total = _total(cells, column, options, bool(paid))
    shipping = _china.minor(options, cells, column["shipping"])
    buyer, receiver = _china.phone(cells[column["buyer_phone"]]), _china.phone(cells[column["phone"]])
    is_own = not buyer or not receiver or buyer == receiver  # else it went to somebody else, as a present
    return _china.purchase(
        source=SOURCE,
        number=base.order_number(cells[column["number"]]),
        placed=_china.placed_at(cells, column["placed"], column["paid"], column["done"]),
        total_minor=total,
        word=word,
        refunded_minor=abs(_china.minor(options, cells, column["refunded"]))
        or (total if _china.is_refunded(clean(cells[column["refund_status"]])) else 0),
        was_paid=bool(paid),
        shipping_minor=shipping,
        discount_minor=abs(_china.minor(options, cells, column["discount"])),
        coupon_code=_china.told(cells[column["coupon"]]),
        channel=_china.told(cells[column["channel"]]),
        note=_china.told(cells[column["note"]]),
        lines=_china.packed(
            cells[column["items"]],
            kinds=cells[column["kinds"]],
            pieces=cells[column["pieces"]],
            total_minor=max(total - shipping, 0),
        ),
        person=_china.person(
            SOURCE,
            name=cells[column["name"]] if is_own else "",
            nickname=cells[column["nickname"]],
            phones=(buyer, receiver),
            place=cells[column["address"]] if is_own else "",
            region=cells[column["region"]] if is_own else "",
            city=cells[column["city"]] if is_own else "",
            line_number=rows[0][0],
        ),
        line_number=rows[0][0],
    )


def _total(cells, column, options: Options, was_paid: bool) -> int:
    """Return what was paid; of an order that was not, what is due."""
    paid = _china.minor(options, cells, column["total"]) if _china.told(cells[column["total"]]) else None
    if paid or (paid is not None and was_paid):
        return paid
    if not _china.told(cells[column["due"]]):
        if paid is None:
            raise BadValue(_("The order has no total"))
        return paid
    return _china.minor(options, cells, column["due"])
