"""What came of a campaign: counts, clicks, orders, and the comparison with those left out on purpose."""

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, F, QuerySet, Sum

from crm.accounts.models import Shop
from crm.campaigns import rendering, starting, variants
from crm.campaigns.models import Attribution, Campaign, Click, Link, Message, Rotation
from crm.lib import bulk
from crm.orders.models import Order
from crm.rewards.models import Allocation, Entry

FEW = 30  # people per group below which a difference says nothing
Z_95 = 1.959964  # half width of a 95 % interval in standard errors

State = Message.State
_NOT_GONE = (State.STOPPED, State.WITHHELD)


@dataclass
class Totals:
    """One campaign in figures. `counts`: messages by state; money in minor units of the shop's currency."""

    counts: Counter = field(default_factory=Counter)
    people_clicked: int = 0
    orders: int = 0
    revenue_minor: int = 0

    @property
    def sent(self) -> int:
        return self.counts[State.SENT]

    @property
    def points_only(self) -> int:
        return self.counts[State.POINTS_ONLY]

    @property
    def left(self) -> int:
        return sum(self.counts[state] for state in (State.QUEUED, State.CLAIMED, State.SENDING, State.RETRY))


def totals(campaign_ids: Iterable[int]) -> dict[int, Totals]:
    """Return the figures of some campaigns, in four queries however many they are."""
    campaign_ids = list(campaign_ids)
    found = {campaign_id: Totals() for campaign_id in campaign_ids}
    open_rotations: dict[int, int] = {}
    for pk, campaign_id, finished_at, counts in Rotation.objects.filter(campaign__in=campaign_ids).values_list(
        "pk", "campaign_id", "finished_at", "counts"
    ):
        if finished_at is None:
            open_rotations[pk] = campaign_id
        else:
            found[campaign_id].counts.update(counts)
    live = Message.objects.filter(rotation__in=bulk.among(list(open_rotations)))
    for rotation_id, state, number in (
        live.values_list("rotation_id", "state").annotate(number=Count("pk")).order_by() if open_rotations else ()
    ):
        found[open_rotations[rotation_id]].counts[state] += number
    for campaign_id, people in (
        Click.objects.filter(link__campaign__in=campaign_ids)
        .values_list("link__campaign_id")
        .annotate(people=Count("message_id", distinct=True))
        .order_by()
    ):
        found[campaign_id].people_clicked = people
    for campaign_id, orders, revenue in (
        Attribution.objects.filter(message__rotation__campaign__in=campaign_ids)
        .values_list("message__rotation__campaign_id")
        .annotate(orders=Count("pk"), revenue=Sum("amount_minor"))
        .order_by()
    ):
        found[campaign_id].orders, found[campaign_id].revenue_minor = orders, revenue
    return found


@dataclass(frozen=True)
class LinkClicks:
    url: str
    people: int
    clicks: int


def clicks_by_link(campaign: Campaign) -> list[LinkClicks]:
    """Return every address of the message with how many people followed it and how often."""
    counted = (
        Link.objects.filter(campaign=campaign)
        .annotate(people=Count("clicks__message_id", distinct=True), number=Count("clicks"))
        .order_by("-people", "pk")
    )
    return [LinkClicks(rendering.without_source(link.url), link.people, link.number) for link in counted]


def points_given(campaign: Campaign) -> int:
    """Return how many points this campaign has really written into the ledger."""
    return _entries(campaign).aggregate(total=Sum("points"))["total"] or 0


def _entries(campaign: Campaign) -> QuerySet[Entry]:
    """Return what a campaign gave: its messages name their entries in the ledger."""
    messages = Message.objects.filter(rotation__campaign=campaign, points__gt=0)
    messages = messages.values_list("rotation_id", starting.MADE_FOR)
    sources = [starting.source_of(*message) for message in messages]
    return Entry.objects.filter(source__in=bulk.among(sources), kind=Entry.Kind.CAMPAIGN)


@dataclass(frozen=True)
class Points:
    """What became of the points a campaign has given."""

    given: int
    redeemed: int
    expired: int
    taken_back: int

    @property
    def left(self) -> int:
        return self.given - self.redeemed - self.expired - self.taken_back


def points_result(campaign: Campaign) -> Points | None:
    """Follow the campaign's points, lot by lot; None where it gives none."""
    if not any(one.points for one in variants.every(campaign)):
        return None
    given = points_given(campaign)
    taken = Counter()
    if given:
        lots = _entries(campaign).filter(points__gt=0).values("pk")
        by_kind = Allocation.objects.filter(lot__in=lots).values_list("entry__kind").annotate(Sum("points"))
        for kind, points in by_kind.order_by():
            taken[kind] += points
    redeemed, expired = taken.pop(Entry.Kind.REDEEM, 0), taken.pop(Entry.Kind.EXPIRE, 0)
    return Points(given=given, redeemed=redeemed, expired=expired, taken_back=sum(taken.values()))


@dataclass(frozen=True)
class Group:
    """People of one side with what they ordered in the window: means per person and mailing."""

    people: int
    orders: int
    revenue_minor: int
    orders_squared: int = 0
    revenue_squared: int = 0

    @property
    def orders_per_100(self) -> float:
        return 100 * self.orders_each

    @property
    def revenue_each(self) -> int:
        """Return the mean in whole minor units, to be written as money."""
        return round(self.revenue_each_minor)

    @property
    def orders_each(self) -> float:
        return self.orders / self.people if self.people else 0.0

    @property
    def revenue_each_minor(self) -> float:
        return self.revenue_minor / self.people if self.people else 0.0


@dataclass(frozen=True)
class Difference:
    """Written to minus left out, per person, with a 95 % interval (normal approximation)."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    written_to: Group
    held_out: Group
    orders: Difference
    revenue: Difference
    is_too_early: bool  # too few people, or both intervals cross zero
    is_open: bool  # some window has not ended yet
    ends_at: dt.datetime  # the last of them

    @property
    def is_too_few(self) -> bool:
        """Tell whether a side has fewer people than an interval needs to mean anything."""
        return min(self.written_to.people, self.held_out.people) < FEW

    @property
    def needed(self) -> int:
        return FEW

    @property
    def has_interval(self) -> bool:
        is_known = math.isfinite(self.revenue.low) and bool(self.written_to.orders or self.held_out.orders)
        return is_known and not self.is_too_few

    @property
    def revenue_low(self) -> int:
        return round(self.revenue.low)

    @property
    def revenue_high(self) -> int:
        return round(self.revenue.high)


def compare(campaign: Campaign, *, now: dt.datetime) -> Comparison | None:
    """Compare those written to (or given points) with those left out; None where that would not be fair.

    Everybody counts on the side they were drawn for, delivered or not, and both sides are watched from the start
    of the mailing, so that only the draw makes a difference. A stopped mailing reached a part that was not drawn: of
    an automation the days on which it was switched off are left out.
    """
    rotations = campaign.rotations.all()
    if campaign.automation_id:
        rotations = rotations.exclude(messages__in=Message.objects.filter(state=State.STOPPED))
    sides = Counter()
    messages = Message.objects.filter(rotation__in=rotations)
    for state, number in messages.values_list("state").annotate(number=Count("pk")).order_by():
        sides[{State.STOPPED: "stopped", State.HELD_OUT: "held"}.get(state, "written")] += number
    if sides["stopped"] or not sides["held"]:
        return None
    window = dt.timedelta(days=campaign.window_days)
    bought: dict[tuple[bool, int], list[int]] = defaultdict(lambda: [0, 0])
    for message_id, state, net_minor in Order.objects.counting().filter(
        kind=Order.Kind.SALE,
        currency=Shop.current().currency,
        contact__messages__rotation__in=rotations,
        placed_at__gte=F("contact__messages__rotation__started_at"),
        placed_at__lt=F("contact__messages__rotation__started_at") + window,
    ).values_list("contact__messages__pk", "contact__messages__state", "net_minor"):
        one = bought[state == State.HELD_OUT, message_id]
        one[0] += 1
        one[1] += net_minor
    written_to, held_out = (
        _group(people, [one for (is_held, _id), one in bought.items() if is_held == side])
        for side, people in ((False, sides["written"]), (True, sides["held"]))
    )
    orders = _difference(
        written_to.orders_each, held_out.orders_each,
        _error(written_to.people, written_to.orders, written_to.orders_squared),
        _error(held_out.people, held_out.orders, held_out.orders_squared),
    )
    revenue = _difference(
        written_to.revenue_each_minor, held_out.revenue_each_minor,
        _error(written_to.people, written_to.revenue_minor, written_to.revenue_squared),
        _error(held_out.people, held_out.revenue_minor, held_out.revenue_squared),
    )
    last_started = campaign.rotations.order_by("-started_at").values_list("started_at", flat=True).first()
    return Comparison(
        written_to, held_out, orders, revenue,
        is_too_early=min(written_to.people, held_out.people) < FEW or not (orders.is_clear or revenue.is_clear),
        is_open=now < last_started + window,
        ends_at=last_started + window,
    )


def _group(people: int, bought: list[list[int]]) -> Group:
    return Group(
        people=people,
        orders=sum(orders for orders, _revenue in bought),
        revenue_minor=sum(revenue for _orders, revenue in bought),
        orders_squared=sum(orders**2 for orders, _revenue in bought),
        revenue_squared=sum(revenue**2 for _orders, revenue in bought),
    )


def _error(people: int, total: int, squares: int) -> float:
    """Return the squared standard error of a mean over `people`, most of whom may be zeros."""
    if people < 2:
        return math.inf
    return max(0.0, squares - total**2 / people) / (people - 1) / people


def _difference(one: float, other: float, error_one: float, error_other: float) -> Difference:
    half = Z_95 * math.sqrt(error_one + error_other)
    return Difference(one - other, one - other - half, one - other + half)


@dataclass(frozen=True)
class Outcome:
    """What came of one version in one mailing. `letter` is empty for those left out on purpose.

    `people` were drawn for it, whether it reached them or not, and are watched from the start of the mailing, so that
    only the draw makes a difference; of people who get points alone, only where no version has a message.
    `ordered` of them did within the window; the squares are of each person's revenue.
    """

    rotation_id: int
    started_at: dt.datetime
    letter: str
    people: int
    sent: int
    clicked: int
    ordered: int
    revenue_minor: int
    revenue_squared: int


def outcomes(campaign: Campaign) -> list[Outcome]:
    """Return what came of each version in each mailing that was dealt to more than one.

    One question for each mailing: with its own dates in it, the database goes along the index of orders.
    """
    writes = any(one.body.strip() for one in variants.every(campaign))
    rotations = [one for one in campaign.rotations.order_by("started_at", "pk") if len(one.shares) > 1]
    messages = Message.objects.filter(rotation__in=rotations).exclude(state__in=_NOT_GONE)
    if writes:
        messages = messages.exclude(state=State.POINTS_ONLY)
    people: Counter = Counter()
    sent: Counter = Counter()
    for rotation_id, letter, state, number in (
        messages.values_list("rotation_id", "variant", "state").annotate(number=Count("pk")).order_by()
    ):
        people[rotation_id, _side(letter, state)] += number
        sent[rotation_id, letter] += number if state in (State.SENT, State.POINTS_ONLY) else 0
    clicked = {
        (rotation_id, letter): number
        for rotation_id, letter, number in Click.objects.filter(link__campaign=campaign)
        .values_list("message__rotation_id", "message__variant")
        .annotate(number=Count("message_id", distinct=True))
        .order_by()
    }
    found, currency = [], Shop.current().currency
    for rotation in rotations:
        bought = _bought(campaign, rotation, currency=currency, is_points_only=not writes)
        found += [
            Outcome(
                rotation.pk, rotation.started_at, letter, number, sent[rotation.pk, letter],
                clicked=clicked.get((rotation.pk, letter), 0),
                ordered=len(bought[letter]),
                revenue_minor=sum(bought[letter].values()),
                revenue_squared=sum(amount**2 for amount in bought[letter].values()),
            )
            for (rotation_id, letter), number in sorted(people.items())
            if rotation_id == rotation.pk
        ]  # fmt: skip
    return found


def _bought(
    campaign: Campaign, rotation: Rotation, *, currency: str, is_points_only: bool
) -> dict[str, Counter]:
    """Return by version what each message's person spent within the window."""
    bought: dict[str, Counter] = defaultdict(Counter)
    within = Order.objects.counting().filter(
        kind=Order.Kind.SALE,
        currency=currency,
        contact__messages__rotation=rotation,
        placed_at__gte=rotation.started_at,
        placed_at__lt=rotation.started_at + dt.timedelta(days=campaign.window_days),
    )
    without = _NOT_GONE if is_points_only else (*_NOT_GONE, State.POINTS_ONLY)
    for message_id, letter, state, net_minor in within.values_list(
        "contact__messages__pk", "contact__messages__variant", "contact__messages__state", "net_minor"
    ):
        if state not in without:
            bought[_side(letter, state)][message_id] += net_minor
    return bought


def _side(letter: str, state: str) -> str:
    return "" if state == State.HELD_OUT else letter


@dataclass(frozen=True)
class VariantResult:
    """All mailings of one version together; money in minor units of the shop's currency."""

    letter: str
    people: int
    sent: int
    clicked: int
    ordered: int
    revenue_minor: int

    @property
    def ordered_rate(self) -> float:
        return self.ordered / self.people if self.people else 0.0

    @property
    def revenue_each(self) -> int:
        return round(self.revenue_minor / self.people) if self.people else 0


def by_variant(found: Iterable[Outcome]) -> list[VariantResult]:
    """Add the mailings up by version, those left out on purpose last."""
    found = list(found)
    letters = sorted({one.letter for one in found}, key=lambda letter: (not letter, letter))
    names = ("people", "sent", "clicked", "ordered", "revenue_minor")
    mailings = {letter: [one for one in found if one.letter == letter] for letter in letters}
    return [
        VariantResult(letter, **{name: sum(getattr(one, name) for one in ones) for name in names})
        for letter, ones in mailings.items()
    ]
