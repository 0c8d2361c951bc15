import datetime as dt

import pytest

from crm.imports.formats.base import BadRow

from .sheets import sheet

HEADER = (
    "主订单编号,子订单编号,选购商品,商品规格,商品数量,商家编码,订单应付金额,运费,收件人,收件人手机号,详细地址,订单提交时间,商家备注,订单完成时间,"
    "订单状态,售后状态,取消原因"
)
ROW = {
    "主订单编号": "\t9001", "子订单编号": "\t9001", "选购商品": "玉肌皂", "商品数量": "2", "商家编码": "-", "订单应付金额": "29.90", "运费": "0.00",
    "收件人": "##SGVsbG8gd29ybGQ##", "收件人手机号": "$$MTM5MDAxMzkwMDA$$", "详细地址": "广东省深圳市****", "订单提交时间": "2026-05-01 09:00:00",
    "订单状态": "已发货", "售后状态": "-",
}  # fmt: skip
SECOND = {**ROW, "子订单编号": "\t9002", "选购商品": "面膜", "商品数量": "1", "订单应付金额": "49.90"}


def test_sub_orders_add_up_and_encrypted_buyers_are_nobody(parse):
    (order,) = parse("\ufeff" + sheet(HEADER, ROW, SECOND))
    assert (order.number, order.total_minor, order.payment, order.person) == ("9001", 7980, "paid", None)
    assert order.placed_at == dt.datetime(2026, 5, 1, 1, tzinfo=dt.UTC)
    assert [(line.name, line.sku, line.quantity, line.total_minor) for line in order.lines] == [
        ("玉肌皂", "", 2, 2990),
        ("面膜", "", 1, 4990),
    ]


@pytest.mark.parametrize(
    ("first", "second", "payment", "refunded", "is_cancelled"),
    [
        ({"售后状态": "退款成功"}, {}, "partly_refunded", 2990, False),
        ({"订单状态": "已关闭", "售后状态": "退款成功"}, {}, "partly_refunded", 2990, False),
        ({"订单状态": "已关闭"}, {"订单状态": "已关闭"}, "unpaid", 0, True),
        ({"订单状态": "已关闭", "售后状态": "退款成功"}, {"订单状态": "已关闭", "售后状态": "退款成功"}, "refunded", 7980, True),
        ({"订单状态": "待支付"}, {"订单状态": "待支付"}, "unpaid", 0, False),
    ],
)
def test_words_of_a_status(parse, first, second, payment, refunded, is_cancelled):
    (order,) = parse(sheet(HEADER, {**ROW, **first}, {**SECOND, **second}))
    assert (order.payment, order.refunded_minor, order.cancelled_at is not None) == (payment, refunded, is_cancelled)


def test_the_same_sub_order_twice_is_one(parse):
    (order,) = parse(sheet(HEADER, ROW, ROW))
    assert order.total_minor == 2990


def test_products_joined_in_one_cell(parse):
    (order,) = parse(sheet(HEADER, {**ROW, "选购商品": "玉肌皂;面膜"}))
    assert [(line.name, line.quantity) for line in order.lines] == [("玉肌皂", 1), ("面膜", 1)]


def test_a_buyer_who_is_written_out(parse):
    told = {"收件人": "张三", "收件人手机号": "13900139000", "详细地址": "广东省深圳市福田区1号"}
    (order,) = parse(sheet(HEADER, {**ROW, **told}))
    assert (order.person.name, order.person.phone, order.person.city) == ("张三", "13900139000", "深圳市")


def test_without_a_date_there_is_no_order(parse):
    (row,) = parse(sheet(HEADER.replace("订单提交时间,", "").replace("订单完成时间,", ""), ROW))
    assert (isinstance(row, BadRow), row.reason.startswith("The row has no date")) == (True, True)
