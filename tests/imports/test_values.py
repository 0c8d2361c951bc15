import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crm.imports import values
from crm.imports.values import AmountEvidence, BadValue, DateEvidence, read_amount

UTC = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Ann ", "Ann"),
        ("'00100", "00100"),
        ("\t9001", "9001"),
        ('="0123"', "0123"),
        ('"123"', "123"),
        ("\ufeffName", "Name"),
        ("\u00a0Köln\u200b", "Köln"),
        ("'quoted'", "'quoted'"),
        ("rock 'n' roll", "rock 'n' roll"),
        ("", ""),
    ],
)
def test_clean(text, cleaned):
    assert values.clean(text) == cleaned


def decided(*texts):
    evidence = AmountEvidence()
    evidence.feed(texts[:1])
    evidence.feed(texts[1:])
    return evidence.decide()


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["12.50", "1,234.50"], "."),
        (["12,50", "1.234,50"], ","),
        (["29,99", "24.99"], "both"),
        (["1,234"], ""),
        (["1,234", "0.50"], "."),
        (["1.234.567"], ","),
        (["0.125"], "."),
        (["12345.678"], "."),
        (["12", "7"], ""),
        (["$1,149.00 "], "."),
        (["1 234,56 €"], ","),
        (["abc,def"], ""),
    ],
)
def test_the_decimal_mark_is_decided_by_the_column(texts, mark):
    assert decided(*texts) == mark


@pytest.mark.parametrize(
    ("text", "mark", "amount"),
    [
        ("$1,149.00 ", ".", "1149.00"),
        ("($33.62)", ".", "-33.62"),
        ("-$2.66", ".", "-2.66"),
        ("-CA$4.42", ".", "-4.42"),
        ("'-10", ".", "-10"),
        ("12.50-", ".", "-12.50"),
        ("−5.00", ".", "-5.00"),
        ("1.234,56", ",", "1234.56"),
        ("1 234,56 €", ",", "1234.56"),
        ("CHF 1'234.50", ".", "1234.50"),
        ("¥289.00", ".", "289.00"),
        (" 499.00（系统计算中，该值仅供参考）", ".", "499.00"),
        ("٢٥٠", ".", "250"),
        ("29,99", "both", "29.99"),
        ("24.99", "both", "24.99"),
        ("1,00,000.50", ".", "100000.50"),
        (".5", ".", "0.5"),
        ("2.220446e-16", ".", "0"),
    ],
)
def test_read_amount(text, mark, amount):
    assert read_amount(text, mark) == Decimal(amount)


@pytest.mark.parametrize("text", ["", " ", "--", "NaN", "n/a"])
def test_an_empty_amount_is_none(text):
    assert read_amount(text, ".") is None


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("1,234", "both"),
        ("1.234", "unknown"),
        ("1,23", "."),
        ("1.23", ","),
        ("test", "."),
        ("1.2.3", "."),
        ("12 apples", "."),
        ("9" * 30, "."),
        ("1e5", "."),
    ],
)
def test_an_amount_that_would_be_guessed_is_refused(text, mark):
    with pytest.raises(BadValue):
        read_amount(text, mark)


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [("EUR", "12.5", 1250), ("EUR", "12.505", 1250), ("JPY", "1200", 1200), ("KWD", "1.234", 1234), ("EUR", "", 0)],
)
def test_minor_units_follow_the_currency(currency, text, minor):
    assert values.minor_reader(currency, ".")(text) == minor


@pytest.mark.parametrize("text", ["10000000000.00", "999999999999.99", "10000000000", "10.000.000.000,00"])
def test_an_amount_nobody_was_ever_paid_is_refused(text):
    mark = "," if "," in text else "."
    with pytest.raises(BadValue, match="too large to be believed"):
        values.minor_reader("EUR", mark)(text)
    assert values.usual_minors([text]) is None
    assert values.minor_reader("EUR", ".")("9999999999.99") == 999_999_999_999


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01 09:58:12 +0400", "2024-05-01T05:58:12"),
        ("2021-04-07T14:45:27-03:00", "2021-04-07T17:45:27"),
        ("2024-05-01T09:58:12Z", "2024-05-01T09:58:12"),
        ("2024-05-01 09:58:12 UTC", "2024-05-01T09:58:12"),
        ("2024-05-01", "2024-05-01T00:00:00"),
        ("20240501", "2024-05-01T00:00:00"),
        ("2024/5/1 9:58", "2024-05-01T09:58:00"),
        ("16-05-2018 07:32:06", "2018-05-16T07:32:06"),
        ("31/12/2023 22:36", "2023-12-31T22:36:00"),
        ("31.12.23", "2023-12-31T00:00:00"),
        ("Jul-21-25", "2025-07-21T00:00:00"),
        ("Dec 8, 2024", "2024-12-08T00:00:00"),
        ("Sep 4, 2026 1:05:07 AM PDT", "2026-09-04T08:05:07"),
        ("31 Jan 2023 23:59", "2023-01-31T23:59:00"),
        ("4. März 2024", "2024-03-04T00:00:00"),
        ("4 de mayo de 2024", "2024-05-04T00:00:00"),
        ("2024年5月1日 09:58", "2024-05-01T09:58:00"),
        ("45384.34789", "2024-04-02T08:20:58"),
        ("1714557492", "2024-05-01T09:58:12"),
        ("'2024-05-01", "2024-05-01T00:00:00"),
    ],
)
def test_read_moment(text, moment):
    read = values.moment_reader(UTC, day_first=True)
    assert read(text) == dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)


def test_month_first_and_half_days():
    read = values.moment_reader(UTC, day_first=False)
    assert read("12/31/2023 12:05 AM") == dt.datetime(2023, 12, 31, 0, 5, tzinfo=dt.UTC)
    assert read("1/2/24 3:04 pm") == dt.datetime(2024, 1, 2, 15, 4, tzinfo=dt.UTC)


def test_a_time_without_a_zone_is_the_shops():
    read = values.moment_reader(ZoneInfo("Europe/Berlin"), day_first=True)
    assert read("2024-07-01 09:00:00") == dt.datetime(2024, 7, 1, 7, tzinfo=dt.UTC)
    assert read("2024-01-01 09:00:00") == dt.datetime(2024, 1, 1, 8, tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["", "0000-00-00 00:00:00", "--"])
def test_no_date_is_none(text):
    assert values.moment_reader(UTC, day_first=True)(text) is None


@pytest.mark.parametrize(
    "text", ["soon", "2024-02-30", "45/45/2024", "0202-01-01", "9999-12-31 23:59:59", "99999999999999"]
)
def test_a_date_we_cannot_believe_is_refused(text):
    with pytest.raises(BadValue):
        values.moment_reader(UTC, day_first=True)(text)


def test_day_and_month_are_never_guessed_per_cell():
    read = values.moment_reader(UTC, day_first=None)
    assert read("31/12/2023") == dt.datetime(2023, 12, 31, tzinfo=dt.UTC)
    assert read("05/05/2023") == dt.datetime(2023, 5, 5, tzinfo=dt.UTC)
    with pytest.raises(BadValue):
        read("03/04/2023")


@pytest.mark.parametrize(
    ("texts", "day_first"),
    [
        (["03/04/2024", "13/04/2024"], True),
        (["03/04/2024", "04/13/2024"], False),
        (["03/04/2024"], None),
        (["13/04/2024", "04/13/2024"], None),
        (["2024-01-13"], None),
    ],
)
def test_the_order_of_day_and_month_is_decided_by_the_column(texts, day_first):
    evidence = DateEvidence()
    evidence.feed(texts[:1])
    evidence.feed(texts[1:])
    assert evidence.decide() is day_first


@pytest.mark.parametrize(("text", "is_one"), [("1.23457E+17", True), ("12E3", False), ("5E10", True), ("123", False)])
def test_a_number_a_spreadsheet_shortened(text, is_one):
    assert values.is_scientific(text) is is_one


@pytest.mark.parametrize("text", ["1000000", "-9e9", "99999999999999999999"])
def test_a_quantity_nobody_sells_is_refused(text):
    with pytest.raises(BadValue):
        values.quantity_reader(".")(text)
