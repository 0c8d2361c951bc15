"""The action tray: what the analyst suggests tonight and the shop's own books today, without what was waved away."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from crm.home.models import Action, Dismissal
from crm.lib.templatetags import say

DISMISSED_FOR = dt.timedelta(days=14)
SHOWN = 5
EXPIRING, DOUBLES, BY_ITSELF = "expiring", "doubles", "by_itself"
OWN_KINDS = (EXPIRING, DOUBLES, BY_ITSELF)  # what home.suggesting finds; all others are the analyst's
FEWEST = 3  # people: below that a suggestion is a phone call
RETURNING = (0.05, 0.15)  # of the people written to, who would not have come by themselves: a cautious range


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
    """Put the analyst's suggestions in place of all its earlier ones; return how many there are now."""
    return _replace(Action.objects.exclude(kind__in=OWN_KINDS), suggestions, as_of=as_of)


@transaction.atomic
def replace_own(suggestions: Iterable[Suggestion], *, as_of: dt.date) -> int:
    """Put what the shop's own books suggest in place of what they did; return how many there are now."""
    return _replace(Action.objects.filter(kind__in=OWN_KINDS), suggestions, as_of=as_of)


@transaction.atomic
def replace_one(suggestion: Suggestion, *, as_of: dt.date) -> None:
    """Put a suggestion in the place of what it said before, between two nights."""
    _replace(Action.objects.filter(key=suggestion.key), [suggestion], as_of=as_of)


def _replace(earlier: QuerySet[Action], suggestions: Iterable[Suggestion], *, as_of: dt.date) -> int:
    earlier.delete()
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


def in_every_language(write: Callable[[], str]) -> dict[str, str]:
    """Return {"en": ..., "zh-hans": ...} of a function that writes through gettext."""
    texts = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            texts[language] = str(write())
    return texts


def assumption(low: float, high: float) -> str:
    """Say what the range of money rests on."""
    return _("The range assumes that %(low)s to %(high)s of them come back who would not have come by themselves.") % {
        "low": say.percent(low),
        "high": say.percent(high),
    }


def sentences(first: str, second: str, language: str) -> str:
    """Put two whole sentences one after the other; Chinese takes no space between them."""
    return f"{first}{'' if language.startswith('zh') else ' '}{second}"


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
    return list(Action.objects.exclude(key__in=_away(now)).order_by("rank", "id")[:limit])


def count(*, now: dt.datetime) -> int:
    """Return how many suggestions are shown."""
    return Action.objects.exclude(key__in=_away(now))[:SHOWN].count()


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
    return Action.objects.filter(key__in=_away(now)).count()


def _away(now: dt.datetime) -> QuerySet:
    """Return the keys of what the owner waved away, and not long enough ago."""
    return Dismissal.objects.filter(until__gt=now).values("key")
