"""Address books in vCard 2.1, 3.0 and 4.0 (phones, iCloud, Outlook): crm.imports.vcards makes rows of the cards.

An address book holds no consent.
"""

from django.utils.translation import gettext_lazy as _

from crm.imports import vcards
from crm.imports.formats import _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "vcard"
LABEL = _("vCard address book")
KIND = base.CONTACTS
SOURCE = "vcard"

_ALIASES = {name.casefold(): [base.fold(name)] for name in vcards.HEADER}


def sniff(header: Header) -> float:
    return 1.0 if tuple(header.names) == vcards.HEADER else 0.0


def needs(header: Header, mapping) -> Needs:
    return Needs()


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    return base.each(groups, lambda group: _person(*group[0], column))


def _person(line_number: int, cells, column) -> Person:
    told = {name: clean(cells[index]) for name, index in column.items()}
    emails, phones = _people.emails([told["e-mail"]]), _people.phones([told["phone"]])
    if not (emails or phones):
        raise BadValue(_("The contact has no e-mail and no phone"))
    born, noted = _people.birthday(told["birthday"])
    if told["note"]:
        noted["note"] = told["note"][:500]
    return Person(
        source=SOURCE,
        key=told["uid"].removeprefix("urn:uuid:")[:200],
        name=_people.full_name(told["given"], told["additional"], told["family"])
        or base.person_name(told["name"] or told["nickname"]),
        email=next(iter(emails), ""),
        phone=next(iter(phones), ""),
        company=base.company(told["company"]),
        street=told["street"],
        postcode=told["postcode"],
        city=told["city"],
        region=told["region"],
        country=told["country"],
        birthday=born,
        language=told["language"][:10],
        tags=_people.tags(told["categories"], separators=","),
        extra={**noted, **_people.others(emails, phones)},
        authoritative=True,
        line_number=line_number,
    )
