"""A shop so small that every number can be worked out by hand."""

import datetime as dt

from crm.contacts.models import Contact
from crm.orders import standing
from crm.orders.models import Order
from tests.conftest import NOW


def person(name: str, *, days_ago: int = 400, **values) -> Contact:
    return Contact.objects.create(name=name, joined_at=NOW - dt.timedelta(days=days_ago), **values)


def sale(number: str, contact: Contact | None, *, days_ago: float, total: int, **values) -> Order:
    """Make a paid order and report it to its customer's standing, as the door does."""
    fields = {"currency": "EUR", "net_minor": total, "payment": "paid"} | values
    order = Order.objects.create(
        source="test",
        number=number,
        contact=contact,
        placed_at=NOW - dt.timedelta(days=days_ago),
        total_minor=total,
        **fields,
    )
    if contact:
        standing.refresh([contact.pk])
    return order


def books() -> tuple[Contact, Contact]:
    """Ada has bought for months, Bo came 10 days ago for the first time and again; one buyer left no name.

    Last 30 days: 60.00 (Ada 20.00, Bo 15.00 first and 5.00, no name 20.00). The 30 days before: Ada 40.00.
    """
    ada, bo = person("Ada Brandt"), person("Bo Weber", days_ago=10)
    sale("A-1", ada, days_ago=200, total=1_000)
    sale("A-2", ada, days_ago=40, total=4_000)
    sale("A-3", ada, days_ago=1, total=2_000)
    sale("B-1", bo, days_ago=10, total=1_500)
    sale("B-2", bo, days_ago=3, total=700, net_minor=500, refunded_minor=200)
    sale("X-1", None, days_ago=5, total=2_000)
    sale("X-2", None, days_ago=5, total=9_900, cancelled_at=NOW, counts=False, net_minor=0)
    sale("X-3", ada, days_ago=5, total=8_800, currency="USD")
    return ada, bo
