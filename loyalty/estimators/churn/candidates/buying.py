"""P(no order within the horizon) under a buy-till-you-die model fitted at the cut itself; needs no finished window.

Never 1 - P(alive): under the BG/NBD that ranks worse than a coin.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from loyalty.estimators.churn.rows import Rows

OF = {
    "mbgnbd": lambda rows: expit(rows.odds),
    "bgnbd": lambda rows: rows.plain,
    "paretonbd": lambda rows: rows.pareto,
}


@dataclass
class Buying:
    kind: str = "mbgnbd"

    def fit(self, windows: list[Rows], today: Rows) -> "Buying":
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return OF[self.kind](rows)
