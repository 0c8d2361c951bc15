"""Codes that can be typed: a customer's number, and 40 bits made from the secret key so that nobody makes one up."""

import hmac
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from crm.contacts import merging
from crm.contacts.models import Contact
from crm.coupons.codes import LETTERS, fold

_SECRET, _SHORTEST_NUMBER, _GROUP = 8, 4, 4


def code(contact_id: int, *, purpose: str) -> str:
    """Return a customer's code for a purpose: "222D-7KQM-R2XW"."""
    letters = _number(contact_id) + _secret(settings.SECRET_KEY, contact_id, purpose)
    head, tail = letters[:-_SECRET], letters[-_SECRET:]
    return "-".join([head, tail[:_GROUP], tail[_GROUP:]])


def contact_of(text: str, *, purpose: Callable[[int], str]) -> Contact | None:
    """Return whose code this is, however it was typed; None if it is nobody's for this purpose.

    The code of somebody who was merged since is that of whom they were merged into.
    """
    letters = fold(text)
    head, tail = letters[:-_SECRET], letters[-_SECRET:]
    if len(head) < _SHORTEST_NUMBER or not set(letters) <= set(LETTERS):
        return None
    number = 0
    for letter in head:
        number = number * len(LETTERS) + LETTERS.index(letter)
    contact = merging.find(number) if number < 2**63 else None
    if contact is None:
        return None
    keys, meant = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS), purpose(number)
    return contact if any(hmac.compare_digest(_secret(key, number, meant), tail) for key in keys) else None


def address_in(scanned: str) -> SplitResult:
    """Return the parts of an address that was typed or scanned; empty ones where it is none."""
    try:
        return urlsplit(scanned.strip())
    except ValueError:  # "http://["
        return urlsplit("")


def _number(contact_id: int) -> str:
    letters, rest = "", contact_id
    while rest or len(letters) < _SHORTEST_NUMBER:
        rest, place = divmod(rest, len(LETTERS))
        letters = LETTERS[place] + letters
    return letters


def _secret(key: str, contact_id: int, purpose: str) -> str:
    kind, _dot, issue = purpose.partition(".")
    digest = hmac.digest(key.encode(), f"regulars.{kind}.{contact_id}.{issue}".encode(), "sha256")
    bits = int.from_bytes(digest[:8], "big")
    return "".join(LETTERS[(bits >> (5 * place)) & 31] for place in range(_SECRET))
