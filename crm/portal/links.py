"""The link to a customer's own page: signed, without a password, good until it is replaced."""

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse

from crm.contacts.models import Contact
from crm.lib import tokens
from crm.portal.models import Card

_PURPOSE, _EXAMPLE = "portal", "example"


def token(contact_id: int) -> str:
    """Return what stands in the link of a customer now."""
    return tokens.sign(_PURPOSE, f"{contact_id}-{issue_of(contact_id)}")


def address(contact_id: int | None) -> str:
    """Return the whole address of a customer's page; for nobody, in a test message, one that opens nothing."""
    said = _EXAMPLE if contact_id is None else token(contact_id)
    return settings.SITE_URL + reverse("portal:page", args=[said])


def contact_of(token: str) -> Contact | None:
    """Return whose page a token opens; None if it is not ours, was replaced, or the person was erased."""
    number, _dash, issue = (tokens.read(_PURPOSE, token) or "").partition("-")
    contact = Contact.objects.alive().filter(pk=number).first() if number else None
    return contact if contact and str(issue_of(contact.pk)) == issue else None


@transaction.atomic
def replace(contact_id: int, *, now: dt.datetime) -> None:
    """Make the link and the card code that were given out worthless; there are new ones from now on."""
    Card.objects.get_or_create(contact_id=contact_id, defaults={"replaced_at": now})
    Card.objects.filter(contact=contact_id).update(issue=F("issue") + 1, replaced_at=now)


def issue_of(contact_id: int) -> int:
    """Return how often this customer's link was replaced."""
    return Card.objects.filter(contact=contact_id).values_list("issue", flat=True).first() or 0
