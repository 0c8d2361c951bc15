"""What the contact lists share."""

import datetime as dt

import pytest

from crm.imports.formats import _people


@pytest.mark.parametrize(
    ("text", "day_first", "born", "noted"),
    [
        ("1990-02-03", None, dt.date(1990, 2, 3), {}),
        ("19900203", None, dt.date(1990, 2, 3), {}),
        ("1990/2/3", None, dt.date(1990, 2, 3), {}),
        ("1990年2月3日", None, dt.date(1990, 2, 3), {}),
        ("1990-02-03T00:00:00Z", None, dt.date(1990, 2, 3), {}),
        ("03.02.1955", True, dt.date(1955, 2, 3), {}),
        ("2/3/1955", False, dt.date(1955, 2, 3), {}),
        ("20/01/1991", False, dt.date(1991, 1, 20), {}),
        ("Feb 3, 1990", None, dt.date(1990, 2, 3), {}),
        ("--02-03", None, None, {"birthday": "--02-03"}),
        ("--0203", None, None, {"birthday": "--02-03"}),
        ("02/29", None, None, {"birthday": "--02-29"}),
        ("29/02", None, None, {"birthday": "--02-29"}),
        ("3/2", True, None, {"birthday": "--02-03"}),
        ("2月3日", None, None, {"birthday": "--02-03"}),
        ("1604-02-03", None, None, {"birthday": "--02-03"}),
        ("0/0/00", None, None, {}),
        ("0000-00-00", None, None, {}),
        ("", None, None, {}),
        ("1990-02-31", None, None, {"birthday_text": "1990-02-31"}),
        ("4501-01-01", None, None, {"birthday_text": "4501-01-01"}),
        ("in spring", None, None, {}),
    ],
)
def test_a_birthday(text, day_first, born, noted):
    assert _people.birthday(text, day_first=day_first) == (born, noted)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("Ann", "", "Example"), "Ann Example"),
        (("太郎", "", "山本"), "山本太郎"),
        (("Taro", "", "山本"), "Taro 山本"),
        (("'Ann", "", ""), "Ann"),
        (("", "", ""), ""),
    ],
)
def test_a_name_from_its_parts(parts, name):
    assert _people.full_name(*parts) == name


def test_several_addresses_in_one_cell():
    assert _people.emails(["Ann@Example.com ::: ann@work.example", "ann@example.COM; a***n@example.com, no address"]) == [
        "Ann@Example.com",
        "ann@work.example",
    ]


def test_several_numbers_in_one_cell():
    assert _people.phones(["tel:+1-418-656-9254;ext=102 ::: 138****1234", "home: 030 5551234", "100", "555-xx-1234"]) == [
        "+1-418-656-9254",
        "030 5551234",
    ]


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("SUBSCRIBED", "yes"), ("yes", "yes"), ("TRUE", "yes"), ("1", "yes"), ("是", "yes"), ("已订阅", "yes"),
        ("UNSUBSCRIBED", "no"), ("no", "no"), ("0", "no"), ("opted_out", "no"), ("退订", "no"), ("cleaned", "no"),
        ("NEVER_SUBSCRIBED", ""), ("never subscribed", ""), ("", ""), ("pending", ""), ("gold member", ""),
    ],
)  # fmt: skip
def test_an_answer(word, answer):
    assert _people.answer(word) == answer
