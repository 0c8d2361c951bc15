"""What falls due by itself: hold periods end, points expire. In pieces, each a transaction of its own.

Nothing depends on this coming by in time: whoever spends brings the account up to date first (ledger.spend).
"""

import datetime as dt
from collections.abc import Callable, Iterator

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from crm.accounts.models import Shop
from crm.lib import bulk, clock
from crm.rewards import ledger
from crm.rewards.models import Entry, Lot, Programme
from crm.rewards.terms import months_before

AT_ONCE = 20_000
ACTIVITY = (Entry.Kind.ORDER, Entry.Kind.REDEEM)


def mature(*, now: dt.datetime) -> int:
    """Make points active whose hold period is over; return for how many accounts."""
    due = Lot.objects.filter(state=Lot.State.PENDING, activates_at__lte=now).order_by("activates_at")
    return _in_pieces(due, ledger.bring_up_to_date, now=now)


def expire(*, now: dt.datetime) -> int:
    """Take points whose last day and days of grace are over; return from how many accounts."""
    grace = dt.timedelta(days=Programme.current().grace_days)
    due = Lot.objects.filter(state=Lot.State.ACTIVE, expires_at__lte=now - grace).order_by("expires_at")
    return _in_pieces(due, ledger.bring_up_to_date, now=now)


def expire_quiet(*, now: dt.datetime) -> int:
    """Take the points of customers who have been quiet for too long; return from how many accounts. Once a day."""
    return _in_pieces(quiet(now=now), _expire_quiet, now=now)


def quiet(*, now: dt.datetime) -> QuerySet[Lot]:
    """Return the active lots of customers who neither ordered nor redeemed for as long as the programme allows."""
    programme = Programme.current()
    if not programme.inactive_months:
        return Lot.objects.none()
    zone = Shop.current().timezone
    day = months_before(clock.local_date(now, zone), programme.inactive_months)
    since, _until = clock.day_bounds(day - dt.timedelta(days=programme.grace_days), zone)
    of_account = Entry.objects.filter(account_id=OuterRef("account_id"), at__gte=since)
    # A gift is no sign of life, but nobody loses what they were given a moment ago.
    of_merged = Entry.objects.filter(account__merged_into=OuterRef("account_id"), at__gte=since)
    active = Q(kind__in=ACTIVITY) | Q(points__gt=0)
    return Lot.objects.filter(
        ~Exists(of_account.filter(active)), ~Exists(of_merged.filter(active)), state=Lot.State.ACTIVE, remaining__gt=0
    )


def _expire_quiet(account_ids: list[int], *, now: dt.datetime) -> set[int]:
    changed = ledger.expire(quiet(now=now).of(bulk.among(account_ids)), now=now)
    ledger.report(changed)
    return changed


def _in_pieces(due: QuerySet[Lot], act: Callable[..., set[int]], *, now: dt.datetime) -> int:
    """Do the act for the accounts that hold these lots, until none is left."""
    count = 0
    for account_ids in _holders(due):
        with transaction.atomic():
            ledger.lock(account_ids)
            changed = len(act(account_ids, now=now))
        if not changed:
            break  # somebody else did them meanwhile
        count += changed
    return count


def _holders(due: QuerySet[Lot]) -> Iterator[list[int]]:
    while account_ids := sorted(set(due.values_list("account_id", flat=True)[:AT_ONCE])):
        yield account_ids
