"""The shopkeeper's rule: quiet for longer than three usual gaps means gone; told as the share who left."""

from dataclasses import dataclass

import numpy as np

from loyalty.estimators.churn.rows import Rows
from loyalty.estimators.lifecycle import usual_gaps


@dataclass
class GapRule:
    after: float = 3.0  # usual gaps

    def fit(self, windows: list[Rows], today: Rows) -> "GapRule":
        past = np.concatenate([self._is_past(rows) for rows in windows])
        label = np.concatenate([rows.label for rows in windows])
        share = (label.sum() + 1) / (len(label) + 2)
        self.shares_ = [float((label[past == side].sum() + 4 * share) / ((past == side).sum() + 4)) for side in (0, 1)]
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return np.where(self._is_past(rows), self.shares_[1], self.shares_[0])

    def _is_past(self, rows: Rows) -> np.ndarray:
        return rows.summary.quiet > self.after * usual_gaps(rows.summary)
