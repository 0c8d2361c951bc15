"""Levels walked through order by order are those the sweep of each day and every order would have led to."""

import datetime as dt
import random

import pytest

from crm.rewards import costing, levelling, replaying, settling
from crm.rewards.climbing import leaves_on
from crm.rewards.models import Entry, Rule
from crm.rewards.terms import months_before
from tests.rewards.conftest import euro_rule, new_contact, new_order
from tests.rewards.test_tiers import DAY, levels, start

WORTH = costing.Worth(points=100, worth_minor=500)
FIRST = dt.datetime(2026, 3, 1, 0, 30, tzinfo=dt.UTC)  # half past one in Berlin


@pytest.mark.parametrize("months", [1, 2, 12])
@pytest.mark.parametrize("day", [dt.date(2026, 1, 31), dt.date(2026, 2, 28), dt.date(2028, 2, 29), dt.date(2026, 11, 20)])
def test_an_order_leaves_on_the_first_day_it_does_not_count(day, months):
    leaves = leaves_on(day, months)
    assert months_before(leaves, months) >= day > months_before(leaves - DAY, months)


def lived(rng, people, *, days):
    """Live through days as a shop does: the sweep at night, orders by day, each settled when it is placed."""
    for number in range(days):
        night = FIRST + number * DAY
        levelling.sweep(now=night)
        for contact in people:
            if rng.random() < 0.12:
                placed = night + dt.timedelta(hours=rng.randint(7, 19))
                order = new_order(contact, placed, rng.choice([900, 4_000, 9_900, 24_000]), placed_at=placed)
                settling.settle([order.pk], now=placed)


@pytest.mark.parametrize(
    ("basis", "grace_days", "bounds", "seed"),
    [("spend", 10, (0, 10_000, 30_000), 1), ("spend", 0, (5_000, 15_000, 30_000), 2), ("points", 5, (60, 150, 400), 3)],
)
def test_replay_gives_what_the_ledger_holds(shop, basis, grace_days, bounds, seed):
    rng = random.Random(seed)
    people = [new_contact(FIRST, name=f"Nr {number}", joined_at=FIRST - 400 * DAY) for number in range(4)]
    euro_rule(FIRST, starts_on=FIRST.date())
    wishes = {"basis": basis, "months": 1, "grace_days": grace_days, "bounds": bounds, "percents": (110, 150, 200)}
    start(FIRST, starts_on=FIRST.date(), is_swept=False, **wishes)
    lived(rng, people, days=100)
    now = FIRST + 100 * DAY
    rules = [replaying.Chosen(rule.kind, rule.params, rule.pk) for rule in Rule.objects.order_by("pk")]
    past = replaying.of_past(now=now, months=3, earlier_months=replaying.months_of_levels(rules))
    gains = replaying.earn(replaying.plan(rules, worth=WORTH, past=past), past)
    found = {
        (contact_id, gain.source, gain.rule_id): gain.points for contact_id, given in gains.items() for gain in given
    }
    entries = Entry.objects.values_list("account__contact_id", "order_ref", "rule_id", "points")
    assert found == {(who, f"order:{order}", rule): points for who, order, rule, points in entries}
    assert len(found) > 50


def test_orders_before_the_window_lead_to_the_level_it_begins_with(shop, now):
    mia = new_contact(now)
    new_order(mia, now, 30_000, placed_at=dt.datetime(2026, 8, 20, 9, tzinfo=dt.UTC))
    new_order(mia, now, 1_000, placed_at=dt.datetime(2026, 10, 2, 9, tzinfo=dt.UTC))
    rules = [
        ("per_amount", {"points": 1, "step_minor": 100, "currency": "EUR"}),
        ("tiers", levels(months=6, bounds=(20_000, 50_000, 100_000), percents=(200, 300, 400))),
    ]
    issued = []
    for months in (0, replaying.months_of_levels(rules)):
        past = replaying.of_past(now=now, months=2, earlier_months=months)
        found, _had = replaying.outcome(replaying.plan(rules, worth=WORTH, past=past), past, share=1)
        issued.append(found.issued)
    assert issued == [10, 20]
