"""Time in the shop's zone. Only views, tasks and commands read the clock; the rest is handed `now=`."""

import datetime as dt
from zoneinfo import ZoneInfo

from django.utils import timezone


def now() -> dt.datetime:
    """Return this moment, aware, in UTC."""
    return timezone.now()


def read(text: str) -> dt.datetime | None:
    """Return the moment a text names with its zone, as an address of ours holds it, or None."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def local_date(moment: dt.datetime, zone: str) -> dt.date:
    """Return the calendar date a moment falls on in the shop's zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def at_local(date: dt.date, time: dt.time, zone: str) -> dt.datetime:
    """Return the UTC moment of a local wall time: a skipped time moves forward, a doubled one is the first."""
    return dt.datetime.combine(date, time, ZoneInfo(zone)).astimezone(dt.UTC)


def day_bounds(date: dt.date, zone: str) -> tuple[dt.datetime, dt.datetime]:
    """Return the first moment of a local date and of the next one."""
    return at_local(date, dt.time(), zone), at_local(date + dt.timedelta(days=1), dt.time(), zone)
