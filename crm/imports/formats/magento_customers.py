"""Magento 2 customers, main file and the one with addresses, whose further rows have no e-mail.

One e-mail on two websites is one person to us. Password hashes and reset tokens are emptied before the file is kept.
"""

import json

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "magento_customers"
LABEL = _("Magento 2 customers")
KIND = base.CONTACTS
SOURCE = "magento"

_ALIASES = {
    "email": ["email"], "prefix": ["prefix"], "first": ["firstname"], "middle": ["middlename"], "last": ["lastname"],
    "birthday": ["dob"], "joined": ["created at"], "website": ["website"],
    "company": ["address company", "company"], "street": ["address street", "street"],
    "city": ["address city", "city"], "region": ["address region", "region"],
    "zip": ["address postcode", "postcode"], "country": ["address country id", "country id"],
    "phone": ["address telephone", "telephone"],
}  # fmt: skip
_ADDRESS = ("company", "street", "city", "region", "zip", "country", "phone")


def sniff(header: Header) -> float:
    if not {"email", "firstname", "lastname"} <= header.index.keys() or "order id" in header:
        return 0.0
    main = ["website", "store", "created in", "group id", "taxvat", "disable auto group change"]
    profile = ["dob", "country id", "telephone", "postcode", "gender"]
    share = max(header.share(main), header.share(profile))
    return 0.5 + 0.45 * share if share >= 0.5 else 0.0


def needs(header: Header, mapping) -> Needs:
    email, joined = header.index["email"], header.find("created at")
    return Needs(
        order_key=lambda cells: cells[email].strip().casefold(),
        dates=() if joined is None else (joined,),
    )


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    own = [index for field, index in column.items() if field not in _ADDRESS and index != options.missing]
    return base.each(groups, lambda group: _person(group, base.merged(group, own), column, options))


def _person(group, cells, column, options: Options) -> Person:
    if not clean(cells[column["email"]]):
        raise BadValue(_now("The row has no e-mail"))
    place = next((row for _line, row in group if any(row[column[field]] for field in _ADDRESS)), cells)
    joined = [base.joined(row[column["joined"]], options, line) for line, row in group]
    born, noted = _people.birthday(cells[column["birthday"]], day_first=options.day_first)
    return base.person_of(
        cells, {**column, **dict.fromkeys(_ADDRESS, options.missing)}, source=SOURCE, line_number=group[0][0],
        authoritative=True, birthday=born, extra=noted,
        joined_at=min(filter(None, joined), default=None), company=base.company(place[column["company"]]),
        street=_street(place[column["street"]]), city=clean(place[column["city"]]),
        region=clean(place[column["region"]]), postcode=clean(place[column["zip"]]),
        country=clean(place[column["country"]]), phone=clean(place[column["phone"]]),
    )  # fmt: skip


def _street(cell: str) -> str:
    """Return the lines of a street in one, also where they are packed as a list."""
    if cell.startswith("["):
        try:
            return base.person_name(*(str(part) for part in json.loads(cell)))
        except ValueError:
            pass
    return base.person_name(*cell.splitlines())
