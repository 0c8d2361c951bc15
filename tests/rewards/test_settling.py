import datetime as dt

import pytest

from crm.contacts.models import Contact
from crm.rewards import catching_up, ledger, rule_changing, settling
from crm.rewards.models import Entry, Rule
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order

TODAY = dt.date(2026, 11, 20)


def entries():
    return list(Entry.objects.order_by("pk").values_list("points", "reason", "basis_minor"))


def test_paid_order_earns_and_settling_again_changes_nothing(rule, mia, now):
    order = new_order(mia, now, 8050)
    assert settling.settle([order.pk], now=now) == 1
    assert settling.settle([order.pk, order.pk], now=now) == 0
    entry = Entry.objects.get()
    assert (entry.points, entry.source, entry.order_ref, entry.rule_id) == (80, f"order:{order.pk}:1", order.pk, rule.pk)
    assert (entry.at, entry.created_at, entry.basis_minor) == (order.placed_at, now, 8050)
    mia.refresh_from_db()
    assert mia.points_balance == ledger.balance(mia.pk) == 80


def test_refund_takes_back_its_share(rule, mia, now):
    order = new_order(mia, now, 8000)
    settling.settle([order.pk], now=now)
    amend(order, refunded_minor=2000, payment="partly_refunded")
    assert settling.settle([order.pk], now=now) == 1
    assert entries() == [(80, "", 8000), (-20, "refund", 6000)]


def test_full_refund_and_cancellation_take_back_everything(rule, mia, now):
    refunded, cancelled = new_order(mia, now, 8000), new_order(mia, now, 500)
    settling.settle([refunded.pk, cancelled.pk], now=now)
    amend(refunded, refunded_minor=8000, payment="refunded")
    amend(cancelled, cancelled_at=now)
    assert settling.settle([refunded.pk, cancelled.pk], now=now) == 2
    assert entries() == [(80, "", 8000), (5, "", 500), (-80, "refund", 0), (-5, "cancelled", 0)]
    assert ledger.balance(mia.pk) == 0


def test_order_that_counts_again_is_given_again(rule, mia, now):
    order = new_order(mia, now, 8000)
    for change in ({"cancelled_at": now}, {"cancelled_at": None}, {"payment": "unpaid"}, {"payment": "paid"}):
        settling.settle([order.pk], now=now)
        amend(order, **change)
    settling.settle([order.pk], now=now)
    assert [row[:2] for row in entries()] == [(80, ""), (-80, "cancelled"), (80, "again"), (-80, "unpaid"), (80, "again")]
    assert list(Entry.objects.order_by("pk").values_list("source", flat=True)) == [
        f"order:{order.pk}:{n}" for n in range(1, 6)
    ]


def test_points_spent_before_a_refund_become_a_debt(rule, mia, now):
    order = new_order(mia, now, 8000)
    settling.settle([order.pk], now=now)
    ledger.adjust(mia.pk, points=-70, reason="coffee", key="a", now=now)
    amend(order, cancelled_at=now)
    settling.settle([order.pk], now=now)
    assert ledger.balance(mia.pk) == -70


@pytest.mark.parametrize(
    "fields",
    [
        {"payment": "unpaid"},
        {"payment": "partly_paid"},
        {"cancelled_at": dt.datetime(2026, 11, 20, tzinfo=dt.UTC)},
        {"currency": "USD"},
        {"kind": "return", "total_minor": -8000},
        {"placed_at": dt.datetime(2025, 12, 31, 22, 59, tzinfo=dt.UTC)},  # 23:59 in Berlin, the day before the rule
        {"total_minor": 99},
        {"contact": None},
    ],
)
def test_order_earns_nothing(rule, mia, now, fields):
    order = new_order(**{"contact": mia, "now": now} | fields)
    assert settling.settle([order.pk], now=now) == 0
    assert entries() == []


def test_rule_begins_at_local_midnight(rule, mia, now):
    order = new_order(mia, now, placed_at=dt.datetime(2025, 12, 31, 23, 0, tzinfo=dt.UTC))  # 0:00 in Berlin
    assert settling.settle([order.pk], now=now) == 1


def test_each_order_goes_by_the_rule_of_its_day(rule, mia, now):
    rule_changing.start(
        kind="per_amount", params={**rule.params, "points": 3}, starts_on=dt.date(2026, 12, 1), now=now
    )
    last = new_order(mia, now, 1000, placed_at=dt.datetime(2026, 11, 30, 22, 30, tzinfo=dt.UTC))
    first = new_order(mia, now, 1000, placed_at=dt.datetime(2026, 11, 30, 23, 30, tzinfo=dt.UTC))
    later = dt.datetime(2026, 12, 5, tzinfo=dt.UTC)
    settling.settle([last.pk, first.pk], now=later)
    amend(last, refunded_minor=500, payment="partly_refunded")
    amend(first, refunded_minor=500, payment="partly_refunded")
    settling.settle([last.pk, first.pk], now=later)
    assert [row[0] for row in entries()] == [10, 30, -5, -15]


def test_order_of_somebody_else_moves_its_points(rule, mia, now):
    order, tom = new_order(mia, now, 8000), new_contact(now, name="Tom")
    settling.settle([order.pk], now=now)
    amend(order, contact=tom)
    assert settling.settle([order.pk], now=now) == 2
    assert settling.settle([order.pk], now=now) == 0
    assert (ledger.balance(mia.pk), ledger.balance(tom.pk)) == (0, 80)
    assert [row[1] for row in entries()] == ["", "moved", ""]
    amend(order, contact=mia)
    assert settling.settle([order.pk], now=now) == 2
    assert (ledger.balance(mia.pk), ledger.balance(tom.pk)) == (80, 0)


def test_removed_order_gives_its_points_back(rule, mia, now):
    order = new_order(mia, now, 8000)
    settling.settle([order.pk], now=now)
    order_id = order.pk
    order.delete()
    assert settling.settle([order_id], now=now) == 1
    assert entries() == [(80, "", 8000), (-80, "gone", 0)]


def test_removed_person_loses_the_points_of_their_orders_but_not_the_account(rule, mia, now):
    order = new_order(mia, now, 8000)
    settling.settle([order.pk], now=now)
    Contact.objects.all().delete()
    assert settling.settle([order.pk], now=now) == 1
    assert entries() == [(80, "", 8000), (-80, "moved", 0)]


def test_settling_takes_as_many_queries_for_one_order_as_for_three(rule, now, queries_of):
    orders = [new_order(new_contact(now), now) for _ in range(4)]
    one = queries_of(lambda: settling.settle([orders[0].pk], now=now))
    three = queries_of(lambda: settling.settle([order.pk for order in orders[1:]], now=now))
    assert one == three


def test_rule_of_the_past_is_applied_piece_by_piece(mia, now, monkeypatch):
    monkeypatch.setattr(settling, "CHUNK", 2)
    for days in (1, 5, 10, 40):
        new_order(mia, now, 1000, placed_at=now - dt.timedelta(days=days))
    rule_changing.start(
        kind="per_amount",
        params={"points": 1, "step_minor": 100, "currency": "EUR"},
        starts_on=TODAY - dt.timedelta(days=30),
        now=now,
    )
    assert catching_up.catch_up(now=now) == 3
    assert catching_up.catch_up(now=now) == 0
    assert ledger.balance(mia.pk) == 30
    assert list(Rule.objects.values_list("catch_up_from", "catch_up_after_id")) == [(None, 0)]


def test_work_cut_short_goes_on_where_it_stopped(mia, now, monkeypatch):
    monkeypatch.setattr(settling, "CHUNK", 2)
    for _ in range(5):
        new_order(mia, now, 1000)
    euro_rule(now)
    Rule.objects.update(catch_up_from=dt.date(2026, 1, 1))
    real, calls = settling.settle, []

    def dies_the_second_time(ids, *, now):
        calls.append(list(ids))
        if len(calls) == 2:
            raise RuntimeError("the lights went out")
        return real(ids, now=now)

    monkeypatch.setattr(settling, "settle", dies_the_second_time)
    with pytest.raises(RuntimeError):
        catching_up.catch_up(now=now)
    assert ledger.balance(mia.pk) == 20
    assert catching_up.catch_up(now=now) == 3
    assert ledger.balance(mia.pk) == 50
    assert calls[1] == calls[2]


def test_welcome_gift_is_for_those_who_join_under_the_rule(shop, now):
    rule_changing.start(kind="welcome", params={"points": 20}, starts_on=TODAY, now=now)
    new = new_contact(now, joined_at=now)
    midnight = new_contact(now, joined_at=dt.datetime(2026, 11, 19, 23, 0, tzinfo=dt.UTC))
    before = new_contact(now, joined_at=dt.datetime(2026, 11, 19, 22, 59, tzinfo=dt.UTC))
    erased = new_contact(now, joined_at=now, erased_at=now)
    ids = [new.pk, midnight.pk, before.pk, erased.pk]
    assert settling.welcome(ids, now=now) == 2
    assert settling.welcome(ids, now=now) == 0
    assert [ledger.balance(pk) for pk in ids] == [20, 20, 0, 0]


def test_welcome_gift_is_given_once_even_under_a_new_rule(shop, now):
    old = rule_changing.start(kind="welcome", params={"points": 20}, starts_on=TODAY, now=now)
    new = new_contact(now, joined_at=now)
    settling.welcome([new.pk], now=now)
    rule_changing.end(old.pk, ends_on=TODAY, now=now)
    rule_changing.start(kind="welcome", params={"points": 50}, starts_on=TODAY + dt.timedelta(days=1), now=now)
    later = now + dt.timedelta(days=2)
    newer = new_contact(now, joined_at=later)
    assert settling.welcome([new.pk, newer.pk], now=later) == 1
    assert (ledger.balance(new.pk), ledger.balance(newer.pk)) == (20, 50)


def test_without_rules_nothing_is_given(mia, now):
    assert settling.settle([new_order(mia, now).pk], now=now) == 0
    assert settling.welcome([mia.pk], now=now) == 0
