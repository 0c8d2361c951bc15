"""Tests of a campaign's versions, as far as pages and the idle worker ask: which want a judgement, and how big one is.

No NumPy here; the judging itself is in loyalty.judging.
"""

import datetime as dt

from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.campaigns import audience, checklist, reporting, variants
from crm.campaigns.models import Attribution, Campaign, Rotation
from crm.lib.templatetags import say
from loyalty.estimators import sizing

AGAIN_AFTER = dt.timedelta(minutes=10)  # while something happens
DAILY = dt.timedelta(days=1)
LATE_ORDERS = dt.timedelta(days=30)  # imports may bring orders of a closed window for so long
RATE_BEFORE, WEIGHT_BEFORE = 0.02, 100  # what is believed of a message that was never sent, in messages

State = Campaign.State


def due(*, now: dt.datetime) -> list[int]:
    """Return the campaigns whose versions want a judgement: something happened, a day is over, or the last window."""
    last: dict[int, dt.datetime] = {}
    tested = set()
    started = Rotation.objects.filter(campaign__variants__isnull=False, started_at__lte=now).order_by("started_at")
    for campaign_id, at, shares in started.values_list("campaign_id", "started_at", "shares"):
        last[campaign_id] = at
        if len(shares) > 1:
            tested.add(campaign_id)
    campaigns = [
        one
        for one in Campaign.objects.filter(pk__in=tested).select_related("verdict").order_by("pk")
        if now < _ends(one, last[one.pk]) + LATE_ORDERS
    ]
    totals = reporting.totals([one.pk for one in campaigns]) if campaigns else {}
    return [one.pk for one in campaigns if _wants(one, ends=_ends(one, last[one.pk]), totals=totals[one.pk], now=now)]


def _ends(campaign: Campaign, started_at: dt.datetime) -> dt.datetime:
    return started_at + dt.timedelta(days=campaign.window_days)


def _wants(campaign: Campaign, *, ends: dt.datetime, totals: reporting.Totals, now: dt.datetime) -> bool:
    verdict = getattr(campaign, "verdict", None)
    if verdict is None:
        return True
    age = now - verdict.as_of
    if seen(totals) != verdict.memory.get("seen") and age >= AGAIN_AFTER:
        return True
    if now < ends:
        return age >= DAILY
    is_ended = campaign.state in (State.FINISHED, State.STOPPED)
    return verdict.as_of < ends or (is_ended and not verdict.memory.get("is_closed"))


def check(campaign: Campaign, shop: Shop, reach: audience.Audience) -> checklist.Check | None:
    """Say before it goes out which difference one mailing can show."""
    versions = variants.to_send(campaign)
    if len(versions) < 2:
        return None
    rate = rate_before(campaign)
    each = (reach.written_to or reach.get_points) * (1 - campaign.holdout_percent / 100) / len(versions)
    ratio = sizing.smallest_ratio(rate, each)
    words = {
        "each": say.number(round(each)),
        "more": more_orders(ratio or sizing.MOST_RATIO),
        "rate": say.number(round(100 * rate, 1)),
        "needed": say.number(rounded(sizing.people(rate, sizing.MOST_RATIO))),
    }
    if ratio is None:
        return checklist.Check(
            _("Size of the test"),
            checklist.WARN,
            _(
                "Each version goes to about %(each)s customers at a time. To see even %(more)s, about "
                "%(needed)s are needed (at %(rate)s orders per 100 messages). One version, or a campaign that repeats, "
                "serves you better."
            )
            % words,
        )
    return checklist.Check(
        _("Size of the test"),
        checklist.GOOD,
        _(
            "Each version goes to about %(each)s customers: enough to see %(more)s, or a bigger "
            "difference (at %(rate)s orders per 100 messages)."
        )
        % words,
    )


def more_orders(ratio: float) -> str:
    """Say a difference: "50% more orders", "2.1 times as many orders"."""
    if ratio >= 2:
        return _("%(times)s times as many orders") % {"times": say.number(round(ratio, 1))}
    return _("%(percent)s more orders") % {"percent": say.percent(ratio - 1)}


def rate_before(campaign: Campaign) -> float:
    """Return orders per message of the other campaigns, drawn towards two of a hundred while they are few."""
    others = Rotation.objects.exclude(campaign=campaign.pk).filter(finished_at__isnull=False)
    sent = sum(counts.get("sent", 0) for counts in others.values_list("counts", flat=True))
    orders = Attribution.objects.filter(message__rotation__in=others).values("message").distinct().count()
    return (orders + RATE_BEFORE * WEIGHT_BEFORE) / (sent + WEIGHT_BEFORE)


def seen(totals: reporting.Totals) -> list[int]:
    """Return what changes when something worth a new look happens."""
    return [totals.sent, totals.left, totals.people_clicked, totals.orders, totals.revenue_minor]


def rounded(count: float) -> int:
    """Round to two figures: 1,487 people is 1,500."""
    count = round(count)
    step = 10 ** max(0, len(str(count)) - 2)
    return round(count / step) * step
