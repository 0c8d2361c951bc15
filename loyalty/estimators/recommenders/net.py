"""A small two-tower network: a customer's decayed baskets on one side, products on the other, meeting in a few numbers.

Customer tower: the mean of the bought products' input vectors through a ReLU layer; product tower: an output vector and
a level each. Trained with Adam on softmax over one true and NOISE random products, the true one left out of the input
(Covington et al., RecSys 2016; Kingma, Ba, ICLR 2015). Plain NumPy; a bounded number of steps."""

import numpy as np

from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.repeat import personal

SIZE = 32
STEPS = 200
BATCH = 128
NOISE = 200
RATE = 0.01


class Net(Recommender):
    def __init__(self, *, seed: int = 0):
        self.seed = seed

    def learn(self, purchases: Purchases) -> None:
        p, rng = purchases, np.random.default_rng(self.seed)
        count = np.bincount(p.item, minlength=p.size).astype(np.float64)
        often = np.cumsum(count**0.75) / np.sum(count**0.75)
        self.taste_ = p.once(personal)
        parts = [rng.normal(0, 0.1, (p.size, SIZE)), rng.normal(0, SIZE**-0.5, (SIZE, SIZE)),
                 rng.normal(0, 0.1, (p.size, SIZE)), np.log(count + 1)[:, None] / 4]  # fmt: skip
        parts = [part.astype(np.float32) for part in parts]
        mean, square = [np.zeros_like(part) for part in parts], [np.zeros_like(part) for part in parts]
        for step in range(1, STEPS + 1):
            row = rng.integers(0, len(p.item), BATCH)
            noise = np.minimum(np.searchsorted(often, rng.random(NOISE)), p.size - 1)
            slopes = self._slopes(parts, self.taste_[p.customer[row]], p.item[row], noise)
            for part, slope, m, v in zip(parts, slopes, mean, square):
                m += 0.1 * (slope - m)
                v += 0.001 * (slope**2 - v)
                part -= RATE * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        self.parts_ = parts

    @staticmethod
    def _slopes(parts, taste, true, noise) -> list[np.ndarray]:
        """Return the gradients of the mean cross-entropy."""
        inward, layer, outward, level = parts
        taste.data[taste.indices == np.repeat(true, np.diff(taste.indptr))] = 0
        given = taste @ inward
        hidden = given @ layer
        active = np.maximum(hidden, 0)
        logit_true = np.einsum("ij,ij->i", active, outward[true]) + level[true, 0]
        logits = np.c_[logit_true, active @ outward[noise].T + level[noise, 0]]
        chance = np.exp(logits - logits.max(1, keepdims=True))
        chance /= chance.sum(1, keepdims=True)
        chance[:, 0] -= 1
        chance = (chance / len(true)).astype(np.float32)
        to_active = chance[:, :1] * outward[true] + chance[:, 1:] @ outward[noise]
        to_hidden = to_active * (hidden > 0)
        to_outward, to_level = np.zeros_like(outward), np.zeros_like(level)
        np.add.at(to_outward, true, chance[:, :1] * active)
        np.add.at(to_outward, noise, chance[:, 1:].T @ active)
        np.add.at(to_level[:, 0], true, chance[:, 0])
        np.add.at(to_level[:, 0], noise, chance[:, 1:].sum(0))
        return [taste.T @ (to_hidden @ layer.T), given.T @ to_hidden, to_outward, to_level]

    def scores(self, customers: np.ndarray) -> np.ndarray:
        inward, layer, outward, level = self.parts_
        logits = np.maximum(self.taste_[customers] @ inward @ layer, 0) @ outward.T + level[:, 0]
        return np.exp(logits - logits.max(1, keepdims=True))
