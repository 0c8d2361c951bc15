"""What the owner is shown before a file is checked: what it is, what its columns mean, what only they can say."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports import reading, running, surveying
from crm.imports.formats import FORMATS, base, plain, plain_contacts, plain_products
from crm.imports.formats.base import Options
from crm.imports.models import Import
from crm.imports.surveying import Look

SMALL = 4 * 1024 * 1024  # bytes; a file of that size is looked through whole while its owner waits
_CLOCK = re.compile(r"(^|[T\s,])\d{1,2}[:h]\d\d")
_ZONE = re.compile(r"([+-]\d\d:?\d\d|Z|[A-Z]{3,4})\s*$")

ENCODINGS = [
    ("utf-8", "UTF-8"), ("cp1252", gettext_lazy("Western European (Windows-1252)")),
    ("cp1250", gettext_lazy("Central European (Windows-1250)")), ("cp1251", gettext_lazy("Cyrillic (Windows-1251)")),
    ("gb18030", gettext_lazy("Chinese, simplified (GB18030)")), ("big5", gettext_lazy("Chinese, traditional (Big5)")),
    ("shift_jis", gettext_lazy("Japanese (Shift-JIS)")), ("euc_kr", gettext_lazy("Korean (EUC-KR)")),
    ("utf-16", "UTF-16"),
]  # fmt: skip

MEANINGS = {  # what the formats call their columns, by the end of the name where it has one
    "number": gettext_lazy("Order number"), "id": gettext_lazy("Number at the platform"),
    "email": gettext_lazy("E-mail"), "status": gettext_lazy("Status"),
    "consent": gettext_lazy("May be written to"), "newsletter": gettext_lazy("May be written to"),
    "accepts": gettext_lazy("May be written to"), "currency": gettext_lazy("Currency"),
    "shipping": gettext_lazy("Shipping"), "tax": gettext_lazy("Tax"), "total": gettext_lazy("Total of the order"),
    "coupon": gettext_lazy("Coupon code"), "coupons": gettext_lazy("Coupon code"),
    "discount": gettext_lazy("Discount"), "placed": gettext_lazy("Date of the order"),
    "quantity": gettext_lazy("Quantity"), "item": gettext_lazy("Product"), "product": gettext_lazy("Product"),
    "items": gettext_lazy("Products"), "price": gettext_lazy("Price of one"),
    "sku": gettext_lazy("Product number (SKU)"), "line_discount": gettext_lazy("Discount on the product"),
    "line_total": gettext_lazy("Amount of the row"), "category": gettext_lazy("Product category"),
    "note": gettext_lazy("Note"), "cancelled": gettext_lazy("Cancelled on"), "refunded": gettext_lazy("Given back"),
    "refunded_at": gettext_lazy("Given back on"), "channel": gettext_lazy("Shop or channel"),
    "outstanding": gettext_lazy("Still to be paid"), "name": gettext_lazy("Customer's name"),
    "first": gettext_lazy("First name"), "last": gettext_lazy("Last name"), "phone": gettext_lazy("Phone"),
    "company": gettext_lazy("Company"), "street": gettext_lazy("Street"), "address": gettext_lazy("Address"),
    "city": gettext_lazy("City"), "zip": gettext_lazy("Postcode"), "region": gettext_lazy("Region"),
    "country": gettext_lazy("Country"), "customer": gettext_lazy("Customer number"),
    "buyer": gettext_lazy("Customer at the platform"), "birthday": gettext_lazy("Birthday"),
    "joined": gettext_lazy("Customer since"), "paid": gettext_lazy("Paid on"), "tags": gettext_lazy("Tags"),
    "labels": gettext_lazy("Tags"), "language": gettext_lazy("Language"), "cost": gettext_lazy("Cost"),
    "date": gettext_lazy("Date"), "time": gettext_lazy("Time"), "zone": gettext_lazy("Time zone"),
    "amount": gettext_lazy("Amount"), "type": gettext_lazy("Kind of row"), "kind": gettext_lazy("Kind of row"),
}  # fmt: skip


@dataclass(slots=True)
class Column:
    """One column of the file as the page shows it."""

    index: int
    name: str
    samples: list[str]
    meaning: str  # empty: left out


@dataclass(slots=True)
class Sheet:
    """All the page needs to know of a file."""

    looked: Look
    columns: list[Column]
    evidence: list[str]  # names of columns that tell the format
    others: list[tuple[str, float]]  # label and confidence of formats it might be as well
    asks: set[str] = field(default_factory=set)
    guesses: dict = field(default_factory=dict)
    strange_words: list[str] = field(default_factory=list)  # values with other letters than ASCII

    @property
    def fields(self) -> Mapping[str, str]:
        """Return what a column may be saved as; empty where the format knows."""
        return getattr(self.looked.member, "FIELDS", {})


def look_into(importing: Import, *, format: str = "") -> Sheet:
    """Return what is known of a kept file, read as `format` where the owner overrules ours; raise FormatUnknown."""
    path, said = reading.file_of(importing), importing.options
    looked = running.look(path, said, format or importing.format)
    if not format or format == importing.format:
        looked.mapping = importing.mapping or looked.mapping
    if looked.format in (plain_contacts.SLUG, plain_products.SLUG) and not looked.mapping:
        looked.mapping = looked.member.guess(looked.header)
    meanings = _meanings(looked)
    hidden = looked.header.secret()
    columns = [
        Column(index, name.strip() or _("Column %(number)s") % {"number": index + 1}, samples, meanings.get(index, ""))
        for index, (name, samples) in enumerate(zip(looked.header.names, looked.samples(), strict=False))
        if index not in hidden
    ]
    sheet = Sheet(looked=looked, columns=columns, evidence=_telling(columns), others=_others(importing, looked))
    sheet.guesses = {"encoding": looked.framing.encoding, **importing.preview.get("asks", {})}
    sheet.asks = {*reading.questions(looked, said), *importing.preview.get("asks", {})}
    if importing.size_bytes <= SMALL and looked.member.KIND != base.CONTACTS:
        surveyed = surveying.survey(path, looked, mapping=looked.mapping, currency=said.get("currency", ""))
        sheet.guesses |= {"dayfirst": surveyed.day_first, "decimal": surveyed.mark}
        sheet.asks |= set(surveyed.asks)
    if looked.format == plain.SLUG:
        sheet.asks |= {name for name in _unsaid(looked) if name not in said}
    values = itertools.chain(looked.header.names, *(column.samples for column in columns))
    sheet.strange_words = [value for value in dict.fromkeys(values) if not value.isascii()][:6]
    return sheet


def _meanings(looked: Look) -> dict[int, str]:
    """Return in words what the format takes from each column."""
    if fields := getattr(looked.member, "FIELDS", None):
        return {index: str(fields[name]) for name, index in looked.mapping.items() if name in fields}
    options = _Recording(header=looked.header, zone=ZoneInfo("UTC"), currency="")
    options.found = {}
    next(looked.member.parse(iter(()), options), None)  # a format asks for its columns before it reads a row
    return {index: _in_words(name) for name, index in options.found.items() if index != options.missing}


class _Recording(Options):
    """Options that remember which columns were asked for."""

    def columns(self, aliases: Mapping) -> dict[str, int]:
        columns = super().columns(aliases)
        self.found = {**self.found, **columns}
        return columns


def _in_words(name: str) -> str:
    stem = name.rstrip("0123456789").removeprefix("ship_").removeprefix("billing_")
    return str(MEANINGS.get(name) or MEANINGS.get(stem) or _("Taken into account"))


def _telling(columns: list[Column]) -> list[str]:
    return [column.name for column in columns if column.meaning][:6]


def _others(importing: Import, looked: Look) -> list[tuple[str, float]]:
    """Return the formats that think the file may be theirs, the surest first."""
    again = running.look(reading.file_of(importing), importing.options, "")
    return [(str(FORMATS[slug].LABEL), share) for slug, share in again.evidence if slug != looked.format][:3]


def _unsaid(looked: Look) -> set[str]:
    """Return what a table of transactions does not say about itself: its currency, the zone of its times."""
    unsaid = set() if "currency" in looked.mapping else {"currency"}
    date = looked.mapping.get("time", looked.mapping.get("date"))
    if date is not None:
        times = [row[date] for row in looked.rows if date < len(row) and _CLOCK.search(row[date])]
        if any(not _ZONE.search(text.strip()) for text in times):
            unsaid.add("timezone")
    return unsaid
