"""A model card says what is foretold, from what, how surely, until when; and where one customer's numbers come from."""

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.db.models import Q
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


def cards_of(run, task: str, **metrics: dict) -> None:
    """Put these methods in place of a run's cards; the first is in use, `base_rate` is the plain guess."""
    ReportCard.objects.filter(run=run, task=task).delete()
    for place, (name, figures) in enumerate(metrics.items()):
        ReportCard.objects.create(
            run=run, task=task, candidate=name, is_champion=not place, is_baseline=name in ("base_rate", "average"),
            cut_date=LAST_DAY, horizon_days=60, customers=900, positives=500, metrics=figures,
        )  # fmt: skip


def chances(caught: int, ece: float) -> dict:
    return {"picked": 95, "caught": caught, "expected": 53, "auc": 0.7, "log_loss": 0.6, "ece": ece}


def test_a_card_says_why_the_method_in_use_speaks_although_another_looks_better(owner_client, past_night):
    cards_of(past_night, "churn", blend=chances(69, 0.051), recency=chances(72, 0.043), base_rate=chances(53, 0.01))
    card = owner_client.get(reverse("loyalty:method_card", args=["churn"])).context["card"]
    assert card.why == (
        "In these tests “Days since the last order” was right for 72 of the 95 customers it named, the method in use "
        "for 69 of 95, where 60 to 77 would be no surprise; their chances were off by 4.3% and 5.1%. Over the "
        "chances of all customers, “Days since the last order” is not ahead by more than chance explains. So several "
        "methods together are used: their mean is safer than picking one of them."
    )
    assert card.why in owner_client.get(reverse("loyalty:method")).content.decode()
    cards_of(past_night, "churn", blend=chances(69, 0.051), recency=chances(90, 0.043))  # outside of what is no surprise
    card = owner_client.get(reverse("loyalty:method_card", args=["churn"])).context["card"]
    assert card.why.startswith(
        "In these tests “Days since the last order” was right for 90 of the 95 customers it named, the method in use "
        "for 69 of 95; their chances were off by 4.3% and 5.1%. Over the chances"
    )
    cards_of(past_night, "churn", calibrated=chances(69, 0.051), recency=chances(69, 0.043))
    card = owner_client.get(reverse("loyalty:method_card", args=["churn"])).context["card"]
    assert card.why.endswith("the one trusted more beforehand is used, because it has less to learn from your past.")
    ReportCard.objects.filter(run=past_night, task="churn").update(is_champion=Q(candidate="recency"))
    ReportCard.objects.filter(run=past_night, task="churn", candidate="calibrated").update(
        candidate="blend", metrics=chances(72, 0.051)
    )
    card = owner_client.get(reverse("loyalty:method_card", args=["churn"])).context["card"]
    assert card.why.endswith("Over the chances of all customers, “Several methods together” is clearly behind.")


@pytest.mark.parametrize(
    "metrics",
    [
        {"blend": chances(72, 0.043), "recency": chances(69, 0.051)},
        {"blend": chances(72, 0.043), "base_rate": chances(75, 0.01)},
        {"base_rate": chances(53, 0.051), "recency": chances(72, 0.043)},
    ],
)
def test_nothing_is_explained_where_the_method_in_use_looks_best(past_night, metrics):
    cards_of(past_night, "intent", **metrics)
    task = model_cards.card("intent", past_night, shop=Shop.current(), today=LAST_DAY)
    assert task.why == ""


def test_a_card_of_sums_says_why_too(past_night):
    figures = {"told_minor": 1, "spent_minor": 1, "capture": 0.3, "total": 0.1, "relative_gini": 0.5}
    for windows, why in ((1, "A single stretch of time does not tell which of them will be ahead in the next."),
                         (3, "Measured against how large each sum is, “Buying rhythm times the worth of an order” is "
                             "not ahead by more than chance explains.")):  # fmt: skip
        cards_of(
            past_night, "value", blend=figures | {"mae_minor": 1_250.0, "windows": windows},
            buying=figures | {"mae_minor": 1_200.0, "windows": windows},
            average=figures | {"mae_minor": 900.0, "windows": windows},
        )  # fmt: skip
        assert model_cards.card("value", past_night, shop=Shop.current(), today=LAST_DAY).why == (
            "In these tests “Buying rhythm times the worth of an order” was off by €12.00 per customer, the method in "
            f"use by €12.50. {why} So several methods together are used: their mean is safer than picking one of them."
        )


def test_with_a_handful_of_products_the_first_suggestion_is_what_counts(past_night):
    ReportCard.objects.filter(run=past_night, task="offers").delete()
    for name, first in (("personal_popular", 0.72), ("popular", 0.41)):
        ReportCard.objects.create(
            run=past_night, task="offers", candidate=name, is_champion=name != "popular",
            is_baseline=name == "popular", cut_date=LAST_DAY, horizon_days=30, customers=90, positives=90,
            metrics={"hit_rate_1": first, "hit_rate_5": 1.0, "hit_rate_10": 1.0, "ndcg_10": 0.8, "few_products": 5},
        )  # fmt: skip
    card = model_cards.card("offers", past_night, shop=Shop.current(), today=LAST_DAY)
    assert card.answer == (
        "Method: What this customer buys most, then what sells. With 5 products on sale, one of five suggestions is "
        "nearly always right, so only the first tells something: it was in the next basket of 7 of 10 customers; what "
        "sells best would have been right for 4."
    )
    ReportCard.objects.filter(run=past_night, task="offers").delete()
    past_night.stages["recommend"] = {"state": "skipped", "missing": {"what": "assortment", "have": 5, "need": 11}}
    card = model_cards.card("offers", past_night, shop=Shop.current(), today=LAST_DAY)
    assert (card.answer, card.missing) == (
        "There are too few products for advice to mean anything. Nobody is given a suggestion.",
        "5 products are on sale. With fewer than 11, five suggestions hold most of what anybody can buy, and on your "
        "past no advice was clearly better than naming what sells best.",
    )


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
