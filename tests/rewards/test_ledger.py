import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from crm.contacts.models import Contact
from crm.rewards import ledger
from crm.rewards.ledger import Posting
from crm.rewards.models import Account, Entry
from tests.rewards.conftest import new_contact


def gift(contact, now, points=10, source="campaign:1:1", **fields):
    return Posting(contact_id=contact.pk, points=points, kind=Entry.Kind.CAMPAIGN, source=source, at=now, **fields)


def test_posting_opens_an_account_and_moves_balance_and_standing(mia, now):
    assert ledger.post([gift(mia, now, reason="Spring")], now=now) == 1
    entry = Entry.objects.get()
    assert (entry.points, entry.kind, entry.reason, entry.at, entry.created_at) == (10, "campaign", "Spring", now, now)
    assert ledger.balance(mia.pk) == 10
    mia.refresh_from_db()
    assert mia.points_balance == 10


def test_same_source_is_posted_once(mia, now):
    assert ledger.post([gift(mia, now), gift(mia, now, points=99)], now=now) == 1
    assert ledger.post([gift(mia, now, points=5), gift(mia, now, source="campaign:1:2")], now=now) == 1
    assert list(Entry.objects.order_by("pk").values_list("source", "points")) == [
        ("campaign:1:1", 10),
        ("campaign:1:2", 10),
    ]
    assert ledger.balance(mia.pk) == 20


def test_posting_nothing_does_nothing(shop, now):
    assert ledger.post([], now=now) == 0
    assert Account.objects.count() == 0


def test_posting_of_zero_points_is_refused_whole(mia, now):
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.post([gift(mia, now), gift(mia, now, points=0, source="x")], now=now)
    assert Entry.objects.count() == 0


def test_posting_takes_as_many_queries_for_one_as_for_many(shop, now, queries_of):
    people = [new_contact(now) for _ in range(3)]
    one = queries_of(lambda: ledger.post([gift(people[0], now, source="campaign:0:0")], now=now))
    people = [new_contact(now) for _ in range(3)]
    three = queries_of(lambda: ledger.post([gift(p, now, source=f"campaign:2:{p.pk}") for p in people], now=now))
    assert one == three


def test_adjusting_gives_and_takes_with_a_reason(mia, now):
    ledger.adjust(mia.pk, points=50, reason="sorry for the wait", key="a", now=now)
    entry = ledger.adjust(mia.pk, points=-20, reason="coffee", key="b", now=now)
    assert (entry.points, entry.kind, entry.reason, entry.source) == (-20, "adjust", "coffee", "adjust:b")
    assert ledger.balance(mia.pk) == 30


def test_adjusting_twice_with_one_key_is_one_entry(mia, now):
    first = ledger.adjust(mia.pk, points=50, reason="sorry", key="a", now=now)
    again = ledger.adjust(mia.pk, points=50, reason="sorry", key="a", now=now + dt.timedelta(minutes=1))
    assert first == again
    assert ledger.balance(mia.pk) == 50


def test_key_of_another_adjustment_is_refused(mia, now):
    ledger.adjust(mia.pk, points=50, reason="sorry", key="a", now=now)
    with pytest.raises(ledger.KeyUsedDifferently):
        ledger.adjust(mia.pk, points=60, reason="sorry", key="a", now=now)
    with pytest.raises(ledger.KeyUsedDifferently):
        ledger.adjust(new_contact(now).pk, points=50, reason="sorry", key="a", now=now)


def test_adjusting_stops_at_zero(mia, now):
    ledger.adjust(mia.pk, points=50, reason="sorry", key="a", now=now)
    with pytest.raises(ledger.NotEnoughPoints) as refusal:
        ledger.adjust(mia.pk, points=-51, reason="coffee", key="b", now=now)
    assert refusal.value.balance == 50
    ledger.adjust(mia.pk, points=-50, reason="coffee", key="b", now=now)
    assert ledger.balance(mia.pk) == 0


def test_adjusting_nobody_is_refused(shop, now):
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.adjust(404, points=5, reason="who?", key="a", now=now)
        transaction.get_connection().check_constraints()


def test_history_is_newest_first_with_the_balance_after_each(mia, now):
    yesterday = now - dt.timedelta(days=1)
    ledger.post([gift(mia, now, source="b", points=-4), gift(mia, yesterday, source="a", points=10)], now=now)
    ledger.post([gift(new_contact(now), now, source="c", points=7)], now=now)
    rows = ledger.history(mia.pk).values_list("source", "points", "balance_after")
    assert list(rows) == [("b", -4, 6), ("a", 10, 10)]


def test_account_of_a_deleted_person_keeps_its_points_and_can_still_move(mia, now):
    ledger.adjust(mia.pk, points=50, reason="sorry", key="a", now=now)
    account = Account.objects.get()
    Contact.objects.all().delete()
    ledger.append([(account.pk, -50, "adjust", "adjust:b", "gone", now, None, None, None, now, None, None)])
    account.refresh_from_db()
    assert (account.contact_id, account.balance) == (None, 0)
