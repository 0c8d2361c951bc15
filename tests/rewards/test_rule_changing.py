import datetime as dt

import pytest

from crm.lib import clock
from crm.rewards import catching_up, ledger, rule_changing, settling
from crm.rewards.models import Rule
from crm.rewards.rules import BadParams
from tests.rewards.conftest import euro_rule, new_order

TODAY = dt.date(2026, 11, 20)
EURO = {"points": 1, "step_minor": 100, "currency": "EUR"}


def days(n):
    return TODAY + dt.timedelta(days=n)


def start(now, starts_on, **params):
    return rule_changing.start(kind="per_amount", params=EURO | params, starts_on=starts_on, now=now)


def test_rules_of_a_kind_never_cover_one_day_twice(shop, now):
    start(now, days(0))
    for starts_on in (days(-5), days(0)):
        with pytest.raises(rule_changing.RuleOverlaps):
            start(now, starts_on, points=2)
    start(now, days(3), points=2)
    with pytest.raises(rule_changing.RuleOverlaps):
        start(now, days(2), points=3)
    assert list(Rule.objects.order_by("pk").values_list("starts_on", "ends_on")) == [(days(0), days(2)), (days(3), None)]


def test_rule_may_fill_days_after_an_ended_one(shop, now):
    old = euro_rule(now)
    rule_changing.end(old.pk, ends_on=days(0), now=now)
    start(now, days(1), points=2)
    assert Rule.objects.count() == 2


def test_starting_the_same_rule_twice_is_one_rule(shop, now):
    assert start(now, days(0)) == start(now, days(0))


def test_senseless_rule_is_refused(shop, now):
    with pytest.raises(BadParams):
        start(now, days(0), points=0)
    assert Rule.objects.count() == 0


@pytest.mark.parametrize(("kind", "is_due"), [("birthday", False), ("welcome", True)])
def test_only_what_is_caught_up_with_is_due_again_after_an_end(shop, now, kind, is_due):
    today = clock.local_date(now, shop.timezone)
    rule = rule_changing.start(kind=kind, params={"points": 10}, starts_on=today, now=now)
    Rule.objects.update(catch_up_from=None)
    rule_changing.end(rule.pk, ends_on=today, now=now)
    assert (Rule.objects.get().catch_up_from is not None) == is_due


def test_end_is_today_at_the_earliest_and_only_of_a_rule_in_force(rule, now):
    with pytest.raises(rule_changing.EndsTooEarly):
        rule_changing.end(rule.pk, ends_on=days(-1), now=now)
    rule_changing.end(rule.pk, ends_on=days(5), now=now)
    rule_changing.end(rule.pk, ends_on=days(0), now=now)
    tomorrow = now + dt.timedelta(days=1)
    with pytest.raises(rule_changing.NotInForce):
        rule_changing.end(rule.pk, ends_on=days(7), now=tomorrow)
    assert Rule.objects.get().ends_on == days(0)


def test_rule_in_force_cannot_be_withdrawn(rule, now):
    with pytest.raises(rule_changing.NotInForce):
        rule_changing.withdraw(rule.pk, now=now)


def test_ended_rule_still_takes_back_what_it_gave(rule, mia, now):
    order = new_order(mia, now, 8000)
    settling.settle([order.pk], now=now)
    rule_changing.end(rule.pk, ends_on=days(0), now=now)
    start(now, days(1), points=10)
    later = now + dt.timedelta(days=9)
    catching_up.catch_up(now=later)
    assert ledger.balance(mia.pk) == 80
    order.refunded_minor, order.payment, order.net_minor = 2000, "partly_refunded", 6000
    order.save()
    settling.settle([order.pk], now=later)
    assert ledger.balance(mia.pk) == 60


def test_order_dated_after_the_end_loses_its_points(rule, mia, now):
    order = new_order(mia, now, 8000, placed_at=now + dt.timedelta(days=3))
    settling.settle([order.pk], now=now)
    rule_changing.end(rule.pk, ends_on=days(0), now=now)
    assert catching_up.catch_up(now=now) == 1
    assert ledger.balance(mia.pk) == 0
