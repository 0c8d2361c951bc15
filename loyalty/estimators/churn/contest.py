"""The contest: replay the shop's past, let every candidate forecast windows it has not seen, choose, and forecast."""

import time
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit
from threadpoolctl import threadpool_limits

from loyalty.estimators import evaluate
from loyalty.estimators.base import History, NotEnoughData, counts_between
from loyalty.estimators.churn.calibration import Calibration
from loyalty.estimators.churn.candidates import BASELINE, LEVEL, METHODS
from loyalty.estimators.churn.candidates.base import Candidate
from loyalty.estimators.churn.candidates.blend import mean, weigh
from loyalty.estimators.churn.rows import FEWEST_CUSTOMERS, MOST_CUSTOMERS, Rows, draw_customers, odds, rows_at

FEWEST_IN_WINDOW = 10  # customers known when a past window began
MOST_WINDOWS = 12  # a method learns from at most so many


@dataclass
class Forecaster:
    """A fitted candidate and what makes its chances fit to be told: level, calibration, rising one-time risk."""

    method: Candidate
    level: Candidate | None
    calibration: Calibration = field(default_factory=Calibration)

    def predict(self, rows: Rows) -> np.ndarray:
        """Return P(no order within the horizon), [b]."""
        chance = self.method.predict(rows)
        if self.level is not None:
            chance = evaluate.at_level(self.level.predict(rows).mean(), chance)
        return rising_for_one_timers(self.calibration.correct(chance), rows)


def rising_for_one_timers(chance: np.ndarray, rows: Rows) -> np.ndarray:
    """Return the chances with those of one-time buyers made never to fall while the days since that purchase pass.

    Their log-odds are taken apart into what does not change with time (the worth of the first order, what was in it)
    and a curve over the days; the curve is made to rise (isotonic regression).
    """
    once = np.flatnonzero(rows.summary.visits == 1)
    if not len(once):
        return chance
    _days, owner, people = np.unique(rows.summary.age[once], return_inverse=True, return_counts=True)
    traits = np.column_stack([np.log1p(np.maximum(rows.summary.spend[once], 0)), rows.taste.of(rows.baskets[once])])
    traits = np.column_stack([traits, np.log1p(np.diff(rows.baskets.indptr)[once])])
    told = odds(chance[once])

    def within_day(values: np.ndarray) -> np.ndarray:
        return values - (np.bincount(owner, values) / people)[owner]

    inner = np.column_stack([within_day(column) for column in traits.T])
    ridge = 1e-6 * (len(once) + 1) * np.eye(inner.shape[1])
    slope = np.linalg.solve(inner.T @ inner + ridge, inner.T @ within_day(told))
    own = (traits - traits.mean(0)) @ slope
    curve = isotonic_regression(np.bincount(owner, told - own) / people, weights=people).x
    shown = chance.copy()
    shown[once] = expit(curve[owner] + own)
    return np.round(shown, 9)  # no false order among equals


class Entry:
    """The candidates fitted on some windows for one day; each once, however many need it."""

    def __init__(self, windows: list[Rows], today: Rows, running: list[Rows] | None = None):
        self.windows, self.today, self.running = windows, today, running or []
        self.fitted: dict[str, Candidate] = {}

    def candidate(self, name: str) -> Candidate:
        if name not in self.fitted:
            windows = self.running + self.windows if METHODS[name].early else self.windows
            self.fitted[name] = METHODS[name].make().fit(windows, self.today)
        return self.fitted[name]

    def forecaster(
        self, name: str, calibration: Calibration | None = None, weights: dict[str, float] | None = None
    ) -> Forecaster:
        """Return a method fitted and at its level; a blend with the `weights` of its members."""
        level = self.candidate(LEVEL) if METHODS[name].ranks else None
        if weights:
            made = METHODS[name].make([self.candidate(one) for one in weights], list(weights.values()))
        else:
            made = self.candidate(name)
        return Forecaster(made, level, calibration or Calibration())


@dataclass
class Replay:
    """The shop's past as it looked on several days: windows that had ended, with what came of them."""

    sample: History  # of everyone, or of a random part
    known: History  # the same as known at the cut
    places: evaluate.Origins
    windows: dict[int, Rows]
    begun: dict[int, Rows]  # windows that had not ended, without labels

    def running(self, day: int) -> list[Rows]:
        """Return the windows that had begun but not ended on a day, newest first, with what had come until then.

        They are days of the horizon shorter: fewer ordinary days ahead, the same habits behind.
        """
        found, horizon = [], self.places.horizon
        for start, rows in sorted((self.begun | self.windows).items(), reverse=True):
            if self.places.step <= day - start < horizon:
                bought, _ = counts_between(self.known, start + 1, day)
                label = bought[rows.summary.customer] == 0
                found.append(replace(rows, warp=rows.warp * (day - start) / horizon, label=label))
        return found


@dataclass
class Tests:
    """The candidates on the shop's own past."""

    horizon: int
    past: Replay
    tested: list[evaluate.Tested]
    seconds: dict[str, float]
    champion: str
    baseline: str = BASELINE
    candidates: list[str] = field(default_factory=list)
    by_people: bool = False  # tested on other people of the same window, for want of an earlier one

    @property
    def windows(self) -> dict[int, Rows]:
        return self.past.windows

    @property
    def trust(self) -> str:
        """Return how far the shop's own past carries: "early" below 100 customers, "growing" below 300, "full"."""
        known = max(len(rows.label) for rows in self.windows.values())
        return "early" if known < 100 else "growing" if known < 300 else "full"


def replay(history: History, horizon: int, *, most: int) -> Replay:
    """Return the windows of the past that had ended by the history's `as_of`."""
    sample = draw_customers(history, most)
    known = sample.upto(history.as_of)
    buyers = len(np.unique(known.order_customer))
    if buyers < FEWEST_CUSTOMERS:
        raise NotEnoughData("customers", have=buyers, need=FEWEST_CUSTOMERS)
    places = evaluate.origins(known.first_day, history.as_of, horizon)
    windows = {}
    for day in places.train:
        past = sample.upto(day)
        if len(np.unique(past.order_customer)) >= FEWEST_IN_WINDOW:
            windows[day] = rows_at(past, horizon, label_from=known)
    if not places.train:
        need = horizon + max(horizon // 2, 14)
        raise NotEnoughData("days", have=history.as_of - known.first_day, need=need)
    if not windows:
        then = sample.upto(places.train[0])
        raise NotEnoughData("customers_then", have=len(np.unique(then.order_customer)), need=FEWEST_IN_WINDOW)
    begun = {day: rows_at(sample.upto(day), horizon) for day in places.running}
    return Replay(sample, known, places, windows, begun)


@threadpool_limits.wrap(limits=1)  # matrices of thirty columns: several threads only wait for each other
def back_test(history: History, horizon: int, *, most: int = MOST_CUSTOMERS) -> Tests:
    """Replay the past: at each test day, learn from what had ended by then, forecast, compare; choose the champion.

    A method that learns from finished windows is tested where an earlier one had ended before the test began. In a shop
    too young for that, the newest window is told in two halves instead: what was learned from half of the people is
    tested on the others (candidates are compared with each window's level taken out, so its season gives nothing away).
    """
    past = replay(history, horizon, most=most)
    sample, places, windows = past.sample, past.places, past.windows
    newest = windows[max(windows)]
    names = [name for name, method in METHODS.items() if len(newest.label) >= method.fewest and not method.members]
    seconds = dict.fromkeys(names, 0.0)
    tested = []
    for day in places.tests:
        if day not in windows:
            continue
        rows = windows[day]
        earlier = [windows[d] for d in places.known_before(day, MOST_WINDOWS) if d in windows]
        entry, chances = Entry(earlier, rows, past.running(day)), {}
        for name in names:
            if METHODS[name].learns and not _can_learn(earlier):
                continue
            began = time.perf_counter()
            chances[name] = entry.forecaster(name).predict(rows)
            seconds[name] += time.perf_counter() - began
        who = sample.customer_ids[rows.summary.customer]
        tested.append(evaluate.Tested(day, who, rows.label, chances))
    full = [w for w in tested if len(w.chances) == len(names)]
    by_people = not full
    if by_people:
        newest_first = [windows[d] for d in sorted(windows, reverse=True)[:MOST_WINDOWS]]
        full = _halves(newest_first, sample, names)
    if not full:  # nobody to learn from at all: only the models that need no windows may speak
        names = [name for name in names if not METHODS[name].learns]
        full = tested
    else:
        names = _with_blends(full, names, seconds)
    champion = evaluate.choose(full, names, BASELINE, fickle=evaluate.FICKLE) if BASELINE in names else names[0]
    seconds = {name: seconds[name] for name in names}
    return Tests(horizon, past, full, seconds, champion, BASELINE, names, by_people)


def _with_blends(tested: list[evaluate.Tested], names: list[str], seconds: dict[str, float]) -> list[str]:
    """Let the blends tell each window too, by what their members did in the others; return all names in order."""
    for name, method in METHODS.items():
        members = [one for one in method.members if one in names]
        if not members:
            continue
        for window in tested:
            weights = weigh([one for one in tested if one is not window], members)
            told = mean([window.chances[one] for one in weights], list(weights.values()))
            window.chances[name] = evaluate.at_level(window.chances[LEVEL].mean(), told)
        seconds[name] = sum(seconds[one] for one in members)
    return [name for name in METHODS if name in seconds]


def _halves(windows: list[Rows], sample: History, names: list[str]) -> list[evaluate.Tested]:
    """Return the newest window as told for each half of the people by what was learned from the other half."""
    newest, half = windows[0], np.random.default_rng(0).random(len(sample.customer_ids)) < 0.5
    chances = {name: np.zeros(len(newest.label)) for name in names}
    for side in (True, False):
        tested = half[newest.summary.customer] == side
        others = [rows.of(half[rows.summary.customer] != side) for rows in windows]
        if not _can_learn(others) or not tested.any():
            return []
        rows = newest.of(tested)
        entry = Entry(others, rows)
        for name in names:
            chances[name][tested] = entry.forecaster(name).predict(rows)
    return [evaluate.Tested(newest.cut, sample.customer_ids[newest.summary.customer], newest.label, chances)]


def _can_learn(windows: list[Rows]) -> bool:
    if not windows:
        return False
    left = sum(int(rows.label.sum()) for rows in windows)
    return left >= 5 and sum(len(rows.label) for rows in windows) - left >= 5


def able(tests: Tests) -> list[str]:
    """Return every method that has enough finished windows behind it now, tested before or not."""
    newest = tests.windows[max(tests.windows)]
    learnt = _can_learn(list(tests.windows.values()))
    return [
        name for name, method in METHODS.items()
        if len(newest.label) >= method.fewest and (learnt or not method.learns)
    ]  # fmt: skip


def entry_for(tests: Tests, today: Rows) -> Entry:
    """Return the candidates as they learn from every window up to the cut."""
    windows = [tests.windows[day] for day in sorted(tests.windows, reverse=True)[:MOST_WINDOWS]]
    return Entry(windows, today, tests.past.running(today.cut))


def forecaster(tests: Tests, name: str, entry: Entry) -> Forecaster:
    """Return a method ready to speak about today: fitted, at its level, corrected by how it did in the tests."""
    mine = [window for window in tests.tested if name in window.chances]
    calibration = Calibration().fit([w.label for w in mine], [w.chances[name] for w in mine])
    members = [one for one in METHODS[name].members if one in tests.candidates]
    return entry.forecaster(name, calibration, weigh(tests.tested, members) if members else None)
