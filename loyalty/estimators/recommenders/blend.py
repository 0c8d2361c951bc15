"""What this person buys, with a little of what goes with it and of what sells now.

Each part runs from 0 to 1; the weights are the same for every shop."""

import numpy as np

from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.item_item import ItemItem

NEIGHBOUR_WEIGHT = 0.05
POPULAR_WEIGHT = 0.05


class Blend(Recommender):
    def learn(self, purchases: Purchases) -> None:
        self.items_ = ItemItem().fit(purchases.history, purchases)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        own = self.items_.personal_[customers]
        near = (own @ self.items_.near_).toarray()
        near /= np.maximum(near.max(1, keepdims=True), 1e-9)
        return own.toarray() + NEIGHBOUR_WEIGHT * near + POPULAR_WEIGHT * self.items_.popular_.share_

    def because(self, customers: np.ndarray, items: np.ndarray) -> np.ndarray:
        return self.items_.because(customers, items)
