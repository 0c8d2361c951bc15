"""The link to a customer's own page: signed, without a password, good until it is replaced."""

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse

from crm.contacts import merging
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
    """Return whose page a token opens; None if it is not ours, was replaced, or the person was erased.

    The link of somebody who was merged since opens the page of whom they were merged into.
    """
    number, _dash, issue = (tokens.read(_PURPOSE, token) or "").partition("-")
    contact = merging.find(int(number)) if number else None
    return contact if contact and str(issue_of(int(number))) == issue else None


@transaction.atomic
def replace(contact_id: int, *, now: dt.datetime) -> None:
    """Make the links and card codes that were given out worthless, those of customers merged into this one too."""
    everything = [contact_id, *merging.former_ids(contact_id)]
    Card.objects.bulk_create([Card(contact_id=one, replaced_at=now) for one in everything], ignore_conflicts=True)
    Card.objects.filter(contact__in=everything).update(issue=F("issue") + 1, replaced_at=now)


def issue_of(contact_id: int) -> int:
    """Return how often this customer's link was replaced."""
    return Card.objects.filter(contact=contact_id).values_list("issue", flat=True).first() or 0
