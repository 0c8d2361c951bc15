"""A model card says what is foretold, from what, how surely, until when; and where one customer's numbers come from."""

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib.templatetags import say
from crm.orders.models import Order
from loyalty import auditing, model_cards
from loyalty.estimators import bounds
from loyalty.models import ReportCard, Run, Score
from loyalty.stages import scorecard
from tests.loyalty.conftest import LAST_DAY, moment, order, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_day_after():
    cache.clear()
    with time_machine.travel(moment(LAST_DAY + dt.timedelta(days=1)), tick=True):
        yield
    cache.clear()


@pytest.mark.parametrize("task", scorecard.TASKS)
def test_every_question_has_a_card_with_figures_dates_and_limits(owner_client, past_night, task):
    response = owner_client.get(reverse("loyalty:method_card", args=[task]))
    assert response.status_code == 200
    card, text = response.context["card"], response.content.decode()
    cards = ReportCard.objects.filter(run=past_night, task=task)
    assert len(card.trials) == cards.count()
    assert [trial.is_used for trial in card.trials].count(True) == 1
    assert [trial.is_baseline for trial in card.trials].count(True) == 1
    assert len(card.limits) >= 4
    assert f"These numbers expire on {say.day(card.expires)}" in text
    reads = dict(card.reads)
    assert reads["Customers with an order"] == say.number(past_night.customers)
    assert reads["Nothing later than"] == say.day(LAST_DAY)
    assert "Too old to act on" not in text


def test_what_will_sell_has_a_card_too(owner_client, past_night):
    ReportCard.objects.create(
        run=past_night, task="demand", candidate="smooth", is_champion=True, cut_date=LAST_DAY, horizon_days=28,
        customers=12, positives=9, metrics={"rmsse": 0.8, "relative": 0.85, "total": 0.02, "covered": 0.81, "windows": 4},
    )  # fmt: skip
    card = owner_client.get(reverse("loyalty:method_card", args=["demand"])).context["card"]
    assert card.trials[0].says == "Errors 15% smaller than those of the plain guess."
    assert dict(card.reads)["Orders"] == "all that were paid, also those without a known customer"
    assert card.track == ""
    assert reverse("loyalty:method_card", args=["demand"]) in owner_client.get(reverse("loyalty:method")).content.decode()


def test_the_figures_stand_with_their_limits_beside_the_plain_guess(past_night):
    card = model_cards.card("churn", past_night, shop=Shop.current(), today=LAST_DAY)
    used = ReportCard.objects.get(run=past_night, task="churn", is_champion=True)
    low, high = bounds.share(used.metrics["caught"], used.metrics["picked"])
    trial = next(trial for trial in card.trials if trial.is_used)
    assert trial.says == (
        f"{used.metrics['caught']} of the {used.metrics['picked']} it named "
        f"({round(low * used.metrics['picked'])} to {round(high * used.metrics['picked'])} would be no surprise); at "
        f"random {used.metrics['expected']}."
    )
    area = bounds.auc(used.metrics["auc"], used.positives, used.customers - used.positives)
    assert trial.columns[0][1] == (
        f"{say.percent(used.metrics['auc'])} ({say.percent(area[0])} to {say.percent(area[1])})"
    )


def test_numbers_expire_after_a_quarter_of_the_time_they_look_ahead(past_night):
    assert model_cards.expires_on(past_night, 30) == LAST_DAY + dt.timedelta(days=7)
    assert model_cards.expires_on(past_night, 90) == LAST_DAY + dt.timedelta(days=14)
    assert model_cards.expires_on(past_night, 7) == LAST_DAY + dt.timedelta(days=3)
    for days, is_expired in ((7, False), (8, True)):
        today = LAST_DAY + dt.timedelta(days=days)
        assert model_cards.card("intent", past_night, shop=Shop.current(), today=today).is_expired is is_expired


def test_programs_get_the_same_card(owner_client, past_night):
    address = reverse("loyalty:method_card", args=["value"])
    answer = owner_client.get(address, {"format": "json"})
    assert answer["Content-Disposition"] == f'attachment; filename="method-value-{LAST_DAY}.json"'
    told = answer.json()
    page = owner_client.get(address).context["card"]
    assert (told["question"], told["limits"], told["expires"]) == (page.question, page.limits, page.expires.isoformat())
    assert told["inputs"] == past_night.inputs
    used = next(one for one in told["figures"] if one["is_used"])
    assert used["method"] == past_night.champions["value"]
    low, high = used["intervals"]["mae_minor"]
    assert low < used["metrics"]["mae_minor"] < high


def test_a_young_shop_reads_what_is_missing(owner_client, shop, now):
    run = Run.objects.create(
        as_of=LAST_DAY, state=Run.State.DONE, finished_at=now, horizon_days=90,
        stages={"churn": {"state": "skipped", "missing": {"what": "customers", "have": 5, "need": 30}}},
    )  # fmt: skip
    text = owner_client.get(reverse("loyalty:method_card", args=["churn"])).content.decode()
    assert "There are 5 customers with an order; at least 30 are needed." in text
    assert "When not to trust it" in text
    assert owner_client.get(reverse("loyalty:method_card", args=["stars"])).status_code == 404
    run.delete()
    assert owner_client.get(reverse("loyalty:method_card", args=["churn"])).status_code == 404


def test_the_customers_page_leads_to_where_its_numbers_come_from(owner_client, past_night):
    Order.objects.update(updated_at=moment(LAST_DAY))
    someone = Contact.objects.filter(orders__isnull=False).first()
    address = reverse("loyalty:origin", args=[someone.pk])
    assert address in owner_client.get(someone.get_absolute_url()).content.decode()
    text = owner_client.get(address).content.decode()
    score = Score.objects.get(run=past_night, contact=someone)
    assert "Nothing these numbers were computed from has changed since." in text
    assert f"{someone.orders.count()} orders from" in text
    assert f"{score.input_hash & auditing.MASK:016x}" in text
    assert auditing.code() in text
    order(someone, moment(LAST_DAY - dt.timedelta(days=3)))
    order(someone, moment(LAST_DAY + dt.timedelta(days=1)))
    text = owner_client.get(address).content.decode()
    assert "1 order of that time has been added or changed since" in text
    assert "1 order has come after" in text


def test_an_unknown_customer_has_no_origin(owner_client, past_night):
    assert owner_client.get(reverse("loyalty:origin", args=[999_999])).status_code == 404
    assert owner_client.get(reverse("loyalty:origin", args=[person("Nobody").pk])).status_code == 404


def test_the_pages_ask_the_same_questions_of_many_orders(owner_client, past_night, django_assert_max_num_queries):
    someone = Contact.objects.filter(orders__isnull=False).first()
    for day in range(30):
        order(someone, moment(LAST_DAY - dt.timedelta(days=day)))
    with django_assert_max_num_queries(25):
        owner_client.get(reverse("loyalty:origin", args=[someone.pk]))
    with django_assert_max_num_queries(25):
        owner_client.get(reverse("loyalty:method_card", args=["churn"]))
