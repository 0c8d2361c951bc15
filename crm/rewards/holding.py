"""What a customer holds: points by state, what expires when. Read only; for pages and messages."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Min, QuerySet, Sum

from crm.accounts.models import Shop
from crm.lib import clock
from crm.rewards.models import Account, Lot, Programme, Redemption

SHOWN = 5


@dataclass(frozen=True)
class Change:
    """Points that become active or expire on a day."""

    on: dt.date  # the day they become active; for an expiry, the last day they can be spent
    points: int


@dataclass(frozen=True)
class Holding:
    available: int = 0  # can be spent now; below zero while a debt is open
    pending: int = 0
    debt: int = 0
    maturing: Sequence[Change] = field(default=())  # the next ones
    expiring: Sequence[Change] = field(default=())


@dataclass(frozen=True)
class Expiring:
    """What one customer is about to lose."""

    contact_id: int
    points: int
    last_day: dt.date  # of the first of them


def of(contact_id: int) -> Holding:
    """Return what a customer holds."""
    account = Account.objects.to_spend_from().filter(contact_id=contact_id).first()
    if account is None:
        return Holding()
    zone = Shop.current().timezone
    lots = Lot.objects.of([account.pk]).filter(remaining__gt=0)
    maturing = _by_moment(lots.filter(state=Lot.State.PENDING), "activates_at")
    expiring = _by_moment(lots.filter(state=Lot.State.ACTIVE, expires_at__isnull=False), "expires_at")
    return Holding(
        available=account.available,
        pending=account.pending,
        debt=account.debt,
        maturing=[Change(clock.local_date(at, zone), points) for at, points in maturing],
        expiring=[Change(_last_day(at, zone), points) for at, points in expiring],
    )


def redemptions(contact_id: int) -> QuerySet[Redemption]:
    """Return a customer's newest redemptions that hold."""
    standing = Redemption.objects.filter(account__contact_id=contact_id).exclude(state=Redemption.State.ROLLED_BACK)
    return standing.select_related("reward").order_by("-pk")[:SHOWN]


def expiring(*, since: dt.datetime, until: dt.datetime) -> list[Expiring]:
    """Return whose points expire between two moments and how many, for a message to them; one row per customer."""
    zone = Shop.current().timezone
    lots = Lot.objects.filter(state=Lot.State.ACTIVE, expires_at__gte=since, expires_at__lt=until)
    rows = lots.filter(account__contact__erased_at=None, account__contact__isnull=False)
    rows = rows.values_list("account__contact_id").annotate(points=Sum("remaining"), first=Min("expires_at"))
    rows = rows.order_by("first", "account__contact_id")
    return [Expiring(contact_id, points, _last_day(at, zone)) for contact_id, points, at in rows]


def warnings(*, now: dt.datetime) -> dict[str, list[Expiring]]:
    """Return who is to be warned today of points that expire, for the first and for the last time.

    A day's warnings are about the points whose last day is the programme's number of days from today, so that asking
    on each day once warns of every lot once.
    """
    zone, programme = Shop.current().timezone, Programme.current()
    today = clock.local_date(now, zone)
    found = {}
    for name, days in (("first", programme.first_warning_days), ("last", programme.last_warning_days)):
        since = clock.day_bounds(today + dt.timedelta(days=days), zone)[1]  # the midnight that ends that day
        found[name] = expiring(since=since, until=since + dt.timedelta(seconds=1))
    return found


def _by_moment(lots: QuerySet[Lot], column: str) -> QuerySet:
    return lots.values_list(column).annotate(points=Sum("remaining")).order_by(column)[:SHOWN]


def _last_day(expires_at: dt.datetime, zone: str) -> dt.date:
    return clock.local_date(expires_at - dt.timedelta(microseconds=1), zone)
