"""The owner's pages about a customer's data, and the customer's own."""

import datetime as dt

import pytest
from django.test import Client

from crm.contacts import forgetting
from crm.contacts.models import Contact, Erasure, Note, PrivacyRecord
from crm.portal import links
from tests.contacts.people import person
from tests.rewards.conftest import new_order

CUSTOMER = Erasure.Asked.CUSTOMER


@pytest.fixture
def anna(shop, now):
    anna = person("Anna Meyer", email="anna@example.org", phone="+49 171 1234567", consent="yes")
    Note.objects.create(contact=anna, text="Likes rye", at=now)
    new_order(anna, now)
    return anna


@pytest.fixture
def visitor(owner):
    return Client(enforce_csrf_checks=True)


def own(contact, part=""):
    return f"/my/{links.token(contact.pk)}/{part}"


def test_the_page_says_with_figures_what_goes_and_what_stays(owner_client, anna):
    page = owner_client.get(f"/customers/{anna.pk}/erase/").content.decode()
    assert "1 note" in page
    assert "1 order for €80.00, without the person: books must be kept." in page
    assert Erasure.objects.count() == 0


def test_planned_taken_back_and_done(owner_client, anna, django_capture_on_commit_callbacks):
    address = f"/customers/{anna.pk}/erase/"
    owner_client.post(address, {"act": "plan"})
    assert "This customer will be erased on" in owner_client.get(anna.get_absolute_url()).content.decode()
    owner_client.post(address, {"act": "back"})
    assert forgetting.open_of(anna.pk) is None
    with django_capture_on_commit_callbacks(execute=True):
        response = owner_client.post(address, {"act": "now"}, follow=True)
    assert Erasure.objects.order_by("-pk").first().done_at is not None
    assert response.redirect_chain[-1][0] == "/customers/privacy/"
    assert Contact.objects.get(pk=anna.pk).display_name == f"Erased customer {anna.pk}"
    assert "Anna" not in response.content.decode()
    assert owner_client.get(address).status_code == 404


def test_a_wish_of_the_customer_is_on_today_and_on_their_page(owner_client, visitor, anna):
    asked = visitor.post(own(anna, "erase/"))
    assert (asked.status_code, asked["Location"]) == (302, f"{own(anna)}#data")
    assert "You asked on" in visitor.get(own(anna)).content.decode()
    assert "1 customer asked to be erased." in owner_client.get("/").content.decode()
    assert "This customer asked to be erased" in owner_client.get(anna.get_absolute_url()).content.decode()
    assert "Waits for your answer" in owner_client.get("/customers/privacy/").content.decode()
    assert forgetting.sweep(now=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)) == 0, "a link alone deletes nothing"
    visitor.post(own(anna, "erase/"), {"keep": "1"})
    assert forgetting.open_of(anna.pk) is None
    visitor.post(own(anna, "erase/"))
    owner_client.post(f"/customers/{anna.pk}/erase/", {"act": "refuse"})
    assert PrivacyRecord.objects.order_by("-pk").first().act == "refused"


def test_a_copy_needs_more_than_the_link(visitor, anna):
    page = visitor.get(own(anna, "data/"))
    assert page.status_code == 200 and b"anna@example.org" not in page.content
    for wrong in ("", "someone@example.org", "+49 171 7654321"):
        assert visitor.post(own(anna, "data/"), {"known": wrong}).status_code == 422
    for right in ("Anna@Example.org", "0049 171 1234567"):
        response = visitor.post(own(anna, "data/"), {"known": right})
        assert (response.status_code, response["Content-Type"]) == (200, "application/zip")
    for _try in range(6):
        last = visitor.post(own(anna, "data/"), {"known": "x@example.org"})
    assert last.status_code == 429
    assert visitor.post(own(anna, "data/"), {"known": "anna@example.org"}).status_code == 429


def test_who_has_no_address_asks_the_shop(visitor, shop):
    nobody = person("Card only")
    page = visitor.get(own(nobody, "data/"))
    assert b"<form class=\"stack\"" not in page.content and b"Ask the shop" in page.content
    assert visitor.post(own(nobody, "data/"), {"known": ""}).status_code == 422


def test_both_may_say_no_predictions(owner_client, visitor, anna):
    visitor.post(own(anna, "predictions/"), {"out": "1"})
    anna.refresh_from_db()
    assert anna.no_profiling
    assert "Left out of predictions" in owner_client.get(anna.get_absolute_url()).content.decode()
    owner_client.post(f"/customers/{anna.pk}/predictions/", {"in": "1"})
    anna.refresh_from_db()
    assert not anna.no_profiling
    assert [*PrivacyRecord.objects.order_by("pk").values_list("act", "by_customer")] == [("objected", True), ("admitted", False)]


def test_the_log_names_numbers_and_no_names(owner_client, anna):
    owner_client.post(f"/customers/{anna.pk}/data/")
    page = owner_client.get("/customers/privacy/").content.decode()
    assert "Data handed over" in page and "Anna" not in page
    assert 'href="/customers/privacy/"' in owner_client.get("/settings/").content.decode()


def test_pages_stay_small(owner_client, visitor, anna):
    for client, path in ((owner_client, f"/customers/{anna.pk}/erase/"), (owner_client, "/customers/privacy/"), (visitor, own(anna))):
        assert len(client.get(path).content) < 40_960
