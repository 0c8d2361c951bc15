"""What this person bought most often, then what everybody does (GP-TopFreq of Li et al., TOIS 2023)."""

import numpy as np

from loyalty.estimators.recommenders.base import Purchases, Recommender

POPULAR_WEIGHT = 0.5  # below one purchase of one's own


class PersonalPopular(Recommender):
    def learn(self, purchases: Purchases) -> None:
        self.times_ = purchases.matrix(np.ones(len(purchases.item)))
        count = np.bincount(purchases.item, minlength=purchases.size)
        self.share_ = (POPULAR_WEIGHT * count / max(count.max(), 1)).astype(np.float32)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        return self.times_[customers].toarray() + self.share_
