"""This person's decayed baskets beside those of people like them, then what sells now.

The family of TIFU-KNN (Hu et al., SIGIR 2020): a vector of each person's baskets, older ones counting less, mixed with
the mean vector of the nearest people. Here baskets fade one by one instead of in groups."""

import numpy as np

from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.popular import Popular
from loyalty.estimators.recommenders.repeat import personal
from loyalty.estimators.recommenders.user_user import Peers

OWN_WEIGHT = 0.7
POPULAR_WEIGHT = 0.05


class NextBasket(Recommender):
    def learn(self, purchases: Purchases) -> None:
        self.personal_ = purchases.once(personal)
        self.peers_ = purchases.once(Peers)
        self.popular_ = Popular().fit(purchases.history, purchases)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        peers = (self.peers_.near(customers) @ self.peers_.buys).toarray()
        own = self.personal_[customers].toarray()
        return OWN_WEIGHT * own + (1 - OWN_WEIGHT) * peers + POPULAR_WEIGHT * self.popular_.share_
