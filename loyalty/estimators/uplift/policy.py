"""What a rule for whom to send what would have earned, from sends drawn by chance.

Self-normalised inverse propensity (A. Swaminathan, T. Joachims 2015) and doubly robust (M. Dudik, J. Langford, L. Li
2011). Only rows in whose trial the chosen arm was drawn can tell; standard errors add up what one person did in
several trials.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from loyalty.estimators.uplift import shrinking
from loyalty.estimators.uplift.sends import Sends

FOLDS = 5
SURE = 2.0  # standard errors
CAPPED = 0.995  # money above this quantile counts as this much: one order must not choose an offer


@dataclass(frozen=True)
class PolicyValue:
    """Mean per person and send, with standard errors."""

    ips: float
    ips_error: float
    dr: float
    dr_error: float
    rows: int
    ips_parts: np.ndarray = field(repr=False)  # [n], what each row adds to the error
    dr_parts: np.ndarray = field(repr=False)
    customer: np.ndarray = field(repr=False)

    def minus(self, other: "PolicyValue") -> dict[str, float]:
        """Return how much more this rule earns than the other on the same rows, with standard errors."""
        return {
            "ips": self.ips - other.ips,
            "ips_error": _error(self.ips_parts - other.ips_parts, self.customer),
            "dr": self.dr - other.dr,
            "dr_error": _error(self.dr_parts - other.dr_parts, self.customer),
        }


def policy_value(sends: Sends, chosen: np.ndarray, means: np.ndarray, *, of: str = "profit") -> PolicyValue:
    """Return what sending the arms `chosen` [n] would have earned; `means` [n, arms] as guessed without these rows."""
    y, chosen = getattr(sends, of).astype(np.float64), np.asarray(chosen)
    _, trial = np.unique(sends.trial, return_inverse=True)
    drawn = np.zeros((trial.max(initial=0) + 1, len(sends.arms)), bool)
    drawn[trial, sends.arm] = True
    can = drawn[trial, chosen]
    weight = np.where(can & (sends.arm == chosen), 1 / sends.propensity, 0.0)
    total, rows = weight.sum(), int(can.sum())
    ips = float(weight @ y / total) if total else 0.0
    ips_parts = weight * (y - ips) / total if total else np.zeros(len(y))
    guess = means[np.arange(len(y)), chosen]
    each = np.where(can, guess + weight * (y - guess), 0.0)
    dr = float(each.sum() / rows) if rows else 0.0
    dr_parts = np.where(can, each - dr, 0.0) / max(rows, 1)
    return PolicyValue(
        ips, _error(ips_parts, sends.customer), dr, _error(dr_parts, sends.customer), rows, ips_parts, dr_parts,
        sends.customer,
    )  # fmt: skip


def _error(parts: np.ndarray, customer: np.ndarray) -> float:
    _, person = np.unique(customer, return_inverse=True)
    return float(np.sqrt(np.sum(np.bincount(person, parts) ** 2)))


@dataclass
class ArmMeans:
    """What each arm brings for whom: one ridge regression, in which arms share what they can."""

    of: str = "profit"

    def fit(self, sends: Sends) -> "ArmMeans":
        y = getattr(sends, self.of).astype(np.float64)
        self.arms_ = len(sends.arms)
        self.basis_ = shrinking.Basis().fit(sends.features)
        X = self._columns(sends.features, sends.arm)
        k = X.shape[1] // (self.arms_ + 1)
        groups = np.r_[np.zeros(k), np.tile(np.r_[np.ones(1), np.full(k - 1, 2)], self.arms_)]
        self.coefficients_, self.level_ = shrinking.ridge(X, y, groups, np.ones(len(y)))
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the mean expected under every arm, [m, arms]."""
        each = [self._columns(features, np.full(len(features), arm)) for arm in range(self.arms_)]
        return np.column_stack([X @ self.coefficients_ + self.level_ for X in each])

    def _columns(self, features: np.ndarray, arm: np.ndarray) -> np.ndarray:
        X = np.column_stack([np.ones(len(features)), self.basis_.of(features)])
        own = [X * (arm == one)[:, None] for one in range(self.arms_)]
        return np.hstack([X, *own])


def arm_means(sends: Sends, *, of: str = "profit", seed: int = 0) -> np.ndarray:
    """Return what each arm is expected to bring, [n, arms], every row told by a model that had not seen the person."""
    fold, told = sends.folds(FOLDS, seed), np.zeros((len(sends), len(sends.arms)))
    for one in np.unique(fold):
        told[fold == one] = ArmMeans(of=of).fit(sends.rows(fold != one)).predict(sends.features[fold == one])
    return told


@dataclass(frozen=True)
class Rule:
    """Whom to send what: the same to everybody, or to each what brings most, where that is known to be better."""

    personal: bool
    arm: int  # the best one thing for everybody
    gain: dict[str, float]  # of choosing for each over the best one thing, on people not learned from
    learner: ArmMeans = field(repr=False)

    def arms(self, features: np.ndarray) -> np.ndarray:
        """Return the arm for each row [m]."""
        return self.learner.predict(features).argmax(1) if self.personal else np.full(len(features), self.arm)


def decide(sends: Sends, *, of: str = "profit", seed: int = 0) -> Rule:
    """Learn a rule from sends: choosing for each has to beat the best one thing by SURE standard errors."""
    capped = replace(sends, **{of: _capped(getattr(sends, of))})
    means = arm_means(capped, of=of, seed=seed)
    everybody = [policy_value(capped, np.full(len(sends), arm), means, of=of) for arm in range(len(sends.arms))]
    known = np.bincount(sends.arm, minlength=len(sends.arms)) > 0
    arm = int(np.argmax([value.dr if able else -np.inf for value, able in zip(everybody, known)]))
    gain = policy_value(capped, means.argmax(1), means, of=of).minus(everybody[arm])
    personal = gain["dr"] > SURE * gain["dr_error"]
    return Rule(personal, arm, gain, ArmMeans(of=of).fit(capped))


def _capped(money: np.ndarray) -> np.ndarray:
    return np.minimum(money, np.quantile(money, CAPPED)) if len(money) else money
