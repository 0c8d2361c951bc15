"""Who may be one person: what is found, what is not, what the owner said, and how long it takes."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.contacts import duplicates
from crm.contacts.models import Contact, Pair
from tests.contacts.people import person

pytestmark = pytest.mark.django_db
BORN, ANOTHER_DAY = dt.date(1990, 5, 1), dt.date(1984, 1, 9)


def found(now) -> dict:
    duplicates.look(now=now)
    names = dict(Contact.objects.values_list("pk", "name"))
    return {
        frozenset((names[pair.one_id], names[pair.other_id])): set(pair.evidence) for pair in duplicates.open_pairs()
    }


ANNA = {"name": "Anna Meyer", "email": "anna.meyer@gmail.com", "phone": "+49 171 1234567", "postcode": "10115"}
SAME = [
    ({"name": "Anna M.", "email": "annameyer+shop@googlemail.com"}, {"mailbox"}),
    ({"name": "Nobody", "email": "anna.meyer@gmial.com"}, None),  # another name speaks against it ...
    ({"name": "A. Meyer", "email": "anna.meyer@gmial.com"}, {"mailbox", "initials"}),
    ({"name": "Meyer, Anna", "phone": "0049 171 1234567"}, {"phone", "name"}),
    ({"name": "Anna", "phone": "+49171-1234567"}, {"phone"}),
    ({"name": "Bert Schulz", "phone": "+49171-1234567"}, None),  # a family shares a phone
    ({"name": "anna meyer", "postcode": "10115", "email": "am@web.de"}, {"name", "postcode"}),
    ({"name": "A. Meyer", "postcode": "10115"}, {"initials", "postcode"}),
    ({"name": "Anna Meyer", "email": "anna.meyer@example.com"}, {"name", "local"}),
    ({"name": "Anna Meyer", "email": "other@example.com"}, None),  # a name alone says little
    ({"name": "Anna Meyer", "postcode": "10115", "birthday": ANOTHER_DAY}, None),
]


@pytest.mark.parametrize(("other", "evidence"), SAME)
def test_pairs_are_found_by_what_they_share(shop, now, other, evidence):
    values = ANNA | {"birthday": BORN}
    person(values.pop("name"), **values)
    Contact.objects.update(name="Anna Meyer!")  # told apart here; signs mean nothing
    other = dict(other)
    person(other.pop("name"), **other)
    pairs = found(now)
    assert [said - {"other_phone", "other_email"} for said in pairs.values()] == ([evidence] if evidence else [])


def test_providers_that_look_alike_are_not_misspelt(shop, now):
    for domain in ("gmail.com", "ymail.com", "mail.com", "gmx.de", "gmx.net"):
        person("", email=f"kim@{domain}")
    assert found(now) == {}


def test_what_many_share_says_nothing(shop, now):
    for number in range(duplicates.MOST_ALIKE + 1):
        person(f"Guest {number}", phone="+49 30 1234567")
    assert found(now) == {}


def test_the_likeliest_comes_first_and_two_are_two_for_ever(shop, now):
    anna, twin = person("Anna Meyer", phone="+49 171 1234567", birthday=BORN), person("Anna Meyer", birthday=BORN)
    person("Bea Koch", phone="+49 30 7654321"), person("", phone="+49 30 7654321")
    duplicates.look(now=now)
    assert [pair.weight for pair in duplicates.open_pairs()] == [7, 5]
    duplicates.say_distinct(twin.pk, anna.pk, now=now)
    assert duplicates.look(now=now) == 1
    assert (duplicates.like(anna), Pair.objects.count()) == ([], 2)
    duplicates.say_maybe_one(anna.pk, twin.pk)
    assert duplicates.look(now=now) == 2


def test_erased_people_are_left_out(shop, now):
    person("Anna Meyer", phone="+49 171 1234567")
    person("Anna Meyer", phone="+49 171 1234567", erased_at=now)
    assert found(now) == {}


def test_the_number_of_queries_does_not_grow(shop, now):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            duplicates.look(now=now)
        return len(asked)

    person("Anna Meyer", phone="+49 171 1234567")
    person("Anna Meyer", phone="+49 171 1234567")
    few = queries()
    for number in range(40):
        person(f"Kim {chr(65 + number // 2)}oe", phone=f"+49 30 55501{number // 2:02}")
    assert (queries(), Pair.objects.count()) == (few, 21)
