"""The night: all or nothing for readers, safe to repeat, honest about what it left out."""

import datetime as dt

import pytest

from crm.contacts.models import Contact, Segment
from crm.home.models import Action
from crm.orders.models import Order
from loyalty import dataset, pipeline
from loyalty.models import ReportCard, Run, Score, Snapshot
from tests.loyalty.conftest import LAST_DAY, moment, order, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(whole_night) -> Run:
    return whole_night


def test_a_night_keeps_scores_cards_months_and_says_how_it_went(night):
    assert night.state == Run.State.DONE
    parts = (
        "load", "rfm", "lifecycle", "churn", "value", "intent", "recommend", "together", "alike", "what_if", "leavers",
        "demand", "ladder", "store", "scorecard", "publish",
    )  # fmt: skip
    assert {name: stage["state"] for name, stage in night.stages.items()} == dict.fromkeys(parts, "done")
    buyers = Order.objects.values("contact").distinct().count()
    assert (night.customers, night.orders) == (buyers, Order.objects.count())
    assert night.scores.count() == buyers
    assert set(night.champions) == {"churn", "value", "intent", "offers", "demand"}
    for task in ("churn", "value", "intent", "offers", "demand"):
        cards = ReportCard.objects.filter(run=night, task=task)
        assert [card.candidate for card in cards if card.is_champion] == [night.champions[task]]
        assert cards.filter(is_baseline=True).count() == 1
    assert Snapshot.objects.filter(month=dt.date(2026, 11, 30)).count() == 6
    assert Snapshot.objects.order_by("month").first().month == dt.date(2025, 7, 31)


def test_everyone_is_told_what_they_will_bring_and_whether_they_order_soon(night):
    scores = list(night.scores.all())
    assert night.intent_days == 30
    for score in scores:
        assert 0 <= score.value_low_minor <= score.value_ahead_minor <= score.value_high_minor
        assert score.expected_orders >= 0
        assert 0 <= score.intent <= 1
    gone = [score.value_ahead_minor for score in scores if score.stage == "lapsed"]
    here = [score.value_ahead_minor for score in scores if score.stage == "regular"]
    assert sum(gone) / len(gone) < sum(here) / len(here) / 3


def test_the_silence_beside_the_usual_gap_is_the_first_reason(night):
    told = 0
    for score in night.scores.select_related("contact"):
        last = max(Order.objects.filter(contact=score.contact).values_list("placed_at", flat=True))
        visits = Order.objects.filter(contact=score.contact).dates("placed_at", "day").count()
        if visits < 2:
            continue
        first, *others = score.reasons
        days, usual = (LAST_DAY - last.date()).days, max(round(score.usual_gap_days), 1)
        assert first == {"code": "quiet_for" if days > usual else "bought_lately", "days": days, "usual": usual}
        assert {one["code"] for one in others}.isdisjoint({"quiet_for", "bought_lately"})
        assert len(others) <= 2
        told += len(others) > 0
    assert told > 100


def test_the_trays_are_filled(night):
    groups = Segment.objects.exclude(slug="slipping-regulars")
    assert {segment.slug for segment in groups} == {"champions", "loyal", "promising", "new", "at_risk", "sleeping"}
    assert sum(segment.member_count for segment in groups) == night.customers
    for score in night.scores.select_related("contact"):
        contact = score.contact
        assert (contact.group, contact.stage, contact.churn_risk, contact.at_stake_minor, contact.scored_on) == (
            score.group, score.stage, score.churn_risk, score.at_stake_minor, LAST_DAY
        )  # fmt: skip
    assert Contact.objects.get(name="Prospect").stage == "prospect"
    for action in Action.objects.all():
        assert set(action.title) == {"en", "zh-hans"}
        assert action.url.startswith("/campaigns/new/?recipe=")
        assert action.gain_low_minor is None or action.gain_low_minor < action.gain_high_minor


def test_a_second_night_the_same_day_says_the_same(night, now):
    columns = ("contact_id", "group", "stage", "churn_risk", "at_stake_minor", "next_product_id")
    again = pipeline.run(as_of=LAST_DAY, now=now)
    assert list(again.scores.order_by("contact_id").values_list(*columns)) == list(
        night.scores.order_by("contact_id").values_list(*columns)
    )
    assert Run.objects.latest_done() == again


def test_a_run_on_an_earlier_day_sees_nothing_later(past, short_night, now):
    early = LAST_DAY - dt.timedelta(days=150)
    with_future = pipeline.run(as_of=early, now=now)
    scores = list(with_future.scores.order_by("contact_id").values_list("contact_id", "group", "churn_risk", "reasons"))
    Order.objects.filter(placed_at__gt=moment(early, 23)).delete()
    without = pipeline.run(as_of=early, now=now)
    assert (
        list(without.scores.order_by("contact_id").values_list("contact_id", "group", "churn_risk", "reasons"))
        == scores
    )


def test_a_night_that_fails_leaves_yesterdays_numbers(night, short_night, now, monkeypatch):
    standing = list(Contact.objects.order_by("id").values_list("group", "churn_risk", "scored_on"))
    actions = list(Action.objects.order_by("id").values_list("key", "as_of"))
    monkeypatch.setattr("crm.home.actions.replace_all", lambda *a, **k: 1 / 0)
    failed = pipeline.run(as_of=LAST_DAY + dt.timedelta(days=1), now=now)
    assert failed.state == Run.State.FAILED
    assert failed.error == "division by zero"
    assert failed.stages["publish"]["state"] == "failed"
    assert failed.scores.count() == 0
    assert Run.objects.latest_done() == night
    assert list(Contact.objects.order_by("id").values_list("group", "churn_risk", "scored_on")) == standing
    assert list(Action.objects.order_by("id").values_list("key", "as_of")) == actions


def test_a_part_that_fails_does_not_stop_the_night(past, short_night, now, monkeypatch):
    monkeypatch.setattr("loyalty.estimators.recommenders.back_test", lambda *a, **k: 1 / 0)
    night = pipeline.run(as_of=LAST_DAY, now=now)
    assert night.state == Run.State.DONE
    assert night.stages["recommend"]["state"] == "failed"
    assert night.stages["recommend"]["reason"] == "ZeroDivisionError: division by zero"
    assert night.scores.exclude(churn_risk=None).count() == night.customers
    assert night.scores.exclude(next_product=None).count() == 0


def test_a_small_shop_is_told_what_is_missing(shop, now):
    for n in range(5):
        who = person(f"Customer {n}")
        for days in (100, 40, 3):
            order(who, moment(LAST_DAY - dt.timedelta(days=days + n)), 1_000 + n)
    night = pipeline.run(as_of=LAST_DAY, now=now)
    assert night.state == Run.State.DONE
    assert night.stages["churn"]["state"] == "skipped"
    assert night.stages["churn"]["missing"] == {"what": "customers", "have": 5, "need": 30}
    assert night.scores.filter(churn_risk=None).count() == 5
    assert Contact.objects.exclude(group="").count() == 5


def test_a_shop_without_orders_fails_with_one_clear_line(shop, now):
    night = pipeline.run(as_of=LAST_DAY, now=now)
    assert (night.state, night.error) == (Run.State.FAILED, "There are 0 orders to look at; at least 1 is needed.")


def test_a_waiting_run_is_claimed_once(past, bare_night, now):
    waiting = Run.objects.create(as_of=LAST_DAY)
    pipeline.run(as_of=LAST_DAY, now=now, run_id=waiting.pk)
    with pytest.raises(pipeline.NothingToDo):
        pipeline.run(as_of=LAST_DAY, now=now, run_id=waiting.pk)
    assert Run.objects.count() == 1


def test_people_who_lose_their_orders_lose_their_scores(night, short_night, now):
    gone = Contact.objects.exclude(group="").first()
    Order.objects.filter(contact=gone).delete()
    Contact.objects.filter(pk=gone.pk).update(order_count=0)
    pipeline.run(as_of=LAST_DAY, now=now)
    gone.refresh_from_db()
    assert (gone.group, gone.stage, gone.churn_risk, gone.scored_on) == ("", "prospect", None, None)


def test_someone_erased_while_the_run_works_gets_no_score(past, short_night, now, monkeypatch):
    from loyalty.estimators import churn

    gone = Order.objects.order_by("id").first().contact_id
    score = churn.score

    def erase_and_score(history, tests):
        Contact.objects.filter(pk=gone).update(erased_at=now)
        return score(history, tests)

    monkeypatch.setattr(churn, "score", erase_and_score)
    night = pipeline.run(as_of=LAST_DAY, now=now)
    assert night.state == Run.State.DONE
    assert night.scores.count() == night.customers == Order.objects.values("contact").distinct().count() - 1
    assert not night.scores.filter(contact=gone).exists()


def test_scores_of_old_runs_are_forgotten_but_each_months_last_stays(past, bare_night, now):
    days = [LAST_DAY - dt.timedelta(days=back) for back in (80, 79, 48, *range(31, 0, -1))]
    contact = Contact.objects.first()
    for day in days:
        run = Run.objects.create(as_of=day, state=Run.State.DONE)
        Score.objects.create(
            run=run, contact=contact, recency_grade=1, frequency_grade=1, money_grade=1, group="new", stage="regular"
        )
    pipeline.run(as_of=LAST_DAY, now=now)
    kept = set(Score.objects.values_list("run__as_of", flat=True))
    newest = {LAST_DAY - dt.timedelta(days=back) for back in range(30)}
    assert kept == newest | {dt.date(2026, 8, 31)}


# When it runs


def test_the_night_is_due_once_after_its_hour(past, shop):
    before = dt.datetime(2026, 11, 20, 1, 30, tzinfo=dt.UTC)  # 2:30 in Berlin
    after = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
    Run.objects.create(as_of=LAST_DAY, state=Run.State.DONE)
    assert pipeline.due(now=before) == []
    night = pipeline.due(now=after)
    assert [(run.night_of, run.as_of) for run in night] == [(dt.date(2026, 11, 20), dt.date(2026, 11, 19))]
    assert pipeline.due(now=after) == night
    Run.objects.filter(pk=night[0].pk).update(state=Run.State.DONE)
    assert pipeline.due(now=after) == []


def test_the_first_run_follows_the_first_import(shop, now):
    early = now.replace(hour=0)
    assert pipeline.due(now=early) == []
    order(person(), moment(dt.date(2026, 11, 19)))
    assert [(run.night_of, run.as_of) for run in pipeline.due(now=early)] == [(None, dt.date(2026, 11, 20))]


def test_a_run_of_today_stands_in_for_the_night(past, now):
    Run.objects.create(as_of=dt.date(2026, 11, 20), state=Run.State.DONE)
    assert pipeline.due(now=now) == []
    Run.objects.update(state=Run.State.FAILED)
    assert [run.as_of for run in pipeline.due(now=now)] == [dt.date(2026, 11, 19)]


def test_a_look_back_does_not_change_what_is_on_show(night, short_night, now):
    standing = list(Contact.objects.order_by("id").values_list("group", "churn_risk", "scored_on"))
    back = pipeline.run(as_of=LAST_DAY - dt.timedelta(days=100), now=now)
    assert back.state == Run.State.DONE
    assert back.stages["publish"]["state"] == "skipped"
    assert Run.objects.latest_done() == night
    assert list(Contact.objects.order_by("id").values_list("group", "churn_risk", "scored_on")) == standing


def test_nothing_starts_while_a_file_is_being_read(past, now):
    from crm.imports.models import Import

    reading = Import.objects.create(state="reading", file_name="a.csv", path="a", size_bytes=1, sha256="0")
    assert pipeline.due(now=now) == []
    Import.objects.filter(pk=reading.pk).update(state="done")
    assert len(pipeline.due(now=now)) == 1


@pytest.mark.parametrize(("state", "when"), [("done", "finished_at"), ("undone", "undone_at")])
def test_a_file_that_came_in_or_was_taken_back_is_worked_out_at_once_and_once(past, now, state, when):
    from crm.imports.models import Import

    Run.objects.create(as_of=LAST_DAY, state=Run.State.DONE, night_of=now.date())
    Run.objects.update(created_at=now - dt.timedelta(hours=1))
    assert pipeline.due(now=now) == []
    later = now + dt.timedelta(minutes=5)
    Import.objects.create(state=state, file_name="a.csv", path="a", size_bytes=1, sha256="0", **{when: later})
    (asked,) = pipeline.due(now=now)
    asked.state = Run.State.DONE
    asked.save()
    assert pipeline.due(now=later) == []


def test_books_that_ended_long_ago_are_seen_as_they_were_left(shop, now):
    order(person(), moment(dt.date(2011, 12, 9)))
    assert pipeline.natural_as_of(shop=shop, now=now) == dt.date(2011, 12, 9)
    order(person(), moment(dt.date(2026, 11, 10)))
    assert pipeline.natural_as_of(shop=shop, now=now) == dt.date(2026, 11, 19)
    assert pipeline.natural_as_of(shop=shop, now=now, today=True) == dt.date(2026, 11, 20)


def test_a_run_without_a_sign_of_life_fails_and_the_night_is_tried_again(past, now):
    Run.objects.create(as_of=LAST_DAY, state=Run.State.DONE)
    night = pipeline.due(now=now)[0]
    for tries in (1, 2, 3):
        silent = now - dt.timedelta(minutes=31)
        Run.objects.filter(state=Run.State.WAITING).update(state=Run.State.RUNNING, heartbeat_at=silent)
        waiting = pipeline.due(now=now)
        assert Run.objects.filter(state=Run.State.FAILED).count() == tries
        assert len(waiting) == (1 if tries < 3 else 0)
    assert (
        Run.objects.get(pk=night.pk).error == "The run stopped without a word; the machine may have been switched off."
    )


def test_asking_twice_is_asking_once(past, now, settings, django_capture_on_commit_callbacks):
    first = pipeline.request(as_of=LAST_DAY, now=now)
    assert pipeline.request(as_of=LAST_DAY, now=now) == first
    assert (first.state, first.as_of) == (Run.State.WAITING, LAST_DAY)


def test_the_button_starts_the_run(past, bare_night, now, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        run = pipeline.request(now=now)
    run.refresh_from_db()
    assert (run.state, run.as_of) == (Run.State.DONE, dt.date(2026, 11, 20))


def test_a_loaded_history_is_what_the_run_counts(night):
    history = dataset.load(as_of=LAST_DAY)
    assert len(history.order_day) == night.orders
