"""What the owner sees of a customer's own page."""

from django.http import HttpRequest

from crm.contacts.models import Contact
from crm.portal import cards, links


def of_contact(*, contact: Contact, request: HttpRequest) -> dict | None:
    """Return the link and the code; nothing for somebody who was erased."""
    if contact.erased_at:
        return None
    return {"address": links.address(contact.pk), "code": cards.code(contact.pk)}
