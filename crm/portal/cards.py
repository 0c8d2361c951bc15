"""The short code on a customer's card, typed or scanned at the till. Without a login it opens nothing.

It is the customer's number and 40 bits made from the secret key, so that nobody can make up the card of somebody else
to spend their points. In the square it is the till's address, so that the camera of the owner's phone opens the till.
"""

import hmac
from urllib.parse import parse_qs, urlsplit

from django.conf import settings

from crm.contacts.models import Contact
from crm.coupons.codes import LETTERS, fold
from crm.portal import links

_SECRET, _SHORTEST_NUMBER, _GROUP = 8, 4, 4


def code(contact_id: int) -> str:
    """Return a customer's code: "222D-7KQM-R2XW"."""
    letters = _number(contact_id) + _secret(settings.SECRET_KEY, contact_id, links.issue_of(contact_id))
    head, tail = letters[:-_SECRET], letters[-_SECRET:]
    return "-".join([head, tail[:_GROUP], tail[_GROUP:]])


def contact_of(text: str) -> Contact | None:
    """Return whose card this is, however the code was typed or scanned; None if it is nobody's."""
    letters = fold(text_in(text))
    head, tail = letters[:-_SECRET], letters[-_SECRET:]
    if len(head) < _SHORTEST_NUMBER or not set(letters) <= set(LETTERS):
        return None
    number = 0
    for letter in head:
        number = number * len(LETTERS) + LETTERS.index(letter)
    if number >= 2**63:
        return None
    contact = Contact.objects.alive().filter(pk=number).first()
    if contact is None:
        return None
    issue = links.issue_of(contact.pk)
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return contact if any(hmac.compare_digest(_secret(key, number, issue), tail) for key in keys) else None


def text_in(scanned: str) -> str:
    """Return the code in what a scanner typed: the address in the square, or the code itself."""
    if "://" not in scanned:
        return scanned
    return parse_qs(urlsplit(scanned.strip()).query).get("q", [""])[0]


def _number(contact_id: int) -> str:
    letters, rest = "", contact_id
    while rest or len(letters) < _SHORTEST_NUMBER:
        rest, place = divmod(rest, len(LETTERS))
        letters = LETTERS[place] + letters
    return letters


def _secret(key: str, contact_id: int, issue: int) -> str:
    digest = hmac.digest(key.encode(), f"regulars.card.{contact_id}.{issue}".encode(), "sha256")
    bits = int.from_bytes(digest[:8], "big")
    return "".join(LETTERS[(bits >> (5 * place)) & 31] for place in range(_SECRET))
