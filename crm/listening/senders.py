"""Whose words these are: find the customer behind an address or a number, without making one."""

from crm.contacts import listing
from crm.contacts.identity import FORMER_EMAIL, email_key
from crm.contacts.models import Contact, ContactKey


def known(*, email: str = "", phone: str = "") -> int | None:
    """Return the one customer who has this address, had it before a merge, or alone has this number; else None."""
    alive = Contact.objects.alive()
    if key := email_key(email) if email else None:
        found = alive.filter(email_key=key).values_list("pk", flat=True).first()
        had = ContactKey.objects.filter(source=FORMER_EMAIL, value=key, contact__erased_at=None)
        found = found or had.values_list("contact", flat=True).first()
        if found:
            return found
    if phone and (people := listing.with_phone(phone)) is not None:
        ids = list(people.values_list("pk", flat=True)[:2])
        return ids[0] if len(ids) == 1 else None
    return None
