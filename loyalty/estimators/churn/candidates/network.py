"""Two Bayesian networks over habits cut into a few states each (estimators.network), their log-odds averaged.

Tree-augmented naive Bayes hears every habit and, where habits repeat each other, is too sure; the few parents that tell
most (K2) are never too sure and miss the rest.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from loyalty.estimators import lifecycle
from loyalty.estimators.churn.candidates.base import draw
from loyalty.estimators.churn.rows import FEATURES, Rows, odds
from loyalty.estimators.network import model, structure
from loyalty.estimators.network.states import Cuts
from loyalty.estimators.network.structure import Counted

TARGET = "left"
HABITS = ("quiet", "visits", "spend", "age", "visits_one", "quiet_over_gap", "products")


@dataclass
class BayesianNetwork:
    most_rows: int = 40_000
    most_states: int = 6
    seed: int = 0

    def fit(self, windows: list[Rows], today: Rows) -> "BayesianNetwork":
        habits = np.vstack([self._habits(rows) for rows in windows])
        stage = np.concatenate([lifecycle.stages(rows.summary) for rows in windows])
        label = np.concatenate([rows.label for rows in windows])
        drawn = draw(len(label), self.most_rows, self.seed)
        self.cuts_ = [Cuts(self.most_states).fit(column) for column in habits[drawn].T]
        codes = self._codes(habits[drawn], stage[drawn])
        sizes = (*(cuts.size for cuts in self.cuts_), len(lifecycle.STAGES), 2)
        counted = Counted.of((*codes, TARGET), sizes, np.column_stack([*codes.values(), label[drawn]]))
        ways = (structure.classifier, structure.telling)
        self.networks_ = [model.learn(counted, arrows(counted, TARGET)) for arrows in ways]
        return self

    def predict(self, rows: Rows) -> np.ndarray:
        codes = self._codes(self._habits(rows), lifecycle.stages(rows.summary))
        told = [odds(model.chances(network, TARGET, codes)[:, 1]) for network in self.networks_]
        return expit(np.mean(told, axis=0))

    def _habits(self, rows: Rows) -> np.ndarray:
        return rows.features[:, [FEATURES.index(name) for name in HABITS]]

    def _codes(self, habits: np.ndarray, stage: np.ndarray) -> dict[str, np.ndarray]:
        found = {name: cuts.of(column) for name, cuts, column in zip(HABITS, self.cuts_, habits.T)}
        return found | {"stage": stage.astype(np.int64)}
