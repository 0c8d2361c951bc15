"""How groups of customers that the owner names fare: who is called likely to leave, written to, offered money off.

Nothing is inferred: a group is what stands in a field of the customer. Each group is compared with all others; a gap
counts only where its interval leaves out zero, wide enough for all comparisons on the page together.
"""

import datetime as dt
from dataclasses import dataclass
from statistics import NormalDist

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from crm.accounts.models import Shop
from crm.campaigns.models import Message
from crm.contacts.forms import RISKS
from crm.contacts.models import Contact
from crm.lib import clock
from crm.orders.models import Order
from loyalty.estimators import bounds
from loyalty.estimators.rungs import WITHOUT_MONEY
from loyalty.models import Run, Score

FEWEST = 30  # customers; of fewer, chance alone makes any share
MOST_GROUPS = 12  # the largest; more are no groups anybody chose
OWN_FIELDS = ("country", "region", "city", "language")
WRITTEN_DAYS = 90
CALLED, STAYED_AWAY, WRITTEN, MONEY_OFF = "called", "stayed_away", "written", "money_off"


@dataclass(frozen=True)
class Rate:
    """A share of a group, its interval, and how far it lies from that of all others; None where there are too few."""

    hits: int
    of: int
    share: float | None = None
    low: float = 0.0
    high: float = 0.0
    gap: float | None = None
    gap_low: float = 0.0
    gap_high: float = 0.0

    @property
    def stands_out(self) -> bool:
        return self.gap is not None and (self.gap_low > 0 or self.gap_high < 0)


@dataclass(frozen=True)
class Group:
    name: str
    customers: int
    rates: dict[str, Rate]


@dataclass(frozen=True)
class Comparison:
    """Groups, the largest first, and how many customers have nothing in the field or belong to still smaller groups."""

    groups: list[Group]
    without: int
    others: int
    looked_back: Run | None  # the run whose word on who leaves can be checked by now


def fields() -> list[str]:
    """Return the names of custom fields that could name groups: filled for many, with few different values."""
    found: dict[str, dict[str, int]] = {}
    for extra in Contact.objects.alive().exclude(extra={}).order_by("-id").values_list("extra", flat=True)[:2_000]:
        for name, value in extra.items():
            if isinstance(value, str | int | bool) and str(value).strip():
                values = found.setdefault(name, {})
                values[str(value)] = values.get(str(value), 0) + 1
    return sorted(
        name
        for name, values in found.items()
        if 2 <= len(values) <= MOST_GROUPS and sum(values.values()) >= max(FEWEST, 2 * len(values))
    )


def compare(field: str, *, is_custom: bool, run: Run | None, shop: Shop, now: dt.datetime) -> Comparison:
    """Return how the groups of a field fare in the newest run and in the messages of the last weeks."""
    value = KeyTextTransform(field, "extra") if is_custom else F(field)
    people = Contact.objects.alive().annotate(value=value)
    sizes = {name: of for name, (_hits, of) in _counts(people, Q()).items()}
    chosen = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_GROUPS]
    before = judged_run(now=now, shop=shop) if run else None
    found = {WRITTEN: _of_people(people, now=now)}
    if run:
        found[CALLED] = _of_scores(run, value, Q(churn_risk__gte=RISKS["high"][1]), Q(churn_risk__isnull=False))
        found[MONEY_OFF] = _of_scores(run, value, ~Q(offer__in=[*WITHOUT_MONEY, ""]), ~Q(offer=""))
    if before:
        found[STAYED_AWAY] = _came_true(before, value, shop)
    comparisons = max(len(chosen) * len(found), 1)
    sure = NormalDist().inv_cdf(1 - 0.05 / 2 / comparisons)
    groups = [
        Group(name, sizes[name], {kind: _rate(name, counts, sure) for kind, counts in found.items()}) for name in chosen
    ]
    others = sum(size for name, size in sizes.items() if name not in chosen)
    return Comparison(groups, people.count() - sum(sizes.values()), others, before)


def judged_run(*, now: dt.datetime, shop: Shop) -> Run | None:
    """Return the newest run whose days are over and whose scores are still there."""
    today = clock.local_date(now, shop.timezone)
    done = Run.objects.filter(
        Exists(Score.objects.filter(run=OuterRef("pk"))), state=Run.State.DONE, horizon_days__gt=0, as_of__lt=today
    )
    for run in done.order_by("-as_of", "-id"):
        if run.as_of + dt.timedelta(days=run.horizon_days) < today:
            return run
    return None


Counts = dict[str, tuple[int, int]]  # group -> (hits, of)


def _counts(rows: QuerySet, hit: Q) -> Counts:
    """Count rows, and those that are hits, by their `value`; who has none there belongs to no group."""
    found: Counts = {}
    counted = rows.order_by().values("value").annotate(hits=Count("pk", filter=hit), of=Count("pk"))
    for name, hits, of in counted.values_list("value", "hits", "of"):
        said = str(name).strip() if name is not None else ""
        if said:
            before = found.get(said, (0, 0))
            found[said] = before[0] + hits, before[1] + of
    return found


def _of_scores(run: Run, value, hit: Q, counted: Q) -> Counts:
    scores = Score.objects.filter(counted, run=run, contact__erased_at=None)
    return _counts(scores.annotate(value=_through_contact(value)), hit)


def _through_contact(value):
    if isinstance(value, KeyTextTransform):
        return KeyTextTransform(value.key_name, "contact__extra")
    return F(f"contact__{value.name}")


def _of_people(people: QuerySet, *, now: dt.datetime) -> Counts:
    written = Message.objects.filter(contact=OuterRef("pk"), sent_at__gte=now - dt.timedelta(days=WRITTEN_DAYS))
    return _counts(people.annotate(is_written=Exists(written)), Q(is_written=True))


def _came_true(run: Run, value, shop: Shop) -> Counts:
    """Return of those called likely to leave how many did not order within the days the run spoke of."""
    start = clock.day_bounds(run.as_of, shop.timezone)[1]
    end = clock.day_bounds(run.as_of + dt.timedelta(days=run.horizon_days), shop.timezone)[1]
    orders = Order.objects.filter(
        contact=OuterRef("contact"), counts=True, kind=Order.Kind.SALE, placed_at__gte=start, placed_at__lt=end
    )
    called = Score.objects.filter(run=run, churn_risk__gte=RISKS["high"][1], contact__erased_at=None)
    return _counts(called.annotate(value=_through_contact(value), has_come=Exists(orders)), Q(has_come=False))


def _rate(name: str, counts: Counts, sure: float) -> Rate:
    hits, of = counts.get(name, (0, 0))
    if of < FEWEST:
        return Rate(hits, of)
    low, high = bounds.share(hits, of)
    other_hits, other_of = (sum(pair[place] for pair in counts.values()) - (hits, of)[place] for place in (0, 1))
    if other_of < FEWEST:
        return Rate(hits, of, hits / of, low, high)
    gap_low, gap_high = bounds.gap(hits, of, other_hits, other_of, sure)
    return Rate(hits, of, hits / of, low, high, hits / of - other_hits / other_of, gap_low, gap_high)
