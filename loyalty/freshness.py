"""Between two nights: what an order, a refund, a cancellation or a visit changes about one customer, within seconds.

Grades are read off the cut points of the latest run, the group and the stage follow by the rules of estimators.rfm and
estimators.lifecycle, said again here for one person in plain arithmetic (the worker stays small; the tests hold both to
the same answer for everybody). Chances are not worked out again: they are left out until the night does it.

`note` writes down which orders changed, in the transaction of the change, and `note_visits` who looked around on the
website: once for a stroll through it, not for every page. `refresh_due` looks at them. Its transactions
follow one another (SQLite has one writer; elsewhere each locks the shop's row), and each reads after the one before has
been written, so the newest word is the last. A night that finishes meanwhile is noticed afterwards by both sides: see
`renew`.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.db import transaction

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import bulk, clock
from crm.orders.models import Order
from loyalty import pasts, publishing
from loyalty.dates import date_of, day_number
from loyalty.models import Fresh, Run, Score, Stir
from loyalty.pasts import Past

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    from loyalty.estimators.base import Summary
    from loyalty.estimators.rfm import Grades

Seen = Mapping[int, dt.datetime]  # contact -> when it was noted

A_STROLL = dt.timedelta(minutes=10)  # further pages looked at within it say nothing new
MOST_AT_ONCE = 200  # orders told of in one go; more is an import, and waits for the night
PORTION = 500  # orders looked at in one transaction
BOOKED_WITHIN = dt.timedelta(minutes=1)  # from noting a change to the end of its transaction, at most
COLUMNS = (
    "contact_id", "run_id", "at", "visited_at", "first_date", "last_date", "is_back", "visits", "spent_minor",
    "recency_grade", "frequency_grade", "money_grade", "group", "stage", "usual_gap_days",
)  # fmt: skip


@dataclass(frozen=True)
class CutPoints:
    """Where the grades of a run change: the value that is needed for grade 2, 3, 4 and 5, None where nobody has it."""

    recency: list[int | None]  # at most so many days quiet on the run's date
    frequency: list[int | None]  # at least so many days with an order
    money: list[float | None]  # at least so much spent, minor units
    gap: float  # days, the shop's usual one


def cut_points(summary: "Summary", grades: "Grades", gap: float) -> dict:
    """Return the cut points of a night as JSON."""

    def least(values, grade) -> list:
        return [values[grade >= step].min().item() if (grade >= step).any() else None for step in (2, 3, 4, 5)]

    recency = [None if quiet is None else -quiet for quiet in least(-summary.quiet, grades.recency)]
    frequency, money = least(summary.visits, grades.frequency), least(summary.spend, grades.money)
    return asdict(CutPoints(recency, frequency, money, gap))


# What changed


def note(order_ids: Collection[int], *, now: dt.datetime) -> bool:
    """Write down that these orders changed, inside the caller's transaction; tell whether that was done."""
    if not 0 < len(order_ids) <= MOST_AT_ONCE:
        return False
    Stir.objects.bulk_create(Stir(order_id=order_id, at=now) for order_id in order_ids)
    return True


def note_visits(contact_ids: Collection[int], *, now: dt.datetime) -> bool:
    """Write down who visited the website, once a stroll, inside the caller's transaction; tell whether anybody was."""
    waiting = Stir.objects.filter(contact_id__in=contact_ids).values_list("contact_id", flat=True)
    seen = Fresh.objects.filter(contact__in=contact_ids, visited_at__gt=now - A_STROLL)
    new = set(contact_ids) - {*waiting, *seen.values_list("contact_id", flat=True)}
    Stir.objects.bulk_create(Stir(contact_id=contact_id, at=now) for contact_id in sorted(new))
    return bool(new)


def refresh_due(*, now: dt.datetime) -> int:
    """Look at everybody who is noted; return how many people that was."""
    done = 0
    while Stir.objects.exists():
        with transaction.atomic():
            _wait_for_the_others()
            run = Run.objects.latest_done()
            stirred = list(Stir.objects.order_by("id").values_list("id", "order_id", "contact_id", "at")[:PORTION])
            Stir.objects.filter(id__in=bulk.among([pk for pk, *_rest in stirred])).delete()
            if not _can_tell(run):  # the next night reads everything anyway
                continue
            noted = {order_id: at for _pk, order_id, _contact, at in stirred if order_id is not None}
            visited = {contact_id: at for _pk, _order, contact_id, at in stirred if contact_id is not None}
            orders = Order.objects.filter(id__in=bulk.among(noted)).exclude(contact=None).order_by("id")
            seen = dict(visited)
            for order_id, contact_id in orders.values_list("id", "contact_id"):
                seen[contact_id] = max(noted[order_id], seen.get(contact_id, noted[order_id]))
            done += _refresh(seen, run=run, now=now, visited=visited)
    return done + renew(now=now)


def renew(*, now: dt.datetime) -> int:
    """Judge people who were refreshed against an earlier run by the latest one, or leave them to it; return how many.

    Called after each night and after each refresh: whichever of the two comes last sees what the other wrote.
    """
    run = Run.objects.latest_done()
    if not _can_tell(run) or not Fresh.objects.exclude(run=run).exists():
        return 0
    with transaction.atomic():
        _wait_for_the_others()
        run = Run.objects.latest_done()
        seen = dict(Fresh.objects.exclude(run=run).values_list("contact_id", "at"))
        return _refresh(seen, run=run, now=now)


def _wait_for_the_others() -> None:
    """Let refreshes follow one another until the end of the transaction."""
    Shop.objects.select_for_update(no_key=True).order_by("id").first()


def _can_tell(run: Run | None) -> bool:
    return run is not None and bool(run.cut_points)  # a run of an earlier version left none


def _refresh(seen: Seen, *, run: Run, now: dt.datetime, visited: Seen = MappingProxyType({})) -> int:
    """Write what stands about these people now; those of whom the run knows everything need no word beside it.

    `seen` says when it was noted that their orders changed or that they `visited`; it is in the books a moment later.
    """
    shop = Shop.current()
    alive = set(Contact.objects.profiled().filter(id__in=bulk.among(seen)).values_list("id", flat=True))
    today = max(clock.local_date(now, shop.timezone), run.as_of)
    told = {
        contact_id: chances
        for contact_id, *chances in Score.objects.filter(run=run, contact__in=bulk.among(alive)).values_list(
            "contact_id", "churn_risk", "at_stake_minor"
        )
    }
    before = Fresh.objects.filter(contact__in=bulk.among(alive), visited_at__gte=run.started_at)
    came = dict(before.values_list("contact_id", "visited_at")) | visited
    rows, moved = [], []
    for contact_id, past in pasts.read(alive, as_of=today, shop=shop).items():
        if seen[contact_id] + BOOKED_WITHIN < run.started_at and not past.has_news_after(day_number(run.as_of)):
            continue
        if contact_id in visited and not past.orders and contact_id not in told:
            continue  # somebody who looks around and never bought: there is nothing to refresh
        fresh = _fresh(past, run=run)
        rows.append([contact_id, run.pk, seen[contact_id], came.get(contact_id), *fresh])
        said = dict(zip(COLUMNS[4:], fresh))
        risk, stake = told.get(contact_id, (None, None))
        if said["is_back"] or not said["visits"]:
            risk = stake = None
        moved.append(publishing.Moved(contact_id, said["group"], said["stage"], risk, stake, said["is_back"]))
    Fresh.objects.filter(contact__in=bulk.among(seen)).delete()
    bulk.insert(Fresh, COLUMNS, rows)
    publishing.revise(moved, run=run)
    return len(seen)


# One customer in plain arithmetic


def _fresh(past: Past, *, run: Run) -> tuple:
    """Return the values of COLUMNS from `first_date` on."""
    days = past.days
    if not days:
        return None, None, False, 0, past.spent, 0, 0, 0, "", "prospect", None
    points = CutPoints(**run.cut_points)
    run_day = day_number(run.as_of)
    visits, quiet = len(days), past.as_of - days[-1]
    recency = 1 + sum(limit is not None and run_day - days[-1] <= limit for limit in points.recency)
    frequency = 1 + sum(limit is not None and visits >= limit for limit in points.frequency)
    money = 1 + sum(limit is not None and past.spent >= limit for limit in points.money)
    group = _group(visits, quiet, recency, frequency, money, horizon=run.horizon_days)
    usual = _usual_gap(days, points.gap)
    return (
        date_of(days[0]), date_of(days[-1]), _is_back(past, run_day, run.started_at), visits, past.spent,
        recency, frequency, money, group, _stage(days, quiet, points.gap), round(usual, 1),
    )  # fmt: skip


def _is_back(past: Past, run_day: int, run_began: dt.datetime) -> bool:
    """Tell whether they bought after what the run speaks of; on its very day, after it began to read."""
    return any(
        order.day > run_day or (order.day == run_day and order.written_at is not None and order.written_at > run_began)
        for order in past.counting
    )


def _group(visits: int, quiet: int, recency: int, frequency: int, money: int, *, horizon: int) -> str:
    """Return the group by the rules of estimators.rfm."""
    if visits == 1 and quiet <= horizon:
        return "new"
    if recency >= 4 and frequency >= 4 and money >= 4 and visits >= 3:
        return "champions"
    if recency >= 3 and frequency >= 3 and visits >= 3:
        return "loyal"
    if recency <= 2 and frequency >= 3 and visits >= 2:
        return "at_risk"
    return "promising" if recency >= 3 else "sleeping"


def _usual_gap(days: list[int], gap: float) -> float:
    """Return the usual gap by the formula of estimators.lifecycle: two gaps of the shop's stand beside one's own."""
    return (days[-1] - days[0] + 2 * gap) / (len(days) + 1)


def _stage(days: list[int], quiet: int, gap: float) -> str:
    """Return the stage by the rules of estimators.lifecycle."""
    usual = _usual_gap(days, gap)
    if quiet > max(4 * usual, 30):
        return "lapsed"
    if len(days) == 1:
        return "first_time"
    if quiet > max(2 * usual, 7):
        return "slipping"
    came_back = days[-1] - days[-2] > max(4 * _usual_gap(days[:-1], gap), 30)
    return "won_back" if came_back else "regular"
