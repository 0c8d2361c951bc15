"""What the Chinese platforms share: the words of a status, masked buyers, addresses in one cell."""

import datetime as dt

import pytest

from crm.imports.formats import _china


@pytest.mark.parametrize(
    ("word", "payment", "is_cancelled"),
    [
        ("交易成功", "paid", False),
        ("卖家已发货，等待买家确认", "paid", False),
        ("买家已付款，等待卖家发货", "paid", False),
        ("等待买家付款", "unpaid", False),
        ("待付款", "unpaid", False),
        ("未付款", "unpaid", False),
        ("定金已付，等待付尾款", "partly_paid", False),
        ("交易关闭", "unpaid", True),
        ("已取消，退款成功", "refunded", True),
        ("已发货，退款成功", "refunded", False),
        ("部分退款成功", "partly_refunded", False),
        ("(删除)等待付款", "unpaid", True),
        ("等待出库", "paid", False),
        ("完成", "paid", False),
        ("待发货", "paid", False),
        ("已收货", "paid", False),
        ("", "paid", False),
        ("会员专享", "unknown", False),
    ],
)
def test_words_of_a_status(word, payment, is_cancelled):
    assert (_china.payment_of(word), _china.is_cancelled(word)) == (payment, is_cancelled)


@pytest.mark.parametrize("word", ["无售后或售后取消", "退款中", "售后处理中", "部分退款", ""])
def test_a_refund_that_was_not_made_is_none(word):
    assert not _china.is_refunded(word)


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("13900139000", "13900139000"),
        ("'13900139000", "13900139000"),
        ('="13900139000"', "13900139000"),
        ("\t86-13900139000", "13900139000"),
        ("+86 139 0013 9000", "13900139000"),
        ("13900139000.0", "13900139000"),
        ("0755-12345678", "0755-12345678"),
        ("138****1234", ""),
        ("1******6198", ""),
        ("##SGVsbG8gd29ybGQ##", ""),
        ("$$密文$$", ""),
        ("18412345678-2071", ""),
        ("17012345678转4455", ""),
        ("1.39001E+10", ""),
        ("-", ""),
        ("无", ""),
        ("", ""),
    ],
)
def test_a_phone_is_whole_and_the_buyers_own(text, phone):
    assert _china.phone(text) == phone


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("广东省 深圳市 福田区 某街道123号(518000)", ("广东省", "深圳市", "福田区 某街道123号", "518000")),
        ("广东深圳市福田区示例街道1号", ("广东", "深圳市", "福田区示例街道1号", "")),
        ("北京市朝阳区建国路88号", ("北京市", "北京市", "朝阳区建国路88号", "")),
        ("内蒙古自治区 锡林郭勒盟 多伦县 1号(000000)", ("内蒙古自治区", "锡林郭勒盟", "多伦县 1号", "")),
        ("上海市 浦东新区 农贸市场路3号", ("上海市", "上海市", "浦东新区 农贸市场路3号", "")),
        ("广东省 深圳市 福田区****", ("广东省", "深圳市", "", "")),
        ("12 High Street", ("", "", "12 High Street", "")),
        ("", ("", "", "", "")),
    ],
)
def test_an_address_in_one_cell(text, parts):
    assert _china.address(text) == parts


class TestPerson:
    def person(self, **said):
        return _china.person("jd", line_number=2, **said)

    @pytest.mark.parametrize(
        "said",
        [
            {"name": "张**", "phones": ("138****1234",), "place": "广东省深圳市福田区某街道1号"},
            {"name": "张三", "phones": ("138****1234",), "place": "广东省深圳市福田区****"},
            {"name": "张三", "phones": ("18412345678-2071",)},
            {"key": "t**3", "name": "", "phones": ("",)},
            {"key": "1.23457E+17"},
        ],
    )
    def test_nobody_where_the_file_hides_who(self, said):
        assert self.person(**said) is None

    def test_a_masked_name_beside_an_account_stays_out(self):
        person = self.person(key="tea_lover", name="张**", nickname="tea_lover", phones=("138****1234",))
        assert (person.key, person.name, person.phone) == ("tea_lover", "tea_lover", "")

    def test_one_name_at_one_address_is_one_person_and_another_is_not(self):
        place = "广东深圳市福田区示例街道1号"
        first, again = (self.person(name="陈静", phones=("1******6198",), place=place) for _time in range(2))
        other_name = self.person(name="赵磊", place=place)
        other_place = self.person(name="陈静", place="广东深圳市福田区示例街道2号")
        assert first.key == again.key
        assert len({first.key, other_name.key, other_place.key}) == 3

    def test_hong_kong_has_its_own_calling_code(self):
        assert self.person(key="a", place="香港特别行政区 中西区 1号").country == "HK"


def test_a_time_without_a_zone_is_beijings():
    assert _china.read_moment("2026/5/23 22:02") == dt.datetime(2026, 5, 23, 14, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("names", "kinds", "pieces", "lines"),
    [
        ("茶", "1", "3", [("茶", 3, 3000)]),
        ("茶x2", "1", "", [("茶", 2, 4500)]),
        ("茶 60粒*1瓶", "1", "", [("茶 60粒*1瓶", 1, 9000)]),
        ("大红袍 8克*12", "1", "", [("大红袍 8克*12", 1, 9000)]),
        ("大红袍x2", "1", "1", [("大红袍x2", 1, 9000)]),
        ("茶(2件);壶", "2", "", [("茶", 2, 0), ("壶", 1, 0)]),
        ("茶，大红袍，壶", "2", "", []),
        ("茶", "1", "9" * 30, [("茶", 1, 9000)]),
        ("-", "1", "", []),
    ],
)
def test_products_in_one_cell(names, kinds, pieces, lines):
    found = _china.packed(names, kinds=kinds, pieces=pieces, total_minor=9000)
    assert [(line.name, line.quantity, line.unit_price_minor) for line in found] == lines


def test_masked_in_any_table_is_nobody(parse):
    rows = "9001,2024-05-13,张**,138****1234,5.00\n9002,2024-05-13,张**,,5.00\n9003,2024-05-13,张三,13900139000,5.00\n"
    orders = parse("订单号,日期,姓名,手机号,金额\n" + rows, currency="CNY")
    assert [order.person and (order.person.name, order.person.phone) for order in orders] == [
        None,
        None,
        ("张三", "13900139000"),
    ]
