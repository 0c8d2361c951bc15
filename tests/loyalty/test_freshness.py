"""Between two nights: who just bought is seen at once, and one person's arithmetic is the night's."""

import datetime as dt
import json
import os
import subprocess
import sys
import time

import pytest
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse

from crm.accounts.models import Shop
from crm.api import visits
from crm.api.models import Visit
from crm.contacts.models import Contact, Segment
from crm.home import actions
from crm.home.models import Action
from crm.imports import intake
from crm.lib import changes
from crm.orders.purchases import Purchase
from loyalty import freshness, pasts, pipeline, tasks
from loyalty.dates import date_of
from loyalty.estimators import lifecycle, rfm, simulate
from loyalty.estimators.base import summarise
from loyalty.models import Fresh, Run, Score, Stir
from loyalty.publishing import SLIPPING
from tests.loyalty.conftest import LAST_DAY, moment, order, person

pytestmark = pytest.mark.django_db

TODAY = LAST_DAY + dt.timedelta(days=1)
NOON = moment(TODAY)
GRADED = ("recency_grade", "frequency_grade", "money_grade", "group", "stage")


@pytest.fixture(autouse=True)
def the_day_after():
    cache.clear()
    with time_machine.travel(NOON, tick=True):
        yield
    cache.clear()


def buys(contact: Contact, *, at: dt.datetime = NOON, total: int = 2_000, **fields) -> int:
    """Let somebody buy through the door everything comes in by."""
    number = f"door-{contact.pk}-{at.isoformat()}-{total}"
    purchase = Purchase("typed", number, at, "EUR", total, contact_id=contact.pk, **fields)
    taken = intake.take_orders([purchase], now=at)
    return taken.recorded.order_ids[0]


@pytest.fixture
def slipping(past_night) -> Contact:
    """The slipping regular with the most at stake."""
    members = Contact.objects.filter(memberships__segment__slug=SLIPPING)
    assert members.count() > 3
    return members.order_by("-at_stake_minor").first()


def test_for_everybody_the_plain_arithmetic_is_the_nights(past_night):
    """Grades, groups, stages and gaps from cut points, customer by customer, on the run's own date."""
    shop = Shop.current()
    scores = {score.contact_id: score for score in past_night.scores.all()}
    for contact_id, past in pasts.read(list(scores), as_of=LAST_DAY, shop=shop).items():
        fresh = dict(zip(freshness.COLUMNS[4:], freshness._fresh(past, run=past_night)))
        score = scores[contact_id]
        for name in ("recency_grade", "frequency_grade", "money_grade", "group", "stage"):
            assert fresh[name] == getattr(score, name), (contact_id, name)
        assert fresh["usual_gap_days"] == pytest.approx(score.usual_gap_days, abs=0.1)
        assert fresh["is_back"] is False
    assert {score.stage for score in scores.values()} == {"regular", "slipping", "lapsed"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_stage_and_group_is_told_as_the_estimators_tell_it(seed):
    history, _truth = simulate.bgnbd(customers=900, days=700, r=0.4, alpha=3, a=0.6, b=3, joined_within=690, seed=seed)
    summary = summarise(history)
    grades, stages = rfm.grades(summary, 60), lifecycle.stages(summary)
    points = freshness.cut_points(summary, grades, lifecycle.shop_gap(summary))
    run = Run(as_of=date_of(history.as_of), horizon_days=60, cut_points=json.loads(json.dumps(points)))
    told = []
    for place in range(len(history.customer_ids)):
        mine = history.order_customer == place
        orders = [
            pasts.Bought(day, amount)
            for day, amount in zip(history.order_day[mine].tolist(), history.order_amount[mine].tolist())
        ]
        fresh = dict(zip(freshness.COLUMNS[4:], freshness._fresh(pasts.Past(history.as_of, orders), run=run)))
        told.append(tuple(fresh[name] for name in GRADED))
    expected = list(
        zip(
            grades.recency.tolist(), grades.frequency.tolist(), grades.money.tolist(),
            [rfm.GROUPS[group] for group in grades.group], [lifecycle.STAGES[stage] for stage in stages],
        )
    )  # fmt: skip
    assert told == expected
    assert {row[3] for row in told} == set(rfm.GROUPS)
    assert {row[4] for row in told} == set(lifecycle.STAGES)


def test_in_a_small_shop_grades_come_in_thirds(shop, now, bare_night):
    for place in range(30):
        who = person(f"Small {place}")
        for n in range(1 + place % 5):
            order(who, moment(LAST_DAY - dt.timedelta(days=3 + place * 2 + 20 * n)), 900 + 37 * place)
    run = pipeline.run(as_of=LAST_DAY, now=now)
    pages = pasts.read(list(run.scores.values_list("contact_id", flat=True)), as_of=LAST_DAY, shop=shop)
    told = {
        who: tuple(dict(zip(freshness.COLUMNS[4:], freshness._fresh(past, run=run)))[name] for name in GRADED)
        for who, past in pages.items()
    }
    assert told == {row[0]: row[1:] for row in run.scores.values_list("contact_id", *GRADED)}


def test_an_order_takes_its_customer_off_the_lists_within_a_second(
    past_night, slipping, owner_client, django_capture_on_commit_callbacks
):
    segment = Segment.objects.get(slug=SLIPPING)
    before = segment.member_count
    win_back = Action.objects.get(key=f"win_back:{SLIPPING}")
    assert win_back.title["en"].startswith(f"Win back {before} regulars")
    risk = owner_client.get(reverse("loyalty:risk"))
    assert slipping.pk in [row.score.contact_id for row in risk.context["rows"]]

    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        buys(slipping)
    took = time.monotonic() - began

    fresh = Fresh.objects.get(contact=slipping)
    assert (fresh.last_date, fresh.is_back, fresh.recency_grade, fresh.stage) == (TODAY, True, 5, "regular")
    assert fresh.visits == past_visits(slipping)
    slipping.refresh_from_db()
    assert (slipping.stage, slipping.group, slipping.churn_risk, slipping.at_stake_minor) == (
        "regular", fresh.group, None, None
    )  # fmt: skip
    segment.refresh_from_db()
    assert segment.member_count == before - 1
    assert not segment.members.filter(contact=slipping).exists()
    assert Segment.objects.get(slug=fresh.group).members.filter(contact=slipping).exists()
    assert slipping.memberships.exclude(segment__slug=fresh.group).count() == 0
    win_back.refresh_from_db()
    assert win_back.title["en"].startswith(f"Win back {before - 1} regulars")
    risk = owner_client.get(reverse("loyalty:risk"))
    assert slipping.pk not in [row.score.contact_id for row in risk.context["rows"]]
    assert risk.context["back"] == 1
    page = owner_client.get(slipping.get_absolute_url()).content.decode()
    assert "Bought today; the night will work out the rest." in page
    assert Stir.objects.count() == 0
    assert took < 1, f"order to refreshed score took {took:.2f} s"


def past_visits(contact: Contact) -> int:
    return len({one.placed_at.date() for one in contact.orders.filter(counts=True)})


def test_an_order_cancelled_again_brings_the_chances_back(past_night, slipping, django_capture_on_commit_callbacks):
    score = past_night.scores.get(contact=slipping)
    with django_capture_on_commit_callbacks(execute=True):
        order_id = buys(slipping)
    with django_capture_on_commit_callbacks(execute=True):
        intake.take_cancellation(order_id, at=NOON, now=NOON)
    fresh = Fresh.objects.get(contact=slipping)
    assert (fresh.is_back, fresh.stage, fresh.last_date) == (False, score.stage, past_last(slipping))
    slipping.refresh_from_db()
    assert (slipping.churn_risk, slipping.at_stake_minor) == (score.churn_risk, score.at_stake_minor)


def past_last(contact: Contact) -> dt.date:
    return contact.orders.filter(counts=True).latest("placed_at").placed_at.date()


def test_a_refund_lowers_the_money_grade(past_night, django_capture_on_commit_callbacks):
    score = past_night.scores.filter(money_grade=5, contact__orders__isnull=False).first()
    largest = score.contact.orders.order_by("-total_minor").first()
    spent = pasts.read([score.contact_id], as_of=TODAY, shop=Shop.current())[score.contact_id].spent
    with django_capture_on_commit_callbacks(execute=True):
        for one in score.contact.orders.exclude(pk=largest.pk):
            intake.take_refund(one.pk, amount_minor=one.total_minor, key=f"t{one.pk}", at=NOON, now=NOON)
    fresh = Fresh.objects.get(contact=score.contact_id)
    given = sum(one.total_minor for one in score.contact.orders.exclude(pk=largest.pk))
    assert fresh.spent_minor == spent - given
    assert (fresh.visits, fresh.frequency_grade) == (1, 1)
    assert fresh.money_grade < 5


def test_a_newcomer_is_new_at_once_and_a_cancelled_one_has_no_order(
    past_night, owner_client, django_capture_on_commit_callbacks
):
    newcomer = person("Newcomer")
    with django_capture_on_commit_callbacks(execute=True):
        order_id = buys(newcomer)
    newcomer.refresh_from_db()
    assert (newcomer.group, newcomer.stage, newcomer.churn_risk) == ("new", "first_time", None)
    assert Segment.objects.get(slug="new").members.filter(contact=newcomer).exists()
    page = owner_client.get(newcomer.get_absolute_url()).content.decode()
    assert "Bought today; the night will work out the rest." in page
    with django_capture_on_commit_callbacks(execute=True):
        intake.take_cancellation(order_id, at=NOON, now=NOON)
    newcomer.refresh_from_db()
    assert (newcomer.group, newcomer.stage) == ("", "prospect")
    assert newcomer.memberships.count() == 0
    fresh = Fresh.objects.get(contact=newcomer)
    assert (fresh.visits, fresh.last_date, fresh.recency_grade) == (0, None, 0)
    page = owner_client.get(newcomer.get_absolute_url()).content.decode()
    assert "No order counts any more; the night will take these numbers away." in page


def test_too_few_people_left_is_no_suggestion(past_night, django_capture_on_commit_callbacks):
    members = list(Contact.objects.filter(memberships__segment__slug=SLIPPING))
    with django_capture_on_commit_callbacks(execute=True):
        for contact in members[2:]:
            buys(contact)
    assert not Action.objects.filter(key=f"win_back:{SLIPPING}").exists()
    assert Segment.objects.get(slug=SLIPPING).member_count == 2
    assert f"win_back:{SLIPPING}" not in [one.key for one in actions.current(now=NOON)]


def test_the_next_night_knows_and_the_word_between_goes(
    past_night, slipping, bare_night, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        buys(slipping)
    pipeline.run(as_of=TODAY, now=NOON + dt.timedelta(hours=16))
    assert Fresh.objects.count() == 0
    slipping.refresh_from_db()
    score = Run.objects.latest_done().scores.get(contact=slipping)
    assert (slipping.group, slipping.stage, slipping.scored_on) == (score.group, score.stage, TODAY)
    assert score.stage == "regular"


def test_a_night_that_speaks_of_the_day_before_does_not_take_the_word_back(
    past_night, slipping, bare_night, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        buys(slipping)
    night = pipeline.run(as_of=LAST_DAY, now=NOON + dt.timedelta(hours=1))
    fresh = Fresh.objects.get()
    assert (fresh.run, fresh.contact, fresh.is_back) == (night, slipping, True)
    assert not Segment.objects.get(slug=SLIPPING).members.filter(contact=slipping).exists()
    slipping.refresh_from_db()
    assert (slipping.stage, slipping.churn_risk) == ("regular", None)


def test_a_night_that_ends_while_somebody_is_refreshed_is_noticed(past_night, slipping, monkeypatch):
    """The night publishes between the refresh's look at the latest run and its last word."""
    with_old_run = freshness._refresh
    nights = []

    def slow(seen, *, run, now, **visited):
        done = with_old_run(seen, run=run, now=now, **visited)
        if not nights:  # a run that began before and ends now, without having seen the order
            nights.append(Run.objects.create(
                as_of=LAST_DAY, state=Run.State.DONE, started_at=NOON - dt.timedelta(minutes=3), finished_at=NOON,
                horizon_days=run.horizon_days, cut_points=run.cut_points,
            ))  # fmt: skip
        return done

    monkeypatch.setattr(freshness, "_refresh", slow)
    buys(slipping)
    freshness.refresh_due(now=NOON)
    assert Fresh.objects.get().run == nights[0]


def test_after_a_run_of_the_same_day_by_hand_a_purchase_counts_as_news(
    past_night, slipping, short_night, django_capture_on_commit_callbacks
):
    Run.objects.filter(pk=past_night.pk).update(as_of=TODAY, started_at=NOON - dt.timedelta(hours=2))
    with django_capture_on_commit_callbacks(execute=True):
        buys(slipping)
    fresh = Fresh.objects.get()
    assert (fresh.contact, fresh.last_date, fresh.is_back) == (slipping, TODAY, True)
    assert not Segment.objects.get(slug=SLIPPING).members.filter(contact=slipping).exists()


def test_an_old_order_written_down_late_is_no_visit(past_night, slipping, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        buys(slipping, at=moment(LAST_DAY - dt.timedelta(days=200)))
    assert Fresh.objects.get().is_back is False
    assert Segment.objects.get(slug=SLIPPING).members.filter(contact=slipping).exists()


def test_an_import_waits_for_the_night(past_night):
    changes.tell(changes.ORDERS, list(range(1, freshness.MOST_AT_ONCE + 2)))
    assert Stir.objects.count() == 0
    changes.tell(changes.ORDERS, list(range(1, freshness.MOST_AT_ONCE + 1)))
    assert Stir.objects.count() == freshness.MOST_AT_ONCE
    changes.tell(changes.PEOPLE, [1])
    assert Stir.objects.count() == freshness.MOST_AT_ONCE


def test_what_a_lost_hint_left_behind_is_swept_up(past_night, slipping):
    buys(slipping)  # the callback after commit never runs
    assert (Stir.objects.count(), Fresh.objects.count()) == (1, 0)
    assert tasks.sweep_stirred(now=NOON) == 1
    assert (Stir.objects.count(), Fresh.objects.count()) == (0, 1)
    assert tasks.sweep_stirred(now=NOON) == 0


def test_before_the_first_night_there_is_nothing_to_refresh(shop):
    buys(person())
    assert tasks.sweep_stirred(now=NOON) == 0
    assert (Stir.objects.count(), Fresh.objects.count(), Score.objects.count()) == (0, 0, 0)


def test_questions_asked_do_not_grow_with_orders_changed(past_night, django_assert_max_num_queries):
    people = list(Contact.objects.filter(orders__isnull=False).distinct()[:40])
    for contact in people[:1]:
        buys(contact)
    with django_assert_max_num_queries(80):
        freshness.refresh_due(now=NOON)
    for contact in people:
        buys(contact, total=2_100)
    with django_assert_max_num_queries(80):
        freshness.refresh_due(now=NOON)
    assert Fresh.objects.count() == 40


def test_the_worker_stays_small():
    """What an idle worker imports for this brings no NumPy along."""
    code = (
        "import django, sys; django.setup(); from loyalty import auditing, freshness, tasks; "
        "sys.exit('numpy' in sys.modules)"
    )
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    assert subprocess.run([sys.executable, "-c", code], env=env, cwd=settings.BASE_DIR, check=False).returncode == 0


# Visits of the website


def visits_page(contact: Contact, page: int = 1, at: dt.datetime = NOON) -> None:
    said = {"who": visits.token_for(contact.pk), "kind": "page", "path": "/", "id": f"visit-{contact.pk}-{page}"}
    assert visits.record(said, now=at)


def test_a_visit_is_seen_within_a_second(
    past_night, slipping, owner_client, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        visits_page(slipping)
    fresh, score = Fresh.objects.get(), Score.objects.get(contact=slipping)
    assert (fresh.contact_id, fresh.is_back, fresh.stage) == (slipping.pk, False, "slipping")
    assert NOON <= fresh.visited_at < NOON + dt.timedelta(seconds=5)
    slipping.refresh_from_db()
    assert slipping.churn_risk == score.churn_risk  # a look is no order: the chances stay until the night
    page = owner_client.get(reverse("contacts:detail", args=[slipping.pk])).content.decode()
    assert "Looked around in your shop on Nov 19, 2026" in page

    with django_capture_on_commit_callbacks(execute=True):
        buys(slipping, at=NOON + dt.timedelta(minutes=3))
    fresh.refresh_from_db()
    assert (fresh.is_back, fresh.visited_at is None) == (True, False)
    page = owner_client.get(reverse("contacts:detail", args=[slipping.pk])).content.decode()
    assert "Bought today" in page


def test_of_a_visitor_who_never_bought_nothing_is_said(past_night, owner_client, django_capture_on_commit_callbacks):
    looker = person("Looker")
    with django_capture_on_commit_callbacks(execute=True):
        visits_page(looker)
    assert (Fresh.objects.count(), Stir.objects.count()) == (0, 0)
    page = owner_client.get(reverse("contacts:detail", args=[looker.pk])).content.decode()
    assert "No order counts any more" not in page


def test_a_stroll_of_many_pages_is_one_look(slipping, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as told:
        for page in range(20):
            visits_page(slipping, page)
    assert (len(told), Stir.objects.count(), Visit.objects.count()) == (1, 1, 20)
    assert freshness.refresh_due(now=NOON) == 1
    visits_page(slipping, 20)
    assert Stir.objects.count() == 0
    with time_machine.travel(NOON + freshness.A_STROLL + dt.timedelta(minutes=1), tick=True):
        visits_page(slipping, 21)
    assert Stir.objects.count() == 1


def test_a_busy_website_wakes_the_worker_once_in_some_seconds(
    past_night, django_capture_on_commit_callbacks
):
    people = list(Contact.objects.filter(scores__run=past_night).order_by("id")[:40])
    with django_capture_on_commit_callbacks() as told:
        for someone in people:
            visits_page(someone)
    assert (len(told), Stir.objects.count()) == (1, 40)
    assert tasks.sweep_stirred(now=NOON) == 40  # in one go, those the hint of the first did not take too
    assert Fresh.objects.filter(visited_at__isnull=False).count() == 40


def test_the_next_night_knows_all_of_a_visitor_who_bought_nothing(
    slipping, now, bare_night, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        visits_page(slipping)
    with time_machine.travel(NOON + dt.timedelta(hours=14), tick=True):
        pipeline.run(as_of=TODAY, now=NOON + dt.timedelta(hours=14))
    assert Fresh.objects.count() == 0
