"""Run rules over the shop's own past: what they would have given, what it would have cost, and who gets less.

A plan is a set of rules and a reward. `of_past` reads the window's orders and customers once; `earn` asks the plan's
rules exactly as settling does (rewards.earning), `live` lets the points mature, be redeemed and expire, customer by
customer, and `outcome` adds up. Nothing is written and nothing depends on what is in the ledger.

What nobody can know is who would have redeemed. So every customer is lived twice, once redeeming whenever the points
reach the reward, once never, and the two are mixed by the share of those able to redeem who have redeemed so far. Both
plans are treated alike, so what differs between them is the plan.
"""

import datetime as dt
import heapq
import itertools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Mod

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import bulk, clock
from crm.orders.models import Order
from crm.rewards import settling
from crm.rewards.climbing import Climbs
from crm.rewards.costing import Months, Worth
from crm.rewards.earning import Earning, InForce, Sale
from crm.rewards.models import Account, Entry, Programme, Redemption, Rule
from crm.rewards.rules import JOINING, MULTIPLIES, ORDER, RULES, YEARLY
from crm.rewards.rules.tiers import Tiers
from crm.rewards.terms import last_day, months_before, yearly

WINDOW_MONTHS = 24
SOON_MONTHS = 6  # a first reward that takes longer is one many never see
MOST_ORDERS = 30_000  # beyond, one customer in so many stands for the rest
ENOUGH = 30  # customers able to redeem, to learn from how many did
USUAL_SHARE = 0.6  # until there are that many
EXAMPLES = 8
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Plan:
    """Rules as if they had been in force all along, and the reward customers are after."""

    rules: tuple[InForce, ...]
    price: int  # points
    worth_minor: int
    grace: dt.timedelta = dt.timedelta(0)
    inactive_months: int | None = None  # all points expire after so long without an order, a gift or a redemption
    zone: str = "UTC"
    _quiet: dict = field(default_factory=dict, compare=False, repr=False)

    def quiet_from(self, last: dt.datetime) -> dt.datetime:
        """Return when the points of a customer expire whose last sign of life was then (rewards.falling_due.quiet)."""
        day = clock.local_date(last, self.zone)
        if day not in self._quiet:
            after = day + self.grace + dt.timedelta(days=1)
            ends = last_day(after, months=self.inactive_months)
            while months_before(ends, self.inactive_months) < after:  # a shorter month has no such day
                ends += dt.timedelta(days=1)
            self._quiet[day] = clock.day_bounds(ends, self.zone)[0]
        return self._quiet[day]


class Chosen(NamedTuple):
    """A rule of a plan; `rule_id` is the one it stands for in the books."""

    kind: str
    params: dict
    rule_id: int | None = None


class Person(NamedTuple):
    id: int
    joined_at: dt.datetime
    birthday: dt.date | None


@dataclass(frozen=True)
class Past:
    """The window as it was: plain rows, read once for all plans."""

    since: dt.datetime
    now: dt.datetime
    zone: str
    sales: list[Sale]  # that count and belong to somebody, by customer, oldest first
    people: list[Person]  # who bought or joined in the window
    sales_minor: int  # net, of these sales, in the shop's currency
    months: Months
    stands_for: int = 1  # each of these customers stands for so many
    earlier: list[Sale] = field(default_factory=list)  # sales of the months before, by which levels were reached

    def without_rows(self) -> "Past":
        """Return what a page needs to know of it afterwards."""
        return replace(self, sales=[], people=[], earlier=[])


class Gain(NamedTuple):
    """Points of one customer for one order under one rule, or for an occasion."""

    at: dt.datetime
    points: int
    activates_at: dt.datetime | None
    expires_at: dt.datetime | None
    source: str  # as the ledger names it, the number of an order's entry left out
    rule_id: int


@dataclass
class Life:
    """What became of one customer's points."""

    redeemed: int = 0
    rewards: int = 0
    expired: int = 0
    held: int = 0  # at the end, pending ones included
    pending: int = 0
    first_reached: dt.datetime | None = None
    moves: list[tuple[dt.datetime, int]] = field(default_factory=list)  # what left: when, how many points


@dataclass(frozen=True)
class Loser:
    """A customer who gets less; amounts in minor units, what was redeemed and what is still held."""

    contact_id: int
    today_minor: int
    draft_minor: int

    @property
    def loss_minor(self) -> int:
        return self.today_minor - self.draft_minor


@dataclass(frozen=True)
class Outcome:
    """What a plan would have come to over the window, all customers together."""

    issued: int
    redeemed: int
    expired: int
    held: int
    cost_minor: int
    sales_minor: int
    customers: int  # who bought
    reached: int  # of them, who could have had a reward
    soon_base: int  # who bought first long enough ago to tell
    reached_soon: int
    median_months: float | None  # from first order to reward, of those who reached it
    peak_minor: int
    peak_month: dt.date | None
    owed_minor: list[int]  # at the end of each month

    @property
    def cost_share(self) -> float | None:
        return self.cost_minor / self.sales_minor if self.sales_minor > 0 else None

    @property
    def reached_share(self) -> float | None:
        return self.reached / self.customers if self.customers else None

    @property
    def soon_share(self) -> float | None:
        return self.reached_soon / self.soon_base if self.soon_base else None


@dataclass(frozen=True)
class Comparison:
    today: Outcome
    draft: Outcome
    losers: int
    winners: int
    mean_loss_minor: int
    examples: list[Loser]  # the greatest losses first


def todays_rules(*, now: dt.datetime) -> list[Rule]:
    """Return the rules in force today; days of more points that have an end are a promotion and not the plan."""
    today = clock.local_date(now, Shop.current().timezone)
    rules = Rule.objects.filter(Q(ends_on=None) | Q(ends_on__gte=today), starts_on__lte=today)
    in_order = rules.order_by("starts_on", "pk")
    return [rule for rule in in_order if RULES[rule.kind].stage != MULTIPLIES or rule.ends_on is None]


def plan(rules: Iterable[tuple], *, worth: Worth, past: Past) -> Plan:
    """Return a plan of rules (Chosen) that hold for the whole window; raise BadParams."""
    began = min((sale.placed_at for sale in past.earlier), default=past.since)
    first, programme = clock.local_date(began, past.zone), Programme.current()
    order = list(RULES)
    chosen = sorted((Chosen(*rule) for rule in rules), key=lambda rule: order.index(rule.kind))
    return Plan(
        rules=tuple(
            settling.in_force(
                rule.kind, rule.params, rule_id=rule.rule_id or -number, starts_on=first, ends_on=None, zone=past.zone
            )
            for number, rule in enumerate(chosen, start=1)
        ),
        price=worth.points,
        worth_minor=worth.worth_minor,
        grace=dt.timedelta(days=programme.grace_days),
        inactive_months=programme.inactive_months,
        zone=past.zone,
    )


def of_past(
    *, now: dt.datetime, months: int = WINDOW_MONTHS, earlier_months: int = 0, most_orders: int = MOST_ORDERS
) -> Past:
    """Read the shop's last months, and some before for levels; of a large shop, all orders of some customers."""
    shop = Shop.current()
    today = clock.local_date(now, shop.timezone)
    index = today.year * 12 + today.month - 1 - months
    window = Months(first=dt.date(index // 12, index % 12 + 1, 1), count=months + 1, zone=shop.timezone)
    since = window.starts[0]
    ever = Order.objects.counting().filter(kind=Order.Kind.SALE, contact__isnull=False, placed_at__lte=now)
    orders = ever.filter(placed_at__gte=since)
    stands_for = max(1, -(-orders.count() // most_orders))
    people = Contact.objects.alive().filter(joined_at__lte=now)
    if stands_for > 1:
        ever = ever.annotate(slot=Mod(F("contact_id"), stands_for)).filter(slot=0)
        orders = ever.filter(placed_at__gte=since)
        people = people.annotate(slot=Mod(F("pk"), stands_for)).filter(slot=0)
    sales, earlier = _sales(orders), []
    if earlier_months:
        first = months_before(clock.local_date(since, shop.timezone), earlier_months)
        begins_at = clock.day_bounds(first, shop.timezone)[0]
        earlier = _sales(ever.filter(placed_at__gte=begins_at, placed_at__lt=since))
    net = orders.filter(currency=shop.currency).aggregate(total=Sum("net_minor"))["total"] or 0
    bought = {sale.contact_id for sale in sales}
    joined = bulk.rows(people.order_by("pk").values_list("pk", "joined_at", "birthday"))
    return Past(
        since=since,
        now=now,
        zone=shop.timezone,
        sales=sales,
        people=[Person._make(row) for row in joined if row[0] in bought or row[1] >= since],
        sales_minor=int(net),
        months=window,
        stands_for=stands_for,
        earlier=earlier,
    )


def months_of_levels(rules: Iterable[tuple]) -> int:
    """Return how far back orders count for the levels of a plan; 0 where it has none."""
    params = [rule.params for rule in (Chosen(*one) for one in rules) if rule.kind == Tiers.slug]
    return max((RULES[Tiers.slug].read(one).months for one in params), default=0)


def _sales(orders: QuerySet[Order]) -> list[Sale]:
    rows = orders.order_by("contact_id", "placed_at", "pk").values_list(*Sale._fields)
    return list(map(Sale._make, bulk.rows(rows)))


def earn(plan: Plan, past: Past) -> dict[int, list[Gain]]:
    """Return what each customer would have been given, oldest first, asked rule by rule as settling asks."""
    gains: dict[int, list[Gain]] = defaultdict(list)
    zone, rules = ZoneInfo(past.zone), [rule for rule in plan.rules if rule.kind.occasion == ORDER]
    with_levels = [rule for rule in rules if "level" in rule.kind.needs(rule.params)]
    levels = Climbs(with_levels, zone=zone) if with_levels else None
    earning = Earning(rules, zone=zone, levels=levels)
    sales = _in_turn(past) if with_levels else past.sales
    if earning.rules:
        for piece in _pieces(sales):
            earning.look_at(piece)
            for sale in piece:
                due_by_rule = earning.dues(sale)
                if sale.placed_at < past.since:
                    continue
                for rule_id, due in due_by_rule.items():
                    gains[sale.contact_id].append(
                        Gain(
                            sale.placed_at, due.points, due.activates_at, due.expires_at, f"order:{sale.id}", rule_id
                        )
                    )
    for rule in plan.rules:
        if rule.kind.occasion in (JOINING, YEARLY):
            for person in past.people:
                for gain in _occasions(rule, person, past):
                    gains[person.id].append(gain)
    for of_one in gains.values():
        of_one.sort(key=itemgetter(0))
    return gains


def _in_turn(past: Past) -> list[Sale]:
    """Return the earlier sales and those of the window, customer by customer."""
    return list(heapq.merge(past.earlier, past.sales, key=lambda sale: (sale.contact_id, sale.placed_at, sale.id)))


def _pieces(sales: Sequence[Sale]) -> Iterator[list[Sale]]:
    """Cut the sales where a customer ends, so that each one's history is read once."""
    piece: list[Sale] = []
    for _contact_id, of_one in itertools.groupby(sales, key=itemgetter(1)):
        piece += of_one
        if len(piece) >= settling.CHUNK:
            yield piece
            piece = []
    if piece:
        yield piece


def _occasions(rule: InForce, person: Person, past: Past) -> Iterator[Gain]:
    points = rule.kind.points(None, rule.params)
    if rule.kind.occasion == JOINING:
        if past.since <= person.joined_at <= past.now:
            day = clock.local_date(person.joined_at, past.zone)
            terms = rule.terms.of(day, past.zone)
            yield Gain(person.joined_at, points, *terms, f"welcome:{person.id}", rule.rule_id)
        return
    joined = clock.local_date(person.joined_at, past.zone)
    first = person.birthday if rule.kind.slug == "birthday" else joined
    if first is None:
        return
    for year in range(clock.local_date(past.since, past.zone).year, clock.local_date(past.now, past.zone).year + 1):
        day = yearly(first, year)
        at = clock.day_bounds(day, past.zone)[0]
        if past.since <= at <= past.now and day > first and day >= joined:
            terms = rule.terms.of(day, past.zone)
            yield Gain(at, points, *terms, f"{rule.kind.slug}:{person.id}:{year}", rule.rule_id)


def live(gains: Sequence[Gain], *, plan: Plan, now: dt.datetime, redeems: bool) -> Life:
    """Let one customer's points mature, be redeemed as soon as they reach the reward, and expire.

    Spent is what expires first, then the oldest, as the ledger does it.
    """
    life = Life()
    coming = [(max(gain.at, gain.activates_at or gain.at), True, number) for number, gain in enumerate(gains)]
    if plan.inactive_months:  # then being given points matters, not only being able to spend them
        coming += [(gain.at, False, number) for number, gain in enumerate(gains)]
    coming.sort()
    lots: list[list] = []  # [until, number, points], what expires first on top
    active, seen = 0, None
    for moment, is_active, number in coming:
        gain = gains[number]
        if moment > now:
            if is_active:
                life.pending += gain.points
                life.held += gain.points
            continue
        active -= _expire(lots, life, now=moment, grace=plan.grace)
        active -= _fall_quiet(lots, life, seen=seen, now=moment, plan=plan)
        if not is_active:
            seen = moment
            continue
        heapq.heappush(lots, [gain.expires_at or NEVER, number, gain.points])
        active += gain.points
        if active >= plan.price:
            life.first_reached = life.first_reached or moment
            while redeems and active >= plan.price:
                _take(lots, plan.price)
                active -= plan.price
                life.rewards += 1
                life.redeemed += plan.price
                life.moves.append((moment, plan.price))
                seen = moment
    active -= _expire(lots, life, now=now, grace=plan.grace)
    active -= _fall_quiet(lots, life, seen=seen, now=now, plan=plan)
    life.held += active
    return life


def _expire(lots: list[list], life: Life, *, now: dt.datetime, grace: dt.timedelta) -> int:
    gone = 0
    while lots and lots[0][0] <= now - grace:
        ends, _number, points = heapq.heappop(lots)
        life.moves.append((ends + grace, points))
        gone += points
    life.expired += gone
    return gone


def _fall_quiet(lots: list[list], life: Life, *, seen: dt.datetime | None, now: dt.datetime, plan: Plan) -> int:
    """Let everything expire of a customer who has been quiet for too long."""
    if not plan.inactive_months or not lots or seen is None or plan.quiet_from(seen) > now:
        return 0
    gone = sum(points for _until, _number, points in lots)
    life.moves.append((plan.quiet_from(seen), gone))
    life.expired += gone
    lots.clear()
    return gone


def _take(lots: list[list], points: int) -> None:
    while points:
        part = min(points, lots[0][2])
        lots[0][2] -= part
        points -= part
        if not lots[0][2]:
            heapq.heappop(lots)


def outcome(plan: Plan, past: Past, *, share: float) -> tuple[Outcome, dict[int, int]]:
    """Return what a plan comes to, and what each customer has had or holds, in minor units."""
    gains = earn(plan, past)
    share_of = Fraction(share).limit_denominator(1_000)
    first_order = {}
    for sale in past.sales:
        first_order.setdefault(sale.contact_id, sale.placed_at)
    soon = dt.timedelta(days=30.4375 * SOON_MONTHS)
    month_ends = [*past.months.starts[1:], past.now]
    deltas = [[0, 0] for _end in month_ends]  # by month: lived redeeming, lived not redeeming
    issued, redeemed, rewards, expired, held = 0, 0, 0, [0, 0], [0, 0]
    reached, reached_soon, months_to, had = 0, 0, [], {}
    for contact_id, of_one in gains.items():
        lives = [live(of_one, plan=plan, now=past.now, redeems=redeems) for redeems in (True, False)]
        points = sum(gain.points for gain in of_one)
        issued += points
        redeemed += lives[0].redeemed
        rewards += lives[0].rewards
        for side, life in enumerate(lives):
            expired[side] += life.expired
            held[side] += life.held
            for moment, gone in life.moves:
                deltas[bisect_left(month_ends, moment)][side] -= gone
        for gain in of_one:
            month = bisect_left(month_ends, gain.at)
            deltas[month][0] += gain.points
            deltas[month][1] += gain.points
        had[contact_id] = (lives[0].redeemed + lives[0].held) * plan.worth_minor // plan.price
        began = first_order.get(contact_id)
        if lives[0].first_reached and began is not None:
            reached += 1
            wait = max(lives[0].first_reached - began, dt.timedelta(0))
            months_to.append(wait.days / 30.4375)
            reached_soon += wait <= soon and began <= past.now - soon
    owed, running = [], [0, 0]
    for delta in deltas:
        running = [running[0] + delta[0], running[1] + delta[1]]
        owed.append(_mixed(running, share_of) * plan.worth_minor / plan.price)
    scale = past.stands_for
    peak = max(range(len(owed)), key=owed.__getitem__)
    months_to.sort()
    return (
        Outcome(
            issued=issued * scale,
            redeemed=round(share_of * redeemed) * scale,
            expired=round(_mixed(expired, share_of)) * scale,
            held=round(_mixed(held, share_of)) * scale,
            cost_minor=round(share_of * rewards * plan.worth_minor) * scale,
            sales_minor=past.sales_minor * scale,
            customers=len(first_order) * scale,
            reached=reached * scale,
            soon_base=sum(began <= past.now - soon for began in first_order.values()) * scale,
            reached_soon=reached_soon * scale,
            median_months=months_to[len(months_to) // 2] if months_to else None,
            peak_minor=round(owed[peak]) * scale,
            peak_month=past.months.firsts[peak] if owed[peak] > 0 else None,
            owed_minor=[round(one) * scale for one in owed],
        ),
        had,
    )


def _mixed(sides: Sequence[int], share: Fraction) -> Fraction:
    return share * sides[0] + (1 - share) * sides[1]


def compare(today: Plan, draft: Plan, past: Past, *, share: float) -> Comparison:
    """Run both plans over the same past; who loses is told by those who redeem whenever they can."""
    before, had_before = outcome(today, past, share=share)
    after, had_after = outcome(draft, past, share=share)
    losers, winners = [], 0
    for contact_id in had_before.keys() | had_after.keys():
        one = Loser(contact_id, had_before.get(contact_id, 0), had_after.get(contact_id, 0))
        if one.loss_minor > 0:
            losers.append(one)
        winners += one.loss_minor < 0
    losers.sort(key=lambda one: (-one.loss_minor, one.contact_id))
    return Comparison(
        today=before,
        draft=after,
        losers=len(losers) * past.stands_for,
        winners=winners * past.stands_for,
        mean_loss_minor=round(sum(one.loss_minor for one in losers) / len(losers)) if losers else 0,
        examples=losers[:EXAMPLES],
    )


def seen_share(price: int) -> float | None:
    """Return which share of the customers who were given enough for a reward has redeemed; None while that is few."""
    given = Entry.objects.filter(points__gt=0).exclude(kind=Entry.Kind.REDEEM).values("account_id")
    able = given.annotate(total=Sum("points")).filter(total__gte=price).order_by().values("account_id")
    count = Account.objects.filter(pk__in=able).count()
    if count < ENOUGH:
        return None
    redeemed = Redemption.objects.filter(state=Redemption.State.COMMITTED, account_id__in=able)
    return redeemed.values("account_id").distinct().count() / count
