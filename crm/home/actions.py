"""The action tray: what the analyst suggests tonight, without what the owner waved away."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from crm.home.models import Action, Dismissal

DISMISSED_FOR = dt.timedelta(days=14)
SHOWN = 5


@dataclass(frozen=True)
class Suggestion:
    """One thing worth doing. Texts are {"en": ..., "zh-hans": ...}; gains is (low, high) in minor units."""

    key: str
    kind: str
    title: dict[str, str]
    evidence: dict[str, str]
    why: dict[str, str]
    button: dict[str, str]
    url: str
    icon: str = "sparkles"
    gains: tuple[int, int] | None = None
    cost: int | None = None
    rank: int = field(default=100)


@transaction.atomic
def replace_all(suggestions: Iterable[Suggestion], *, as_of: dt.date) -> int:
    """Put these suggestions in place of all earlier ones; return how many there are now."""
    Action.objects.all().delete()
    rows = [
        Action(
            key=one.key,
            kind=one.kind,
            icon=one.icon,
            title=one.title,
            evidence=one.evidence,
            why=one.why,
            button=one.button,
            url=one.url,
            gain_low_minor=one.gains[0] if one.gains else None,
            gain_high_minor=one.gains[1] if one.gains else None,
            cost_minor=one.cost,
            rank=one.rank,
            as_of=as_of,
        )
        for one in suggestions
    ]
    return len(Action.objects.bulk_create(rows))


def revise(
    key: str, *, title: dict[str, str], evidence: dict[str, str] | None = None, gains: tuple[int, int] | None = None
) -> bool:
    """Say anew, between two nights, what a suggestion is about; tell whether it is still there."""
    said = {"title": title}
    if evidence is not None:
        said |= {"evidence": evidence}
    if gains is not None:
        said |= {"gain_low_minor": gains[0], "gain_high_minor": gains[1]}
    return Action.objects.filter(key=key).update(**said) > 0


def withdraw(key: str) -> bool:
    """Take a suggestion back between two nights; tell whether there was one."""
    return Action.objects.filter(key=key).delete()[0] > 0


def current(*, now: dt.datetime, limit: int = SHOWN) -> list[Action]:
    """Return the suggestions to show, best first, without those dismissed less than 14 days ago."""
    away = Dismissal.objects.filter(until__gt=now).values("key")
    return list(Action.objects.exclude(key__in=away).order_by("rank", "id")[:limit])


def dismiss(key: str, *, now: dt.datetime) -> bool:
    """Hide a suggestion for 14 days; tell whether there is one of this key."""
    if not Action.objects.filter(key=key).exists():
        return False
    Dismissal.objects.update_or_create(key=key, defaults={"until": now + DISMISSED_FOR})
    return True


def bring_back(key: str) -> bool:
    """Undo a dismissal; tell whether there was one."""
    return Dismissal.objects.filter(key=key).delete()[0] > 0


def bring_back_all() -> int:
    """Undo every dismissal; return how many there were."""
    return Dismissal.objects.all().delete()[0]


def hidden_count(*, now: dt.datetime) -> int:
    """Return how many of tonight's suggestions are dismissed."""
    return Action.objects.filter(key__in=Dismissal.objects.filter(until__gt=now).values("key")).count()
