"""Lots: which points pay for what, when they become active, when they expire, and what happens to a debt."""

import datetime as dt

import pytest
from django.db.models import Sum

from crm.lib import books
from crm.rewards import falling_due, ledger, lots, settling
from crm.rewards.models import Account, Allocation, Entry, Lot, Programme
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order

DAY = dt.timedelta(days=1)


def give(contact, points, *, now, source, **fields):
    posting = ledger.Posting(
        contact_id=contact.pk, points=points, kind=Entry.Kind.CAMPAIGN, source=source, at=now, **fields
    )
    assert ledger.post([posting], now=now) == 1


def take(contact, points, *, now, key):
    return ledger.adjust(contact.pk, points=-points, reason="coffee", key=key, now=now)


def held():
    return list(Lot.objects.order_by("pk").values_list("points", "remaining", "state"))


def account():
    return Account.objects.values_list("balance", "pending", "debt").get()


def shown(contact):
    contact.refresh_from_db()
    return contact.points_balance


@pytest.fixture(autouse=True)
def books_are_right(request, db):
    yield
    assert [finding for finding in books.run_all() if not finding.ok and finding.name.startswith("points")] == []


def test_earning_opens_a_lot_and_spending_uses_the_one_that_expires_first(mia, now):
    give(mia, 10, now=now, source="never")
    give(mia, 20, now=now, source="late", expires_at=now + 60 * DAY)
    give(mia, 30, now=now, source="soon", expires_at=now + 30 * DAY)
    take(mia, 35, now=now, key="a")
    assert held() == [(10, 10, "active"), (20, 15, "active"), (30, 0, "spent")]
    take(mia, 20, now=now, key="b")
    assert held() == [(10, 5, "active"), (20, 0, "spent"), (30, 0, "spent")]
    assert list(Allocation.objects.order_by("pk").values_list("points", flat=True)) == [30, 5, 15, 5]
    assert account() == (5, 0, 0)


def test_pending_points_cannot_be_spent_until_their_day(mia, now):
    give(mia, 50, now=now, source="a", activates_at=now + 14 * DAY)
    give(mia, 5, now=now, source="b")
    assert (account(), ledger.balance(mia.pk), shown(mia)) == ((55, 50, 0), 5, 5)
    with pytest.raises(ledger.NotEnoughPoints) as refusal:
        take(mia, 6, now=now, key="a")
    assert refusal.value.balance == 5
    assert falling_due.mature(now=now + 13 * DAY) == 0
    assert falling_due.mature(now=now + 14 * DAY) == 1
    assert (account(), shown(mia)) == ((55, 0, 0), 55)
    assert falling_due.mature(now=now + 15 * DAY) == 0


def test_hold_that_is_over_need_not_wait_for_the_sweep(mia, now):
    give(mia, 50, now=now, source="a", activates_at=now + 14 * DAY)
    take(mia, 50, now=now + 14 * DAY, key="a")
    assert held() == [(50, 0, "spent")]


def test_expired_points_are_gone_even_before_the_sweep(mia, now):
    give(mia, 50, now=now, source="a", expires_at=now + DAY)
    give(mia, 5, now=now, source="b")
    with pytest.raises(ledger.NotEnoughPoints):
        take(mia, 6, now=now + DAY, key="a")
    take(mia, 5, now=now + DAY, key="b")
    assert held() == [(50, 0, "expired"), (5, 0, "spent")]


def test_points_expire_once_with_one_entry_for_each_day(mia, now):
    for number in range(3):
        give(mia, 10, now=now, source=f"a{number}", expires_at=now + 10 * DAY)
    give(mia, 7, now=now, source="b", expires_at=now + 11 * DAY)
    take(mia, 15, now=now, key="a")
    assert falling_due.expire(now=now + 10 * DAY - dt.timedelta(microseconds=1)) == 0
    assert falling_due.expire(now=now + 20 * DAY) == 1
    assert falling_due.expire(now=now + 20 * DAY) == 0
    expired = Entry.objects.filter(kind="expire").order_by("pk").values_list("points", "at")
    assert list(expired) == [(-15, now + 10 * DAY), (-7, now + 11 * DAY)]
    assert held() == [(10, 0, "spent"), (10, 0, "expired"), (10, 0, "expired"), (7, 0, "expired")]
    assert shown(mia) == 0


def test_days_of_grace_let_expired_points_be_spent(mia, now):
    Programme.objects.create(grace_days=5)
    give(mia, 10, now=now, source="a", expires_at=now + DAY)
    take(mia, 4, now=now + 5 * DAY, key="a")
    assert falling_due.expire(now=now + 5 * DAY) == 0
    assert falling_due.expire(now=now + 6 * DAY) == 1
    assert account() == (0, 0, 0)


def test_points_of_quiet_customers_expire(mia, now):
    Programme.objects.create(inactive_months=12)
    tom = new_contact(now, name="Tom")
    for contact in (mia, tom):
        give(contact, 10, now=now, source=f"a{contact.pk}")
    give(tom, 5, now=now + 100 * DAY, source="b")
    assert falling_due.expire_quiet(now=now + 365 * DAY) == 0
    assert falling_due.expire_quiet(now=now + 366 * DAY) == 1
    assert falling_due.expire_quiet(now=now + 366 * DAY) == 0
    assert (ledger.balance(mia.pk), ledger.balance(tom.pk)) == (0, 15)


def test_refund_takes_pending_points_of_its_order_first_then_active_ones_then_others(mia, now):
    euro_rule(now, hold_days=14)
    order, other = new_order(mia, now, 8000), new_order(mia, now, 3000)
    settling.settle([order.pk, other.pk], now=now)
    assert held() == [(80, 80, "pending"), (30, 30, "pending")]
    amend(order, refunded_minor=2000, payment="partly_refunded")
    settling.settle([order.pk], now=now)
    assert (held(), account()) == ([(80, 60, "pending"), (30, 30, "pending")], (90, 90, 0))
    falling_due.mature(now=now + 14 * DAY)
    give(mia, 10, now=now + 14 * DAY, source="gift", expires_at=now + 15 * DAY)
    take(mia, 20, now=now + 14 * DAY, key="a")  # the gift, then 10 of the order
    assert held() == [(80, 50, "active"), (30, 30, "active"), (10, 0, "spent")]
    amend(order, refunded_minor=8000, payment="refunded")
    settling.settle([order.pk], now=now + 14 * DAY)
    assert held() == [(80, 0, "reversed"), (30, 20, "active"), (10, 0, "spent")]
    assert account() == (20, 0, 0)


def test_last_partial_refund_takes_the_remainder(mia, now):
    euro_rule(now, points=3, step_minor=1000)
    order = new_order(mia, now, 5500)
    settling.settle([order.pk], now=now)
    for refunded in (1833, 3666, 5500):
        amend(order, refunded_minor=refunded, payment="refunded" if refunded == 5500 else "partly_refunded")
        settling.settle([order.pk], now=now)
    assert list(Entry.objects.order_by("pk").values_list("points", flat=True)) == [15, -6, -6, -3]
    assert account() == (0, 0, 0)


@pytest.fixture
def mia_owes(rule, mia, now):
    """Mia earned 80, spent 70 and got the order refunded: 70 are missing."""
    order = new_order(mia, now, 8000)
    settling.settle([order.pk], now=now)
    take(mia, 70, now=now, key="a")

    def refund():
        amend(order, cancelled_at=now)
        settling.settle([order.pk], now=now)
        return order

    return refund


def test_spent_points_taken_back_are_a_debt_that_later_points_pay(mia_owes, mia, now):
    mia_owes()
    assert (account(), shown(mia)) == ((-70, 0, 70), -70)
    give(mia, 50, now=now, source="b", activates_at=now + DAY)
    assert (account(), shown(mia)) == ((-20, 50, 70), -70)
    falling_due.mature(now=now + DAY)
    assert (account(), shown(mia)) == ((-20, 0, 20), -20)
    give(mia, 50, now=now, source="c")
    assert (account(), shown(mia)) == ((30, 0, 0), 30)
    assert held() == [(80, 0, "reversed"), (50, 0, "reversed"), (50, 30, "active")]


def test_debt_is_forgiven_at_once_where_the_programme_says_so(mia_owes, mia, now):
    Programme.objects.create(debt=Programme.Debt.FORGIVE)
    order = mia_owes()
    waived = Entry.objects.get(kind="waive")
    assert (waived.points, waived.order_ref) == (70, order.pk)
    assert (account(), shown(mia)) == ((0, 0, 0), 0)
    assert settling.settle([order.pk], now=now) == 0


def test_debt_can_be_forgiven_later(mia_owes, mia, now):
    mia_owes()
    assert ledger.forgive(mia.pk, now=now) == 70
    assert ledger.forgive(mia.pk, now=now) == 0
    assert (account(), shown(mia)) == ((0, 0, 0), 0)


def test_lots_of_an_order_follow_the_terms_of_its_rule_and_day(mia, now):
    euro_rule(now, hold_days=14, expiry={"months": 12, "round": "year"})
    old = new_order(mia, now, 1000, placed_at=now - 100 * DAY)
    new = new_order(mia, now, 2000)
    settling.settle([old.pk, new.pk], now=now)
    year_end = dt.datetime(2027, 12, 31, 23, tzinfo=dt.UTC)  # midnight in Berlin
    active_from = dt.datetime(2026, 12, 3, 23, tzinfo=dt.UTC)
    assert list(Lot.objects.order_by("pk").values_list("state", "expires_at")) == [
        ("active", year_end), ("pending", year_end),
    ]  # fmt: skip
    assert Lot.objects.get(state="pending").activates_at == active_from
    assert Lot.objects.aggregate(all=Sum("remaining"))["all"] == 30


def test_many_takings_cost_as_many_queries_as_one(rule, now, queries_of):
    orders = [new_order(new_contact(now), now, 8000) for _ in range(4)]
    settling.settle([order.pk for order in orders], now=now)
    for order in orders:
        amend(order, cancelled_at=now)
    one = queries_of(lambda: settling.settle([orders[0].pk], now=now))
    three = queries_of(lambda: settling.settle([order.pk for order in orders[1:]], now=now))
    assert one == three


def test_settling_in_pieces_reports_once_at_the_end(rule, mia, now):
    settling.settle([new_order(mia, now, 8000).pk], now=now, is_reported=False)
    assert shown(mia) == 0
    settling.report([mia.pk])
    assert shown(mia) == 80


def test_unpaid_entries_are_none_where_nothing_is_owed(mia, now):
    give(mia, 50, now=now, source="a")
    take(mia, 50, now=now, key="a")
    assert lots.unpaid(Entry.objects.all()) == []
