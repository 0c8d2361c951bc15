"""What each customer will bring within the horizon: money and orders, by several methods tested on the shop's own past.

The rows, the windows of the past and the season are those of the churn contest (estimators.churn): every method learns
only from windows that had ended by the cut. Money is net, minor units.

average     the shop's mean, the same for everyone: what must be beaten
buying      expected orders (MBG/NBD) times the worth of an order (Gamma-Gamma)
past_spend  what the person spent in the last horizon
decayed     the same with old orders fading, half as much every two horizons
stacked     Poisson regression of all habits and of `decayed` on what `buying` misses, ridge
ridge       ridge regression of the log of money on all habits; polynomial: with squares and products of R, F, M and age
boosting    gradient boosted trees, Poisson loss (scikit-learn)
blend       the geometric mean of buying and decayed; in larger shops of buying, stacked (knows decayed) and boosting

All but `average` rank people; how much all bring together is taken from LEVEL: `buying`, moved by how far it was off in
the past windows. The choice is by Tweedie deviance (power 1.5: many zeros, few large) at the level each window turned
out to have, very large sums cut off: the first in METHODS within one standard error of the best. The blend comes first:
a mean of forecasts is the safest of them, R. Clemen (1989), "Combining forecasts", Int. J. of Forecasting 5(4).
Intervals are conformal: what past forecasts of a similar size turned out to be, V. Vovk et al. (2005), "Algorithmic
learning in a random world", ch. 4 (by category).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from loyalty.estimators import churn, evaluate
from loyalty.estimators.base import History, NotEnoughData, counts_between
from loyalty.estimators.churn import FEATURES, MOST_CUSTOMERS, MOST_WINDOWS, Replay, Rows, foretold, replay
from loyalty.estimators.spend import GammaGamma

BASELINE, LEVEL = "average", "buying"
TOP = 0.995  # quantile above which a single order or a window's spend is cut off for learning
MONEY_SPREAD = 0.4  # among shops, of the log of how far the sum of money is off: people, and the worth of their orders
OVERLAP = 1 / 3
COVERED = 0.8  # of customers whose money lies inside the interval told
CATEGORIES = 6
LEAST = 0.01  # of the mean forecast: nobody is told less


@dataclass
class Window:
    """One past window: what was known when it began, and what it brought. Arrays [b]."""

    rows: Rows
    past: History
    spent: np.ndarray | None = None  # float64, net minor units, never below zero
    orders: np.ndarray | None = None  # days with an order

    @classmethod
    def at(cls, rows: Rows, past: History, label_from: History | None = None) -> "Window":
        if label_from is None:
            return cls(rows, past)
        orders, spent = counts_between(label_from, rows.cut + 1, rows.cut + rows.horizon)
        return cls(rows, past, np.maximum(spent[rows.summary.customer], 0.0), orders[rows.summary.customer])

    @cached_property
    def worth(self) -> np.ndarray:
        """Return the worth of each person's orders under the Gamma-Gamma, [b].

        What single huge orders are cut off by is spread over all: it says little of who, but something of how much.
        """
        visits, count = self.past.visits, self.rows.summary.visits
        whole = np.maximum(visits.amount, 0.0)
        amount = np.minimum(whole, np.quantile(visits.amount, TOP))
        mean = np.bincount(np.repeat(np.arange(len(count)), count), amount) / count
        return GammaGamma().fit(count, mean).mean(count, mean) * (whole.sum() / max(amount.sum(), 1e-9))

    @cached_property
    def expected_orders(self) -> np.ndarray:
        """Return the orders the MBG/NBD expects within the horizon, season taken into account, [b]."""
        s = self.rows.summary
        return self.rows.model.expected(s.repeats, s.recency, s.age, self.rows.days)

    def habits(self, taste) -> np.ndarray:
        return np.column_stack([self.rows.features, taste.of(self.rows.baskets)])


class Candidate(Protocol):
    def fit(self, windows: list[Window], today: Window) -> "Candidate": ...

    def predict(self, window: Window) -> np.ndarray: ...


@dataclass
class Average:
    def fit(self, windows: list[Window], today: Window) -> "Average":
        self.mean_ = float(np.mean(np.concatenate([w.spent for w in windows])))
        return self

    def predict(self, window: Window) -> np.ndarray:
        return np.full(len(window.rows.summary.customer), self.mean_)


@dataclass
class Buying:
    """Needs no finished window to rank; with some, it learns how far it was off in them."""

    def fit(self, windows: list[Window], today: Window) -> "Buying":
        self.level_ = level(windows, today, [(w.spent, self._plain(w)) for w in windows], common=MONEY_SPREAD)
        return self

    def predict(self, window: Window) -> np.ndarray:
        return self.level_ * self._plain(window)

    @staticmethod
    def _plain(window: Window) -> np.ndarray:
        return window.expected_orders * window.worth


def level(windows: list[Window], today: Window, pairs: list[tuple[np.ndarray, np.ndarray]], **spread) -> float:
    """Return the factor by which a sum foretold is expected to be off, given (what came, what was told) of each window.

    A sum that hangs on few people is as noisy as a count of (sum)^2 / sum of squares.
    """
    first = today.rows.pattern.first_day
    logs = [np.log((came.sum() + 1) / (told.sum() + 1)) for came, told in pairs]
    counts = [came.sum() ** 2 / max(np.square(came).sum(), 1e-9) for came, _ in pairs]
    reach = [w.rows.horizon / (w.rows.cut - first) for w in windows]
    return float(np.exp(foretold(np.array(logs), np.array(counts), np.array(reach), **spread)))


@dataclass
class PastSpend:
    fading: bool = False

    def fit(self, windows: list[Window], today: Window) -> "PastSpend":
        return self

    def predict(self, window: Window) -> np.ndarray:
        rows, visits = window.rows, window.past.visits
        ago = rows.cut - visits.day
        weight = np.exp2(-ago / (2 * rows.horizon)) if self.fading else (ago < rows.horizon).astype(np.float64)
        owner = np.repeat(np.arange(len(rows.summary.visits)), rows.summary.visits)
        amount = np.minimum(visits.amount, np.quantile(visits.amount, TOP)) if self.fading else visits.amount
        return np.maximum(np.bincount(owner, weight * amount), 0.0)


@dataclass
class Stacked:
    spread: float = 0.32  # prior standard deviation of a standardised coefficient

    def fit(self, windows: list[Window], today: Window) -> "Stacked":
        self.taste_ = today.rows.taste
        raw = np.vstack([self._columns(w) for w in windows])
        self.mean_, self.scale_ = raw.mean(0), raw.std(0)
        self.scale_[self.scale_ < 1e-9] = 1.0
        parts, wanted, start = [], [], []
        for w in windows:  # each window at its own level: what is learned is who, not how much in all
            guess = self._guess(w)
            spent = np.minimum(w.spent, np.quantile(w.spent, TOP))
            start.append(np.log(guess / guess.mean()))
            wanted.append(spent / max(spent.mean(), 1e-9))
            parts.append(np.full(len(spent), len(parts)))
        y, offset, window = np.concatenate(wanted), np.concatenate(start), np.concatenate(parts)
        X = np.column_stack([(raw - self.mean_) / self.scale_, offset - offset.mean()])
        penalty = np.r_[np.full(X.shape[1] - 1, self.spread**-2), 0.2**-2]
        self.beta_ = _poisson_ridge(X, y, offset, penalty, window)
        self.offset_mean_ = float(offset.mean())
        return self

    def predict(self, window: Window) -> np.ndarray:
        guess = self._guess(window)
        offset = np.log(guess / guess.mean())
        X = np.column_stack([(self._columns(window) - self.mean_) / self.scale_, offset - self.offset_mean_])
        return np.exp(np.clip(offset + X @ self.beta_, -12, 12))

    def _columns(self, window: Window) -> np.ndarray:
        """Return the habits, and how much more fading past spending says than `buying`."""
        faded = PastSpend(fading=True).predict(window)
        faded = np.log(np.maximum(faded / faded.mean(), LEAST))
        guess = self._guess(window)
        return np.column_stack([window.habits(self.taste_), faded, faded - np.log(guess / guess.mean())])

    @staticmethod
    def _guess(window: Window) -> np.ndarray:
        guess = Buying._plain(window)
        return np.maximum(guess, LEAST * guess.mean())


def _poisson_ridge(X, y, offset, penalty, window) -> np.ndarray:
    """Return coefficients [k] of a Poisson regression by Newton's method, each window with a free level of its own.

    The likelihood counts by the dispersion of money around it, and by how much windows overlap.
    """
    beta = np.zeros(X.shape[1])
    for _ in range(40):
        told = np.exp(np.clip(offset + X @ beta, -12, 12))
        told *= (np.bincount(window, y) / np.maximum(np.bincount(window, told), 1e-9))[window]
        dispersion = max(float(np.average((y - told) ** 2 / np.maximum(told, 0.05))), 1.0)
        weight = OVERLAP / dispersion
        middle = np.stack([np.bincount(window, told * column) for column in X.T]) / np.bincount(window, told)
        centred = X - middle.T[window]
        gradient = weight * (centred.T @ (told - y)) + penalty * beta
        curvature = weight * (centred * told[:, None]).T @ centred + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        widest = np.abs(step).max()
        beta -= step * min(1.0, 1.0 / max(widest, 1e-12))
        if widest < 1e-6:
            break
    return beta


@dataclass
class Ridge:
    """Ridge regression of log(1 + money / mean); `degree` 2 adds squares and products of R, F, M and age."""

    degree: int = 1
    spread: float = 0.32

    def fit(self, windows: list[Window], today: Window) -> "Ridge":
        self.taste_ = today.rows.taste
        raw = np.vstack([self._columns(w) for w in windows])
        self.mean_, self.scale_ = raw.mean(0), raw.std(0)
        self.scale_[self.scale_ < 1e-9] = 1.0
        self.unit_ = float(np.mean(np.concatenate([w.spent for w in windows]))) or 1.0
        y = np.log1p(np.concatenate([w.spent for w in windows]) / self.unit_)
        X = (raw - self.mean_) / self.scale_
        noise = max(float(np.var(y)) / OVERLAP, 1e-9)
        self.level_ = float(y.mean())
        self.beta_ = np.linalg.solve(X.T @ X + noise / self.spread**2 * np.eye(X.shape[1]), X.T @ (y - self.level_))
        return self

    def predict(self, window: Window) -> np.ndarray:
        told = self.level_ + ((self._columns(window) - self.mean_) / self.scale_) @ self.beta_
        return self.unit_ * np.expm1(np.clip(told, 0.0, 12.0))

    def _columns(self, window: Window) -> np.ndarray:
        habits = window.habits(self.taste_)
        if self.degree == 1:
            return habits
        few = habits[:, [FEATURES.index(name) for name in ("quiet", "visits", "spend", "age")]]
        few = few - few.mean(0)
        products = [few[:, i] * few[:, j] for i in range(4) for j in range(i, 4)]
        return np.column_stack([habits, *products])


@dataclass
class Boosting:
    most_rows: int = 12_000
    seed: int = 0

    def fit(self, windows: list[Window], today: Window) -> "Boosting":
        from sklearn.ensemble import HistGradientBoostingRegressor  # heavy, and only large shops come here

        self.taste_ = today.rows.taste
        X = np.vstack([self._table(w) for w in windows])
        y = np.concatenate([np.minimum(w.spent, np.quantile(w.spent, TOP)) for w in windows])
        if len(X) > self.most_rows:
            drawn = np.random.default_rng(self.seed).choice(len(X), self.most_rows, replace=False)
            X, y = X[drawn], y[drawn]
        trees = HistGradientBoostingRegressor(
            loss="poisson", learning_rate=0.06, max_iter=60, max_leaf_nodes=6, min_samples_leaf=100,
            l2_regularization=5.0, max_bins=64, random_state=self.seed, early_stopping=False,
        )  # fmt: skip
        with threadpool_limits(1, user_api="openmp"):
            self.trees_ = trees.fit(X, y / max(y.mean(), 1e-9))
        return self

    def predict(self, window: Window) -> np.ndarray:
        return self.trees_.predict(self._table(window))

    def _table(self, window: Window) -> np.ndarray:
        return np.column_stack([window.habits(self.taste_), np.log(Stacked._guess(window))]).astype(np.float32)


@dataclass
class Blend:
    members: list[Candidate]  # fitted

    def fit(self, windows: list[Window], today: Window) -> "Blend":
        return self

    def predict(self, window: Window) -> np.ndarray:
        told = [member.predict(window) for member in self.members]
        return np.exp(np.mean([np.log(np.maximum(one / one.mean(), LEAST)) for one in told], axis=0))


@dataclass(frozen=True)
class Method:
    make: Callable[..., Candidate]
    fewest: int  # customers known when the newest finished window began
    learns: bool = True  # from finished windows
    members: tuple[str, ...] = ()


# From most to least trusted: among equals the earlier speaks.
METHODS: dict[str, Method] = {
    "average": Method(Average, 10),
    "blend": Method(Blend, 10, learns=False, members=("buying", "decayed", "stacked", "boosting")),
    "buying": Method(Buying, 10, learns=False),
    "past_spend": Method(PastSpend, 10, learns=False),
    "decayed": Method(lambda: PastSpend(fading=True), 10, learns=False),
    "stacked": Method(Stacked, 300),
    "ridge": Method(Ridge, 300),
    "polynomial": Method(lambda: Ridge(degree=2), 300),
    "boosting": Method(Boosting, 3_000),
}


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


class Entry:
    """The candidates fitted on some windows for one day; each once, however many need it."""

    def __init__(self, windows: list[Window], today: Window):
        self.windows, self.today = windows, today
        self.fitted: dict[str, Candidate] = {}
        self.fewest = len(windows[0].rows.summary.customer) if windows else 0

    def candidate(self, name: str) -> Candidate:
        if name not in self.fitted:
            method = METHODS[name]
            some = [one for one in method.members if self._may(one)]
            members = [self.candidate(one) for one in some if one != "decayed" or "stacked" not in some]
            made = method.make(members) if method.members else method.make()
            self.fitted[name] = made.fit(self.windows, self.today)
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
        entry, told = Entry(earlier, window), {}
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
    return Tests(horizon, windows, full, {name: seconds[name] for name in names}, champion, BASELINE, names)


def choose(tested: list[Tested], names: list[str]) -> str:
    """Return the first method within one standard error of the best; the average if none beats it.

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
        if name == best or mean[name] - mean[best] <= evaluate.standard_error(worse, who):
            return name
    return best


def able(tests: Tests) -> list[str]:
    """Return every method that has enough finished windows behind it now, tested before or not."""
    newest = tests.windows[max(tests.windows)]
    return [name for name, method in METHODS.items() if len(newest.spent) >= method.fewest]


def entry_for(tests: Tests, today: Window) -> Entry:
    """Return the candidates as they learn from every finished window up to the cut."""
    return Entry([tests.windows[day] for day in sorted(tests.windows, reverse=True)[:MOST_WINDOWS]], today)


@dataclass
class Intervals:
    """How far money may lie from what was told: shares of the forecast, by categories of its size."""

    def fit(self, tested: list[Tested], name: str) -> "Intervals":
        told = np.concatenate([w.told[name] for w in tested])
        spent = np.concatenate([w.spent for w in tested])
        share = spent / np.maximum(told, 1e-9)
        count = min(CATEGORIES, max(len(told) // 50, 1))
        self.edges_ = np.quantile(told, np.linspace(0, 1, count + 1)[1:-1])
        place = np.searchsorted(self.edges_, told)
        tail = (1 - COVERED) / 2
        self.low_, self.high_ = np.zeros(count), np.zeros(count)
        for one in range(count):
            mine = np.sort(share[place == one])
            if not len(mine):  # every forecast here is the same
                self.low_[one], self.high_[one] = np.quantile(share, [tail, 1 - tail])
                continue
            size = len(mine)  # the (n + 1)-th part more on either side makes the promise hold in small shops too
            self.low_[one] = mine[max(int(np.floor((size + 1) * tail)) - 1, 0)]
            self.high_[one] = mine[min(int(np.ceil((size + 1) * (1 - tail))) - 1, size - 1)]
        return self

    def around(self, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the low and the high end around each forecast, two [b]; the forecast itself lies inside."""
        place = np.searchsorted(self.edges_, told)
        return np.minimum(told * self.low_[place], told), np.maximum(told * self.high_[place], told)


@dataclass
class Scores:
    """What the champion says of everyone at the cut. Arrays [b] in the order of the summary."""

    horizon: int
    value_minor: np.ndarray  # float64, money within the horizon
    low_minor: np.ndarray
    high_minor: np.ndarray
    orders: np.ndarray  # float64, orders within the horizon


@threadpool_limits.wrap(limits=1)
def score(history: History, tests: Tests, *, rows: Rows | None = None) -> Scores:
    """Let the champion speak about everyone in a history known up to its `as_of`."""
    today = Window(rows or churn.today(history, tests.horizon), history)
    entry = entry_for(tests, today)
    told = entry.told(tests.champion)
    low, high = Intervals().fit(tests.tested, tests.champion).around(told)
    factor = level(entry.windows, today, [(w.orders, w.expected_orders) for w in entry.windows])
    return Scores(tests.horizon, told, low, high, today.expected_orders * factor)
