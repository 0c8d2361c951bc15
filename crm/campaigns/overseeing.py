"""What the pages of automations show: what they say, what they did, when they run."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Count

from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.campaigns import fields, reporting, running
from crm.campaigns.models import Automation, Campaign, Message, Occasion
from crm.campaigns.recipes import gift
from crm.campaigns.rehearsing import Rehearsal
from crm.campaigns.standing_orders import RECIPES, StandingOrder
from crm.campaigns.triggers import TRIGGERS
from crm.contacts.models import Contact
from crm.coupons.mentions import coupons_in
from crm.coupons.wording import gives

EXAMPLES = 8


@dataclass
class Shown:
    """One automation in figures; money in minor units of the shop's currency, over all its steps."""

    automation: Automation
    says: str
    icon: str
    next_at: dt.datetime | None = None
    needs_owner: bool = False
    counts: Counter = field(default_factory=Counter)
    people_clicked: int = 0
    orders: int = 0
    revenue_minor: int = 0

    @property
    def sent(self) -> int:
        return self.counts[Message.State.SENT]

    @property
    def held_out(self) -> int:
        return self.counts[Message.State.HELD_OUT]

    def add(self, step: Campaign, totals: reporting.Totals) -> None:
        if step.next_at and (self.next_at is None or step.next_at < self.next_at):
            self.next_at = step.next_at
        self.needs_owner = self.needs_owner or bool(step.problem)
        self.counts.update(totals.counts)
        self.people_clicked += totals.people_clicked
        self.orders += totals.orders
        self.revenue_minor += totals.revenue_minor


@dataclass(frozen=True)
class Offered:
    """A recipe, what it would have done, and the automation that was made from it, if any."""

    slug: str
    recipe: StandingOrder
    name: str
    what: str
    says: str
    points: int  # a person may get from all its messages
    messages: int
    rehearsed: Mapping[str, object] | None
    made: Automation | None


def all_of_them() -> list[Shown]:
    """Return every automation with what came of it, those that are on first, in a fixed number of questions."""
    found = list(Automation.objects.order_by("name", "pk"))
    steps = list(Campaign.objects.filter(automation__in=found).order_by("step"))
    totals = reporting.totals([step.pk for step in steps]) if steps else {}
    shown = {one.pk: _shown(one) for one in found}
    for step in steps:
        shown[step.automation_id].add(step, totals[step.pk])
    return sorted(shown.values(), key=lambda one: one.automation.on_since is None)


def one(automation: Automation, steps: Sequence[Campaign], *, now: dt.datetime) -> dict:
    """Return what one automation did, step by step, and against those left out; one that is not kept did nothing."""
    shown, grace_days = _shown(automation), TRIGGERS[automation.trigger].grace_days
    for step in steps:
        step.subject_read, step.body_read = fields.labelled(step.subject), fields.labelled(step.body)
    carried = coupons_in(*running.texts(steps), also_stopped=True).order_by("pk")
    known = {
        "shown": shown, "steps": steps, "grace_days": grace_days,
        "coupons": [(coupon, gives(coupon, Shop.current().currency)) for coupon in carried],
    }  # fmt: skip
    if automation.pk is None:
        return known
    totals = reporting.totals([step.pk for step in steps])
    for step in steps:
        step.totals = totals[step.pk]
        shown.add(step, step.totals)
    ended = dict(
        Occasion.objects.filter(automation=automation).values_list("ended").annotate(number=Count("pk")).order_by()
    )
    return known | {
        "comparison": reporting.compare(steps[0], now=now) if shown.sent or shown.held_out else None,
        "points": sum(reporting.points_given(step) for step in steps if step.points),
        "ended": [(label, ended[value]) for value, label in Occasion.Ended.choices if ended.get(value)],
        "waiting": ended.get("", 0),
    }


def recipes(made: Sequence[Shown], *, shop: Shop, rehearsed: Mapping[str, dict]) -> list[Offered]:
    """Return the recipes in the words of this kind of business; `made`: the automations there are, the best first."""
    offered, by_recipe = [], {one.automation.recipe: one.automation for one in reversed(made)}
    for slug, recipe in RECIPES.items():
        trigger = TRIGGERS[recipe.trigger]
        offered.append(
            Offered(
                slug, recipe, counted(recipe.name, shop.kind), counted(recipe.what, shop.kind),
                counted(trigger.says(trigger.read(recipe.params)), shop.kind),
                sum(gift(letter.points, shop.kind) for letter in recipe.letters), len(recipe.letters),
                _dated(rehearsed[slug]) if slug in rehearsed else None, by_recipe.get(slug),
            )
        )
    return offered


def _dated(rehearsed: dict) -> dict:
    return rehearsed | {name: dt.date.fromisoformat(rehearsed[name]) for name in ("first", "last")}


def examples(rehearsal: Rehearsal) -> list[tuple[Contact, dt.date, int]]:
    """Return whom it would have written to last, when, and which message."""
    newest = sorted(rehearsal.sent, key=lambda one: (one.on, one.contact_id), reverse=True)[:EXAMPLES]
    people = Contact.objects.in_bulk([one.contact_id for one in newest])
    return [(people[one.contact_id], one.on, one.step) for one in newest]


def field_chips() -> list[tuple[str, object]]:
    """Return the fields as they are written into a text, with what they stand for."""
    return [(f"{{{{ {name} }}}}", field.label) for name, field in fields.FIELDS.items()]


def _shown(automation: Automation) -> Shown:
    trigger = TRIGGERS[automation.trigger]
    return Shown(automation, trigger.says(trigger.read(automation.params)), trigger.icon)
