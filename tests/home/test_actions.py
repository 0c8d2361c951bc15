"""The action tray: replaced as a whole, dismissed for 14 days, brought back."""

import datetime as dt

import pytest
from django.urls import reverse

from crm.home import actions
from crm.home.actions import Suggestion
from crm.home.models import Action
from tests.home.tiny import books

DAY = dt.date(2026, 11, 19)


def suggestion(key: str, **values) -> Suggestion:
    said = {"en": f"Title of {key}", "zh-hans": f"标题 {key}"}
    fields = {
        "kind": "win_back",
        "title": said,
        "evidence": said,
        "why": said,
        "button": {"en": "Write", "zh-hans": "写"},
        "url": "/campaigns/new/?recipe=win-back",
    }
    return Suggestion(key=key, **(fields | values))


@pytest.fixture
def tray(db):
    actions.replace_all([suggestion(f"k{n}", rank=n, gains=(100 * n, 300 * n), cost=50) for n in (3, 1, 2)], as_of=DAY)


def keys(now) -> list[str]:
    return [action.key for action in actions.current(now=now)]


def test_the_best_come_first(tray, now):
    assert keys(now) == ["k1", "k2", "k3"]
    first = Action.objects.get(key="k1")
    assert (first.gain_low_minor, first.gain_high_minor, first.cost_minor, first.as_of) == (100, 300, 50, DAY)


def test_a_new_night_replaces_all(tray, now):
    assert actions.replace_all([suggestion("k9")], as_of=DAY) == 1
    assert keys(now) == ["k9"]


def test_at_most_five_are_shown(now, db):
    actions.replace_all([suggestion(f"k{n}", rank=n) for n in range(8)], as_of=DAY)
    assert len(keys(now)) == 5


def test_a_dismissed_one_stays_away_for_14_days_whatever_night_comes(tray, now):
    assert actions.dismiss("k1", now=now)
    actions.replace_all([suggestion("k1"), suggestion("k2")], as_of=DAY)
    assert keys(now) == ["k2"]
    assert actions.hidden_count(now=now) == 1
    assert keys(now + dt.timedelta(days=13, hours=23)) == ["k2"]
    assert keys(now + dt.timedelta(days=14)) == ["k1", "k2"]


def test_dismissing_what_is_gone_does_nothing(tray, now):
    assert not actions.dismiss("unknown", now=now)
    assert len(keys(now)) == 3


def test_dismiss_and_bring_back_without_a_script(tray, owner_client, now):
    response = owner_client.post(reverse("home:dismiss"), {"key": "k1"})
    assert (response.status_code, response.url) == (302, reverse("home:today"))
    assert keys(now) == ["k2", "k3"]
    assert owner_client.post(reverse("home:bring_back")).status_code == 302
    assert keys(now) == ["k1", "k2", "k3"]


def test_dismiss_with_htmx_draws_the_list_again_and_offers_undo(tray, owner_client, now):
    response = owner_client.post(reverse("home:dismiss"), {"key": "k1"}, headers={"HX-Request": "true"})
    body = response.content.decode()
    assert (response.status_code, "Title of k1" in body, "Title of k2" in body) == (200, False, True)
    assert "<html" not in body
    assert f'"undo": "{reverse("home:bring_back")}?key=k1"' in response.headers["HX-Trigger"]
    owner_client.post(reverse("home:bring_back") + "?key=k1")
    assert keys(now) == ["k1", "k2", "k3"]


def test_a_suggestion_says_range_cost_reason_and_date(tray, owner_client):
    books()
    body = owner_client.get(reverse("home:today")).content.decode()
    assert "Likely +€1 to +€3" in body
    assert body.count("Why this?") == 3
    assert "From the orders up to Nov 19, 2026" in body
    assert body.count(f'action="{reverse("home:take")}"') == 3


def test_suggestions_are_read_in_chinese(tray, owner_client):
    books()
    owner_client.cookies["language"] = "zh-hans"
    body = owner_client.get(reverse("home:today")).content.decode()
    assert ("标题 k1" in body, "Title of k1" in body) == (True, False)


def test_only_a_post_dismisses(tray, owner_client):
    assert owner_client.get(reverse("home:dismiss")).status_code == 405
