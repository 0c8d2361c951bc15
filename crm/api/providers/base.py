"""What every platform that reports to us speaks.

A provider is one module in this folder, named in the table of `__init__`. It is pure: headers and a body in, plain
values out, no models. It offers

    SLUG
    GREETING                                         how its unsigned greeting begins; b"": it sends none
    verify(headers, body, secret=, now=)             raises BadSignature
    envelope(headers, data) -> Envelope              which event this is
    read(topic, data) -> list[Told]                  what it says; empty: nothing for us
"""

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Protocol

from crm.contacts.matching import Person
from crm.lib import money
from crm.orders.recording import Purchase


class BadSignature(ValueError):
    """The report is not signed by whom it claims to be from."""


class BadReport(ValueError):
    """The report lacks what we need; the text says what."""


@dataclass(frozen=True)
class Envelope:
    event_id: str
    topic: str


@dataclass(frozen=True)
class PersonTold:
    remote_id: str
    told_at: dt.datetime
    person: Person


@dataclass(frozen=True)
class RefundTold:
    """Money given back on an order, in the order's currency; the order is said by its number or the platform's id."""

    remote_id: str
    source: str
    amount: Decimal
    at: dt.datetime
    number: str = ""
    order_id: str = ""


@dataclass(frozen=True)
class OrderTold:
    remote_id: str
    told_at: dt.datetime  # when the platform changed it: an older report never wins
    purchase: Purchase
    refunds: tuple[RefundTold, ...] = ()  # those the report names, by the numbers their own reports have


@dataclass(frozen=True)
class WishTold:
    """What somebody asked a platform to pass on: `erase`, a `copy` of their data, or the whole `shop` erased."""

    wish: str
    source: str
    key: str = ""
    email: str = ""


Told = OrderTold | PersonTold | RefundTold | WishTold


class Provider(Protocol):
    """The shape of a provider module."""

    SLUG: str
    GREETING: bytes

    def verify(self, headers: Mapping[str, str], body: bytes, *, secret: str, now: dt.datetime) -> None: ...

    def envelope(self, headers: Mapping[str, str], data) -> Envelope: ...

    def read(self, topic: str, data) -> list[Told]: ...


def check_base64_hmac(said: str, body: bytes, *, secret: str) -> None:
    """Raise BadSignature unless `said` is the base64 HMAC-SHA256 of the body, as Shopify and WooCommerce sign."""
    due = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    if not hmac.compare_digest(due.encode(), said.strip().encode()):
        raise BadSignature


def moment(text, *, what: str) -> dt.datetime:
    """Read an ISO 8601 moment; one without a zone is UTC."""
    try:
        found = dt.datetime.fromisoformat(str(text))
    except ValueError:
        raise BadReport(f"{what}: “{text}” is not a moment") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def amount(value, currency: str, *, what: str) -> int:
    """Read an amount of money as platforms write it ("12.50") into minor units; nothing at all is 0."""
    return money.to_minor(decimal(value, what=what), currency)


def decimal(value, *, what: str) -> Decimal:
    try:
        found = Decimal(str(value or 0))
    except InvalidOperation:
        raise BadReport(f"{what}: “{value}” is not an amount") from None
    if not found.is_finite() or abs(found) >= 10**15:
        raise BadReport(f"{what}: “{value}” is not an amount")
    return found


def needed(data: Mapping, name: str):
    """Return a value that must be there."""
    value = data.get(name)
    if value in (None, ""):
        raise BadReport(f"{name} is missing")
    return value
