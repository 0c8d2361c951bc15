"""Ridge logistic regressions over the past windows, on their own or starting from the MBG/NBD's log-odds.

Each window has a level of its own, a random effect, so that one busy December does not pass for the rule.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from loyalty.estimators.churn.candidates.base import draw, ridge_logistic
from loyalty.estimators.churn.rows import FEATURES, Rows

RFMT = tuple(FEATURES.index(name) for name in ("visits", "quiet", "age", "spend"))
QUIET = (FEATURES.index("quiet"),)
WIDE = tuple(range(len(FEATURES)))
OVERLAP = 1 / 3  # windows start a third of a horizon apart: each row counts a third


@dataclass
class Logistic:
    columns: tuple[int, ...] = ()
    on_model: bool = False
    with_taste: bool = False
    spread: float = 0.32  # prior standard deviation of a standardised coefficient (0.32: C = 0.1)
    level_spread: float = 0.4  # of the common level, where the model gives one
    window_spread: float = 0.3 * OVERLAP**-0.5  # of each window's own level; three in a row are worth one
    slope_spread: float = 0.2  # of the correction to the model's slope
    most_rows: int = 60_000  # forty numbers are known by then

    def fit(self, windows: list[Rows], today: Rows) -> "Logistic":
        self.taste_ = today.taste if self.with_taste else None
        drawn = [draw(len(rows.label), self.most_rows // len(windows)) for rows in windows]
        raw = np.vstack([self._columns(rows, only) for rows, only in zip(windows, drawn)])
        odds = np.concatenate([rows.odds[only] for rows, only in zip(windows, drawn)])
        label = np.concatenate([rows.label[only] for rows, only in zip(windows, drawn)]).astype(np.float64)
        self.mean_, self.scale_ = raw.mean(0), raw.std(0)
        self.scale_[self.scale_ < 1e-9] = 1.0
        self.odds_mean_ = float(odds.mean())
        window = np.repeat(np.arange(len(windows)), [len(only) for only in drawn])
        levels = (window[:, None] == np.arange(len(windows))).astype(np.float64)
        parts = [np.ones((len(raw), 1)), (raw - self.mean_) / self.scale_, levels]
        penalty = [self.level_spread**-2 if self.on_model else 1e-6]
        penalty += [self.spread**-2] * raw.shape[1] + [self.window_spread**-2] * len(windows)
        if self.on_model:
            parts.append((odds - self.odds_mean_)[:, None])
            penalty.append(self.slope_spread**-2)
        offset = odds if self.on_model else np.zeros(len(raw))
        beta = ridge_logistic(np.hstack(parts), label, offset, np.array(penalty), np.full(len(raw), OVERLAP))
        self.level_, self.beta_ = float(beta[0]), beta[1 : 1 + raw.shape[1]]
        self.slope_ = float(beta[-1]) if self.on_model else 0.0
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        score = self.level_ + ((self._columns(rows) - self.mean_) / self.scale_) @ self.beta_
        if self.on_model:
            score = score + rows.odds + self.slope_ * (rows.odds - self.odds_mean_)
        return expit(score)

    def _columns(self, rows: Rows, only: np.ndarray | slice = slice(None)) -> np.ndarray:
        found = rows.features[only][:, list(self.columns)]
        return found if self.taste_ is None else np.column_stack([found, self.taste_.of(rows.baskets[only])])
