"""Report to the customers what their orders come to."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Case, Count, F, Max, Min, Q, Sum, When
from django.db.models.functions import Coalesce

from crm.accounts.models import Shop
from crm.contacts import standing
from crm.contacts.models import Contact
from crm.lib import bulk
from crm.orders.models import Order

COLUMNS = ("order_count", "spent_minor", "first_order_at", "last_order_at", "joined_at")
_COUNTING = Q(orders__kind=Order.Kind.SALE, orders__counts=True)


class Earlier(NamedTuple):
    """Somebody whose first order is older than what we knew."""

    contact_id: int
    joined_before: dt.datetime
    joined_now: dt.datetime


def refresh(contact_ids: Iterable[int], *, made_by: int | None = None) -> list[Earlier]:
    """Count these people's orders again and write where it differs.

    Return those whose beginning moved, except people whom the import `made_by` brought.
    """
    contact_ids = list(contact_ids)
    if not contact_ids:
        return []
    people = Contact.objects.filter(id__in=bulk.among(contact_ids)).order_by()
    known = people if made_by is None else people.exclude(created_by_import=made_by)
    firsts = known.values("id", "joined_at").annotate(first=Min("orders__placed_at", filter=_COUNTING))
    moved = firsts.filter(first__lt=F("joined_at"))
    earlier = [Earlier(*row) for row in bulk.rows(moved.values_list("id", "joined_at", "first"))]

    currency = Shop.objects.values_list("currency", flat=True).first()
    counted = people.values("id").annotate(
        count=Count("orders", filter=_COUNTING),
        spent=Coalesce(Sum("orders__net_minor", filter=Q(orders__currency=currency, orders__counts=True)), 0),
        first=Min("orders__placed_at", filter=_COUNTING),
        last=Max("orders__placed_at", filter=_COUNTING),
    )
    joined = Case(When(first__lt=F("joined_at"), then="first"), default="joined_at")
    standing.report_from(
        counted.annotate(joined=joined).values_list("id", "count", "spent", "first", "last", "joined"), columns=COLUMNS
    )
    return earlier
