"""What kinds of products people buy, in a few numbers each.

Latent semantic analysis: S. Deerwester et al. (1990), JASIS 41(6): the leading singular vectors of who bought what,
each product weighted down by how many buy it anyway (inverse document frequency), each person scaled to length one.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

FEWEST_PEOPLE = 300
FEWEST_PRODUCTS = 50


@dataclass
class Taste:
    """Fit to baskets [b, p] of ones; without enough people or products, no number is given (`size` 0)."""

    kinds: int = 12

    def fit(self, baskets: sparse.csr_matrix) -> "Taste":
        buyers = np.bincount(baskets.indices, minlength=baskets.shape[1])
        self.weights_ = np.where(buyers > 1, np.log((baskets.shape[0] + 1) / (buyers + 1)), 0.0)
        self.axes_ = np.zeros((baskets.shape[1], 0))
        if baskets.shape[0] >= FEWEST_PEOPLE and (buyers > 1).sum() >= FEWEST_PRODUCTS:
            start = np.random.default_rng(0).normal(size=min(baskets.shape))
            self.axes_ = svds(self._scaled(baskets), self.kinds, v0=start)[2].T
        return self

    @property
    def size(self) -> int:
        return self.axes_.shape[1]

    def of(self, baskets: sparse.csr_matrix) -> np.ndarray:
        """Return each person's place along the kinds, [b, size]."""
        return self._scaled(baskets) @ self.axes_

    def _scaled(self, baskets: sparse.csr_matrix) -> sparse.csr_matrix:
        weighted = (baskets @ sparse.diags_array(self.weights_)).tocsr()
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(1)).ravel())
        return (sparse.diags_array(1 / np.maximum(length, 1e-12)) @ weighted).tocsr()
