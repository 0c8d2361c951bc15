"""Hidden tastes: every customer and product as a few numbers whose product says how likely they meet.

Implicit feedback by alternating least squares, each row solved exactly (Hu, Koren, Volinsky, ICDM 2008, eq. 4 and 5):
x_u = (Y'Y + Y'(C_u - I)Y + l I)^-1 Y'C_u p_u, C = 1 + ALPHA * log(1 + times)."""

import numpy as np
from scipy import sparse

from loyalty.estimators.recommenders.base import Purchases, Recommender

FACTORS = 24
ALPHA = 5.0
RIDGE = 5.0
ROUNDS = 8
ROWS = 2_000  # solved at a time


class Als(Recommender):
    def __init__(self, *, factors: int = FACTORS, seed: int = 0):
        self.factors, self.seed = factors, seed

    def learn(self, purchases: Purchases) -> None:
        times = purchases.matrix(np.ones(len(purchases.item)))
        times.data = ALPHA * np.log1p(times.data)
        by_item = times.T.tocsr()
        rng = np.random.default_rng(self.seed)
        self.products_ = rng.normal(0, 0.1, (purchases.size, self.factors)).astype(np.float32)
        for _ in range(ROUNDS):
            self.customers_ = solve(times, self.products_)
            self.products_ = solve(by_item, self.customers_)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        return np.maximum(self.customers_[customers] @ self.products_.T, 0)


def solve(extra: sparse.csr_matrix, other: np.ndarray) -> np.ndarray:
    """Return the factors of every row, given the other side's and the confidence beyond 1 of what was bought."""
    size = other.shape[1]
    base = other.T @ other + RIDGE * np.eye(size, dtype=np.float32)
    found = np.zeros((extra.shape[0], size), np.float32)
    square = (other[:, :, None] * other[:, None, :]).reshape(len(other), -1)
    bought = extra.copy()
    bought.data = 1 + bought.data
    for start in range(0, extra.shape[0], ROWS):
        part = slice(start, start + ROWS)
        left = base + (extra[part] @ square).reshape(-1, size, size)
        found[part] = np.linalg.solve(left, (bought[part] @ other)[:, :, None])[:, :, 0]
    return found
