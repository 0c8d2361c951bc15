import datetime as dt

import pytest

from crm.contacts.models import Contact

from .sheets import sheet

ORDERS = (
    "订单号,销售渠道,订单状态,买家付款时间,交易成功时间,商品金额合计,运费,店铺优惠合计,应收订单金额,订单实付金额,全部商品名称,商品种类数,"
    "收货人/提货人,收货人手机号/提货人手机号,收货人省份,收货人城市,详细收货地址/提货地址,买家备注,买家昵称,买家手机号,分销员,订单退款状态,"
    "订单已退款金额,分销员"
)
ORDER = {
    "订单号": "\tE20260701001", "销售渠道": "微信小程序", "订单状态": "交易完成", "买家付款时间": "2026-07-01 10:00:00", "运费": "10.00",
    "应收订单金额": "199.00", "订单实付金额": "199.00", "全部商品名称": "蛋糕", "商品种类数": "1", "收货人/提货人": "张三",
    "收货人手机号/提货人手机号": "13900001111", "收货人省份": "广东省", "收货人城市": "深圳市",
    "详细收货地址/提货地址": "广东省深圳市南山区某路1号", "买家昵称": "user_abc", "买家手机号": "13900001111", "订单已退款金额": "0.00",
}  # fmt: skip
CUSTOMERS = (
    "客户姓名,客户昵称,客户手机号,客户生日,客户性别,标签,是否会员,成长值,客户积分,客户储值余额,消费次数,消费金额,成为客户时间,"
)
CUSTOMER = {
    "客户姓名": "张三", "客户昵称": "三", "客户手机号": "13900139000", "客户生日": "1990-02-03", "客户性别": "男", "标签": "熟客,会员",
    "客户积分": "200", "客户储值余额": " ", "成为客户时间": "2024-01-01 10:00:00",
}  # fmt: skip


def test_an_order(parse):
    (order,) = parse(sheet(ORDERS, ORDER))
    assert (order.number, order.currency, order.total_minor, order.shipping_minor) == ("E20260701001", "CNY", 19900, 1000)
    assert order.placed_at == dt.datetime(2026, 7, 1, 2, tzinfo=dt.UTC)
    assert [(line.name, line.total_minor) for line in order.lines] == [("蛋糕", 18900)]
    assert (order.person.name, order.person.phone, order.person.street) == ("张三", "13900001111", "南山区某路1号")


def test_a_present_is_the_buyers(parse):
    (order,) = parse(sheet(ORDERS, {**ORDER, "买家手机号": "13900009999"}))
    assert (order.person.name, order.person.phone, order.person.street) == ("user_abc", "13900009999", "")


@pytest.mark.parametrize(
    ("changes", "payment", "total", "refunded"),
    [
        ({"订单已退款金额": "19.00"}, "partly_refunded", 19900, 1900),
        ({"订单退款状态": "退款成功"}, "refunded", 19900, 19900),
        ({"订单状态": "待付款", "订单实付金额": "0.00", "买家付款时间": "", "交易成功时间": "2026-07-01"}, "unpaid", 19900, 0),
        ({"订单实付金额": "0.00"}, "paid", 0, 0),
    ],
)
def test_what_was_paid_and_given_back(parse, changes, payment, total, refunded):
    (order,) = parse(sheet(ORDERS, {**ORDER, **changes}))
    assert (order.payment, order.total_minor, order.refunded_minor) == (payment, total, refunded)


def test_a_masked_buyer_is_nobody(parse):
    masked = {"收货人/提货人": "张**", "收货人手机号/提货人手机号": "139****1111", "买家手机号": "", "详细收货地址/提货地址": "广东省深圳市****"}
    assert [order.person for order in parse(sheet(ORDERS, {**ORDER, **masked}))] == [None]


def test_a_customer(parse):
    (person,) = parse(sheet(CUSTOMERS, CUSTOMER))
    assert (person.name, person.phone, person.birthday) == ("张三", "13900139000", dt.date(1990, 2, 3))
    assert (person.tags, person.extra) == (["熟客", "会员"], {"gender": "男", "points": "200"})
    assert person.joined_at == dt.datetime(2024, 1, 1, 2, tzinfo=dt.UTC)


@pytest.mark.django_db
def test_two_on_one_phone_and_two_without_stay_four(take, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    text = sheet(
        CUSTOMERS,
        CUSTOMER,
        {**CUSTOMER, "客户姓名": "李四", "客户昵称": "四"},
        {**CUSTOMER, "客户姓名": "", "客户昵称": "沙拉", "客户手机号": " "},
        {**CUSTOMER, "客户姓名": "Foo", "客户昵称": "Foo", "客户手机号": "186******05"},
    )
    assert take(text).result["contacts"] == {"created": 4, "updated": 0, "unchanged": 0}
    assert take(text).result["contacts"] == {"created": 0, "updated": 0, "unchanged": 4}
    assert list(Contact.objects.order_by("id").values_list("name", "phone_key")) == [
        ("张三", "8613900139000"),
        ("李四", "8613900139000"),
        ("沙拉", None),
        ("Foo", None),
    ]
