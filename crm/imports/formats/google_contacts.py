"""Google contacts, old header (Given Name, E-mail 1 - Type) and new (First Name, E-mail 1 - Label).

Columns are numbered and grow with the address book. `* Work` marks the one that is preferred; several values
stand in one cell with ` ::: ` between them. An address book holds no consent.
"""

import re

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "google_contacts"
LABEL = _("Google contacts")
KIND = base.CONTACTS
SOURCE = "google"

_ALIASES = {
    "name": ["name", "file as"], "first": ["given name", "first name"], "middle": ["additional name", "middle name"],
    "last": ["family name", "last name"], "nickname": ["nickname"], "birthday": ["birthday"],
    "company": ["organization 1 - name", "organization name"], "labels": ["labels", "group membership"],
    "notes": ["notes"],
}  # fmt: skip
_NUMBERED = re.compile(r"(e-mail|phone|address) (\d+) - (.+)")
_PARTS = {  # our name -> what follows "E-mail 1 - "
    "e-mail": {"email": ["value"], "email_label": ["label", "type"]},
    "phone": {"phone": ["value"], "phone_label": ["label", "type"]},
    "address": {
        "address_label": ["label", "type"], "address": ["formatted"], "street": ["street"],
        "street_extended": ["extended address"], "street_box": ["po box"], "city": ["city"], "region": ["region"],
        "zip": ["postal code"], "country": ["country"],
    },
}  # fmt: skip
_NOT_TO_CALL = re.compile(r"fax|pager", re.IGNORECASE)


def sniff(header: Header) -> float:
    numbered = any(_NUMBERED.fullmatch(name) for name in header.index)
    if not numbered or header.find("given name", "first name", "name") is None:
        return 0.0
    if not any(name.endswith("- value") for name in header.index):
        return 0.0
    return 0.8 + 0.15 * header.share(["birthday", "notes"])


def needs(header: Header, mapping) -> Needs:
    return Needs(dates=(header.index["birthday"],) if "birthday" in header else ())


def parse(groups, options: Options):
    numbers = _numbers(options.header)
    column = options.columns(_ALIASES | _numbered(numbers))
    return base.each(groups, lambda group: _person(*group[0], column, numbers, options))


def _numbers(header: Header) -> dict[str, list[int]]:
    """Return the numbers of the e-mails, phones and addresses a file has."""
    found = [told for name in header.index if (told := _NUMBERED.fullmatch(name))]
    return {kind: sorted({int(told[2]) for told in found if told[1] == kind}) for kind in _PARTS}


def _numbered(numbers: dict[str, list[int]]) -> dict[str, list[str]]:
    """Return the names of the columns of each e-mail, phone and address."""
    return {
        f"{field}{number}": [f"{kind} {number} - {name}" for name in names]
        for kind, parts in _PARTS.items()
        for number in numbers[kind]
        for field, names in parts.items()
    }


def _preferred(cells, column, field: str, numbers: list[int]) -> list[tuple[str, int]]:
    """Return (label, number) of what a person has, what is marked as preferred first."""
    told = [(clean(cells[column[f"{field}{number}"]]), number) for number in numbers]
    return sorted(told, key=lambda pair: not pair[0].startswith("*"))


def _person(line_number: int, cells, column, numbers, options: Options) -> Person:
    told = _preferred(cells, column, "email_label", numbers["e-mail"])
    emails = _people.emails(cells[column[f"email{number}"]] for _label, number in told)
    told = _preferred(cells, column, "phone_label", numbers["phone"])
    told = [(label, number) for label, number in told if not _NOT_TO_CALL.search(label)]
    told.sort(key=lambda pair: not (pair[0].startswith("*") or "mobile" in pair[0].casefold()))
    phones = _people.phones(cells[column[f"phone{number}"]] for _label, number in told)
    if not (emails or phones):
        raise BadValue(_("The contact has no e-mail and no phone"))
    parts = [cells[column[name]] for name in ("first", "middle", "last")]
    born, noted = _people.birthday(cells[column["birthday"]], day_first=options.day_first)
    if note := clean(cells[column["notes"]]):
        noted["note"] = note[:500]
    return Person(
        source=SOURCE,
        name=_people.full_name(*parts) or base.person_name(cells[column["name"]] or cells[column["nickname"]]),
        email=next(iter(emails), ""),
        phone=next(iter(phones), ""),
        company=base.company(cells[column["company"]]),
        birthday=born,
        tags=[tag[:40] for tag in _people.values([cells[column["labels"]]]) if not tag.startswith("*")],
        extra={**noted, **_people.others(emails, phones)},
        authoritative=True,
        line_number=line_number,
        **_address(cells, column, numbers["address"]),
    )


def _address(cells, column, numbers: list[int]) -> dict[str, str]:
    """Return the fields of the preferred address that is written out."""
    for _label, number in _preferred(cells, column, "address_label", numbers):
        told = {field: clean(cells[column[f"{field}{number}"]]) for field in _PARTS["address"] if "label" not in field}
        if any(told.values()):
            street = base.person_name(told["street"], told["street_extended"], told["street_box"])
            if not street and not told["city"]:
                street = told["address"][:250]
            return {
                "street": street, "city": told["city"], "postcode": told["zip"], "region": told["region"],
                "country": told["country"],
            }  # fmt: skip
    return {}
