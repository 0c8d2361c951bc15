"""What every recommender speaks: `fit(history)`, then `recommend(customers, k)` gives products and scores.

Products and customers are places in the history's arrays. A recommender only scores; what may be shown is decided here,
the same for all: a product must be on sale and sold of late, and what someone just bought is not offered again
unless, by the time of their next visit, it will be time for more.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from loyalty.estimators.base import History, NotEnoughData, summarise
from loyalty.estimators.lifecycle import usual_gaps

MOST_PRODUCTS = 5_000  # the best-sold; memory and time stay bounded
FEWEST_SALES = 3  # baskets, for a product to be offered
BLOCK = 1_000  # customers scored at a time
DUE_SHARE = 0.3  # of the usual time to rebuy that must have passed at the next visit
FEWEST_REBUYS = 5


@dataclass
class Purchases:
    """Who bought what when: one row per customer, day and product of the catalogue, sorted by customer, day."""

    history: History

    def __post_init__(self):
        h = self.history
        if not len(h.line_order):
            raise NotEnoughData("products", have=0, need=2)
        sold = np.bincount(h.line_product, minlength=len(h.product_ids))
        offered = np.flatnonzero((sold >= FEWEST_SALES) & h.product_active)
        if len(offered) < 2:
            raise NotEnoughData("products", have=len(offered), need=2)
        self.catalogue = np.sort(offered[np.argsort(-sold[offered], kind="stable")[:MOST_PRODUCTS]])
        place = np.full(len(h.product_ids), -1, np.int32)
        place[self.catalogue] = np.arange(len(self.catalogue))
        item = place[h.line_product]
        known = item >= 0
        order = h.line_order[known]
        span = int(h.order_day.max()) + 1
        size = len(self.catalogue)
        key = (h.order_customer[order].astype(np.int64) * span + h.order_day[order]) * size + item[known]
        key = np.unique(key)
        visit, self.item = np.divmod(key, size)
        self.customer, self.day = (part.astype(np.int32) for part in np.divmod(visit, span))
        self.item = self.item.astype(np.int32)
        new = np.r_[True, visit[1:] != visit[:-1]]
        basket = np.cumsum(new) - 1
        owner = self.customer[new]
        last = np.searchsorted(owner, owner, side="right") - 1  # each basket's customer's newest basket
        self.ago = (last[basket] - basket).astype(np.int32)  # 0: the newest basket

    @property
    def size(self) -> int:
        return len(self.catalogue)

    @cached_property
    def pairs(self) -> "Pairs":
        return Pairs(self)

    def matrix(self, weight: np.ndarray) -> sparse.csr_matrix:
        """Return customers by products with the summed weight of each row of this table."""
        shape = (len(self.history.customer_ids), self.size)
        return sparse.csr_matrix((weight.astype(np.float32), (self.customer, self.item)), shape)


class Pairs:
    """One row per customer and product they bought, sorted by customer: how often, and whether more is due."""

    def __init__(self, purchases: Purchases):
        p, today = purchases, purchases.history.as_of
        order = np.lexsort((p.day, p.item, p.customer))
        customer, item, day = p.customer[order], p.item[order], p.day[order]
        new = np.r_[True, (customer[1:] != customer[:-1]) | (item[1:] != item[:-1])]
        starts = np.flatnonzero(new)
        ends = np.r_[starts[1:], len(new)]
        self.customer, self.item = customer[starts], item[starts]
        self.times = (ends - starts).astype(np.int32)
        self.last = day[ends - 1]
        gaps, gap_item = np.diff(day)[~new[1:]].astype(np.float64), item[1:][~new[1:]]
        rebuys = np.bincount(gap_item, minlength=p.size)
        sorting = np.lexsort((gaps, gap_item))
        middle = np.r_[0, np.cumsum(rebuys)[:-1]] + rebuys // 2
        usual = np.full(p.size, np.nan)
        some = rebuys >= FEWEST_REBUYS
        usual[some] = gaps[sorting][middle[some]]
        own = (self.last - day[starts]).astype(np.float64)
        prior = np.where(np.isnan(usual[self.item]), 0, 1)
        with np.errstate(invalid="ignore"):
            self.interval = (own + np.nan_to_num(usual[self.item])) / (self.times - 1 + prior)
        summary = summarise(purchases.history)
        next_visit = np.zeros(len(purchases.history.customer_ids))
        next_visit[summary.customer] = summary.last_day + np.maximum(usual_gaps(summary), 1)
        waited = np.maximum(today, next_visit[self.customer]) - self.last
        # Bought once and hardly anyone buys it twice: the interval is 0 / 0, and once is enough.
        self.due = np.where(np.isnan(self.interval), False, waited >= DUE_SHARE * np.nan_to_num(self.interval))
        self.starts = np.searchsorted(self.customer, np.arange(len(purchases.history.customer_ids) + 1))

    def of(self, customers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (row within `customers`, place in this table) of every pair of these customers."""
        first, last = self.starts[customers], self.starts[customers + 1]
        count = last - first
        row = np.repeat(np.arange(len(customers)), count)
        return row, np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)


class Recommender:
    """Base: a subclass sets what it learns in `learn` and gives float32 scores [customers, catalogue] in `scores`."""

    def fit(self, history: History, purchases: Purchases | None = None) -> "Recommender":
        self.purchases_ = purchases or Purchases(history)
        self.learn(self.purchases_)
        return self

    def learn(self, purchases: Purchases) -> None:
        raise NotImplementedError

    def scores(self, customers: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def recommend(self, customers: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return products (places in history.product_ids, -1 for none) and scores, both [customers, k], best first."""
        p = self.purchases_
        k = min(k, p.size)
        items = np.full((len(customers), k), -1, np.int32)
        values = np.zeros((len(customers), k), np.float32)
        for start in range(0, len(customers), BLOCK):
            block = customers[start : start + BLOCK]
            score = self.scores(block)
            row, pair = p.pairs.of(block)
            barred = ~p.pairs.due[pair]
            score[row[barred], p.pairs.item[pair][barred]] = 0
            if k == 1:
                best = score.argmax(1)[:, None]
            else:
                best = np.argpartition(-score, k - 1, axis=1)[:, :k]
            value = np.take_along_axis(score, best, axis=1)
            order = np.argsort(-value, axis=1, kind="stable")
            best, value = np.take_along_axis(best, order, axis=1), np.take_along_axis(value, order, axis=1)
            items[start : start + BLOCK] = np.where(value > 0, p.catalogue[best], -1)
            values[start : start + BLOCK] = value
        return items, values

    def because(self, customers: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return for each customer and product the product bought before that speaks most for it, -1 for none."""
        return np.full(len(items), -1, np.int32)
