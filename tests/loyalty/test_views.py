"""Insights: charts equal their tables, every number has its date, early and failed states say what is missing."""

import csv
import datetime as dt
import json

import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse

from crm.accounts.models import Shop
from crm.contacts import panels
from crm.contacts.models import Contact
from crm.home import demo, notices
from crm.lib import clock
from crm.lib.templatetags import say
from loyalty import charts, findings, pipeline
from loyalty.models import Run, Score
from tests.conftest import NOW
from tests.frozen import freeze
from tests.loyalty.conftest import LAST_DAY, order, person

CHARTS = ("revenue", "cohorts", "grid", "risk", "sizes")


@pytest.fixture(autouse=True)
def fresh_cache():
    """The clock stands near NOW; what earlier tests counted is forgotten."""
    cache.clear()
    with time_machine.travel(NOW, tick=True):
        yield
    cache.clear()


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.fixture
def night(shop, kept):
    """A demo shop whose night is over; worked out once, then read back."""
    if "night" not in kept:
        demo.fill(now=NOW, customers=120, years=1.5, seed=2)
        Run.objects.all().delete()
        pipeline.run(as_of=dt.date(2026, 11, 19), now=NOW)
        kept["night"] = freeze()
    else:
        kept["night"].thaw()
    return Run.objects.get()


def figure(client, name: str) -> dict:
    response = client.get(reverse("loyalty:chart", args=[name]))
    assert response.status_code == 200
    return json.loads(response.content)


def test_revenue_chart_is_the_table(owner_client, night):
    context = owner_client.get(reverse("loyalty:insights")).context
    drawn = figure(owner_client, "revenue")["data"]
    assert [list(amounts) for amounts in zip(*(trace["y"] for trace in drawn))] == [
        amounts for _label, amounts, _week in context["revenue_rows"]
    ]
    assert len(context["revenue_rows"]) == charts.WEEKS
    assert [trace["name"] for trace in drawn] == context["revenue_names"]


def test_cohort_chart_is_the_table(owner_client, night):
    context = owner_client.get(reverse("loyalty:insights")).context
    drawn = figure(owner_client, "cohorts")["data"][0]
    assert drawn["z"] == [shares for _month, _size, shares in context["cohort_rows"]]
    assert drawn["x"] == context["cohort_columns"]
    assert drawn["y"] == [f"{month} · {size}" for month, size, _shares in context["cohort_rows"]]
    assert {len(shares) for _month, _size, shares in context["cohort_rows"]} == {len(context["cohort_columns"])}


def test_grid_chart_is_the_table_and_leads_to_its_people(owner_client, night):
    response = owner_client.get(reverse("loyalty:insights"))
    drawn = figure(owner_client, "grid")["data"][0]["z"]
    rows = response.context["grid_rows"]
    assert list(reversed(drawn)) == [[cell.customers for cell in cells] for _frequency, cells in rows]
    assert sum(map(sum, drawn)) == night.customers
    cell = max((cell for _frequency, cells in rows for cell in cells), key=lambda cell: cell.customers)
    address = f"{reverse('loyalty:cell')}?recency={cell.recency}&frequency={cell.frequency}"
    assert address.replace("&", "&amp;") in response.content.decode()
    page = owner_client.get(address)
    assert page.context["page"].paginator.count == cell.customers
    listed = owner_client.get(page.context["list_url"])
    assert (listed.status_code, listed.context["page"].paginator.count) == (200, cell.customers)


def test_who_has_gone_quiet_is_the_group_the_page_leads_to(owner_client, night):
    quiet = Score.objects.filter(run=night, group="at_risk").count()
    assert quiet > 0
    says = owner_client.get(reverse("loyalty:insights")).context["grid_says"]
    assert says.startswith(f"{quiet} customers bought often and have gone quiet")
    assert says.endswith("group “At risk”: told by how often and how lately they bought, not by a chance.")
    listed = owner_client.get(reverse("contacts:list") + "?group=at_risk")
    assert listed.context["page"].paginator.count == quiet


def test_risk_chart_is_the_table_and_its_bands_add_up(owner_client, night):
    context = owner_client.get(reverse("loyalty:insights")).context
    drawn = figure(owner_client, "risk")["data"]
    counts = [count for trace in drawn for count in trace["y"]]
    assert counts == [one.customers for _label, one in context["bins"]]
    assert [label for trace in drawn for label in trace["customdata"]] == [label for label, _one in context["bins"]]
    assert [sum(trace["y"]) for trace in drawn] == [band.customers for _label, band, _tone in context["bands"]]
    scores = Score.objects.filter(run=night)
    assert sum(counts) == scores.count()
    assert sum(band.at_stake_minor for _label, band, _tone in context["bands"]) == sum(
        scores.values_list("at_stake_minor", flat=True)
    )


def test_the_customers_worth_most_ahead_are_listed(owner_client, night):
    response = owner_client.get(reverse("loyalty:insights"))
    ahead = response.context["found"].ahead
    scores = Score.objects.filter(run=night).order_by("-value_ahead_minor", "-id")
    assert [row[0] for row in ahead.best] == list(scores.values_list("contact_id", flat=True)[:10])
    assert ahead.value_minor == sum(scores.values_list("value_ahead_minor", flat=True))
    assert f"within the next {night.horizon_days} days" in response.context["ahead_says"]


def test_sizes_chart_is_the_table(owner_client, night):
    context = owner_client.get(reverse("loyalty:insights")).context
    drawn = figure(owner_client, "sizes")["data"]
    assert [list(counts) for counts in zip(*(trace["y"] for trace in drawn))] == [
        counts for _month, counts in context["size_rows"]
    ]
    assert sum(context["size_rows"][-1][1]) == night.customers


def test_cohorts_are_counted_by_hand(shop, owner_client):
    """Two people came first in August; one came back in September and October, the other in October."""
    ada, bo = person("Ada"), person("Bo")
    for who, days in (
        (ada, ["2026-08-03", "2026-08-20", "2026-09-05", "2026-10-05", "2026-11-02"]),
        (bo, ["2026-08-30", "2026-10-09"]),
    ):
        placed = [dt.datetime.fromisoformat(f"{day}T10:00:00+00:00") for day in days]
        for at in placed:
            order(who, at)
        who.first_order_at = placed[0]
        who.save()
    run = Run.objects.create(as_of=dt.date(2026, 11, 19), state=Run.State.DONE, finished_at=NOW)
    cohort = charts.numbers(run, shop=shop).cohorts
    assert cohort == [charts.Cohort(dt.date(2026, 8, 1), 2, [1, 2, None])]
    assert findings.cohorts(charts.numbers(run, shop=shop)) == (
        "First orders from Aug 2026 to Aug 2026: 2. Of these customers, 1 (50%) came back in the month after."
    )


def test_the_month_counts_on_its_last_day(shop):
    ada = person("Ada")
    for day in ("2026-10-03", "2026-11-05"):
        order(ada, dt.datetime.fromisoformat(f"{day}T10:00:00+00:00"))
    ada.first_order_at = dt.datetime(2026, 10, 3, 10, tzinfo=dt.UTC)
    ada.save()
    run = Run.objects.create(as_of=dt.date(2026, 11, 30), state=Run.State.DONE, finished_at=NOW)
    assert charts.numbers(run, shop=shop).cohorts == [charts.Cohort(dt.date(2026, 10, 1), 1, [1])]


@pytest.mark.parametrize("name", CHARTS)
def test_charts_bring_no_template_and_speak_chinese(owner_client, night, name):
    owner_client.cookies["language"] = "zh-hans"
    drawn = figure(owner_client, name)
    assert drawn["layout"]["template"] == {}
    months = "".join(map(str, [*(drawn["data"][0].get("y") or []), *drawn["layout"]["xaxis"].get("ticktext", [])]))
    assert ("年" in months or "月" in months) == (name in ("revenue", "cohorts", "sizes"))


def test_an_unknown_chart_is_not_found(owner_client, night):
    assert owner_client.get(reverse("loyalty:chart", args=["nonsense"])).status_code == 404


def test_risk_list_is_ordered_by_money_and_left_out_are_those_gone(owner_client, night):
    context = owner_client.get(reverse("loyalty:risk")).context
    scores = Score.objects.filter(run=night)
    stakes = [row.score.at_stake_minor for row in context["rows"]]
    reachable = scores.exclude(stage="lapsed").order_by("-at_stake_minor", "-id")
    assert stakes == list(reachable.values_list("at_stake_minor", flat=True)[:25])
    counts = {slug: count for slug, _label, count, _active in context["choices"]}
    assert counts["reachable"] + counts["gone"] == counts["low"] + counts["medium"] + counts["high"] == scores.count()
    for slug, count in counts.items():
        page = owner_client.get(reverse("loyalty:risk"), {"band": slug}).context["page"]
        assert (page.paginator.count, len(page.object_list)) == (count, min(count, 25))


def test_risk_list_pages_without_repeats(owner_client, night):
    seen = []
    pages = owner_client.get(reverse("loyalty:risk"), {"band": "high"}).context["page"].paginator.num_pages
    for number in range(1, pages + 1):
        rows = owner_client.get(reverse("loyalty:risk"), {"band": "high", "page": number}).context["rows"]
        seen += [row.score.contact_id for row in rows]
    assert len(seen) == len(set(seen)) == Score.objects.filter(run=night, churn_risk__gte=0.66).count()


def test_the_risk_page_says_of_whom_its_count_is_and_how_many_of_them_are_gone(owner_client, night):
    high = Score.objects.filter(run=night, churn_risk__gte=0.66)
    says, gone = owner_client.get(reverse("loyalty:risk")).context["says"], high.filter(stage="lapsed").count()
    assert gone > 1
    assert says.startswith(f"{high.count()} customers will each stay away")
    counted = f"This looks at everybody who ever ordered; {gone} of these {high.count()} already count as gone."
    assert says.endswith(counted)


def test_risk_list_says_why_and_opens_a_draft(owner_client, night):
    response = owner_client.get(reverse("loyalty:risk"))
    rows, listed = response.context["rows"], Score.objects.filter(run=night).exclude(stage="lapsed").count()
    assert len(rows) == min(listed, 25) > 0
    told = [row.score.contact_id for row in rows if row.score.reasons]  # nothing stands out in some
    assert [row.score.contact_id for row in rows if row.reason] == told != []
    body = response.content.decode()
    assert f"{reverse('campaigns:new')}?recipe=win-back&amp;segment=slipping-regulars" in body
    assert "as of Nov 19, 2026" in body


def test_risk_export_is_the_whole_list(owner_client, night):
    response = owner_client.get(reverse("loyalty:risk_export"), {"band": "high"})
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == Score.objects.filter(run=night, churn_risk__gte=0.66).count()
    best = Score.objects.filter(run=night, churn_risk__gte=0.66).order_by("-at_stake_minor", "-id").first()
    assert (rows[0]["E-mail"], rows[0]["Money at stake"]) == (best.contact.email, f"{best.at_stake_minor / 100:.2f}")
    assert {row["As of"] for row in rows} == {"2026-11-19"}


def test_risk_export_says_the_shops_day(owner_client, night):
    best = Score.objects.filter(run=night, churn_risk__gte=0.66).order_by("-at_stake_minor", "-id").first()
    late = dt.datetime(2026, 11, 18, 23, 30, tzinfo=dt.UTC)  # the 19th in Berlin
    Contact.objects.filter(pk=best.contact_id).update(last_order_at=late)
    response = owner_client.get(reverse("loyalty:risk_export"), {"band": "high"})
    rows = list(csv.DictReader(b"".join(response.streaming_content).decode("utf-8-sig").splitlines()))
    assert rows[0]["Last order"] == "2026-11-19"


def test_method_page_tells_how_good_in_plain_words(owner_client, night):
    response = owner_client.get(reverse("loyalty:method"))
    churn, value, intent, offers, demand = response.context["tasks"]
    cards = night.report_cards
    assert {candidate.name for candidate in churn.candidates if candidate.is_champion} == {
        findings.wording.method(night.champions["churn"])
    }
    assert len(churn.candidates) == cards.filter(task="churn").count()
    for task, name in ((value, "value"), (intent, "intent"), (offers, "offers"), (demand, "demand")):
        assert len(task.candidates) == cards.filter(task=name).count()
    assert value.question == f"What will each customer bring within {night.horizon_days} days?"
    assert intent.question == "Who will order within 30 days?"
    assert churn.question == f"Who will not come back within {night.horizon_days} days?"
    assert response.context["runs"][0] == night
    assert [stage.state for stage in response.context["stages"]] == ["done"] * len(night.stages)


def test_customer_page_panel_shows_the_last_run(owner_client, night, rf):
    score = Score.objects.filter(run=night).order_by("-at_stake_minor").first()
    body = owner_client.get(score.contact.get_absolute_url()).content.decode()
    assert ("What the numbers say" in body, "As of Nov 19, 2026" in body) == (True, True)
    assert f"Next {night.horizon_days} days" in body
    assert say.rough_money(score.value_ahead_minor, "EUR") in body
    assert "Order within 30 days" in body
    request = rf.get("/")
    request.shop = Shop.current()
    assert findings.panel(contact=person("Without orders"), request=request) is None
    assert panels.PANELS.registered["loyalty"].reader is findings.panel


def test_before_the_first_run_the_page_says_when(owner_client, shop):
    order(person("Ada"), NOW - dt.timedelta(days=2))
    for name in ("insights", "risk", "method"):
        response = owner_client.get(reverse(f"loyalty:{name}"))
        assert (response.status_code, response.context["run"]) == (200, None)
        assert "every night at 03:00, the first time within a few minutes." in response.content.decode()
        assert reverse("loyalty:refresh") in response.content.decode()


def test_without_orders_there_is_nothing_to_promise(owner_client, shop):
    assert findings.notice(now=NOW, shop=shop) is None
    assert owner_client.get(reverse("loyalty:insights")).status_code == 200
    response = owner_client.post(reverse("loyalty:refresh"), follow=True)
    assert "nothing to work out" in response.content.decode()
    assert Run.objects.count() == 0


def test_a_small_shop_is_told_what_is_missing(owner_client, shop):
    order(person("Ada"), clock.now() - dt.timedelta(days=2))
    pipeline.run(as_of=LAST_DAY, now=NOW)
    response = owner_client.get(reverse("loyalty:method"))
    tasks = response.context["tasks"]
    assert [task.candidates for task in tasks] == [[]] * 5
    assert "" not in [task.missing for task in tasks]
    assert "What is still missing" in response.content.decode()
    assert "No risks yet" in owner_client.get(reverse("loyalty:risk")).content.decode()
    assert owner_client.get(reverse("loyalty:insights")).status_code == 200


def test_a_failed_run_says_why_and_whose_numbers_are_shown(owner_client, night, shop):
    Run.objects.create(as_of="2026-11-20", state=Run.State.FAILED, error="The disk is full.", finished_at=NOW)
    said = findings.notice(now=NOW, shop=shop)
    assert said.text == (
        "The run of Nov 20, 2026 09:00 failed, so the numbers are still those of Nov 19, 2026. The reason: The disk is full."
    )
    assert (said.tone, said.post_url) == ("warn", reverse("loyalty:refresh"))
    assert owner_client.get(reverse("loyalty:insights")).context["run"] == night


def test_a_missed_night_is_noticed(night, shop):
    assert findings.notice(now=NOW + dt.timedelta(hours=30), shop=shop) is None
    assert findings.notice(now=NOW + dt.timedelta(hours=37), shop=shop).tone == "warn"


def test_the_button_asks_for_a_run_and_the_page_follows_it(owner_client, night, settings, shop):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    response = owner_client.post(reverse("loyalty:refresh"))
    assert response.url == reverse("loyalty:method")
    waiting = Run.objects.latest("id")
    assert (waiting.state, findings.notice(now=NOW, shop=shop).is_working) == (Run.State.WAITING, True)
    body = owner_client.get(reverse("loyalty:method")).content.decode()
    assert f'hx-get="{reverse("loyalty:progress")}"' in body
    polled = owner_client.get(reverse("loyalty:progress"), headers={"HX-Request": "true"})
    assert ("hx-trigger" in polled.content.decode(), "HX-Refresh" in polled.headers) == (True, False)
    Run.objects.filter(pk=waiting.pk).update(state=Run.State.DONE, finished_at=NOW)
    polled = owner_client.get(reverse("loyalty:progress"), headers={"HX-Request": "true"})
    assert ("hx-trigger" in polled.content.decode(), polled.headers.get("HX-Refresh")) == (False, "true")


def test_only_a_post_starts_a_run(owner_client, shop):
    assert owner_client.get(reverse("loyalty:refresh")).status_code == 405


def test_today_reads_the_notice(owner_client, shop):
    order(person("Ada"), NOW - dt.timedelta(days=2))
    assert notices.READERS["loyalty"] is findings.notice
    assert "every night at 03:00, the first time within a few minutes." in owner_client.get(reverse("home:today")).content.decode()


@pytest.mark.parametrize("name", ["insights", "risk", "method"])
def test_the_number_of_queries_stays(owner_client, night, name, django_assert_max_num_queries):
    url = reverse(f"loyalty:{name}")
    owner_client.get(url)
    with django_assert_max_num_queries(20) as first:
        owner_client.get(url)
    people = [person(f"Person {n}") for n in range(3)]
    for one in people:
        Score.objects.create(
            run=night, contact=one, recency_grade=1, frequency_grade=1, money_grade=1, group="new", stage="regular",
            churn_risk=0.99, at_stake_minor=10**9, reasons=[{"code": "only_one_order"}],
        )  # fmt: skip
    with django_assert_max_num_queries(len(first)):
        owner_client.get(url)
