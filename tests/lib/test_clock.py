"""Days belong to the shop's zone, moments to UTC."""

import datetime as dt

import pytest

from crm.lib import clock

UTC = dt.UTC


def test_now_is_aware_and_utc():
    assert clock.now().utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        (dt.datetime(2026, 11, 20, 23, 30, tzinfo=UTC), "Europe/Berlin", dt.date(2026, 11, 21)),
        (dt.datetime(2026, 11, 20, 23, 30, tzinfo=UTC), "America/New_York", dt.date(2026, 11, 20)),
        (dt.datetime(2026, 11, 20, 16, 0, tzinfo=UTC), "Asia/Shanghai", dt.date(2026, 11, 21)),
    ],
)
def test_local_date_is_the_shops_calendar_day(moment, zone, expected):
    assert clock.local_date(moment, zone) == expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (dt.time(1, 30), dt.datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
        (dt.time(2, 30), dt.datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # skipped that night: 03:30 on the wall
        (dt.time(3, 30), dt.datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_skipped_wall_time_moves_forward(time, expected):
    assert clock.at_local(dt.date(2026, 3, 29), time, "Europe/Berlin") == expected


def test_a_doubled_wall_time_is_the_first():
    found = clock.at_local(dt.date(2026, 10, 25), dt.time(2, 30), "Europe/Berlin")
    assert found == dt.datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "hours"), [(dt.date(2026, 3, 29), 23), (dt.date(2026, 10, 25), 25), (dt.date(2026, 11, 20), 24)]
)
def test_days_meet_without_gap_even_when_clocks_change(date, hours):
    first, after = clock.day_bounds(date, "Europe/Berlin")
    assert after - first == dt.timedelta(hours=hours)
    assert clock.local_date(first, "Europe/Berlin") == date
    assert clock.local_date(after, "Europe/Berlin") == date + dt.timedelta(days=1)
    assert clock.day_bounds(date + dt.timedelta(days=1), "Europe/Berlin")[0] == after
