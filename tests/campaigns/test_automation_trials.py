"""What goes wrong beside a running automation: people change, clocks are late, owners change their minds."""

import datetime as dt

import pytest

from crm.campaigns import automating, running, scheduling, sending, starting
from crm.campaigns.channels.base import ChannelDown
from crm.campaigns.channels.outbox import Outbox
from crm.campaigns.models import Automation, Campaign, Message, Occasion, Outgoing, Rotation, Rules
from crm.contacts import merging, objecting
from crm.contacts.models import Contact, Segment
from crm.home import automation_notices
from crm.listening.models import Conversation
from crm.rewards.models import Entry
from tests.campaigns.automations import DAY, MONDAY, ON, at, buy, days, run, written

pytestmark = pytest.mark.django_db
E1, E2 = "ava@example.com", "ava2@example.com"


def complaint(contact, moment) -> Conversation:
    return Conversation.objects.create(
        contact=contact, via="feedback", is_complaint=True, opened_at=moment, last_at=moment
    )


class TestTurns:
    def test_run_that_was_held_up_till_the_morning_leaves_today_its_turn(self, on, person):
        birthday = on("birthday")
        step = birthday.steps.get()
        scheduling.pause(step, now=at(MONDAY, 9))
        early = person(birthday=dt.date(1990, 6, 2))
        ava = person("Ben Adler", birthday=dt.date(1990, 6, 3))
        scheduling.resume(step, now=at(MONDAY + 2 * DAY, 9, 30))  # missed Monday and Tuesday
        for hour, minute in ((9, 31), (10, 1)):
            sending.sweep(now=at(MONDAY + 2 * DAY, hour, minute))
        assert written(birthday) == [(early.pk, MONDAY + 2 * DAY, 1), (ava.pk, MONDAY + 2 * DAY, 1)]

    def test_29_february_is_wished_once_in_every_year(self, on, person):
        birthday = on("birthday", now=at(dt.date(2027, 2, 20), 8))
        person(birthday=dt.date(2000, 2, 29))
        for year in (2027, 2028, 2029):
            if year > 2027:
                Campaign.objects.update(next_at=at(dt.date(year, 2, 26), 10, 0), next_date=dt.date(year, 2, 26))
            days(dt.date(year, 2, 26), dt.date(year, 3, 3))
        assert [row[1] for row in written(birthday)] == [
            dt.date(2027, 2, 28), dt.date(2028, 2, 29), dt.date(2029, 2, 28),
        ]  # fmt: skip

    def test_defect_of_one_automation_holds_up_no_other_and_is_told(self, on, person, campaign, shop):
        broken, how, ava = on("birthday"), on("how-was-it", days=1), person()
        Automation.objects.filter(pk=broken.pk).update(params={"days": "soon"})
        buy(ava, at(MONDAY, 15))
        scheduling.schedule(campaign(), now=at(MONDAY + DAY, 10))
        run(MONDAY + DAY)
        assert [row[0] for row in written(how)] == [ava.pk]
        assert Message.objects.filter(rotation__campaign__automation=None).get().state == "sent"
        assert "soon" in broken.steps.get().problem
        assert "birthday" in automation_notices.stopped(now=at(MONDAY + DAY, 11), shop=shop).title

    def test_points_that_cannot_be_given_hold_up_no_other_mailing(self, started, person, now, monkeypatch):
        person()
        bad = started(name="Bad", points=5)
        started(name="Good", points=7)
        post = starting.ledger.post

        def refuses(postings, *, now):
            if postings[0].points == 5:
                raise ValueError("no such account")
            return post(postings, now=now)

        monkeypatch.setattr(starting.ledger, "post", refuses)
        sending.sweep(now=now)
        assert list(Message.objects.order_by("rotation").values_list("state", flat=True)) == ["queued", "sent"]
        bad.refresh_from_db()
        assert "no such account" in bad.problem
        monkeypatch.undo()
        sending.sweep(now=now + dt.timedelta(minutes=1))
        assert sum(Entry.objects.values_list("points", flat=True)) == 12


class TestStopping:
    def test_refused_for_now_while_it_is_switched_off_ends_and_it_can_be_switched_on_again(
        self, on, person, monkeypatch
    ):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))

        def switched_off_in_the_midst(self, mail, *, before_payload):
            before_payload()
            monkeypatch.undo()
            automating.switch_off(welcome, now=at(MONDAY + DAY, 10, 2))
            raise ChannelDown("451 try again")

        monkeypatch.setattr(Outbox, "same_database", False)
        monkeypatch.setattr(Outbox, "send", switched_off_in_the_midst)
        run(MONDAY + DAY)
        sending.sweep(now=at(MONDAY + DAY, 10, 5))
        assert Message.objects.get().state == Message.State.STOPPED
        assert automating.switch_on(welcome, now=at(MONDAY + DAY, 10, 6))

    def test_cut_off_in_the_midst_of_stopping_is_not_stopped_by_half(self, on, person, monkeypatch):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))
        running.start_due(now=at(MONDAY + DAY))

        def power_cut(*args, **more):
            raise KeyboardInterrupt

        monkeypatch.setattr(scheduling.Message.objects, "filter", power_cut)
        with pytest.raises(KeyboardInterrupt):
            scheduling.stop(welcome.steps.get(), now=at(MONDAY + DAY, 10, 2))
        monkeypatch.undo()
        assert welcome.steps.get().state == Campaign.State.RUNNING

    def test_nothing_of_an_automation_that_is_off_is_sent_again(self, on, person):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY)
        Message.objects.update(state="failed")
        automating.switch_off(welcome, now=at(MONDAY + DAY, 11))
        step = welcome.steps.get()
        assert sending.resend(step, message_ids=[Message.objects.get().pk], now=at(MONDAY + DAY, 12)) == 0
        assert automating.switch_on(welcome, now=at(MONDAY + DAY, 13))

    def test_sent_again_at_the_moment_it_is_closed_goes_out(self, on, person):
        on("welcome")
        ava = person()
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY)
        Outgoing.objects.all().delete()
        Message.objects.update(state="queued", sent_at=None, due_at=at(MONDAY + DAY, 11))
        Rotation.objects.update(finished_at=None)  # and the campaign has been put back on its schedule meanwhile
        for minute in (1, 2):
            sending.sweep(now=at(MONDAY + DAY, 11, minute))
        assert Message.objects.get().state == "sent"

    def test_words_cannot_be_changed_while_a_message_of_it_is_on_its_way(self, on, person):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))
        running.start_due(now=at(MONDAY + DAY))
        Automation.objects.update(on_since=None)  # as when its budget is used up
        with pytest.raises(scheduling.NotPossible):
            automating.change(welcome, values={}, common={}, letters=[{"body": "New."}], now=at(MONDAY + DAY))
        assert welcome.steps.get().body == "Hello."


class TestComplaints:
    def test_complaint_puts_a_series_off_and_does_not_end_it(self, on, person):
        series, ava = on("welcome", steps=2, waits=(2,)), person()
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY)
        open_one = complaint(ava, at(MONDAY + 2 * DAY))
        days(MONDAY + 2 * DAY, MONDAY + 4 * DAY)
        assert (len(written(series)), Occasion.objects.get().ended) == (1, "")
        Conversation.objects.filter(pk=open_one.pk).update(state="done")
        run(MONDAY + 5 * DAY)
        assert written(series, step=2) == [(ava.pk, MONDAY + 5 * DAY, 2)]

    def test_complaint_that_stays_open_makes_it_too_late_and_says_no_no(self, on, person):
        series, ava = on("welcome", steps=2, waits=(2,)), person()
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY)
        complaint(ava, at(MONDAY + 2 * DAY))
        days(MONDAY + 2 * DAY, MONDAY + 9 * DAY)
        assert (len(written(series)), Occasion.objects.get().ended) == (1, Occasion.Ended.LATE)

    def test_complaint_between_the_run_and_the_sending_withholds(self, on, person):
        welcome, ava = on("welcome"), person()
        buy(ava, at(MONDAY, 15))
        running.start_due(now=at(MONDAY + DAY))
        complaint(ava, at(MONDAY + DAY))
        run(MONDAY + DAY)
        message = Message.objects.get()
        assert (written(welcome), message.state, message.error) == ([], "withheld", sending.LEFT_OUT)


class TestOrders:
    def test_who_orders_while_the_message_waits_for_the_morning_does_not_get_it(self, on, person):
        quiet, ava, ben = on("win-back", days=60), person(), person("Ben Adler")
        for contact in (ava, ben):
            buy(contact, at(MONDAY - 58 * DAY, 15))
        run(MONDAY + 2 * DAY, hour=21)  # the box came on late: it waits for the morning
        buy(ava, at(MONDAY + 2 * DAY, 21, 30))
        run(MONDAY + 3 * DAY, hour=9)
        assert [row[0] for row in written(quiet)] == [ben.pk]
        message = Message.objects.get(contact=ava)
        assert (message.state, message.error) == ("withheld", sending.ORDERED)

    def test_question_after_an_order_is_asked_whatever_is_ordered_then(self, on, person):
        how, ava = on("how-was-it", days=1), person()
        buy(ava, at(MONDAY, 15))
        run(MONDAY + DAY, hour=21)
        buy(ava, at(MONDAY + DAY, 21, 30))
        run(MONDAY + 2 * DAY, hour=9)
        assert [row[0] for row in written(how)] == [ava.pk]


class TestObjecting:
    def test_who_objects_to_predictions_is_not_told_that_they_are_quiet(self, on, person):
        ava, ben, cleo = person(), person("Ben Adler"), person("Cleo Maier")
        for contact in (ava, ben, cleo):
            buy(contact, at(MONDAY - 58 * DAY, 15))
        objecting.object_to_profiling(ava.pk, now=at(MONDAY, 7))
        quiet = on("win-back", days=60)
        run(MONDAY + 2 * DAY, hour=8)
        running.start_due(now=at(MONDAY + 2 * DAY))  # written, not sent yet
        objecting.object_to_profiling(ben.pk, now=at(MONDAY + 2 * DAY, 10, 2))
        run(MONDAY + 2 * DAY, hour=11)
        assert written(quiet) == [(cleo.pk, MONDAY + 2 * DAY, 1)]
        assert Message.objects.get(contact=ben).state == "withheld"

    def test_birthday_is_no_prediction(self, on, person):
        birthday, ava = on("birthday"), person(birthday=dt.date(1990, 6, 2))
        objecting.object_to_profiling(ava.pk, now=at(MONDAY, 9))
        run(MONDAY + DAY)
        assert [row[0] for row in written(birthday)] == [ava.pk]

    def test_waiting_campaign_to_a_group_that_was_worked_out_is_withheld(self, started, person, now):
        ava = person()
        made = started()
        assert made.segment.kind == Segment.Kind.COMPUTED
        starting.start_due(now=now)
        objecting.object_to_profiling(ava.pk, now=now)
        sending.sweep(now=now)
        assert Message.objects.get().state == "withheld"


class TestMerging:
    def test_merged_while_a_worker_holds_the_message_is_written_to_all_the_same(
        self, on, person, sink, settings, monkeypatch
    ):
        mail_server, settings.EMAIL_URL = settings.EMAIL_URL, ""
        welcome, ava, again = on("welcome"), person(), person("Ava Again", email=E2)
        settings.EMAIL_URL = mail_server
        buy(again, at(MONDAY, 15))
        running.start_due(now=at(MONDAY + DAY))
        real = sending._Batch._mail

        def merged_in_the_midst(batch, message):
            mail = real(batch, message)
            monkeypatch.undo()
            merging.merge(ava.pk, drop_id=again.pk, choices={}, by="Lena", now=at(MONDAY + DAY))
            return mail

        monkeypatch.setattr(sending._Batch, "_mail", merged_in_the_midst)
        run(MONDAY + DAY)
        assert written(welcome) == [(ava.pk, MONDAY + DAY, 1)]
        assert [to for to, _content in sink.accepted] == [E1]

    def test_who_waits_for_what_the_other_got_gets_nothing_more(self, on, person):
        birthday, born = on("birthday"), dt.date(1990, 6, 2)
        ava, again = person(birthday=born), person("Ava Again", email=E2, birthday=born)
        Rules.objects.create(most_messages=1)
        other = on("how-was-it", days=1)
        buy(ava, at(MONDAY - DAY, 15))
        Automation.objects.filter(pk=other.pk).update(on_since=at(MONDAY - 2 * DAY))
        run(MONDAY)  # ava had her message of the week, and waits on her birthday
        run(MONDAY + DAY)
        assert [row[0] for row in written(birthday)] == [again.pk]
        done = merging.merge(ava.pk, drop_id=again.pk, choices={}, by="Lena", now=at(MONDAY + DAY, 12))
        Rules.objects.update(most_messages=None)
        days(MONDAY + 2 * DAY, MONDAY + 3 * DAY)
        assert len(written(birthday)) == 1
        assert Occasion.objects.get(automation=birthday).ended == Occasion.Ended.DONE
        merging.undo(done.pk, now=at(MONDAY + 3 * DAY, 12))
        assert dict(Occasion.objects.filter(automation=birthday).values_list("contact", "ended")) == {
            ava.pk: "", again.pk: "done",
        }  # fmt: skip

    def test_same_message_of_two_days_leaves_once(self, on, person):
        """Both met about one birthday, one on Monday, the other still in the queue of Tuesday."""
        birthday = on("birthday", points=5)
        ava, again = person(birthday=dt.date(1990, 6, 1)), person("Ava Again", email=E2)
        run(MONDAY)
        Contact.objects.filter(pk=again.pk).update(birthday=dt.date(1990, 6, 1))
        assert running.start_due(now=at(MONDAY + DAY)) == 1
        merging.merge(ava.pk, drop_id=again.pk, choices={}, by="Lena", now=at(MONDAY + DAY, 10, 2))
        run(MONDAY + DAY)
        assert written(birthday) == [(ava.pk, MONDAY, 1)]
        assert sum(Entry.objects.values_list("points", flat=True)) == 5


def test_restored_shop_writes_nothing_again_that_the_other_may_have_written(on, person):
    from crm.keeping import confirming

    series, ava = on("welcome", steps=2, waits=(2,)), person()
    buy(ava, at(MONDAY, 15))
    run(MONDAY + DAY)
    # the backup is of now; the shop went on until Thursday, and sent the second message
    confirming.confirm(now=at(MONDAY + 3 * DAY, 18))
    days(MONDAY + 4 * DAY, MONDAY + 8 * DAY)
    assert written(series) == [(ava.pk, MONDAY + DAY, 1)]
    assert Occasion.objects.get().ended == Occasion.Ended.LATE


def test_cafe_speaks_of_one_stamp(shop, person):
    shop.kind = "cafe"
    shop.save()
    automation = automating.make("win-back", shop=shop)
    automation.steps.update(holdout_percent=0)
    automating.switch_on(automation, now=ON)
    buy(person(), at(MONDAY - 58 * DAY, 15))
    run(MONDAY + 2 * DAY)
    mail = Outgoing.objects.get()
    assert "we put 1 stamp on" in mail.text
    assert "1 stamp</strong> on" in mail.html
    assert "1 stamps" not in mail.text + mail.html + mail.subject
