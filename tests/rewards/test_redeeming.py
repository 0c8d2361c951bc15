"""Points turned into something: held, final or given back, once for each key."""

import datetime as dt

import pytest

from crm.lib import books
from crm.rewards import falling_due, ledger, redeeming
from crm.rewards.models import Account, Entry, Lot, Redemption, Reward
from tests.rewards.conftest import new_contact
from tests.rewards.test_lots import give, held, shown

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def books_are_right(db):
    yield
    assert [finding for finding in books.run_all() if not finding.ok and finding.name.startswith("points")] == []


@pytest.fixture
def saver(mia, now):
    give(mia, 100, now=now, source="soon", expires_at=now + 30 * DAY)
    give(mia, 400, now=now, source="late", expires_at=now + 60 * DAY)
    return mia


@pytest.fixture
def euro_off(shop):
    """100 points are a euro; 200 at least, half of the order at most."""
    return Reward.objects.create(name="Money off", points=100, worth_minor=100, least_points=200, most_percent=50)


def states():
    return list(Redemption.objects.order_by("pk").values_list("key", "state", "points"))


def test_reserved_points_are_out_of_the_balance_and_committing_keeps_them_out(saver, euro_off, now):
    reserved = redeeming.reserve(saver.pk, reward=euro_off, points=300, order_minor=600, key="order:1", now=now)
    assert (reserved.state, reserved.points, reserved.worth_minor, reserved.currency) == ("reserved", 300, 300, "EUR")
    assert (ledger.balance(saver.pk), shown(saver)) == (200, 200)
    for _ in range(2):
        assert redeeming.commit("order:1", now=now).state == "committed"
    assert held() == [(100, 0, "spent"), (400, 200, "active")]
    assert redeeming.release(now=now + DAY) == 0
    assert ledger.balance(saver.pk) == 200


def test_same_key_is_one_redemption(saver, euro_off, now):
    first, again = (
        redeeming.reserve(saver.pk, reward=euro_off, points=300, key="order:1", now=now) for _ in range(2)
    )
    assert (first, ledger.balance(saver.pk)) == (again, 200)
    for other in ({"points": 301}, {"points": 300, "reward": None}):
        with pytest.raises(redeeming.KeyUsedDifferently) as refusal:
            redeeming.reserve(saver.pk, **{"reward": euro_off, "key": "order:1", "now": now} | other)
        assert refusal.value.redemption == first
    tom = new_contact(now)
    with pytest.raises(redeeming.KeyUsedDifferently):
        redeeming.reserve(tom.pk, reward=euro_off, points=300, key="order:1", now=now)
    assert Entry.objects.filter(kind="redeem").count() == 1


def test_a_key_of_somebody_else_takes_nothing(saver, now):
    tom = new_contact(now)
    give(tom, 50, now=now, source="tom")
    first = redeeming.reserve(tom.pk, points=10, key="a", now=now)
    with pytest.raises(redeeming.KeyUsedDifferently) as refusal:
        redeeming.reserve(saver.pk, points=10, key="a", now=now)
    assert (refusal.value.redemption, ledger.balance(saver.pk)) == (first, 500)


def test_redeeming_is_a_handful_of_queries(saver, now, queries_of):
    redeeming.redeem(saver.pk, points=10, key="a", now=now)
    # locks of PostgreSQL and a savepoint are among them
    assert queries_of(lambda: redeeming.redeem(saver.pk, points=10, key="b", now=now)) <= 12


def test_rolling_back_gives_each_part_back_with_its_expiry_once(saver, euro_off, now):
    redeeming.redeem(saver.pk, reward=euro_off, points=300, key="order:1", now=now)
    for _ in range(2):
        assert redeeming.roll_back("order:1", now=now + DAY).state == "back"
    assert ledger.balance(saver.pk) == shown(saver) == 500
    open_lots = Lot.objects.filter(remaining__gt=0).order_by("pk").values_list("remaining", "expires_at")
    assert list(open_lots) == [(200, now + 60 * DAY), (100, now + 30 * DAY), (200, now + 60 * DAY)]
    with pytest.raises(redeeming.RolledBack):
        redeeming.commit("order:1", now=now)
    assert redeeming.reserve(saver.pk, reward=euro_off, points=300, key="order:1", now=now).state == "back"


def test_what_expired_while_it_was_reserved_expires_when_it_comes_back(saver, now):
    redeeming.reserve(saver.pk, points=100, key="a", now=now, held_for=40 * DAY)
    falling_due.expire(now=now + 35 * DAY)
    redeeming.roll_back("a", now=now + 35 * DAY)
    assert ledger.balance(saver.pk) == 500
    falling_due.expire(now=now + 35 * DAY)
    assert ledger.balance(saver.pk) == 400


def test_forgotten_reservations_go_back(saver, now):
    for key, minutes in (("a", 30), ("b", 31), ("c", 29)):
        redeeming.reserve(saver.pk, points=10, key=key, now=now, held_for=dt.timedelta(minutes=minutes))
    redeeming.commit("c", now=now)
    assert redeeming.release(now=now + dt.timedelta(minutes=30)) == 1
    assert states() == [("a", "back", 10), ("b", "reserved", 10), ("c", "committed", 10)]
    assert ledger.balance(saver.pk) == shown(saver) == 480
    assert redeeming.commit("b", now=now + DAY).state == "committed"  # late, but nobody had given it back
    assert redeeming.release(now=now + DAY) == 0


def test_points_that_come_back_pay_a_debt_first(saver, now):
    redeeming.reserve(saver.pk, points=500, key="a", now=now)
    ledger.post(
        [ledger.Posting(contact_id=saver.pk, points=-40, kind=Entry.Kind.CAMPAIGN, source="oops", at=now)], now=now
    )
    assert Account.objects.get().debt == 40
    redeeming.roll_back("a", now=now)
    assert (ledger.balance(saver.pk), Account.objects.get().debt) == (460, 0)


@pytest.mark.parametrize(
    ("wish", "error", "figure"),
    [
        ({"points": 501, "order_minor": None}, ledger.NotEnoughPoints, 500),
        ({"points": 199, "order_minor": None}, redeeming.BelowLeast, 200),
        ({"points": 0, "order_minor": None}, redeeming.BelowLeast, 1),
        ({"points": 301, "order_minor": 601}, redeeming.AboveMost, 300),
    ],
)
def test_refusal_takes_nothing_and_says_what_would_do(saver, euro_off, now, wish, error, figure):
    with pytest.raises(error) as refusal:
        redeeming.reserve(saver.pk, reward=euro_off, key="a", now=now, **wish)
    assert list(refusal.value.__dict__.values()) == [figure]
    assert (ledger.balance(saver.pk), Redemption.objects.count()) == (500, 0)


def test_reward_that_is_no_longer_offered_is_refused(saver, euro_off, now):
    Reward.objects.update(is_active=False)
    euro_off.refresh_from_db()
    with pytest.raises(redeeming.NotOffered):
        redeeming.reserve(saver.pk, reward=euro_off, points=200, key="a", now=now)


def test_product_costs_what_it_costs(saver, now):
    coffee = Reward.objects.create(kind="product", name="A coffee", points=120, worth_minor=280)
    assert redeeming.redeem(saver.pk, reward=coffee, key="a", now=now).worth_minor == 280
    assert ledger.balance(saver.pk) == 380
    with pytest.raises(redeeming.BelowLeast):
        redeeming.reserve(saver.pk, reward=coffee, points=60, key="b", now=now)
    with pytest.raises(redeeming.AboveMost):
        redeeming.reserve(saver.pk, reward=coffee, points=240, key="b", now=now)


@pytest.mark.parametrize(
    ("points", "worth_minor", "percent", "order_minor", "most"),
    [
        (100, 100, 100, 1234, 1234),  # a point is a cent
        (1, 3, 100, 10, 3),  # three cents each: a fourth would be worth more than the order
        (100, 30, 100, 10, 34),  # 33 points buy 9 cents, 34 buy 10, 35 buy no more
        (100, 100, 50, 999, 499),
        (100, 100, 100, 0, 0),
        (7, 5, 33, 10_000, 4620),
    ],
)
def test_most_points_never_buy_more_than_allowed_nor_waste_any(points, worth_minor, percent, order_minor, most):
    reward = Reward(points=points, worth_minor=worth_minor, most_percent=percent)
    assert redeeming.most_points(reward, order_minor=order_minor) == most
    allowed = order_minor * percent // 100
    worths = [redeeming.worth(reward, n) for n in (most, most + 1, max(0, most - 1))]
    assert worths[0] <= allowed
    assert worths[1] > allowed or worths[1] == worths[0]
    assert most == 0 or worths[2] < worths[0]


def test_offers_say_what_can_be_had(saver, euro_off, now):
    Reward.objects.create(kind="product", name="A cake", points=900)
    said = [(one.reward.name, one.least, one.most, one.worth_minor, one.is_possible) for one in
            redeeming.offers(saver.pk, order_minor=500)]  # fmt: skip
    assert said == [("Money off", 200, 250, 250, True), ("A cake", 900, 500, 0, False)]


def test_offers_ask_as_many_questions_for_three_rewards_as_for_one(saver, euro_off, queries_of):
    one = queries_of(lambda: redeeming.offers(saver.pk))
    for points in (300, 900):
        Reward.objects.create(kind="product", name="A cake", points=points)
    assert queries_of(lambda: redeeming.offers(saver.pk)) == one


@pytest.mark.parametrize(
    ("fields", "order_minor", "floor_minor", "most"),
    [
        ({}, 4_000, 3_000, 1_000),
        ({}, 4_000, 0, 4_000),
        ({"most_percent": 10}, 4_000, 3_000, 400),
        ({}, 3_000, 3_000, 0),
        ({}, 3_000, 4_000, 0),  # sold below cost already
        ({"may_go_below_cost": True}, 4_000, 3_000, 4_000),
    ],
)
def test_points_take_an_order_no_lower_than_its_cost(shop, fields, order_minor, floor_minor, most):
    reward = Reward(**{"kind": "money", "name": "Money off", "points": 1, "worth_minor": 1} | fields)
    assert redeeming.most_points(reward, order_minor=order_minor, floor_minor=floor_minor) == most


def test_more_than_the_cost_allows_is_refused_and_takes_nothing(saver, euro_off, now):
    with pytest.raises(redeeming.AboveMost) as refusal:
        redeeming.redeem(
            saver.pk, reward=euro_off, points=200, order_minor=500, floor_minor=400, key="order:1", now=now
        )
    assert (refusal.value.most, shown(saver)) == (100, 500)
