"""A tree, a forest and boosted trees (scikit-learn) over everything known; imported only in shops large enough."""

from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from loyalty.estimators.churn.candidates.base import Table
from loyalty.estimators.churn.rows import Rows


@dataclass
class Trees:
    """What the three share; `make` returns the scikit-learn model for n rows."""

    most_rows: int = 6_000
    seed: int = 0
    table: Table = field(default_factory=Table)

    def fit(self, windows: list[Rows], today: Rows) -> "Trees":
        X, label = self.table.fit(windows, today, most=self.most_rows)
        with threadpool_limits(1, user_api="openmp"):  # two threads wait for each other longer than they work
            self.trees_ = self.make(len(label)).fit(X.astype(np.float32), label)
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        return self.trees_.predict_proba(self.table.of(rows).astype(np.float32))[:, 1]


class Tree(Trees):
    def make(self, rows: int):
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=5, min_samples_leaf=max(25, rows // 50), random_state=self.seed)


class Forest(Trees):
    def make(self, rows: int):
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            60, min_samples_leaf=max(20, rows // 200), max_features=0.3, n_jobs=1, random_state=self.seed
        )


class Boosting(Trees):
    def make(self, rows: int):
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            learning_rate=0.06, max_iter=60, max_leaf_nodes=6, min_samples_leaf=100, l2_regularization=5.0, max_bins=64,
            random_state=self.seed, early_stopping=False,
        )  # fmt: skip
