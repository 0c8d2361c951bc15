"""The contest: replay the shop's past, let every method tell money it has not seen, and choose."""

import time
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from loyalty.estimators import evaluate
from loyalty.estimators.base import History, NotEnoughData
from loyalty.estimators.churn import MOST_CUSTOMERS, MOST_WINDOWS, Replay, replay
from loyalty.estimators.value.candidates import BASELINE, DECAYED_BELOW, LEAST, LEVEL, METHODS, Candidate
from loyalty.estimators.value.windows import TOP, Window


@dataclass
class Tested:
    """What the candidates said of one window before it happened."""

    day: int
    customer: np.ndarray  # [n]
    spent: np.ndarray
    orders: np.ndarray
    told: dict[str, np.ndarray]  # by candidate, float64 [n]
    expected_orders: np.ndarray


@dataclass
class Tests:
    horizon: int
    windows: dict[int, Window]
    tested: list[Tested]
    seconds: dict[str, float]
    champion: str
    baseline: str = BASELINE
    candidates: list[str] = field(default_factory=list)
    running: list[Window] = field(default_factory=list)  # begun, not ended


class Entry:
    """The candidates fitted on some windows for one day; each once, however many need it."""

    def __init__(self, windows: list[Window], today: Window, running: list[Window]):
        self.windows, self.today, self.running = windows, today, running
        self.fitted: dict[str, Candidate] = {}
        self.fewest = len(windows[0].rows.summary.customer) if windows else 0

    def candidate(self, name: str) -> Candidate:
        if name not in self.fitted:
            method = METHODS[name]
            some = [one for one in method.members if self._may(one)]
            if "stacked" in some and self.fewest >= DECAYED_BELOW:
                some.remove("decayed")
            members = [self.candidate(one) for one in some]
            made = method.make(members) if method.members else method.make()
            self.fitted[name] = made.fit(self.running + self.windows if method.early else self.windows, self.today)
        return self.fitted[name]

    def _may(self, name: str) -> bool:
        if not METHODS[name].learns:
            return True
        return self.fewest >= METHODS[name].fewest and any(w.spent.any() for w in self.windows)

    def told(self, name: str) -> np.ndarray:
        """Return what a method says of everyone today, at the level of LEVEL, [b]."""
        told = self.candidate(name).predict(self.today)
        if name in (BASELINE, LEVEL):
            return told
        return at_total(self.candidate(LEVEL).predict(self.today).sum(), told)


def at_total(total: float, told: np.ndarray) -> np.ndarray:
    """Return forecasts that sum up to `total`, nobody below a hundredth of the mean."""
    if not told.sum():
        return np.full(len(told), total / max(len(told), 1))
    told = np.maximum(told / told.mean(), LEAST)
    return told * (total / told.sum())


def deviance(spent: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Return each row's Tweedie deviance of power 1.5, in units of the square root of money, [n]."""
    told = np.maximum(told, 1e-9)
    return 4 * (np.sqrt(spent) - np.sqrt(told)) ** 2 / np.sqrt(told)


def measures(spent: np.ndarray, told: np.ndarray) -> dict[str, float]:
    """Return the figures of a report card: how well the order and the sums of what was told came true.

    relative_gini: the area under the curve of money caught, going from the most to the least promising, over that of a
    perfect order. capture: the share of the money that the most promising tenth brought. total: told over spent,
    less 1.
    """
    ranked = spent[np.argsort(-told, kind="stable")]
    whole = max(float(spent.sum()), 1e-9)
    caught, best = np.cumsum(ranked) / whole, np.cumsum(np.sort(spent)[::-1]) / whole
    top = max(round(len(spent) * 0.1), 1)
    return {
        "relative_gini": float((caught.mean() - 0.5) / max(best.mean() - 0.5, 1e-9)),
        "capture": float(caught[top - 1]),
        "total": float(told.sum() / whole - 1),
        "mae_minor": float(np.abs(told - spent).mean()),
        "rmse_minor": float(np.sqrt(np.mean((told - spent) ** 2))),
        "deviance": float(deviance(spent, told).mean()),
    }


@threadpool_limits.wrap(limits=1)
def back_test(history: History, horizon: int, *, past: Replay | None = None) -> Tests:
    """Replay the past as the churn contest does, let every method forecast windows it has not seen, and choose.

    `past` is the replay of the churn contest where it has the same horizon: the windows are the same.
    """
    past = past or replay(history, horizon, most=MOST_CUSTOMERS)
    windows = {day: Window.at(rows, past.sample.upto(day), past.known) for day, rows in past.windows.items()}
    newest = windows[max(windows)]
    names = [name for name, method in METHODS.items() if len(newest.rows.summary.customer) >= method.fewest]
    seconds = dict.fromkeys(names, 0.0)
    tested = []
    for day in past.places.tests:
        if day not in windows:
            continue
        window = windows[day]
        earlier = [windows[d] for d in past.places.known_before(day, MOST_WINDOWS) if d in windows]
        if not window.spent.any():
            continue
        entry, told = Entry(earlier, window, _running(past, day)), {}
        for name in names:
            if METHODS[name].learns and not any(w.spent.any() for w in earlier):
                continue
            began = time.perf_counter()
            told[name] = entry.told(name)
            seconds[name] += time.perf_counter() - began
        who = past.sample.customer_ids[window.rows.summary.customer]
        tested.append(Tested(day, who, window.spent, window.orders, told, window.expected_orders))
    full = [w for w in tested if len(w.told) == len(names)]
    if not full:
        names = [name for name in names if not METHODS[name].learns]
        full = tested
    if not full:
        raise NotEnoughData("orders", have=0, need=1)
    champion = choose(full, names)
    seconds, running = {name: seconds[name] for name in names}, _running(past, history.as_of)
    return Tests(horizon, windows, full, seconds, champion, BASELINE, names, running)


def _running(past: Replay, day: int) -> list[Window]:
    """Return the windows that had begun but not ended on a day, with what they had brought by then."""
    until = past.known.upto(day)
    return [Window.at(rows, past.sample.upto(rows.cut), until) for rows in past.running(day)]


def choose(tested: list[Tested], names: list[str]) -> str:
    """Return the first method within two standard errors of the best; the average if none beats it.

    A single window is one season: it may rule the blend out, but not choose among the others.
    """
    cut = [np.minimum(w.spent, np.quantile(w.spent, TOP)) for w in tested]
    losses = {
        name: [deviance(spent, at_total(spent.sum(), w.told[name])) for w, spent in zip(tested, cut)] for name in names
    }
    mean = {name: float(np.concatenate(values).mean()) for name, values in losses.items()}
    able = [name for name in names if name != BASELINE and mean[name] < mean.get(BASELINE, np.inf)]
    if not able:
        return BASELINE if BASELINE in names else names[0]
    if len(tested) < 2 and "blend" in able:
        return "blend"
    best = min(able, key=mean.get)
    who = np.concatenate([w.customer for w in tested])
    for name in able:
        worse = [a - b for a, b in zip(losses[name], losses[best])]
        if name == best or mean[name] - mean[best] <= 2 * evaluate.standard_error(worse, who):
            return name
    return best


def able(tests: Tests) -> list[str]:
    """Return every method that has enough finished windows behind it now, tested before or not."""
    newest = tests.windows[max(tests.windows)]
    return [name for name, method in METHODS.items() if len(newest.spent) >= method.fewest]


def entry_for(tests: Tests, today: Window) -> Entry:
    """Return the candidates as they learn from every window up to the cut."""
    windows = [tests.windows[day] for day in sorted(tests.windows, reverse=True)[:MOST_WINDOWS]]
    return Entry(windows, today, tests.running)
