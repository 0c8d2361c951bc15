"""The MBG/NBD corrected by how it did in the past: one number for its level, one for its slope.

Level: by what factor people turned out to buy faster or slower than the model had told, foretold from that of the past
windows: the mean of its logarithm, drawn towards none. A window counts less the fewer came in it, and the further ahead
the model had to look for what it had seen: one fitted on six weeks errs otherwise than one fitted on a year. Windows
that have not ended yet tell too, by what has come of them so far.
Slope: Platt's sigmoid around the middle, each window at the level it turned out to have, held close to 1.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from loyalty.estimators import evaluate
from loyalty.estimators.churn.candidates.base import ridge_logistic
from loyalty.estimators.churn.rows import Rows, odds
from loyalty.estimators.churn.season import off, usual

OVERLAP = 3  # windows start a third of a horizon apart: three in a row are worth one
OWN = 0.2  # spread of one window's log factor, besides the noise of its count
REACH = 0.4  # the same of a model that looks as far ahead as it has looked back
COMMON = 0.3  # spread among shops of what all windows of a shop share


@dataclass
class Calibrated:
    slope_spread: float = 0.2

    def fit(self, windows: list[Rows], today: Rows) -> "Calibrated":
        first = today.pattern.first_day
        told = [(rows.off, int((~rows.label).sum()), rows.horizon / (rows.cut - first)) for rows in windows]
        self.level_ = foretold(*np.array(told + lately(today)).reshape(-1, 3).T)
        self.slope_ = 0.0
        if windows:
            moved = [at_pace(rows, rows.off) for rows in windows]
            away = np.concatenate([one - one.mean() for one in moved])
            label = np.concatenate([rows.label for rows in windows]).astype(np.float64)
            window = np.repeat(np.arange(len(windows)), [len(one) for one in moved])
            X = np.column_stack([away, window[:, None] == np.arange(len(windows))])
            penalty = np.r_[self.slope_spread**-2, np.full(len(windows), 1e-3)]
            weight = np.full(len(label), 1 / OVERLAP)
            self.slope_ = float(ridge_logistic(X, label, np.concatenate(moved), penalty, weight)[0])
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        moved = at_pace(rows, self.level_)
        return evaluate.at_level(expit(moved).mean(), expit(moved + self.slope_ * (moved - moved.mean())))


def at_pace(rows: Rows, log: float) -> np.ndarray:
    """Return the model's log-odds of no order if people bought faster by this factor's logarithm, [b]."""
    s = rows.summary
    return odds(rows.model.no_purchase(s.repeats, s.recency, s.age, rows.days * np.exp(log)))


def lately(today: Rows) -> list[tuple[float, int, float]]:
    """Return (log of the factor, how many came, reach) of the windows that have not ended yet."""
    step, past = max(today.horizon // OVERLAP, 1), today.pattern.without_lines()
    found = []
    for day in range(today.cut - step, today.cut - today.horizon, -step):
        days, told = today.cut - day, off(past, today.model, day, today.cut - day)
        if told is not None:
            found.append((told[0] - usual(past, day + 1, today.cut), told[1], days / (day - past.first_day)))
    return found


def foretold(logs: np.ndarray, came: np.ndarray, reach: np.ndarray, *, common: float = COMMON) -> float:
    """Return the log factor expected of the window ahead, given those of past windows, [w] each.

    `came`: how many a factor was told from; `reach`: days looked ahead over days the books covered then.
    """
    doubt = OVERLAP * (1 / np.maximum(came, 0.5) + OWN**2 + (REACH * reach) ** 2)
    return float(np.sum(np.clip(logs, -1, 1) / doubt) / (np.sum(1 / doubt) + common**-2))
