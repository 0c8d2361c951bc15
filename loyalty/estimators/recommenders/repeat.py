"""What this person buys: each product's share of their baskets, older baskets counting less, then what sells now.

Personal and popular together (GP-TopFreq of "A Next Basket Recommendation Reality Check", Li et al., TOIS 2023), with
a weight of 0.95 to the power of the number of baskets since."""

import numpy as np

from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.popular import Popular

KEPT_PER_BASKET = 0.95
POPULAR_WEIGHT = 0.05


def personal(purchases: Purchases):
    """Return customers by products: decayed share of baskets with the product, 0 to 1, sparse float32."""
    kept = KEPT_PER_BASKET ** purchases.ago.astype(np.float64)
    matrix = purchases.matrix(kept)
    baskets = np.zeros(matrix.shape[0])
    new = purchases.new_basket
    np.add.at(baskets, purchases.customer[new], kept[new])
    matrix.data /= np.repeat(np.maximum(baskets, 1e-9), np.diff(matrix.indptr)).astype(np.float32)
    return matrix


class Repeat(Recommender):
    def learn(self, purchases: Purchases) -> None:
        self.popular_ = Popular().fit(purchases.history, purchases)
        self.personal_ = purchases.once(personal)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        return self.personal_[customers].toarray() + POPULAR_WEIGHT * self.popular_.share_
