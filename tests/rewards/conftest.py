"""Customers, orders and rules for the tests of points, written straight into the tables."""

import datetime as dt
import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.contacts.models import Contact
from crm.orders.models import Order
from crm.rewards import rule_changing

_numbers = itertools.count(1001)


def new_contact(now, **fields) -> Contact:
    return Contact.objects.create(**{"name": "Mia Fuchs", "joined_at": now - dt.timedelta(days=400)} | fields)


def new_order(contact, now, total_minor=8000, **fields) -> Order:
    """Make a paid sale of EUR 80.00 placed an hour ago; net and counts follow from the fields."""
    values = {
        "source": "test",
        "number": f"#{next(_numbers)}",
        "contact": contact,
        "placed_at": now - dt.timedelta(hours=1),
        "currency": "EUR",
        "total_minor": total_minor,
    } | fields
    order = Order(**values)
    amend(order)
    return order


def amend(order, **fields) -> Order:
    """Change an order the way recording does: the rest follows."""
    for name, value in fields.items():
        setattr(order, name, value)
    order.counts = order.payment in {"paid", "partly_refunded"} and order.cancelled_at is None
    order.net_minor = order.total_minor - order.refunded_minor if order.counts else 0
    order.save()
    return order


def euro_rule(now, *, starts_on=dt.date(2026, 1, 1), **params):
    """One point for every euro since the start of the year."""
    params = {"points": 1, "step_minor": 100, "currency": "EUR"} | params
    rule = rule_changing.start(kind="per_amount", params=params, starts_on=starts_on, now=now)
    rule.catch_up_from = None
    rule.save()
    return rule


@pytest.fixture
def queries_of(db):
    """Count the queries of an act."""

    def count(act) -> int:
        with CaptureQueriesContext(connection) as queries:
            act()
        return len(queries)

    return count


@pytest.fixture
def mia(shop, now):
    return new_contact(now)


@pytest.fixture
def rule(shop, now):
    return euro_rule(now)


@pytest.fixture
def shop(shop):
    """The shop of the other tests is a café and gives stamps; this one speaks of points."""
    shop.kind = "shop"
    shop.save()
    return shop
