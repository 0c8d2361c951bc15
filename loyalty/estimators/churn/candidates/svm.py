"""Support vector machine (RBF) on a small draw of rows, its distances made chances by Platt's sigmoid on another draw.

J. Platt (1999), "Probabilistic outputs for support vector machines".
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from loyalty.estimators.churn.candidates.base import Table, ridge_logistic
from loyalty.estimators.churn.rows import Rows


@dataclass
class Svm:
    most_rows: int = 3_000
    seed: int = 0
    table: Table = field(default_factory=Table)

    def fit(self, windows: list[Rows], today: Rows) -> "Svm":
        from sklearn.svm import SVC

        X, label = self.table.fit(windows, today, most=self.most_rows)
        self.mean_, self.scale_ = X.mean(0), np.maximum(X.std(0), 1e-9)
        X = (X - self.mean_) / self.scale_
        order = np.random.default_rng(self.seed).permutation(len(X))
        learn, hold = order[: 2 * len(X) // 3], order[2 * len(X) // 3 :]
        self.machine_ = SVC(C=1.0, gamma="scale").fit(X[learn], label[learn])
        distance = self.machine_.decision_function(X[hold])
        columns = np.column_stack([np.ones(len(hold)), distance])
        self.sigmoid_ = ridge_logistic(
            columns, label[hold].astype(np.float64), np.zeros(len(hold)), np.full(2, 1e-3), np.ones(len(hold))
        )
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        distance = self.machine_.decision_function((self.table.of(rows) - self.mean_) / self.scale_)
        return expit(self.sigmoid_[0] + self.sigmoid_[1] * distance)
