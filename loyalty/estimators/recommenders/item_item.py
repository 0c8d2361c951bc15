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
MOST_LINKED = 5_000  # products that get neighbours: the most bought
SLICE = 500  # products whose neighbours are sought at a time


def neighbours(purchases: Purchases, *, most: int = MOST_LINKED) -> sparse.csr_matrix:
    """Return products by products: the shrunk cosine of the NEIGHBOURS nearest of each, float32."""
    owned = purchases.owned
    buyers = np.asarray(owned.sum(0)).ravel()
    linked = np.sort(np.argsort(-buyers, kind="stable")[:most])
    owned, buyers = owned[:, linked], buyers[linked]
    by_product = owned.T.tocsr()
    rows, columns, values = [], [], []
    for start in range(0, len(linked), SLICE):
        shared = by_product[start : start + SLICE] @ owned
        row = np.repeat(np.arange(start, start + shared.shape[0]), np.diff(shared.indptr))
        column, together = shared.indices, shared.data
        keep = (together >= 2) & (row != column)
        row, column, together = row[keep], column[keep], together[keep]
        near = together / (np.sqrt(buyers[row] * buyers[column]) + SHRINK)
        order = np.lexsort((-near, row))
        row, column, near = row[order], column[order], near[order]
        begins = np.searchsorted(row, row)
        best = np.arange(len(row)) - begins < NEIGHBOURS
        rows.append(linked[row[best]])
        columns.append(linked[column[best]])
        values.append(near[best])
    shape = (purchases.size, purchases.size)
    return sparse.csr_matrix(
        (np.concatenate(values).astype(np.float32), (np.concatenate(rows), np.concatenate(columns))), shape
    )


class ItemItem(Recommender):
    def learn(self, purchases: Purchases) -> None:
        self.popular_ = Popular().fit(purchases.history, purchases)
        self.personal_ = purchases.once(personal)
        self.near_ = purchases.once(neighbours)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        return (self.personal_[customers] @ self.near_).toarray() + POPULAR_WEIGHT * self.popular_.share_

    def because(self, customers: np.ndarray, items: np.ndarray) -> np.ndarray:
        return strongest(self.personal_, self.near_, customers, items)


def strongest(
    bought: sparse.csr_matrix, near: sparse.csr_matrix, customers: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """Return the bought product that adds most to each advice, -1 where none does."""
    by_item = near.T.tocsr()
    found = np.full(len(items), -1, np.int32)
    for start in range(0, len(items), 20_000):
        part = slice(start, start + 20_000)
        push = bought[customers[part]].multiply(by_item[items[part]]).tocsr()
        some = np.flatnonzero(np.diff(push.indptr))
        best = np.asarray(push[some].argmax(axis=1)).ravel() if len(some) else []
        found[start + some] = best
    return found
