"""A shop with a past, written through the models."""

import datetime as dt
import itertools

import numpy as np
import pytest

from crm.contacts.models import Contact
from crm.lib import bulk
from crm.orders.models import Order, OrderLine, Product, Refund
from loyalty import pipeline
from loyalty.estimators import simulate
from loyalty.models import Run
from tests.frozen import Frozen, freeze

LAST_DAY = dt.date(2026, 11, 18)
_numbers = itertools.count(1)


def moment(date: dt.date, hour: int = 11) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(hour), dt.UTC)


def person(name: str = "Ada") -> Contact:
    return Contact.objects.create(name=name, joined_at=moment(dt.date(2024, 1, 1)))


def order(contact: Contact | None, at: dt.datetime, total: int = 1_000, **fields) -> Order:
    given = {"currency": "EUR", "net_minor": total, "payment": "paid", "counts": True} | fields
    return Order.objects.create(
        source="test", number=str(next(_numbers)), contact=contact, placed_at=at, total_minor=total, **given
    )


def refund(of: Order, amount: int, at: dt.datetime) -> Refund:
    return Refund.objects.create(order=of, key=f"typed:{next(_numbers)}", amount_minor=amount, at=at)


@pytest.fixture
def past(shop):
    """160 customers of a clockwork shop over 500 days up to LAST_DAY, three products each, and one person without orders."""
    history, _ = simulate.clockwork(customers=160, days=500, gap=25, stay=260, seed=7)
    products = Product.objects.bulk_create(Product(key=f"p{n}", name=f"Product {n}") for n in range(12))
    contacts = Contact.objects.bulk_create(
        Contact(name=f"Customer {n}", joined_at=moment(dt.date(2025, 1, 1)), order_count=1) for n in range(160)
    )
    rows = [
        Order(
            source="test", number=f"past-{n}", contact=contacts[who], currency="EUR", total_minor=amount, net_minor=amount,
            placed_at=moment(LAST_DAY - dt.timedelta(days=500 - day)),
        )
        for n, (who, day, amount) in enumerate(
            zip(history.order_customer.tolist(), history.order_day.tolist(), history.order_amount.tolist())
        )
    ]  # fmt: skip
    orders = Order.objects.bulk_create(rows)
    rng = np.random.default_rng(1)
    OrderLine.objects.bulk_create(
        OrderLine(order=one, product=products[item], position=place, quantity=1, total_minor=500)
        for one in orders
        for place, item in enumerate(
            {one.contact_id % 12, (one.contact_id + 1) % 12, int(rng.integers(0, 12))}, start=1
        )
    )
    person("Prospect")
    bulk.refresh_statistics(Contact, Order, OrderLine, Product)  # a plan for empty tables takes seconds for each question
    return history


_kept: dict[str, tuple[int, Frozen]] = {}


@pytest.fixture
def short_night(monkeypatch):
    """Leave out of the night what neither forecasts about customers nor lists of them need."""
    for act in ("find_together", "find_alike", "find_what_if", "find_leavers", "climb", "forecast_demand"):
        monkeypatch.setattr(pipeline._Night, act, lambda night: None)


@pytest.fixture
def bare_night(short_night, monkeypatch):
    """Leave the forecasts out as well: grades, groups and stages only."""
    for act in ("forecast", "forecast_value", "forecast_intent", "recommend"):
        monkeypatch.setattr(pipeline._Night, act, lambda night: None)


@pytest.fixture
def past_night(request, shop, short_night):
    """The run of LAST_DAY over the clockwork shop of `past`; worked out once for all modules, then read back."""
    return _once("short", request)


@pytest.fixture
def whole_night(request, shop):
    """The run of LAST_DAY with every part of it; worked out once for all modules, then read back.

    Ask for `short_night` after it, where a test goes on to a night of its own.
    """
    return _once("whole", request)


def _once(name: str, request) -> Run:
    if name not in _kept:
        request.getfixturevalue("past")
        run = pipeline.run(as_of=LAST_DAY, now=dt.datetime(2026, 11, 19, 3, 0, tzinfo=dt.UTC))
        _kept[name] = run.pk, freeze()
    else:
        _kept[name][1].thaw()
    return Run.objects.get(pk=_kept[name][0])
