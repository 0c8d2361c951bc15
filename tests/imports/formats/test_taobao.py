"""Taobao and Tmall: the report of orders, the report of products, and both together."""

import datetime as dt

import pytest

from crm.contacts.models import Contact
from crm.imports import reading
from crm.imports.formats.base import BadRow
from crm.imports.models import Import
from crm.orders.models import Order

from .sheets import sheet

ORDERS = (
    "订单编号,买家会员名,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,买家留言,收货人姓名,收货地址,联系电话,联系手机,"
    "订单创建时间,订单付款时间,宝贝标题,宝贝种类,宝贝总数量,店铺名称,订单关闭原因,退款金额"
)
ORDER = {
    "订单编号": '="1930679858170647"', "买家会员名": "茶友", "买家应付货款": "288.00", "买家应付邮费": "10.00", "总金额": "298.00",
    "买家实际支付金额": "298.00", "订单状态": "交易成功", "收货人姓名": "张三", "联系手机": "'13900139000",
    "收货地址": "广东省 深圳市 福田区 某街道1号(518000)", "订单创建时间": "2026-05-23 22:02:00", "订单付款时间": "2026-05-23 22:03:00",
    "宝贝标题": "大红袍", "宝贝种类": "1", "宝贝总数量": "2", "店铺名称": "茶铺", "退款金额": "0.00",
}  # fmt: skip
OLD_ITEMS = "订单编号,标题,价格,购买数量,外部系统编号,商品属性,套餐信息,备注,订单状态,商家编码"
ITEMS = (
    "子订单编号,主订单编号,标题,价格,购买数量,外部系统编号,商品属性,订单状态,商家编码,买家应付货款,买家实际支付金额,退款状态,退款金额,"
    "订单创建时间,订单付款时间"
)
ITEM = {
    "子订单编号": "'701", "主订单编号": '="1930679858170647"', "标题": "大红袍 8克*12", "价格": "150.00", "购买数量": "1",
    "商品属性": "颜色:红", "订单状态": "交易成功", "商家编码": "DHP", "买家应付货款": "144.00", "买家实际支付金额": "144.00",
    "退款金额": "0", "订单创建时间": "2026-05-23 22:02:00",
}  # fmt: skip
SECOND = {**ITEM, "子订单编号": "'702", "标题": "紫砂壶", "商家编码": "ZSH", "商品属性": ""}


def test_an_order(parse):
    (order,) = parse(sheet(ORDERS, ORDER).encode("gb18030"))
    assert (order.source, order.number, order.currency) == ("taobao", "1930679858170647", "CNY")
    assert order.placed_at == dt.datetime(2026, 5, 23, 14, 2, tzinfo=dt.UTC)
    assert (order.total_minor, order.shipping_minor, order.payment, order.channel) == (29800, 1000, "paid", "茶铺")
    assert [(line.name, line.quantity, line.total_minor) for line in order.lines] == [("大红袍", 2, 28800)]
    person = order.person
    assert (person.key, person.name, person.phone, person.country) == ("茶友", "张三", "13900139000", "CN")
    assert (person.region, person.city, person.street, person.postcode) == ("广东省", "深圳市", "福田区 某街道1号", "518000")


@pytest.mark.parametrize(
    ("changes", "payment", "total", "refunded", "is_cancelled"),
    [
        ({}, "paid", 29800, 0, False),
        ({"退款金额": "50.00"}, "partly_refunded", 29800, 5000, False),
        ({"退款金额": "298.00"}, "refunded", 29800, 29800, False),
        ({"订单状态": "等待买家付款", "买家实际支付金额": "0.00", "订单付款时间": ""}, "unpaid", 29800, 0, False),
        ({"订单状态": "交易关闭", "买家实际支付金额": "0.00", "订单付款时间": ""}, "unpaid", 29800, 0, True),
        ({"订单状态": "交易关闭", "买家实际支付金额": "0.00"}, "refunded", 29800, 29800, True),
        ({"订单状态": "交易成功", "买家实际支付金额": "0.00"}, "paid", 0, 0, False),
        ({"买家实际支付金额": " ¥1,298.00 "}, "paid", 129800, 0, False),
    ],
)
def test_what_was_paid_and_given_back(parse, changes, payment, total, refunded, is_cancelled):
    (order,) = parse(sheet(ORDERS, {**ORDER, **changes}))
    assert (order.payment, order.total_minor, order.refunded_minor) == (payment, total, refunded)
    assert (order.cancelled_at is not None) == is_cancelled


def test_name_phone_and_address_in_one_cell(parse):
    changes = {"买家会员名": "", "收货人姓名": "", "联系手机": "", "收货地址": "张三，86-13900139000，广东省深圳市福田区某街道1号"}
    (order,) = parse(sheet(ORDERS, {**ORDER, **changes}))
    assert (order.person.name, order.person.phone, order.person.city) == ("张三", "13900139000", "深圳市")


def test_masked_in_one_cell_is_nobody(parse):
    changes = {"买家会员名": "茶**", "收货人姓名": "", "联系手机": "", "收货地址": "张**，86-139****9000，广东省深圳市福田区****"}
    (order,) = parse(sheet(ORDERS, {**ORDER, **changes}))
    assert order.person is None


def test_a_number_a_spreadsheet_shortened_is_refused(parse):
    (row,) = parse(sheet(ORDERS, {**ORDER, "订单编号": "1.93068E+15"}))
    assert isinstance(row, BadRow)


def test_products_with_dates_stand_alone(parse):
    (order,) = parse(sheet(ITEMS, ITEM, SECOND))
    assert (order.number, order.total_minor, order.payment) == ("1930679858170647", 28800, "paid")
    assert [(line.name, line.sku, line.unit_price_minor, line.total_minor) for line in order.lines] == [
        ("大红袍 8克*12 - 颜色:红", "DHP", 15000, 14400),
        ("紫砂壶", "ZSH", 15000, 14400),
    ]


def test_products_given_back(parse):
    (order,) = parse(sheet(ITEMS, ITEM, {**SECOND, "订单状态": "交易关闭", "退款金额": "144.00"}))
    assert (order.payment, order.payment_word, order.refunded_minor) == ("partly_refunded", "交易成功", 14400)
    assert order.cancelled_at is None


@pytest.mark.django_db
class TestBothReports:
    @pytest.fixture(autouse=True)
    def files(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path / "media"

    def in_the_books(self):
        (order,) = Order.objects.all()
        lines = list(order.lines.order_by("position").values_list("sku", "total_minor"))
        return order.total_minor, order.payment, order.contact.phone, lines

    WHOLE = (29800, "paid", "13900139000", [("DHP", 14400), ("ZSH", 14400)])

    @pytest.mark.parametrize("first", ["orders", "items"])
    def test_they_are_one_order_whichever_comes_first(self, take, first):
        texts = [sheet(ORDERS, ORDER), sheet(ITEMS, ITEM, SECOND)]
        for text in texts if first == "orders" else reversed(texts):
            take(text)
        assert self.in_the_books() == self.WHOLE
        for text in texts:
            result = take(text).result
            assert (result["orders"]["created"], result["orders"]["updated"]) == (0, 0)
        assert self.in_the_books() == self.WHOLE
        assert Contact.objects.count() == 1

    OLD = {
        "订单编号": '="1930679858170647"', "标题": "大红袍", "价格": "144.00", "购买数量": "2", "外部系统编号": "DHP",
        "订单状态": "交易成功",
    }  # fmt: skip

    def test_old_products_add_to_the_order_they_belong_to(self, take):
        text = sheet(OLD_ITEMS, self.OLD, {**self.OLD, "订单编号": "77", "标题": "紫砂壶"}, {**self.OLD, "订单编号": "77"})
        take(sheet(ORDERS, ORDER))
        result = take(text).result
        assert (result["orders"], result["rejected"]) == ({"created": 0, "updated": 1, "unchanged": 0}, 2)
        assert self.in_the_books() == (29800, "paid", "13900139000", [("DHP", 28800)])
        again = take(text).result
        assert (again["orders"], again["rejected"]) == ({"created": 0, "updated": 0, "unchanged": 1}, 2)

    def test_old_products_alone_are_set_aside_whole(self, take):
        importing = take(sheet(OLD_ITEMS, self.OLD, {**self.OLD, "标题": "紫砂壶"}))
        rows = list(importing.rejected_rows.order_by("line_number").values_list("line_number", "cells", "reason"))
        assert [(line, cells[1]) for line, cells, _reason in rows] == [(2, "大红袍"), (3, "紫砂壶")]
        assert {reason[:35] for _line, _cells, reason in rows} == {"Nothing here says when this was ord"}
        assert Order.objects.count() == 0

    def test_a_file_in_gb18030_is_not_asked_about(self, write, now, shop):
        path = write(sheet(ORDERS, ORDER), "ExportOrderList.csv", encoding="gb18030")
        importing = reading.create(path, name=path.name, options={}, now=now, state=Import.State.CHECKING)
        assert (importing.format, importing.state) == ("taobao_orders", Import.State.CHECKING)
