"""Friends count once; the friend gets theirs at once, the advocate when an order of the friend counts."""

import datetime as dt

import pytest

from crm.contacts import matching
from crm.lib import books
from crm.rewards import holding, ledger, referring, rule_changing
from crm.rewards.models import Entry, Programme, Referral
from crm.rewards.referring import CannotRefer, Why
from tests.rewards.conftest import amend, new_contact, new_order

DAY = dt.timedelta(days=1)


@pytest.fixture
def rules(shop, now):
    start("referral_friend", now, points=50)
    start("referral_advocate", now, points=100, most_per_month=2)


@pytest.fixture
def anna(shop, now):
    return new_contact(now, name="Anna Adler")


def start(kind, now, **params):
    return rule_changing.start(kind=kind, params=params, starts_on=now.date(), now=now)


def new_friend(now, name="Ben Berg", **fields):
    keys = matching.key_columns(email=fields.get("email", ""), phone=fields.get("phone", ""))
    return new_contact(now, name=name, **keys, **fields)


def refer(friend, advocate, now):
    return referring.refer(friend.pk, advocate_id=advocate.pk, via=Referral.Via.TILL, now=now)


def balances(*people):
    return [ledger.balance(person.pk) for person in people]


def state():
    return list(Referral.objects.order_by("pk").values_list("order_ref", "reward__points"))


def is_right(name="referrals"):
    return books.CHECKS[name]()[0]


def test_the_friend_gets_theirs_at_once_and_the_advocate_after_the_first_paid_order(rules, anna, now):
    ben = new_friend(now)
    refer(ben, anna, now)
    assert (balances(ben, anna), referring.reward_due(now=now)) == ([50, 0], 0)
    order = new_order(ben, now, payment="unpaid")
    assert referring.reward_due(now=now) == 0
    amend(order, payment="paid")
    assert (referring.reward_due(now=now), referring.reward_due(now=now)) == (1, 0)
    assert (balances(ben, anna), state(), is_right()) == ([50, 100], [(order.pk, 100)], True)
    assert Entry.objects.get(points=100).order_ref == order.pk


def test_a_second_order_earns_the_advocate_nothing_more(rules, anna, now):
    ben = new_friend(now)
    refer(ben, anna, now)
    new_order(ben, now)
    referring.reward_due(now=now)
    new_order(ben, now)
    assert (referring.reward_due(now=now), balances(anna)) == (0, [100])


def test_points_wait_for_the_hold_period_from_the_day_of_the_order(shop, anna, now):
    start("referral_advocate", now, points=100, hold_days=14)
    ben = new_friend(now)
    refer(ben, anna, now)
    new_order(ben, now)
    referring.reward_due(now=now)
    assert (holding.of(anna.pk).pending, balances(anna)) == (100, [0])
    assert holding.of(anna.pk).maturing[0].on == dt.date(2026, 12, 4)


def test_a_full_refund_takes_it_back_and_the_next_order_counts_instead(rules, anna, now):
    ben = new_friend(now)
    refer(ben, anna, now)
    order = new_order(ben, now)
    referring.reward_due(now=now)
    amend(order, refunded_minor=3_000, payment="partly_refunded")
    assert (referring.reward_due(now=now), balances(anna)) == (0, [100])
    amend(order, refunded_minor=8_000, payment="refunded")
    assert (referring.reward_due(now=now), balances(anna), state()) == (1, [0], [(None, None)])
    assert referring.reward_due(now=now) == 0
    following = new_order(ben, now)
    assert (referring.reward_due(now=now), balances(anna), state()) == (1, [100], [(following.pk, 100)])
    amend(following, cancelled_at=now)
    amend(order, refunded_minor=0, payment="paid")
    assert (referring.reward_due(now=now), balances(anna), state()) == (1, [100], [(order.pk, 100)])
    assert is_right()


@pytest.mark.parametrize(("debt", "left"), [("owe", -100), ("forgive", 0)])
def test_points_spent_meanwhile_become_a_debt_or_are_forgiven(rules, anna, now, debt, left):
    Programme.objects.create(pk=1, debt=debt)
    ben = new_friend(now)
    refer(ben, anna, now)
    order = new_order(ben, now)
    referring.reward_due(now=now)
    ledger.adjust(anna.pk, points=-100, reason="spent", key="spent", now=now)
    amend(order, cancelled_at=now)
    assert (referring.reward_due(now=now), balances(anna)) == (1, [left])


def test_a_month_that_is_full_earns_nothing_and_the_next_one_does(rules, anna, now):
    friends = [new_friend(now, name=name) for name in ("Ben", "Cleo", "Dora", "Emil")]
    for friend in friends:
        refer(friend, anna, now)
    orders = [new_order(friend, now) for friend in friends[:3]]
    assert (referring.reward_due(now=now), balances(anna)) == (3, [200])
    assert state() == [(orders[0].pk, 100), (orders[1].pk, 100), (orders[2].pk, None), (None, None)]
    new_order(friends[3], now, placed_at=now + 20 * DAY)
    assert (referring.reward_due(now=now + 20 * DAY), balances(anna)) == (1, [300])


def test_a_promise_is_kept_when_the_rule_ends(rules, anna, now):
    ben, cleo = new_friend(now), new_friend(now, name="Cleo")
    refer(ben, anna, now)
    for rule in list(referring.promise(at=now).__dict__.values()):
        rule_changing.end(rule.rule_id, ends_on=now.date(), now=now)
    later = now + 3 * DAY
    refer(cleo, anna, later)
    new_order(ben, later, placed_at=later)
    new_order(cleo, later, placed_at=later)
    assert (referring.reward_due(now=later), balances(anna, ben, cleo)) == (2, [100, 50, 0])
    assert referring.sent_by(anna.pk) == referring.Sent(friends=2, bought=2, rewarded=1)


def test_older_orders_that_turn_up_say_that_they_were_no_newcomer(rules, anna, now):
    ben = new_friend(now)
    refer(ben, anna, now)
    new_order(ben, now, placed_at=now - 40 * DAY)
    assert (referring.reward_due(now=now), balances(anna)) == (1, [0])


@pytest.mark.parametrize(
    ("mine", "theirs", "why"),
    [
        ({"phone": "+49 30 5557001"}, {"phone": "+49305557001"}, Why.SAME_PERSON),
        ({"email": "an.na@gmail.com"}, {"email": "anna+new@googlemail.com"}, Why.SAME_PERSON),
        ({"email": "anna@example.com"}, {"email": "anna+shop@example.com"}, Why.SAME_PERSON),
        ({"email": "an.na@example.com"}, {"email": "anna@example.com"}, None),
        (
            {"street": "Lindenweg 4", "postcode": "10115"},
            {"street": "LINDENWEG  4", "postcode": "10115"},
            Why.SAME_PERSON,
        ),
        ({"street": "Lindenweg 4"}, {"street": "Lindenweg 4"}, None),
    ],
)
def test_the_same_person_or_household_cannot_send_itself(rules, now, mine, theirs, why):
    anna, ben = new_friend(now, name="Anna", **mine), new_friend(now, **theirs)
    assert refused(ben, anna, now) == why


def refused(friend, advocate, now):
    try:
        refer(friend, advocate, now)
    except CannotRefer as refusal:
        return refusal.why
    return None


def test_who_cannot_be_sent(rules, anna, now):
    ben, cleo, dora = (new_friend(now, name=name) for name in ("Ben", "Cleo", "Dora"))
    new_order(cleo, now, payment="unpaid")
    refer(ben, anna, now)
    assert refused(anna, anna, now) == Why.ONESELF
    assert refused(cleo, anna, now) == Why.HAS_BOUGHT
    assert refused(ben, dora, now) == Why.SENT_ALREADY
    anna.erased_at = now
    anna.save()
    assert refused(dora, anna, now) == Why.GONE
    assert (Referral.objects.count(), balances(ben, cleo, dora)) == (1, [50, 0, 0])


def test_saying_it_again_changes_nothing(rules, anna, now):
    ben = new_friend(now)
    first = refer(ben, anna, now)
    assert (refer(ben, anna, now + DAY), Referral.objects.count(), balances(ben)) == (first, 1, [50])


def test_an_erased_advocate_gets_nothing_more(rules, anna, now):
    ben = new_friend(now)
    refer(ben, anna, now)
    new_order(ben, now)
    anna.erased_at = now
    anna.save()
    assert (referring.reward_due(now=now), state()) == (0, [(None, None)])


def test_a_friend_who_is_removed_takes_the_reward_along(rules, anna, now):
    ben = new_friend(now)
    refer(ben, anna, now)
    order = new_order(ben, now)
    referring.reward_due(now=now)
    order.delete()
    ben.delete()
    assert (referring.reward_due(now=now), balances(anna), state()) == (1, [0], [(None, None)])


def test_merging_makes_one_of_two(rules, anna, now):
    twin, ben, ben_too = new_contact(now, name="A. Adler"), new_friend(now), new_friend(now, name="Benjamin")
    refer(ben, anna, now)
    refer(ben_too, twin, now + DAY)
    new_order(ben_too, now, placed_at=now + DAY)
    referring.reward_due(now=now + DAY)
    assert balances(anna, twin) == [0, 100]
    referring.merge(ben_too.pk, winner_id=ben.pk, now=now + DAY)
    assert balances(anna, twin) == [0, 0]
    assert list(Referral.objects.values_list("friend", "advocate")) == [(ben.pk, anna.pk)]
    referring.merge(anna.pk, winner_id=twin.pk, now=now + DAY)
    assert list(Referral.objects.values_list("friend", "advocate")) == [(ben.pk, twin.pk)]
    referring.merge(ben.pk, winner_id=twin.pk, now=now + DAY)
    assert not Referral.objects.exists()


def test_the_books_find_a_reward_without_a_friend(rules, anna, now):
    ben = new_friend(now)
    refer(ben, anna, now)
    new_order(ben, now)
    referring.reward_due(now=now)
    Referral.objects.update(reward=None)
    assert not is_right()
