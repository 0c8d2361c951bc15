"""The levels customers hold: who rises, who is in grace, who falls, and what is missing to the next level.

The rule says what the levels are (rules.tiers); a Membership says who holds one, from when until when. A level is
reached by what counts in the last months, in whole local days: with twelve months an order of 20 November counts
through 19 November of the next year.

- Whoever reaches a level rises to it at once, after the order that made it full, which earned as before.
- Whoever has less than the level needs keeps it for the days of grace, and then loses one level, once a local day at
  most. The next one goes only after as many days again.
- Rows begin and end now, never in the past, so what an order earns by its customer's level can be worked out again.
  Only a new rule of levels places everybody as of the midnight it begins.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import bulk, clock
from crm.orders.models import Order
from crm.rewards.models import Entry, Membership, Programme, Rule
from crm.rewards.rules import RULES
from crm.rewards.rules.tiers import SPEND, Level, Params, Tiers
from crm.rewards.terms import months_before

KIND = Tiers.slug
AFTERWARDS = dt.timedelta(microseconds=1)  # an order of this very moment was placed before anybody rose


@dataclass(frozen=True)
class Ladder:
    """The rule of levels that is in force."""

    rule_id: int
    params: Params
    starts_on: dt.date
    today: dt.date
    zone: str

    @property
    def window(self) -> tuple[dt.datetime, dt.datetime]:
        """Return from when and until when (exclusive) orders count today."""
        first = months_before(self.today, self.params.months) + dt.timedelta(days=1)
        return clock.day_bounds(first, self.zone)[0], clock.day_bounds(self.today, self.zone)[1]


@dataclass(frozen=True)
class Progress:
    """Where a customer stands on the levels, as of a local day."""

    level: Level | None  # None: none yet
    since: dt.datetime | None
    keeps_until: dt.date | None  # the last day of grace; None: nothing is about to be lost
    amount: int  # what counts now: minor units, or points
    above: Level | None  # the next level; None: this is the highest
    missing: int  # to the next level
    params: Params
    as_of: dt.date
    counts_from: dt.date  # the first day whose orders count

    @property
    def amount_words(self) -> str:
        return self.params.says_amount(self.amount)

    @property
    def missing_words(self) -> str:
        return self.params.says_amount(self.missing)


def ladder(*, now: dt.datetime) -> Ladder | None:
    """Return the levels in force; None where the shop has none."""
    zone = Shop.current().timezone
    today = clock.local_date(now, zone)
    rules = Rule.objects.filter(Q(ends_on=None) | Q(ends_on__gte=today), kind=KIND, starts_on__lte=today)
    rule = rules.order_by("-starts_on", "-pk").first()
    return rule and Ladder(rule.pk, RULES[KIND].read(rule.params), rule.starts_on, today, zone)


def progress(contact_id: int, *, now: dt.datetime) -> Progress | None:
    """Return where a customer stands and what is missing to the next level; None where there are no levels."""
    found = ladder(now=now)
    if found is None:
        return None
    held = Membership.objects.filter(contact_id=contact_id, rule_id=found.rule_id, until=None).first()
    amount = amounts(found, [contact_id]).get(contact_id, 0)
    levels, position = found.params.levels, held.level if held else 0
    above = levels[position] if position < len(levels) else None
    is_falling = held is not None and held.falls_on is not None and found.params.reached(amount) < position
    return Progress(
        level=levels[position - 1] if position else None,
        since=held.since if held else None,
        keeps_until=max(held.falls_on - dt.timedelta(days=1), found.today) if is_falling else None,
        amount=amount,
        above=above,
        missing=max(0, above.threshold - amount) if above else 0,
        params=found.params,
        as_of=found.today,
        counts_from=clock.local_date(found.window[0], found.zone),
    )


def amounts(found: Ladder, contact_ids: Collection[int] | None = None) -> dict[int, int]:
    """Return what counts for these customers, or for everybody, today; those with nothing may be missing."""
    since, until = found.window
    orders = Order.objects.filter(placed_at__gte=since, placed_at__lt=until)
    if found.params.basis == SPEND:
        rows = orders.counting().filter(currency=found.params.currency, contact__erased_at=None)
        column, summed = "contact_id", "net_minor"
    else:
        rows = Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref__in=orders.values("pk"))
        rows = rows.filter(account__contact__erased_at=None)
        column, summed = "account__contact_id", "points"
    if contact_ids is None:
        rows = rows.exclude(**{column: None})
    else:
        rows = rows.filter(**{f"{column}__in": bulk.among(contact_ids)})
    return dict(bulk.rows(rows.order_by().values_list(column).annotate(amount=Sum(summed))))


def counts(*, now: dt.datetime) -> list[tuple[Level, int]]:
    """Return how many customers hold each level, the lowest first; nothing where there are no levels."""
    found = ladder(now=now)
    if found is None:
        return []
    held = Membership.objects.filter(rule_id=found.rule_id, until=None).values_list("level")
    by_level = dict(held.annotate(people=Count("pk")).order_by())
    return [(level, by_level.get(number, 0)) for number, level in enumerate(found.params.levels, start=1)]


def preview(params: dict, *, now: dt.datetime) -> list[tuple[Level, int]]:
    """Return how many customers would stand on each level if these began now."""
    zone = Shop.current().timezone
    read, today = RULES[KIND].read(params), clock.local_date(now, zone)
    found = Ladder(0, read, today, today, zone)
    people = [0] * (len(read.levels) + 1)
    reached = amounts(found)
    for amount in reached.values():
        people[read.reached(amount)] += 1
    if read.reached(0):
        people[read.reached(0)] += Contact.objects.alive().exclude(pk__in=bulk.among(list(reached))).count()
    return list(zip(read.levels, people[1:]))


def rise(contact_ids: Iterable[int], *, now: dt.datetime) -> list[int]:
    """Let these customers rise to what they have reached, after their orders changed; begin or end their grace.

    Nobody falls here. Return the orders that were placed after somebody rose: they are due something else now.
    """
    found, contact_ids = ladder(now=now), sorted(set(contact_ids))
    if found is None or not contact_ids or _is_new(found):
        return []  # the sweep places everybody first
    return _move(found, contact_ids, moment=now + AFTERWARDS, may_fall=False)


def place_everybody(found: Ladder, *, now: dt.datetime) -> list[int]:
    """Do a local day's work: all rise, all whose grace is over fall one level; return orders to settle again."""
    later = []
    if _is_new(found):
        moment = clock.day_bounds(found.starts_on, found.zone)[0]
        others = Membership.objects.filter(until=None).exclude(rule_id=found.rule_id)
        others.filter(since__gt=moment).update(until=F("since"))
        others.update(until=moment)
        eve = replace(found, today=found.starts_on - dt.timedelta(days=1))  # by what was bought before
        later = _move(eve, None, moment=moment, may_fall=False)
    return [*later, *_move(found, None, moment=now + AFTERWARDS, may_fall=True)]


def latest_risers(found: Ladder, *, since: dt.datetime) -> list[int]:
    """Return orders placed after a change of level that happened since then.

    Two processes may settle an order and move its customer at the same time, and not see each other.
    """
    moved = Membership.objects.filter(Q(since__gte=since) | Q(until__gte=since), rule_id=found.rule_id)
    return _placed_since(moved.values("contact_id"), since)


def _move(found: Ladder, contact_ids: list[int] | None, *, moment: dt.datetime, may_fall: bool) -> list[int]:
    reached_by = amounts(found, contact_ids)
    rows = Membership.objects.filter(until=None, rule_id=found.rule_id)
    if contact_ids is not None:
        rows = rows.filter(contact_id__in=bulk.among(contact_ids))
    columns = ("contact_id", "pk", "level", "since", "falls_on")
    held = {contact_id: row for contact_id, *row in bulk.rows(rows.values_list(*columns))}
    closed, opened, graced, moved = [], [], [], set()
    midnight = clock.day_bounds(found.today, found.zone)[0]
    for contact_id in _candidates(found, contact_ids) | reached_by.keys() | held.keys():
        pk, level, since, falls_on = held.get(contact_id, (None, 0, None, None))
        reached = found.params.reached(reached_by.get(contact_id, 0))
        if since is not None and since > moment:
            continue  # somebody else was here a moment later
        if reached > level:
            moved.add(contact_id)
            opened.append((contact_id, found.rule_id, reached, moment, None))
            closed += [pk] if pk else []
        elif reached == level and falls_on is not None:
            graced.append((None, pk))
        elif reached < level:
            lost_on = falls_on or found.today + dt.timedelta(days=found.params.grace_days)
            if may_fall and lost_on <= found.today and since < midnight:
                moved.add(contact_id)
                closed.append(pk)
                if level > 1:
                    again = found.today + dt.timedelta(days=found.params.grace_days) if reached < level - 1 else None
                    opened.append((contact_id, found.rule_id, level - 1, moment, again))
            elif falls_on is None:
                graced.append((lost_on, pk))
    bulk.update(Membership, ("falls_on",), graced)
    Membership.objects.filter(pk__in=bulk.among(closed), until=None).update(until=moment)
    bulk.insert(Membership, ("contact_id", "rule_id", "level", "since", "falls_on"), opened, ignore_conflicts=True)
    return _placed_since(bulk.among(moved), moment)


def _candidates(found: Ladder, contact_ids: list[int] | None) -> set[int]:
    """Return who holds a level without having bought anything; nobody, where the lowest one asks for something."""
    if not found.params.reached(0):
        return set()
    alive = Contact.objects.alive()
    if contact_ids is not None:
        alive = alive.filter(pk__in=bulk.among(contact_ids))
    return set(alive.values_list("pk", flat=True))


def _is_new(found: Ladder) -> bool:
    done_on = Programme.current().tiers_done_on
    return done_on is None or done_on < found.starts_on


def _placed_since(contact_ids: QuerySet | RawSQL, moment: dt.datetime) -> list[int]:
    orders = Order.objects.filter(contact_id__in=contact_ids, placed_at__gte=moment, kind=Order.Kind.SALE)
    return list(orders.values_list("pk", flat=True))
