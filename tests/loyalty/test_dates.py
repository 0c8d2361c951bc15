import datetime as dt

from loyalty.dates import date_of, day_number


def test_a_day_is_its_date_and_back():
    assert [day_number(dt.date(1970, 1, 1)), day_number(dt.date(2026, 11, 18))] == [0, 20_775]
    assert date_of(20_775) == dt.date(2026, 11, 18)
