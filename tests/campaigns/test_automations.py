import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.campaigns import automating, capping, forgetting, handing_over, running, scheduling, sending, tracking
from crm.campaigns.models import Automation, Campaign, Message, Occasion, Outgoing, Rotation, Rules
from crm.campaigns.standing_orders import RECIPES
from crm.campaigns.triggers import TRIGGERS
from crm.contacts import consent, merging
from crm.contacts.models import Contact
from crm.rewards.models import Entry
from tests.campaigns.automations import DAY, MONDAY, ON, at, buy, days, run, written

pytestmark = pytest.mark.django_db


class TestOnce:
    def test_new_customer_is_welcomed_the_day_after(self, on, person):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))
        days(MONDAY, MONDAY + 5 * DAY)
        assert written(welcome) == [(ava.pk, MONDAY + DAY, 1)]
        assert Outgoing.objects.values_list("subject", flat=True).get() == "Hello 1"

    def test_day_without_anybody_leaves_no_mailing(self, on, person):
        welcome = on("welcome")
        days(MONDAY, MONDAY + 3 * DAY)
        assert not Rotation.objects.exists()
        welcome.refresh_from_db()
        assert welcome.ran_at == at(MONDAY + 3 * DAY)
        step = welcome.steps.get()
        assert (step.state, step.next_date) == (Campaign.State.SCHEDULED, MONDAY + 4 * DAY)

    def test_same_day_twice_writes_once(self, on, person):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))
        for minute in range(4):
            sending.sweep(now=at(MONDAY + DAY, 10, minute))
        Campaign.objects.update(next_at=at(MONDAY + DAY, 10, 5), next_date=MONDAY + DAY)  # as after a changed zone
        days(MONDAY + DAY, MONDAY + 2 * DAY, hour=11)
        assert written(welcome) == [(ava.pk, MONDAY + DAY, 1)]

    def test_what_happened_before_it_was_on_is_not_written_about(self, on, person):
        ava, ben = person(), person("Ben Adler")
        buy(ava, ON - dt.timedelta(hours=1))
        buy(ben, ON + dt.timedelta(hours=1))
        welcome = on("welcome")
        days(MONDAY, MONDAY + 4 * DAY)
        assert [row[0] for row in written(welcome)] == [ben.pk]

    def test_old_file_read_later_writes_to_nobody(self, on, crowd):
        welcome, how = on("welcome"), on("how-was-it")
        run(MONDAY)
        people = crowd(20)
        for n, contact in enumerate(people):
            buy(contact, at(MONDAY - (30 + n) * DAY), created_by_import=1)
        days(MONDAY + DAY, MONDAY + 9 * DAY)
        assert (written(welcome), written(how)) == ([], [])

    def test_list_of_people_without_dates_is_no_sign_up(self, on, person, now):
        Rules.objects.create(most_messages=None)
        greet = on("signed-up", days=1)
        stranger, asked = person("Ben Adler", created_by_import=1), person("Cleo Maier")
        Contact.objects.update(joined_at=at(MONDAY, 12), created_at=at(MONDAY, 12))
        dated = person("Dora Lenz", created_by_import=1)
        Contact.objects.filter(pk=dated.pk).update(joined_at=at(MONDAY, 12), created_at=at(MONDAY, 15))
        days(MONDAY + DAY, MONDAY + 3 * DAY)
        assert [row[0] for row in written(greet)] == [asked.pk, dated.pk]
        assert stranger.pk not in [row[0] for row in written(greet)]

    def test_cut_off_between_mailing_and_messages_begins_again(self, on, person, monkeypatch):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))

        def power_cut(*args, **more):
            raise KeyboardInterrupt

        for where in ("_note", "_write"):
            monkeypatch.setattr(running, where, power_cut)
            with pytest.raises(KeyboardInterrupt):
                run(MONDAY + DAY)
            monkeypatch.undo()
            assert (Rotation.objects.count(), Message.objects.count(), Occasion.objects.count()) == (0, 0, 0)
        run(MONDAY + DAY)
        assert written(welcome) == [(ava.pk, MONDAY + DAY, 1)]

    def test_box_that_was_off_catches_up_so_far_and_no_further(self, on, person):
        welcome = on("welcome")
        run(MONDAY)
        early, late = person(), person("Ben Adler")
        buy(early, at(MONDAY, 15))  # due on Tuesday
        buy(late, at(MONDAY + DAY, 15))  # due on Wednesday
        run(MONDAY + 5 * DAY, hour=18)  # back on Saturday evening: three days of grace reach to Wednesday
        assert written(welcome) == [(late.pk, MONDAY + 5 * DAY, 1)]
        days(MONDAY + 6 * DAY, MONDAY + 9 * DAY)
        assert [row[0] for row in written(welcome)] == [late.pk]

    def test_switched_off_stops_what_waits_and_on_again_begins_anew(self, on, person):
        series, ava, ben = on("welcome", steps=2, waits=(3,)), person(), person("Ben Adler")
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY)
        assert automating.switch_off(series, now=at(MONDAY + 2 * DAY))
        assert not automating.switch_off(series, now=at(MONDAY + 2 * DAY))
        buy(ben, at(MONDAY + 2 * DAY, 12))
        assert set(series.steps.values_list("state", flat=True)) == {Campaign.State.DRAFT}
        assert automating.switch_on(series, now=at(MONDAY + 3 * DAY, 8))
        days(MONDAY + 3 * DAY, MONDAY + 9 * DAY)
        assert written(series) == [(ava.pk, MONDAY + DAY, 1)]
        assert Occasion.objects.get().ended == Occasion.Ended.OFF

    def test_switched_off_while_messages_wait_stops_them(self, on, person):
        welcome, ava = on("welcome", points=5), person()
        buy(ava, at(MONDAY, 15))
        assert running.start_due(now=at(MONDAY + DAY)) == 1
        automating.switch_off(welcome, now=at(MONDAY + DAY, 10, 2))
        assert Message.objects.get().state == Message.State.STOPPED
        assert Entry.objects.count() == 0
        assert welcome.steps.get().state == Campaign.State.DRAFT
        automating.switch_on(welcome, now=at(MONDAY + DAY, 10, 3))
        days(MONDAY + 2 * DAY, MONDAY + 4 * DAY)
        assert (written(welcome), Entry.objects.count()) == ([], 0)


class TestSeries:
    def test_goes_out_in_order(self, on, person):
        series, ava = on("welcome", steps=3, waits=(6, 14)), person()
        buy(ava, at(MONDAY, 15))
        days(MONDAY, MONDAY + 40 * DAY)
        assert written(series) == [
            (ava.pk, MONDAY + DAY, 1), (ava.pk, MONDAY + 7 * DAY, 2), (ava.pk, MONDAY + 21 * DAY, 3),
        ]  # fmt: skip
        assert Occasion.objects.get().ended == Occasion.Ended.DONE

    def test_shortened_series_ends_earlier_and_keeps_its_results(self, on, person):
        series, ava = on("welcome", steps=3, waits=(2, 2)), person()
        buy(ava, at(MONDAY, 15))
        days(MONDAY, MONDAY + 3 * DAY)
        automating.switch_off(series, now=at(MONDAY + 3 * DAY, 12))
        letters = [{"subject": "Hello", "body": "Hello.", "points": 0, "wait_days": 0}]
        automating.change(series, values={}, common={"holdout_percent": 0}, letters=letters, now=ON)
        assert list(series.steps.order_by("step").values_list("step", flat=True)) == [1, 2]
        automating.switch_on(series, now=at(MONDAY + 4 * DAY, 8))
        buy(ben := person("Ben Adler"), at(MONDAY + 4 * DAY, 15))
        days(MONDAY + 5 * DAY, MONDAY + 12 * DAY)
        assert written(series) == [(ava.pk, MONDAY + DAY, 1), (ava.pk, MONDAY + 3 * DAY, 2), (ben.pk, MONDAY + 5 * DAY, 1)]

    def test_ends_with_an_order(self, on, person):
        series, ava, ben = on("welcome", steps=2, waits=(6,)), person(), person("Ben Adler")
        buy(ava, at(MONDAY, 15))
        buy(ben, at(MONDAY, 16))
        days(MONDAY, MONDAY + 4 * DAY)
        buy(ava, at(MONDAY + 4 * DAY, 17))
        days(MONDAY + 5 * DAY, MONDAY + 12 * DAY)
        assert written(series, step=2) == [(ben.pk, MONDAY + 7 * DAY, 2)]
        assert Occasion.objects.get(contact=ava).ended == Occasion.Ended.ORDERED

    def test_ends_with_a_no(self, on, person):
        series, ava = on("welcome", steps=2, waits=(2,)), person()
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY)
        tracking.unsubscribe(Message.objects.get(), one_click=True, now=at(MONDAY + 2 * DAY))
        days(MONDAY + 2 * DAY, MONDAY + 6 * DAY)
        assert len(written(series)) == 1
        assert Occasion.objects.get().ended == Occasion.Ended.SAID_NO

    def test_left_out_are_the_same_people_in_every_step(self, on, crowd):
        series = on("welcome", steps=2, waits=(2,), holdout=30)
        for contact in crowd(40):
            buy(contact, at(MONDAY, 15))
        days(MONDAY, MONDAY + 5 * DAY)
        held = {
            number: set(
                Message.objects.filter(rotation__campaign__step=number, state="held_out").values_list("contact", flat=True)
            )
            for number in (1, 2)
        }
        assert held[1] == held[2] and 4 <= len(held[1]) <= 20
        assert len(written(series)) == 2 * (40 - len(held[1]))


class TestConsentAndLimits:
    def test_no_between_the_run_and_the_sending_counts(self, on, person):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))
        assert running.start_due(now=at(MONDAY + DAY)) == 1
        consent.withdraw(ava.pk, source="owner", detail="", at=at(MONDAY + DAY))
        run(MONDAY + DAY)
        assert written(welcome) == []
        assert Message.objects.get().state == Message.State.SUPPRESSED

    def test_who_says_yes_in_time_is_written_to(self, on, person):
        welcome, ava = on("welcome"), person(consent="no")
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY)
        assert not Occasion.objects.exists()
        Contact.objects.update(consent="yes")
        run(MONDAY + 2 * DAY)
        assert written(welcome) == [(ava.pk, MONDAY + 2 * DAY, 1)]

    def test_third_message_of_a_week_waits_then_goes(self, on, person):
        how, ava = on("how-was-it", days=1), person()
        for n in range(3):
            buy(ava, at(MONDAY + n * DAY, 15))
        Rules.objects.update_or_create(id=1, defaults={"most_messages": 2})
        # a grace of three days is too short for a limit of a week: the third is left out, and counted
        days(MONDAY, MONDAY + 9 * DAY)
        assert [row[1] for row in written(how)] == [MONDAY + DAY, MONDAY + 2 * DAY]
        assert [one.ended for one in Occasion.objects.order_by("happened_at")] == ["done", "done", "capped"]

    def test_waits_only_as_long_as_it_makes_sense(self, on, person, campaign):
        """Two campaigns went on Monday; room is again a week later, and a win-back may wait so long."""
        ava = person()
        buy(ava, at(MONDAY - 58 * DAY, 15))
        quiet = on("win-back", days=60)
        for n in range(2):
            mail = campaign(name=f"News {n}")
            scheduling.schedule(mail, now=at(MONDAY, 9))
        sending.sweep(now=at(MONDAY, 9))
        days(MONDAY, MONDAY + 6 * DAY)
        assert (written(quiet), Occasion.objects.get().ended) == ([], "")
        run(MONDAY + 7 * DAY)
        assert written(quiet) == [(ava.pk, MONDAY + 7 * DAY, 1)]

    def test_campaign_leaves_out_who_had_enough(self, person, campaign, shop, now):
        ava, ben = person(), person("Ben Adler")
        for n in range(2):
            scheduling.schedule(campaign(name=f"News {n}"), now=now)
        sending.sweep(now=now)
        Message.objects.filter(contact=ben, rotation__campaign__name="News 1").delete()
        third = campaign(name="News 3")
        scheduling.schedule(third, now=now + DAY)
        assert capping.full(shop=shop, now=now + DAY) == {ava.pk}
        sending.sweep(now=now + DAY)
        states = dict(Message.objects.filter(rotation__campaign=third).values_list("contact", "state"))
        assert states == {ava.pk: "capped", ben.pk: "sent"}

    def test_quiet_hours_hold_messages_back_till_the_morning(self, on, person):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY, hour=21)  # the box came on late
        assert (written(welcome), Message.objects.get().state) == ([], "queued")
        run(MONDAY + 2 * DAY, hour=8)
        assert written(welcome) == []
        run(MONDAY + 2 * DAY, hour=9)
        assert written(welcome) == [(ava.pk, MONDAY + DAY, 1)]

    def test_budget_switches_it_off(self, on, crowd):
        birthday = on("welcome", points=10, now=None)
        birthday.steps.update(points_budget=25)
        automating.switch_on(birthday, now=ON)
        for contact in crowd(4):
            buy(contact, at(MONDAY, 15))
        days(MONDAY, MONDAY + 3 * DAY)
        birthday.refresh_from_db()
        assert len(written(birthday)) == 2
        assert (birthday.on_since, bool(birthday.problem), birthday.steps.get().state) == (None, True, "draft")
        assert sum(Entry.objects.values_list("points", flat=True)) == 20

    def test_budget_ends_the_series_too(self, on, crowd):
        series = on("welcome", steps=2, waits=(2,), now=None)
        series.steps.filter(step=1).update(points=10, points_budget=10)
        automating.switch_on(series, now=ON)
        for contact in crowd(2):
            buy(contact, at(MONDAY, 15))
        run(MONDAY + DAY)
        assert [one.ended for one in Occasion.objects.all()] == ["off"]
        series.steps.update(points_budget=None)
        automating.switch_on(series, now=at(MONDAY + 2 * DAY, 8))
        days(MONDAY + 2 * DAY, MONDAY + 6 * DAY)
        assert len(written(series)) == 1

    def test_nobody_who_gets_no_money_off_gets_a_coupon(self, on, person, shop):
        from crm.coupons import issuing
        from crm.coupons.models import Coupon

        coupon = Coupon.objects.create(
            name="Ten", gives="percent", percent=10, starts_on=MONDAY, code_kind="shared", created_at=ON
        )
        word = issuing.share(coupon, word="HELLO10", now=ON).text
        welcome = on("welcome", body=f"Say {word}.")
        ava, ben = person(never_discount=True), person("Ben Adler")
        for contact in (ava, ben):
            buy(contact, at(MONDAY, 15))
        days(MONDAY, MONDAY + 2 * DAY)
        assert [row[0] for row in written(welcome)] == [ben.pk]


class TestMerging:
    def test_two_customers_who_become_one_are_written_to_once(self, on, person):
        birthday = on("birthday")
        Rules.objects.create(most_messages=None)
        born = dt.date(1990, 6, 3)
        ava, ava_again = person(birthday=born), person("Ava B", email="ava2@example.com", birthday=born)
        days(MONDAY, MONDAY + 2 * DAY)
        assert len(written(birthday)) == 2
        done = merging.merge(ava.pk, drop_id=ava_again.pk, choices={}, by="Lena", now=at(MONDAY + 2 * DAY, 12))
        assert Occasion.objects.filter(contact=ava).count() == 1
        days(MONDAY + 3 * DAY, MONDAY + 4 * DAY)
        assert len(written(birthday)) == 2
        merging.undo(done.pk, now=at(MONDAY + 4 * DAY, 12))
        assert sorted(Occasion.objects.values_list("contact", flat=True)) == [ava.pk, ava_again.pk]
        days(MONDAY + 5 * DAY, MONDAY + 6 * DAY)
        assert len(written(birthday)) == 2

    def test_erased_person_leaves_no_occasion(self, on, person):
        on("welcome", steps=2, waits=(2,))
        ava, ben = person(), person("Ben Adler")
        for contact in (ava, ben):
            buy(contact, at(MONDAY, 15))
        run(MONDAY + DAY)
        told = handing_over.hand_over(contact_id=ava.pk)["automations"]
        assert [(one["automation"], one["occasion"], one["ended"]) for one in told] == [("welcome", "first", "")]
        forgetting.forget(contact_ids=[ava.pk], now=ON)
        assert list(Occasion.objects.values_list("contact", flat=True)) == [ben.pk]


class TestClock:
    def test_runs_once_on_the_days_the_clock_changes(self, on, person):
        """At half past two in Berlin: skipped on 29 March, twice on 25 October 2026."""
        Rules.objects.create(opens_at=dt.time(0), closes_at=dt.time(23), most_messages=None)
        how = on("how-was-it", now=None, days=1)
        Automation.objects.update(send_time=dt.time(2, 30))
        how.refresh_from_db()
        automating.switch_on(how, now=at(dt.date(2026, 3, 27), 8))
        ava = person()
        for day in (dt.date(2026, 3, 28), dt.date(2026, 3, 29)):
            buy(ava, at(day, 1))
        moment = at(dt.date(2026, 3, 28), 12)
        while moment < at(dt.date(2026, 3, 31), 0):
            sending.sweep(now=moment)
            moment += dt.timedelta(minutes=50)
        assert [row[1] for row in written(how)] == [dt.date(2026, 3, 29), dt.date(2026, 3, 30)]

    def test_day_is_the_shops(self, on, person, shop):
        """Late on Monday in Auckland is still Monday morning in UTC."""
        shop.timezone = "Pacific/Auckland"
        shop.save()
        zone, ava = shop.timezone, person()
        how = on("how-was-it", now=at(MONDAY, 8, zone=zone), days=1)
        buy(ava, at(MONDAY, 23, 30, zone=zone))
        days(MONDAY, MONDAY + 3 * DAY, zone=zone)
        assert written(how) == [(ava.pk, MONDAY + DAY, 1)]


class TestSwitchingOn:
    def test_is_refused_without_a_message(self, on):
        welcome = on("welcome", now=None, body="")
        with pytest.raises(scheduling.NotPossible):
            automating.switch_on(welcome, now=ON)
        welcome.refresh_from_db()
        assert welcome.on_since is None

    def test_twice_is_once(self, on):
        welcome = on("welcome")
        assert not automating.switch_on(welcome, now=ON + DAY)
        welcome.refresh_from_db()
        assert welcome.on_since == ON

    def test_every_recipe_is_whole(self, shop):
        for slug in RECIPES:
            automation = automating.make(slug, shop=shop)
            assert automating.make(slug, shop=shop) == automation
            assert automating.switch_on(automation, now=ON)
        assert {recipe.trigger for recipe in RECIPES.values()} == set(TRIGGERS)

    def test_every_trigger_file_is_in_the_table(self):
        from pathlib import Path

        from crm.campaigns import triggers

        files = {path.stem for path in Path(triggers.__file__).parent.glob("*.py")} - {"__init__", "base"}
        assert files == {type(trigger).__module__.rpartition(".")[2] for trigger in TRIGGERS.values()}
        assert all(slug == trigger.slug for slug, trigger in TRIGGERS.items())


def test_daily_run_asks_the_same_questions_for_many(on, crowd):
    Rules.objects.create(most_messages=2)
    on("how-was-it", days=1, now=at(MONDAY - DAY, 8))
    people, counts = crowd(40), []
    for day, few in ((MONDAY - DAY, people[:1]), (MONDAY, people[1:2]), (MONDAY + DAY, people[2:])):
        for contact in few:
            buy(contact, at(day, 15))
        with CaptureQueriesContext(connection) as queries:
            running.start_due(now=at(day + DAY))
        counts.append(len(queries))
        sending.sweep(now=at(day + DAY, 11))
    assert counts[1] == counts[2]
