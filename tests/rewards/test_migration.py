"""Accounts from before there were lots: each gets its lots, exactly, the oldest points used up first."""

import importlib
import random

import pytest
from django.db import connection

from crm.lib import books, bulk
from crm.rewards import ledger, triggers
from crm.rewards.models import Account, Entry, Lot
from tests.rewards.conftest import new_contact

PAST = importlib.import_module("crm.rewards.migrations.0003_lots_of_the_past")
STATEMENTS = (PAST.LOTS, PAST.ALLOCATIONS, PAST.TAKEN_BACK, PAST.DEBTS)


def history(*points, now):
    """Write a customer's entries as they stood before; return what a replay by hand leaves in the lots."""
    account = ledger.open_accounts([new_contact(now).pk], now=now).popitem()[1]
    rows = [
        (account, one, "adjust", f"{account}:{number}", "", now, None, None, None, now, None, None)
        for number, one in enumerate(points)
    ]
    with triggers.lifted(), connection.cursor() as cursor:
        bulk.insert(Entry, ledger.COLUMNS, rows)
        cursor.execute("UPDATE rewards_account SET balance = %s WHERE id = %s", [sum(points), account])
        cursor.execute("UPDATE contacts_contact SET points_balance = %s WHERE id = "
                       "(SELECT contact_id FROM rewards_account WHERE id = %s)", [sum(points), account])  # fmt: skip
    taken, left = -sum(one for one in points if one < 0), []
    for one in points:
        if one > 0:
            left.append(max(0, one - taken))
            taken = max(0, taken - one)
    return account, left, taken


def give_lots():
    with triggers.lifted(), connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement)


@pytest.mark.parametrize(
    "points",
    [(50,), (50, -50), (50, -20, 30, -40), (50, -80), (50, -80, 20), (-10, 50), (5, 5, 5, -12, -2, 5, -6), (50, -80, 40, -5)],
)
def test_lots_are_what_a_replay_leaves(shop, now, points):
    account_id, left, debt = history(*points, now=now)
    give_lots()
    lots = Lot.objects.order_by("pk")
    assert list(lots.values_list("remaining", flat=True)) == left
    assert list(lots.values_list("state", flat=True)) == ["active" if one else "spent" for one in left]
    assert Account.objects.values_list("balance", "pending", "debt").get(pk=account_id) == (sum(points), 0, debt)
    assert [finding for finding in books.run_all() if not finding.ok] == []


def test_many_accounts_at_once(shop, now):
    draw, expected = random.Random(7), []
    for _ in range(25):
        points = [draw.choice([-1, 1, 1]) * draw.randint(1, 90) for _ in range(draw.randint(1, 12))]
        expected += history(*points, now=now)[1]
    give_lots()
    assert list(Lot.objects.order_by("pk").values_list("remaining", flat=True)) == expected
    assert [finding for finding in books.run_all() if not finding.ok] == []
