"""What the owner said once about a header is said again for the next file that has it."""

import pytest

from crm.imports import reading, remembering
from crm.imports.formats.base import Header
from crm.imports.models import Import, KnownHeader

pytestmark = pytest.mark.django_db
NAMES = ["Wann", "Wieviel?", "Wer"]
MAPPING = {"date": 0, "amount": 1, "name": 2}
ROWS = "Wann,Wieviel?,Wer\n2026-11-02,4.50,Zoë\n"


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def remembered(now, shop):
    options = {"currency": "CHF", "encoding": "cp1250", "dayfirst": False}
    return remembering.remember(Header(NAMES), format="plain", mapping=MAPPING, options=options, now=now)


def test_case_and_spacing_of_the_names_do_not_matter_but_their_order_does():
    same = remembering.fingerprint(Header(["WANN ", "wieviel?", "Wer"]))
    assert same == remembering.fingerprint(Header(NAMES))
    assert same != remembering.fingerprint(Header(NAMES[::-1]))


def test_the_newest_answer_counts(remembered, now):
    remembering.remember(Header(NAMES), format="plain", mapping={"date": 0}, options={}, now=now)
    assert list(KnownHeader.objects.values_list("mapping", flat=True)) == [{"date": 0}]


@pytest.mark.parametrize(("encoding", "taken"), [("cp1252", "cp1250"), ("utf-8", None)])
def test_a_remembered_encoding_overrules_only_a_guessed_one(remembered, write, now, encoding, taken):
    importing = reading.create(write(ROWS, encoding=encoding), name="a.csv", options={}, now=now, state="checking")
    assert (importing.state, importing.mapping) == ("checking", MAPPING)
    assert importing.options == {"currency": "CHF", "dayfirst": False} | ({"encoding": taken} if taken else {})


def test_what_is_said_of_this_file_counts_more(remembered, write, now):
    importing = reading.create(write(ROWS), name="a.csv", options={"currency": "EUR"}, now=now)
    assert (importing.state, importing.options["currency"]) == ("waiting", "EUR")


def test_a_format_that_is_gone_is_asked_about_again(remembered, write, now):
    KnownHeader.objects.update(format="lotus")
    assert reading.create(write(ROWS), name="a.csv", options={}, now=now).state == Import.State.MAPPING


def test_it_can_be_forgotten(remembered):
    assert remembering.forget(Header(NAMES)) is True
    assert remembering.recall(Header(NAMES)) is None
