"""The pages: whole without a script, nothing kept by looking, input kept where something is wrong."""

import datetime as dt
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.accounts.models import Shop
from crm.campaigns.models import Outgoing
from crm.contacts import consent
from crm.contacts.models import Consent, Contact
from crm.home import notices
from crm.listening import answering, moving_on
from crm.listening.models import Conversation, Desk, Line, SavedAnswer, Via
from crm.portal import links
from crm.rewards.models import Entry
from tests.conftest import NOW
from tests.listening.conftest import key, new_order, new_person, say
from tests.listening.test_letters import plain

INBOX = reverse("listening:inbox")
WRITE = reverse("listening:write")
SOON = NOW + dt.timedelta(minutes=1)
OWNERS = ["inbox", "new", "mails", "settings", "saved", "overview", "answers"]


@pytest.fixture
def visitor(client, shop, owner):
    return client


def text_of(response) -> str:
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def form_of(response) -> dict:
    """Return the hidden values of the page's form."""
    return dict(
        re.findall(r'<input type="hidden" name="(form_key|version)" value="([^"]*)"', response.content.decode())
    )


@pytest.mark.parametrize("name", OWNERS)
def test_pages_are_the_owners_and_say_something_in_an_empty_shop(client, owner_client, name):
    page = owner_client.get(reverse(f"listening:{name}"))
    assert page.status_code == 200
    assert len(page.content) < 40 * 1024
    client.logout()
    assert client.get(reverse(f"listening:{name}")).status_code == 302


def test_acts_want_a_post_and_a_login(visitor, mia):
    conversation = say(email=mia.email)
    for name in ("move", "remind", "note", "again", "arrived"):
        pk = conversation.lines.get().pk if name in ("again", "arrived") else conversation.pk
        path = reverse(f"listening:{name}", args=[pk])
        assert visitor.post(path, {"state": "done"}).status_code == 302
        assert visitor.get(path).status_code in (302, 405)
    conversation.refresh_from_db()
    assert conversation.state == "open"


# ---- the contact form


def test_a_stranger_writes_and_is_asked_nothing_else(visitor):
    page = visitor.get(WRITE)
    sent = visitor.post(
        WRITE, form_of(page) | {"text": "Do you bake cakes?", "email": "Jon@example.net", "name": "Jon"}
    )
    assert (sent.status_code, sent["Location"]) == (302, WRITE + "?sent=1")
    conversation = Conversation.objects.get()
    assert (conversation.via, conversation.email, conversation.who) == (Via.FORM, "Jon@example.net", "Jon")
    assert (Contact.objects.count(), Consent.objects.count()) == (0, 0)
    assert "Your message has arrived" in text_of(visitor.get(WRITE + "?sent=1"))


def test_looking_at_the_form_keeps_nothing(visitor):
    visitor.get(WRITE + "?text=x&email=a@example.com")
    assert Line.objects.count() == 0


def test_the_form_sent_twice_is_one_message(visitor):
    said = form_of(visitor.get(WRITE)) | {"text": "Hello", "email": "jon@example.net"}
    for _time in range(2):
        visitor.post(WRITE, said)
    assert Line.objects.count() == 1


def test_a_program_that_fills_in_everything_is_thanked_and_not_kept(visitor):
    said = {"form_key": key(1), "text": "Buy", "email": "bot@example.net", "website": "https://spam.example"}
    assert visitor.post(WRITE, said)["Location"] == WRITE + "?sent=1"
    assert Line.objects.count() == 0


@pytest.mark.parametrize("wrong", [{"email": "nonsense"}, {"text": " "}, {"form_key": "x"}, {"text": "x" * 5_001}])
def test_a_wrong_form_is_drawn_again_with_what_was_typed(visitor, wrong):
    page = visitor.post(
        WRITE, {"form_key": key(1), "text": "My words", "email": "jon@example.net", "name": "Jonas"} | wrong
    )
    assert (page.status_code, Line.objects.count()) == (422, 0)
    assert 'value="Jonas"' in page.content.decode()


def test_writing_is_slowed_down(visitor):
    statuses = [
        visitor.post(WRITE, {"form_key": key(n), "text": "x", "email": "a@example.com"}).status_code for n in range(7)
    ]
    assert (statuses, Line.objects.count()) == ([302] * 5 + [429] * 2, 5)


def test_a_closed_form_takes_nothing(visitor):
    Desk.objects.create(form_is_open=False)
    assert visitor.post(WRITE, {"form_key": key(1), "text": "x", "email": "a@example.com"}).status_code == 404
    assert (visitor.get(WRITE).status_code, Line.objects.count()) == (404, 0)


# ---- their own page


def test_a_customer_writes_from_their_page_and_reads_the_answer_there(visitor, mia, nora):
    own = reverse("portal:page", args=[links.token(mia.pk)])
    write = own + "write/"
    assert write in visitor.get(own).content.decode()
    say("Not hers", via=Via.PAGE, contact_id=nora.pk)
    say("Typed by a stranger with her address", via=Via.FORM, email=mia.email)
    sent = visitor.post(write, form_of(visitor.get(write)) | {"text": "Is it vegan?"})
    assert sent["Location"] == write + "?sent=1"
    conversation = Conversation.objects.get(contact=mia, via=Via.PAGE)
    reply = answering.Reply(text="It is.", form_key=key(1), version=conversation.version)
    answering.answer(conversation, reply, now=NOW)
    moving_on.note(conversation.pk, text="for me only", by="Lena", form_key=key(2), now=NOW)
    page = text_of(visitor.get(write))
    assert "Is it vegan?" in page
    assert "It is." in page
    for other in ("for me only", "Not hers", "Typed by a stranger"):
        assert other not in page


def test_their_page_leads_to_the_question_about_the_last_purchase(visitor, mia):
    new_order(mia, "1")
    page = visitor.get(reverse("listening:own_page", args=[links.token(mia.pk)])).content.decode()
    [address] = re.findall(r'href="http://[^/]+(/feedback/[^"]+)"', page)
    assert visitor.get(address).status_code == 200


def test_a_wrong_link_opens_nothing(visitor, mia):
    assert visitor.post("/my/1-0.guess/write/", {"form_key": key(1), "text": "x"}).status_code == 404
    assert Line.objects.count() == 0


# ---- the inbox


def test_the_inbox_lists_by_state_and_finds_words(owner_client, mia, nora):
    say("Is the rye vegan?", email=mia.email)
    done = say("Thanks for the cake", email=nora.email)
    moving_on.move(done.pk, state="done")
    assert "Is the rye vegan?" in text_of(owner_client.get(INBOX))
    assert "Thanks for the cake" not in text_of(owner_client.get(INBOX))
    assert "Thanks for the cake" in text_of(owner_client.get(INBOX + "?state=done"))
    for words in ("cake", "nora", "lind"):
        assert "Thanks for the cake" in text_of(owner_client.get(f"{INBOX}?q={words}")), words
    assert "Nothing holds" in text_of(owner_client.get(INBOX + "?q=nowhere"))


def test_the_menu_counts_what_waits(owner_client, mia, nora):
    say(email=mia.email)
    moving_on.move(say(email=nora.email).pk, state="waiting")
    page = owner_client.get(reverse("home:keys")).content.decode()
    assert page.count('<span class="menu-label">Inbox</span><span class="menu-count">1</span>') == 2
    assert 'href="/inbox/" data-key="m"' in page
    assert "1 open conversation in the inbox" in page  # on the phone it lies under "More"
    assert (
        "Inbox" in owner_client.get(reverse("home:palette") + "?q=inb", headers={"HX-Request": "true"}).content.decode()
    )


def test_the_number_of_queries_does_not_grow(owner_client, mia, django_assert_max_num_queries):
    say(email=mia.email)
    owner_client.get(INBOX)
    with django_assert_max_num_queries(20) as one:
        owner_client.get(INBOX)
    for n in range(12):
        say(f"Question {n}", contact_id=new_person(f"Person {n}").pk)
    with django_assert_max_num_queries(len(one)):
        owner_client.get(INBOX)


def test_the_owner_answers(owner_client, mia):
    conversation = say("Is it vegan?", email=mia.email)
    page = owner_client.get(conversation.get_absolute_url())
    sent = owner_client.post(conversation.get_absolute_url(), form_of(page) | {"text": "It is.", "then": "waiting"})
    assert sent["Location"] == conversation.get_absolute_url()
    answering.send_due(now=SOON)
    assert "Sent mia.fuchs@example.com" in text_of(owner_client.get(conversation.get_absolute_url()))
    again = owner_client.post(conversation.get_absolute_url(), form_of(page) | {"text": "It is.", "then": "waiting"})
    answering.send_due(now=SOON)
    assert (again.status_code, Outgoing.objects.count()) == (302, 1)


def test_owner_sees_that_a_complaint_keeps_campaigns_away(owner_client, mia):
    complaint = say(contact_id=mia.pk, via=Via.PHONE, is_complaint=True)
    words = "Campaigns and automations do not write to them until this is done."
    other = say(contact_id=mia.pk, text="And do you bake cakes?", subject="Cakes")
    assert words not in text_of(owner_client.get(other.get_absolute_url()))
    assert words in text_of(owner_client.get(complaint.get_absolute_url()))
    moving_on.move(complaint.pk, state="done")
    assert words not in text_of(owner_client.get(complaint.get_absolute_url()))


def test_a_second_tab_keeps_its_words_and_is_not_sent(owner_client, mia):
    conversation = say(email=mia.email)
    path = conversation.get_absolute_url()
    one, two = form_of(owner_client.get(path)), form_of(owner_client.get(path))
    owner_client.post(path, one | {"text": "First"})
    page = owner_client.post(path, two | {"text": "Second, kept"})
    assert page.status_code == 409
    assert "Second, kept" in page.content.decode()
    assert Line.objects.filter(direction="out").count() == 1
    assert owner_client.post(path, form_of(page) | {"text": "Second, kept"}).status_code == 302
    assert Line.objects.filter(direction="out").count() == 2


def test_a_saved_answer_is_put_in_without_a_script_and_nothing_is_sent(owner_client, mia):
    SavedAnswer.objects.create(title="Sorry", text="Hello {{ first_name }}, sorry.")
    conversation = say(email=mia.email)
    path = conversation.get_absolute_url()
    page = owner_client.post(
        path, form_of(owner_client.get(path)) | {"text": "Typed", "use": SavedAnswer.objects.get().pk}
    )
    assert page.status_code == 200
    assert "Typed\n\nHello Mia, sorry.</textarea>" in page.content.decode()
    assert Line.objects.filter(direction="out").count() == 0


def test_points_go_with_it(owner_client, mia):
    conversation = say(email=mia.email)
    path = conversation.get_absolute_url()
    said = {"text": "Sorry: {{ points_given }} for you", "points": "30", "reason": "Dry cake"}
    owner_client.post(path, form_of(owner_client.get(path)) | said)
    assert (Entry.objects.get().points, Line.objects.get(direction="out").text) == (30, "Sorry: 30 for you")


@pytest.mark.parametrize(
    "said", [{"text": ""}, {"text": "{{ secret }}"}, {"text": "{{ points_given }}"}, {"text": "x", "points": "-5"}]
)
def test_a_wrong_answer_is_drawn_again(owner_client, mia, said):
    conversation = say(email=mia.email)
    path = conversation.get_absolute_url()
    page = owner_client.post(path, form_of(owner_client.get(path)) | said)
    assert (page.status_code, Line.objects.filter(direction="out").count()) == (422, 0)


def test_a_dead_address_is_said_before_anything_is_typed(owner_client, mia):
    conversation = say(email=mia.email)
    consent.note_bounce("mia.fuchs@example.com", at=NOW)
    page = owner_client.get(conversation.get_absolute_url())
    assert "there is no such address" in text_of(page)
    assert 'name="then"' not in page.content.decode()


def test_closing_putting_off_and_saying_who_it_is(owner_client, mia):
    conversation = say(email="jon@example.net", name="Mia")
    args = [conversation.pk]
    owner_client.post(reverse("listening:remind", args=args), {"on": "2026-11-25"})
    conversation.refresh_from_db()
    assert (conversation.state, conversation.remind_on.isoformat()) == ("waiting", "2026-11-25")
    assert owner_client.post(reverse("listening:remind", args=args), {"on": "2026-11-20"}).status_code == 422
    page = owner_client.get(reverse("listening:customer", args=args))
    assert "Mia Fuchs" in text_of(page)
    owner_client.post(reverse("listening:customer", args=args), {"contact": mia.pk})
    owner_client.post(reverse("listening:move", args=args), {"state": "done"})
    conversation.refresh_from_db()
    assert (conversation.contact, conversation.state, conversation.remind_on) == (mia, "done", None)


def test_what_was_said_on_the_phone_is_typed_in(owner_client, mia):
    new = reverse("listening:new")
    assert "Mia Fuchs" in text_of(owner_client.get(new + "?q=mia"))
    page = owner_client.get(f"{new}?contact={mia.pk}")
    said = form_of(page) | {"contact": mia.pk, "via": "phone", "text": "Cake was dry", "is_complaint": "on"}
    for _time in range(2):
        sent = owner_client.post(new, said)
    conversation = Conversation.objects.get()
    assert sent["Location"] == conversation.get_absolute_url()
    assert (conversation.contact, conversation.is_complaint, conversation.lines.get().by) == (
        mia,
        True,
        "Lena Hartmann",
    )
    assert owner_client.post(new, {"form_key": key(1), "via": "phone", "text": "Who?"}).status_code == 422


def test_the_customer_page_shows_conversations_and_tells_them(owner_client, mia):
    say("Is it vegan?", email=mia.email, subject="Vegan")
    page = text_of(owner_client.get(mia.get_absolute_url()))
    assert "Conversations" in page
    assert "Said: E-mail" in page
    assert "Is it vegan?" in page


def test_mails_are_dropped_in_once(owner_client, mia):
    mails = reverse("listening:mails")

    def drop(*data):
        files = [SimpleUploadedFile(f"{n}.eml", one, "message/rfc822") for n, one in enumerate(data)]
        return owner_client.post(mails, {"files": files}, follow=True)

    page = drop(plain("Two loaves, please"))
    assert "1 mail is in your inbox." in text_of(page)
    assert Conversation.objects.get().contact == mia
    page = drop(plain("Two loaves, please"), b"no mail", b"From: lena@example.com\n\nmine")
    assert Line.objects.count() == 1
    for said in ("1 mail was here already.", "1.eml: this is not a mail", "2.eml: you wrote this mail yourself."):
        assert said in text_of(page)
    assert owner_client.post(mails).status_code == 422


def test_settings_are_kept(owner_client):
    path = reverse("listening:settings")
    owner_client.post(path, {"asks": "recommend", "form_is_open": "on"})
    desk = Desk.current()
    assert (desk.asks, desk.holds_back, desk.form_is_open) == ("recommend", False, True)
    assert owner_client.post(path, {"asks": "x"}).status_code == 422


def test_saved_answers_are_written_changed_and_deleted(owner_client):
    path = reverse("listening:saved")
    assert owner_client.post(path, {"title": "Sorry", "text": "{{ nonsense }}"}).status_code == 422
    owner_client.post(path, {"title": "Sorry", "text": "Hello {{ first_name }}"})
    one = SavedAnswer.objects.get()
    assert owner_client.post(path, {"title": "Sorry", "text": "again"}).status_code == 422
    owner_client.post(reverse("listening:saved_edit", args=[one.pk]), {"title": "Sorry", "text": "Changed"})
    one.refresh_from_db()
    assert one.text == "Changed"
    owner_client.post(reverse("listening:saved_delete", args=[one.pk]))
    assert SavedAnswer.objects.count() == 0


def test_today_tells_of_unhappy_customers_and_of_answers_that_did_not_leave(shop, mia):
    def told() -> list[str]:
        said = [notice.text for notice in notices.read(now=NOW, shop=Shop.current())]
        return [text for text in said if "unhappy" in text or "surely" in text]

    assert told() == []
    conversation = say("Dry", via=Via.FEEDBACK, contact_id=mia.pk, is_complaint=True)
    line = answering.answer(
        conversation, answering.Reply(text="Sorry", form_key=key(1), version=conversation.version), now=NOW
    )
    Line.objects.filter(pk=line.pk).update(state="uncertain")
    assert told() == ["1 answer to a customer did not surely go out."]
    moving_on.move(conversation.pk, state="open")
    assert told()[0] == "1 unhappy customer waits for your answer, since Nov 20, 2026."


def test_an_answer_in_the_outbox_is_no_test(owner_client, mia):
    conversation = say(email=mia.email)
    answering.answer(conversation, answering.Reply(text="Yes", form_key=key(1), version=conversation.version), now=NOW)
    answering.send_due(now=NOW)
    page = text_of(owner_client.get(reverse("campaigns:outbox")))
    assert "Answer" in page
    assert "Test" not in page
    assert "A test to" not in text_of(owner_client.get(reverse("campaigns:outgoing", args=[Outgoing.objects.get().pk])))
