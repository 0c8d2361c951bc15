"""What was foretold once a month, and what came of it: the promises of past nights judged by today's books.

The first run of a month makes one promise for each question. Its Scores are kept until its days are over; then it is
judged once, beside a rule any shopkeeper could follow without a computer, told from what was known on the day of the
promise:

churn   of those not gone yet, the tenth called most likely to stay away; the rule names as many: quiet for longest,
        measured by their own usual gap
intent  the tenth called likeliest to order; the rule: who ordered last
value   the money told in all and its tenth worth most; the rule: who spent most in the same number of days before
offers  the product suggested to those who came; the rule: what sells best

Ahead or behind means: by more than two standard errors of the people on whom the two differ.
"""

import datetime as dt
from typing import TYPE_CHECKING

from django.db.models import Count

from crm.campaigns.models import Message
from crm.lib import bulk, clock
from loyalty.dates import day_number
from loyalty.estimators import bounds
from loyalty.models import Promise, Score

if TYPE_CHECKING:  # NumPy is loaded by the night run only
    import numpy as np

    from loyalty.estimators.base import History

TASKS = ("churn", "value", "intent", "offers")
NAMED_SHARE, FEWEST_NAMED = 0.1, 10
CLEAR = 2.0  # standard errors
MOST_OFFER_DAYS = 60  # a suggestion is for the next basket, not for the next season
SAME_FOR_ALL = ("base_rate", "average")  # methods that tell everybody the same: nobody can be named by them

Columns = dict[str, "np.ndarray"]


def columns_of(run_id: int) -> Columns:
    """Return the scores of a run that promises speak of, one array for each column; nan and -1 where there is none."""
    import numpy as np

    names = (
        "contact_id", "stage", "churn_risk", "value_ahead_minor", "value_low_minor", "value_high_minor", "intent",
        "next_product_id",
    )  # fmt: skip
    rows = list(Score.objects.filter(run=run_id).order_by("contact_id").values_list(*names).iterator(chunk_size=20_000))
    found = dict(zip(names, zip(*rows))) if rows else dict.fromkeys(names, ())
    return {
        "contact": np.array(found["contact_id"], np.int64),
        "is_gone": np.array([stage == "lapsed" for stage in found["stage"]], bool),
        "risk": np.array(found["churn_risk"], np.float64),
        "value": np.array(found["value_ahead_minor"], np.float64),
        "low": np.array(found["value_low_minor"], np.float64),
        "high": np.array(found["value_high_minor"], np.float64),
        "intent": np.array(found["intent"], np.float64),
        "product": np.array([-1 if pk is None else pk for pk in found["next_product_id"]], np.int64),
    }


# Making promises


def promises(
    *, run_id: int, as_of: dt.date, now: dt.datetime, horizon: int, intent_days: int, champions: dict[str, str]
) -> list[Promise]:
    """Return what this run promises for the questions nothing was promised on this month."""
    month = as_of.replace(day=1)
    taken = set(Promise.objects.filter(month=month).values_list("task", flat=True))
    open_tasks = [task for task in TASKS if task in champions and task not in taken]
    if not open_tasks:
        return []
    said = columns_of(run_id)
    days = {"churn": horizon, "value": horizon, "intent": intent_days, "offers": min(horizon, MOST_OFFER_DAYS)}
    return [
        Promise(
            run_id=run_id, task=task, month=month, made_on=as_of, made_at=now, horizon_days=days[task],
            due_on=as_of + dt.timedelta(days=days[task]), method=champions[task],
            told=_told(task, champions[task], said),
        )
        for task in open_tasks
    ]  # fmt: skip


def _told(task: str, method: str, said: Columns) -> dict:
    """Return a promise in a few numbers."""
    if task == "offers":
        return {"suggested": int((said["product"] >= 0).sum())}
    kept, score = _asked(task, said)
    named = _named(task, method, score[kept], said["contact"][kept])
    if task == "value":
        return {"customers": int(kept.sum()), "minor": _whole(score[kept].sum()), "named": int(named.sum()),
                "named_minor": _whole(score[kept][named].sum())}  # fmt: skip
    return {
        "customers": int(kept.sum()), "expected": round(float(score[kept].sum()), 1), "named": int(named.sum()),
        "named_expected": round(float(score[kept][named].sum()), 1),
    }  # fmt: skip


def _asked(task: str, said: Columns) -> tuple["np.ndarray", "np.ndarray"]:
    """Return (who was asked about, the number told of everybody)."""
    import numpy as np

    score = said[{"churn": "risk", "value": "value", "intent": "intent"}[task]]
    kept = ~np.isnan(score)
    return (kept & ~said["is_gone"] if task == "churn" else kept), score


def _named(task: str, method: str, score: "np.ndarray", contact: "np.ndarray") -> "np.ndarray":
    """Return who is named, bool [n]; nobody where everybody is told the same."""
    import numpy as np

    if method in SAME_FOR_ALL:
        return np.zeros(len(score), bool)
    return _top(score, contact, min(max(round(len(score) * NAMED_SHARE), FEWEST_NAMED), len(score)))


def _top(score: "np.ndarray", contact: "np.ndarray", count: int) -> "np.ndarray":
    """Return the `count` highest scores as bool [n]; of equal ones the customer known for longest."""
    import numpy as np

    chosen = np.zeros(len(score), bool)
    chosen[np.lexsort((contact, -score))[:count]] = True
    return chosen


# Judging them


def due(known_until: dt.date) -> list[Promise]:
    """Return the promises whose days are over at the end of a date and which nobody has judged."""
    return list(Promise.objects.filter(judged_on=None, due_on__lte=known_until).order_by("run_id", "id"))


def judge(waiting: list[Promise], past: "History", *, zone: str) -> list[tuple[int, dict, str]]:
    """Return (promise, what came, verdict) for each; `past` holds also the orders that have stopped counting since."""
    verdicts: list[tuple[int, dict, str]] = []
    said: Columns = {}
    known, before = past.upto(past.as_of), None
    for promise in waiting:
        if before is None or promise.run_id != before.run_id:
            said = columns_of(promise.run_id)
        if before is None or promise.made_on != before.made_on:
            then = past.upto(day_number(promise.made_on))
        before = promise
        came = {"customers": 0}
        if len(said["contact"]) and len(then.order_day):
            came = (_judge_offers if promise.task == "offers" else _judge_people)(promise, said, then, known, zone)
        verdicts.append((promise.pk, came, _verdict(came)))
    return verdicts


def _verdict(came: dict) -> str:
    lead = came.get("lead")
    if lead is None:
        return Promise.Verdict.ALONE
    if abs(lead) < CLEAR:
        return Promise.Verdict.LEVEL
    return Promise.Verdict.AHEAD if lead > 0 else Promise.Verdict.BEHIND


def _judge_people(promise: Promise, said: Columns, then: "History", known: "History", zone: str) -> dict:
    import numpy as np

    from loyalty.estimators.base import counts_between, summarise
    from loyalty.estimators.lifecycle import usual_gaps

    first, last = then.as_of + 1, then.as_of + promise.horizon_days
    visits, spent = counts_between(known, first, last)
    kept, score = _asked(promise.task, said)
    summary = summarise(then)
    buyer = np.full(len(then.customer_ids), -1)  # place in the summary; a customer erased since is judged no more
    buyer[summary.customer] = np.arange(len(summary.customer))
    place = np.minimum(np.searchsorted(then.customer_ids, said["contact"]), len(then.customer_ids) - 1)
    kept &= (then.customer_ids[place] == said["contact"]) & (buyer[place] >= 0)
    contact, score, place = said["contact"][kept], score[kept], place[kept]
    row = buyer[place]
    named = _named(promise.task, promise.method, score, contact)
    if promise.task == "value":
        rule_score = counts_between(then, first - promise.horizon_days, then.as_of)[1][place]
        return _money(score, spent[place], said["low"][kept], said["high"][kept], named, rule_score, contact)
    quiet = summary.quiet[row]
    came_true = visits[place] == 0 if promise.task == "churn" else visits[place] > 0
    rule_score = quiet / usual_gaps(summary)[row] if promise.task == "churn" else -quiet.astype(np.float64)
    found = {
        "customers": len(contact), "happened": int(came_true.sum()), "expected": round(float(score.sum()), 1),
    }  # fmt: skip
    if not named.any():
        return found
    rule = _top(rule_score, contact, int(named.sum()))
    hits, rule_hits = int(came_true[named].sum()), int(came_true[rule].sum())
    only = int((named & ~rule).sum())
    lead = bounds.lead(int(came_true[named & ~rule].sum()), int(came_true[rule & ~named].sum()), only)
    low, high = bounds.share(hits, int(named.sum()))
    return found | {
        "named": int(named.sum()), "named_expected": round(float(score[named].sum()), 1), "hits": hits,
        "rule_hits": rule_hits, "low": round(low, 4), "high": round(high, 4), "lead": round(lead, 2),
        "written": _written(contact[named].tolist(), promise, zone=zone),
    }  # fmt: skip


def _money(told, spent, low, high, named, rule_score, contact) -> dict:
    import numpy as np

    inside = (spent >= low - 0.5) & (spent <= high + 0.5)
    found = {
        "customers": len(contact), "minor": _whole(spent.sum()), "told_minor": _whole(told.sum()),
        "inside": int(inside.sum()), "rule_minor": _whole(rule_score.sum()),
    }  # fmt: skip
    if not named.any():
        return found
    rule = _top(rule_score, contact, int(named.sum()))
    mine, theirs = spent[named & ~rule], spent[rule & ~named]
    error = float(np.sqrt(len(mine) * (mine.var() + theirs.var()))) if len(mine) else 0.0
    return found | {
        "named": int(named.sum()), "named_minor": _whole(spent[named].sum()),
        "named_rule_minor": _whole(spent[rule].sum()),
        "lead": round(float(mine.sum() - theirs.sum()) / error, 2) if error else 0.0,
    }  # fmt: skip


def _judge_offers(promise: Promise, said: Columns, then: "History", known: "History", zone: str) -> dict:
    """Look into every basket of those who came within the days, for the product suggested and for what sells best."""
    import numpy as np

    from loyalty.estimators import recommenders
    from loyalty.estimators.recommenders.base import Purchases

    last = then.as_of + promise.horizon_days
    owner, day = known.order_customer[known.line_order], known.order_day[known.line_order]
    bought = (day > then.as_of) & (day <= last)
    pairs = np.unique(np.column_stack([owner[bought], known.line_product[bought]]), axis=0)
    asked = said["product"] >= 0
    place = np.minimum(np.searchsorted(known.customer_ids, said["contact"]), len(known.customer_ids) - 1)
    asked &= (known.customer_ids[place] == said["contact"]) & np.isin(place, pairs[:, 0])
    if not asked.any():
        return {"customers": 0}
    who = place[asked]
    popular = recommenders.RECOMMENDERS[recommenders.BASELINE]().fit(then, Purchases(then)).recommend(who, 1)[0][:, 0]
    suggested = np.searchsorted(known.product_ids, said["product"][asked])
    size = len(known.product_ids) + 1
    keys = pairs[:, 0].astype(np.int64) * size + pairs[:, 1]
    mine = np.isin(who.astype(np.int64) * size + suggested, keys)
    theirs = (popular >= 0) & np.isin(who.astype(np.int64) * size + popular, keys)
    low, high = bounds.share(int(mine.sum()), len(who))
    found = {
        "customers": len(who), "hits": int(mine.sum()), "rule_hits": int(theirs.sum()), "low": round(low, 4),
        "high": round(high, 4),
    }  # fmt: skip
    if promise.method == recommenders.BASELINE:
        return found
    return found | {"lead": round(bounds.paired_lead(int((mine & ~theirs).sum()), int((theirs & ~mine).sum())), 2)}


def _written(contact_ids: list[int], promise: Promise, *, zone: str) -> int:
    """Return how many of these people got a message within the days: it may have made them come."""
    start = clock.day_bounds(promise.made_on, zone)[1]
    end = clock.day_bounds(promise.due_on, zone)[1]
    sent = Message.objects.filter(contact__in=bulk.among(contact_ids), sent_at__gte=start, sent_at__lt=end)
    return sent.aggregate(people=Count("contact", distinct=True))["people"]


def _whole(amount) -> int:
    return round(float(amount))
