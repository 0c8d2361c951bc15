"""What was foretold is kept, judged once when its days are over, and told as it came."""

import datetime as dt
from collections import defaultdict

import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse

from crm.accounts.models import Shop
from crm.home import notices
from crm.lib.templatetags import say
from crm.orders.models import Order, OrderLine
from loyalty import dataset, pasts, pipeline, track_record
from loyalty.dates import day_number
from loyalty.estimators import bounds
from loyalty.models import Promise, Run, Score
from loyalty.stages import scorecard
from tests.conftest import NOW
from tests.frozen import freeze
from tests.loyalty.conftest import LAST_DAY, moment, order, person

pytestmark = pytest.mark.django_db

TOLD_ON = LAST_DAY - dt.timedelta(days=95)
kept: dict = {}


@pytest.fixture(autouse=True)
def the_day_after():
    cache.clear()
    with time_machine.travel(NOW, tick=True):
        yield
    cache.clear()


@pytest.fixture
def two_nights(request, shop, short_night):
    """A run 95 days back whose promises the run of LAST_DAY has judged."""
    if "rows" not in kept:
        request.getfixturevalue("past")
        made = moment(TOLD_ON + dt.timedelta(days=1), 2)
        kept["ids"] = (
            pipeline.run(as_of=TOLD_ON, now=made).pk,
            pipeline.run(as_of=LAST_DAY, now=NOW - dt.timedelta(days=1)).pk,
        )
        kept["rows"] = freeze()
    else:
        kept["rows"].thaw()
    return tuple(Run.objects.get(pk=pk) for pk in kept["ids"])


def days_of_orders() -> dict[int, list[dt.date]]:
    found = defaultdict(list)
    for contact_id, placed_at in Order.objects.filter(counts=True).values_list("contact_id", "placed_at"):
        found[contact_id].append(placed_at.date())
    return found


def named(rows: list[tuple], count: int) -> set[int]:
    """Return the contacts of (number, contact) with the highest numbers."""
    return {contact for _number, contact in sorted(rows, key=lambda row: (-row[0], row[1]))[:count]}


def test_the_first_run_of_a_month_promises_and_a_later_one_judges(two_nights):
    then, now = two_nights
    promises = {(one.task, one.run_id): one for one in Promise.objects.all()}
    assert len(promises) == 8
    for task in scorecard.TASKS:
        old, new = promises[task, then.pk], promises[task, now.pk]
        assert (old.month, old.made_on, old.method) == (TOLD_ON.replace(day=1), TOLD_ON, then.champions[task])
        assert old.due_on == TOLD_ON + dt.timedelta(days=old.horizon_days)
        assert (old.judged_on, old.verdict != "") == (LAST_DAY, True)
        assert (new.judged_on, new.came, new.verdict) == (None, {}, "")
    assert now.stages["scorecard"]["state"] == "done"


def test_who_stayed_away_is_counted_as_it_happened(two_nights):
    then, _now = two_nights
    promise = Promise.objects.get(task="churn", run=then)
    until = promise.due_on
    days = days_of_orders()
    shop_gap = then.cut_points["gap"]
    rows = list(
        Score.objects.filter(run=then).exclude(stage="lapsed").values_list("churn_risk", "contact_id")
    )
    stayed = {who for _risk, who in rows if not any(TOLD_ON < day <= until for day in days[who])}
    count = max(round(len(rows) / 10), 10)
    by_method = named(rows, count)

    def waited(who: int) -> float:
        before = sorted({day for day in days[who] if day <= TOLD_ON})
        usual = ((before[-1] - before[0]).days + 2 * shop_gap) / (len(before) + 1)
        return (TOLD_ON - before[-1]).days / usual

    by_rule = named([(waited(who), who) for _risk, who in rows], count)
    came = promise.came
    assert (came["customers"], came["happened"]) == (len(rows), len(stayed))
    assert (came["named"], came["hits"], came["rule_hits"]) == (count, len(by_method & stayed), len(by_rule & stayed))
    assert came["expected"] == promise.told["expected"] == pytest.approx(sum(risk for risk, _who in rows), abs=0.06)
    low, high = bounds.share(came["hits"], count)
    assert (came["low"], came["high"]) == (round(low, 4), round(high, 4))
    only, other = by_method - by_rule, by_rule - by_method
    lead = bounds.lead(len(only & stayed), len(other & stayed), len(only))
    assert came["lead"] == round(lead, 2)
    assert promise.verdict == ("level" if abs(lead) < 2 else "ahead" if lead > 0 else "behind")


def test_money_orders_and_products_are_counted_as_they_happened(two_nights):
    then, _now = two_nights
    shop = Shop.current()
    everybody = {score.contact_id: score for score in Score.objects.filter(run=then)}
    now_known = pasts.read(list(everybody), as_of=LAST_DAY, shop=shop)
    start = day_number(TOLD_ON)

    def spent(who: int, first: int, last: int) -> int:
        return sum(order.amount for order in now_known[who].counting if first <= order.day <= last)

    value = Promise.objects.get(task="value", run=then)
    days = value.horizon_days
    came = {who: spent(who, start + 1, start + days) for who in everybody}
    assert value.came["minor"] == sum(came.values())
    assert value.came["rule_minor"] == sum(spent(who, start - days + 1, start) for who in everybody)
    assert value.came["told_minor"] == value.told["minor"]
    inside = sum(score.value_low_minor <= came[who] <= score.value_high_minor for who, score in everybody.items())
    assert value.came["inside"] == inside

    intent = Promise.objects.get(task="intent", run=then)
    ordered = {
        who for who in everybody
        if any(start < order.day <= start + intent.horizon_days for order in now_known[who].counting)
    }  # fmt: skip
    count = max(round(len(everybody) / 10), 10)
    likeliest = named([(score.intent, who) for who, score in everybody.items()], count)
    assert (intent.came["happened"], intent.came["hits"]) == (len(ordered), len(likeliest & ordered))

    offers = Promise.objects.get(task="offers", run=then)
    lines = OrderLine.objects.filter(
        order__placed_at__gte=moment(TOLD_ON + dt.timedelta(days=1), 0),
        order__placed_at__lt=moment(offers.due_on + dt.timedelta(days=1), 0),
    )
    bought = defaultdict(set)
    for who, product in lines.values_list("order__contact_id", "product_id"):
        bought[who].add(product)
    asked = [(who, score.next_product_id) for who, score in everybody.items() if score.next_product_id and bought[who]]
    assert offers.came["customers"] == len(asked)
    assert offers.came["hits"] == sum(product in bought[who] for who, product in asked)
    assert 0 <= offers.came["rule_hits"] < offers.came["hits"]


def test_where_everybody_was_told_the_same_only_the_sums_are_judged(two_nights):
    promise = Promise.objects.get(task="churn", run=two_nights[0])
    promise.method = "base_rate"
    ((_pk, came, verdict),) = scorecard.judge([promise], dataset.load(as_of=LAST_DAY), zone="Europe/Berlin")
    assert verdict == "alone"
    assert came == {name: promise.came[name] for name in ("customers", "happened", "expected")}
    promise.came, promise.verdict = came, verdict
    line = track_record.line(promise, shop=Shop.current())
    assert line.says == (
        f"Told on {say.day(TOLD_ON)}: {round(came['expected'])} of {came['customers']} would stay away for "
        f"{promise.horizon_days} days; {came['happened']} did."
    )
    assert (line.verdict, line.came, line.rule) == ("nothing to compare", "", "")


def test_nothing_can_be_judged_of_people_who_are_gone(two_nights):
    promise = Promise.objects.get(task="offers", run=two_nights[0])
    Score.objects.filter(run=two_nights[0]).delete()
    assert scorecard.judge([promise], dataset.load(as_of=LAST_DAY), zone="Europe/Berlin") == [
        (promise.pk, {"customers": 0}, "alone")
    ]
    promise.came = {"customers": 0}
    assert "nothing can be judged" in track_record.line(promise, shop=Shop.current()).says


def test_a_promise_is_judged_once_and_never_again(two_nights, bare_night):
    _then, now = two_nights
    before = list(Promise.objects.order_by("id").values())
    Order.objects.filter(placed_at__gt=moment(TOLD_ON)).delete()
    assert scorecard.due(LAST_DAY) == []
    open_ones = Promise.objects.filter(judged_on=None)
    assert set(open_ones.values_list("run_id", flat=True)) == {now.pk}
    pipeline.run(as_of=LAST_DAY, now=NOW)  # and this month has its promises
    assert list(Promise.objects.order_by("id").values()) == before


def test_books_that_lag_behind_are_waited_for(two_nights):
    _then, now = two_nights
    promise = Promise.objects.get(task="churn", run=now)
    later = promise.due_on + dt.timedelta(days=5)
    night = pipeline._Night(now.pk, later, NOW)
    night.load()
    night.keep_score()
    assert night.verdicts == []
    order(person("Late"), moment(promise.due_on + dt.timedelta(days=1)))
    night.load()
    night.keep_score()
    assert {pk for pk, _came, _verdict in night.verdicts} == set(
        Promise.objects.filter(run=now).values_list("pk", flat=True)
    )


def test_scores_stay_until_their_promise_was_judged(two_nights):
    then, now = two_nights
    later = [Run.objects.create(as_of=LAST_DAY + dt.timedelta(days=day), state=Run.State.DONE) for day in range(1, 5)]
    night = pipeline._Night(later[-1].pk, later[-1].as_of, NOW)
    night.customers = 20_000  # a large shop keeps three runs
    night.prune()
    assert not Score.objects.filter(run=then).exists()
    assert Score.objects.filter(run=now).exists()
    assert Promise.objects.filter(run=then).exclude(came={}).count() == 4
    Promise.objects.filter(run=now).update(judged_on=LAST_DAY)
    night.prune()
    assert not Score.objects.filter(run=now).exists()


def test_a_failed_night_promises_nothing(past, now, bare_night, monkeypatch):
    monkeypatch.setattr("crm.home.actions.replace_all", lambda *a, **k: 1 / 0)
    monkeypatch.setattr(pipeline._Night, "forecast", lambda night: night.champions.update(churn="recency"))
    run = pipeline.run(as_of=LAST_DAY, now=now)
    assert run.state == Run.State.FAILED
    assert Promise.objects.count() == 0


def test_the_page_tells_every_month_and_its_date(owner_client, two_nights, django_assert_max_num_queries):
    page = owner_client.get(reverse("loyalty:track_record"))
    text = page.content.decode()
    churn = Promise.objects.get(task="churn", run=two_nights[0])
    assert (
        f"Of the {churn.came['named']} customers called most likely to leave on {say.day(TOLD_ON)}, {churn.came['hits']} did "
        f"not come back within {churn.horizon_days} days; the simple rule got {churn.came['rule_hits']}."
    ) in text
    assert [question.slug for question in page.context["questions"]] == list(scorecard.TASKS)
    assert all(len(one.judged) == len(one.waiting) == 1 for one in page.context["questions"])
    insights = owner_client.get(reverse("loyalty:insights")).context["record_says"]
    assert insights == track_record.latest("churn", shop=Shop.current()).says
    for month in range(1, 25):
        first = (churn.month - dt.timedelta(days=31 * month)).replace(day=1)
        for one in Promise.objects.filter(run=two_nights[0], month=churn.month):
            one.pk, one.month = None, first
            one.save()
    with django_assert_max_num_queries(20):
        many = owner_client.get(reverse("loyalty:track_record"))
    assert sum(len(one.judged) for one in many.context["questions"]) == 4 * len(set(
        Promise.objects.exclude(judged_on=None).values_list("month", flat=True)
    ))  # fmt: skip


def test_a_forecast_that_fell_behind_is_told_for_a_month(two_nights, shop):
    promise = Promise.objects.get(task="churn", run=two_nights[0])
    assert promise.verdict != "behind"
    assert track_record.notice(now=NOW, shop=shop) is None
    promise.came |= {"hits": 3, "rule_hits": 9, "named": 10}
    promise.verdict = "behind"
    promise.save()
    said = [one for one in notices.read(now=NOW, shop=shop) if one.title == "A simple rule did better"]
    assert [(one.tone, one.link_url) for one in said] == [("warn", "/insights/track-record/")]
    assert "3 did not come back" in said[0].text
    assert "the simple rule got 9" in said[0].text
    later = NOW + dt.timedelta(days=40)
    assert track_record.notice(now=later, shop=shop) is None


def test_before_anything_was_told_the_page_says_what_comes(owner_client, shop):
    text = owner_client.get(reverse("loyalty:track_record")).content.decode()
    assert "Nothing worked out yet" in text
    Run.objects.create(as_of=LAST_DAY, state=Run.State.DONE, finished_at=NOW)
    text = owner_client.get(reverse("loyalty:track_record")).content.decode()
    assert "Nothing was foretold yet" in text


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(31, 40, 0.6250, 0.8768), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_intervals_of_shares_are_wilsons(hits, of, low, high):
    assert bounds.share(hits, of) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_a_lead_is_clear_only_beyond_chance():
    assert bounds.lead(5, 5, 10) == 0
    assert abs(bounds.lead(6, 4, 10)) < 2 < bounds.lead(60, 40, 100)
    assert bounds.paired_lead(30, 10) == pytest.approx(20 / 40**0.5)
    low, high = bounds.auc(0.8, 50, 50)
    assert (low, high) == (pytest.approx(0.712, abs=0.003), pytest.approx(0.888, abs=0.003))
