import datetime as dt
from pathlib import Path

import pytest

from crm.rewards import rules
from crm.rewards.rules import RULES, BadParams, Purchase
from crm.rewards.rules.base import RuleForm

EURO = {"points": 1, "step_minor": 100, "currency": "EUR"}


def purchase(total_minor, **fields):
    values = {"refunded_minor": 0, "shipping_minor": 0, "currency": "EUR", "placed_on": dt.date(2026, 11, 20)}
    return Purchase(total_minor=total_minor, **values | fields)


def per_amount(bought, **params) -> int:
    rule = RULES["per_amount"]
    return rule.points(bought, rule.read(EURO | params))


def test_every_file_of_the_folder_is_in_the_table():
    files = {path.stem for path in Path(rules.__file__).parent.glob("*.py")} - {"__init__", "base"}
    assert {type(rule).__module__.rpartition(".")[2] for rule in RULES.values()} == files
    assert {slug: rule.slug for slug, rule in RULES.items()} == {name: name for name in files}


@pytest.mark.parametrize("slug", RULES)
def test_every_kind_is_whole(slug):
    kind = RULES[slug]
    assert kind.name and kind.about and kind.icon and kind.occasion in {rules.ORDER, rules.JOINING, rules.YEARLY, rules.DEED}
    starter = kind.starter(currency="EUR")
    params = kind.read(starter)
    assert kind.says(params)
    assert all(kind.conditions(params)) or kind.conditions(params) == []
    assert issubclass(kind.form, RuleForm)
    shown = {name: str(value) if value is not False else "" for name, value in kind.form.shown(starter, currency="EUR").items()}
    form = kind.form(shown | {"starts_on": "2026-11-20"}, currency="EUR")
    assert form.is_valid(), form.errors
    assert form.stored() == starter


@pytest.mark.parametrize(
    ("total", "points"), [(0, 0), (99, 0), (100, 1), (199, 1), (8050, 80), (123_456_789, 1_234_567)]
)
def test_only_whole_steps_count(total, points):
    assert per_amount(purchase(total)) == points


def test_points_are_given_per_step():
    assert per_amount(purchase(2999), points=5, step_minor=1000) == 10


def test_refunds_and_shipping_do_not_count():
    assert per_amount(purchase(10000, refunded_minor=2000, shipping_minor=490)) == 75
    assert per_amount(purchase(10000, refunded_minor=2000, shipping_minor=490), with_shipping=True) == 80
    assert per_amount(purchase(500, refunded_minor=300, shipping_minor=490)) == 0


def test_other_currency_earns_nothing():
    assert per_amount(purchase(10000, currency="USD")) == 0


def test_smallest_order_is_judged_as_placed():
    assert per_amount(purchase(1999), minimum_minor=2000) == 0
    assert per_amount(purchase(2000), minimum_minor=2000) == 20
    assert per_amount(purchase(2000, refunded_minor=500), minimum_minor=2000) == 15


@pytest.mark.parametrize(
    ("slug", "params"),
    [
        ("per_amount", {}),
        ("per_amount", EURO | {"points": 0}),
        ("per_amount", EURO | {"points": 1.5}),
        ("per_amount", EURO | {"points": True}),
        ("per_amount", EURO | {"step_minor": 0}),
        ("per_amount", EURO | {"currency": "euro"}),
        ("per_amount", EURO | {"minimum_minor": -1}),
        ("welcome", {}),
        ("welcome", {"points": -20}),
        ("welcome", {"points": "20"}),
    ],
)
def test_parameters_that_make_no_sense_are_refused(slug, params):
    with pytest.raises(BadParams):
        RULES[slug].read(params)


def test_rules_say_what_they_give():
    params = RULES["per_amount"].read(EURO | {"points": 3, "step_minor": 1000, "minimum_minor": 2000})
    assert RULES["per_amount"].says(params) == "3 points for every €10.00"
    assert RULES["per_amount"].conditions(params) == ["Shipping earns nothing.", "Orders below €20.00 earn nothing."]
    assert RULES["welcome"].says(RULES["welcome"].read({"points": 20})) == "20 points on joining"
