"""Correct a method's chances by how it did on the shop's own past: not at all, by Platt's sigmoid, or step by step.

Platt: log-odds times a slope held close to 1, around their own middle, so that the level stays. Isotonic (B. Zadrozny,
C. Elkan 2002): any rising curve, from ENOUGH of each class on, again at the level told. Which of the three is chosen
by leaving out one past window at a time; the plainer unless it loses by two standard errors. With fewer than two
windows nothing is corrected.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit

from loyalty.estimators import evaluate

ENOUGH = 1_000
SLOPE_SPREAD = 0.15


@dataclass
class Calibration:
    kind: str = "none"
    slope_: float = 1.0
    steps_: tuple[np.ndarray, np.ndarray] = field(default_factory=lambda: (np.zeros(0), np.zeros(0)))

    def fit(self, labels: list[np.ndarray], chances: list[np.ndarray]) -> "Calibration":
        """Learn from labels and chances by window, at the level each window turned out to have."""
        if len(labels) < 2:
            return self
        chances = [evaluate.at_level(label.mean(), chance) for label, chance in zip(labels, chances)]
        kinds = ["none", "platt"]
        if min(sum(label.sum() for label in labels), sum((~label).sum() for label in labels)) >= ENOUGH:
            kinds.append("isotonic")
        losses = {kind: [] for kind in kinds}
        for out in range(len(labels)):
            others = [i for i in range(len(labels)) if i != out]
            for kind in kinds:
                told = Calibration(kind)._learn([labels[i] for i in others], [chances[i] for i in others])
                corrected = evaluate.at_level(labels[out].mean(), told.correct(chances[out]))
                losses[kind].append(evaluate.log_losses(labels[out], corrected))
        best = "none"
        for kind in kinds[1:]:
            gain = np.concatenate(losses[best]) - np.concatenate(losses[kind])
            if gain.mean() > 2 * gain.std() / np.sqrt(len(gain)):
                best = kind
        self.kind = best
        return self._learn(labels, chances)

    def _learn(self, labels: list[np.ndarray], chances: list[np.ndarray]) -> "Calibration":
        label, chance = np.concatenate(labels).astype(np.float64), np.concatenate(chances)
        if self.kind == "platt":
            odds = _odds(chance)
            away, slope = odds - odds.mean(), 1.0
            for _ in range(20):
                told = expit(odds.mean() + slope * away)
                gradient = np.dot(away, told - label) + (slope - 1) / SLOPE_SPREAD**2
                slope -= gradient / (np.dot(away**2, told * (1 - told)) + SLOPE_SPREAD**-2)
            self.slope_ = float(np.clip(slope, 0.5, 1.5))
        if self.kind == "isotonic":
            order = np.argsort(chance, kind="stable")
            self.steps_ = chance[order], isotonic_regression(label[order]).x.clip(0.002, 0.998)
        return self

    def correct(self, chance: np.ndarray) -> np.ndarray:
        """Return the chances corrected, their mean left where it was."""
        if self.kind == "none" or not len(chance):
            return chance
        if self.kind == "platt":
            odds = _odds(chance)
            corrected = expit(odds.mean() + self.slope_ * (odds - odds.mean()))
        else:  # a little of the old order keeps those on one step apart
            corrected = 0.98 * np.interp(chance, *self.steps_) + 0.02 * chance
        return evaluate.at_level(chance.mean(), corrected)


def _odds(chance: np.ndarray) -> np.ndarray:
    chance = np.clip(chance, evaluate.SURE, 1 - evaluate.SURE)
    return np.log(chance / (1 - chance))
