"""vCards of versions 2.1, 3.0 and 4.0: one card, one person."""

import datetime as dt
import gzip
import io
import zipfile

import pytest

from crm.contacts.models import Contact
from crm.imports import vcards
from crm.imports.formats.base import BadRow
from crm.imports.refusals import NotReadable


def card(*lines, version="3.0", end="\r\n"):
    return end.join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def test_version_3(parse):
    (ann,) = parse(
        card(
            "UID:urn:uuid:4fbe8971-0bc3", "N:Example;Ann;Mary\\, Jane;Dr.;", "FN:Dr. Ann Example", "ORG:Tea\\, Ltd;Sales",
            "item1.EMAIL;type=INTERNET:home@example.com", "item1.X-ABLabel:Home",
            "EMAIL;TYPE=INTERNET,PREF:Ann@Example.com", "TEL;type=WORK;type=FAX:030 5550000", "TEL;type=HOME:030 5551234",
            "TEL;type=CELL;type=VOICE:+49 170 5551234", "ADR;TYPE=HOME:;Back;High Street 1\\nFloor 2;Bonn;;53111;Germany",
            "BDAY:1980-03-22", "CATEGORIES:Friends,Tea", "NOTE:Likes tea\\; green", "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ",
            " SkZJRgABAQ",
        ),
        name="ann.vcf",
    )  # fmt: skip
    assert (parse.looked.format, ann.key, ann.name) == ("vcard", "4fbe8971-0bc3", "Ann Mary, Jane Example")
    assert (ann.email, ann.phone, ann.company) == ("Ann@Example.com", "+49 170 5551234", "Tea, Ltd")
    assert (ann.street, ann.city, ann.postcode, ann.country) == ("High Street 1 Floor 2 Back", "Bonn", "53111", "Germany")
    assert (ann.birthday, ann.tags, ann.consent, ann.line_number) == (dt.date(1980, 3, 22), ["Friends", "Tea"], "", 1)
    assert ann.extra == {"note": "Likes tea; green", "other_emails": "home@example.com", "other_phones": "030 5551234"}


def test_version_2_1_says_its_encoding_for_each_property(parse):
    text = card(
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=96zg=C3=BCr;=4A=\r\n=C3=B6rg", "EMAIL;INTERNET:joerg@example.com",
        "TEL;CELL;VOICE:+49 170 5551234", "NOTE;ENCODING=QUOTED-PRINTABLE:First=0D=0A=\r\nSecond",
        "PHOTO;JPEG;BASE64:/9j/4AAQSkZJRgABAQ\r\nAAAQABAAD=", "BDAY:19800322", version="2.1",
    )  # fmt: skip
    (person,) = parse(text)
    assert (person.name, person.phone, person.extra) == ("Jörg Özgür", "+49 170 5551234", {"note": "First\nSecond"})
    assert person.birthday == dt.date(1980, 3, 22)


def test_version_4(parse):
    (person,) = parse(
        card(
            "FN:Simon Example", "N:Example;Simon;;;", "BDAY:--0203", 'TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+1-555-555-5555;ext=5',
            "TEL;VALUE=uri;TYPE=cell:tel:+1-418-262-6501", "EMAIL;PREF=2:two@example.com", "EMAIL;PREF=1:one@example.com",
            "LANG;PREF=2:en", "LANG;PREF=1:fr", version="4.0", end="\n",
        )
    )  # fmt: skip
    assert (person.email, person.phone, person.language) == ("one@example.com", "+1-555-555-5555", "fr")
    assert (person.birthday, person.extra["birthday"]) == (None, "--02-03")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "gb18030"])
def test_encodings(parse, encoding):
    name = "陈静" if encoding == "gb18030" else "Jörg Müller"
    many = "".join(card(f"FN:{name}", f"EMAIL:p{n}@example.com") for n in range(3))
    assert [(person.name, person.email) for person in parse(many.encode(encoding))] == [
        (name, f"p{n}@example.com") for n in range(3)
    ]


@pytest.mark.parametrize("packing", ["gz", "zip"])
def test_a_packed_address_book(parse, packing):
    text = card("FN:Ann", "EMAIL:ann@example.com").encode()
    if packing == "gz":
        packed = gzip.compress(text)
    else:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("contacts.vcf", text)
        packed = held.getvalue()
    assert [(person.name, person.email) for person in parse(packed)] == [("Ann", "ann@example.com")]


def test_a_line_folded_within_a_character(parse):
    text = card("FN:Jö", "EMAIL:a@example.com").encode()
    folded = text.replace("ö".encode(), b"\xc3\r\n \xb6")
    assert [person.name for person in parse(folded)] == ["Jö"]


def test_a_card_within_a_card_is_somebody_else(parse):
    text = card("FN:Ann", "EMAIL:ann@example.com", "AGENT:", "BEGIN:VCARD", "FN:Bob", "EMAIL:bob@example.com", "END:VCARD")
    assert [(person.name, person.email) for person in parse(text)] == [("Ann", "ann@example.com")]


def test_cards_without_an_end_and_without_anybody(parse):
    text = "BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nEMAIL:ann@example.com\n" + card("FN:Bob") + card("EMAIL:cy@example.com")[:-11]
    rows = parse(text)
    assert [row.email for row in rows if not isinstance(row, BadRow)] == ["ann@example.com", "cy@example.com"]
    assert [(row.line_number, row.reason) for row in rows if isinstance(row, BadRow)] == [
        (5, "The contact has no e-mail and no phone")
    ]


def test_a_picture_of_many_megabytes_is_passed_over():
    photo = b"PHOTO;ENCODING=b;TYPE=JPEG:" + b"\r\n ".join([b"A" * 75] * 50_000)
    text = b"BEGIN:VCARD\r\nVERSION:3.0\r\n" + photo + b"\r\nEMAIL:ann@example.com\r\nEND:VCARD\r\n"
    (_header, (line_number, cells)) = vcards.rows(io.BytesIO(text), "utf-8")
    assert (line_number, cells[vcards.HEADER.index("E-mail")], max(map(len, cells))) == (1, "ann@example.com", 15)


@pytest.mark.django_db
def test_an_address_book_in_the_books(take, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    text = card("UID:1", "N:Example;Ann;;;", "EMAIL:ann@example.com") + card("FN:Bob", "TEL:+49 170 5551234")
    assert take(text, name="book.vcf").result["contacts"] == {"created": 2, "updated": 0, "unchanged": 0}
    assert take(text, name="book.vcf").result["contacts"] == {"created": 0, "updated": 0, "unchanged": 2}
    assert set(Contact.objects.values_list("name", "consent")) == {("Ann Example", "unknown"), ("Bob", "unknown")}


def test_a_card_that_never_ends_is_refused(parse):
    with pytest.raises(NotReadable, match="line 1 never ends"):
        parse("BEGIN:VCARD\nVERSION:3.0\n" + f"NOTE:{'a' * 90_000}\n" * 50)
