"""The public page of an invitation: the same answer for everybody, and one friend counts once."""

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from crm.accounts.models import Attempt
from crm.contacts.models import Consent, Contact
from crm.imports import invited_views
from crm.portal import invitations
from crm.rewards import ledger, referring, rule_changing
from crm.rewards.models import Referral
from tests.portal.conftest import new_person
from tests.portal.test_page import seen
from tests.rewards.conftest import new_order


@pytest.fixture(autouse=True)
def near_now(now):
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def anna(shop, owner):
    shop.kind = "shop"
    shop.save()
    return new_person("Anna Adler", email="anna@example.com", phone="+49 30 5557001")


@pytest.fixture
def promised(anna, now):
    for kind, points in (("referral_friend", 50), ("referral_advocate", 100)):
        rule_changing.start(kind=kind, params={"points": points}, starts_on=now.date(), now=now)


@pytest.fixture
def visitor():
    """Somebody without a login, in a browser that keeps no cookies for us."""
    return Client(enforce_csrf_checks=True)


def url(advocate) -> str:
    return reverse("typed:invited", args=[invitations.code(advocate.pk)])


def send(visitor, advocate, **fields):
    return visitor.post(url(advocate), {"email": "ben@example.org", "name": "Ben Berg"} | fields)


def test_the_page_tells_what_a_friend_gets_and_the_first_name_only(visitor, promised, anna):
    response = visitor.get(url(anna))
    text = seen(response)
    assert "Anna invites you to Linden &amp; Loaf" in text
    assert "50 points as a gift for you" in text
    body = response.content.decode()
    assert [word for word in ("Adler", "anna@", "5557001", "checked") if word in body] == []
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]


def test_a_friend_who_is_new_is_taken_in_and_gets_the_gift(visitor, promised, anna):
    response = send(visitor, anna)
    assert (response.status_code, response.headers["Location"]) == (302, url(anna) + "?sent=1")
    ben = Contact.objects.get(email_key="ben@example.org")
    assert (ben.name, ben.consent, ledger.balance(ben.pk)) == ("Ben Berg", "unknown", 50)
    assert Referral.objects.values_list("friend", "advocate", "via").get() == (ben.pk, anna.pk, "link")
    assert "50 points are waiting for you" in seen(visitor.get(response.headers["Location"]))


def test_nobody_says_yes_for_an_address_that_may_be_somebody_elses(visitor, promised, anna):
    send(visitor, anna, agrees="on", consent="yes")
    assert (Contact.objects.get(email_key="ben@example.org").consent, Consent.objects.count()) == ("unknown", 0)


def test_known_and_new_addresses_get_the_same_answer_and_nothing_known_changes(visitor, promised, anna, now):
    ben = new_person("Benjamin Berg", email="ben@example.org")
    new_order(ben, now)
    answers = [send(visitor, anna), send(visitor, anna, email="new@example.org")]
    own = send(visitor, anna, email="anna@example.com", name="Anna")
    assert {(one.status_code, one.headers["Location"]) for one in (*answers, own)} == {(302, url(anna) + "?sent=1")}
    ben.refresh_from_db()
    assert (ben.name, ben.consent, ledger.balance(ben.pk), ledger.balance(anna.pk)) == (
        "Benjamin Berg", "unknown", 0, 0,
    )  # fmt: skip
    assert Referral.objects.values_list("friend__email", flat=True).get() == "new@example.org"


def test_a_stranger_binds_nobody_who_is_known_to_an_advocate(visitor, promised, anna, now):
    mia = new_person("Mia", email="mia@example.org")
    send(visitor, anna, email="mia@example.org")
    assert (ledger.balance(mia.pk), Referral.objects.count()) == (0, 0)
    carl = new_person("Carl", email="carl@example.org")
    assert referring.refer(mia.pk, advocate_id=carl.pk, via="till", now=now).advocate_id == carl.pk


def test_sent_twice_it_is_one_friend(visitor, promised, anna):
    for _turn in range(2):
        send(visitor, anna)
    ben = Contact.objects.get(email_key="ben@example.org")
    assert (Referral.objects.count(), ledger.balance(ben.pk)) == (1, 50)


def test_what_is_missing_is_said_and_kept(visitor, promised, anna):
    response = send(visitor, anna, email="no address")
    assert (response.status_code, Contact.objects.count()) == (422, 1)
    assert 'value="Ben Berg"' in response.content.decode()


def test_without_a_promise_or_with_a_wrong_code_it_is_over(visitor, anna):
    assert visitor.get(url(anna)).status_code == 404
    wrong = reverse("typed:invited", args=["2222-2222-2222"])
    answers = [visitor.get(wrong).status_code for _turn in range(invited_views._WRONG)]
    assert answers == [404] * (invited_views._WRONG - 1) + [429]


def test_nobody_fills_the_books_from_one_place_or_for_one_advocate(visitor, promised, anna):
    answers = [send(visitor, anna, email=f"f{n}@example.org").status_code for n in range(invited_views._JOINING + 1)]
    assert answers == [302] * invited_views._JOINING + [429]
    assert Referral.objects.count() == invited_views._JOINING
    Attempt.objects.filter(kind="invited").delete()
    Attempt.objects.filter(kind="invited_by").update(count=invited_views._FRIENDS)
    assert send(visitor, anna, email="one-more@example.org").status_code == 429
