"""Points of a campaign: an end of their own, a budget, and what became of them."""

import datetime as dt

import pytest
import time_machine

from crm.campaigns import recipes, reporting, scheduling, sending, starting
from crm.campaigns.forms import CampaignForm
from crm.campaigns.models import Message
from crm.rewards import falling_due, ledger, redeeming
from crm.rewards.models import Entry, Lot


@pytest.fixture
def due(campaign, now):
    """Make a campaign that is due now."""

    def make(**more):
        made = campaign(**more)
        scheduling.schedule(made, now=now)
        made.refresh_from_db()
        return made

    return make


def run(now):
    starting.start_due(now=now)
    starting.give_points(now=now)
    sending.sweep(now=now)


def test_points_expire_after_their_last_day_in_the_shop(due, person, now):
    person()
    due(points=50, points_days=30)
    run(now)
    assert Lot.objects.get().expires_at == dt.datetime(2026, 12, 20, 23, 0, tzinfo=dt.UTC)  # midnight in Berlin
    assert falling_due.expire(now=dt.datetime(2026, 12, 20, 22, 59, tzinfo=dt.UTC)) == 0
    assert falling_due.expire(now=dt.datetime(2026, 12, 20, 23, 0, tzinfo=dt.UTC)) == 1


def test_points_without_an_end_live_for_ever(due, person, now):
    person()
    due(points=50)
    run(now)
    assert Lot.objects.get().expires_at is None


def test_who_comes_after_the_budget_gets_nothing_and_the_owner_is_told(due, crowd, now, owner_client):
    crowd(5)
    made = due(points=50, points_budget=170, repeat="weekly")
    run(now)
    made.refresh_from_db()
    assert list(Message.objects.values_list("points", flat=True)) == [50, 50, 50]
    assert sum(Entry.objects.values_list("points", flat=True)) == 150
    assert made.next_at is None, "it repeats no more"
    assert "The budget of stamps is used up" in owner_client.get(made.get_absolute_url()).text


def test_the_budget_is_that_of_all_repeats(due, crowd, now):
    crowd(4)
    made = due(points=10, points_budget=60, repeat="weekly", subject="", body="")
    run(now)
    made.refresh_from_db()
    assert (made.state, made.problem) == ("scheduled", "")
    run(made.next_at)
    made.refresh_from_db()
    assert sum(Entry.objects.values_list("points", flat=True)) == 60
    assert (made.state, made.next_at) == ("finished", None)


def test_left_out_people_cost_no_budget(due, crowd, now):
    crowd(40)
    due(points=10, points_budget=400, holdout_percent=25)
    run(now)
    held_out = Message.objects.filter(state="held_out").count()
    assert held_out > 0
    assert Message.objects.filter(points=10).count() == 40 - held_out


def test_given_twice_is_given_once(due, person, now):
    person()
    made = due(points=50, points_days=30)
    run(now)
    made.rotations.update(points_given_at=None)
    type(made).objects.update(state="running")
    assert starting.give_points(now=now) == 0
    assert Lot.objects.count() == 1


def test_the_result_follows_the_points(due, person, now):
    ava = person("Ava Brandt")
    person("Theo Weber")
    made = due(points=50, points_days=30)
    run(now)
    ledger.post([ledger.Posting(contact_id=ava.pk, points=30, kind="welcome", source="welcome:1", at=now)], now=now)
    redeeming.redeem(ava.pk, points=60, key="one", now=now)  # 50 of the campaign, which expire first, and 10
    assert reporting.points_result(made) == reporting.Points(given=100, redeemed=50, expired=0, taken_back=0)
    falling_due.expire(now=now + dt.timedelta(days=40))
    found = reporting.points_result(made)
    assert (found, found.left) == (reporting.Points(given=100, redeemed=50, expired=50, taken_back=0), 0)


def test_the_page_shows_the_result(due, person, now, owner_client):
    person()
    made = due(points=50, points_days=30, points_budget=500)
    run(now)
    with time_machine.travel(now, tick=False):
        page = owner_client.get(made.get_absolute_url()).text
    assert "What became of the stamps" in page
    assert "of 500 at most" in page
    assert "They expire 30 days after they are given." in page


def test_a_budget_below_one_gift_is_refused(shop, segment):
    form = CampaignForm({"name": "x", "points": "50", "points_budget": "40", "window_days": "7"})
    assert not form.is_valid()
    assert form.errors == {"points_budget": ["This is not enough for one customer."]}


def test_the_composer_keeps_both(campaign, owner_client, segment):
    made = campaign()
    page = owner_client.get(f"/campaigns/{made.pk}/edit/").text
    assert 'name="points_days"' in page
    owner_client.post(f"/campaigns/{made.pk}/edit/", {
        "name": "Thanks", "segment": segment.pk, "points": "50", "points_days": "14", "points_budget": "900",
        "subject": "Hi", "body": "Hello", "window_days": "7", "version": made.version, "then": "save",
    })  # fmt: skip
    made.refresh_from_db()
    assert (made.points, made.points_days, made.points_budget) == (50, 14, 900)


def test_doing_it_again_keeps_both(campaign, shop):
    copy = recipes.again(campaign(points=50, points_days=14, points_budget=900), shop=shop)
    assert (copy.points_days, copy.points_budget) == (14, 900)
