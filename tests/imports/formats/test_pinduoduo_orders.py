import datetime as dt

import pytest

from .sheets import sheet

HEADER = (
    "订单成交时间,商品,订单号,订单状态,商品总价(元),邮费(元),店铺优惠折扣(元),平台优惠折扣(元),多多支付立减金额(元),用户实付金额(元),"
    "商家实收金额(元),商品数量(件),商品id,商品规格,样式ID,商家编码-规格维度,商家备注,售后状态"
)
ROW = {
    "订单成交时间": "2026-05-17 20:15:00", "商品": "纸巾", "订单号": "260517-607198974342268", "订单状态": "已收货", "商品总价(元)": "40.00",
    "邮费(元)": "5.00", "店铺优惠折扣(元)": "3.00", "平台优惠折扣(元)": "2.00", "用户实付金额(元)": "40.00", "商家实收金额(元)": "42.00",
    "商品数量(件)": "2", "商品id": "1001", "商品规格": "10包", "样式ID": "77", "商家编码-规格维度": "ZJ10", "售后状态": "无售后或售后取消",
}  # fmt: skip


def test_an_order_names_no_buyer(parse):
    (order,) = parse("\ufeff" + sheet(HEADER, ROW))
    assert (order.number, order.total_minor, order.shipping_minor, order.discount_minor) == (ROW["订单号"], 4000, 500, 500)
    assert (order.payment, order.person, order.refunded_minor) == ("paid", None, 0)
    assert [(line.name, line.sku, line.quantity, line.total_minor) for line in order.lines] == [
        ("纸巾 - 10包", "ZJ10", 2, 4000)
    ]


def test_the_number_tells_the_day_where_no_time_does(parse):
    (order,) = parse(sheet(HEADER, {**ROW, "订单成交时间": ""}))
    assert order.placed_at == dt.datetime(2026, 5, 16, 16, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("changes", "payment", "refunded", "is_cancelled"),
    [
        ({"订单状态": "已取消，退款成功"}, "refunded", 4000, True),
        ({"售后状态": "退款成功"}, "refunded", 4000, False),
        ({"订单状态": "待付款"}, "unpaid", 0, False),
        ({"订单状态": "已发货，待收货"}, "paid", 0, False),
    ],
)
def test_words_of_a_status(parse, changes, payment, refunded, is_cancelled):
    (order,) = parse(sheet(HEADER, {**ROW, **changes}))
    assert (order.payment, order.refunded_minor, order.cancelled_at is not None) == (payment, refunded, is_cancelled)


def test_what_the_shop_received_stands_in_for_what_was_paid(parse):
    (order,) = parse(sheet(HEADER.replace("用户实付金额(元),", ""), ROW))
    assert order.total_minor == 4200
