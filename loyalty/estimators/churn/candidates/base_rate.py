"""The share who left in the past windows, the same for everyone: what must be beaten."""

from dataclasses import dataclass

import numpy as np

from loyalty.estimators.churn.rows import Rows


@dataclass
class BaseRate:
    def fit(self, windows: list[Rows], today: Rows) -> "BaseRate":
        label = np.concatenate([rows.label for rows in windows])
        self.share_ = float((label.sum() + 1) / (len(label) + 2))
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return np.full(len(rows.summary.customer), self.share_)
