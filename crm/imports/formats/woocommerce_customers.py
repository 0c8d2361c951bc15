"""WooCommerce customers: the shop's own report (Analytics > Customers) and the exports of SkyVerge and WebToffee.

None of them says whether somebody may be written to. WebToffee's holds password hashes and session tokens, which are
emptied before the file is kept.
"""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._woocommerce import SOURCE, customer_key
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "woocommerce_customers"
LABEL = _("WooCommerce customers")
KIND = base.CONTACTS

_ALIASES = {
    "key": ["customer id", "id"], "name": ["name"], "first": ["first name"], "last": ["last name"],
    "first2": ["billing first name"], "last2": ["billing last name"], "shown": ["display name"],
    "email": ["email", "user email", "billing email"], "phone": ["billing phone", "phone"],
    "company": ["billing company", "company"], "street": ["billing address 1", "address"],
    "street2": ["billing address 2", "address 2"], "zip": ["billing postcode", "postal code", "post code"],
    "city": ["billing city", "city"], "region": ["billing state", "region", "state"],
    "country": ["billing country", "country / region", "country"],
    "joined": ["date registered", "sign up", "user registered"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if any(name.startswith("order") and name != "orders" for name in header.index) or "line items" in header:
        return 0.0
    report = ["username", "total spend", "aov", "country / region"]
    if {"name", "email"} <= header.index.keys() and header.share(report) >= 0.75:
        return 0.7 + 0.25 * header.share(report)
    if {"customer id", "email", "date registered", "billing postcode"} <= header.index.keys():
        return 0.9  # SkyVerge
    if {"user login", "user email", "user registered"} <= header.index.keys():
        return 0.9  # WebToffee
    return 0.6 if {"id", "post code", "email", "first name", "address 2"} <= header.index.keys() else 0.0


def needs(header: Header, mapping) -> Needs:
    joined = header.find(*_ALIASES["joined"])
    return Needs(dates=() if joined is None else (joined,))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    return base.each(groups, lambda group: _person(*group[0], column, options))


def _person(line_number: int, cells, column, options: Options) -> Person:
    first, last = cells[column["first"]], cells[column["last"]]
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=customer_key(cells[column["key"]]),
        name=clean(cells[column["name"]]) or base.person_name(first, last)
        or base.person_name(cells[column["first2"]], cells[column["last2"]]) or clean(cells[column["shown"]]),
        joined_at=base.joined(cells[column["joined"]], options, line_number), authoritative=True,
    )  # fmt: skip
    if not (person.key or person.email or person.phone):
        raise BadValue(_now("The row has no customer number, no e-mail and no phone"))
    return person
