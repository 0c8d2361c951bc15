"""Whom an offer changes how much: T-, X- and class-transformation learners, boosted trees, and the one that speaks.

T  an outcome model for those written to and one for those left alone; the difference. Both are fitted together, so
   that what they share is learned once and what differs is shrunk by itself.
X  the effect on each side imputed with the other side's model, then regressed (S. Kuenzel et al. 2019, PNAS 116(10)).
C  class transformation (M. Jaskowski, S. Jaroszewicz 2012): the chance of "came when written to, or did not when left
   alone"; people weighted by one over the chance of what was drawn. For money the transformed outcome instead
   (S. Athey, G. Imbens 2016), around the outcome model so that what everybody does cancels.

Linear models with learned shrinkage stand below them. `Averaged` speaks: on simulated shops it ordered people better
than the others whether effects follow one property, many, or what people do anyway (docs/methods/uplift.md).
Every learner is fitted, then `effects(features)` gives [m].
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from loyalty.estimators.uplift import shrinking
from loyalty.estimators.uplift.averaging import averaged
from loyalty.estimators.uplift.measuring import doubly_robust
from loyalty.estimators.uplift.sends import Pair

MANY = 20_000  # rows from which boosted trees join
MANY_CAME = 1_000  # and so many outcomes on each side
SHARED, LEVEL, APART = 0, 1, 2  # groups of coefficients: of both sides; the mean effect; how the sides differ


@dataclass
class TLearner:
    of: str = "outcome"

    def fit(self, pair: Pair) -> "TLearner":
        y, side = getattr(pair.sends, self.of).astype(np.float64), pair.treated - 0.5
        self.yes_or_no_ = bool(np.isin(y, (0, 1)).all())
        self.basis_ = shrinking.Basis().fit(pair.sends.features)
        X = self.basis_.of(pair.sends.features)
        groups = np.repeat([SHARED, LEVEL, APART], [X.shape[1], 1, X.shape[1]])
        model = shrinking.logistic if self.yes_or_no_ else shrinking.ridge
        self.coefficients_, self.level_ = model(_both(X, side), y, groups, np.ones(len(y)))
        return self

    def means(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        X = self.basis_.of(features)
        raw = [_both(X, np.full(len(X), side)) @ self.coefficients_ + self.level_ for side in (-0.5, 0.5)]
        return tuple(expit(one) for one in raw) if self.yes_or_no_ else tuple(raw)

    def effects(self, features: np.ndarray) -> np.ndarray:
        left_alone, written_to = self.means(features)
        return written_to - left_alone


def _both(X: np.ndarray, side: np.ndarray) -> np.ndarray:
    return np.hstack([X, side[:, None], X * side[:, None]])


@dataclass
class XLearner:
    """Read the outcome models of a T-learner fitted on the same rows: `fit(pair, base)`."""

    of: str = "outcome"

    def fit(self, pair: Pair, base: "TLearner") -> "XLearner":
        y = getattr(pair.sends, self.of).astype(np.float64)
        left_alone, written_to = base.means(pair.sends.features)
        self.basis_, self.share_ = base.basis_, float(pair.treated.mean())
        X, t = self.basis_.of(pair.sends.features), pair.treated
        self.sides_ = [
            shrinking.ridge(X[mine], imputed[mine], np.zeros(X.shape[1]), np.ones(int(mine.sum())))
            for mine, imputed in ((t, y - left_alone), (~t, written_to - y))
        ]
        return self

    def effects(self, features: np.ndarray) -> np.ndarray:
        X = self.basis_.of(features)
        of_treated, of_control = (X @ coefficients + level for coefficients, level in self.sides_)
        return self.share_ * of_control + (1 - self.share_) * of_treated


@dataclass
class ClassTransformation:
    of: str = "outcome"

    def fit(self, pair: Pair, base: "TLearner") -> "ClassTransformation":
        y, t = getattr(pair.sends, self.of).astype(np.float64), pair.treated
        self.basis_, self.yes_or_no_ = base.basis_, base.yes_or_no_
        X, drawn = self.basis_.of(pair.sends.features), np.where(t, pair.chance, 1 - pair.chance)
        if self.yes_or_no_:
            weight = 1 / drawn
            model = shrinking.logistic(X, (y == t).astype(np.float64), np.zeros(X.shape[1]), weight / weight.mean())
        else:
            left_alone, written_to = base.means(pair.sends.features)
            around = (1 - pair.chance) * written_to + pair.chance * left_alone
            turned = (y - around) * np.where(t, 1 / drawn, -1 / drawn)
            model = shrinking.ridge(X, turned, np.zeros(X.shape[1]), np.ones(len(y)))
        self.coefficients_, self.level_ = model
        return self

    def effects(self, features: np.ndarray) -> np.ndarray:
        raw = self.basis_.of(features) @ self.coefficients_ + self.level_
        return 2 * expit(raw) - 1 if self.yes_or_no_ else raw


@dataclass
class Boosted:
    """T-learner of gradient boosted trees, small and slow enough not to learn noise by heart."""

    of: str = "outcome"
    seed: int = 0

    def fit(self, pair: Pair) -> "Boosted":
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        y = getattr(pair.sends, self.of).astype(np.float64)
        self.yes_or_no_ = bool(np.isin(y, (0, 1)).all())
        kind = HistGradientBoostingClassifier if self.yes_or_no_ else HistGradientBoostingRegressor
        self.basis_ = shrinking.Basis().fit(pair.sends.features)
        X = self.basis_.of(pair.sends.features)
        self.sides_ = [
            kind(max_iter=80, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=max(int(mine.sum()) // 100, 20),
                 l2_regularization=10.0, early_stopping=False, random_state=self.seed).fit(X[mine], y[mine])
            for mine in (~pair.treated, pair.treated)
        ]  # fmt: skip
        return self

    def means(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        X = self.basis_.of(features)
        if self.yes_or_no_:
            return tuple(model.predict_proba(X)[:, 1] for model in self.sides_)
        return tuple(model.predict(X) for model in self.sides_)

    def effects(self, features: np.ndarray) -> np.ndarray:
        left_alone, written_to = self.means(features)
        return written_to - left_alone


@dataclass
class Averaged:
    """The learner that speaks: doubly robust scores of the effect, regressed on sets of columns and averaged.

    Columns are the features, and what people like this do anyway: effects often follow it (P. Hahn, J. Murray,
    C. Carvalho 2020, Bayesian Analysis 15(3)).
    """

    of: str = "outcome"

    def fit(self, pair: Pair) -> "Averaged":
        features, y = pair.sends.features, getattr(pair.sends, self.of).astype(np.float64)
        self.base_ = TLearner(of=self.of).fit(pair)
        anyway = self._anyway(features)
        self.mean_, self.spread_ = float(anyway.mean()), max(float(anyway.std()), 1e-12)
        scores = doubly_robust(y, pair.treated, pair.chance, *self.base_.means(features))
        self.coefficients_, self.level_ = averaged(self._columns(features), scores)
        return self

    def means(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.base_.means(features)

    def effects(self, features: np.ndarray) -> np.ndarray:
        """Return the change in the outcome expected for each row [m]."""
        return self._columns(features) @ self.coefficients_ + self.level_

    def _anyway(self, features: np.ndarray) -> np.ndarray:
        return np.mean(self.base_.means(features), axis=0)

    def _columns(self, features: np.ndarray) -> np.ndarray:
        anyway = (self._anyway(features) - self.mean_) / self.spread_
        return np.column_stack([self.base_.basis_.of(features), anyway])


def many(pair: Pair) -> bool:
    """Return whether there are enough sends for boosted trees."""
    return len(pair) >= MANY and min(pair.came()) >= MANY_CAME


def fit_all(pair: Pair, *, of: str = "outcome", seed: int = 0) -> dict[str, object]:
    """Return every learner fitted on the same sends, by name; boosted trees only where sends are many."""
    base = TLearner(of=of).fit(pair)
    found = {
        "averaged": Averaged(of=of).fit(pair),
        "t": base,
        "x": XLearner(of=of).fit(pair, base),
        "class": ClassTransformation(of=of).fit(pair, base),
    }
    return found | ({"boosted": Boosted(of=of, seed=seed).fit(pair)} if many(pair) else {})
