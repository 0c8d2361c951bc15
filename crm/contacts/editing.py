"""Correct one person by hand. What was typed here is remembered, so that no import overwrites it."""

import datetime as dt

from django.db import IntegrityError, transaction

from crm.contacts import matching
from crm.contacts.models import Contact
from crm.lib import changes


class ChangedMeanwhile(RuntimeError):
    """Somebody or something saved this person after the form was drawn."""


class EmailTaken(ValueError):
    """Another person has this e-mail address."""


@transaction.atomic
def edit(contact_id: int, *, version: int, values: dict, now: dt.datetime) -> Contact:
    """Save the fields that differ and return the person as they are now."""
    contact = Contact.objects.alive().select_for_update().get(pk=contact_id)
    if contact.version != version:
        raise ChangedMeanwhile
    changed = {field: value for field, value in values.items() if getattr(contact, field) != value}
    if not changed:
        return contact
    keys = {}
    if changed.keys() & {"email", "phone", "country"}:
        known = {field: values.get(field, getattr(contact, field)) for field in ("email", "phone", "country")}
        keys = matching.key_columns(**known)
    try:
        with transaction.atomic():
            saved = Contact.objects.filter(pk=contact_id, version=version).update(
                **changed,
                **keys,
                typed_fields=sorted({*contact.typed_fields, *changed}),
                version=version + 1,
                updated_at=now,
            )
    except IntegrityError:
        raise EmailTaken(values.get("email", "")) from None
    if not saved:
        raise ChangedMeanwhile
    changes.tell(changes.PEOPLE, [contact_id])
    return Contact.objects.get(pk=contact_id)
