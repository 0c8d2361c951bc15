"""Start and end earning rules. A rule that is in force is never edited: it ends, and another one starts.

No two rules of a kind cover the same day. Starting one on a later day ends the one in force on the day before.
Whatever a change means for days gone by is left as work on the rule's row (rewards.catching_up).
"""

import datetime as dt
import itertools
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import clock
from crm.orders.models import Order
from crm.rewards import settling
from crm.rewards.earning import Earning, Sale
from crm.rewards.models import Entry, Rule
from crm.rewards.rules import EARNS, JOINING, ORDER, RULES

CAUGHT_UP = (ORDER, JOINING)  # what a change of rules is worked out anew for; days and deeds are not made up for


class RuleOverlaps(ValueError):
    """Another rule of this kind covers some of these days already."""

    def __init__(self, rule: Rule):
        super().__init__(f"Rule {rule.pk} covers days from {rule.starts_on} to {rule.ends_on or 'open end'}.")
        self.rule = rule


class StartsTooEarly(ValueError):
    """Rules of this kind can start today at the earliest."""


class NotInForce(ValueError):
    """The rule has ended already or has not begun."""


class EndsTooEarly(ValueError):
    """A rule can end today at the earliest: what it gave stays given."""


@dataclass(frozen=True)
class Preview:
    """What a rule gives for days gone by."""

    purchases: int  # 0 for a gift on joining
    customers: int
    points: int


def start(
    *, kind: str, params: dict, starts_on: dt.date, now: dt.datetime, ends_on: dt.date | None = None
) -> Rule:
    """Start a rule, ending the one it takes over from; raise RuleOverlaps, StartsTooEarly or BadParams.

    Asked for the same rule again, return the one that stands.
    """
    RULES[kind].read(params)
    with transaction.atomic():
        shop = _hold_rules()
        for rule in Rule.objects.filter(kind=kind, starts_on=starts_on, ends_on=ends_on):
            if rule.params == params:
                return rule
        today = clock.local_date(now, shop.timezone)
        if starts_on < today and not RULES[kind].may_start_in_past:
            raise StartsTooEarly(f"{starts_on} is before {today}.")
        replaced = replaced_by(kind=kind, params=params, starts_on=starts_on, ends_on=ends_on, today=today)
        if replaced is not None:
            _end(replaced, starts_on - dt.timedelta(days=1))
        catch_up_from = starts_on if RULES[kind].occasion in CAUGHT_UP else None
        return Rule.objects.create(
            kind=kind, params=params, starts_on=starts_on, ends_on=ends_on, catch_up_from=catch_up_from
        )


def end(rule_id: int, *, ends_on: dt.date, now: dt.datetime) -> Rule:
    """Make `ends_on` the last day of a rule; raise NotInForce or EndsTooEarly."""
    with transaction.atomic():
        today = clock.local_date(now, _hold_rules().timezone)
        rule = Rule.objects.get(pk=rule_id)
        if rule.starts_on > today or (rule.ends_on is not None and rule.ends_on < today):
            raise NotInForce(f"Rule {rule_id} is not in force on {today}.")
        if ends_on < today:
            raise EndsTooEarly(f"{ends_on} is before {today}.")
        _end(rule, ends_on)
        return rule


def withdraw(rule_id: int, *, now: dt.datetime) -> None:
    """Remove a rule that has not begun; raise NotInForce if it has, or gave something already."""
    with transaction.atomic():
        today = clock.local_date(now, _hold_rules().timezone)
        rule = Rule.objects.get(pk=rule_id)
        if rule.starts_on <= today or Entry.objects.filter(rule=rule).exists():
            raise NotInForce(f"Rule {rule_id} has begun.")
        rule.delete()


def replaced_by(
    *, kind: str, params: dict, starts_on: dt.date, today: dt.date, ends_on: dt.date | None = None
) -> Rule | None:
    """Return the rule that a new one would take over from, None if there is none; raise RuleOverlaps."""
    subject = RULES[kind].subject(RULES[kind].read(params))
    rules = Rule.objects.filter(kind=kind).filter(Q(ends_on=None) | Q(ends_on__gte=starts_on)).order_by("-starts_on")
    if ends_on is not None:
        rules = rules.filter(starts_on__lte=ends_on)
    clashing = [rule for rule in rules if RULES[kind].subject(RULES[kind].read(rule.params)) == subject]
    if not clashing:
        return None
    takes_over = len(clashing) == 1 and today < starts_on and clashing[0].starts_on < starts_on
    if not takes_over:
        raise RuleOverlaps(clashing[0])
    return clashing[0]


def preview(
    *, kind: str, params: dict, starts_on: dt.date, now: dt.datetime, ends_on: dt.date | None = None
) -> Preview:
    """Return what a rule would give for the days from `starts_on` until now."""
    zone = Shop.current().timezone
    rule = settling.in_force(kind, params, rule_id=0, starts_on=starts_on, ends_on=ends_on, zone=zone)
    if RULES[kind].occasion == ORDER:
        return _preview_of_orders(rule)
    if RULES[kind].occasion != JOINING:
        return Preview(purchases=0, customers=0, points=0)  # days and deeds gone by are not made up for
    new = Contact.objects.alive().filter(joined_at__gte=rule.starts_at, joined_at__lte=now)
    got_one = Entry.objects.filter(kind=Entry.Kind.WELCOME, account__contact__joined_at__gte=rule.starts_at)
    customers = new.count() - got_one.filter(account__contact__erased_at=None).count()
    return Preview(purchases=0, customers=customers, points=customers * rule.kind.points(None, rule.params))


def _preview_of_orders(rule: settling.InForce) -> Preview:
    purchases, points, customers = 0, 0, set()
    orders = Order.objects.counting().filter(placed_at__gte=rule.starts_at, contact__isnull=False)
    rules = [*settling.rules_for(ORDER), rule] if rule.kind.stage != EARNS else [rule]
    earning = Earning(rules, zone=settling.shop_zone())
    rows = orders.order_by("pk").values_list(*Sale._fields).iterator(chunk_size=settling.CHUNK)
    while piece := list(map(Sale._make, itertools.islice(rows, settling.CHUNK))):
        earning.look_at(piece)
        for sale in piece:
            if due := earning.dues(sale).get(rule.rule_id):
                purchases, points = purchases + 1, points + due.points
                customers.add(sale.contact_id)
    return Preview(purchases=purchases, customers=len(customers), points=points)


def start_the_usual(*, now: dt.datetime) -> list[Rule]:
    """Start what most shops begin with, from today."""
    with transaction.atomic():
        shop = _hold_rules()
        today = clock.local_date(now, shop.timezone)
        return [start(kind=kind, params=params, starts_on=today, now=now) for kind, params in usual(shop).items()]


def usual(shop: Shop) -> dict[str, dict]:
    """Return the rules most shops begin with: points for spending, and a welcome gift; in a café a stamp card.

    A stamp can be used the next time: nobody brings a coffee back.
    """
    if shop.kind == Shop.Kind.CAFE:
        return {"per_order": RULES["per_order"].starter(currency=shop.currency) | {"points": 1, "hold_days": 0}}
    return {slug: kind.starter(currency=shop.currency) for slug, kind in RULES.items() if kind.is_usual}


def _end(rule: Rule, ends_on: dt.date) -> None:
    rule.ends_on = ends_on
    if RULES[rule.kind].occasion in CAUGHT_UP:
        after = ends_on + dt.timedelta(1)
        rule.catch_up_from, rule.catch_up_after_id = min(rule.catch_up_from or after, after), 0
    rule.save(update_fields=["ends_on", "catch_up_from", "catch_up_after_id"])


def _hold_rules() -> Shop:
    """Let one change of rules happen at a time; return the shop."""
    list(Shop.objects.select_for_update())
    return Shop.current()
