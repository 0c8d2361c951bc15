"""What the owner sees of a customer's own page."""

from django.http import HttpRequest

from crm.contacts.models import Contact
from crm.lib import clock
from crm.portal import cards, invitations, links
from crm.rewards import referring


def of_contact(*, contact: Contact, request: HttpRequest) -> dict | None:
    """Return the link, the code and the invitation for friends; nothing for somebody who was erased."""
    if contact.erased_at:
        return None
    shown = {"address": links.address(contact.pk), "code": cards.code(contact.pk)}
    if referring.promise(at=clock.now()).is_anything:
        shown["invitation"] = invitations.address(contact.pk)
    return shown
