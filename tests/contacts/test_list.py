"""The customer list in the browser."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.contacts.models import Contact, Segment
from tests.contacts.people import person

pytestmark = pytest.mark.django_db


def queries(client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as log:
        assert client.get(url).status_code == 200
    return len(log)


def test_list_is_private(client, shop, owner):
    response = client.get("/customers/")
    assert (response.status_code, response["Location"]) == (302, "/login/?next=/customers/")


def test_empty_shop_offers_import_and_a_first_customer(owner_client):
    page = owner_client.get("/customers/").content.decode()
    assert "Your customers will be here" in page
    assert 'href="/import/new/"' in page
    assert 'href="/customers/new/"' in page


def test_list_shows_a_row_with_its_figures_and_the_date_of_the_scores(owner_client):
    person("Theo Patel", email="theo@example.com", order_count=4, spent_minor=13745, points_balance=811, group="at_risk",
           churn_risk=0.82, scored_on="2026-11-19", days_quiet=100)  # fmt: skip
    page = owner_client.get("/customers/").content.decode()
    for text in ("Theo Patel", "theo@example.com", "At risk", "82%", "Aug 12, 2026", "€137.45", "811"):
        assert text in page
    assert "Risk and groups as of Nov 19, 2026" in page


@pytest.mark.parametrize("query", ["", "?q=p&sort=-risk", "?group=loyal&min_spent=0"])
def test_list_asks_as_often_for_three_as_for_one(owner_client, query):
    Segment.objects.create(slug="loyal", name="Loyal", member_count=3)
    person("P1", group="loyal", email="p1@example.com")
    one = queries(owner_client, f"/customers/{query}")
    person("P2", group="loyal", email="p2@example.com")
    person("P3", group="loyal", email="p3@example.com")
    assert queries(owner_client, f"/customers/{query}") == one


def test_bad_values_are_named_and_the_list_is_still_there(owner_client):
    person("Ava")
    response = owner_client.get(
        "/customers/?min_orders=lots&ordered_after=yesterday&page=x&sort=hair&ids=1,x&segment=%00"
    )
    assert response.status_code == 200
    assert "We left out “Orders, at least”" in response.content.decode()


def test_group_chips_carry_the_size_of_the_computed_segment(owner_client):
    person("Ava", group="loyal")
    Segment.objects.create(slug="loyal", name="Loyal", member_count=49)
    chips = {
        chip.label: (chip.count, chip.query, chip.active)
        for chip in owner_client.get("/customers/?group=loyal").context["group_chips"]
    }
    assert chips["Loyal"] == (49, "group=loyal", True)
    assert chips["All"] == (None, "", False)
    assert chips["Champions"] == (None, "group=champions", False)


def test_htmx_gets_the_whole_page_and_a_clean_address(owner_client):
    person("Ava")
    response = owner_client.get("/customers/?q=av&group=&tag=&sort=-last_order", headers={"HX-Request": "true"})
    assert response["HX-Replace-Url"] == "/customers/?q=av"
    assert b'id="results"' in response.content and b"<html" in response.content


def test_nobody_matches_keeps_the_filter_and_offers_the_way_back(owner_client):
    person("Ava")
    page = owner_client.get("/customers/?q=zzz").content.decode()
    assert "Nobody matches" in page
    assert 'value="zzz"' in page


def test_tag_and_undo_change_only_those_who_were_changed(owner_client):
    ava, theo = person("Ava"), person("Theo", tags=["vip"])
    response = owner_client.post("/customers/?q=", {"act": "tag", "tag": " vip ", "ids": [ava.pk, theo.pk]})
    assert response.status_code == 302
    assert list(Contact.objects.order_by("pk").values_list("tags", flat=True)) == [["vip"], ["vip"]]
    page = owner_client.get("/customers/")
    assert page.context["undo"]["text"] == "Tagged 1 customer “vip”."
    owner_client.post("/customers/undo/", {"token": page.context["undo"]["token"], "query": ""})
    assert list(Contact.objects.order_by("pk").values_list("tags", flat=True)) == [[], ["vip"]]


def test_undo_leaves_people_alone_who_were_edited_since(owner_client):
    ava = person("Ava")
    owner_client.post("/customers/", {"act": "tag", "tag": "vip", "ids": [ava.pk]})
    token = owner_client.get("/customers/").context["undo"]["token"]
    ava.refresh_from_db()
    owner_client.post(f"/customers/{ava.pk}/tags/", {"tags": "vip, regular", "version": ava.version})
    owner_client.post("/customers/undo/", {"token": token})
    ava.refresh_from_db()
    assert ava.tags == ["vip", "regular"]


def test_undo_refuses_a_token_that_is_not_ours(owner_client):
    response = owner_client.post("/customers/undo/", {"token": "made.up"}, follow=True)
    assert "cannot be undone any more" in response.content.decode()


def test_everyone_means_all_that_match_not_only_the_page(owner_client, monkeypatch):
    monkeypatch.setattr("crm.contacts.listing.PAGE_SIZE", 1)
    for name in ("Ava", "Avril", "Theo"):
        person(name)
    owner_client.post("/customers/?q=av", {"act": "tag", "tag": "a", "everyone": "on"})
    assert sorted(Contact.objects.exclude(tags=[]).values_list("name", flat=True)) == ["Ava", "Avril"]


@pytest.mark.parametrize(
    "data, message",
    [
        ({"act": "tag", "tag": "vip"}, "Tick at least one customer first."),
        ({"act": "tag", "ids": ["1"]}, "Type the tag first."),
        ({"act": "tag", "tag": "vip", "ids": ["1; drop"]}, "This list of customers cannot be read."),
        ({"act": "burn", "ids": ["1"]}, "Select a valid choice"),
    ],
)
def test_bulk_refuses_what_it_cannot_do_and_keeps_the_input(owner_client, data, message):
    ava = person("Ava")
    response = owner_client.post("/customers/", data)
    assert response.status_code == 422
    assert message in response.content.decode()
    assert Contact.objects.get(pk=ava.pk).tags == []


def test_write_to_ticked_people_saves_them_as_a_segment(owner_client):
    ava, theo = person("Ava"), person("Theo")
    response = owner_client.post("/customers/", {"act": "write", "ids": [ava.pk]})
    segment = Segment.objects.get()
    assert response["Location"] == f"/campaigns/new/?segment={segment.slug}"
    assert (segment.kind, segment.filter, segment.member_count) == ("saved", {"ids": str(ava.pk)}, 1)
    assert theo.pk != ava.pk


def test_write_to_a_whole_segment_uses_it_as_it_is(owner_client):
    Segment.objects.create(slug="loyal", name="Loyal").members.create(contact=person("Ava"))
    response = owner_client.post("/customers/?segment=loyal", {"act": "write", "everyone": "on"})
    assert response["Location"] == "/campaigns/new/?segment=loyal"
    assert Segment.objects.count() == 1


def test_save_as_segment_keeps_the_filter_and_its_size(owner_client):
    person("Ava", group="loyal", spent_minor=500)
    person("Theo", group="at_risk")
    response = owner_client.post("/customers/?group=loyal&sort=-risk", {"save": "1", "name": "My loyal ones"})
    segment = Segment.objects.get()
    assert response["Location"] == "/customers/?segment=my-loyal-ones"
    assert (segment.name, segment.filter, segment.member_count, segment.spent_minor) == (
        "My loyal ones", {"group": "loyal"}, 1, 500,
    )  # fmt: skip
    assert list(segment.sizes.values_list("member_count", flat=True)) == [1]


@pytest.mark.parametrize("query, name, message", [
    ("", "All", "Filter the list first"),
    ("?group=loyal", "", "This field is required"),
    ("?group=loyal", "Taken", "There is already a segment with this name."),
])  # fmt: skip
def test_save_as_segment_refuses_no_filter_no_name_and_a_used_name(owner_client, query, name, message):
    person("Ava", group="loyal")
    Segment.objects.create(slug="taken", name="taken", kind="saved", filter={"q": "x"})
    response = owner_client.post(f"/customers/{query}", {"save": "1", "name": name})
    assert response.status_code == 422
    assert message in response.content.decode()
    assert Segment.objects.count() == 1


def test_two_segments_of_one_slug_get_numbers(owner_client):
    person("Ava", group="loyal")
    for name in ("最好的客户", "回头客"):
        owner_client.post("/customers/?group=loyal", {"save": "1", "name": name})
    assert list(Segment.objects.order_by("pk").values_list("slug", flat=True)) == ["segment", "segment-2"]
