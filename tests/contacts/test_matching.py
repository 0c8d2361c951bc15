import datetime as dt
import random

import pytest
from django.db import transaction

from crm.contacts import consent, matching
from crm.contacts.matching import Person, email_key, match, phone_key
from crm.contacts.models import Consent, Contact, ContactKey, Suppression
from crm.lib.tokens import keyed_hash

pytestmark = pytest.mark.django_db


def contacts(*fields):
    return list(Contact.objects.order_by("id").values_list(*fields))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ann@Example.COM ", "ann@example.com"),
        ("'ann@example.com", "ann@example.com"),
        ("mailto:ann@example.com", "ann@example.com"),
        ("<ann@example.com>", "ann@example.com"),
        ("ann@exam\u200bple.com\u00a0", "ann@example.com"),
        ("jürgen@bücher.example", "jürgen@xn--bcher-kva.example"),
        ("ann@example.com, bob@example.com", None),
        ("ann at example.com", None),
        ("ann@localhost", None),
        ("n/a", None),
        ("x" * 260 + "@example.com", None),
    ],
)
def test_email_key(text, key):
    assert email_key(text) == key


@pytest.mark.parametrize(
    ("text", "country", "key"),
    [
        ("+49 (30) 1234 5678", "", "493012345678"),
        ("0049 30 12345678", "", "493012345678"),
        ("030 / 12345678", "Germany", "493012345678"),
        ("'+39 333 1111111", "IT", "393331111111"),
        ("06 1234 5678", "Italia", "390612345678"),
        ("(775) 555-0154", "US", "17755550154"),
        ("1-775-555-0154", "United States", "17755550154"),
        ("555-0100", "United States", None),
        ("139 0013 9000", "中国", "8613900139000"),
        ("86-13900139000", "CN", "8613900139000"),
        ("٠٣٠١٢٣٤٥٦٧٨", "DE", "493012345678"),
        ("1******6198", "CN", None),
        ("##密文", "CN", None),
        ("186xxxx0511", "", None),
        ("12345", "", None),
        ("0000000000", "", None),
        ("1234567890123456", "", None),
    ],
)
def test_phone_key(text, country, key):
    assert phone_key(text, country) == key


def test_one_person_by_number_then_email_then_phone(now):
    first = match([Person("shopify", key="721", email="ann@example.com", phone="+4930555123456")], now=now)
    found = match(
        [
            Person("shopify", key="721", email="other@example.com"),
            Person("woocommerce", email="ANN@example.com"),
            Person("file", phone="0049 30 555 123456"),
        ],
        now=now,
    )
    assert found.contact_ids == first.contact_ids * 3
    assert found.created == []
    assert contacts("email", "email_key", "phone_key") == [("ann@example.com", "ann@example.com", "4930555123456")]


def test_rows_of_one_list_that_mean_one_person_are_one_person(now):
    found = match(
        [
            Person("file", key="7", name="Ann"),
            Person("file", key="7", email="ann@example.com"),
            Person("file", email="Ann@Example.com", city="Bonn"),
            Person("file", key="8"),
        ],
        now=now,
    )
    ann, _, _, other = found.contact_ids
    assert found.contact_ids == [ann, ann, ann, other]
    assert found.created == [ann, other]
    assert contacts("name", "email", "city") == [("Ann", "ann@example.com", "Bonn"), ("", "", "")]


def test_a_row_that_identifies_nobody_gets_nobody(now):
    found = match([Person("file", name="Ann Example", phone="1******6198", email="none")], now=now)
    assert found.contact_ids == [None]
    assert contacts("id") == []


def test_another_email_speaks_against_a_shared_phone(now):
    found = match(
        [
            Person("file", email="ann@example.com", phone="+4930555123456"),
            Person("file", email="bob@example.com", phone="+4930555123456"),
        ],
        now=now,
    )
    assert len(set(found.contact_ids)) == 2


def test_customers_of_one_family_phone_stay_two_people_each_time(now):
    family = [
        Person("youzan", name="Li Wei", phone="+8613900139000", authoritative=True),
        Person("youzan", name="Li Na", phone="+8613900139000", authoritative=True),
    ]
    first = match(family, now=now)
    assert len(set(first.contact_ids)) == 2
    assert match(family, now=now) == matching.Matched(first.contact_ids, [], [])


def test_a_phone_of_several_people_goes_to_one_without_email_and_makes_no_more(now):
    match(
        [
            Person("file", email="ann@example.com", phone="+4930555123456"),
            Person("file", email="bob@example.com", phone="+4930555123456"),
        ],
        now=now,
    )
    first = match([Person("file", phone="+4930555123456")], now=now)
    assert match([Person("file", phone="+4930555123456")], now=now) == matching.Matched(first.contact_ids, [], [])
    assert Contact.objects.count() == 3


def test_an_order_fills_what_is_empty_and_a_customer_file_overwrites(now):
    match([Person("shopify", key="1", name="ann", city="Bonn")], now=now)
    match([Person("shopify", key="1", name="Ann Order", city="Köln", country="DE")], now=now)
    assert contacts("name", "city", "country", "version") == [("ann", "Bonn", "DE", 2)]
    match([Person("shopify", key="1", name="Ann File", city="", country="AT", authoritative=True)], now=now)
    assert contacts("name", "city", "country", "version") == [("Ann File", "Bonn", "AT", 3)]


def test_no_file_overwrites_what_the_owner_corrected(now):
    (ann,) = match([Person("shopify", key="1", name="ann")], now=now).contact_ids
    Contact.objects.filter(pk=ann).update(name="Dr. Ann", typed_fields=["name"])
    found = match([Person("shopify", key="1", name="ANN", city="Bonn", authoritative=True)], now=now)
    assert contacts("name", "city") == [("Dr. Ann", "Bonn")]
    assert found.changed == [(ann, {"city": ""}, 2)]


def test_an_email_of_another_person_is_not_taken_over(now):
    match([Person("file", key="1", email="ann@example.com"), Person("file", key="2", email="bob@example.com")], now=now)
    match([Person("file", key="1", email="bob@example.com", authoritative=True)], now=now)
    assert contacts("email_key") == [("ann@example.com",), ("bob@example.com",)]


def test_a_customer_file_moves_an_email_with_its_keys(now):
    match([Person("file", key="1", email="ann@example.com")], now=now)
    match([Person("file", key="1", email="Anna@Example.com", authoritative=True)], now=now)
    assert contacts("email", "email_key", "address_hash") == [
        ("Anna@Example.com", "anna@example.com", keyed_hash("anna@example.com"))
    ]


def test_the_same_list_twice_writes_nothing(now):
    people = [
        Person("shopify", key="1", name="Ann", email="ann@example.com", tags=["vip"], consent="yes", authoritative=True)
    ]
    match(people, now=now)
    before = Contact.objects.values().get()
    assert match(people, now=now + dt.timedelta(days=1)).changed == []
    assert Contact.objects.values().get() == before
    assert (ContactKey.objects.count(), Consent.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("held", "said", "kept", "logged"),
    [
        ("unknown", "yes", "yes", 1),
        ("unknown", "no", "no", 1),
        ("unknown", "", "unknown", 0),
        ("no", "yes", "no", 0),
        ("yes", "no", "no", 1),
        ("yes", "", "yes", 0),
    ],
)
def test_an_import_never_turns_no_into_yes(now, held, said, kept, logged):
    (ann,) = match([Person("file", email="ann@example.com")], now=now).contact_ids
    Contact.objects.filter(pk=ann).update(consent=held)
    match([Person("file", email="ann@example.com", consent=said, consent_detail="Newsletter: x")], now=now, import_id=5)
    assert contacts("consent") == [(kept,)]
    assert (
        list(Consent.objects.values_list("state", "source", "detail", "created_by_import"))
        == [(kept, "import", "Newsletter: x", 5)][:logged]
    )


def test_a_yes_without_an_address_is_not_consent(now):
    match([Person("file", key="1", consent="yes")], now=now)
    assert contacts("consent") == [("unknown",)]


def test_a_suppressed_address_stays_no_when_it_comes_back(now):
    (ann,) = match([Person("file", email="ann@example.com")], now=now).contact_ids
    consent.withdraw(ann, source="link", detail="", at=now)
    Contact.objects.filter(pk=ann).delete()
    match([Person("shopify", email="Ann@example.com", consent="yes", authoritative=True)], now=now, import_id=1)
    assert contacts("consent") == [("no",)]
    assert Suppression.objects.count() == 1


def test_first_known_moment_of_a_new_person_is_the_earliest(now):
    early, late = now - dt.timedelta(days=9), now - dt.timedelta(days=2)
    match([Person("file", key="1", joined_at=late), Person("file", key="1", joined_at=early)], now=now)
    assert contacts("joined_at") == [(early,)]


def test_an_erased_person_is_found_by_number_and_learns_nothing(now):
    (ann,) = match([Person("file", key="1", name="Ann")], now=now).contact_ids
    Contact.objects.filter(pk=ann).update(erased_at=now, name="")
    assert match([Person("file", key="1", name="Ann", email="ann@example.com")], now=now).contact_ids == [ann]
    assert contacts("name", "email") == [("", "")]


def test_what_is_longer_than_its_column_is_cut(now):
    match([Person("file", key="k" * 300, name="n" * 300, postcode="1" * 50, phone="1" * 60)], now=now)
    assert [tuple(map(len, row)) for row in contacts("name", "postcode", "phone")] == [(200, 20, 40)]


def test_queries_do_not_grow_with_the_list(now, django_assert_num_queries, django_assert_max_num_queries):
    def people(start, count):
        return [
            Person(
                "shopify",
                key=str(n),
                email=f"p{n}@example.com",
                phone=f"+4930{n:07}",
                consent="yes",
                authoritative=True,
            )
            for n in range(start, start + count)
        ]

    with django_assert_max_num_queries(20) as few:
        match(people(0, 2), now=now)
    with django_assert_num_queries(len(few)):
        match(people(10, 60), now=now)


def test_a_known_number_alone_tells_who_it_is_without_reading_the_person(now, django_assert_num_queries):
    made = match([Person("till", key="7", name="Ann"), Person("till", key="8")], now=now)
    before = contacts("id", "name", "version", "updated_at", "joined_at")
    later = now + dt.timedelta(days=1)
    with django_assert_num_queries(1):
        found = match([Person("till", key="8", joined_at=now - dt.timedelta(days=9)), Person("till", key="7")], now=later)
    assert found.contact_ids == made.contact_ids[::-1]
    assert (found.created, found.changed) == ([], [])
    assert contacts("id", "name", "version", "updated_at", "joined_at") == before


def test_rows_with_and_without_words_mean_the_same_person(now):
    (ann,) = match([Person("till", key="7")], now=now).contact_ids
    rows = [Person("till", key="7"), Person("till", key="7", email="ann@example.com"), Person("till", key="7")]
    assert match(rows, now=now).contact_ids == [ann, ann, ann]
    assert contacts("id", "email_key") == [(ann, "ann@example.com")]
    rows = [Person("till", key="9"), Person("web", key="1", email="ann@example.com"), Person("till", key="9", name="Bo")]
    assert match(rows, now=now).contact_ids == [ann + 1, ann, ann + 1]
    assert contacts("id", "name") == [(ann, ""), (ann + 1, "Bo")]


@pytest.mark.parametrize("seed", range(12))
def test_rows_of_numbers_alone_mean_whom_they_mean_among_others(now, seed):
    draw = random.Random(seed)
    match([Person("a", key="1", name="Ann")], now=now)
    moments = [None, *(now + dt.timedelta(days=days) for days in (-900, -30, -1, 1))]
    rows = [(draw.choice("ab"), draw.choice(("", "1", "2", "3", "x" * 300)), draw.choice(moments)) for _ in range(20)]

    def told(others: list[Person]) -> tuple[list, list, list]:
        with transaction.atomic():
            said = [Person(source, key=key, joined_at=joined_at) for source, key, joined_at in rows]
            matched = match(said + others, now=now, import_id=None)
            places = {contact_id: place for place, contact_id in enumerate(dict.fromkeys(matched.contact_ids))}
            people = Contact.objects.filter(pk__in=matched.contact_ids[: len(rows)])
            keys = ContactKey.objects.filter(contact__in=people).values_list("contact_id", "source", "value")
            found = (
                [places[contact_id] for contact_id in matched.contact_ids[: len(rows)]],
                sorted((places[who], *rest) for who, *rest in people.values_list("pk", "name", "joined_at", "version")),
                sorted((places[who], *rest) for who, *rest in keys),
            )
            transaction.set_rollback(True)
        return found

    assert told([]) == told([Person("c", key="9", name="Bo")])
