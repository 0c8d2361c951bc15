"""What the shop's own association rules say goes with this person's recent baskets, then what sells now.

The rules are those of `loyalty.estimators.baskets`, judged on baskets they were not found in; one product at left."""

import numpy as np
from scipy import sparse

from loyalty.estimators import baskets
from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.popular import Popular
from loyalty.estimators.recommenders.repeat import personal

POPULAR_WEIGHT = 0.01
MOST_BASKETS = 20_000  # the newest
SUPPORT, FEWEST_TOGETHER = 0.01, 6  # share and number of baskets


class AssociationRules(Recommender):
    def learn(self, purchases: Purchases) -> None:
        p = purchases
        self.popular_ = Popular().fit(p.history, p)
        self.personal_ = p.once(personal)
        basket = np.cumsum(p.new_basket) - 1
        newest = np.argsort(-p.day[p.new_basket], kind="stable")[:MOST_BASKETS]
        chosen = baskets.Baskets.of_pairs(basket, p.item, items=p.size).only(np.sort(newest))
        found = baskets.Rules(longest=2, support=SUPPORT, fewest=FEWEST_TOGETHER).fit(chosen).rules_
        left, right, sure = (np.array(column) for column in zip(*((r.left[0], r.right, r.confidence) for r in found))) \
            if found else (np.empty(0, int), np.empty(0, int), np.empty(0))  # fmt: skip
        self.rules_ = sparse.csr_matrix((sure.astype(np.float32), (left, right)), (p.size, p.size))

    def scores(self, customers: np.ndarray) -> np.ndarray:
        return (self.personal_[customers] @ self.rules_).toarray() + POPULAR_WEIGHT * self.popular_.share_
