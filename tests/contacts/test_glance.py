"""A customer at a glance: the drawer beside the list."""

import datetime as dt

import pytest
from django.urls import reverse

from crm.contacts.glance_views import rhythm
from crm.contacts.models import Note
from tests.conftest import NOW
from tests.contacts.people import person

HTMX = {"HX-Request": "true"}


@pytest.fixture
def mia(owner_client):
    return person("Mia Fuchs", email="mia@example.com", city="Berlin", group="at_risk", points_balance=120)


def glance(mia) -> str:
    return reverse("contacts:glance", args=[mia.pk])


def test_it_is_a_dialog_with_the_way_to_the_whole_page(mia, owner_client):
    body = owner_client.get(glance(mia), headers=HTMX).content.decode()
    assert body.lstrip().startswith('<dialog class="drawer" data-open')
    assert (mia.get_absolute_url() in body, "At risk" in body, "<html" in body) == (True, True, False)


def test_opened_by_hand_it_is_the_whole_page(mia, owner_client):
    response = owner_client.get(glance(mia))
    assert (response.status_code, response.url) == (302, mia.get_absolute_url())


def test_a_note_is_kept_and_shown_at_once(mia, owner_client):
    response = owner_client.post(glance(mia), {"text": "Likes rye"}, headers=HTMX)
    assert list(Note.objects.values_list("contact", "text", "author")) == [(mia.pk, "Likes rye", "Lena Hartmann")]
    assert response.content.decode().count("Likes rye") == 1
    assert "Note saved." in response.headers["HX-Trigger"]


def test_an_empty_note_is_refused_in_its_place(mia, owner_client):
    response = owner_client.post(glance(mia), {"text": " "}, headers=HTMX)
    assert (response.status_code, Note.objects.count()) == (422, 0)
    assert 'aria-invalid="true"' in response.content.decode()


def test_who_was_erased_is_not_there(mia, owner_client):
    type(mia).objects.update(erased_at=NOW)
    assert owner_client.get(glance(mia), headers=HTMX).status_code == 404


@pytest.mark.parametrize(
    ("orders", "first", "last", "said"),
    [
        (4, 100, 41, "On average an order every 20 days. The last was 41 days ago."),
        (3, 20, 0, "On average an order every 10 days. The last was today."),
        (3, 3, 1, "On average an order every day. The last was 1 day ago."),
        (2, 100, 41, ""),
        (9, 1, 1, ""),
    ],
)
def test_the_rhythm_needs_three_orders(mia, orders, first, last, said):
    mia.order_count = orders
    mia.first_order_at, mia.last_order_at = NOW - dt.timedelta(days=first), NOW - dt.timedelta(days=last)
    assert rhythm(mia, today=NOW.date(), zone="Europe/Berlin") == said


def test_it_is_private(client, mia):
    client.logout()
    assert client.get(glance(mia)).status_code == 302
