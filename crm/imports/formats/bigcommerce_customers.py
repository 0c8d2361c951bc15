"""BigCommerce customers, default and bulk-edit template.

`Receive ACS/Review Emails?` is about reminders of a cart and asking for reviews, so it says nothing about marketing.
"""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._bigcommerce import SOURCE, customer_key, unpacker
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "bigcommerce_customers"
LABEL = _("BigCommerce customers")
KIND = base.CONTACTS

_ALIASES = {
    "id": ["customer id"], "first": ["first name"], "last": ["last name"], "company": ["company"],
    "email": ["email", "email address"], "phone": ["phone", "phone number"], "note": ["notes"],
    "group": ["customer group"], "joined": ["date joined"], "addresses": ["addresses"],
    "street": ["address line 1 - 1"], "street2": ["address line 2 - 1"], "city": ["city/suburb - 1"],
    "region": ["state/province - 1"], "zip": ["zip/postcode - 1"], "country": ["country - 1"],
}  # fmt: skip
_PLACE = {
    "street": ["address line 1", "street 1"], "city": ["city/suburb", "city", "suburb"],
    "region": ["state/province", "state"], "postcode": ["zip/postcode", "zip"], "country": ["country"],
}  # fmt: skip
_unpack = unpacker(
    "Address ID", "Address First Name", "Address Last Name", "Address Company", "Address Phone", "Address Line 1",
    "Address Line 2", "Street 1", "Street 2", "City/Suburb", "City", "Suburb", "State/Province", "State",
    "State Abbreviation", "State/Province Abbreviation", "Zip/Postcode", "Zip", "Country", "Country Abbreviation",
    "Building Type",
)  # fmt: skip


def sniff(header: Header) -> float:
    email = header.find("email", "email address")
    if not {"customer id", "first name", "last name"} <= header.index.keys() or email is None:
        return 0.0
    own = ["date joined", "customer group", "store credit", "addresses", "receive acs/review emails?"]
    return 0.6 + 0.35 * header.share(own) if header.share(own) >= 0.4 else 0.0


def needs(header: Header, mapping) -> Needs:
    joined = header.find("date joined")
    return Needs(order_key=base.KeyIn(header.index["customer id"]), dates=() if joined is None else (joined,))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    present = [index for index in column.values() if index != options.missing]
    return base.each(groups, lambda group: _person(base.merged(group, present), column, options, group[0][0]))


def _person(cells, column, options: Options, line_number: int) -> Person:
    group, note = clean(cells[column["group"]]), cells[column["note"]].strip()
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=customer_key(cells[column["id"]]),
        authoritative=True, joined_at=base.joined(cells[column["joined"]], options, line_number),
        extra={"note": note} if note else {},
        tags=[group[:40]] if group and group.casefold() not in ("no group", "-- do not associate --") else [],
    )  # fmt: skip
    if not (person.key or person.email or person.phone):
        raise BadValue(_now("The row has no customer number, no e-mail and no phone"))
    if place := next(_unpack(cells[column["addresses"]]), None):
        for field, names in _PLACE.items():
            said = next((place[name] for name in names if place.get(name)), "")
            setattr(person, field, getattr(person, field) or said)
    return person
