"""The mean log-odds of several candidates: where each errs in its own way, together they err less.

Simple averages are hard to beat: R. Clemen (1989), "Combining forecasts", International Journal of Forecasting 5(4).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from loyalty.estimators.churn.candidates.base import Candidate
from loyalty.estimators.churn.rows import Rows, odds


@dataclass
class Blend:
    members: list[Candidate]  # fitted

    def fit(self, windows: list[Rows], today: Rows) -> "Blend":
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return expit(np.mean([odds(member.predict(rows)) for member in self.members], axis=0))
