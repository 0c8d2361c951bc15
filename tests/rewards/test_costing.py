"""What the programme costs: months that reconcile with the ledger, what a point is worth, rates."""

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.core.cache import cache
from django.db.models import Sum

from crm.rewards import costing, falling_due, ledger, redeeming, settling
from crm.rewards.models import Account, Entry, Lot, Membership, Programme, Redemption, Reward, Rule
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order


@pytest.fixture(autouse=True)
def nothing_is_kept():
    cache.clear()


@pytest.fixture
def at_noon(now):
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def reward(shop):
    return Reward.objects.create(name="Money off", points=100, worth_minor=500)


def day(month, number=10, hour=12):
    return dt.datetime(2026, month, number, hour, tzinfo=dt.UTC)


def give(contact, points, at, *, source, expires_at=None, kind=Entry.Kind.CAMPAIGN):
    ledger.post(
        [ledger.Posting(contact_id=contact.pk, points=points, kind=kind, source=source, at=at, expires_at=expires_at)],
        now=at,
    )


@pytest.fixture
def year(shop, now, reward):
    """A little of everything: earned, refunded, redeemed, given back, expired, by hand, a debt forgiven."""
    mia, ada = new_contact(now), new_contact(now, name="Ada Brandt")
    euro_rule(now)
    order = new_order(mia, day(3), 20_000, placed_at=day(3))
    settling.settle([order.pk], now=day(3))  # 200
    redeeming.redeem(mia.pk, reward=reward, points=150, key="one", now=day(4))
    held = redeeming.reserve(mia.pk, reward=reward, points=50, key="two", now=day(5))
    redeeming.roll_back(held.key, now=day(5, 11))
    amend(order, refunded_minor=10_000)
    settling.settle([order.pk], now=day(6))  # 100 back, 50 of them owed
    ledger.forgive(mia.pk, now=day(7))
    give(ada, 80, day(2), source="a", expires_at=day(8))
    falling_due.expire(now=day(8, 11))
    ledger.adjust(ada.pk, points=30, reason="sorry", key="a" * 32, now=day(9))
    ledger.adjust(ada.pk, points=-10, reason="typo", key="b" * 32, now=day(9))
    return mia, ada


def test_every_month_reconciles_with_the_ledger(year, now):
    found = {one.first.month: one for one in costing.movement(now=now)}
    rows = {
        month: (one.opening, one.issued, one.redeemed, one.expired, one.reversed, one.closing)
        for month, one in found.items()
    }
    assert rows == {
        2: (0, 80, 0, 0, 0, 80),
        3: (80, 200, 0, 0, 0, 280),
        4: (280, 0, 150, 0, 0, 130),
        5: (130, 0, 0, 0, 0, 130),  # reserved and given back
        6: (130, 0, 0, 0, 100, 30),
        7: (30, 0, 0, 0, -50, 80),  # forgiven
        8: (80, 0, 0, 80, 0, 0),
        9: (0, 30, 0, 0, 10, 20),
        10: (20, 0, 0, 0, 0, 20),
        11: (20, 0, 0, 0, 0, 20),
    }
    assert found[11].closing == Entry.objects.aggregate(Sum("points"))["points__sum"] == 20


@pytest.mark.parametrize("column", [costing.HAPPENED, costing.WRITTEN])
def test_the_months_sum_up_to_what_entries_say_one_by_one(year, now, column):
    """The control counts in Python, entry by entry."""
    found = costing.movement(now=now, column=column)
    totals = {name: sum(getattr(one, name) for one in found) for name in ("issued", "redeemed", "expired", "reversed")}
    naive = dict.fromkeys(totals, 0)
    for entry in Entry.objects.all():
        if entry.kind == "redeem":
            naive["redeemed"] -= entry.points
        elif entry.kind == "expire":
            naive["expired"] -= entry.points
        elif entry.points > 0 and entry.kind != "waive":
            naive["issued"] += entry.points
        else:
            naive["reversed"] -= entry.points
    assert totals == naive
    assert found[-1].closing == sum(Account.objects.values_list("balance", flat=True))
    assert [one.opening for one in found[1:]] == [one.closing for one in found[:-1]]


def test_a_month_begins_at_midnight_in_the_shop(shop, mia, now):
    give(mia, 5, dt.datetime(2026, 9, 30, 21, 59, tzinfo=dt.UTC), source="a")  # 23:59 in Berlin
    give(mia, 7, dt.datetime(2026, 9, 30, 22, 0, tzinfo=dt.UTC), source="b")
    assert [(one.first, one.issued) for one in costing.movement(now=now)] == [
        (dt.date(2026, 9, 1), 5),
        (dt.date(2026, 10, 1), 7),
        (dt.date(2026, 11, 1), 0),
    ]


def test_points_that_are_out_by_state_and_month_of_expiry(shop, mia, now):
    give(mia, 5, day(9), source="a", expires_at=dt.datetime(2026, 11, 30, 23, 0, tzinfo=dt.UTC))  # midnight in Berlin
    give(mia, 7, day(9), source="b")
    ledger.post(
        [
            ledger.Posting(
                contact_id=mia.pk, points=11, kind=Entry.Kind.CAMPAIGN, source="c", at=now,
                activates_at=now + dt.timedelta(days=3), expires_at=dt.datetime(2027, 1, 15, tzinfo=dt.UTC),
            )
        ],
        now=now,
    )  # fmt: skip
    found = costing.cost(now=now)
    assert (found.active, found.pending, found.debt, found.outstanding) == (12, 11, 0, 23)
    assert [(one.key, one.points) for one in found.by_month] == [
        (dt.date(2026, 11, 1), 5),
        (dt.date(2027, 1, 1), 11),
        (None, 7),
    ]
    assert sum(one.points for one in found.by_month) == Lot.objects.aggregate(Sum("remaining"))["remaining__sum"]


def test_a_debt_is_told_apart_from_what_is_owed(year, shop, mia, now, reward):
    Programme.objects.all().delete()
    order = new_order(mia, now, 10_000)
    settling.settle([order.pk], now=now)
    redeeming.redeem(mia.pk, reward=reward, points=100, key="three", now=now)
    amend(order, refunded_minor=4_000)
    settling.settle([order.pk], now=now)
    found = costing.cost(now=now)
    assert (found.balance, found.active, found.debt) == (-20, 20, 40)


def test_what_is_expected_never_exceeds_what_is_out(shop, mia, now, reward):
    for month in range(1, 11):
        give(mia, 100, day(month), source=f"m{month}", expires_at=day(12, 31))
        redeeming.redeem(mia.pk, reward=reward, points=30, key=f"r{month}", now=day(month, 20))
    found = costing.cost(now=now)
    assert found.outstanding == 700
    assert found.run_off.low <= found.run_off.expected <= found.run_off.high <= 700
    assert round(sum(one.expected for one in found.by_month), 6) == round(found.run_off.expected, 6)
    assert found.rates.redeemed == 0.3
    assert found.rates.breakage == 1 - (300 + found.run_off.expected) / 1000


def test_the_triangle_follows_each_month_by_age(shop, mia, now, reward):
    for month in range(1, 11):
        give(mia, 100, day(month), source=f"m{month}")
    redeeming.redeem(mia.pk, reward=reward, points=120, key="r", now=day(11, 12))
    months = costing.ledger_months(now=now)
    exposed, redeemed, known = costing.triangle(costing._sums(months), months=months, now=now)
    assert (redeemed[0, 10], redeemed[1, 9], redeemed.sum()) == (100, 20, 120)  # the oldest first
    assert (exposed[0, 10], exposed[1, 9], exposed[9, 0]) == (100, 100, 100)
    assert (known[0, 9], known[0, 10], known[10, 0]) == (True, False, False)  # November is not over


def test_a_point_is_worth_what_most_points_went_into(shop, mia, now, reward):
    assert costing.point_worth().reward == reward
    cup = Reward.objects.create(name="A cup", kind="product", points=80, worth_minor=300)
    assert costing.point_worth().reward == cup  # the cheapest, as long as nothing was redeemed
    give(mia, 500, now, source="a")
    redeeming.redeem(mia.pk, reward=reward, points=100, key="r", now=now)
    assert costing.point_worth() == costing.Worth(100, 500, reward)
    Reward.objects.update(is_active=False)
    assert costing.point_worth() is None


def test_worth_is_rounded_to_the_nearest():
    worth = costing.Worth(points=3, worth_minor=100)
    assert [worth.of(points) for points in (0, 1, 2, 3, -1)] == [0, 33, 67, 100, -33]
    assert worth.of(1.5) == 50


def test_effective_discount_is_worth_redeemed_of_sales(shop, mia, now, reward):
    new_order(mia, now, 20_000)
    new_order(mia, now, 99_000, placed_at=now - dt.timedelta(days=700))
    give(mia, 300, now, source="a")
    redeeming.redeem(mia.pk, reward=reward, points=200, key="r", now=now)
    redeeming.reserve(mia.pk, reward=reward, points=100, key="open", now=now)
    rates = costing.cost(now=now).rates
    assert (rates.worth_redeemed_minor, rates.sales_minor, rates.discount) == (1_000, 20_000, 0.05)
    assert Redemption.objects.count() == 2


def test_an_empty_ledger_costs_nothing(shop, now):
    found = costing.cost(now=now)
    assert (found.outstanding, found.run_off, found.by_month) == (0, None, [])
    assert [one.closing for one in found.movements] == [0]
    assert (found.rates.redeemed, found.rates.discount) == (None, None)


def test_points_by_the_level_customers_hold_now(shop, mia, now, owner_client, at_noon):
    levels = [{"name": "Silver", "threshold": 100, "percent": 100}, {"name": "Gold", "threshold": 200, "percent": 100}]
    params = {"basis": "spend", "currency": "EUR", "months": 12, "grace_days": 30, "levels": levels}
    rule = Rule.objects.create(kind="tiers", params=params, starts_on=dt.date(2026, 1, 1))
    Membership.objects.create(contact=mia, rule=rule, level=1, since=day(2), until=day(3))
    Membership.objects.create(contact=mia, rule=rule, level=2, since=day(3))
    give(mia, 70, day(2), source="a")
    give(new_contact(now, name="Ada Brandt"), 30, day(2), source="b")
    found = costing.cost(now=now)
    assert [(one.key, one.points) for one in found.by_level] == [("Gold", 70), (None, 30)]
    assert "Points by level" in owner_client.get("/loyalty/cost/").text


def test_the_number_of_queries_does_not_grow(year, now, queries_of):
    few = queries_of(lambda: costing.cost(now=now))
    for number in range(20):
        give(new_contact(now, name=f"Nr {number}"), 10, day(1), source=f"x{number}")
    assert queries_of(lambda: costing.cost(now=now)) == few


# The pages


def test_the_page_says_amounts_with_their_date(year, owner_client, at_noon):
    response = owner_client.get("/loyalty/cost/")
    assert response.status_code == 200
    assert response.context["cost"].outstanding == 20
    assert response.context["paper_minor"] == 100
    assert "As of Nov 20, 2026 10:00" in response.text


def test_what_the_owner_says_points_are_worth_is_kept_until_taken_back(year, owner_client, at_noon):
    said = owner_client.post("/loyalty/cost/", {"per_100": "2,50"}, follow=True)
    assert (said.context["paper_minor"], said.context["form"]["per_100"].value()) == (50, Decimal("2.50"))
    assert costing.point_worth() == costing.Worth(100, 250)
    assert costing.reward_worth().reward is not None
    assert owner_client.post("/loyalty/cost/", {"per_100": ""}, follow=True).context["paper_minor"] == 100


def test_an_amount_that_is_none_is_refused(year, owner_client, at_noon):
    response = owner_client.post("/loyalty/cost/", {"per_100": "much"})
    assert response.status_code == 422
    assert response.context["form"].errors == {"per_100": ["Write an amount such as 1.00."]}


def test_the_accountants_file_reconciles(year, owner_client, at_noon):
    lines = b"".join(owner_client.get("/loyalty/cost/months.csv").streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "Month,Opening,Issued,Redeemed,Expired,Taken back,Closing,\"Closing, worth (EUR)\""
    assert lines[3] == "2026-04,280,0,150,0,0,130,6.50"
    assert lines[-1] == "2026-11,20,0,0,0,0,20,1.00"
    rows = [[int(cell) for cell in line.split(",")[1:7]] for line in lines[1:]]
    assert all(row[0] + row[1] - row[2] - row[3] - row[4] == row[5] for row in rows)
    assert owner_client.get("/loyalty/cost/months.csv?by=moon").status_code == 404


def test_the_chart_has_the_figures_of_the_table(year, owner_client, at_noon):
    figure = owner_client.get("/loyalty/cost/chart.json").json()
    assert {one["name"]: sum(one["y"]) for one in figure["data"]} == {
        "Issued": 310, "Redeemed": -150, "Expired": -80, "Taken back": -60,
    }  # fmt: skip


def test_a_shop_without_points_is_told_so(owner_client, at_noon):
    assert "Nothing is owed: no points were given yet" in owner_client.get("/loyalty/cost/").text
