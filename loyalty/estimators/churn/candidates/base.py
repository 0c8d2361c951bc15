"""What every candidate of the churn contest speaks: `fit(windows, today)`, then `predict(rows)` gives chances.

`windows` are rows of the past whose horizon had ended by today, with labels, newest first; `today` are the rows to be
forecast, without labels. `predict` returns P(no order within the horizon), float64 [b].
"""

from typing import Protocol

import numpy as np
from scipy.special import expit

from loyalty.estimators.churn.rows import Rows


class Candidate(Protocol):
    def fit(self, windows: list[Rows], today: Rows) -> "Candidate": ...

    def predict(self, rows: Rows) -> np.ndarray: ...


def ridge_logistic(X, y, offset, penalty, weight) -> np.ndarray:
    """Return coefficients [k] by Newton's method; `penalty` [k] is one over the prior variance of each."""
    beta = np.zeros(X.shape[1])
    for _ in range(60):
        chance = expit(X @ beta + offset)
        gradient = X.T @ (weight * (chance - y)) + penalty * beta
        curvature = (X * (weight * chance * (1 - chance) + 1e-10)[:, None]).T @ X + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        widest = np.abs(step).max()
        beta -= step * min(1.0, 3.0 / max(widest, 1e-12))
        if widest < 1e-7:
            break
    return beta


def draw(size: int, most: int, seed: int = 0) -> np.ndarray:
    """Return the places of all rows, or of `most` of them drawn at random."""
    return np.arange(size) if size <= most else np.random.default_rng(seed).choice(size, most, replace=False)


class Table:
    """Everything the trees and the SVM look at: features, taste, and the MBG/NBD's log-odds."""

    def fit(self, windows: list[Rows], today: Rows, *, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows [n, k] and labels [n] of the windows, at most so many."""
        self.taste_ = today.taste
        label = np.concatenate([rows.label for rows in windows])
        drawn = np.sort(draw(len(label), most))
        ends = np.cumsum([0, *(len(rows.label) for rows in windows)])
        parts = [
            self.of(rows, drawn[(drawn >= start) & (drawn < end)] - start)
            for rows, start, end in zip(windows, ends, ends[1:])
        ]
        return np.vstack(parts), label[drawn]

    def of(self, rows: Rows, only: np.ndarray | slice = slice(None)) -> np.ndarray:
        return np.column_stack([rows.features[only], self.taste_.of(rows.baskets[only]), rows.odds[only]])
