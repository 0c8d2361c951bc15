"""How well a score says in whom an offer changes most: Qini, uplift at a share, and a test of it.

N. Radcliffe (2007), "Using control groups to target on predicted lift"; normalised by the best possible order as in
scikit-uplift's `qini_auc_score`, whose figures these are when everybody had the same chance of being written to.

The test: with Gamma a doubly robust score of the effect (J. Robins, A. Rotnitzky 1995) and u the rank of the learned
uplift between 0 and 1, the area between the Qini curve and the straight line is cov(Gamma, u); S. Yadlowsky et al.
(2021), "Evaluating treatment prioritization rules via rank-weighted average treatment effects".
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata


def qini(outcome: np.ndarray, treated: np.ndarray, score: np.ndarray, propensity: np.ndarray | None = None) -> float:
    """Return the Qini coefficient: 0 for a useless order, 1 for the best possible one.

    `propensity` [n] is the chance of what was drawn, being written to or left alone; None: the same for all.
    """
    y, t, weight = _inputs(outcome, treated, propensity)
    area, perfect = _area(y, t, np.asarray(score, np.float64), weight), _area(y, t, y * t - y * (1 - t), weight)
    return area / perfect if perfect > 0 else 0.0


def uplift_at(
    outcome: np.ndarray, treated: np.ndarray, score: np.ndarray, share: float, propensity: np.ndarray | None = None
) -> float:
    """Return treated minus untreated mean outcome among the share of people with the highest scores."""
    y, t, weight = _inputs(outcome, treated, propensity)
    first = np.argsort(np.asarray(score, np.float64), kind="stable")[::-1][: int(len(y) * share)]
    one, none = weight[first] * t[first], weight[first] * (1 - t[first])
    if not one.any() or not none.any():
        return 0.0
    return float(one @ y[first] / one.sum() - none @ y[first] / none.sum())


def qini_of_area(outcome: np.ndarray, treated: np.ndarray, propensity: np.ndarray) -> float:
    """Return the Qini coefficient that one unit of `gain`'s area stands for among these people."""
    y, t, weight = _inputs(outcome, treated, propensity)
    perfect = _area(y, t, y * t - y * (1 - t), weight)
    return len(y) ** 2 / perfect if perfect > 0 else 0.0


def _area(y, t, score, weight) -> float:
    ends, curve = _curve(y, t, score, weight)
    return float(np.trapezoid(curve, ends) - 0.5 * len(y) * curve[-1])


def _inputs(outcome, treated, propensity) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, t = np.asarray(outcome, np.float64), np.asarray(treated, np.float64)
    return y, t, np.ones(len(y)) if propensity is None else 1 / np.asarray(propensity, np.float64)


def _curve(y, t, score, weight) -> tuple[np.ndarray, np.ndarray]:
    """Return (how many people, responses the offer added among them), from the highest score down, ties together."""
    order = np.argsort(score, kind="stable")[::-1]
    ends = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    y, one, none = y[order], (weight * t)[order], (weight * (1 - t))[order]
    treated, control = np.cumsum(one)[ends], np.cumsum(none)[ends]
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(control > 0, np.cumsum(y * none)[ends] * treated / control, 0.0)
    return np.r_[0, ends + 1], np.r_[0.0, np.cumsum(y * one)[ends] - expected]


@dataclass(frozen=True)
class Gain:
    """Area between the Qini curve and the straight line, per person, with its standard error."""

    area: float
    error: float

    @property
    def z(self) -> float:
        return self.area / self.error if self.error > 0 else 0.0


def doubly_robust(
    outcome: np.ndarray, treated: np.ndarray, chance: np.ndarray, left_alone: np.ndarray, written_to: np.ndarray
) -> np.ndarray:
    """Return each row's unbiased score of the effect, [n], from guesses of both outcomes learned elsewhere."""
    off = np.where(treated, (outcome - written_to) / chance, -(outcome - left_alone) / (1 - chance))
    return written_to - left_alone + off


def gain(effect_scores: np.ndarray, score: np.ndarray, customer: np.ndarray) -> Gain:
    """Return how much better than chance a score orders the doubly robust effects [n]; people repeat over rows."""
    n = len(score)
    rank = (rankdata(score) - 0.5) / n - 0.5
    centred = effect_scores - effect_scores.mean()
    each = rank * centred
    _, person = np.unique(customer, return_inverse=True)
    area = float(each.mean())
    return Gain(area, float(np.sqrt(np.sum(np.bincount(person, each - area) ** 2)) / n))
