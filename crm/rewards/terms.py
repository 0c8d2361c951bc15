"""From when and until when points can be spent, from the day they were earned; days are the shop's own.

Points earned on a day become active at the beginning of the day `hold_days` later. They live `months` months, until
the end of the same day of that month (the last one where the month is shorter), or until the end of the month, quarter
or year that day falls in. The last day counts; they expire at the midnight that ends it.
"""

import calendar
import datetime as dt
from dataclasses import dataclass, field

from crm.lib import clock

MONTH_ENDS = {"": None, "month": 1, "quarter": 3, "year": 12}
MOST_HOLD_DAYS, MOST_MONTHS = 365, 120


@dataclass(frozen=True)
class Terms:
    hold_days: int = 0
    months: int | None = None  # None: for ever
    round_to: str = ""  # a key of MONTH_ENDS
    _known: dict = field(default_factory=dict, compare=False, repr=False)

    def of(self, day: dt.date, zone: str) -> tuple[dt.datetime | None, dt.datetime | None]:
        """Return from when and until when (exclusive) points earned on a local day can be spent; None is no limit."""
        if day not in self._known:
            self._known[day] = self._activates_at(day, zone), self._expires_at(day, zone)
        return self._known[day]

    def _activates_at(self, day: dt.date, zone: str) -> dt.datetime | None:
        return clock.at_local(day + dt.timedelta(days=self.hold_days), dt.time(), zone) if self.hold_days else None

    def _expires_at(self, day: dt.date, zone: str) -> dt.datetime | None:
        if self.months is None:
            return None
        return clock.day_bounds(last_day(day, months=self.months, round_to=self.round_to), zone)[1]


def last_day(day: dt.date, *, months: int, round_to: str = "") -> dt.date:
    """Return the last day of points that live so many months from `day`, rounded up to an end where that is asked."""
    index = day.year * 12 + day.month - 1 + months
    if not MONTH_ENDS[round_to]:
        return _day_of(index, day.day)
    step = MONTH_ENDS[round_to]
    return _day_of(index - index % step + step - 1, 31)


def months_before(day: dt.date, months: int) -> dt.date:
    """Return the same day some months earlier, the last one where that month is shorter."""
    return _day_of(day.year * 12 + day.month - 1 - months, day.day)


def yearly(day: dt.date, year: int) -> dt.date:
    """Return the day a birthday or anniversary falls on in a year; 29 February is the 28th in a common year."""
    return _day_of(year * 12 + day.month - 1, day.day)


def _day_of(index: int, day: int) -> dt.date:
    year, month = index // 12, index % 12 + 1
    return dt.date(year, month, min(day, calendar.monthrange(year, month)[1]))
