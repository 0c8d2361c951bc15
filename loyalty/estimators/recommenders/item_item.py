"""What goes with what this person buys: neighbours of their products, by the customers they share.

Cosine of the customers of two products, shrunk by 10 customers so that a chance pair does not look certain; the 50
nearest neighbours of each product are kept. (Item-based filtering: Sarwar et al., WWW 2001; shrinkage: Bell and Koren,
ICDM 2007.)"""

import numpy as np
from scipy import sparse

from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.popular import Popular
from loyalty.estimators.recommenders.repeat import personal

NEIGHBOURS = 50
SHRINK = 10.0
POPULAR_WEIGHT = 0.001  # only to fill up for people whose products have no neighbours
SLICE = 500  # products whose neighbours are sought at a time


def neighbours(purchases: Purchases) -> sparse.csr_matrix:
    """Return products by products: the shrunk cosine of the NEIGHBOURS nearest of each, float32."""
    owned = purchases.matrix(np.ones(len(purchases.item)))
    owned.data[:] = 1
    by_product = owned.T.tocsr()
    buyers = np.asarray(owned.sum(0)).ravel()
    rows, columns, values = [], [], []
    for start in range(0, purchases.size, SLICE):
        shared = (by_product[start : start + SLICE] @ owned).toarray()
        height = len(shared)
        near = shared / (np.sqrt(np.outer(buyers[start : start + height], buyers)) + SHRINK)
        near[np.arange(height), start + np.arange(height)] = 0
        near[shared < 2] = 0
        width = min(NEIGHBOURS, purchases.size - 1)
        best = np.argpartition(-near, width - 1, axis=1)[:, :width]
        rows.append(np.repeat(start + np.arange(height), width))
        columns.append(best.ravel())
        values.append(np.take_along_axis(near, best, axis=1).ravel())
    shape = (purchases.size, purchases.size)
    found = sparse.csr_matrix(
        (np.concatenate(values).astype(np.float32), (np.concatenate(rows), np.concatenate(columns))), shape
    )
    found.eliminate_zeros()
    return found


class ItemItem(Recommender):
    def learn(self, purchases: Purchases) -> None:
        self.popular_ = Popular().fit(purchases.history, purchases)
        self.personal_ = personal(purchases)
        self.near_ = neighbours(purchases)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        return (self.personal_[customers] @ self.near_).toarray() + POPULAR_WEIGHT * self.popular_.share_

    def because(self, customers: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the bought product that adds most to each advice, -1 where none does."""
        by_item = self.near_.T.tocsr()
        found = np.full(len(items), -1, np.int32)
        for start in range(0, len(items), 20_000):
            part = slice(start, start + 20_000)
            push = self.personal_[customers[part]].multiply(by_item[items[part]]).tocsr()
            some = np.flatnonzero(np.diff(push.indptr))
            best = np.asarray(push[some].argmax(axis=1)).ravel() if len(some) else []
            found[start + some] = best
        return found
