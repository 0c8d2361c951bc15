"""P(no order within the horizon) where people buy by a clock of their own (estimators.rhythm); learns at the cut."""

from dataclasses import dataclass

import numpy as np

from loyalty.estimators.churn.rows import Rows


@dataclass
class PersonalRhythm:
    def fit(self, windows: list[Rows], today: Rows) -> "PersonalRhythm":
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return rows.rhythm
