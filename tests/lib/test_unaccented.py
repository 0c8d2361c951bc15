"""Names are found with and without their accents, by the same sets of letters on both databases."""

import re

import pytest
from django.db.models import Q

from crm.contacts import listing
from crm.contacts.models import Contact
from crm.lib import unaccented
from tests.contacts.people import person


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Groß", "gross"), ("LÓPEZ", "lopez"), ("Łukasz", "lukasz"), ("Søren", "soren"), ("Æther", "aether"),
        ("Nguyễn", "nguyen"), ("İzmir", "izmir"), ("Lo\u0301pez", "lopez"), ("Ёлкин", "ёлкин"), ("陈若兰", "陈若兰"),
        ("김", "김"), ("100%", "100%"),
    ],
)  # fmt: skip
def test_plain_is_lower_case_without_accents(text, plain):
    assert unaccented.plain(text) == plain


FOUND = [
    ("gross", "Anna Groß"), ("groß", "Anna Groß"), ("GROSS", "GROẞ"), ("lopez", "José López"), ("LÓPEZ", "josé lópez"),
    ("jose", "José López"), ("mueller", "Özlem Müller"), ("muller", "Özlem MÜLLER"), ("MÜLLER", "Özlem Müller"),
    ("nguyen", "Nguyễn An"), ("ёлкин", "ЁЛКИН"), ("陈", "陈若兰"), ("김", "김민준"), ("ß*", "Groß*"), ("s^-]", "Großs^-]"),
]  # fmt: skip
MISSED = [("grose", "Groß"), ("lopes", "López"), ("*", "Groß"), ("?", "Groß"), ("[a-z]", "Groß"), ("%", "Groß")]


@pytest.mark.parametrize(("text", "name"), FOUND)
def test_names_are_found_however_they_are_typed(db, text, name):
    person(name)
    assert [one.name for one in Contact.objects.filter(listing.search(text))] == [name]
    assert re.search(unaccented.regex(unaccented.plain(text)), name)


@pytest.mark.parametrize(("text", "name"), MISSED)
def test_nothing_else_is_found(db, text, name):
    person(name)
    assert list(Contact.objects.filter(listing.search(text))) == []
    assert not re.search(unaccented.regex(unaccented.plain(text)), name)


def test_plain_names_are_left_to_the_usual_comparison(db):
    person("Jose Lopez")
    assert not Contact.objects.filter(name__resembles="lopez").exists()
    assert [one.name for one in Contact.objects.filter(listing.search("lópez"))] == ["Jose Lopez"]
    assert list(Contact.objects.filter(~Q(name__resembles="lopez")).values_list("name", flat=True)) == ["Jose Lopez"]
