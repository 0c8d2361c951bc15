"""PrestaShop's addresses, joined to their customers by e-mail. Those of makers and suppliers are nobody's home."""

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._marketplace import leave_out
from crm.imports.formats._prestashop import SOURCE
from crm.imports.formats.base import Header, Needs, Options, clean

SLUG = "prestashop_addresses"
LABEL = _("PrestaShop addresses")
KIND = base.CONTACTS

_ALIASES = {
    "email": ["customer e-mail*", "customer e-mail", "customer email", "customer e-mail *"],
    "id": ["customer id"], "first": ["firstname*", "firstname", "first name"],
    "last": ["lastname*", "lastname", "last name"], "company": ["company"],
    "street": ["address 1*", "address 1", "address"], "street2": ["address 2"], "zip": ["zipcode*", "zipcode"],
    "city": ["city*", "city"], "country": ["country*", "country"], "region": ["state"],
    "phone": ["mobile phone", "phone"], "phone2": ["phone"],
}  # fmt: skip


def sniff(header: Header) -> float:
    needed = [header.find(*_ALIASES[field]) for field in ("email", "street", "zip", "city")]
    if None in needed or header.find("alias*", "alias") is None:
        return 0.0
    return 0.65 + 0.3 * header.share(["manufacturer", "supplier", "dni", "vat number", "mobile phone"])


def needs(header: Header, mapping) -> Needs:
    email = header.find(*_ALIASES["email"])
    return Needs(order_key=lambda cells: cells[email].strip().casefold() or None)


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    email, key = column["email"], column["id"]
    of_customers = leave_out(
        groups, options, lambda cells: "" if clean(cells[email]) or clean(cells[key]) else "skipped_suppliers"
    )
    for group in of_customers:
        line_number, cells = group[0]  # the first of several addresses
        person = base.person_of(
            cells, column, source=SOURCE, line_number=line_number, key=clean(cells[key]), authoritative=True
        )
        person.phone = person.phone or clean(cells[column["phone2"]])
        yield person
