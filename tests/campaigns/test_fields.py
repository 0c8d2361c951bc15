import datetime as dt

import pytest

from crm.campaigns import fields


def facts(**more):
    values = {
        "first_name": "Ava", "full_name": "Ava Brandt", "points_balance": 1250, "points_given": 50,
        "shop_name": "Linden & Loaf", "last_order_date": "Oct 10, 2026", "days_since_last_order": "41", "order_count": 3,
    }
    return fields.Facts(**(values | more))


def written(text, **more):
    return fields.fill(fields.split(text), facts(**more))


def test_fields_are_replaced_by_values():
    assert written("{{ first_name }} has {{points_balance}} points at {{ shop_name }}.") == (
        "Ava has 1,250 points at Linden & Loaf."
    )


@pytest.mark.parametrize(
    ("text", "number", "said"),
    [
        ("{{ points_given }} stamps for you", 1, "1 stamp for you"),
        ("{{ points_given }} stamps for you", 2, "2 stamps for you"),
        ("{{ points_given }} stamps for you", 21, "21 stamps for you"),
        ("**{{ points_given }}** points, points!", 1, "**1** point, points!"),
        ("**{{ points_given }} credits**", 1, "**1 credit**"),
        ("{{ points_given }} stampsheets", 1, "1 stampsheets"),
        ("{{ points_given }}, stamps", 1, "1, stamps"),
        ("{{ order_count }} points", 1, "3 points"),
    ],
)
def test_one_stamp_is_no_stamps(text, number, said):
    one_of = {"points": "point", "stamps": "stamp", "credits": "credit"}
    assert written(text, points_given=number, one_of=one_of) == said


@pytest.mark.parametrize("quotes", ['"there"', "'there'", "“there”"])
def test_fallback_stands_where_there_is_no_value(quotes):
    assert written("Hi {{ first_name|" + quotes + " }}!", first_name="") == "Hi there!"
    assert written("Hi {{ first_name|" + quotes + " }}!") == "Hi Ava!"


def test_value_stays_on_one_line():
    assert written("{{ first_name }}", first_name="Ava\r\nBcc: all@example.com") == "Ava Bcc: all@example.com"


@pytest.mark.parametrize(
    "inside",
    ["first_name.__class__", "first_name.upper", "shop", "settings.SECRET_KEY", "first_name|upper", "7*7",
     "first_name|default:x", "", "request.user.password", "%(x)s", "self", "FIRST_NAME"],
)  # fmt: skip
def test_anything_else_between_braces_is_refused_by_name(inside):
    with pytest.raises(fields.UnknownField) as error:
        fields.split("a {{ " + inside + " }} b")
    assert error.value.names == [inside or "{{ }}"]


def test_template_language_is_plain_text():
    text = "{% load static %}{% include 'x' %}{# comment #} ${first_name} {first_name} %(first_name)s {{"
    assert written(text) == text


def test_values_are_not_read_again():
    assert written("{{ first_name }}", first_name="{{ shop_name }}") == "{{ shop_name }}"


def test_unknown_collects_every_wrong_name():
    assert fields.unknown("{{ a }} {{ first_name }}", "{{ b.c }}") == ["a", "b.c"]


@pytest.mark.django_db
def test_facts_speak_the_shops_language_and_zone(shop, person, now):
    shop.language = "zh-hans"
    contact = person(last_order_at=dt.datetime(2026, 11, 9, 23, 30, tzinfo=dt.UTC), order_count=2, points_balance=30)
    made = fields.facts(contact=contact, shop=shop, points_given=10, now=now)
    assert (made.last_order_date, made.days_since_last_order) == ("2026年11月10日", "10")
    assert (made.first_name, made.order_count, made.points_balance) == ("Ava", 2, 30)
