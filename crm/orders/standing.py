"""Report to the customers what their orders come to."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Count, Max, Min, Q, Sum

from crm.accounts.models import Shop
from crm.contacts import standing
from crm.contacts.models import Contact
from crm.lib import bulk
from crm.orders.models import Order

COLUMNS = ("order_count", "spent_minor", "first_order_at", "last_order_at", "joined_at")


class Earlier(NamedTuple):
    """Somebody whose first order is older than what we knew."""

    contact_id: int
    joined_before: dt.datetime
    joined_now: dt.datetime
    created_by_import: int | None


def refresh(contact_ids: Iterable[int]) -> list[Earlier]:
    """Count these people's orders again, write where it differs, and return whose beginning moved."""
    contact_ids = list(contact_ids)
    if not contact_ids:
        return []
    counting = Q(kind=Order.Kind.SALE, counts=True)
    currency = Shop.objects.values_list("currency", flat=True).first()
    orders = Order.objects.filter(contact__in=bulk.among(contact_ids), counts=True).values("contact_id").order_by()
    sums = orders.annotate(
        count=Count("id", filter=counting),
        spent=Sum("net_minor", filter=Q(currency=currency)),
        first=Min("placed_at", filter=counting),
        last=Max("placed_at", filter=counting),
    )
    totals = {
        contact_id: (count, spent or 0, first, last)
        for contact_id, count, spent, first, last in bulk.rows(
            sums.values_list("contact_id", "count", "spent", "first", "last")
        )
    }
    rows, earlier = [], []
    held = Contact.objects.filter(id__in=bulk.among(contact_ids)).values_list("id", "created_by_import", *COLUMNS)
    for contact_id, made_by, *before in bulk.rows(held):
        count, spent, first, last = totals.get(contact_id, (0, 0, None, None))
        joined = min(before[4], first) if first else before[4]
        after = [count, spent, first, last, joined]
        if after != before:
            rows.append([*after, contact_id])
        if joined != before[4]:
            earlier.append(Earlier(contact_id, before[4], joined, made_by))
    standing.report(rows, columns=COLUMNS)
    return earlier
