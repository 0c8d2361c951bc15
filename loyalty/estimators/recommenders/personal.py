"""What this person bought most often, and nothing else (P-TopFreq of Li et al., TOIS 2023)."""

import numpy as np

from loyalty.estimators.recommenders.base import Purchases, Recommender


class Personal(Recommender):
    def learn(self, purchases: Purchases) -> None:
        self.times_ = purchases.matrix(np.ones(len(purchases.item)))

    def scores(self, customers: np.ndarray) -> np.ndarray:
        return self.times_[customers].toarray()
