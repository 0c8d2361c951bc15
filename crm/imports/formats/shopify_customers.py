"""Shopify's customer export, old and new headers; further rows of one customer hold more addresses and metafields."""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "shopify_customers"
LABEL = _("Shopify customers")
KIND = base.CONTACTS
SOURCE = "shopify"

_CONSENT = ["accepts email marketing", "accepts marketing"]
_ALIASES = {
    "id": ["customer id"], "first": ["first name"], "last": ["last name"], "email": ["email"],
    "company": ["default address company", "company"], "street": ["default address address1", "address1"],
    "street2": ["default address address2", "address2"], "city": ["default address city", "city"],
    "region": ["default address province code", "province", "province code"],
    "country": ["default address country code", "country code", "country"],
    "zip": ["default address zip", "zip"], "phone": ["phone"], "phone2": ["default address phone"],
    "consent": _CONSENT, "tags": ["tags"],
}  # fmt: skip
_ADDRESS = ("company", "street", "street2", "city", "region", "country", "zip", "phone2")
_EXTRA = {"note": "note", "tax exempt": "tax_exempt", "accepts sms marketing": "sms_marketing"}


def sniff(header: Header) -> float:
    if not {"first name", "last name", "email"} <= header.index.keys() or header.find(*_CONSENT) is None:
        return 0.0
    if any(name.startswith("lineitem ") for name in header.index):
        return 0.0
    marks = ["tags", "phone", "total spent", "total orders", "tax exempt", "default address city", "address1"]
    return 0.5 + 0.45 * header.share(marks)


def needs(header: Header, mapping) -> Needs:
    number, email = header.find("customer id"), header.index["email"]
    if number is None:
        return Needs(order_key=lambda cells: cells[email].strip().casefold() or None)
    return Needs(order_key=lambda cells: cells[number].strip() or cells[email].strip().casefold() or None)


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    address = [column[field] for field in _ADDRESS]
    own = [index for field, index in column.items() if field not in _ADDRESS and index != options.missing]
    extra = {key: options.header.index[name] for name, key in _EXTRA.items() if name in options.header}
    metafields = _metafields(options.header)
    for group in groups:
        try:
            cells = base.merged(group, own)
            place = next((row for _line, row in group if any(row[index] for index in address)), cells)
            person = _person(group[0][0], cells, place, column)
        except BadValue as error:
            yield from base.bad(group, error)
            continue
        person.extra = {key: cells[index].strip() for key, index in extra.items() if cells[index].strip()}
        for _line, row in group:
            for name, index in metafields(row):
                if row[index].strip():
                    person.extra[name] = row[index].strip()
        yield person


def _person(line_number: int, cells, place, column) -> Person:
    """Return what a row says of a person, with the address of the first row that has one."""
    key, email = clean(cells[column["id"]]), base.first_email(cells[column["email"]])
    phone = clean(cells[column["phone"]] or place[column["phone2"]])
    if "E+" in key.upper():
        key = ""  # a spreadsheet lost its digits: the e-mail or phone must do
    if not (key or email or phone):
        raise BadValue(_("The row has no customer number, no e-mail and no phone"))
    said = cells[column["consent"]]
    consent = "yes" if base.is_yes(said) and email else "no" if base.is_no(said) else ""
    return Person(
        source=SOURCE,
        key=key,
        name=base.person_name(cells[column["first"]], cells[column["last"]]),
        email=email,
        phone=phone,
        company=base.company(place[column["company"]]),
        street=base.person_name(place[column["street"]], place[column["street2"]]),
        postcode=clean(place[column["zip"]]),
        city=clean(place[column["city"]]),
        region=clean(place[column["region"]]),
        country=clean(place[column["country"]]),
        tags=[tag for part in cells[column["tags"]].split(",") if (tag := clean(part)[:40])],
        consent=consent,
        consent_detail=f"Shopify: Accepts Marketing = {said.strip()}",
        authoritative=True,
        line_number=line_number,
    )


def _metafields(header: Header):
    """Return a function that yields the (name, column) of the metafields a row holds."""
    wide = [
        (name.partition(" (customer.metafields")[0], index)
        for name, index in header.index.items()
        if "customer.metafields" in name
    ]
    key, value = header.find("metafield key"), header.find("metafield value")
    if key is None or value is None:
        return lambda row: wide
    return lambda row: [*wide, (row[key].strip(), value)] if row[key].strip() else wide
