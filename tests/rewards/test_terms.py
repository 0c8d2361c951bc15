"""When points become active and expire: months, ends of months, and every zone there is."""

import datetime as dt
from zoneinfo import ZoneInfo, available_timezones

import pytest

from crm.lib import env
from crm.rewards.rules import BadParams, read_terms
from crm.rewards.terms import Terms, last_day, months_before

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "months", "round_to", "last"),
    [
        ((2026, 11, 20), 12, "", (2027, 11, 20)),
        ((2026, 8, 31), 1, "", (2026, 9, 30)),
        ((2026, 1, 31), 1, "", (2026, 2, 28)),
        ((2028, 1, 31), 1, "", (2028, 2, 29)),
        ((2028, 2, 29), 12, "", (2029, 2, 28)),
        ((2026, 11, 20), 1, "month", (2026, 12, 31)),
        ((2026, 1, 31), 1, "month", (2026, 2, 28)),
        ((2026, 11, 20), 1, "quarter", (2026, 12, 31)),
        ((2026, 11, 20), 2, "quarter", (2027, 3, 31)),
        ((2026, 11, 20), 1, "year", (2026, 12, 31)),
        ((2026, 12, 31), 12, "year", (2027, 12, 31)),
        ((2026, 12, 31), 120, "", (2036, 12, 31)),
    ],
)
def test_last_day(day, months, round_to, last):
    assert last_day(dt.date(*day), months=months, round_to=round_to) == dt.date(*last)


@pytest.mark.parametrize("day", [dt.date(2026, 11, 20), dt.date(2026, 3, 31), dt.date(2028, 2, 29)])
def test_months_before_is_no_later_than_going_forward_again(day):
    for months in range(1, 40):
        assert last_day(months_before(day, months), months=months) in (day, day - DAY, day - 2 * DAY, day - 3 * DAY)


def test_terms_say_moments_of_the_shops_days():
    terms = Terms(hold_days=14, months=12, round_to="month")
    assert terms.of(dt.date(2026, 11, 20), "Europe/Berlin") == (
        dt.datetime(2026, 12, 3, 23, tzinfo=dt.UTC), dt.datetime(2027, 11, 30, 23, tzinfo=dt.UTC),
    )  # fmt: skip
    assert Terms().of(dt.date(2026, 11, 20), "Europe/Berlin") == (None, None)


@pytest.mark.parametrize(
    "params",
    [{"hold_days": -1}, {"hold_days": "14"}, {"expiry": 12}, {"expiry": {"months": 0}},
     {"expiry": {"months": 12, "round": "week"}}],
)  # fmt: skip
def test_terms_that_make_no_sense_are_refused(params):
    with pytest.raises(BadParams):
        read_terms(params)


def no_day_is_lost_or_doubled(zone, days):
    """The last day counts whole and the next one not at all, wherever the clocks are changed."""
    here, terms, before = ZoneInfo(zone), Terms(hold_days=1, months=1), None
    for day in days:
        activates_at, expires_at = terms.of(day, zone)
        last = last_day(day, months=1)
        assert (expires_at - dt.timedelta(microseconds=1)).astimezone(here).date() <= last or zone == "Pacific/Apia"
        assert expires_at.astimezone(here).date() > last
        assert activates_at.astimezone(here).date() >= day + DAY
        assert (activates_at - dt.timedelta(microseconds=1)).astimezone(here).date() <= day
        assert before is None or before <= expires_at
        before = expires_at


def days_of(years, *, step=1):
    return [dt.date(year, 1, 1) + n * DAY for year in years for n in range(0, 365, step)]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Asia/Tehran", "Africa/Cairo", "Pacific/Apia",
             "Australia/Lord_Howe", "America/Havana", "Pacific/Kiritimati", "UTC"],
)  # fmt: skip
def test_days_of_difficult_zones(zone):
    no_day_is_lost_or_doubled(zone, days_of(range(2010, 2028, 3)))


@pytest.mark.slow
def test_days_of_all_zones_from_2000_to_2040():
    """Every twelfth kind of zone; all of them with PROVE=1, as in `make prove`."""
    days, alike = days_of(range(2000, 2041)), {}
    for zone in sorted(available_timezones()):  # many are other names of one
        offsets = tuple(dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).utcoffset() for day in days)
        alike.setdefault(offsets, zone)
    every = 1 if env.flag("PROVE") else 12
    for zone in list(alike.values())[::every]:
        no_day_is_lost_or_doubled(zone, days)
