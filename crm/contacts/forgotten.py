"""Recognise by keyed hashes what somebody was known by who was erased since (contacts.forgetting)."""

import datetime as dt
from collections.abc import Collection

from django.db.models import Exists

from crm.contacts.models import Contact, ForgottenKey
from crm.lib import bulk
from crm.lib.tokens import keyed_hash

Key = tuple[str, str]  # source and value, as in ContactKey


def hash_of(source: str, value: str) -> str:
    """Return the keyed hash of one thing somebody was known by."""
    return keyed_hash(f"{source}\n{value}")


def remember(contact_id: int, keys: Collection[Key], *, at: dt.datetime) -> None:
    """Keep the hashes of what somebody was known by; the newest erasure of a key is the one that holds."""
    remember_marks(contact_id, {hash_of(*key) for key in keys}, at=at)


def remember_marks(contact_id: int, hashes: Collection[str], *, at: dt.datetime) -> None:
    """Keep hashes that were made elsewhere."""
    rows = [ForgottenKey(key_hash=mark, contact_id=contact_id, at=at) for mark in sorted(hashes)]
    ForgottenKey.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["key_hash"], update_fields=["contact_id", "at"]
    )


def any_yet() -> bool:
    """Tell whether anybody was ever erased."""
    return ForgottenKey.objects.exists()


def any_condition() -> Exists:
    """Return the condition that anybody was ever erased, for a query that is asked anyhow."""
    return Exists(ForgottenKey.objects.all())


def look_up(keys: Collection[Key]) -> dict[Key, tuple[int, dt.datetime]]:
    """Return which of these keys belonged to somebody who was erased: the nameless customer, and when that was."""
    hashes = {hash_of(*key): key for key in keys}
    found = ForgottenKey.objects.filter(key_hash__in=bulk.among(list(hashes)))
    rows = bulk.rows(found.values_list("key_hash", "contact_id", "at"))
    return {hashes[mark]: (contact_id, at) for mark, contact_id, at in rows}


def among(contact_ids: Collection[int]) -> set[int]:
    """Return which of these customers were erased."""
    gone = Contact.objects.filter(id__in=bulk.among(list(contact_ids)), erased_at__isnull=False)
    return set(gone.values_list("id", flat=True)) if contact_ids else set()
