"""What an order or a row of a product file says, before it is written into the books. Plain values: no database."""

import datetime as dt
import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from crm.contacts.identity import People, Person
from crm.lib.columns import Columns

KEY_LIMIT = 200
HEAD, LINES, REPORT, REFUNDS, NET_REFUNDS = "head", "lines", "report", "refunds", "net_refunds"
ONLY_REFUNDS = (REFUNDS, NET_REFUNDS)

Told = tuple[str, int, dt.datetime]  # one refund: its key, the amount, when


@dataclass(slots=True)
class PurchaseLine:
    """One line of an order; amounts in minor units, negative on a return slip.

    Many orders may share one object, since shops sell the same things: do not change one after it was handed in.
    """

    name: str = ""
    sku: str = ""
    quantity: float = 1
    unit_price_minor: int = 0
    total_minor: int = 0
    category: str = ""
    _key: str | None = None
    _content: str = ""

    def __reduce__(self):  # lines travel between processes by the million: parsing
        said = self.name, self.sku, self.quantity, self.unit_price_minor, self.total_minor, self.category
        return PurchaseLine, said

    @property
    def key(self) -> str:
        """Return what its product is known by."""
        if self._key is None:
            self._key = product_key(self.sku, self.name)
        return self._key

    @property
    def content(self) -> str:
        """Return all it says as one text, to tell a changed order."""
        if not self._content:
            self._content = repr(
                (self.name, self.sku, self.quantity, self.unit_price_minor, self.total_minor, self.category)
            )
        return self._content


@dataclass(slots=True)
class Purchase:
    """One order as a file, a form or a program tells it; amounts in minor units of its currency."""

    source: str
    number: str
    placed_at: dt.datetime
    currency: str
    total_minor: int
    kind: str = "sale"
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0
    refunded_minor: int = 0  # the platform's newest sum, with the `refunds`
    refunded_at: dt.datetime | None = None
    payment: str = "paid"
    payment_word: str = ""
    cancelled_at: dt.datetime | None = None
    channel: str = ""
    coupon_code: str = ""
    note: str = ""
    lines: list[PurchaseLine] = field(default_factory=list)
    person: Person | None = None
    contact_id: int | None = None
    line_number: int = 0
    refunds: tuple[Told, ...] = ()  # those the file tells one by one, so that another file may tell the others
    tells: str = ""  # HEAD: known lines are kept; LINES: all but them is; REPORT: no more than an export told; REFUNDS,
    # NET_REFUNDS: nothing of the sale itself. LINES, REPORT, NET_REFUNDS leave tips or taxes out: a refund known stays
    content_hash: str = ""  # of all above; made once, so nothing above is changed afterwards

    @property
    def only_refunds(self) -> bool:
        """Tell whether it says nothing of the sale itself, which must be in the books."""
        return self.tells in ONLY_REFUNDS

    def told_refunds(self, held: Collection[str]) -> tuple[Told, ...]:
        """Return the refunds to write where those of the keys `held` are in the books."""
        in_part = self.tells in (LINES, REPORT, NET_REFUNDS)
        return tuple(told for told in self.refunds if not in_part or told[0] not in held)


@lru_cache(maxsize=50_000)
def product_key(sku: str, name: str) -> str:
    """Return what a product is known by: its SKU, else its name, whatever case and spacing; "" if it has neither."""
    return " ".join(unicodedata.normalize("NFKC", sku or name).casefold().split())[:KEY_LIMIT]


class Purchases(Columns[Purchase]):
    """Many purchases, column by column, each with its content_hash."""

    KIND = Purchase

    @classmethod
    def of(cls, purchases: Iterable[Purchase]) -> Self:
        """Return these purchases as columns; nothing of them is changed afterwards."""
        if isinstance(purchases, cls):
            return purchases
        made = super().of(purchases)
        return made.having(person=People.of(made.column("person")))._hashed()

    @classmethod
    def told(cls, count: int, **columns: Sequence) -> Self:
        """Return so many purchases of which these columns are known, `person` as People."""
        return super().told(count, **columns)._hashed()

    def _hashed(self) -> Self:
        return self.having(content_hash=_content_hashes(self)) if self else self

    @property
    def people(self) -> People:
        """Return the person each of them names, or None."""
        return self.column("person")


_HASHED = (
    "kind", "placed_at", "currency", "total_minor", "discount_minor", "shipping_minor", "tax_minor", "refunded_minor",
    "refunded_at", "payment", "payment_word", "cancelled_at", "channel", "coupon_code", "note", "lines",
)  # fmt: skip
_HASHED_OF_PERSON = (
    "source", "key", "name", "email", "phone", "company", "street", "postcode", "city", "region", "country", "consent",
)


def _content_hashes(purchases: Purchases) -> list[str]:
    """Return a digest of all each says; of a report and of mere lines, one that can be told from an export's."""
    columns = dict(zip(_HASHED, purchases.columns(*_HASHED)))
    for name in ("placed_at", "refunded_at", "cancelled_at"):
        columns[name] = [moment and moment.timestamp() for moment in columns[name]]
    columns["lines"] = [[line.content for line in lines] if lines else [] for lines in columns["lines"]]
    order, told_of_order = _pattern([*columns.values()])
    person, told_of_person = _pattern(purchases.people.columns(*_HASHED_OF_PERSON))
    named, refunds, tells = purchases.people.column("source"), *purchases.columns("refunds", "tells")
    if None in named or any(refunds):
        orders, persons = _written(order, told_of_order, len(named)), _written(person, told_of_person, len(named))
        contents = [
            f"({said}, {'None' if source is None else f'({who})'}{_written_refunds(told)})"
            for said, who, source, told in zip(orders, persons, named, refunds)
        ]
    else:
        contents = _written(f"({order}, ({person}))", [*told_of_order, *told_of_person], len(named))
    digests = [
        hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() for content in contents
    ]
    if not any(tells):
        return digests
    return [
        f"{told}:{digest}"[: len(digest)] if told in (REPORT, LINES) else digest for told, digest in zip(tells, digests)
    ]


def _written_refunds(told: Sequence[Told]) -> str:
    return f", {[(key, amount, at.timestamp()) for key, amount, at in told]!r}" if told else ""


def _pattern(columns: list[Sequence]) -> tuple[str, list[Sequence]]:
    """Return how Python writes the rows of these columns, and those to be filled in: what never varies stands there."""
    parts, varying = [], []
    for column in columns:
        if column.count(column[0]) == len(column) and len(set(map(type, column))) == 1:
            parts.append(repr(column[0]).replace("%", "%%"))
        else:
            parts.append("%r")
            varying.append(column)
    return ", ".join(parts), varying


def _written(pattern: str, varying: list[Sequence], count: int) -> list[str]:
    return [pattern % row for row in zip(*varying)] if varying else [pattern % ()] * count


def knows_better(held_hash: str, tells: str) -> bool:
    """Tell whether the books hold an order from an export, of which a report may not change anything."""
    return tells == REPORT and not held_hash.startswith(f"{REPORT}:")


@dataclass(slots=True)
class Item:
    """One product; amounts in minor units of `currency`, None where the file does not say."""

    sku: str = ""
    name: str = ""
    category: str = ""
    price_minor: int | None = None
    cost_minor: int | None = None
    currency: str = ""  # the shop's, where it is empty
    is_active: bool | None = None  # on sale; None: the file does not say
    line_number: int = 0
    stock: float | None = None  # units on hand; None: not said, or not counted there
    stock_on: dt.date | None = None  # the day of that count; None: the day it comes in

    @property
    def key(self) -> str:
        """Return what the product is known by."""
        return product_key(self.sku, self.name)
