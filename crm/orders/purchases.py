"""What an order or a row of a product file says, before it is written into the books. Plain values: no database."""

import datetime as dt
import hashlib
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from crm.contacts.identity import Person

KEY_LIMIT = 200
HEAD, LINES, REPORT, REFUNDS = "head", "lines", "report", "refunds"

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
    tells: str = ""  # HEAD: known lines are kept; LINES: all but them is; REPORT: no more than an export told; REFUNDS
    content_hash: str = ""  # of all above; made once, so nothing above is changed afterwards


@lru_cache(maxsize=50_000)
def product_key(sku: str, name: str) -> str:
    """Return what a product is known by: its SKU, else its name, whatever case and spacing; "" if it has neither."""
    return " ".join(unicodedata.normalize("NFKC", sku or name).casefold().split())[:KEY_LIMIT]


def content_hash(p: Purchase) -> str:
    """Return a digest of all an order says; of a report and of mere lines, one that can be told from an export's."""
    person = p.person
    content = (
        p.kind, p.placed_at.timestamp(), p.currency, p.total_minor, p.discount_minor, p.shipping_minor, p.tax_minor,
        p.refunded_minor, p.refunded_at and p.refunded_at.timestamp(), p.payment, p.payment_word,
        p.cancelled_at and p.cancelled_at.timestamp(), p.channel, p.coupon_code, p.note,
        [line.content for line in p.lines],
        person
        and (
            person.source, person.key, person.name, person.email, person.phone, person.company, person.street,
            person.postcode, person.city, person.region, person.country, person.consent,
        ),
        *([[(key, amount, at.timestamp()) for key, amount, at in p.refunds]] if p.refunds else []),
    )  # fmt: skip
    digest = hashlib.blake2b(repr(content).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{p.tells}:{digest}"[: len(digest)] if p.tells in (REPORT, LINES) else digest


def knows_better(held_hash: str, p: Purchase) -> bool:
    """Tell whether the books hold an order from an export, of which a report may not change anything."""
    return p.tells == REPORT and not held_hash.startswith(f"{REPORT}:")


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

    @property
    def key(self) -> str:
        """Return what the product is known by."""
        return product_key(self.sku, self.name)
