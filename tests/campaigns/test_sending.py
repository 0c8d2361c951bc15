import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import Shop
from crm.campaigns import audience, rendering, scheduling, sending, starting, tracking
from crm.campaigns.channels.email import Email
from crm.campaigns.channels.outbox import Outbox
from crm.campaigns.models import Campaign, Message, Outgoing, Rotation
from crm.contacts import consent
from crm.contacts.models import Contact
from crm.rewards.models import Account, Entry
from tests.campaigns.conftest import drop

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


def states():
    return dict(Message.objects.order_by("contact").values_list("contact__name", "state"))


def deliver(now, limit=50, worker="w1"):
    return sending.deliver(now=now, limit=limit, worker=worker)


class TestStart:
    def test_each_allowed_person_gets_one_message(self, started, person, now):
        person("Ava Brandt"), person("Theo Weber"), person("Mia Silent", consent="no")
        person("Noa Unasked", consent="unknown"), person("Kim Paper", email=""), person("Out Sider", member=False)
        made = started()
        assert starting.start_due(now=now) == 1
        assert states() == {"Ava Brandt": "queued", "Theo Weber": "queued"}
        made.refresh_from_db()
        assert (made.state, made.next_at) == ("running", None)

    def test_started_twice_from_two_processes_makes_one_rotation(self, started, person, now, shop):
        person()
        started()
        one, other = Campaign.objects.get(), Campaign.objects.get()
        assert [starting._start(c, now=now, shop=shop) for c in (one, other)] == [1, 0]
        assert Rotation.objects.count() == 1
        assert Message.objects.count() == 1

    def test_same_local_date_never_starts_twice(self, started, person, now, shop):
        person()
        made = started(repeat="weekly")
        starting.start_due(now=now)
        sending.sweep(now=now)
        made.refresh_from_db()
        assert scheduling.back_to_draft(made, now=now) is True
        scheduling.schedule(made, now=now + MINUTE)
        assert starting.start_due(now=now + MINUTE) == 0
        assert Message.objects.count() == 1

    def test_buyers_are_written_to_where_the_shop_chose_so(self, started, person, now, shop):
        Shop.objects.update(write_to="buyers")
        person("Ava Unasked", consent="unknown", order_count=1), person("Noa Unasked", consent="unknown")
        started()
        starting.start_due(now=now)
        assert states() == {"Ava Unasked": "queued"}

    def test_those_who_may_not_be_written_to_get_the_points_only(self, started, person, now):
        ava, mia, kim = person("Ava Brandt"), person("Mia Silent", consent="no"), person("Kim Paper", email="")
        started(points=50)
        starting.start_due(now=now)
        starting.give_points(now=now)
        assert states() == {"Ava Brandt": "queued", "Mia Silent": "points_only", "Kim Paper": "points_only"}
        assert dict(Account.objects.values_list("contact", "balance")) == {ava.pk: 50, mia.pk: 50, kim.pk: 50}

    def test_points_without_a_message_go_to_everybody(self, started, person, now):
        person("Ava Brandt"), person("Mia Silent", consent="no")
        started(points=50, subject="", body="")
        sending.sweep(now=now)
        assert states() == {"Ava Brandt": "points_only", "Mia Silent": "points_only"}
        assert Campaign.objects.get().state == "finished"

    def test_held_out_people_get_neither_and_are_the_same_every_time(self, started, crowd, now):
        crowd(400)
        started(points=5, holdout_percent=25, repeat="weekly")
        sending.sweep(now=now)
        sending.sweep(now=now + dt.timedelta(days=7))
        first, second = (
            set(rotation.messages.filter(state="held_out").values_list("contact", flat=True))
            for rotation in Rotation.objects.order_by("local_date")
        )
        assert first == second
        assert 70 <= len(first) <= 130
        assert Account.objects.filter(contact__in=first).count() == 0
        assert Entry.objects.count() == 2 * (400 - len(first))
        assert Outgoing.objects.count() == 2 * (400 - len(first))

    def test_nobody_to_reach_is_said(self, started, now):
        started()
        sending.sweep(now=now)
        made = Campaign.objects.get()
        assert made.state == "finished"
        assert made.problem == "Nobody in the group could be reached when it was due, so nothing was sent."

    def test_starting_does_not_ask_once_per_person(self, started, crowd, now):
        counts = []
        for people in (10, 300):
            crowd(people) if people == 300 else crowd(0)
            made = started(name=f"To {people}", body="x")
            with CaptureQueriesContext(connection) as queries:
                starting.start_due(now=now)
            counts.append(len([q for q in queries if not q["sql"].startswith("INSERT INTO \"campaigns_message\"")]))
            made.refresh_from_db()
        assert counts[1] - counts[0] <= 2


class TestPoints:
    def test_giving_goes_on_where_it_was_cut_off_and_never_gives_twice(self, started, crowd, now, monkeypatch):
        crowd(25)
        started(points=7)
        starting.start_due(now=now)
        monkeypatch.setattr(starting, "POSTINGS_AT_ONCE", 10)
        post, calls = starting.ledger.post, []

        def dies_at_the_second(postings, *, now):
            calls.append(len(postings))
            if len(calls) == 2:
                raise KeyboardInterrupt
            return post(postings, now=now)

        monkeypatch.setattr(starting.ledger, "post", dies_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            starting.give_points(now=now)
        assert Entry.objects.count() == 10
        assert Rotation.objects.get().points_given_at is None
        assert deliver(now) == 0, "no message leaves before its points are there"
        starting.give_points(now=now)
        assert Entry.objects.count() == 25
        assert set(Account.objects.values_list("balance", flat=True)) == {7}
        assert Rotation.objects.get().points_given_at == now

    def test_entries_name_mailing_and_person(self, started, person, now):
        ava = person()
        started(points=7)
        sending.sweep(now=now)
        entry = Entry.objects.get()
        assert entry.source == f"campaign:{Rotation.objects.get().pk}:{ava.pk}"
        assert (entry.kind, entry.reason, entry.at) == ("campaign", "Thank you", now)


class TestDeliver:
    def test_outbox_gets_what_was_promised(self, started, person, now, shop):
        shop.address = "Lindenstr. 5"
        shop.save()
        person()
        started(points=50, body="{{ first_name }}: {{ points_given }} of {{ points_balance }}")
        sending.sweep(now=now)
        kept = Outgoing.objects.get()
        assert (kept.to, kept.subject) == ("ava@example.com", "Hello Ava")
        assert kept.text.startswith("Ava: 50 of 50\n")
        message = Message.objects.get()
        assert (message.state, message.attempts, message.claimed_by, message.error) == ("sent", 1, "", "")
        assert kept.message == message
        made = Campaign.objects.get()
        assert made.state == "finished"
        assert Rotation.objects.get().counts == {"sent": 1}

    def test_second_sweep_sends_nothing(self, started, person, now):
        person()
        started()
        sending.sweep(now=now)
        assert sending.sweep(now=now) == 0
        assert Outgoing.objects.count() == 1

    def test_repeating_campaign_waits_for_its_next_date(self, started, person, now):
        person()
        made = started(repeat="weekly")
        sending.sweep(now=now)
        made.refresh_from_db()
        assert (made.state, made.next_date) == ("scheduled", dt.date(2026, 11, 27))
        assert made.next_at == now + dt.timedelta(days=7)

    def test_unsubscribed_between_queue_and_send_is_not_written_to(self, started, person, now):
        ava = person("Ava Brandt")
        person("Theo Weber")
        started()
        starting.start_due(now=now)
        consent.withdraw(ava.pk, source="link", detail="", at=now)
        deliver(now)
        assert states() == {"Ava Brandt": "suppressed", "Theo Weber": "sent"}

    def test_unsubscribed_while_the_mail_is_on_the_line_is_not_written_to(self, started, person, now, sink, monkeypatch):
        ava = person()
        started()
        starting.start_due(now=now)

        envelope = Email._envelope

        def no_just_before_data(self, **more):
            server = envelope(self, **more)
            consent.withdraw(ava.pk, source="link", detail="", at=now)
            return server

        monkeypatch.setattr(Email, "_envelope", no_just_before_data)
        deliver(now)
        assert states() == {"Ava Brandt": "suppressed"}
        assert sink.accepted == []

    def test_unsubscribing_takes_waiting_messages_out(self, started, person, now):
        ava = person()
        started()
        starting.start_due(now=now)
        other = Message.objects.get()
        tracking.unsubscribe(other, one_click=True, now=now)
        assert states() == {"Ava Brandt": "suppressed"}
        ava.refresh_from_db()
        assert ava.consent == "no"
        assert ava.consents.get(source="click").detail == "Thank you"

    def test_erased_person_is_not_written_to(self, started, person, now):
        ava = person()
        started()
        starting.start_due(now=now)
        Contact.objects.filter(pk=ava.pk).update(erased_at=now, email="", email_key=None)
        deliver(now)
        assert states()["Ava Brandt"] in ("suppressed", "failed")
        assert Outgoing.objects.count() == 0

    def test_paused_campaign_sends_nothing_and_goes_on_later(self, started, crowd, now):
        crowd(5)
        made = started()
        starting.start_due(now=now)
        scheduling.pause(made, now=now)
        assert deliver(now) == 0
        scheduling.resume(made, now=now)
        sending.sweep(now=now)
        assert Outgoing.objects.count() == 5
        made.refresh_from_db()
        assert made.state == "finished"

    def test_pause_in_the_middle_of_a_batch_holds_the_rest(self, started, crowd, now, monkeypatch):
        crowd(5)
        made = started()
        starting.start_due(now=now)
        send = Outbox.send

        def pauses_after_the_first(self, mail, *, before_payload):
            answer = send(self, mail, before_payload=before_payload)
            scheduling.pause(made, now=now)
            return answer

        monkeypatch.setattr(Outbox, "send", pauses_after_the_first)
        deliver(now)
        assert sorted(states().values()) == ["queued"] * 4 + ["sent"]

    def test_stop_stops_at_once(self, started, crowd, now):
        crowd(5)
        made = started()
        starting.start_due(now=now)
        deliver(now, limit=2)
        assert scheduling.stop(made, now=now) is True
        sending.sweep(now=now)
        assert sorted(states().values()) == ["sent"] * 2 + ["stopped"] * 3
        assert Campaign.objects.get().state == "stopped"
        assert Rotation.objects.get().counts == {"sent": 2, "stopped": 3}

    def test_defect_in_one_message_does_not_hold_up_the_others(self, started, crowd, now, monkeypatch):
        crowd(3)
        started()
        starting.start_due(now=now)
        first = Message.objects.order_by("pk").first()
        mail = rendering.mail

        def breaks(*args, message_id, **more):
            if message_id == first.pk:
                raise ZeroDivisionError("oops")
            return mail(*args, message_id=message_id, **more)

        monkeypatch.setattr(rendering, "mail", breaks)
        deliver(now)
        first.refresh_from_db()
        assert (first.state, first.error) == ("failed", "ZeroDivisionError: oops")
        assert Outgoing.objects.count() == 2


class TestLease:
    def test_what_a_dead_process_had_claimed_is_free_again(self, started, person, now):
        person()
        started()
        starting.start_due(now=now)
        sending._claim(now=now, limit=5, worker="dead")
        assert deliver(now + MINUTE) == 0
        assert sending.release_forgotten(now=now + sending.LEASE + MINUTE) == 1
        assert deliver(now + sending.LEASE + MINUTE) == 1
        assert states() == {"Ava Brandt": "sent"}

    def test_what_a_dead_process_was_sending_is_uncertain_and_never_sent_again(self, started, person, now):
        person()
        started()
        starting.start_due(now=now)
        Message.objects.update(state="sending", claimed_by="dead", claimed_until=now + sending.LEASE)
        late = now + sending.LEASE + MINUTE
        for _ in range(3):
            sending.sweep(now=late)
        message = Message.objects.get()
        assert (message.state, message.attempts) == ("uncertain", 1)
        assert Outgoing.objects.count() == 0
        assert Campaign.objects.get().state == "finished"

    def test_a_slow_process_that_comes_back_tells_how_it_ended(self, started, person, now):
        person()
        started()
        starting.start_due(now=now)
        sending._claim(now=now, limit=1, worker="slow")
        batch = sending._Batch(shop=Shop.current(), worker="slow", now=now, begun=0)
        message = Message.objects.select_related("rotation__campaign", "contact").get()
        batch._enter_sending(message)
        Message.objects.update(claimed_until=now - MINUTE)
        sending.release_forgotten(now=now)
        assert states() == {"Ava Brandt": "uncertain"}
        batch._mark_sent(message, provider_id="late")
        assert states() == {"Ava Brandt": "sent"}

    def test_two_workers_never_take_the_same_row(self, started, crowd, now):
        crowd(10)
        started()
        starting.start_due(now=now)
        one = sending._claim(now=now, limit=6, worker="one")
        other = sending._claim(now=now, limit=6, worker="other")
        assert (len(one), len(other), set(one) & set(other)) == (6, 4, set())

    def test_claim_of_another_worker_cannot_be_sent(self, started, person, now):
        person()
        started()
        starting.start_due(now=now)
        sending._claim(now=now, limit=1, worker="one")
        batch = sending._Batch(shop=Shop.current(), worker="other", now=now, begun=0)
        message = Message.objects.select_related("rotation__campaign", "contact").get()
        with sending.channels.current() as channel:
            batch.send(message, channel=channel)
        assert Outgoing.objects.count() == 0
        assert Message.objects.get().claimed_by == "one"


class TestMailServer:
    def test_accepted(self, started, person, now, sink):
        person()
        started()
        sending.sweep(now=now)
        message = Message.objects.get()
        assert (message.state, message.provider_id) == ("sent", "2.0.0 Ok: queued as ABC123")
        assert [to for to, _content in sink.accepted] == ["ava@example.com"]

    def test_temporary_refusal_is_tried_again_five_times_then_failed(self, started, person, now, sink):
        person()
        started()
        sink.rcpt = "451 greylisted"
        starting.start_due(now=now)
        at, waits = now, []
        for _ in range(6):
            assert deliver(at) == 1
            message = Message.objects.get()
            waits.append(round((message.due_at - at).total_seconds() / 60) if message.state == "retry" else None)
            assert deliver(at) == 0
            at = message.due_at if message.state == "retry" else at
        assert waits == [1, 5, 30, 120, 360, None]
        assert (message.state, message.attempts, message.error) == ("failed", 6, "451 greylisted")

    def test_a_server_that_is_down_costs_a_message_none_of_its_tries(self, started, person, now, sink):
        person()
        started()
        sink.rcpt = "421 closing"
        starting.start_due(now=now)
        for turn in range(8):
            assert deliver(now + turn * dt.timedelta(minutes=2)) == 1
        sink.rcpt = "451 greylisted"
        assert deliver(now + dt.timedelta(minutes=16)) == 1
        assert Message.objects.values_list("state", "attempts").get() == ("retry", 1)

    def test_refusal_for_good_is_failed_at_once(self, started, person, now, sink):
        person()
        started()
        sink.rcpt = "550 5.1.1 no such user"
        sending.sweep(now=now)
        message = Message.objects.get()
        assert (message.state, message.attempts, message.error) == ("failed", 1, "550 5.1.1 no such user")
        assert Campaign.objects.get().state == "finished"

    def test_address_that_does_not_exist_is_never_written_to_again_and_nobody_said_no(
        self, started, person, now, sink, shop
    ):
        ava, campaign = person(), started()
        sink.rcpt = "550 5.1.1 no such user"
        sending.sweep(now=now)
        ava.refresh_from_db()
        reach = audience.of(campaign, shop=shop)
        assert (ava.consent, reach.may_write, reach.returned, reach.not_asked) == ("yes", 0, 1, 0)
        sink.rcpt = "250 OK"
        started(name="Next")
        sending.sweep(now=now)
        assert sink.accepted == []
        assert consent.lift_bounce(ava.email_key)
        started(name="After that")
        sending.sweep(now=now)
        assert [to for to, _content in sink.accepted] == ["ava@example.com"]

    def test_refusal_of_the_sender_says_nothing_of_the_address(self, started, person, now, sink):
        ava = person()
        started()
        sink.rcpt = "550 5.7.1 blocked"
        sending.sweep(now=now)
        assert consent.bounced_at(ava.email_key) is None

    def test_campaign_with_a_retry_left_is_not_finished(self, started, person, now, sink):
        person()
        started()
        sink.rcpt = "451 later"
        sending.sweep(now=now)
        assert Campaign.objects.get().state == "running"
        assert Rotation.objects.get().finished_at is None

    def test_drop_after_data_is_uncertain(self, started, person, now, sink):
        person()
        started()

        sink.at_data = drop
        sending.sweep(now=now)
        sending.sweep(now=now + dt.timedelta(days=1))
        message = Message.objects.get()
        assert (message.state, message.attempts) == ("uncertain", 1)

    def test_server_away_is_nobodys_failure(self, started, crowd, now, settings, unused_tcp_port):
        crowd(5)
        made = started()
        settings.EMAIL_URL = f"smtp://127.0.0.1:{unused_tcp_port}"
        sending.sweep(now=now)
        made.refresh_from_db()
        assert made.state == "running"
        assert made.problem.startswith("The mail server cannot be reached; we keep trying: ")
        assert set(states().values()) <= {"queued", "retry"}
        settings.EMAIL_URL = ""
        sending.sweep(now=now + dt.timedelta(hours=1))
        assert set(states().values()) == {"sent"}
        made.refresh_from_db()
        assert (made.state, made.problem) == ("finished", "")

    def test_refused_password_pauses_and_says_why(self, started, crowd, now, login_refusing_sink):
        crowd(3)
        made = started()
        sending.sweep(now=now)
        made.refresh_from_db()
        assert made.state == "paused"
        assert made.problem.startswith("The mail server refused us, so it paused itself: 535")
        assert set(states().values()) == {"queued", "retry"}

    def test_too_many_failures_pause_the_campaign(self, started, crowd, now, sink):
        crowd(40)
        made = started()
        sink.rcpt = "550 5.7.1 we do not like you"
        sending.sweep(now=now)
        made.refresh_from_db()
        assert made.state == "paused"
        assert made.problem == "11 of the last 11 messages could not be delivered, so it paused itself."
        assert sorted(states().values()) == ["failed"] * 11 + ["queued"] * 29
        sink.rcpt = "250 OK"
        scheduling.resume(made, now=now + MINUTE)
        sending.sweep(now=now + MINUTE)
        assert len(sink.accepted) == 29

    def test_few_failures_do_not(self, started, crowd, now, sink):
        crowd(40)
        made = started()
        sink.rcpt = lambda address: "550 no" if address in {f"p{n}@example.com" for n in range(10)} else "250 OK"
        sending.sweep(now=now)
        made.refresh_from_db()
        assert made.state == "finished"
        assert made.rotations.get().counts == {"failed": 10, "sent": 30}


class TestSettle:
    @pytest.fixture
    def doubtful(self, started, person, now, sink):
        person()
        made = started()

        sink.at_data = drop
        sending.sweep(now=now)
        sink.at_data = None
        return made

    def test_resend_sends_once_more_with_the_same_message_id(self, doubtful, now, sink):
        message = Message.objects.get()
        assert sending.resend(doubtful, message_ids=[message.pk], now=now) == 1
        assert sending.resend(doubtful, message_ids=[message.pk], now=now) == 0
        sending.sweep(now=now)
        assert states() == {"Ava Brandt": "sent"}
        assert rendering.message_id_header(message.pk, shop=Shop.current()) in sink.accepted[0][1]
        assert Campaign.objects.get().state == "finished"
        assert Rotation.objects.get().counts == {"sent": 1}

    def test_treat_as_sent(self, doubtful, now):
        message = Message.objects.get()
        assert sending.treat_as_sent(doubtful, message_ids=[message.pk], now=now) == 1
        message.refresh_from_db()
        assert (message.state, message.sent_at) == ("sent", message.tried_at)
        assert Rotation.objects.get().counts == {"sent": 1}

    def test_stopped_campaign_sends_nothing_again(self, started, crowd, now, sink):
        crowd(1)
        made = started()
        sink.rcpt = "550 no"
        starting.start_due(now=now)
        deliver(now)
        scheduling.stop(made, now=now)
        assert sending.resend(made, message_ids=[Message.objects.get().pk], now=now) == 0

    def test_sent_messages_cannot_be_sent_again(self, started, person, now):
        person()
        made = started()
        sending.sweep(now=now)
        assert sending.resend(made, message_ids=[Message.objects.get().pk], now=now) == 0
