"""Days of a shop whose automations run: time goes on in steps, and what is due is done."""

import datetime as dt

from crm.campaigns import sending
from crm.campaigns.models import Message
from crm.lib import clock
from crm.orders import standing
from crm.orders.models import Order

ZONE = "Europe/Berlin"
DAY = dt.timedelta(days=1)


def at(day: dt.date, hour: int = 10, minute: int = 1, *, zone: str = ZONE) -> dt.datetime:
    """Return a wall time of the shop as a moment; at a minute past ten automations have just run."""
    return clock.at_local(day, dt.time(hour, minute), zone)


def run(day: dt.date, *, hour: int = 10, zone: str = ZONE) -> int:
    return sending.sweep(now=at(day, hour, zone=zone))


def days(first: dt.date, last: dt.date, *, hour: int = 10, zone: str = ZONE) -> None:
    while first <= last:
        run(first, hour=hour, zone=zone)
        first += DAY


def buy(contact, moment: dt.datetime, **more) -> Order:
    """Make an order that counts, and the customer's standing with it."""
    values = {
        "source": "typed", "number": str(Order.objects.count() + 1), "contact": contact, "placed_at": moment,
        "currency": "EUR", "total_minor": 2000, "net_minor": 2000,
    }
    order = Order.objects.create(**(values | more))
    standing.refresh([contact.pk])
    return order


def written(automation, *, step: int | None = None) -> list[tuple[int, dt.date, int]]:
    """Return (customer, local date, step) of what left, in order."""
    sent = Message.objects.filter(rotation__campaign__automation=automation, state=Message.State.SENT)
    if step is not None:
        sent = sent.filter(rotation__campaign__step=step)
    rows = sent.values_list("contact_id", "rotation__local_date", "rotation__campaign__step")
    return sorted(rows, key=lambda row: (row[1], row[0], row[2]))


MONDAY = dt.date(2026, 6, 1)
ON = at(MONDAY, 8, 0)  # when automations of a test are switched on
