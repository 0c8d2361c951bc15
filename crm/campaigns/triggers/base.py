"""What an automation waits for, and the plain values a trigger speaks in.

A trigger finds occasions by the day they are written about: `find(params, past)` returns everybody whose day lies in
`past.first` to `past.last`. A day is looked at when the automation runs on it (`past.looked_at(day)`): what happened
later than that is not known yet, so the same question asked of days gone by returns whom the automation would have
found then. The rehearsal and the real run both rest on this.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from crm.contacts.models import Contact
from crm.lib import bulk, clock
from crm.orders.models import Order

DAY = dt.timedelta(days=1)


class BadParams(ValueError):
    """The stored parameters are not ones this trigger can have."""


@dataclass(frozen=True)
class Param:
    """A whole number the owner may set."""

    name: str
    label: str | Promise
    least: int
    most: int
    usual: int


DAYS_AFTER = Param("days", gettext_lazy("Days after it"), 1, 365, 1)


@dataclass(frozen=True, slots=True)
class Found:
    """One occasion: what happened to whom and when, and the day it is written about. The key is unique per person."""

    contact_id: int
    key: str
    happened_at: dt.datetime
    due: dt.date


@dataclass(frozen=True)
class Past:
    """Which days are asked about, by the shop's calendar, and when each of them is looked at."""

    first: dt.date
    last: dt.date
    send_time: dt.time
    zone: str
    now: dt.datetime | None = None  # of a real run: the days it missed are looked at now

    def looked_at(self, day: dt.date) -> dt.datetime:
        return self.now or self.run_on(day)

    def days(self) -> Iterator[dt.date]:
        day = self.first
        while day <= self.last:
            yield day
            day += DAY

    def moments(self, *, days_before: int) -> tuple[dt.datetime, dt.datetime]:
        """Return from when to when something happened whose day, so many days later, is one of these."""
        back = dt.timedelta(days=days_before)
        since = clock.day_bounds(self.first - back, self.zone)[0]
        return since, clock.day_bounds(self.last - back, self.zone)[1]

    def local(self, moment: dt.datetime) -> dt.date:
        return clock.local_date(moment, self.zone)

    def after(self, moment: dt.datetime, days: int) -> dt.date:
        """Return the day so many days after the one something happened on."""
        return self.local(moment) + dt.timedelta(days=days)

    def run_on(self, day: dt.date) -> dt.datetime:
        """Return when the automation writes on a day: what happens by the calendar alone happens then."""
        return clock.at_local(day, self.send_time, self.zone)


class Trigger:
    """One kind of occasion. Code says what kinds exist; an automation says which of them, with what numbers."""

    slug: str
    name: str | Promise
    icon: str
    params: tuple[Param, ...] = (DAYS_AFTER,)
    grace_days: int = 3  # a message so many days late still makes sense; later than that it is not sent
    is_foretold: bool = False  # it follows from what is usual for a person: nothing for who objects to predictions

    def read(self, params: Mapping[str, object]) -> dict[str, int]:
        """Check stored parameters and fill in what is missing."""
        known = {param.name: params.get(param.name, param.usual) for param in self.params}
        for param in self.params:
            value = known[param.name]
            if type(value) is not int or not param.least <= value <= param.most:
                raise BadParams(f"{self.slug}: {param.name} cannot be {value!r}.")
        return known

    def says(self, params: Mapping[str, int]) -> str:
        """Say in one sentence whom it writes to and when."""
        raise NotImplementedError

    def find(self, params: Mapping[str, int], past: Past) -> list[Found]:
        """Return the occasions of these days, each person's key once."""
        raise NotImplementedError


def sales() -> QuerySet[Order]:
    """Return the orders that make an occasion: sales that count, of somebody."""
    return Order.objects.counting().filter(kind=Order.Kind.SALE, contact__isnull=False)


def sales_between(since: dt.datetime, until: dt.datetime) -> list[tuple[int, dt.datetime]]:
    """Return (customer, moment) of the sales placed from `since` up to `until`, oldest first."""
    placed = sales().filter(placed_at__gte=since, placed_at__lt=until)
    return sorted(bulk.rows(placed.order_by().values_list("contact_id", "placed_at")), key=lambda row: (row[1], row[0]))


def sales_of(contact_ids: Collection[int], *, since: dt.datetime | None = None) -> dict[int, list[dt.datetime]]:
    """Return when each of these customers ordered, oldest first; all of them, or those after a moment."""
    found: dict[int, list[dt.datetime]] = defaultdict(list)
    placed = sales().filter(contact_id__in=bulk.among(contact_ids))
    if since is not None:
        placed = placed.filter(placed_at__gt=since)
    for contact_id, at in bulk.rows(placed.order_by().values_list("contact_id", "placed_at")):
        found[contact_id].append(at)
    for moments in found.values():
        moments.sort()
    return found


def people(where: Q, *columns: str) -> list[tuple]:
    """Return columns of the living customers a condition holds for."""
    return bulk.rows(Contact.objects.alive().filter(where).order_by().values_list("pk", *columns))


def alive(found: Iterable[Found]) -> list[Found]:
    """Leave out those who were erased."""
    found = list(found)
    ids = {one.contact_id for one in found}
    here = set(Contact.objects.alive().filter(pk__in=bulk.among(ids)).order_by().values_list("pk", flat=True))
    return [one for one in found if one.contact_id in here]
