"""Linear models that learn from the data how far to believe each group of columns.

Ridge regression and logistic regression with one prior variance a group, found by maximising the evidence: D. MacKay
(1992), "Bayesian Interpolation", Neural Computation 4(3), equations 4.8 and 4.9; for the logistic by Laplace's
approximation. Groups that say nothing are shrunk to nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

ROUNDS = 40
FIRM, LOOSE = 1e7, 1e-2  # bounds of one over a prior variance, columns having unit spread
HEAVY = 3.0  # a column whose skewness is above this is read on a logarithmic scale
GAPS = 0.005  # share of rows from which not being known is a column of its own
FAR = 4.0  # spreads from the mean: nobody counts for more


@dataclass
class Basis:
    """Turn features [n, p], nan where not known, into standardised columns and flags for what is not known."""

    def fit(self, features: np.ndarray) -> "Basis":
        known = np.where(np.isfinite(features), features, np.nan)
        self.columns_ = np.flatnonzero(np.isfinite(known).any(0))
        known = known[:, self.columns_]
        self.middle_ = np.nanmedian(known, 0) if known.size else np.zeros(0)
        self.gaps_ = np.flatnonzero(np.isnan(known).mean(0) > GAPS)
        filled = np.where(np.isnan(known), self.middle_, known)
        skew = np.abs(((filled - filled.mean(0)) ** 3).mean(0)) / np.maximum(filled.std(0), 1e-12) ** 3
        many = np.array([len(np.unique(column)) > 10 for column in filled.T], bool)
        self.logged_ = many & (skew > HEAVY)
        plain = self._plain(features)
        self.mean_, self.spread_ = plain.mean(0), plain.std(0)
        self.live_ = np.flatnonzero(self.spread_ > 1e-9)
        return self

    def of(self, features: np.ndarray) -> np.ndarray:
        """Return columns [n, k] of unit spread where the basis was learned."""
        away = (self._plain(features)[:, self.live_] - self.mean_[self.live_]) / self.spread_[self.live_]
        return np.clip(away, -FAR, FAR)

    def _plain(self, features: np.ndarray) -> np.ndarray:
        known = features[:, self.columns_]
        unknown = ~np.isfinite(known)
        filled = np.where(unknown, self.middle_, known)
        filled = np.where(self.logged_, np.sign(filled) * np.log1p(np.abs(filled)), filled)
        return np.hstack([filled, unknown[:, self.gaps_]])


def ridge(X: np.ndarray, y: np.ndarray, groups: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (coefficients [k], level) of a regression; `groups` [k] says whose prior variance a column shares."""
    at, level = np.average(X, 0, weight), np.average(y, weights=weight)
    X, y = X - at, y - level
    gram, moment, power = (X * weight[:, None]).T @ X, X.T @ (weight * y), float(weight @ y**2)
    scale = len(y) / weight.sum()
    gram, moment, power = gram * scale, moment * scale, power * scale
    kinds, group = np.unique(groups, return_inverse=True)
    firm, noise = np.full(len(kinds), 100.0), power / len(y) + 1e-300
    coefficients = np.zeros(X.shape[1])
    for _ in range(ROUNDS):
        covariance = np.linalg.inv(gram / noise + np.diag(firm[group] / noise))
        coefficients = covariance @ moment / noise
        before = firm
        firm, known = _believed(coefficients, covariance, firm, group, noise)
        left = power - 2 * coefficients @ moment + coefficients @ gram @ coefficients
        noise = max(left / max(len(y) - known, 1.0), 1e-300)
        if np.allclose(firm, before, rtol=0.05):
            break
    return coefficients, float(level - at @ coefficients)


def logistic(X: np.ndarray, y: np.ndarray, groups: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (coefficients [k], level) of log-odds; `y` [n] is 0 or 1."""
    kinds, group = np.unique(groups, return_inverse=True)
    columns = np.column_stack([X, np.ones(len(y))])
    firm, share = np.full(len(kinds), 100.0), np.clip(np.average(y, weights=weight), 1e-4, 1 - 1e-4)
    beta = np.r_[np.zeros(X.shape[1]), np.log(share / (1 - share))]
    for _ in range(ROUNDS):
        chance = expit(columns @ beta)
        penalty = np.r_[firm[group], 1e-6]
        bend = (columns * (weight * np.maximum(chance * (1 - chance), 1e-6))[:, None]).T @ columns + np.diag(penalty)
        covariance = np.linalg.inv(bend)
        step = covariance @ (columns.T @ (weight * (y - chance)) - penalty * beta)
        beta = beta + step * min(1.0, 3.0 / max(np.abs(step).max(), 1e-12))
        before = firm
        firm, _ = _believed(beta[:-1], covariance[:-1, :-1], firm, group, 1.0)
        if np.abs(step).max() < 1e-4 and np.allclose(firm, before, rtol=0.05):
            break
    return beta[:-1], float(beta[-1])


def _believed(coefficients, covariance, firm, group, noise) -> tuple[np.ndarray, float]:
    """Return one over the prior variances that make the coefficients most plausible, and how many are determined."""
    size = np.bincount(group)
    known = size - firm / noise * np.bincount(group, np.diag(covariance))
    known = np.clip(known, 1e-3, size)
    believed = known * noise / np.maximum(np.bincount(group, coefficients**2), 1e-12)
    return np.clip(believed, LOOSE, FIRM), float(known.sum())
