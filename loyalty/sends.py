"""The shop's own experiments: who got an offer, who was left out by chance, and what they bought afterwards.

A person counts once in a campaign, at the first mailing that would have reached them: whoever is left out of a campaign
is left out of all its repeats, and whether somebody is still in the group at a later one may already be the offer's
doing. Everybody drawn to be written to counts as written to, delivered or not; what failed would differ between people,
the draw does not.
"""

import datetime as dt

import numpy as np
from django.db.models import Exists, OuterRef

from crm.campaigns import variants
from crm.campaigns.models import Campaign, Message, Rotation
from crm.coupons.mentions import coupons_in
from crm.coupons.models import Coupon
from crm.lib import bulk
from loyalty.dates import date_of, day_number
from loyalty.estimators import lifecycle
from loyalty.estimators.base import History, Summary, counts_between, summarise
from loyalty.estimators.rhythm import Rhythm
from loyalty.estimators.rungs import RUNGS
from loyalty.estimators.uplift import Sends

COUPONS = {Coupon.Gives.SHIPPING: "shipping", Coupon.Gives.PRODUCT: "gift", Coupon.Gives.BUY_GET: "gift"}
NOTE_SEGMENTS = "offer-note"  # begins the slug of a group that is told about expiring points
MOST_TRIALS, MOST_ROWS = 24, 200_000  # the newest
UNDELIVERED = 0.1  # of a mailing: with more of it stopped on the way, those it reached are no fair draw any more
NOT_GONE = (
    Message.State.QUEUED, Message.State.CLAIMED, Message.State.RETRY, Message.State.STOPPED,
    Message.State.WITHHELD, Message.State.CAPPED,
)  # fmt: skip
NAMES = ("visits", "spend", "usual_order", "quiet", "usual_gap", "overdue", "age", "chance")


def known(summary: Summary, rhythm: Rhythm, *, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what is known of each buyer at the cut, [b, len(NAMES)], and their life-cycle stage [b].

    The chance of an order within so many days is that of their own rhythm.
    """
    usual = lifecycle.usual_gaps(summary)
    features = np.column_stack(
        [
            summary.visits, summary.spend, summary.spend / summary.visits, summary.quiet, usual, summary.quiet / usual,
            summary.age, 1 - rhythm.no_purchase(summary, days),
        ]
    ).astype(np.float64)  # fmt: skip
    return features, lifecycle.stages(summary).astype(np.int64)


def load(past: History, rhythm: Rhythm, *, margin: float, point_minor: float) -> Sends | None:
    """Return every send of the past whose window is over, or None where nobody was ever left out.

    `past` is known up to its `as_of`; `margin` (0 to 1) of what orders take in and `point_minor` for each point given
    make the profit.
    """
    light = past.without_lines()
    trials = [_trial(rotation, light, rhythm, margin, point_minor) for rotation in _rotations(light.as_of)]
    parts = [part for part in trials if part is not None]
    if not parts:
        return None
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Sends(**columns, arms=RUNGS, names=NAMES, cells=lifecycle.STAGES)


def _rotations(as_of: int) -> list[Rotation]:
    """Return the newest mailings that left people out and whose window is over."""
    today = date_of(as_of)
    left_out = Message.objects.filter(rotation=OuterRef("pk"), state=Message.State.HELD_OUT)
    rotations = (
        Rotation.objects.filter(
            Exists(left_out), finished_at__isnull=False, local_date__lte=today, campaign__automation=None
        )  # an automation writes to a few each day: each of its days would be a trial of its own
        .select_related("campaign__segment")
        .order_by("-local_date", "-pk")[: 2 * MOST_TRIALS]
    )
    found, rows = [], 0
    for rotation in rotations:
        people = sum(rotation.counts.values())
        is_over = rotation.local_date + dt.timedelta(days=rotation.campaign.window_days) <= today
        if is_over and rows + people <= MOST_ROWS and len(found) < MOST_TRIALS:
            found.append(rotation)
            rows += people
    return found


def _trial(
    rotation: Rotation, past: History, rhythm: Rhythm, margin: float, point_minor: float
) -> dict[str, np.ndarray] | None:
    """Return the rows of one mailing, or None where its draw was broken or nobody of it had bought before."""
    rows = _first_time(rotation)
    treated = [row for row in rows if row[1] != Message.State.HELD_OUT]
    undelivered = sum(row[1] in NOT_GONE for row in treated)
    if not treated or len(treated) == len(rows) or undelivered > UNDELIVERED * len(treated):
        return None
    if rotation.campaign.points_budget is not None:  # beyond the last who got points, only those left out have a row
        last = max(row[0] for row in treated)
        rows = [row for row in rows if row[0] <= last]
    offers = _offers(rotation.campaign)
    contact, arm = np.empty(len(rows), np.int64), np.zeros(len(rows), np.int64)
    points = np.zeros(len(rows))
    for place, (contact_id, state, given, letter) in enumerate(rows):
        contact[place], points[place] = contact_id, given
        if state != Message.State.HELD_OUT:
            arm[place] = RUNGS.index(offers.get(letter) or ("points" if given else _plain(rotation.campaign)))
    propensity = (np.bincount(arm, minlength=len(RUNGS)) / len(arm))[arm]

    day = day_number(rotation.local_date)
    before = past.upto(day - 1)
    if not len(before.visits.day):
        return None
    summary = summarise(before)
    features, stage = known(summary, rhythm, days=rotation.campaign.window_days)
    of_contact = np.minimum(np.searchsorted(past.customer_ids, contact), len(past.customer_ids) - 1)
    place = np.full(len(past.customer_ids), -1)
    place[summary.customer] = np.arange(len(summary.customer))
    row = np.where(past.customer_ids[of_contact] == contact, place[of_contact], -1)
    keep = row >= 0  # whoever had not bought yet has no habits to go by
    if not keep.any():
        return None
    visits, spend = counts_between(past, day, day + rotation.campaign.window_days)
    customer = of_contact[keep]
    return {
        "customer": customer,
        "day": np.full(len(customer), day),
        "arm": arm[keep],
        "propensity": propensity[keep],
        "outcome": (visits[customer] > 0).astype(np.float64),
        "profit": margin * spend[customer] - point_minor * points[keep],
        "features": features[row[keep]],
        "cell": stage[row[keep]],
        "trial": np.full(len(customer), rotation.pk),
    }


def _first_time(rotation: Rotation) -> list[tuple[int, str, int, str]]:
    """Return contact, state, points and version of the people this mailing met first in its campaign."""
    earlier = Message.objects.filter(
        contact=OuterRef("contact"), rotation__campaign=rotation.campaign_id,
        rotation__local_date__lt=rotation.local_date,
    )  # fmt: skip
    mine = Message.objects.filter(rotation=rotation).exclude(Exists(earlier))
    return bulk.rows(mine.order_by().values_list("contact_id", "state", "points", "variant"))


def _offers(campaign: Campaign) -> dict[str, str]:
    """Return what each version of a campaign carries, by its letter, where it carries a coupon."""
    found = {}
    for one in variants.every(campaign):
        carried = coupons_in(one.subject, one.body, also_stopped=True).values_list("gives", flat=True)
        if carried:
            found[one.letter] = max((COUPONS.get(gives, "percent") for gives in carried), key=RUNGS.index)
    return found


def _plain(campaign: Campaign) -> str:
    is_note = campaign.segment is not None and campaign.segment.slug.startswith(NOTE_SEGMENTS)
    return "note" if is_note else "reminder"


def coupon_trials(sends: Sends) -> dict[int, list[int]]:
    """Return the trials whose campaign carried a coupon, by the coupon's id."""
    found: dict[int, list[int]] = {}
    mailings = Rotation.objects.filter(pk__in=bulk.among(np.unique(sends.trial).tolist()))
    for rotation in mailings.select_related("campaign"):
        for coupon_id in coupons_in(*variants.texts(rotation.campaign), also_stopped=True).values_list("pk", flat=True):
            found.setdefault(coupon_id, []).append(rotation.pk)
    return found
