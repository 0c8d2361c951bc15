"""What somebody says lands once, with the right person, in the right conversation."""

import datetime as dt
import threading

import pytest
from django.db import connection

from crm.contacts import merging
from crm.contacts.models import Consent, Contact
from crm.listening import hearing, moving_on, receiving, sweeping
from crm.listening.models import Conversation, Line, Via
from tests.conftest import NOW
from tests.listening.conftest import key, new_person, say

State = Conversation.State


def test_a_known_address_leads_to_the_customer_and_changes_nothing_about_them(mia):
    conversation = say(via=Via.FORM, email="MIA.Fuchs@example.com", name="Somebody else")
    assert (conversation.contact, conversation.state, conversation.version) == (mia, State.OPEN, 2)
    assert Contact.objects.get(pk=mia.pk).name == "Mia Fuchs"
    assert (Contact.objects.count(), Consent.objects.count()) == (1, 0)


def test_a_stranger_is_no_customer_and_says_no_yes(shop):
    conversation = say(via=Via.FORM, email="new@example.net", name="Jon")
    assert (conversation.contact, conversation.who, Contact.objects.count()) == (None, "Jon", 0)


def test_a_stranger_who_turns_up_among_the_customers_is_linked(shop):
    conversation, other = say(email="new@example.net"), say(email="other@example.net")
    jon = new_person("Jon", email="New@example.net")
    assert sweeping.recognise() == 1
    conversation.refresh_from_db()
    other.refresh_from_db()
    assert (conversation.contact, other.contact) == (jon, None)


def test_a_phone_number_that_two_people_have_is_nobodys(mia):
    assert say(via=Via.PHONE, phone="030 5557001").contact == mia
    new_person("Ben Fuchs", phone="+49 30 5557001")
    assert say(via=Via.PHONE, phone="030 5557001").contact is None


def test_an_address_from_before_a_merge_still_leads_to_the_customer(mia, nora):
    merging.merge(mia.pk, drop_id=nora.pk, now=NOW)
    assert say(email="nora@example.org").contact == mia


def test_the_same_form_and_the_same_mail_count_once(mia):
    for _time in range(2):
        say(via=Via.FORM, email=mia.email, form_key=key(1))
        say(email=mia.email, message_id="<one@example.com>")
    assert Line.objects.count() == Conversation.objects.count() == 2


def test_an_answer_finds_its_conversation_even_when_it_is_done(mia):
    first = say(email=mia.email, subject="Rye", message_id="<one@example.com>")
    moving_on.move(first.pk, state=State.DONE)
    again = say(email="other@example.net", subject="AW: Rye", answers_to=("<x@y.example>", "<one@example.com>"))
    assert (again.pk, again.state, again.lines.count()) == (first.pk, State.OPEN, 2)


def test_a_mail_with_the_same_subject_goes_on_with_what_is_not_done(mia):
    first = say(email=mia.email, subject="Rye", message_id="<one@example.com>")
    assert say(email=mia.email, subject="Re: RE: rye", message_id="<two@example.com>") == first
    assert say(email=mia.email, subject="Cake", message_id="<three@example.com>") != first
    moving_on.move(first.pk, state=State.DONE)
    assert say(email=mia.email, subject="Rye", message_id="<four@example.com>") != first


def test_times_to_come_and_letters_nobody_can_write_are_mended(mia):
    late = NOW + dt.timedelta(days=900)
    conversation = say("a\x00b\r\n\r\nc\ud800" + "x" * 30_000, email=mia.email, at=late, attachments=("f\udcff.pdf",))
    line = conversation.lines.get()
    assert (line.at, len(line.text), line.text[:7]) == (NOW, hearing.LONGEST, "ab\n\nc?x")
    assert line.attachments == ["f?.pdf"]


def test_an_old_mail_does_not_move_a_conversation_forward(mia):
    first = say(email=mia.email, subject="Rye", message_id="<one@example.com>")
    say(email=mia.email, subject="Rye", message_id="<zero@example.com>", at=NOW - dt.timedelta(days=9))
    first.refresh_from_db()
    assert first.last_at == NOW


def test_a_reminder_opens_a_conversation_on_its_day(mia):
    conversation = say(email=mia.email)
    moving_on.remind(conversation.pk, on=NOW.date() + dt.timedelta(days=2))
    assert sweeping.remind(now=NOW + dt.timedelta(days=1), zone="Europe/Berlin") == 0
    late = dt.datetime(2026, 11, 21, 23, 30, tzinfo=dt.UTC)  # the 22nd in Berlin
    assert sweeping.remind(now=late, zone="Europe/Berlin") == 1
    conversation.refresh_from_db()
    assert (conversation.state, conversation.remind_on, conversation.last_at) == (State.OPEN, None, late)


def test_a_mail_from_ourselves_or_a_program_is_not_kept(mia, owner, shop):
    own = receiving.own_addresses(shop)
    assert own == {"lena@example.com", "hello@linden.example"}
    with pytest.raises(receiving.FromOurselves):
        receiving.take(b"From: lena@example.com\n\nnote to self", own=own, now=NOW)
    with pytest.raises(receiving.Automatic):
        receiving.take(b"From: mia.fuchs@example.com\nAuto-Submitted: auto-replied\n\naway", own=own, now=NOW)
    assert Line.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_are_one(mia):
    """Both look before either has written: the unique key decides, and both get the same line."""
    barrier, got = threading.Barrier(2), []

    def run():
        try:
            barrier.wait(5)
            words = hearing.Words(text="Hi", via=Via.FORM, email=mia.email, form_key=key(7))
            got.append(hearing.hear(words, now=NOW)[0].pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [got[0]] * 2
    assert (Line.objects.count(), Conversation.objects.count()) == (1, 1)
