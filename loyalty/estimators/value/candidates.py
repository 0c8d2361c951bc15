"""The ways of telling money ahead, from most to least trusted: among equals the earlier speaks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from loyalty.estimators import churn
from loyalty.estimators.churn import FEATURES, foretold
from loyalty.estimators.value.windows import TOP, Window

BASELINE, LEVEL = "average", "buying"
MONEY_SPREAD = 0.4  # among shops, of the log of how far the sum of money is off: people, and the worth of their orders
OVERLAP = 1 / 3
DECAYED_BELOW = 300  # customers: a blend of a larger shop does without it, `stacked` knows the same
LEAST = 0.01  # of the mean forecast: nobody is told less
WHO_LEAVES = ("logistic", "stacked", "logistic_wide")  # of the churn contest: its regressions, the plainest first


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
        windows = [w for w in windows if w.spent.any()]
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
        self.level_ = float(y.mean())
        self.beta_ = _ridge(X, y - self.level_, self.spread)
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


def _ridge(X, y, spread: float) -> np.ndarray:
    """Return coefficients [k] of a ridge regression of y, mean 0, where windows overlap."""
    noise = max(float(np.var(y)) / OVERLAP, 1e-9)
    return np.linalg.solve(X.T @ X + noise / spread**2 * np.eye(X.shape[1]), X.T @ y)


@dataclass
class Hurdle:
    """Two questions, each learned on its own: who comes at all, and what somebody who comes brings.

    A hurdle model, J. Cragg (1971), Econometrica 39(5). Who comes is known from everybody, and no large order blurs it;
    what they bring is a ridge regression of the log of money over the worth of an order, of those who came.
    """

    spread: float = 0.32

    def fit(self, windows: list[Window], today: Window) -> "Hurdle":
        self.taste_ = today.rows.taste
        rows = [w.rows for w in windows]
        methods = [churn.METHODS[name] for name in WHO_LEAVES]
        able = [method for method in methods if method.fewest <= len(rows[0].label)] or methods[:1]
        members = [method.make().fit(rows, today.rows) for method in able]
        self.leaves_ = churn.METHODS["blend"].make(members, [1.0] * len(members))
        windows = [w for w in windows if w.spent.any()]
        raw = np.vstack([self._columns(w)[w.spent > 0] for w in windows])
        self.mean_, self.scale_ = raw.mean(0), raw.std(0)
        self.scale_[self.scale_ < 1e-9] = 1.0
        brought = []
        for w in windows:  # each window at its own level
            came = w.spent > 0
            log = np.log(w.spent[came] / w.worth[came])
            log = np.clip(log, *np.quantile(log, [1 - TOP, TOP]))
            brought.append(log - log.mean())
        self.beta_ = _ridge((raw - self.mean_) / self.scale_, np.concatenate(brought), self.spread)
        return self

    def predict(self, window: Window) -> np.ndarray:
        brings = ((self._columns(window) - self.mean_) / self.scale_) @ self.beta_
        return (1 - self.leaves_.predict(window.rows)) * window.worth * np.exp(np.clip(brings, -12, 12))

    def _columns(self, window: Window) -> np.ndarray:
        faded = PastSpend(fading=True).predict(window)
        told = (np.maximum(faded / faded.mean(), LEAST), np.maximum(window.expected_orders, 1e-3), window.worth)
        return np.column_stack([window.habits(self.taste_), *np.log(told)])


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
    early: bool = False  # from those that have not ended as well, by what has come of them so far
    members: tuple[str, ...] = ()


METHODS: dict[str, Method] = {
    "average": Method(Average, 10),
    "blend": Method(Blend, 10, learns=False, members=("buying", "decayed", "stacked", "hurdle", "boosting")),
    "buying": Method(Buying, 10, learns=False),
    "past_spend": Method(PastSpend, 10, learns=False),
    "decayed": Method(lambda: PastSpend(fading=True), 10, learns=False),
    "stacked": Method(Stacked, 50, early=True),
    "hurdle": Method(Hurdle, 50, early=True),
    "ridge": Method(Ridge, 300),
    "polynomial": Method(lambda: Ridge(degree=2), 300),
    "boosting": Method(Boosting, 3_000),
}
