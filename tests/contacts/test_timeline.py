"""The story of one person, merged from every floor that knows a part of it."""

import datetime as dt

import pytest

from crm.contacts import timeline
from crm.contacts.models import Note
from crm.contacts.timeline import Moment
from tests.conftest import NOW
from tests.contacts.people import person


def reader(*minutes_ago: int, text: str = ""):
    moments = sorted((Moment(NOW - dt.timedelta(minutes=m), "pencil", f"{text}{m}") for m in minutes_ago),
                     key=lambda moment: moment.at, reverse=True)  # fmt: skip

    def read(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
        return [moment for moment in moments if moment.at < before][:limit]

    return read


def told(monkeypatch, readers: dict, *, limit: int) -> list[list[str]]:
    monkeypatch.setattr(timeline, "READERS", readers)
    pages, before = [], NOW + dt.timedelta(days=1)
    while before is not None:
        page = timeline.read(contact_id=1, before=before, limit=limit)
        pages.append([moment.text for moment in page.moments])
        before = page.older_before
    return pages


def test_readers_are_merged_newest_first(monkeypatch):
    readers = {"a": reader(1, 4, 9, text="a"), "b": reader(2, 3, 10, text="b")}
    assert told(monkeypatch, readers, limit=4) == [["a1", "b2", "b3", "a4"], ["a9", "b10"]]


def test_nothing_is_lost_where_many_moments_share_one_time(monkeypatch):
    readers = {"a": reader(1, *[5] * 7, 8, text="a"), "b": reader(5, 6, text="b")}
    pages = told(monkeypatch, readers, limit=3)
    assert pages == [["a1", *["a5"] * 7, "b5"], ["b6", "a8"]]


def test_an_empty_story_has_no_older_page(monkeypatch):
    assert told(monkeypatch, {"a": reader()}, limit=3) == [[]]


@pytest.mark.django_db
def test_older_link_is_a_real_address_that_goes_on_where_the_page_ended(owner_client, now):
    ava = person("Ava")
    for number in range(25):
        Note.objects.create(contact=ava, text=f"note {number:02}", at=now - dt.timedelta(days=number))
    first = owner_client.get(f"/customers/{ava.pk}/")
    story = first.context["story"]
    assert [moment.detail for moment in story.moments] == [f"note {number:02}" for number in range(20)]
    older = owner_client.get(f"/customers/{ava.pk}/", {"before": story.older_before.isoformat()})
    assert [moment.detail for moment in older.context["story"].moments] == [
        *(f"note {n:02}" for n in range(20, 25)),
        "",
    ]
    assert older.context["story"].older_before is None
    assert f"?before={story.older_before.isoformat().replace(':', '%3A').replace('+', '%2B')}" in first.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("before", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "%00", "9999-99-99"])
def test_an_unreadable_before_shows_the_newest(owner_client, before):
    ava = person("Ava")
    assert owner_client.get(f"/customers/{ava.pk}/", {"before": before}).status_code == 200
