"""Groups the owner names are compared; small ones are not, and chance raises no alarm."""

import datetime as dt
import random

import pytest
from django.urls import reverse

from crm.contacts.models import Contact
from crm.orders.models import Order
from loyalty import fairness
from loyalty.estimators import bounds
from loyalty.models import Run, Score

pytestmark = pytest.mark.django_db


def scored(run, now, *, count, risky, **fields):
    contacts = [Contact.objects.create(name="C", joined_at=now, **fields) for _ in range(count)]
    Score.objects.bulk_create(
        Score(
            run=run, contact=contact, recency_grade=1, frequency_grade=1, money_grade=1, group="lost", stage="one_time",
            churn_risk=0.9 if place < risky else 0.1,
        )
        for place, contact in enumerate(contacts)
    )  # fmt: skip
    return contacts


@pytest.fixture
def run(db, now):
    return Run.objects.create(as_of=now.date() - dt.timedelta(days=1), state=Run.State.DONE, horizon_days=60, finished_at=now)


def test_a_group_that_fares_worse_stands_out_and_small_ones_are_too_few(run, now, shop):
    scored(run, now, count=100, risky=80, extra={"Gender": "f"})
    scored(run, now, count=100, risky=20, extra={"Gender": "m"})
    scored(run, now, count=5, risky=5, extra={"Gender": "x"})
    scored(run, now, count=7, risky=0)
    found = fairness.compare("Gender", is_custom=True, run=run, shop=shop, now=now)
    assert ([(group.name, group.customers) for group in found.groups], found.without) == (
        [("f", 100), ("m", 100), ("x", 5)], 7,
    )  # fmt: skip
    women, men, few = (group.rates[fairness.CALLED] for group in found.groups)
    assert (women.hits, women.of, women.share, women.stands_out, men.stands_out) == (80, 100, 0.8, True, True)
    assert women.gap == pytest.approx(0.8 - 25 / 105)
    assert women.gap_low > 0.35 > -0.35 > men.gap_high
    assert (few.share, few.of, few.stands_out) == (None, 5, False)


def test_runs_whose_scores_are_gone_cost_no_question_each(run, now, shop, django_assert_num_queries):
    old = {"state": Run.State.DONE, "horizon_days": 60, "finished_at": now}
    first, *_emptied = (
        Run.objects.create(as_of=now.date() - dt.timedelta(days=days), **old) for days in (200, 160, 140, 120, 100)
    )
    scored(first, now, count=1, risky=1)
    with django_assert_num_queries(1):
        assert fairness.judged_run(now=now, shop=shop) == first


def test_equal_groups_raise_an_alarm_at_most_once_in_twenty():
    draw = random.Random(4)
    alarms = 0
    for _ in range(400):
        groups = {str(place): (sum(draw.random() < 0.3 for _ in range(60)), 60) for place in range(4)}
        sure = fairness.NormalDist().inv_cdf(1 - 0.05 / 2 / 4)
        alarms += any(fairness._rate(name, groups, sure).stands_out for name in groups)
    assert alarms <= 400 * 0.05 + 3 * (400 * 0.05 * 0.95) ** 0.5


def test_newcombes_interval_is_that_of_his_paper():
    assert bounds.gap(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)  # 1998, table II, row (a), method 10


def test_who_was_called_and_stayed_away_is_checked_once_the_days_are_over(shop, now):
    old = Run.objects.create(as_of=now.date() - dt.timedelta(days=90), state=Run.State.DONE, horizon_days=60, finished_at=now)
    newest = Run.objects.create(as_of=now.date() - dt.timedelta(days=1), state=Run.State.DONE, horizon_days=60, finished_at=now)
    people = scored(old, now, count=40, risky=40, country="DE")
    for contact in people[:10]:
        Order.objects.create(
            source="till", number=str(contact.pk), contact=contact, placed_at=now - dt.timedelta(days=50), currency="EUR",
            counts=True, total_minor=100, net_minor=100,
        )  # fmt: skip
    found = fairness.compare("country", is_custom=False, run=newest, shop=shop, now=now)
    (germans,) = found.groups
    assert found.looked_back == old
    assert (germans.rates[fairness.STAYED_AWAY].hits, germans.rates[fairness.STAYED_AWAY].of) == (30, 40)
    assert germans.rates[fairness.STAYED_AWAY].gap is None  # nobody else to compare with


def test_only_fields_with_few_values_are_offered(db, now):
    for place in range(40):
        Contact.objects.create(name="C", joined_at=now, extra={"Loyalty no.": str(place), "Club": "ab"[place % 2]})
    assert fairness.fields() == ["Club"]


def test_the_page_names_groups_and_dates(owner_client, run, now, shop):
    scored(run, now, count=40, risky=30, country="DE")
    scored(run, now, count=40, risky=5, country="AT")
    answer = owner_client.get(reverse("loyalty:fairness"), {"by": "country"}).content.decode()
    assert "Germany" in answer and "stands out" in answer
    assert owner_client.get(reverse("loyalty:fairness")).status_code == 200
    assert owner_client.get(reverse("loyalty:fairness"), {"by": "own:nothing"}).status_code == 422


def test_the_page_asks_as_often_for_many_as_for_few(owner_client, run, now, shop, django_assert_max_num_queries):
    scored(run, now, count=60, risky=30, country="DE")
    with django_assert_max_num_queries(22):
        owner_client.get(reverse("loyalty:fairness"), {"by": "country"})
