"""One person's page: facts, permission, tags, notes, panels, people who look the same."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.contacts import panels
from crm.contacts.models import Consent, Note, Suppression
from crm.orders.models import Order
from tests.conftest import NOW
from tests.contacts.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ava(shop):
    return person("Ava Okafor", email="ava@example.com", phone="+49 30 5557 0142", postcode="10969", order_count=2,
                  spent_minor=3000, days_quiet=10, tags=["vip"], extra={"Loyalty card": "LC-1"})  # fmt: skip


def order(contact, number: str, *, days_ago: int = 1) -> Order:
    return Order.objects.create(
        source="typed", number=number, contact=contact, placed_at=NOW - dt.timedelta(days=days_ago), currency="EUR",
        total_minor=1500, net_minor=1500,
    )  # fmt: skip


def test_page_shows_facts_figures_and_story(owner_client, ava):
    order(ava, "T-1001")
    page = owner_client.get(f"/customers/{ava.pk}/").content.decode()
    for text in ("Ava Okafor", "ava@example.com", "+49 30 5557 0142", "€30.00", "€15.00 per order", "Order T-1001", "LC-1",
                 "Nobody has asked this customer yet."):  # fmt: skip
        assert text in page


def test_unknown_and_erased_people_are_not_found(owner_client, ava):
    ava.erased_at = NOW
    ava.save()
    assert owner_client.get(f"/customers/{ava.pk}/").status_code == 404
    assert owner_client.get("/customers/999999/").status_code == 404
    assert owner_client.post("/customers/999999/note/", {"text": "x"}).status_code == 404


def test_page_asks_as_often_for_three_orders_as_for_one(owner_client, ava):
    def queries() -> int:
        owner_client.get(f"/customers/{ava.pk}/")
        with CaptureQueriesContext(connection) as log:
            owner_client.get(f"/customers/{ava.pk}/")
        return len(log)

    order(ava, "1")
    Note.objects.create(contact=ava, text="a", at=NOW)
    one = queries()
    for number in ("2", "3"):
        order(ava, number)
        Note.objects.create(contact=ava, text=number, at=NOW)
    assert queries() == one


def test_hostile_text_is_shown_as_text(owner_client, ava):
    ava.name, ava.tags, ava.extra = "<script>alert(1)</script>", ["<b>"], {"<i>": "<img src=x>"}
    ava.save()
    Note.objects.create(contact=ava, text="<script>alert(2)</script>", at=NOW)
    page = owner_client.get(f"/customers/{ava.pk}/").content.decode()
    assert "<script>alert" not in page and "<b>" not in page.replace("<b data", "") and "<img src=x>" not in page


def test_note_is_kept_with_author_and_shown(owner_client, ava):
    response = owner_client.post(f"/customers/{ava.pk}/note/", {"text": "Loves rye."})
    assert response["Location"] == f"/customers/{ava.pk}/"
    assert list(Note.objects.values_list("text", "author")) == [("Loves rye.", "Lena Hartmann")]
    assert "Note by Lena Hartmann" in owner_client.get(f"/customers/{ava.pk}/").content.decode()


def test_empty_note_is_refused(owner_client, ava):
    response = owner_client.post(f"/customers/{ava.pk}/note/", {"text": "  "})
    assert response.status_code == 422
    assert Note.objects.count() == 0


def test_tags_are_replaced_cleaned_and_remembered_as_typed(owner_client, ava):
    owner_client.post(f"/customers/{ava.pk}/tags/", {"tags": " vip ,wholesale,, vip，large  order", "version": 1})
    ava.refresh_from_db()
    assert (ava.tags, ava.typed_fields, ava.version) == (["vip", "wholesale", "large order"], ["tags"], 2)


def test_tags_changed_meanwhile_keep_the_owners_text(owner_client, ava):
    owner_client.post(f"/customers/{ava.pk}/tags/", {"tags": "theirs", "version": 1})
    response = owner_client.post(f"/customers/{ava.pk}/tags/", {"tags": "mine", "version": 1})
    ava.refresh_from_db()
    assert (response.status_code, ava.tags) == (409, ["theirs"])
    page = response.content.decode()
    assert "Saved now: theirs" in page and 'value="mine"' in page
    version = response.context["tags_form"]["version"].value()
    owner_client.post(f"/customers/{ava.pk}/tags/", {"tags": "mine", "version": version})
    ava.refresh_from_db()
    assert ava.tags == ["mine"]


def test_too_long_a_tag_is_refused(owner_client, ava):
    response = owner_client.post(f"/customers/{ava.pk}/tags/", {"tags": "x" * 41, "version": 1})
    assert response.status_code == 422
    assert "at most 40 letters" in response.content.decode()


def test_yes_needs_the_words_and_is_logged(owner_client, ava):
    refused = owner_client.post(f"/customers/{ava.pk}/consent/", {"state": "yes", "detail": ""})
    assert refused.status_code == 422
    owner_client.post(f"/customers/{ava.pk}/consent/", {"state": "yes", "detail": "signed the card"})
    ava.refresh_from_db()
    assert ava.consent == "yes"
    assert list(Consent.objects.values_list("state", "source", "detail")) == [("yes", "owner", "signed the card")]
    assert "signed the card" in owner_client.get(f"/customers/{ava.pk}/").content.decode()


def test_no_is_logged_and_holds_for_the_address(owner_client, ava):
    owner_client.post(f"/customers/{ava.pk}/consent/", {"state": "no", "detail": ""})
    ava.refresh_from_db()
    assert ava.consent == "no"
    assert Suppression.objects.count() == 1


def test_yes_without_an_address_says_why_nothing_changed(owner_client, shop):
    bo = person("Bo")
    response = owner_client.post(f"/customers/{bo.pk}/consent/", {"state": "yes", "detail": "told me"}, follow=True)
    bo.refresh_from_db()
    assert bo.consent == "unknown"
    assert "no e-mail address to write to" in response.content.decode()


def test_people_who_look_the_same_are_linked(owner_client, ava):
    same_phone = person("A. Okafor", phone="030 5557 0142")
    same_home = person("Ava Okafor", postcode="10969")
    person("Ava Okafor", postcode="20095")
    page = owner_client.get(f"/customers/{ava.pk}/")
    assert [twin for twin, _evidence in page.context["twins"]] == [same_phone, same_home]


def test_panels_of_upper_floors_are_drawn_in_order_and_silent_ones_leave_nothing(owner_client, ava, monkeypatch):
    monkeypatch.setattr(panels.PANELS, "registered", {})
    panels.register("one", lambda *, contact, request: {"items": [contact.name]}, "404.html")
    panels.register("none", lambda *, contact, request: None, "404.html")
    assert len(owner_client.get(f"/customers/{ava.pk}/").context["panels"]) == 1


def test_acts_need_a_post(owner_client, ava):
    for name in ("note", "tags", "consent"):
        assert owner_client.get(reverse(f"contacts:{name}", args=[ava.pk])).status_code == 405
