"""Customers as the tests of this folder need them."""

import datetime as dt

from crm.contacts import matching
from crm.contacts.models import Contact
from tests.conftest import NOW


def person(name: str, *, days_quiet: int | None = None, **values) -> Contact:
    """Make a customer; `days_quiet` sets the last order that many days before NOW."""
    values.setdefault("joined_at", NOW - dt.timedelta(days=400))
    if days_quiet is not None:
        values["last_order_at"] = NOW - dt.timedelta(days=days_quiet)
    keys = matching.key_columns(email=values.get("email", ""), phone=values.get("phone", ""), country="DE")
    return Contact.objects.create(name=name, **keys, **values)
