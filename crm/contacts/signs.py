"""Who has given no sign of life for years; what is one, each floor says: an order, a visit, a click, points moved."""

import datetime as dt
from collections.abc import Callable

from django.db.models import Exists, QuerySet

from crm.contacts.models import Contact

SIGNS: dict[str, Callable[[dt.datetime], Exists]] = {}


def register(name: str, since: Callable[[dt.datetime], Exists]) -> None:
    """Add a sign of life: `since(moment)` is the condition on a contact that there was one since then."""
    SIGNS[name] = since


def silent(years: int, *, now: dt.datetime) -> QuerySet[Contact]:
    """Return who joined longer ago than that and has given no sign of life since."""
    since = _years_before(now, years)
    people = Contact.objects.alive().filter(joined_at__lt=since)
    for sign in SIGNS.values():
        people = people.filter(~sign(since))
    return people


def _years_before(moment: dt.datetime, years: int) -> dt.datetime:
    """Return the same day so many years earlier; the 29th of February becomes the 28th."""
    day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
    return moment.replace(year=moment.year - years, day=day)
