"""What all the answers together say: the score, month by month, how many answered, and where answers differ."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Q

from crm.accounts.models import Shop
from crm.campaigns.models import Campaign, Message, Rotation
from crm.lib import clock
from crm.listening import asking, scoring
from crm.listening.digesting import LOOKS_BACK, NAME
from crm.listening.models import Answer, Desk, Digest, Feeling
from crm.listening.scoring import Score

MAILINGS, QUOTES = 6, 3


@dataclass(frozen=True)
class Month:
    first: dt.date
    score: Score
    counts: dict[str, int]  # feeling -> answers


@dataclass(frozen=True)
class Mailing:
    """How many of those who were asked by a mailing have answered."""

    rotation: Rotation
    sent: int
    rate: Score


@dataclass(frozen=True)
class Overview:
    asks: str
    since: dt.date
    today: dt.date
    counts: dict[str, int]
    score: Score | None
    months: list[Month]  # the oldest first
    mailings: list[Mailing]  # the newest first
    rate: Score | None  # of these mailings together
    digest: Digest | None
    quotes: list[Answer]  # the newest words that may be quoted
    others: int  # answers to the other question, which are not counted here

    @property
    def is_enough(self) -> bool:
        return self.score is not None and self.score.is_enough


def read(*, shop: Shop, now: dt.datetime) -> Overview:
    """Return what answers of the last twelve months say, in a number of queries that does not grow."""
    today, asks = clock.local_date(now, shop.timezone), Desk.current().asks
    since = today - LOOKS_BACK
    months = _months(asks, since)
    counts = {feeling.value: sum(month.counts[feeling] for month in months) for feeling in Feeling}
    mailings = _mailings(since)
    quotable = Answer.objects.filter(may_quote=True, feeling=Feeling.GOOD, on_date__gte=since)
    digest = Digest.objects.filter(name=NAME).first()
    return Overview(
        asks=asks,
        since=since,
        today=today,
        counts=counts,
        score=scoring.of(asks, **counts),
        months=months,
        mailings=mailings,
        rate=scoring.share(
            sum(round(one.rate.value * one.sent) for one in mailings), sum(one.sent for one in mailings)
        ),
        digest=digest if digest and digest.body["asks"] == asks else None,
        quotes=list(quotable.select_related("contact").order_by("-at", "-pk")[:QUOTES]),
        others=Answer.objects.filter(on_date__gte=since).exclude(asks=asks).count(),
    )


def _months(asks: str, since: dt.date) -> list[Month]:
    """Count by day and score along an index, and put the days of a month together."""
    rows = Answer.objects.filter(asks=asks, on_date__gte=since).order_by().values_list("on_date", "score")
    found: dict[dt.date, dict[str, int]] = {}
    for on_date, score, count in rows.annotate(count=Count("pk")):
        month = found.setdefault(on_date.replace(day=1), dict.fromkeys(Feeling.values, 0))
        month[scoring.feeling(asks, score)] += count
    return [Month(first, scoring.of(asks, **found[first]), found[first]) for first in sorted(found)]


def _mailings(since: dt.date) -> list[Mailing]:
    """Return the newest mailings that asked the question, with how many answered."""
    marked = Q(body__contains=asking.FIELD) | Q(variants__body__contains=asking.FIELD)
    asked = Campaign.objects.filter(marked).values("pk")
    rotations = Rotation.objects.filter(campaign__in=asked, local_date__gte=since).select_related("campaign")
    newest = list(rotations.order_by("-started_at", "-pk")[:MAILINGS])
    sent = _by_rotation(Message.objects.filter(rotation__in=newest, state=Message.State.SENT))
    answered = _by_rotation(Answer.objects.filter(rotation__in=newest))
    return [
        Mailing(one, sent[one.pk], scoring.share(min(answered.get(one.pk, 0), sent[one.pk]), sent[one.pk]))
        for one in newest
        if sent.get(one.pk)
    ]


def _by_rotation(rows) -> dict[int, int]:
    return dict(rows.order_by().values_list("rotation").annotate(count=Count("pk")))
