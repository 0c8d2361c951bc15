"""What goes with everything this person buys, taken together: one ridge regression of every product on all others.

Closed form: B = -P / diag(P), P = (X'X + l I)^-1, zero diagonal (Steck, WWW 2019, eq. 8). X is who bought what. The
customer's vector fades with time. Above MOST_LINKED products only the most bought take part."""

import numpy as np
from scipy import linalg

from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.popular import Popular

RIDGE = 500.0
MOST_LINKED = 3_000
FADE = 180.0  # days
POPULAR_WEIGHT = 0.001  # only to fill up


class Ease(Recommender):
    def __init__(self, *, ridge: float = RIDGE, most: int = MOST_LINKED):
        self.ridge, self.most = ridge, most

    def learn(self, purchases: Purchases) -> None:
        p = purchases
        self.popular_ = Popular().fit(p.history, p)
        buyers = np.bincount(p.pairs.item, minlength=p.size)
        self.linked_ = np.sort(np.argsort(-buyers, kind="stable")[: self.most])
        owned = p.owned[:, self.linked_]
        gram = (owned.T @ owned).toarray()
        gram[np.diag_indices_from(gram)] += self.ridge
        inverse, _ = linalg.lapack.spotri(linalg.cholesky(gram, lower=True, overwrite_a=True), lower=True)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        self.weight_ = inverse / -np.diag(inverse)
        np.fill_diagonal(self.weight_, 0)
        self.faded_ = p.matrix(np.exp((p.day - p.history.as_of) / FADE))[:, self.linked_]
        self.faded_.data = np.minimum(self.faded_.data, 1)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        score = np.tile(POPULAR_WEIGHT * self.popular_.share_, (len(customers), 1))
        score[:, self.linked_] += np.maximum(self.faded_[customers] @ self.weight_, 0)
        return score
