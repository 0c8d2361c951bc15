"""Nights made up for: what would have been promised in past months, judged as every promise is."""

import datetime as dt

import pytest

from crm.contacts.models import Segment
from crm.home.models import Action
from loyalty import findings, pipeline, tasks, track_record
from loyalty.models import Promise, Run, Score
from tests.loyalty.conftest import LAST_DAY

pytestmark = pytest.mark.django_db


def test_the_first_nights_of_past_months_are_asked_for_oldest_first(past):
    assert pipeline.look_back(months=3, before=LAST_DAY) == 3
    asked = Run.objects.order_by("id").values_list("as_of", "is_look_back", "state")
    assert list(asked) == [(dt.date(2026, month, 1), True, "waiting") for month in (8, 9, 10)]


def test_no_night_before_the_books_begin(past):
    months = 1 + (500 // 28)
    assert pipeline.look_back(months=months, before=LAST_DAY) < months
    first = Run.objects.order_by("id").first().as_of
    assert LAST_DAY - dt.timedelta(days=501) < first


def test_a_shop_without_orders_has_no_nights_to_make_up_for(shop):
    assert pipeline.look_back(months=3, before=LAST_DAY) == 0


def test_they_promise_are_judged_and_are_never_on_show(past, short_night, monkeypatch, now, shop):
    monkeypatch.setattr(pipeline._Night, "recommend", lambda night: None)
    pipeline.look_back(months=2, before=LAST_DAY)
    for run in Run.objects.order_by("id"):
        done = pipeline.run(as_of=run.as_of, now=now, run_id=run.pk)
        assert (done.state, "publish" in done.stages, "alike" in done.stages) == ("done", False, False)
        assert Score.objects.filter(run=done).count() > 0
    assert Run.objects.latest_done() is None
    assert (Action.objects.count(), Segment.objects.count()) == (0, 0)
    assert set(Promise.objects.values_list("made_on", flat=True)) == {dt.date(2026, 9, 1), dt.date(2026, 10, 1)}

    final = pipeline.run(as_of=LAST_DAY, now=now)
    assert Run.objects.latest_done() == final
    judged = Promise.objects.filter(due_on__lte=LAST_DAY)
    assert judged.exists() and not judged.filter(judged_on=None).exists()
    lines = [line for question in track_record.questions(shop=shop) for line in question.judged]
    assert lines and all(line.hindsight for line in lines)


def test_a_hint_for_the_newest_run_does_those_before_it_first(past, monkeypatch, now):
    done = []
    monkeypatch.setattr(pipeline, "run", lambda *, as_of, now, run_id: done.append(as_of) or Run(state=Run.State.DONE))
    pipeline.look_back(months=2, before=LAST_DAY)
    newest = Run.objects.create(as_of=LAST_DAY)
    Run.objects.create(as_of=LAST_DAY + dt.timedelta(days=1))
    assert tasks.refresh(run_id=newest.pk) == 3
    assert done == [dt.date(2026, 9, 1), dt.date(2026, 10, 1), LAST_DAY]


def test_the_demo_asks_for_four_and_for_today(past, shop, now):
    findings.after_demo(now=now)
    today = pipeline.natural_as_of(shop=shop, now=now, today=True)
    runs = Run.objects.order_by("id").values_list("as_of", "is_look_back")
    assert list(runs) == [*((dt.date(2026, month, 1), True) for month in (7, 8, 9, 10)), (today, False)]
