"""What an automation does about each occasion on a day. Pure: the daily run and the rehearsal ask the same function."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from crm.campaigns.models import Occasion

CAP_DAYS = 7
WRITE, HOLD_OUT = "write", "hold_out"
WAIT = "wait"  # till the limit allows it, or their complaint is settled
PASS = "pass"  # nobody we may write to: not met, so that a later yes may still count

Ended = Occasion.Ended


@dataclass(frozen=True, slots=True)
class Open:
    """An occasion whose message number `step` was due on a day."""

    contact_id: int
    key: str
    happened_at: dt.datetime
    due: dt.date
    step: int = 1
    pk: int | None = None


@dataclass
class Known:
    """What is known of the people at the moment of a run."""

    may_write: Collection[int]
    orders: Mapping[int, list[dt.datetime]]  # when they ordered, as far as an order would end it
    is_held_out: Callable[[int], bool]
    held_back: Collection[int] = ()  # those of the others who said no such thing, and get nothing for now
    written: dict[int, list[dt.date]] = field(default_factory=lambda: defaultdict(list))  # on which days, by whatever


def decide(
    occasions: Iterable[Open], *, known: Known, moment: dt.datetime, today: dt.date, grace_days: int, most: int | None
) -> list[tuple[Open, str]]:
    """Return each occasion with what happens to it today: WRITE, HOLD_OUT, WAIT, PASS or why it is over.

    Nobody gets two messages of one run. Whoever is written to counts as written to for the next question.
    """
    decided, met = [], set()
    for one in sorted(occasions, key=lambda one: (one.due, one.contact_id, one.key)):
        fate = _fate(one, known, moment=moment, today=today, grace_days=grace_days, most=most)
        if fate in (WRITE, HOLD_OUT):
            if one.contact_id in met:
                fate = WAIT
            elif fate == WRITE:
                known.written[one.contact_id].append(today)
            met.add(one.contact_id)
        decided.append((one, fate))
    return decided


def _fate(
    one: Open, known: Known, *, moment: dt.datetime, today: dt.date, grace_days: int, most: int | None
) -> str:
    last_day = one.due + dt.timedelta(days=grace_days)
    if today > last_day:
        return Ended.LATE
    if any(one.happened_at < at <= moment for at in known.orders.get(one.contact_id, ())):
        return Ended.ORDERED
    if one.contact_id not in known.may_write:
        if one.step == 1:
            return PASS
        return WAIT if one.contact_id in known.held_back else Ended.SAID_NO
    if known.is_held_out(one.contact_id):
        return HOLD_OUT
    if most is not None and written_lately(known.written.get(one.contact_id, ()), today=today) >= most:
        return WAIT if today < last_day else Ended.CAPPED
    return WRITE


def written_lately(days: Iterable[dt.date], *, today: dt.date) -> int:
    """Return how many of these messages count against the limit of a week."""
    return sum(today - dt.timedelta(days=CAP_DAYS) < day <= today for day in days)
