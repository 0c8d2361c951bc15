"""So many mails an hour, whoever sends them and whatever is restarted."""

import datetime as dt

import pytest
from django.urls import reverse

from crm.campaigns import channels, pacing, scheduling, sending
from crm.campaigns.channels.email import Email
from crm.campaigns.channels.outbox import Outbox
from crm.campaigns.models import Message, Rules
from tests.campaigns.automations import DAY, MONDAY, at, buy

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def rules(shop):
    return Rules.objects.create(most_per_hour=60, most_messages=None)


def test_no_hour_has_more_and_a_sweep_each_minute_wastes_next_to_nothing(rules, now):
    left = [pacing.take(50, channel=Email, now=now + minute * MINUTE) for minute in range(600)]
    assert max(sum(left[first : first + 60]) for first in range(541)) in (58, 59, 60)
    assert sum(left[60:]) >= 540 * 57 // 60 - 1
    assert left[0] == pacing.at_once(60) == 3


def test_turns_add_up_to_two_minutes_worth_and_no_more(rules, now):
    pacing.take(50, channel=Email, now=now)
    assert pacing.take(50, channel=Email, now=now + DAY) == 3
    assert pacing.take(50, channel=Email, now=now + DAY) == 0


@pytest.mark.parametrize("most", [10, 300, 100_000])
def test_any_speed(rules, now, most):
    Rules.objects.update(most_per_hour=most)
    left = sum(pacing.take(most, channel=Email, now=now + second * dt.timedelta(seconds=20)) for second in range(180))
    assert most * 0.8 < left <= most


def test_answer_to_a_customer_leaves_at_once_and_the_others_later(rules, now):
    for _answer in range(4):
        pacing.note(channel=Email, now=now)
    assert [pacing.take(9, channel=Email, now=now + minute * MINUTE) for minute in range(4)] == [0, 0, 0, 1]


def test_outbox_and_a_shop_without_a_limit_do_not_wait(rules, now):
    assert pacing.take(500, channel=Outbox, now=now) == 500
    Rules.objects.update(most_per_hour=None)
    assert pacing.take(500, channel=Email, now=now) == 500


def test_mailing_leaves_at_the_pace_through_a_pause_and_another_worker(rules, started, crowd, sink, now):
    crowd(12)
    made = started()
    counts = []
    for minute in range(12):
        if minute == 4:
            scheduling.pause(made, now=now)
        if minute == 6:
            scheduling.resume(made, now=now)
        sending.sweep(now=now + minute * MINUTE)
        counts.append(Message.objects.filter(state="sent").count())
    assert (counts[0], counts[3], counts[5], counts[11]) == (3, 5, 5, 12)
    assert len(sink.accepted) == 12


def test_message_of_the_day_goes_before_a_long_mailing(rules, on, person, campaign, crowd, sink, settings):
    mail_server, settings.EMAIL_URL = settings.EMAIL_URL, ""
    on("how-was-it", days=1)
    settings.EMAIL_URL = mail_server
    crowd(5)
    buy(ava := person(member=False), at(MONDAY, 15))
    scheduling.schedule(campaign(), now=at(MONDAY + DAY, 9, 59))
    sending.sweep(now=at(MONDAY + DAY, 9, 59))
    sending.sweep(now=at(MONDAY + DAY, 10, 1))
    assert [to for to, _content in sink.accepted][3] == ava.email


def test_one_address_that_is_always_put_off_holds_up_nobody(started, crowd, now, sink):
    crowd(8)
    started()
    sink.rcpt = lambda address: "421 later" if address.startswith("p3@") else "250 OK"
    for minute in range(3):
        sending.sweep(now=now + minute * 2 * MINUTE)
    assert len(sink.accepted) == 7


def test_server_that_is_away_is_knocked_at_three_times_a_sweep(started, crowd, now, settings, unused_tcp_port, monkeypatch):
    settings.EMAIL_URL = f"smtp://127.0.0.1:{unused_tcp_port}"
    crowd(8)
    started()
    tried = []
    real = Email._connected
    monkeypatch.setattr(Email, "_connected", lambda self: tried.append(1) or real(self))
    sending.sweep(now=now)
    assert len(tried) == 3
    assert sorted(Message.objects.values_list("state", flat=True)) == ["queued"] * 5 + ["retry"] * 3


def test_kinds_of_channels_say_whether_they_are_paced(settings, shop):
    settings.EMAIL_URL = ""
    assert channels.kind() is Outbox
    settings.EMAIL_URL = "smtp://127.0.0.1:2525"
    assert channels.kind() is Email


def test_owner_sets_the_pace_and_saving_the_rules_keeps_what_is_counted(owner_client, rules, now):
    pacing.take(3, channel=Email, now=now)
    before = Rules.objects.get().paced_until
    values = {"most_messages": "", "opens_at": "09:00", "closes_at": "20:00"}
    wrong = owner_client.post(reverse("campaigns:rules"), values | {"most_per_hour": "3"})
    assert wrong.status_code == 422
    owner_client.post(reverse("campaigns:rules"), values | {"most_per_hour": "120"})
    kept = Rules.objects.get()
    assert (kept.most_per_hour, kept.paced_until) == (120, before)
