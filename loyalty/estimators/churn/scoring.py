"""What the champion says of everyone at the cut: risk, money at stake, and why."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from loyalty.estimators.base import History, Summary
from loyalty.estimators.churn.contest import Tests, entry_for, forecaster
from loyalty.estimators.churn.rows import FEATURES, MOST_CUSTOMERS, Rows, draw_customers, odds, rows_at
from loyalty.estimators.lifecycle import usual_gaps

ASPECTS = ("quiet", "orders", "pace", "size", "last", "tenure")


@dataclass
class Scores:
    """What the champion says of everyone at the cut. Arrays [b] in the order of `summary`."""

    horizon: int
    summary: Summary
    risk: np.ndarray  # float64, chance of no order within the horizon
    expected_minor: np.ndarray  # float64, what someone still a customer would bring within the horizon
    aspects: np.ndarray  # float64 [b, len(ASPECTS)], what pushes the log-odds up (+) or down (-)
    visits_lately: np.ndarray  # int, visits within the last horizon
    visits_before: np.ndarray  # int, visits within the horizon before that
    usual_order_minor: np.ndarray  # float64
    rows: Rows

    @property
    def at_stake_minor(self) -> np.ndarray:
        return self.risk * np.maximum(self.expected_minor, 0)


def today(history: History, horizon: int) -> Rows:
    """Return the rows of everyone at the end of a history; in large shops the models of time learn from a draw."""
    return rows_at(history, horizon, learn_from=draw_customers(history, MOST_CUSTOMERS))


@threadpool_limits.wrap(limits=1)
def risks(history: History, tests: Tests) -> np.ndarray:
    """Return the champion's chance of no order within the horizon for everyone, [b]."""
    rows = today(history, tests.horizon)
    return forecaster(tests, tests.champion, entry_for(tests, rows)).predict(rows)


@threadpool_limits.wrap(limits=1)
def score(history: History, tests: Tests) -> Scores:
    """Let the champion of the tests speak about everyone in a history known up to its `as_of`."""
    rows = today(history, tests.horizon)
    s = rows.summary
    risk = forecaster(tests, tests.champion, entry_for(tests, rows)).predict(rows)
    worth = order_worth(history, s)
    expected = rows.model.rate(s.repeats, s.age) * rows.days * worth
    visits = [np.expm1(rows.features[:, FEATURES.index(name)]).round() for name in ("visits_one", "visits_two")]
    lately, before = visits[0].astype(int), (visits[1] - visits[0]).astype(int)
    aspects = _aspects(rows, risk, worth, lately, before)
    return Scores(rows.horizon, s, risk, expected, aspects, lately, before, worth, rows)


def order_worth(history: History, summary: Summary) -> np.ndarray:
    """Return each buyer's mean order, shrunk towards the shop's by how much orders of one person vary, [b].

    The weight of the shop's mean is the ratio of the variance within people to that between them (method of moments).
    """
    visits = history.visits
    amount = np.minimum(visits.amount, np.quantile(visits.amount, 0.995))
    count = summary.visits
    owner = np.repeat(np.arange(len(count)), count)
    total = np.bincount(owner, amount)
    mean, shop = total / count, amount.mean()
    repeats = max(len(amount) - len(count), 1)
    within = np.sum((amount - mean[owner]) ** 2) / repeats
    between = max(np.var(mean) - within * np.mean(1 / count), 0.05 * max(within, 1.0))
    weight = within / between
    return (total + weight * shop) / (count + weight)


def _aspects(rows: Rows, risk: np.ndarray, worth: np.ndarray, lately: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return how much each plain aspect of a person moves the champion's log-odds away from the shop's mean.

    A least-squares line through the champion's own log-odds, over a few aspects an owner can check; columns that speak
    of one aspect are added up.
    """
    s = rows.summary
    from_gap = np.log1p(s.quiet / usual_gaps(s))
    columns = {
        "quiet": [np.log1p(s.quiet), from_gap],
        "orders": [np.log(s.visits), s.visits == 1],
        "pace": [np.log((lately + 0.5) / (before + 0.5))],
        "size": [np.log(np.maximum(worth, 1))],
        "last": [np.log(np.maximum(s.last_spend, 1) / np.maximum(worth, 1)).clip(-3, 3)],
        "tenure": [np.log1p(s.age)],
    }
    told = odds(risk)
    flat = np.column_stack([np.asarray(column, np.float64) for part in columns.values() for column in part])
    flat = flat - flat.mean(0)
    scale = flat.std(0)
    flat = flat / np.where(scale < 1e-9, 1.0, scale)
    slope = np.linalg.solve(flat.T @ flat + 1e-3 * len(flat) * np.eye(flat.shape[1]), flat.T @ (told - told.mean()))
    pushes = flat * slope
    owner = np.repeat(np.arange(len(columns)), [len(part) for part in columns.values()])
    return np.column_stack([pushes[:, owner == place].sum(1) for place in range(len(columns))])


def reasons(scores: Scores, usual: np.ndarray, *, most: int = 3) -> list[list[dict]]:
    """Return up to three reasons per buyer, strongest first: codes with numbers, worded in loyalty.wording.

    For someone riskier than the middle of the shop: what raises the risk; for everyone else: what lowers it. The days
    since the last order, beside the person's usual gap, come before all others, because they are asked first; who
    ordered once has no gap of their own.
    """
    s = scores.summary
    raises = scores.risk >= np.median(scores.risk)
    push = np.where(raises[:, None], scores.aspects, -scores.aspects)
    strongest = np.argsort(-push, axis=1)[:, :most]
    strong = np.take_along_axis(push, strongest, axis=1) > 0.05
    quiet, visits, age = s.quiet.tolist(), s.visits.tolist(), s.age.tolist()
    usual_days = np.maximum(np.rint(usual), 1).astype(int).tolist()
    worth, last = scores.usual_order_minor.round().astype(int).tolist(), s.last_spend.round().astype(int).tolist()
    lately, before = scores.visits_lately.tolist(), scores.visits_before.tolist()
    up = raises.tolist()

    def silence(i: int, *, is_long: bool) -> dict:
        return {"code": "quiet_for" if is_long else "bought_lately", "days": quiet[i], "usual": usual_days[i]}

    def reason(aspect: int, i: int) -> dict | None:
        name = ASPECTS[aspect]
        if name == "quiet":
            return silence(i, is_long=up[i]) if visits[i] == 1 else None
        if name == "orders":
            if visits[i] == 1:
                return {"code": "only_one_order"} if up[i] else None
            return {"code": "few_orders" if up[i] else "many_orders", "count": visits[i]}
        if name == "pace":
            if (lately[i] < before[i]) != up[i] or lately[i] == before[i]:
                return None
            code = "fewer_lately" if up[i] else "more_lately"
            return {"code": code, "lately": lately[i], "before": before[i], "days": scores.horizon}
        if name == "size":
            return {"code": "order_size", "minor": worth[i]}
        if name == "last":
            if visits[i] == 1:
                return None
            return {"code": "last_smaller" if last[i] < worth[i] else "last_larger", "last_minor": last[i],
                    "usual_minor": worth[i]}  # fmt: skip
        return {"code": "customer_for", "days": age[i]}

    rows = []
    for i, (places, good) in enumerate(zip(strongest.tolist(), strong.tolist())):
        told = [reason(place, i) for place, fine in zip(places, good) if fine]
        if visits[i] > 1:
            told.insert(0, silence(i, is_long=quiet[i] > usual_days[i]))
        rows.append([item for item in told if item][:most])
    return rows
