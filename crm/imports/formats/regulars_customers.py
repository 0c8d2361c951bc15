"""customers.csv of our own export of everything: one row per customer."""

import json

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import base
from crm.imports.formats._regulars import said, source_of
from crm.imports.formats.base import Header, Needs, Options, Person

SLUG = "regulars_customers"
LABEL = _("Customers of a Regulars export")
KIND = base.CONTACTS
SOURCE = "regulars"

_TEXTS = ("name", "email", "phone", "company", "street", "postcode", "city", "region", "country", "language")
_ALIASES = {
    name: [name.replace("_", " ")]
    for name in (*_TEXTS, "birthday", "tags", "consent", "consent_detail", "joined", "extra")
} | {"number": ["regulars customer"], "source": ["source"], "key": ["source number"]}


def sniff(header: Header) -> float:
    return 1.0 if {"regulars customer", "consent detail"} <= header.index.keys() else 0.0


def needs(header: Header, mapping) -> Needs:
    return Needs(order_key=base.KeyIn(header.index["regulars customer"]), dates=(header.index["joined"],))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)

    def person(group) -> Person:
        line_number, cells = group[0]
        text = {name: said(cells[place]) for name, place in column.items()}
        consent = text["consent"] if text["consent"] in ("yes", "no") else ""
        return Person(
            source=source_of(text["source"], SOURCE), key=text["key"] or text["number"],
            **{name: text[name] for name in _TEXTS}, birthday=base.birthday(text["birthday"]),
            tags=[tag for tag in text["tags"].split(";") if tag], extra=_extra(text["extra"]), consent=consent,
            consent_detail=text["consent_detail"] if consent else "",
            joined_at=base.joined(text["joined"], options, line_number), authoritative=True, line_number=line_number,
        )  # fmt: skip

    return base.each(groups, person)


def _extra(text: str) -> dict:
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
