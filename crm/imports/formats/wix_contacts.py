"""Wix contacts. The e-mail status is said outright, so unsubscribed is a no; never subscribed is no answer."""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports import values
from crm.imports.formats import _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "wix_contacts"
LABEL = _("Wix contacts")
KIND = base.CONTACTS
SOURCE = "wix"

_ALIASES = {
    "first": ["first name"], "last": ["last name"], "email": ["email 1", "email"], "phone": ["phone 1", "phone"],
    "company": ["company"], "street": ["address 1 - street"], "street2": ["address 1 - street line 2"],
    "city": ["address 1 - city"], "region": ["address 1 - state/region"], "zip": ["address 1 - zip"],
    "country": ["address 1 - country"], "labels": ["labels"], "joined": ["created at (utc+0)", "created at"],
    "consent": ["email subscriber status"], "language": ["language"], "birthday": ["birthdate", "birthday"],
}  # fmt: skip
_CONSENT = {"subscribed": "yes", "unsubscribed": "no"}


def sniff(header: Header) -> float:
    if "email 1" not in header or header.find("email subscriber status", "created at (utc+0)") is None:
        return 0.0
    return 0.75 + 0.2 * header.share(["first name", "labels", "phone 1", "source", "address 1 - street"])


def needs(header: Header, mapping) -> Needs:
    email, joined = header.index["email 1"], header.find("created at (utc+0)", "created at")
    return Needs(
        order_key=lambda cells: cells[email].strip().casefold() or None,
        dates=() if joined is None else (joined,),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    present = [index for index in column.values() if index != options.missing]
    moment = values.moment_reader(values.UTC, day_first=options.day_first)
    return base.each(groups, lambda group: _person(base.merged(group, present), column, options, moment, group[0][0]))


def _person(cells, column, options: Options, moment, line_number: int) -> Person:
    said = clean(cells[column["consent"]])
    born, noted = _people.birthday(cells[column["birthday"]], day_first=options.day_first)
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, authoritative=True,
        joined_at=base.joined(cells[column["joined"]], options, line_number, moment), birthday=born, extra=noted,
        language=clean(cells[column["language"]])[:2].lower(),
        tags=_people.tags(cells[column["labels"]]),
        consent_detail=f"Wix: Email subscriber status = {said}",
    )  # fmt: skip
    if not (person.email or person.phone):
        raise BadValue(_now("The row has no e-mail and no phone"))
    person.consent = _CONSENT.get(said.casefold(), "")
    if not person.email and person.consent == "yes":
        person.consent = ""
    return person
