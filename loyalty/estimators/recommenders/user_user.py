"""What people like this person buy: neighbours by taste.

Cosine of the decayed baskets with rare products counting more, shrunk where there is little to compare; the NEIGHBOURS
nearest out of at most MOST_PEERS customers speak, by what they buy and by what they bought of late. (Resnick et al.,
CSCW 1994; inverse frequency: Breese et al., UAI 1998.) Pearson's correlation on who-bought-it tables is this cosine to
within the share of the catalogue one person owns, so it has no file of its own."""

import numpy as np
from scipy import sparse

from loyalty.estimators.recommenders.base import Purchases, Recommender, leading, rows_to_one
from loyalty.estimators.recommenders.repeat import personal

NEIGHBOURS = 100
MOST_PEERS = 3_000
MOST_DENSE = 10_000_000  # products times peers held as a whole table
FEWEST_VISITS = 2
OF_LATE = 14.0  # days
SHRINK = 0.05  # added to every cosine's base: chance overlaps of small baskets count less


class Peers:
    """Who may be a neighbour, what they buy and what they bought of late."""

    def __init__(self, purchases: Purchases, *, seed: int = 0):
        p = purchases
        own = p.once(personal)
        baskets = np.bincount(p.customer[p.new_basket], minlength=own.shape[0])
        who = np.flatnonzero(baskets >= FEWEST_VISITS)
        if len(who) > MOST_PEERS:
            who = np.sort(np.random.default_rng(seed).choice(who, MOST_PEERS, replace=False))
        buyers = np.bincount(p.pairs.item, minlength=p.size)
        rare = np.log(1 + own.shape[0] / np.maximum(buyers, 1)).astype(np.float32)
        weighted = (own @ sparse.diags(rare)).tocsr()
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(1)).ravel())
        self.taste = (sparse.diags((1 / (length + SHRINK)).astype(np.float32)) @ weighted).tocsr()
        by_item = self.taste[who].T.tocsr()
        # Popular products are liked by most peers: adding up whole rows is quicker than keeping a list of places.
        self.by_item = by_item.toarray() if p.size * len(who) <= MOST_DENSE else by_item
        self.buys = own[who]
        self.of_late = p.matrix(np.exp((p.day - p.history.as_of) / OF_LATE))[who]
        self.place = np.full(own.shape[0], -1)
        self.place[who] = np.arange(len(who))

    def near(self, customers: np.ndarray) -> sparse.csr_matrix:
        """Return customers by peers: the likeness of the nearest, adding up to 1."""
        like = self.taste[customers] @ self.by_item
        like = like.toarray() if sparse.issparse(like) else like
        if not like.shape[1]:
            return sparse.csr_matrix(like.shape, dtype=np.float32)
        me = self.place[customers]
        rows = np.flatnonzero(me >= 0)
        like[rows, me[rows]] = 0
        k = min(NEIGHBOURS, like.shape[1])
        best = leading(like, k)
        value = np.take_along_axis(like, best, axis=1)
        value /= np.maximum(value.sum(1, keepdims=True), 1e-9)
        row = np.repeat(np.arange(len(customers)), k)
        return sparse.csr_matrix((value.ravel(), (row, best.ravel())), like.shape)


class UserUser(Recommender):
    def learn(self, purchases: Purchases) -> None:
        self.peers_ = purchases.once(Peers)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        near = self.peers_.near(customers)
        return (near @ self.peers_.buys).toarray() + 0.1 * rows_to_one((near @ self.peers_.of_late).toarray())
