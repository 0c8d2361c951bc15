"""What goes with everything this person buys, taken together: one ridge regression of every product on all others.

Closed form: B = -P / diag(P), P = (X'X + l I)^-1, zero diagonal (Steck, WWW 2019, eq. 8). X is who bought what. The
customer's vector fades with time. Above MOST_LINKED products only the most bought take part."""

import numpy as np
from scipy import linalg, sparse

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
        inverse = inverse_of_gram(p.owned[:, self.linked_], self.ridge)
        self.weight_ = inverse / -np.diag(inverse)
        np.fill_diagonal(self.weight_, 0)
        self.faded_ = p.matrix(np.exp((p.day - p.history.as_of) / FADE))[:, self.linked_]
        self.faded_.data = np.minimum(self.faded_.data, 1)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        linked = self.faded_[customers] @ self.weight_
        np.maximum(linked, 0, out=linked)
        score = np.tile(POPULAR_WEIGHT * self.popular_.share_, (len(customers), 1))
        score[:, self.linked_] += linked
        return score


def inverse_of_gram(owned: sparse.csr_matrix, ridge: float) -> np.ndarray:
    """Return (X'X + ridge I)^-1, over the customers where they are fewer than the products (Woodbury)."""
    owned = owned[np.diff(owned.indptr) > 0]
    is_wide = owned.shape[0] < owned.shape[1]
    gram = (owned @ owned.T if is_wide else owned.T @ owned).toarray()
    gram[np.diag_indices_from(gram)] += ridge
    inverse, _ = linalg.lapack.spotri(linalg.cholesky(gram, lower=True, overwrite_a=True), lower=True)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    if not is_wide:
        return inverse
    inverse = owned.T @ (inverse @ owned)
    inverse *= -1 / ridge
    inverse[np.diag_indices_from(inverse)] += 1 / ridge
    return inverse
