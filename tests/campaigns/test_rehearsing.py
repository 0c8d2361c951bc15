"""A rehearsal over days gone by says what the real runs of these days did."""

import datetime as dt
import random

import pytest

from crm.campaigns import automating, rehearsing, scheduling, sending
from crm.campaigns.models import Automation, Campaign, Message, Rules
from crm.campaigns.standing_orders import RECIPES
from crm.contacts.models import Contact
from crm.rewards.models import Reward
from tests.campaigns.automations import DAY, at, buy, written
from tests.campaigns.test_triggers import give, spend

pytestmark = pytest.mark.django_db
FIRST = dt.date(2026, 3, 20)  # the clock changes on the ninth day
DAYS = 30
SERIES = {
    "welcome": ({"days": 1}, (5, 4)), "signed-up": ({"days": 2}, (3,)), "birthday": ({"days": 3}, ()),
    "win-back": ({"days": 7}, (4,)), "points-expiring": ({"days": 5}, ()), "how-was-it": ({"days": 2}, ()),
    "tenth-order": ({"orders": 3, "days": 1}, ()), "enough-points": ({"days": 1}, ()),
    "next-visit": ({"days": 7}, (3,)),
}  # fmt: skip


def automation(slug, *, holdout=20):
    params, waits = SERIES[slug]
    recipe = RECIPES[slug]
    made = Automation.objects.create(
        name=slug, recipe=slug, trigger=recipe.trigger, params=params, step_count=1 + len(waits), ends_on_order=recipe.ends_on_order
    )
    for number, wait in enumerate((0, *waits), start=1):
        Campaign.objects.create(
            automation=made, step=number, repeat="daily", name=f"{slug} {number}", subject="Hello", body="Hello.",
            holdout_percent=holdout, wait_days=wait,
        )  # fmt: skip
    return made


def live(seed: int, people: list[Contact], *, each_day=lambda day: None) -> dt.datetime:
    """Let the days of a shop go by, with orders, points and sign-ups; return the moment after the last run."""
    draw = random.Random(seed)
    for contact in people:
        joined = at(FIRST + draw.randrange(-5, 20) * DAY, draw.randrange(24))
        birthday = dt.date(1990, 1, 1) + draw.randrange(365) * DAY
        Contact.objects.filter(pk=contact.pk).update(joined_at=joined, birthday=birthday if draw.random() < 0.7 else None)
        give(contact, draw.choice([30, 80]), at(FIRST - 5 * DAY), expires_on=FIRST + draw.randrange(45) * DAY)
    busy = {contact.pk: draw.choice([0.02, 0.08, 0.3]) for contact in people}
    for n in range(DAYS):
        day = FIRST + n * DAY
        events = [(draw.randrange(24), contact) for contact in people if draw.random() < busy[contact.pk]]
        each_day(day)
        for is_later in (False, True):
            if is_later:
                sending.sweep(now=at(day))
            for hour, contact in sorted(events, key=lambda event: event[0]):
                if (hour >= 10) == is_later:
                    buy(contact, at(day, hour, 5))
                    give(contact, 20, at(day, hour, 5))
                    if draw.random() < 0.3:
                        spend(contact, 10, at(day, hour, 6))
    return at(FIRST + (DAYS - 1) * DAY, 23)


@pytest.mark.parametrize("seed", [1, 2])
def test_says_what_the_real_runs_did(shop, crowd, seed):
    Rules.objects.create(most_messages=None)
    Reward.objects.create(name="Espresso", points=100, worth_minor=250)
    people = crowd(13)
    Contact.objects.filter(pk=people[0].pk).update(consent="no")
    made = [automation(slug) for slug in SERIES]
    since = at(FIRST, 8)
    for one in made:
        automating.switch_on(one, now=since)
    now = live(seed, people)
    anybody = 0
    for one in made:
        steps = list(one.steps.order_by("step"))
        said = rehearsing.rehearse(one, steps, shop=shop, now=now, days=DAYS, on_since=since)
        assert sorted((sent.on, sent.contact_id, sent.step) for sent in said.sent) == sorted(
            (day, contact_id, step) for contact_id, day, step in written(one)
        ), one.name
        held = Message.objects.filter(rotation__campaign__automation=one, state="held_out")
        assert said.held_out == set(held.values_list("contact", flat=True)), one.name
        anybody += bool(said.sent)
    assert anybody >= len(made) - 2  # or the days were too quiet to prove anything


def test_keeps_to_the_limit_as_the_real_runs_did(shop, crowd, campaign):
    Rules.objects.create(most_messages=2)
    people = crowd(12)
    how = automation("how-was-it", holdout=0)
    automating.switch_on(how, now=at(FIRST, 8))

    def news(day):
        if day.weekday() == 2:
            scheduling.schedule(campaign(name=f"News {day}"), now=at(day, 9))
            sending.sweep(now=at(day, 9))

    now = live(3, people, each_day=news)
    said = rehearsing.rehearse(
        how, list(how.steps.all()), shop=shop, now=now, days=DAYS, on_since=at(FIRST, 8)
    )
    assert sorted((sent.on, sent.contact_id, 1) for sent in said.sent) == sorted(
        (day, contact_id, step) for contact_id, day, step in written(how)
    )
    assert said.capped == how.occasions.filter(ended="capped").count() > 0


def test_of_a_recipe_leaves_nothing_behind(shop, crowd):
    for contact in crowd(3):
        buy(contact, at(FIRST, 15))
    drafted, steps = automating.draft("welcome", shop=shop)
    said = rehearsing.rehearse(drafted, steps, shop=shop, now=at(FIRST + 10 * DAY, 12))
    assert len(said.people) + len(said.held_out) == 3
    assert said.by_step() == [len(said.people)] * 2
    assert (Automation.objects.count(), Campaign.objects.count(), Message.objects.count()) == (0, 0, 0)


def test_is_renewed_once_a_day(shop, crowd):
    for contact in crowd(30):
        buy(contact, at(FIRST, 15))
    now = at(FIRST + 5 * DAY, 12)
    assert rehearsing.renew(now=now) == len(RECIPES)
    assert rehearsing.renew(now=now) == 0
    rules = Rules.current()
    assert rules.rehearsed_on == FIRST + 5 * DAY
    assert rules.rehearsed["welcome"]["people"] + rules.rehearsed["welcome"]["held_out"] == 30
    assert rules.rehearsed["welcome"]["first"] == "2026-02-24"
