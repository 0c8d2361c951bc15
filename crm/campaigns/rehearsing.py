"""What an automation would have done in the past of this shop, by the code that does it for real.

Days gone by are run through one after the other: the trigger finds who was due then, `deciding.decide` says what would
have happened to them, with the orders that followed and the messages that were really sent. Consent and the
state of orders are those of today; nothing is written.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from crm.accounts.models import Shop
from crm.campaigns import audience, automating, capping, deciding, running, starting, variants
from crm.campaigns.deciding import HOLD_OUT, PASS, WAIT, WRITE, Known, Open
from crm.campaigns.models import Automation, Campaign, Occasion, Rules
from crm.campaigns.standing_orders import RECIPES
from crm.campaigns.triggers import TRIGGERS
from crm.campaigns.triggers.base import Past
from crm.lib import clock
from crm.rewards import costing

DAYS = 30
DAY = dt.timedelta(days=1)

Ended = Occasion.Ended


@dataclass(frozen=True)
class Sent:
    contact_id: int
    step: int
    on: dt.date
    key: str


@dataclass
class Rehearsal:
    """What would have happened from `first` to `last`, each of which is a day of the shop's calendar."""

    first: dt.date
    last: dt.date
    sent: list[Sent] = field(default_factory=list)
    held_out: set[int] = field(default_factory=set)
    not_allowed: set[int] = field(default_factory=set)
    ended: Counter = field(default_factory=Counter)
    days: set[dt.date] = field(default_factory=set)  # on which something would have happened
    points: int = 0
    cost_minor: int | None = None  # if all of the points are used; None: none are given, or nobody says their worth

    @property
    def people(self) -> set[int]:
        return {one.contact_id for one in self.sent}

    @property
    def capped(self) -> int:
        return self.ended[Ended.CAPPED]

    @property
    def ordered(self) -> int:
        return self.ended[Ended.ORDERED]

    def by_step(self) -> list[int]:
        """Return how many messages each step would have sent."""
        counts = Counter(one.step for one in self.sent)
        return [counts[step] for step in range(1, max(counts, default=0) + 1)]


def rehearse(
    automation: Automation, steps: Sequence[Campaign], *, shop: Shop, now: dt.datetime, days: int = DAYS,
    on_since: dt.datetime | None = None,
) -> Rehearsal:
    """Run through the last days as if it had been on: all the time before them too, or since a moment."""
    trigger = TRIGGERS[automation.trigger]
    today = clock.local_date(now, shop.timezone)
    is_over = clock.at_local(today, automation.send_time, shop.timezone) <= now
    last = today if is_over else today - DAY
    shown = last - (days - 1) * DAY
    lead = sum(step.wait_days for step in steps) + trigger.grace_days  # what began earlier may go on within these days
    past = Past(shown - lead * DAY, last, automation.send_time, shop.timezone)
    coming = [
        Open(one.contact_id, one.key, one.happened_at, one.due)
        for one in trigger.find(trigger.read(automation.params), past)
        if on_since is None or one.happened_at >= on_since
    ]
    people = {one.contact_id for one in coming}
    before = capping.week_before(past.first, shop.timezone)
    written = capping.written(people, since=before, now=now, zone=shop.timezone, but_for=automation)
    may_write = audience.writable(people, texts=running.texts(steps), shop=shop, trigger=trigger) if people else set()
    known = Known(
        may_write=may_write,
        held_back=audience.held_back(people - may_write, shop=shop),
        orders=running.orders_after(coming) if automation.ends_on_order else {},
        is_held_out=lambda contact_id: starting.is_held_out(steps[0], contact_id),
        written=written,
    )
    rehearsal, waiting = Rehearsal(shown, last), {step.step: [] for step in steps}
    coming.sort(key=lambda one: one.due, reverse=True)
    most = Rules.current().most_messages
    for day in past.days():
        while coming and coming[-1].due <= day:
            waiting[1].append(coming.pop())
        for step in steps:
            due = [one for one in waiting[step.step] if one.due <= day]
            waiting[step.step] = [one for one in waiting[step.step] if one.due > day]
            decided = deciding.decide(
                due, known=known, moment=past.run_on(day), today=day, grace_days=trigger.grace_days, most=most
            )
            for one, fate in decided:
                _go_on(one, fate, step, day=day, steps=steps, waiting=waiting, rehearsal=rehearsal)
    points = {step.step: variants.most_points(step) if step.pk else step.points for step in steps}
    rehearsal.points = sum(points[one.step] for one in rehearsal.sent)
    worth = costing.point_worth() if rehearsal.points else None
    rehearsal.cost_minor = worth.of(rehearsal.points) if worth else None
    return rehearsal


def _go_on(
    one: Open, fate: str, step: Campaign, *, day: dt.date, steps: Sequence[Campaign], waiting: dict[int, list[Open]],
    rehearsal: Rehearsal,
) -> None:
    """Note what happens to an occasion on a day, and put it where it waits for the next."""
    is_shown = day >= rehearsal.first
    if is_shown and fate not in (WAIT, PASS):
        rehearsal.days.add(day)
    if fate == WAIT:
        waiting[step.step].append(one)
    elif fate == PASS:
        if is_shown:
            rehearsal.not_allowed.add(one.contact_id)
    elif fate in (WRITE, HOLD_OUT):
        if is_shown and fate == WRITE:
            rehearsal.sent.append(Sent(one.contact_id, step.step, day, one.key))
        elif is_shown:
            rehearsal.held_out.add(one.contact_id)
        following = next((other for other in steps if other.step == step.step + 1), None)
        if following is not None:
            due = day + following.wait_days * DAY
            waiting[following.step].append(Open(one.contact_id, one.key, one.happened_at, due, step=following.step))
    elif is_shown:
        rehearsal.ended[fate] += 1


def renew(*, now: dt.datetime) -> int:
    """Rehearse every recipe once a day, for the page of recipes and for suggestions; return how many."""
    shop = Shop.objects.first()
    if shop is None:
        return 0
    today = clock.local_date(now, shop.timezone)
    if Rules.objects.filter(rehearsed_on=today).exists():
        return 0
    found = {}
    for slug in RECIPES:
        automation, steps = automating.draft(slug, shop=shop)
        one = rehearse(automation, steps, shop=shop, now=now)
        found[slug] = {
            "people": len(one.people), "messages": len(one.sent), "held_out": len(one.held_out),
            "not_allowed": len(one.not_allowed), "points": one.points, "cost_minor": one.cost_minor,
            "first": one.first.isoformat(), "last": one.last.isoformat(),
        }  # fmt: skip
    Rules.objects.update_or_create(id=1, defaults={"rehearsed": found, "rehearsed_on": today})
    return len(found)
