"""The code customers give their friends. It opens nothing: it says who sent somebody, and is meant to be passed on."""

from django.conf import settings
from django.urls import reverse

from crm.contacts.models import Contact
from crm.portal import numbered

_PURPOSE = "invitation"


def code(contact_id: int) -> str:
    """Return the code a customer gives their friends; it stays the same when their card is replaced."""
    return numbered.code(contact_id, purpose=_PURPOSE)


def address(contact_id: int) -> str:
    """Return the whole address of the page a customer's friends see."""
    return settings.SITE_URL + reverse("typed:invited", args=[code(contact_id)])


def advocate_of(text: str) -> Contact | None:
    """Return who gives out this code or address; None if nobody does."""
    if "://" in text:
        text = numbered.address_in(text).path.rstrip("/").rpartition("/")[2]
    return numbered.contact_of(text, purpose=lambda _contact_id: _PURPOSE)


def first_name(contact: Contact) -> str:
    """Return what strangers may know of a customer's name; blank where that is nothing.

    The owner's greeting may hold the family name, and a Chinese name begins with it.
    """
    words = contact.name.replace("\uff0c", ",").partition(",")[::-1] if "," in contact.name else (contact.name,)
    first = " ".join(words).split()[:1]
    if not first or "@" in first[0]:
        return ""
    is_cjk = "\u3400" <= first[0][0] <= "\u9fff"
    return first[0][1:] if is_cjk and len(first[0]) > 1 else first[0]
