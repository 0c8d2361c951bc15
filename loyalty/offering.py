"""What the shop can offer, what each offer costs it, to whom it may be made, and who got and redeemed which coupon."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Avg, Count, F, FloatField, Min, Q, QuerySet, Sum
from django.db.models.functions import Cast

from crm.accounts.models import Shop
from crm.campaigns import variants
from crm.campaigns.models import Campaign, Message
from crm.contacts import consent
from crm.contacts.models import Contact
from crm.coupons.mentions import coupons_in
from crm.coupons.models import Code, Coupon, Use
from crm.lib import bulk, clock
from crm.orders.models import Order, OrderLine, Product
from crm.rewards import costing
from crm.rewards.models import Entry, Lot
from loyalty.dates import day_number

YEAR = dt.timedelta(days=365)
MARGIN_UNKNOWN = 0.5  # of an order, where too few cost prices are known
ENOUGH_COSTS = 0.2  # of the year's sales, with a cost price, to speak of the shop's margin
SHIPPED = 0.2  # of orders that paid for shipping, from which on free shipping is an offer at all
GUESSED_BACK = 0.05  # of an order, given back in points, where no reward says what points buy
GIFT_FROM, GIFT_TO = 0.05, 0.25  # of a usual order: what a gift is worth
PERCENT = 10
EXPIRES_WITHIN = dt.timedelta(days=45)
MOST_USES = 20_000  # the newest
MOST_CAMPAIGNS, MOST_GIVEN = 100, 300_000  # the newest


@dataclass(frozen=True)
class Offering:
    """Costs in minor units of the shop's currency; a cost of None: the shop cannot offer it."""

    margin: float  # of what an order takes in, 0 to 1
    is_margin_known: bool
    percent: int
    points: int | None  # as many as a usual order earns: such a gift doubles them
    points_minor: float | None  # what those are expected to cost
    is_point_known: bool  # by a reward; else reckoned as GUESSED_BACK of a usual order
    shipping_minor: float | None
    gift_id: int | None
    gift_minor: float | None
    point_minor: float | None  # what one point is expected to cost
    may_write: set[int]
    locked: set[int]
    expiring: dict[int, int]  # contact -> points whose last day is near


def read(*, now: dt.datetime) -> Offering:
    """Read what the shop could offer at this moment."""
    shop = Shop.current()
    sales = Order.objects.counting().filter(
        kind=Order.Kind.SALE, currency=shop.currency, placed_at__gte=now - YEAR, placed_at__lte=now
    )
    totals = sales.aggregate(
        orders=Count("id"), usual=Avg("net_minor"), shipped=Count("id", filter=Q(shipping_minor__gt=0)),
        shipping=Avg("shipping_minor", filter=Q(shipping_minor__gt=0)),
    )  # fmt: skip
    margin = _margin(sales)
    kept = MARGIN_UNKNOWN if margin is None else margin
    gift = _gift(totals["usual"] or 0)
    points, point_minor = _points(totals["usual"] or 0, now=now)
    allowed = consent.may_write(Contact.objects.profiled(), write_to=shop.write_to)
    return Offering(
        margin=kept,
        is_margin_known=margin is not None,
        percent=PERCENT,
        points=points,
        points_minor=points and points * point_minor,
        is_point_known=costing.point_worth() is not None,
        shipping_minor=totals["shipping"] if totals["shipped"] > SHIPPED * totals["orders"] else None,
        gift_id=gift and gift.pk,
        gift_minor=gift and (gift.cost_minor if gift.cost_minor is not None else gift.price_minor * (1 - kept)),
        point_minor=point_minor,
        may_write=set(allowed.values_list("pk", flat=True)),
        locked=set(Contact.objects.filter(never_discount=True).values_list("pk", flat=True)),
        expiring=_expiring(now=now),
    )  # fmt: skip


def _margin(sales) -> float | None:
    """Return what is left of a sale after what the goods cost; None where too few cost prices are known."""
    is_known = Q(product__cost_minor__isnull=False)
    sums = OrderLine.objects.filter(order__in=sales, total_minor__gt=0, quantity__gt=0).aggregate(
        whole=Sum("total_minor"), known=Sum("total_minor", filter=is_known),
        cost=Sum(F("quantity") * Cast("product__cost_minor", FloatField()), filter=is_known),
    )  # fmt: skip
    known = int(sums["known"] or 0)
    if not known or known < ENOUGH_COSTS * int(sums["whole"]):
        return None
    return min(max(1 - float(sums["cost"]) / known, 0.05), 0.95)


def _gift(usual_minor: float) -> Product | None:
    """Return the product sold most of those that are worth a small part of a usual order."""
    return (
        Product.objects.filter(
            is_active=True, price_minor__gte=GIFT_FROM * usual_minor, price_minor__lte=GIFT_TO * usual_minor,
            price_minor__gt=0, sold_quantity__gt=0,
        )
        .order_by("-sold_quantity", "pk")
        .first()
    )  # fmt: skip


def _expiring(*, now: dt.datetime) -> dict[int, int]:
    soon = Lot.objects.filter(
        state=Lot.State.ACTIVE, expires_at__gt=now, expires_at__lte=now + EXPIRES_WITHIN, account__contact__isnull=False
    )
    points = soon.values_list("account__contact_id").annotate(points=Sum("remaining")).order_by()
    return {contact_id: int(count) for contact_id, count in points}


def _points(usual_minor: float, *, now: dt.datetime) -> tuple[int | None, float | None]:
    """Return how many points a usual order earns and what a point is expected to cost; None where nobody earns any."""
    earned = Entry.objects.filter(kind=Entry.Kind.ORDER, points__gt=0, at__gt=now - YEAR, at__lte=now)
    each = earned.aggregate(points=Avg("points"))["points"]
    if not each:
        return None, None
    worth = costing.point_worth()
    if worth is None:
        return max(round(each), 1), GUESSED_BACK * usual_minor / each
    in_the_end = costing.cost(now=now).rates.redeemed_in_the_end
    return max(round(each), 1), worth.worth_minor / worth.points * (1.0 if in_the_end is None else in_the_end)


@dataclass(frozen=True)
class Redeemed:
    """Coupons redeemed by known customers, one place per use; `name` by coupon. Money in minor units."""

    since: dt.date
    coupon: list[int]
    contact: list[int]
    day: list[int]  # since 1970-01-01 in the shop's zone
    discount: list[int]
    names: dict[int, str]
    unnamed_minor: int  # given to buyers nobody knows


def redeemed(*, now: dt.datetime) -> Redeemed:
    """Read the coupons redeemed in the last year; gift cards are paid for and no discount."""
    shop = Shop.current()
    used = Use.objects.filter(
        state=Use.State.REDEEMED, redeemed_at__gt=now - YEAR, redeemed_at__lte=now, discount_minor__gt=0
    ).exclude(coupon__gives=Coupon.Gives.GIFT_CARD)
    known = used.filter(contact__isnull=False).order_by("-redeemed_at", "-pk")
    rows = known.values_list("coupon_id", "contact_id", "redeemed_at", "discount_minor")[:MOST_USES]
    coupon, contact, at, discount = map(list, zip(*rows)) if rows else ([], [], [], [])
    return Redeemed(
        since=clock.local_date(now - YEAR, shop.timezone),
        coupon=coupon,
        contact=contact,
        day=[day_number(clock.local_date(moment, shop.timezone)) for moment in at],
        discount=discount,
        names=dict(Coupon.objects.filter(pk__in=bulk.among(set(coupon))).values_list("pk", "name")),
        unnamed_minor=int(used.filter(contact=None).aggregate(total=Sum("discount_minor"))["total"] or 0),
    )


@dataclass(frozen=True)
class Given:
    """Coupons that known customers hold or held, one row for each customer and coupon. Moments are days since 1970."""

    contact: list[int]
    coupon: list[int]
    sort: list[int]  # what it gives: place in Coupon.Gives
    at: list[float]  # when they got it
    until: list[float]  # the end of its last day
    threshold: list[float]  # money to spend, minor units
    reward: list[float]  # what it is worth at most, about; minor units
    done: list[float]  # when they used it first; nan: not
    seen: list[float]  # when they clicked in the message that brought it; nan: not, or nobody knows
    about: dict[int, tuple[str, int]]  # coupon: its name and its last day, since 1970


def given(*, now: dt.datetime) -> Given:
    """Read who got which coupon, by the code in a message they were sent or by a code of their own, and who used it."""
    shop = Shop.current()
    coupons = {
        one.pk: one
        for one in Coupon.objects.exclude(gives=Coupon.Gives.GIFT_CARD)
        .filter(ends_on__isnull=False, created_at__gt=now - 2 * YEAR, created_at__lte=now)
        .select_related("product")
    }
    got = _by_message(coupons, now=now)
    own = Code.objects.filter(coupon__in=bulk.among(coupons), contact__isnull=False, created_at__lte=now)
    for contact_id, coupon_id, at in own.order_by("id").values_list("contact_id", "coupon_id", "created_at"):
        known = got.get((contact_id, coupon_id))
        if known is None or at < known[0]:
            got[contact_id, coupon_id] = at, known and known[1]
    uses = Use.objects.filter(
        coupon__in=bulk.among(coupons), contact__isnull=False, state=Use.State.REDEEMED, redeemed_at__lte=now
    )
    newest_first = uses.order_by("-redeemed_at").values_list("contact_id", "coupon_id", "redeemed_at")
    used = {(who, pk): at for who, pk, at in newest_first}  # the first use stays
    worth = _worth(coupons.values(), now=now)
    ends = {pk: _days(clock.day_bounds(one.ends_on, shop.timezone)[1]) for pk, one in coupons.items()}
    sorts, rows = Coupon.Gives.values, []
    for (who, pk), (at, seen) in sorted(got.items(), key=lambda one: one[0]):
        done, least = used.get((who, pk)), float(coupons[pk].least_minor or 0)
        if _days(at) < ends[pk] and (done is None or done >= at):
            sort = sorts.index(coupons[pk].gives)
            rows.append((who, pk, sort, _days(at), ends[pk], least, worth[pk], _days(done), _days(seen)))
    columns = [list(column) for column in zip(*rows)] or [[] for _ in range(9)]
    return Given(*columns, about={pk: (one.name, day_number(one.ends_on)) for pk, one in coupons.items()})


def _by_message(coupons: dict[int, Coupon], *, now: dt.datetime) -> dict[tuple[int, int], tuple]:
    """Return (contact, coupon) -> (when it was sent, when they clicked in it) of codes that stood in a message."""
    got: dict[tuple[int, int], tuple] = {}
    mailed = Campaign.objects.filter(rotations__started_at__lte=now).distinct().order_by("-pk")[:MOST_CAMPAIGNS]
    for campaign in mailed:
        for version in variants.every(campaign):
            carried = [pk for pk in _carried(version) if pk in coupons]
            if not carried:
                continue
            sent = Message.objects.filter(
                rotation__campaign=campaign, variant=version.letter, state=Message.State.SENT, sent_at__lte=now
            ).annotate(seen=Min("clicks__at", filter=Q(clicks__at__lte=now)))
            for contact_id, at, seen in sent.order_by("sent_at", "pk").values_list("contact_id", "sent_at", "seen"):
                for coupon_id in carried:
                    known = got.get((contact_id, coupon_id))
                    if known is None or at < known[0]:  # campaigns come newest first; what counts is the first message
                        got[contact_id, coupon_id] = at, seen
        if len(got) > MOST_GIVEN:
            break
    return got


def _carried(campaign: Campaign) -> QuerySet:
    return coupons_in(campaign.subject, campaign.body, also_stopped=True).values_list("pk", flat=True)


def _worth(coupons: Iterable[Coupon], *, now: dt.datetime) -> dict[int, float]:
    """Return about how much money each coupon takes off a usual order."""
    sales = Order.objects.counting().filter(kind=Order.Kind.SALE, placed_at__gte=now - YEAR, placed_at__lte=now)
    mean = sales.aggregate(
        usual=Avg("net_minor"), shipping=Avg("shipping_minor", filter=Q(shipping_minor__gt=0))
    )
    usual, found = float(mean["usual"] or 0), {}
    for one in coupons:
        match one.gives:
            case Coupon.Gives.PERCENT:
                found[one.pk] = usual * (one.percent or 0) / 100
            case Coupon.Gives.AMOUNT:
                found[one.pk] = float(one.amount_minor or 0)
            case Coupon.Gives.SHIPPING:
                found[one.pk] = float(mean["shipping"] or 0)
            case _:
                price = one.product.price_minor if one.product else None
                found[one.pk] = float(price if price is not None else usual * PERCENT / 100)
    return found


def _days(moment: dt.datetime | None) -> float:
    return float("nan") if moment is None else moment.timestamp() / 86_400
