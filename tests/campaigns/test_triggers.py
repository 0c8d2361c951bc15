"""Each trigger with people and dates made by hand: whom it finds, for which day."""

import datetime as dt

import pytest

from crm.campaigns.triggers import TRIGGERS
from crm.campaigns.triggers.base import BadParams, Past
from crm.campaigns.triggers.next_visit import NextVisit
from crm.campaigns.triggers.quiet import Quiet
from crm.contacts.models import Contact
from crm.rewards import ledger
from crm.rewards.models import Entry, Membership, Reward, Rule
from tests.campaigns.automations import DAY, ZONE, at, buy

pytestmark = pytest.mark.django_db
JUNE = dt.date(2026, 6, 1)
TEN = dt.time(10)


def find(slug, first, last=None, *, now=None, zone=ZONE, **params):
    """Return {(customer's first name, key): day it is written about}."""
    trigger = TRIGGERS[slug]
    found = trigger.find(trigger.read(params), Past(first, last or first, TEN, zone, now=now))
    assert len({(one.contact_id, one.key) for one in found}) == len(found)
    names = dict(Contact.objects.values_list("pk", "name"))
    return {(names[one.contact_id].split()[0], one.key): one.due for one in found}


@pytest.mark.parametrize("params", [{"days": 0}, {"days": "3"}, {"days": True}, {"days": 400}])
def test_impossible_parameters_are_refused(params):
    with pytest.raises(BadParams):
        TRIGGERS["first_order"].read(params)


def test_first_order(shop, person):
    ava, ben = person(), person("Ben Adler")
    buy(ava, at(JUNE, 0, 5))
    buy(ava, at(JUNE, 20))
    buy(ben, at(JUNE - DAY, 23, 55))
    assert find("first_order", JUNE + 7 * DAY, days=7) == {("Ava", "first"): JUNE + 7 * DAY}
    assert find("first_order", JUNE, JUNE + 30 * DAY, days=7) == {
        ("Ava", "first"): JUNE + 7 * DAY, ("Ben", "first"): JUNE + 6 * DAY,
    }  # fmt: skip
    assert find("first_order", JUNE + DAY, JUNE + 6 * DAY - DAY, days=7) == {}


def test_cancelled_order_is_no_first_order(shop, person):
    buy(person(), at(JUNE), counts=False, net_minor=0, cancelled_at=at(JUNE, 12))
    assert find("first_order", JUNE, JUNE + 9 * DAY) == {}


def test_nth_order(shop, person):
    ava, ben = person(), person("Ben Adler")
    for n in range(4):
        buy(ava, at(JUNE + n * DAY))
    for n in range(2):
        buy(ben, at(JUNE + n * DAY))
    assert find("nth_order", JUNE, JUNE + 9 * DAY, orders=3, days=2) == {("Ava", "order-3"): JUNE + 4 * DAY}
    assert find("nth_order", JUNE + 5 * DAY, JUNE + 9 * DAY, orders=3, days=2) == {}


def test_every_order_once_a_day(shop, person):
    ava = person()
    for hour in (9, 12, 23):
        buy(ava, at(JUNE, hour))
    buy(ava, at(JUNE + DAY, 0))
    assert find("any_order", JUNE, JUNE + 9 * DAY, days=3) == {
        ("Ava", "ordered:2026-06-01"): JUNE + 3 * DAY, ("Ava", "ordered:2026-06-02"): JUNE + 4 * DAY,
    }  # fmt: skip


def test_day_follows_the_zone_of_the_shop(shop, person):
    buy(person(), dt.datetime(2026, 6, 1, 22, 30, tzinfo=dt.UTC))  # half past midnight in Berlin
    assert find("any_order", JUNE + 3 * DAY, days=2) == {("Ava", "ordered:2026-06-02"): JUNE + 3 * DAY}
    assert find("any_order", JUNE + 2 * DAY, days=2, zone="America/New_York") == {
        ("Ava", "ordered:2026-06-01"): JUNE + 2 * DAY
    }


def test_birthday_with_and_without_a_year(shop, person):
    person(birthday=dt.date(1990, 6, 11))
    person("Ben Adler", extra={"birthday": "--06-11"})
    person("Cleo Maier", extra={"birthday": "nonsense"})
    person("Dora Lenz", birthday=dt.date(1990, 6, 12))
    person("Emil Voss", birthday=dt.date(2026, 6, 11))  # born that very day
    expected = {("Ava", "birthday:2026"): JUNE + 3 * DAY, ("Ben", "birthday:2026"): JUNE + 3 * DAY}
    assert find("birthday", JUNE + 3 * DAY, days=7) == expected


def test_leap_day(shop, person):
    person(birthday=dt.date(1992, 2, 29))
    person("Ben Adler", birthday=dt.date(1992, 2, 28))
    assert find("birthday", dt.date(2027, 2, 28)) == {
        ("Ava", "birthday:2027"): dt.date(2027, 2, 28), ("Ben", "birthday:2027"): dt.date(2027, 2, 28),
    }  # fmt: skip
    assert find("birthday", dt.date(2028, 2, 28)) == {("Ben", "birthday:2028"): dt.date(2028, 2, 28)}
    assert find("birthday", dt.date(2028, 2, 29)) == {("Ava", "birthday:2028"): dt.date(2028, 2, 29)}
    assert find("birthday", dt.date(2027, 3, 1)) == {}


def test_birthday_over_new_year(shop, person):
    person(birthday=dt.date(1990, 1, 3))
    assert find("birthday", dt.date(2026, 12, 20), dt.date(2026, 12, 31), days=7) == {
        ("Ava", "birthday:2027"): dt.date(2026, 12, 27)
    }


def test_wait_of_the_quiet():
    first, wait = at(JUNE), Quiet().wait
    assert wait(first, first + 30 * DAY, 2, least=60) == 60  # two orders are no rhythm
    assert wait(first, first + 30 * DAY, 4, least=60) == 60
    assert wait(first, first + 180 * DAY, 4, least=60) == 120
    assert wait(first, first + 3_000 * DAY, 4, least=60) == 400


def test_quiet_for_longer_than_usual(shop, person):
    ava, ben, cleo = person(), person("Ben Adler"), person("Cleo Maier")
    buy(ava, at(JUNE))  # one order: sixty days
    for n in range(4):
        buy(ben, at(JUNE - (120 - 40 * n) * DAY))  # every forty days, last on 1 June: eighty
    for n in range(4):
        buy(cleo, at(JUNE - (6 - 2 * n) * DAY))  # every other day: sixty at least
    assert find("quiet", JUNE, JUNE + 90 * DAY, days=60) == {
        ("Ava", "quiet:2026-06-01"): JUNE + 60 * DAY, ("Ben", "quiet:2026-06-01"): JUNE + 80 * DAY,
        ("Cleo", "quiet:2026-06-01"): JUNE + 60 * DAY,
    }  # fmt: skip


def test_wait_for_the_next_visit():
    first, wait = at(JUNE), NextVisit().wait
    assert wait(first, first + 60 * DAY, 2, least=14) is None  # two orders are no rhythm
    assert wait(first, first + 6 * DAY, 4, least=14) is None  # comes all the time
    assert wait(first, first + 61 * DAY, 3, least=14) == 30
    assert wait(first, first + 1_300 * DAY, 3, least=14) is None  # nobody knows in years


def test_next_visit_is_due_when_it_is_usual_for_each(shop, person):
    ava, ben, cleo, dora = person(), person("Ben Adler"), person("Cleo Maier"), person("Dora Lenz")
    buy(ava, at(JUNE))
    for n in range(4):
        buy(ben, at(JUNE - (120 - 40 * n) * DAY))
        buy(cleo, at(JUNE - (6 - 2 * n) * DAY))
    for n in range(3):
        buy(dora, at(JUNE - (60 - 30 * n) * DAY))
    assert find("next_visit", JUNE + DAY, JUNE + 90 * DAY, days=14) == {
        ("Ben", "visit:2026-06-01"): JUNE + 40 * DAY, ("Dora", "visit:2026-06-01"): JUNE + 30 * DAY,
    }  # fmt: skip
    buy(dora, at(JUNE + 20 * DAY))  # earlier than usual: the next one is due by what is usual now
    assert find("next_visit", JUNE + DAY, JUNE + 90 * DAY, days=14) == {
        ("Ben", "visit:2026-06-01"): JUNE + 40 * DAY, ("Dora", "visit:2026-06-21"): JUNE + 47 * DAY,
    }  # fmt: skip


def test_quiet_looks_back_at_those_who_returned(shop, person):
    ava, ben = person(), person("Ben Adler")
    for contact in (ava, ben):
        buy(contact, at(JUNE))
    buy(ava, at(JUNE + 60 * DAY, 9))  # an hour before the run
    buy(ben, at(JUNE + 60 * DAY, 11))  # an hour after it
    assert find("quiet", JUNE + 50 * DAY, JUNE + 70 * DAY, days=60) == {("Ben", "quiet:2026-06-01"): JUNE + 60 * DAY}
    looked_at_now = find("quiet", JUNE + 50 * DAY, JUNE + 70 * DAY, days=60, now=at(JUNE + 70 * DAY))
    assert looked_at_now == {}


def test_joined_and_did_not_order(shop, person):
    _ava, ben, cleo = person(), person("Ben Adler"), person("Cleo Maier")
    Contact.objects.update(joined_at=at(JUNE, 12))
    buy(ben, at(JUNE + 2 * DAY))
    buy(cleo, at(JUNE + 4 * DAY))
    assert find("joined", JUNE, JUNE + 9 * DAY, days=3) == {
        ("Ava", "joined"): JUNE + 3 * DAY, ("Cleo", "joined"): JUNE + 3 * DAY,
    }  # fmt: skip


def give(contact, points, moment, *, expires_on=None):
    end = at(expires_on + DAY, 0, 0) if expires_on else None
    posting = ledger.Posting(
        contact_id=contact.pk, points=points, kind=Entry.Kind.WELCOME, source=f"w:{contact.pk}:{moment}", at=moment,
        expires_at=end,
    )  # fmt: skip
    ledger.post([posting], now=moment)


def spend(contact, points, moment):
    account = contact.points_accounts.get()
    source = f"redeem:{contact.pk}"
    ledger.append([(account.pk, -points, "redeem", source, "", moment, None, None, None, moment, None, None)])


def test_points_about_to_run_out(shop, person):
    ava, ben, cleo = person(), person("Ben Adler"), person("Cleo Maier")
    last_day = JUNE + 20 * DAY
    for contact in (ava, ben):
        give(contact, 50, at(JUNE - 90 * DAY), expires_on=last_day)
        give(contact, 10, at(JUNE - 80 * DAY), expires_on=last_day)
    give(cleo, 50, at(JUNE - 90 * DAY))
    key = ("Ava", "points:2026-06-21")
    due = JUNE + 6 * DAY
    assert find("points_expiring", JUNE, JUNE + 10 * DAY, days=14) == {key: due, ("Ben", key[1]): due}
    spend(ben, 60, at(due, 9))
    assert find("points_expiring", JUNE, JUNE + 10 * DAY, days=14) == {key: due}


def test_points_that_were_spent_after_the_look_counted_then(shop, person):
    ava = person()
    give(ava, 50, at(JUNE - 90 * DAY), expires_on=JUNE + 20 * DAY)
    spend(ava, 50, at(JUNE + 6 * DAY, 12))
    assert find("points_expiring", JUNE, JUNE + 10 * DAY, days=14) == {("Ava", "points:2026-06-21"): JUNE + 6 * DAY}
    assert find("points_expiring", JUNE, JUNE + 10 * DAY, days=14, now=at(JUNE + 7 * DAY)) == {}


def test_enough_points_for_a_reward_the_first_time(shop, person):
    ava, ben = person(), person("Ben Adler")
    assert find("reward", JUNE, JUNE + 30 * DAY) == {}
    Reward.objects.create(name="Espresso", points=100, worth_minor=250)
    Reward.objects.create(name="Cake", points=300, worth_minor=900)
    for contact, points in ((ava, 60), (ben, 90)):
        give(contact, points, at(JUNE))
    give(ava, 60, at(JUNE + 4 * DAY))
    give(ava, 60, at(JUNE + 6 * DAY))
    assert find("reward", JUNE, JUNE + 30 * DAY, days=2) == {("Ava", "reward"): JUNE + 6 * DAY}


def test_new_level(shop, person):
    ava, ben, cleo = person(), person("Ben Adler"), person("Cleo Maier")
    rule = Rule.objects.create(kind="tiers", params={}, starts_on=JUNE)
    begins = at(JUNE, 0, 0)

    def hold(contact, level, since, until=None):
        Membership.objects.create(contact=contact, rule=rule, level=level, since=since, until=until)

    for contact in (ava, ben, cleo):
        hold(contact, 2 if contact == cleo else 1, begins, at(JUNE + 5 * DAY) if contact != ben else None)
    hold(ava, 2, at(JUNE + 5 * DAY))
    hold(cleo, 1, at(JUNE + 5 * DAY), at(JUNE + 8 * DAY))  # fell
    hold(cleo, 2, at(JUNE + 8 * DAY))  # and is back where she was
    found = find("level", JUNE - 9 * DAY, JUNE + 30 * DAY, days=1)
    assert found == {("Ava", f"level:{rule.pk}:2"): JUNE + 6 * DAY}


@pytest.mark.parametrize("slug", TRIGGERS)
def test_erased_people_are_never_found(shop, person, slug):
    ava = person(birthday=dt.date(1990, 6, 5))
    Contact.objects.update(joined_at=at(JUNE))
    for n in range(10):
        buy(ava, at(JUNE + 15 * n * DAY))
    give(ava, 500, at(JUNE), expires_on=JUNE + 20 * DAY)
    Reward.objects.create(name="Espresso", points=100, worth_minor=250)
    everything = {"joined", "level"} - {slug} == {"joined", "level"}
    assert bool(find(slug, JUNE, JUNE + 299 * DAY)) == everything
    Contact.objects.update(erased_at=at(JUNE))
    assert find(slug, JUNE, JUNE + 299 * DAY) == {}
