import datetime as dt

import pytest

from crm.imports.formats.base import BadRow

from .sheets import sheet

HEADER = (
    "订单号,商品ID,商品名称,订购数量,支付方式,下单时间,京东价,订单金额,结算金额,应付金额,订单状态,下单帐号,客户姓名,客户地址,联系电话,订单备注,"
    "运费金额,付款确认时间,货号,订单来源"
)
ROW = {
    "订单号": "\t288001", "商品ID": "1001", "商品名称": "茶 60粒", "订购数量": "2", "下单时间": "2026-01-31 08:06:59", "京东价": "100.00",
    "订单金额": "541.59（系统计算中，该值仅供参考）", "订单状态": "完成", "下单帐号": "jd_buyer", "客户姓名": "陈静",
    "客户地址": "广东深圳市福田区示例街道1号", "联系电话": "1******6198", "运费金额": "6.00", "付款确认时间": "2026-01-31 08:07:10", "货号": "TEA-60",
}  # fmt: skip
SECOND = {**ROW, "商品ID": "1002", "商品名称": "壶", "订购数量": "1", "京东价": "335.59", "货号": ""}


def test_an_order_of_two_rows_counts_its_amount_once(parse):
    (order,) = parse(sheet(HEADER, ROW, SECOND))
    assert (order.number, order.currency, order.total_minor, order.shipping_minor) == ("288001", "CNY", 54159, 600)
    assert order.placed_at == dt.datetime(2026, 1, 31, 0, 6, 59, tzinfo=dt.UTC)
    assert [(line.name, line.sku, line.quantity, line.total_minor) for line in order.lines] == [
        ("茶 60粒", "TEA-60", 2, 20000),
        ("壶", "", 1, 33559),
    ]
    assert (order.person.key, order.person.name, order.person.phone) == ("jd_buyer", "陈静", "")


@pytest.mark.parametrize(
    ("word", "paid_at", "payment", "refunded", "is_cancelled"),
    [
        ("等待出库", "2026-01-31 09:00:00", "paid", 0, False),
        ("等待付款", "", "unpaid", 0, False),
        ("(删除)等待付款", "", "unpaid", 0, True),
        ("(删除)等待出库", "2026-01-31 09:00:00", "refunded", 54159, True),
    ],
)
def test_words_of_a_status(parse, word, paid_at, payment, refunded, is_cancelled):
    (order,) = parse(sheet(HEADER, {**ROW, "订单状态": word, "付款确认时间": paid_at}))
    assert (order.payment, order.refunded_minor, order.cancelled_at is not None) == (payment, refunded, is_cancelled)


def test_a_file_in_gb18030(parse):
    (order,) = parse(sheet(HEADER, ROW).encode("gb18030"))
    assert order.person.city == "深圳市"


def test_no_amount_at_all_is_refused(parse):
    (row,) = parse(sheet(HEADER, {**ROW, "订单金额": "-"}))
    assert isinstance(row, BadRow)
