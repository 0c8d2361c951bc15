"""The page of segments: what it shows, renaming, deleting, and the daily count."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.campaigns.models import Campaign
from crm.contacts import saved
from crm.contacts.models import Contact, Segment
from tests.conftest import NOW
from tests.contacts.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine(shop):
    return Segment.objects.create(slug="mine", name="Mine", kind="saved", filter={"tag": "vip"})


def test_page_shows_size_worth_date_and_links(owner_client):
    Segment.objects.create(slug="at_risk", name="x", member_count=36, spent_minor=724000, as_of="2026-11-19")
    page = owner_client.get("/customers/segments/").content.decode()
    for text in ("At risk", "36", "€7,240.00", "Nov 19, 2026", "/customers/?segment=at_risk", "/customers/export/?segment=at_risk",
                 "/campaigns/new/?segment=at_risk"):  # fmt: skip
        assert text in page


def test_page_asks_as_often_for_three_as_for_one(owner_client, mine):
    def queries() -> int:
        owner_client.get("/customers/segments/")
        with CaptureQueriesContext(connection) as log:
            owner_client.get("/customers/segments/")
        return len(log)

    one = queries()
    for slug in ("b", "c"):
        Segment.objects.create(slug=slug, name=slug, kind="saved", filter={"q": slug})
    assert queries() == one


def test_no_segments_yet_says_how_to_make_one(owner_client):
    assert "No segments yet" in owner_client.get("/customers/segments/").content.decode()


def test_rename_changes_the_name_and_keeps_the_address(owner_client, mine):
    owner_client.post("/customers/segments/mine/rename/", {"name": "Very important"})
    mine.refresh_from_db()
    assert (mine.name, mine.slug) == ("Very important", "mine")


def test_rename_refuses_an_empty_or_used_name(owner_client, mine):
    Segment.objects.create(slug="other", name="Other", kind="saved", filter={"q": "x"})
    for name in ("", "OTHER"):
        assert owner_client.post("/customers/segments/mine/rename/", {"name": name}).status_code == 422
    mine.refresh_from_db()
    assert mine.name == "Mine"


def test_delete_takes_the_segment_and_leaves_the_people(owner_client, mine):
    person("Ava", tags=["vip"])
    owner_client.post("/customers/segments/mine/delete/")
    assert (Segment.objects.count(), Contact.objects.count()) == (0, 1)


def test_delete_is_refused_while_a_campaign_uses_it(owner_client, mine):
    Campaign.objects.create(name="Autumn loaf", segment=mine)
    response = owner_client.post("/customers/segments/mine/delete/", follow=True)
    assert "cannot be deleted: Autumn loaf uses it" in response.content.decode()
    assert Segment.objects.count() == 1


def test_delete_is_refused_while_another_segment_is_built_on_it(owner_client, mine):
    Segment.objects.create(
        slug="berlin", name="VIP in Berlin", kind="saved", filter={"segment": "mine", "city": "Berlin"}
    )
    owner_client.post("/customers/segments/mine/delete/")
    assert Segment.objects.count() == 2


def test_computed_segments_are_not_the_owners_to_rename_or_delete(owner_client):
    Segment.objects.create(slug="loyal", name="Loyal")
    for act in ("rename", "delete"):
        assert owner_client.post(f"/customers/segments/loyal/{act}/", {"name": "x"}).status_code == 404
    assert owner_client.get("/customers/segments/loyal/delete/").status_code == 405


def test_saved_segments_are_counted_once_a_day(mine):
    person("Ava", tags=["vip"], spent_minor=700)
    assert [saved.count_due(now=NOW), saved.count_due(now=NOW), saved.count_due(now=NOW + dt.timedelta(days=1))] == [
        1,
        0,
        1,
    ]
    mine.refresh_from_db()
    assert (mine.member_count, mine.spent_minor, str(mine.as_of)) == (1, 700, "2026-11-21")
    assert mine.sizes.count() == 2
