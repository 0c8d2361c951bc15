"""The short code on a customer's card, typed or scanned at the till. Without a login it opens nothing.

It is made from the secret key, so that nobody can make up the card of somebody else to spend their points. In the
square it is the till's address, so that the camera of the owner's phone opens the till.
"""

from urllib.parse import parse_qs

from crm.contacts.models import Contact
from crm.portal import links, numbered


def code(contact_id: int) -> str:
    """Return a customer's code: "222D-7KQM-R2XW"."""
    return numbered.code(contact_id, purpose=_purpose(contact_id))


def contact_of(text: str) -> Contact | None:
    """Return whose card this is, however the code was typed or scanned; None if it is nobody's."""
    return numbered.contact_of(text_in(text), purpose=_purpose)


def text_in(scanned: str) -> str:
    """Return the code in what a scanner typed: the address in the square, or the code itself."""
    if "://" not in scanned:
        return scanned
    return parse_qs(numbered.address_in(scanned).query).get("q", [""])[0]


def _purpose(contact_id: int) -> str:
    return f"card.{links.issue_of(contact_id)}"
