"""Who is slipping, and what is suggested."""

import pytest

from crm.campaigns import automating
from crm.home.models import Action
from loyalty import publishing, wording
from loyalty.publishing import Person

CARD = {"champion": "mbgnbd", "baseline": "base_rate", "caught": 31, "picked": 40, "expected": 18, "horizon_days": 90}


def someone(contact_id: int, **changes) -> Person:
    given = {
        "contact_id": contact_id, "group": "loyal", "stage": "regular", "visits": 6, "spend_minor": 20_000,
        "churn_risk": 0.2, "at_stake_minor": 1_000, "usual_order_minor": 3_000,
    }  # fmt: skip
    return Person(**(given | changes))


def test_slipping_regulars_come_often_are_leaving_and_matter():
    people = [
        someone(1, stage="slipping", at_stake_minor=5_000),
        someone(2, churn_risk=0.6, at_stake_minor=9_000),
        someone(3),  # not leaving
        someone(4, stage="slipping", visits=2, at_stake_minor=9_000),  # no regular
        someone(5, stage="lapsed", churn_risk=0.95, at_stake_minor=9_000),  # gone
        someone(6, stage="slipping", at_stake_minor=10),  # hardly matters
    ]
    assert [person.contact_id for person in publishing.slipping_regulars(people)] == [2, 1]


def test_without_risks_the_rhythm_alone_decides():
    people = [
        someone(n, stage=stage, churn_risk=None, at_stake_minor=None) for n, stage in enumerate(["slipping", "regular"])
    ]
    assert [person.contact_id for person in publishing.slipping_regulars(people)] == [0]


def test_suggestions_carry_a_range_a_reason_and_a_draft(shop):
    slipping = [someone(n, stage="slipping", churn_risk=0.7, at_stake_minor=10_000) for n in range(4)]
    new = [someone(n, group="new", visits=1) for n in range(10, 15)]
    best = [someone(n, group="champions", spend_minor=90_000) for n in range(20, 24)]
    found = publishing.suggestions([*slipping, *new, *best], slipping, shop=shop, horizon=90, card=CARD)
    assert [(one.key, one.url, one.gains) for one in found] == [
        ("win_back:slipping-regulars", "/campaigns/new/?recipe=win-back&segment=slipping-regulars", (2_000, 6_000)),
        ("welcome:new", "/campaigns/new/?recipe=welcome&segment=new", (750, 2_250)),
        ("thank:champions", "/campaigns/new/?recipe=thank-best&segment=champions", None),
    ]
    win_back = found[0]
    assert win_back.title["en"] == "Win back 4 regulars who are slipping away"
    assert win_back.evidence["en"] == (
        "On average they will stay away for the next 90 days with a chance of 70%; about €400 of their usual spending is "
        "at stake."
    )
    assert win_back.why["en"] == (
        "Method: Buying rhythm (MBG/NBD). Tested on your own past: of the 40 customers it found most at risk, 31 did not "
        "order within 90 days; 40 picked at random would have given 18. The range assumes that 5% to 15% of them come "
        "back who would not have come by themselves."
    )


def test_recipes_of_the_suggestions_exist(shop):
    from urllib.parse import parse_qs, urlsplit

    from crm.campaigns.recipes import RECIPES

    people = [someone(n, group=group) for n, group in enumerate(["new", "champions", "at_risk"] * 4)]
    for slipping in ([], people[:4]):
        for one in publishing.suggestions(people, slipping, shop=shop, horizon=90, card=None):
            assert parse_qs(urlsplit(one.url).query)["recipe"][0] in RECIPES


def test_nobody_is_suggested_for_two_people(shop):
    people = [someone(n, group="champions") for n in range(2)]
    assert publishing.suggestions(people, [], shop=shop, horizon=90, card=None) == []


@pytest.mark.parametrize(
    ("ingredients", "text"),
    [
        ({"code": "quiet_for", "days": 41, "usual": 18}, "Quiet for 41 days; usually back after 18."),
        ({"code": "bought_lately", "days": 1, "usual": 18}, "Last order 1 day ago; usually back after 18."),
        ({"code": "only_one_order"}, "Has ordered only once."),
        ({"code": "few_orders", "count": 2}, "Has ordered on 2 days only."),
        ({"code": "many_orders", "count": 12}, "Has ordered on 12 different days."),
        ({"code": "fewer_lately", "lately": 1, "before": 4, "days": 90},
         "Orders in the last 90 days: 1; in the 90 days before: 4."),
        ({"code": "order_size", "minor": 2_499}, "An order is usually about €25."),
        ({"code": "last_smaller", "last_minor": 1_200, "usual_minor": 3_010},
         "The last order was €12.00; usually about €30."),
        ({"code": "customer_for", "days": 400}, "First order 400 days ago."),
    ],
)  # fmt: skip
def test_reasons_in_words(ingredients, text):
    assert wording.reason(ingredients, currency="EUR") == text


@pytest.mark.parametrize(
    ("ingredients", "text"),
    [
        ({"code": "every_days", "days": 35, "times": 4}, "Bought about every 35 days."),
        ({"code": "again", "days": 60}, "Bought once; time for more by now."),
        ({"code": "bought_with", "product": 3, "name": "Rye bread"}, "Often bought by people who bought Rye bread."),
        ({"code": "popular"}, "Sells best at the moment."),
        ({}, ""),
    ],
)
def test_product_reasons_in_words(ingredients, text):
    assert wording.product_reason(ingredients) == text


def test_every_reason_code_and_method_has_words():
    from loyalty.estimators import base, churn, recommenders, value

    assert {*churn.METHODS, *value.METHODS} == set(wording.METHODS)
    assert set(recommenders.RECOMMENDERS) == set(wording.OFFER_METHODS)
    for what in base.SENTENCES:
        assert wording.missing({"what": what, "have": 1, "need": 2})


def test_nobody_is_asked_to_welcome_who_is_welcomed_by_itself(shop, now):
    new = [someone(n, group="new", visits=1) for n in range(10, 15)]
    publishing.publish(new, as_of=now.date(), horizon=90, card=CARD)
    assert [one.key for one in Action.objects.all()] == ["welcome:new"]
    automating.switch_on(automating.make("welcome", shop=shop), now=now)
    publishing.publish(new, as_of=now.date(), horizon=90, card=CARD)
    assert not Action.objects.exists()
