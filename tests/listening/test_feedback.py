"""The question after a purchase: one answer each, changed for a week, never written by looking; bad ones wait for the owner."""

import datetime as dt
import re

import pytest
from django.urls import reverse

from crm.accounts.models import Attempt
from crm.campaigns import audience, fields, rendering, scheduling, sending
from crm.campaigns.models import Campaign, Message, Outgoing
from crm.contacts import consent, merging
from crm.contacts.models import Contact, Segment, SegmentMember
from crm.lib import tokens
from crm.listening import asking, digesting, feedback, holding_back, moving_on
from crm.listening.models import Answer, Conversation, Desk, Line
from crm.orders.models import Order, Product
from crm.rewards import rule_changing
from crm.rewards.models import Entry
from tests.conftest import NOW
from tests.listening.conftest import new_order, new_person

DAY = dt.timedelta(days=1)


def answer(asked, score=5, comment="", *, may_quote=False, now=NOW) -> Answer:
    return feedback.save(asked, score=score, comment=comment, may_quote=may_quote, now=now)


def about(order: Order) -> asking.Asked:
    return asking.Asked(f"order:{order.pk}", order.contact_id, order)


def path_of(address: str) -> str:
    return re.sub(r"^https?://[^/]+", "", address)


@pytest.fixture
def order(mia):
    return new_order(mia, "1", Product.objects.create(name="Rye", key="rye"))


@pytest.fixture
def visitor(client, shop, owner):
    return client


@pytest.fixture
def mailing(shop, mia, nora):
    """A campaign that asks both, on its way."""
    segment = Segment.objects.create(slug="all", name="All")
    SegmentMember.objects.bulk_create([SegmentMember(segment=segment, contact=one) for one in (mia, nora)])
    campaign = Campaign.objects.create(
        name="How was it", segment=segment, subject="Hello", body="[How was it?]({{ feedback_link }})"
    )
    scheduling.schedule(campaign, now=NOW)
    return campaign


def test_the_link_of_a_campaign_is_the_persons_own(mailing, mia, order):
    sending.sweep(now=NOW)
    message = Message.objects.get(contact=mia)
    mail = Outgoing.objects.get(message=message)
    [address] = re.findall(r"http\S+/feedback/\S+/", mail.text)
    assert address in mail.html
    assert "invalid" not in mail.text + mail.html.replace("sender-not-set@example.invalid", "")
    asked = asking.read(address.rstrip("/").rpartition("/")[2])
    assert asked == asking.Asked(f"message:{message.pk}", mia.pk, order, message.rotation_id)


@pytest.mark.parametrize(
    "text", ["{{ feedback_link }}", "See {{ feedback_link }}, please", "[Say]({{ feedback_link }})"]
)
def test_a_test_message_asks_an_example(shop, mia, text):
    letter = rendering.compile_letter(subject="Hi", body=text, shop=shop, campaign_name="x")
    assert letter.links == ()
    values = fields.facts(contact=mia, shop=shop, points_given=0, now=NOW)
    mail = rendering.mail(letter, to="a@example.com", values=values, shop=shop, now=NOW)
    [address] = re.findall(r"http\S+/feedback/[^\s/]+/", mail.text)
    assert asking.is_example(address.rstrip("/").rpartition("/")[2]) is True
    assert (asking.read(tokens.sign("feedback", "example")), asking.is_example("x")) == (None, False)


def test_an_address_an_owner_made_up_is_no_field(shop, mia):
    letter = rendering.compile_letter(
        subject="Hi", body="[a](https://field.invalid/nothing/) {{ my_page }}", shop=shop, campaign_name="x"
    )
    assert len(letter.links) == 1


@pytest.mark.parametrize("token", ["order-1", "order-1.x", "message-1.abc", "x" * 500])
def test_made_up_tokens_open_nothing(visitor, order, token):
    assert asking.read(token) is None
    assert visitor.get(reverse("listening:feedback", args=[token])).status_code == 404


def test_a_token_for_something_else_or_somebody_gone_opens_nothing(order, mia):
    assert asking.read(tokens.sign("portal", f"order-{order.pk}")) is None
    assert asking.read(tokens.sign("feedback", "order-999999")) is None
    assert asking.read(tokens.sign("feedback", f"message-{order.pk}")) is None
    assert asking.read(tokens.sign("feedback", "order-٣")) is None


def test_looking_writes_nothing(visitor, order):
    path = path_of(asking.of_order(order.pk))
    before = Attempt.objects.count()
    for _time in range(3):
        page = visitor.get(path + "?score=1")
        assert (page.status_code, page["Referrer-Policy"], page["X-Robots-Tag"]) == (
            200, "no-referrer", "noindex, nofollow",
        )  # fmt: skip
        assert visitor.head(path).status_code == 200
    assert (Answer.objects.count(), Conversation.objects.count(), Attempt.objects.count()) == (0, 0, before)
    assert visitor.put(path).status_code == 405


def test_an_answer_is_given_without_login_script_or_cookie(visitor, order, mia):
    path = path_of(asking.of_order(order.pk))
    sent = visitor.post(path, {"score": "4", "comment": "Good bread", "may_quote": "on"})
    assert (sent.status_code, sent["Location"]) == (302, path + "?saved=1")
    said = Answer.objects.get()
    assert (said.key, said.contact, said.order, said.asks, said.score, said.feeling) == (
        f"order:{order.pk}", mia, order, "faces", 4, "good",
    )  # fmt: skip
    assert (said.comment, said.may_quote, said.on_date) == ("Good bread", True, NOW.date())
    assert "has your answer" in visitor.get(path + "?saved=1").content.decode()
    assert consent.may_write(Contact.objects.filter(pk=mia.pk), write_to="yes_only").count() == 1


@pytest.mark.parametrize("score", ["", "0", "6", "x", "4.5"])
def test_what_is_no_answer_is_drawn_again(visitor, order, score):
    page = visitor.post(path_of(asking.of_order(order.pk)), {"score": score, "comment": "kept words"})
    assert (page.status_code, Answer.objects.count()) == (422, 0)
    assert "kept words" in page.content.decode()


def test_the_other_question_has_eleven_answers(visitor, order):
    Desk.objects.create(asks="recommend")
    path = path_of(asking.of_order(order.pk))
    assert visitor.post(path, {"score": "0"}).status_code == 302
    said = Answer.objects.get()
    assert (said.asks, said.score, said.feeling) == ("recommend", 0, "bad")
    Desk.objects.update(asks="faces")
    assert visitor.post(path, {"score": "10"}).status_code == 302  # a changed answer keeps its own question
    said.refresh_from_db()
    assert (said.asks, said.score, said.feeling) == ("recommend", 10, "good")


def test_one_answer_each_changed_for_seven_days(visitor, order):
    first = answer(about(order), 5, "Lovely")
    again = answer(about(order), 3, "Well", now=NOW + 6 * DAY)
    assert (first.pk, again.score, again.at, again.changed_at) == (again.pk, 3, NOW, NOW + 6 * DAY)
    with pytest.raises(feedback.TooLate):
        answer(about(order), 1, now=NOW + 7 * DAY)
    Answer.objects.update(at=NOW - 8 * DAY)
    page = visitor.post(path_of(asking.of_order(order.pk)), {"score": "1"})
    assert (page.status_code, Answer.objects.get().score) == (409, 3)


def test_sent_twice_is_one_answer_and_one_conversation(visitor, order):
    for _time in range(2):
        visitor.post(path_of(asking.of_order(order.pk)), {"score": "1", "comment": "Dry"})
    assert (Answer.objects.count(), Conversation.objects.count(), Line.objects.count()) == (1, 1, 1)


def test_words_nobody_gave_cannot_be_quoted(order):
    assert answer(about(order), 5, "  ", may_quote=True).may_quote is False


def test_saving_is_slowed_down(visitor, order):
    path = path_of(asking.of_order(order.pk))
    statuses = [visitor.post(path, {"score": str(1 + n % 5)}).status_code for n in range(21)]
    assert statuses == [302] * 20 + [429]


def test_a_bad_answer_is_an_open_complaint_at_once(order, mia):
    said = answer(about(order), 2, "Sold out")
    conversation = Conversation.objects.get()
    assert (said.conversation, conversation.contact, conversation.is_complaint) == (conversation, mia, True)
    assert (conversation.state, conversation.lines.get().text) == ("open", "2/5\nSold out")


def test_a_good_answer_disturbs_nobody(order):
    answer(about(order), 3, "So-so")
    assert Conversation.objects.count() == 0


def test_a_changed_mind_is_told_in_the_same_conversation(order, mia):
    answer(about(order), 1, "Cold")
    answer(about(order), 5, "You brought a new one", now=NOW + DAY)
    other = new_order(mia, "2")
    answer(about(other), 2, "Again", now=NOW + DAY)
    conversation = Conversation.objects.get()
    assert [line.text for line in conversation.lines.order_by("pk")] == [
        "1/5\nCold",
        "5/5\nYou brought a new one",
        "2/5\nAgain",
    ]
    assert conversation.is_complaint is True


def test_an_order_of_nobody_can_be_answered_too(shop):
    order = new_order(None, "9")
    answer(about(order), 1)
    assert Conversation.objects.get().contact is None


def test_whoever_was_erased_is_asked_no_more_by_name(order, mia):
    token = path_of(asking.of_order(order.pk)).rstrip("/").rpartition("/")[2]
    assert asking.read(token).contact_id == mia.pk
    Contact.objects.filter(pk=mia.pk).update(erased_at=NOW)
    assert asking.read(token) == asking.Asked(f"order:{order.pk}", None, order)


def test_feedback_earns_what_the_rule_says_once(order, mia):
    rule_changing.start(kind="review", params={"points": 20}, starts_on=NOW.date() - DAY, now=NOW - DAY)
    answer(about(order), 1, "Dry")
    answer(about(order), 5, "Good", now=NOW + DAY)
    assert list(Entry.objects.values_list("points", flat=True)) == [20]


# ---- campaigns leave people with an open complaint alone


def allowed() -> set[str]:
    return set(consent.may_write(Contact.objects.all(), write_to="yes_only").values_list("name", flat=True))


def test_an_open_complaint_keeps_campaigns_away_until_it_is_done(order, mia, nora):
    answer(about(order), 1)
    assert allowed() == {"Nora Lind"}
    conversation = Conversation.objects.get()
    moving_on.move(conversation.pk, state="waiting")
    assert allowed() == {"Nora Lind"}
    moving_on.move(conversation.pk, state="done")
    assert allowed() == {"Nora Lind", "Mia Fuchs"}


def test_the_owner_may_switch_that_off(order, mia, nora):
    answer(about(order), 1)
    Desk.objects.create(holds_back=False)
    assert allowed() == {"Nora Lind", "Mia Fuchs"}


def test_an_ordinary_question_keeps_nothing_away(mia, nora):
    Conversation.objects.create(contact=mia, via="mail", opened_at=NOW, last_at=NOW)
    assert allowed() == {"Nora Lind", "Mia Fuchs"}
    assert Contact.objects.filter(holding_back.complaints()).count() == 0


def test_a_campaign_counts_them_apart(mailing, order, shop):
    answer(about(order), 1)
    reach = audience.of(mailing, shop=shop)
    assert (reach.total, reach.may_write, reach.left_out, reach.not_asked, reach.said_no) == (2, 1, 1, 0, 0)
    sending.sweep(now=NOW)
    assert list(Message.objects.values_list("contact__name", flat=True)) == ["Nora Lind"]


def test_who_complains_while_a_mailing_runs_is_left_out_of_the_rest(mailing, order, mia, monkeypatch):
    from crm.campaigns import starting

    starting.start_due(now=NOW)
    starting.give_points(now=NOW)
    answer(about(order), 1)
    sending.sweep(now=NOW)
    message = Message.objects.get(contact=mia)
    assert (message.state, message.error) == ("withheld", sending.LEFT_OUT)
    assert Message.objects.exclude(contact=mia).get().state == "sent"
    mailing.refresh_from_db()
    assert mailing.state == "finished"


# ---- merging


def test_a_merge_moves_conversations_and_answers_and_an_undo_moves_them_back(order, mia, nora):
    hers = answer(about(new_order(nora, "2")), 1, "Dry")
    mine = answer(about(order), 5)
    done = merging.merge(mia.pk, drop_id=nora.pk, now=NOW)
    assert set(Answer.objects.values_list("contact", flat=True)) == {mia.pk}
    assert Conversation.objects.get().contact_id == mia.pk
    assert allowed() == set()
    merging.undo(done.pk, now=NOW)
    hers.refresh_from_db()
    mine.refresh_from_db()
    assert (hers.contact_id, mine.contact_id, Conversation.objects.get().contact_id) == (nora.pk, mia.pk, nora.pk)
    assert allowed() == {"Mia Fuchs"}


def test_the_link_of_a_message_asks_whom_they_were_merged_into(mailing, mia, nora):
    sending.sweep(now=NOW)
    message = Message.objects.get(contact=nora)
    merging.merge(mia.pk, drop_id=nora.pk, now=NOW)
    assert asking.read(tokens.sign("feedback", f"message-{message.pk}")).contact_id == mia.pk


# ---- groups


def test_the_happy_and_the_unhappy_are_groups_by_their_last_answer(order, mia, nora):
    answer(about(order), 1, now=NOW - 3 * DAY)
    answer(about(new_order(mia, "2")), 5, now=NOW - DAY)
    answer(about(new_order(nora, "3")), 2, now=NOW - DAY)
    new_person("Ben")
    digesting.renew(now=NOW)
    groups = {one.slug: [member.contact.name for member in one.members.all()] for one in Segment.objects.all()}
    assert groups == {"happy": ["Mia Fuchs"], "unhappy": ["Nora Lind"]}
    assert digesting.renew(now=NOW) == 0
