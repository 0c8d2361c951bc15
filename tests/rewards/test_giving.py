"""Gifts for days and deeds: once each, on the right local day."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from crm.accounts.models import Shop
from crm.rewards import daily, giving, ledger, rule_changing
from crm.rewards.models import Entry
from crm.rewards.terms import yearly
from tests.rewards.conftest import new_contact

TODAY = dt.date(2026, 11, 20)
DAY = dt.timedelta(days=1)


def start(kind, now, **params):
    return rule_changing.start(kind=kind, params={"points": 30} | params, starts_on=dt.date(2026, 1, 1), now=now)


def sources():
    return sorted(Entry.objects.filter(kind="occasion").values_list("source", "points"))


def test_birthday_is_given_once_a_year(shop, now):
    start("birthday", now)
    mia = new_contact(now, birthday=dt.date(1990, 11, 20))
    new_contact(now, birthday=dt.date(1990, 11, 21))
    new_contact(now)
    assert giving.give_for_days(now=now) == 1
    assert giving.give_for_days(now=now) == 0
    assert sources() == [(f"birthday:{mia.pk}:2026", 30)]
    assert giving.give_for_days(now=now.replace(year=2027)) == 1
    assert ledger.balance(mia.pk) == 60


def test_days_nobody_was_looking_are_made_up_for(shop, now):
    start("birthday", now)
    mia = new_contact(now, birthday=dt.date(1990, 11, 16))
    new_contact(now, birthday=dt.date(1990, 11, 10))
    assert giving.give_for_days(now=now) == 1
    assert Entry.objects.get().at == dt.datetime(2026, 11, 15, 23, tzinfo=dt.UTC)
    assert ledger.balance(mia.pk) == 30


@pytest.mark.parametrize(
    ("born", "day", "is_today"),
    [
        ((2000, 2, 29), (2027, 2, 28), True),
        ((2000, 2, 29), (2028, 2, 28), False),
        ((2000, 2, 29), (2028, 2, 29), True),
        ((2000, 2, 28), (2028, 2, 28), True),
        ((2000, 3, 1), (2027, 2, 28), False),
        ((2026, 11, 20), (2026, 11, 20), False),  # born today: nothing to celebrate yet
    ],
)
def test_29_february_is_celebrated_on_the_28th_in_common_years(shop, now, born, day, is_today):
    mia = new_contact(now, birthday=dt.date(*born))
    assert giving.having_birthday(dt.date(*day)) == ([mia.pk] if is_today else [])


def test_anniversary_goes_by_the_shops_calendar(shop, now):
    late = new_contact(now, joined_at=dt.datetime(2024, 11, 19, 23, 30, tzinfo=dt.UTC))  # the 20th in Berlin
    new_contact(now, joined_at=dt.datetime(2024, 11, 20, 23, 30, tzinfo=dt.UTC))  # the 21st in Berlin
    new_contact(now, joined_at=dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC))  # today
    leap = new_contact(now, joined_at=dt.datetime(2024, 2, 29, 12, 0, tzinfo=dt.UTC))
    assert giving.having_anniversary(TODAY, "Europe/Berlin") == [late.pk]
    assert giving.having_anniversary(dt.date(2026, 2, 28), "Europe/Berlin") == [leap.pk]


def test_deed_is_given_for_once_for_each_key_and_only_under_a_rule(shop, mia, now):
    assert giving.give_for([mia.pk], occasion="review", key="1", now=now) == 0
    start("review", now)
    assert giving.give_for([mia.pk, mia.pk], occasion="review", key="1", now=now) == 1
    assert giving.give_for([mia.pk], occasion="review", key="1", now=now) == 0
    assert giving.give_for([mia.pk], occasion="review", key="2", now=now) == 1
    assert sources() == [(f"review:{mia.pk}:1", 30), (f"review:{mia.pk}:2", 30)]


def test_complete_details_are_given_for_once(shop, now):
    start("profile", now)
    fields = {"email": "mia@example.com", "phone": "+49 30 1", "birthday": dt.date(1990, 1, 1)}
    mia = new_contact(now, **fields)
    new_contact(now, **{**fields, "email": ""})
    assert giving.give_for_profiles(now=now) == 1
    assert giving.give_for_profiles(now=now + DAY) == 0
    assert ledger.balance(mia.pk) == 30


def test_somebody_removed_who_had_it_ends_it_for_nobody(shop, now):
    start("profile", now)
    fields = {"phone": "+49 30 1", "birthday": dt.date(1990, 1, 1)}
    gone = new_contact(now, **fields, email="gone@example.com")
    assert giving.give_for_profiles(now=now) == 1
    gone.delete()
    new_contact(now, **fields, email="mia@example.com")
    assert giving.give_for_profiles(now=now + DAY) == 1


def test_daily_work_is_done_once_on_each_local_day(shop, now):
    start("birthday", now)
    new_contact(now, birthday=dt.date(1990, 11, 21))
    assert daily.daily(now=now) == 0
    assert daily.daily(now=dt.datetime(2026, 11, 20, 22, 59, tzinfo=dt.UTC)) == 0
    assert daily.daily(now=dt.datetime(2026, 11, 20, 23, 0, tzinfo=dt.UTC)) == 1  # midnight in Berlin
    assert daily.daily(now=now + DAY) == 0


def test_nothing_is_done_before_there_is_a_shop(db, now):
    assert Shop.objects.count() == 0
    assert daily.daily(now=now) == 0


@pytest.mark.parametrize("born", [dt.date(2000, 2, 29), dt.date(2000, 2, 28), dt.date(1999, 12, 31)])
def test_every_year_has_exactly_one_day(born):
    assert [yearly(born, year).year for year in range(2001, 2041)] == list(range(2001, 2041))
    for year in range(2001, 2041):
        days = [dt.date(year, 1, 1) + n * DAY for n in range(366)]
        assert sum(yearly(born, day.year) == day for day in days if day.year == year) == 1


def test_moment_of_a_gift_is_on_its_day_in_every_zone(shop, now):
    start("birthday", now)
    for zone in ("Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Kiritimati"):
        Shop.objects.update(timezone=zone)
        mia = new_contact(now, birthday=dt.date(1990, 11, 20))
        giving.give_for_days(now=dt.datetime(2026, 11, 20, 12, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC))
        entry = Entry.objects.get(account__contact=mia)
        assert entry.at.astimezone(ZoneInfo(zone)).date() == TODAY
