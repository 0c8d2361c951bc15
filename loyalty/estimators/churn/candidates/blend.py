"""The weighted mean log-odds of several candidates: where each errs in its own way, together they err less.

Simple averages are hard to beat: R. Clemen (1989), "Combining forecasts", International Journal of Forecasting 5(4).
Weights fall with the log loss in the tests (aggregation by exponential weights: A. Dalalyan, A. Tsybakov 2008, Machine
Learning 72), and slowly: who is ahead by 0.01 in one window is often behind by as much in the next.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from loyalty.estimators import evaluate
from loyalty.estimators.churn.candidates.base import Candidate
from loyalty.estimators.churn.rows import Rows, odds

LEAST_WEIGHT = 0.02  # of a member: whoever has less is left out


@dataclass
class Blend:
    members: list[Candidate]  # fitted
    weights: list[float]

    def fit(self, windows: list[Rows], today: Rows) -> "Blend":
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return mean([member.predict(rows) for member in self.members], self.weights)


def mean(chances: list[np.ndarray], weights: list[float]) -> np.ndarray:
    """Return the chances whose log-odds are the weighted mean of those of the members, [b]."""
    return expit(np.average([odds(chance) for chance in chances], axis=0, weights=weights))


def weigh(tested: list[evaluate.Tested], names: list[str]) -> dict[str, float]:
    """Return the weight of each name by its log loss in the windows tested, all alike where there are none."""
    if not tested:
        return {name: 1 / len(names) for name in names}
    loss = np.array([evaluate.loss_at_level(tested, name) for name in names])
    weight = np.exp(-(loss - loss.min()) / evaluate.FICKLE)
    weight = np.where(weight / weight.sum() < LEAST_WEIGHT, 0.0, weight)
    return {name: float(one) for name, one in zip(names, weight / weight.sum()) if one}
