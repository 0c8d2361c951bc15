"""An answer leaves once, whatever happens on the way, and the owner is told what is not sure."""

import datetime as dt
import threading

import pytest
from django.db import connection

from crm.accounts import instance
from crm.campaigns import channels, fields
from crm.campaigns.channels.base import ChannelDown, NoSuchAddress, SendFailed, Uncertain
from crm.campaigns.models import Outgoing
from crm.contacts import consent
from crm.contacts.models import Contact
from crm.keeping import confirming
from crm.listening import answering, moving_on
from crm.listening.models import Conversation, Line, SavedAnswer, Via
from crm.rewards.models import Entry
from tests.campaigns.conftest import drop, sink  # noqa: F401
from tests.conftest import NOW
from tests.listening.conftest import key, say

State = Line.State
LATER = NOW + dt.timedelta(minutes=10)


def reply(conversation, text="Yes, it is.", *, number=1, **more) -> Line:
    said = {"text": text, "form_key": key(number), "version": conversation.version, "by": "Lena"} | more
    return answering.answer(conversation, answering.Reply(**said), now=NOW)


def fresh(row):
    return type(row).objects.get(pk=row.pk)


@pytest.fixture
def asked(mia):
    return say("Is the rye free of milk?", email=mia.email, subject="Rye", message_id="<one@example.com>")


class Broken(channels.Channel):
    """A channel that does what a test wants."""

    def __init__(self, act):
        self.act = act

    def send(self, mail, *, before_payload):
        return self.act(mail, before_payload)


@pytest.fixture
def channel(monkeypatch):
    def use(act):
        monkeypatch.setattr(answering.channels, "current", lambda: Broken(act))

    return use


def test_an_answer_leaves_once_with_what_it_answers_and_no_campaign_footer(asked, mia):
    line = reply(asked)
    assert (line.state, line.to, fresh(asked).state) == (State.QUEUED, "mia.fuchs@example.com", "waiting")
    assert answering.send_due(now=NOW) == 1
    assert answering.send_due(now=LATER) == 0
    mail = Outgoing.objects.get()
    assert (fresh(line).state, fresh(line).sent_at, fresh(line).outgoing) == (State.SENT, NOW, mail)
    assert (mail.to, mail.subject) == ("mia.fuchs@example.com", "Re: Rye")
    assert mail.text == (
        "Yes, it is.\n\n-- \nLinden & Loaf\n\nYou wrote on Nov 20, 2026 10:00:\n> Is the rye free of milk?\n"
    )
    headers = mail.headers
    assert (headers["In-Reply-To"], headers["References"]) == ("<one@example.com>", "<one@example.com>")
    assert headers["Message-ID"] == line.message_id
    assert headers["Auto-Submitted"] == "no"
    assert "List-Unsubscribe" not in headers
    assert "nsubscribe" not in mail.html + mail.text


def test_who_refused_campaigns_gets_an_answer_all_the_same(asked, mia):
    consent.withdraw(mia.pk, source="link", detail="", at=NOW)
    reply(asked)
    answering.send_due(now=NOW)
    assert Outgoing.objects.count() == 1


def test_what_they_write_cannot_become_markup_or_a_header(mia):
    conversation = say("<script>x</script>", email=mia.email, subject="Hi\r\nBcc: all@example.com <b>")
    reply(conversation, "1 < 2 & 3\n\n<b>so</b>")
    answering.send_due(now=NOW)
    mail = Outgoing.objects.get()
    assert mail.subject == "Re: Hi Bcc: all@example.com <b>"
    assert "<script>" not in mail.html
    assert "<b>" not in mail.html
    assert "1 &lt; 2 &amp; 3" in mail.html
    assert mail.text.startswith("1 < 2 & 3\n\n<b>so</b>")


def test_the_same_form_twice_is_one_answer(asked):
    assert reply(asked) == reply(asked)
    assert Line.objects.filter(direction="out").count() == 1


def test_a_second_tab_is_told_what_happened_meanwhile(asked):
    reply(asked, "From the first tab")
    with pytest.raises(answering.ChangedMeanwhile):
        reply(asked, "From the second tab", number=2)
    assert list(Line.objects.filter(direction="out").values_list("text", flat=True)) == ["From the first tab"]


def test_what_came_in_while_writing_is_read_first(asked, mia):
    say("And of eggs?", email=mia.email, subject="Rye", message_id="<two@example.com>")
    with pytest.raises(answering.ChangedMeanwhile):
        reply(asked)
    assert reply(fresh(asked)).pk


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_the_same_moment_send_one(asked):
    barrier, outcomes = threading.Barrier(2), []

    def run(number):
        try:
            barrier.wait(5)
            reply(asked, f"tab {number}", number=number)
            outcomes.append("kept")
        except answering.ChangedMeanwhile:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answering.send_due(now=NOW)
    assert (sorted(outcomes), Outgoing.objects.count()) == (["kept", "told"], 1)


def test_fields_are_filled_and_wrong_ones_refused(asked, mia):
    Contact.objects.filter(pk=mia.pk).update(points_balance=1200)
    line = reply(fresh(asked), 'Hello {{ first_name|"you" }}, {{ points_balance }} points at {{ shop_name }}')
    assert line.text == "Hello Mia, 1,200 points at Linden & Loaf"
    with pytest.raises(fields.UnknownField):
        reply(fresh(asked), "{{ secret }}", number=2)


def test_a_stranger_is_greeted_by_the_name_they_gave(shop):
    conversation = say(email="jon@example.net", name="Jon Reuter")
    assert reply(conversation, 'Hello {{ first_name|"you" }}').text == "Hello Jon"


def test_a_saved_answer_leaves_the_points_open_until_they_are_given(asked, mia):
    saved = SavedAnswer(text="Sorry, {{ first_name }}: {{ points_given }} points")
    text = answering.add_saved("Typed. ", saved, asked, now=NOW)
    assert text == "Typed.\n\nSorry, Mia: {{ points_given }} points"
    assert reply(asked, text, points=50, reason="Sorry").text.endswith("Mia: 50 points")


def test_points_come_with_an_answer_once(asked, mia):
    for _time in range(2):
        reply(asked, points=50, reason="The cake was dry")
    entry = Entry.objects.get()
    assert (entry.points, entry.reason, entry.source) == (50, "The cake was dry", f"adjust:answer-{key(1)}")
    mia.refresh_from_db()
    assert mia.points_balance == 50


def test_no_points_without_the_answer(asked, mia):
    reply(asked)
    with pytest.raises(answering.ChangedMeanwhile):
        reply(asked, number=2, points=50, reason="x")
    assert Entry.objects.count() == 0


def test_an_address_that_does_not_exist_is_refused(asked, mia):
    consent.note_bounce("mia.fuchs@example.com", at=NOW)
    with pytest.raises(answering.AddressIsDead) as refused:
        reply(asked)
    assert str(refused.value) == (
        "Mail to mia.fuchs@example.com came back on Nov 20, 2026: there is no such address. Nothing was sent."
    )
    assert Line.objects.filter(direction="out").count() == 0


def test_without_an_address_the_answer_stands_on_their_page_or_nowhere(mia):
    Contact.objects.filter(pk=mia.pk).update(email="", email_key=None)
    phone = say(via=Via.PHONE, phone="030 5557001")
    with pytest.raises(answering.NoWay):
        reply(phone)
    page = say(via=Via.PAGE, contact_id=mia.pk)
    line = reply(fresh(page), number=2)
    assert (line.state, line.due_at, line.message_id) == (State.ON_PAGE, None, None)
    assert answering.send_due(now=LATER) == 0


def test_without_a_sender_address_nothing_can_leave_by_mail(asked, shop, settings):
    shop.sender_email = settings.MAIL_FROM = ""
    shop.save()
    assert answering.check(asked) is None  # the outbox takes it all the same
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    with pytest.raises(answering.NoWay):
        reply(asked)
    assert Line.objects.filter(direction="out").count() == 0


def test_the_answer_goes_to_the_address_they_wrote_from(mia):
    conversation = say(contact_id=mia.pk, email="work@example.net")
    assert (conversation.contact, reply(conversation).to) == (mia, "work@example.net")


def test_a_server_that_is_away_is_tried_again_later(asked, channel):
    def away(mail, before_payload):
        raise ChannelDown("no route")

    channel(away)
    line = reply(asked)
    answering.send_due(now=NOW)
    line = fresh(line)
    assert (line.state, line.attempts, line.due_at - NOW, line.error) == (
        State.QUEUED, 1, dt.timedelta(minutes=1), "no route",
    )  # fmt: skip
    assert answering.send_due(now=NOW + dt.timedelta(seconds=59)) == 0
    for hours in (1, 2, 5, 12, 24):
        answering.send_due(now=NOW + dt.timedelta(hours=hours))
    assert (fresh(line).state, fresh(line).due_at) == (State.FAILED, None)


def test_a_dead_address_is_learned_from_the_answer(asked, channel):
    def refused(mail, before_payload):
        before_payload()
        raise NoSuchAddress("550 5.1.1 unknown")

    channel(refused)
    line = reply(asked)
    answering.send_due(now=NOW)
    assert (fresh(line).state, consent.bounced_at("mia.fuchs@example.com")) == (State.FAILED, NOW)
    with pytest.raises(answering.AddressIsDead):
        answering.send_again(fresh(line), now=LATER)


def test_what_may_have_arrived_is_never_sent_again_by_itself(asked, channel):
    def dropped(mail, before_payload):
        before_payload()
        raise Uncertain("connection lost")

    channel(dropped)
    line = reply(asked)
    answering.send_due(now=NOW)
    assert fresh(line).state == State.UNCERTAIN
    assert answering.send_due(now=LATER) == 0
    assert answering.treat_as_sent(fresh(line), now=LATER) is True
    assert answering.send_again(fresh(line), now=LATER) is False


def test_killed_while_sending_it_is_uncertain_and_the_owner_decides(asked, channel):
    class Killed(BaseException):
        pass

    def killed(mail, before_payload):
        before_payload()
        raise Killed

    channel(killed)
    line = reply(asked)
    with pytest.raises(Killed):
        answering.send_due(now=NOW)
    assert fresh(line).state == State.SENDING
    assert answering.send_due(now=NOW + dt.timedelta(minutes=1)) == 0  # it may still be on its way
    assert (answering.send_due(now=LATER), fresh(line).state) == (0, State.UNCERTAIN)
    sent = []
    channel(lambda mail, before_payload: (before_payload(), sent.append(mail.to), "ok")[-1])
    assert answering.send_again(fresh(line), now=LATER) is True
    answering.send_due(now=LATER)
    assert (fresh(line).state, sent) == (State.SENT, ["mia.fuchs@example.com"])


def test_killed_before_anything_left_it_leaves_later(asked, channel):
    class Killed(BaseException):
        pass

    def killed(mail, before_payload):
        raise Killed

    channel(killed)
    line = reply(asked)
    with pytest.raises(Killed):
        answering.send_due(now=NOW)
    assert fresh(line).state == State.QUEUED


def test_a_permanent_refusal_is_final(asked, channel):
    def refused(mail, before_payload):
        raise SendFailed("552 too big", permanent=True)

    channel(refused)
    line = reply(asked)
    answering.send_due(now=NOW)
    assert (fresh(line).state, fresh(line).error) == (State.FAILED, "552 too big")


def test_two_workers_send_one(asked, channel):
    sent = []

    def slow(mail, before_payload):
        if not sent:
            sent.append("outer")
            answering.send_due(now=NOW)  # the other worker, at the same moment
        before_payload()
        sent.append(mail.to)
        return "ok"

    channel(slow)
    reply(asked)
    answering.send_due(now=NOW)
    assert sent == ["outer", "mia.fuchs@example.com"]


def test_through_a_real_server(asked, sink):  # noqa: F811
    line = reply(asked, "Ja, gerne – 好的")
    answering.send_due(now=NOW)
    [(to, payload)] = sink.accepted
    assert (to, fresh(line).state) == ("mia.fuchs@example.com", State.SENT)
    assert "In-Reply-To: <one@example.com>" in payload
    assert f"Message-ID: {line.message_id}" in payload


def test_a_connection_lost_after_the_payload_is_uncertain(asked, sink):  # noqa: F811
    sink.at_data = drop
    line = reply(asked)
    answering.send_due(now=NOW)
    assert fresh(line).state == State.UNCERTAIN


def test_their_reply_to_our_answer_comes_back_to_the_conversation(asked):
    line = reply(asked, then=Conversation.State.DONE)
    again = say("Thank you", email="private@example.net", answers_to=(line.message_id,), message_id="<two@example.com>")
    assert (again.pk, again.state) == (asked.pk, "open")


def test_a_copied_shop_sends_nothing_and_what_waited_is_in_doubt(asked):
    line = reply(asked)
    instance.hold(restored_from=NOW, now=NOW)
    assert (answering.send_due(now=LATER), fresh(line).state) == (0, State.QUEUED)
    confirming.confirm(now=NOW)
    assert (answering.send_due(now=LATER), fresh(line).state) == (0, State.UNCERTAIN)
    assert answering.send_again(fresh(line), now=LATER) is True
    assert answering.send_due(now=LATER) == 1


def test_a_note_is_kept_once_and_sent_to_nobody(asked):
    for _time in range(2):
        moving_on.note(asked.pk, text="Call her", by="Lena", form_key=key(9), now=NOW)
    line = Line.objects.get(direction="note")
    assert (line.text, line.state, answering.send_due(now=LATER)) == ("Call her", "", 0)


def test_killed_between_the_outbox_and_its_mark_both_are_taken_back(asked, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(**_fields):
        raise Killed

    line = reply(asked)
    with monkeypatch.context() as broken:
        broken.setattr(answering.channels.outbox.Outgoing.objects, "create", killed)
        with pytest.raises(Killed):
            answering.send_due(now=NOW)
    assert (fresh(line).state, Outgoing.objects.count()) == (State.QUEUED, 0)
    answering.send_due(now=NOW)
    assert (fresh(line).state, Outgoing.objects.count()) == (State.SENT, 1)
