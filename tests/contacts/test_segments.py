import datetime as dt

import pytest

from crm.contacts import segments
from crm.contacts.matching import Person, match
from crm.contacts.models import Contact, Segment, SegmentSize

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY = dt.date(2026, 11, 16), dt.date(2026, 11, 17)


@pytest.fixture
def ids(shop, now):
    ids = match([Person("file", key=str(number)) for number in range(4)], now=now).contact_ids
    for spent, contact_id in enumerate(ids):
        Contact.objects.filter(pk=contact_id).update(spent_minor=spent * 100, city="Bonn" if spent % 2 else "")
    return ids


def members(segment):
    return sorted(segments.people(segment).values_list("id", flat=True))


def test_replacing_members_keeps_who_stays(ids):
    first = segments.replace_members("loyal", ids[:3], as_of=MONDAY, rank=2, name="Loyal")
    kept = first.members.get(contact=ids[2]).pk
    again = segments.replace_members("loyal", ids[2:], as_of=TUESDAY, rank=3)
    assert members(again) == ids[2:]
    assert again.members.get(contact=ids[2]).pk == kept
    assert (again.name, again.rank, again.member_count, again.spent_minor, again.as_of) == ("Loyal", 3, 2, 500, TUESDAY)


def test_sizes_are_kept_by_date(ids):
    for day, people in ((MONDAY, ids[:3]), (MONDAY, ids), (TUESDAY, [])):
        segments.replace_members("loyal", people, as_of=day)
    assert list(SegmentSize.objects.order_by("date").values_list("date", "member_count", "spent_minor")) == [
        (MONDAY, 4, 600),
        (TUESDAY, 0, 0),
    ]


def test_people_who_are_gone_or_erased_are_no_members(ids, now):
    Contact.objects.filter(pk=ids[0]).update(erased_at=now)
    segment = segments.replace_members("loyal", [ids[0], ids[1], 10_000_000], as_of=MONDAY)
    assert members(segment) == [ids[1]]


def test_a_saved_filter_is_read_live(ids):
    segment = Segment.objects.create(slug="bonn", name="Bonn", kind="saved", filter={"city": "Bonn"})
    assert members(segment) == [ids[1], ids[3]]
    Contact.objects.filter(pk=ids[3]).update(city="Köln")
    assert members(segment) == [ids[1]]
