"""Stripe's customers: known by their id; one e-mail may have many ids, and is one person all the same."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.formats import base
from crm.imports.formats._marketplace import moment, own_number, said
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person

SLUG = "stripe_customers"
LABEL = gettext_lazy("Stripe customers")
KIND = base.CONTACTS
SOURCE = "stripe"

_CREATED = ["created (utc)", "created date (utc)"]
_ALIASES = {
    "key": ["id"], "name": ["name"], "description": ["description"], "email": ["email"], "phone": ["phone"],
    "created": _CREATED, "street": ["address line1", "shipping address line1"],
    "street2": ["address line2", "shipping address line2"], "city": ["address city", "shipping address city"],
    "region": ["address state", "shipping address state"],
    "zip": ["address postal code", "shipping address postal code"],
    "country": ["address country", "shipping address country"], "delinquent": ["delinquent"], "plan": ["plan"],
}  # fmt: skip


def sniff(header: Header) -> float:
    if not {"id", "email"} <= header.index.keys() or header.find(*_CREATED) is None or "amount" in header:
        return 0.0
    marks = ["delinquent", "total spend", "payment count", "refunded volume", "description"]
    return 0.6 + 0.35 * header.share(marks) if header.share(marks) >= 0.4 else 0.0


def needs(header: Header, mapping) -> Needs:
    return Needs(order_key=own_number(header.index["id"]), dates=(header.find(*_CREATED),))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    every = list(column.values())
    return base.each(groups, lambda group: _person(base.merged(group, every), column, options, group[0][0]))


def _person(cells, column, options: Options, line_number: int) -> Person:
    created = said(cells[column["created"]])
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=said(cells[column["key"]]),
        name=base.person_name(said(cells[column["name"]]) or said(cells[column["description"]])),
        joined_at=moment(created, "", "Etc/UTC", options) if created else None, authoritative=True,
        extra={name: text for name in ("plan", "delinquent") if (text := said(cells[column[name]]))},
    )  # fmt: skip
    if not (person.key or person.email):
        raise BadValue(_("The row has no customer number and no e-mail"))
    return person
