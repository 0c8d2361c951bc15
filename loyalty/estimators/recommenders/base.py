"""What every recommender speaks: `fit(history)`, then `recommend(customers, k)` gives products and scores.

Products and customers are places in the history's arrays. A recommender only scores; what may be shown is decided here,
the same for all: a product must be on sale and sold of late, and what someone just bought is not offered again
unless, by the time of their next visit, it will be time for more.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from loyalty.estimators.base import History, NotEnoughData, summarise
from loyalty.estimators.lifecycle import usual_gaps

MOST_PRODUCTS, LEAST_BOUND = 20_000, 2_000  # the best-sold; memory and time stay bounded
MOST_CELLS = 200_000_000  # customers times products, above which fewer products are looked at
FEWEST_SALES = 3  # lines, for a product to be offered to people who never had it
BLOCK_CELLS = 1_000_000  # customers times products scored at a time
RETURNED_SHARE = 0.9  # of an order's money given back: they did not want it
DUE_SHARE = 0.3  # of the usual time to rebuy that must have passed at the next visit
FEWEST_REBUYS = 5
BUCKETS = 4  # per place sought


@dataclass
class Purchases:
    """Who bought what when: one row per customer, day and product of the catalogue, sorted by customer, day."""

    history: History
    _made: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        h = self.history
        if not len(h.line_order):
            raise NotEnoughData("products", have=0, need=2)
        sold = np.bincount(h.line_product[(h.order_void_day > h.as_of)[h.line_order]], minlength=len(h.product_ids))
        offered = np.flatnonzero((sold > 0) & h.product_active)
        if len(offered) < 2:
            raise NotEnoughData("products", have=len(offered), need=2)
        most = int(np.clip(MOST_CELLS // max(len(h.customer_ids), 1), LEAST_BOUND, MOST_PRODUCTS))
        self.catalogue = np.sort(offered[np.argsort(-sold[offered], kind="stable")[:most]])
        self.rare = np.flatnonzero(sold[self.catalogue] < FEWEST_SALES)  # places in the catalogue
        self.place = np.full(len(h.product_ids), -1, np.int32)  # of each product in the catalogue, -1 for none
        self.place[self.catalogue] = np.arange(len(self.catalogue))
        item = self.place[h.line_product]
        known = (item >= 0) & (h.order_void_day > h.as_of)[h.line_order]
        order = h.line_order[known]
        span = int(h.order_day.max()) + 1
        size = len(self.catalogue)
        key = (h.order_customer[order].astype(np.int64) * span + h.order_day[order]) * size + item[known]
        key = np.unique(key)
        visit, self.item = np.divmod(key, size)
        self.customer, self.day = (part.astype(np.int32) for part in np.divmod(visit, span))
        self.item = self.item.astype(np.int32)
        self.new_basket = new = np.r_[True, visit[1:] != visit[:-1]]  # True where a basket begins
        basket = np.cumsum(new) - 1
        owner = self.customer[new]
        last = np.searchsorted(owner, owner, side="right") - 1  # each basket's customer's newest basket
        self.ago = (last[basket] - basket).astype(np.int32)  # 0: the newest basket

    @property
    def size(self) -> int:
        return len(self.catalogue)

    def once(self, make: Callable, **options):
        """Return make(self, **options), made once for all recommenders that learn from these purchases."""
        key = make, *sorted(options.items())
        if key not in self._made:
            self._made[key] = make(self, **options)
        return self._made[key]

    @cached_property
    def pairs(self) -> "Pairs":
        return Pairs(self)

    @cached_property
    def returned(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (customer, item) of what its buyer gave back, sorted: orders refunded whole or nearly."""
        return self._returns(self.history)

    def remember_returns(self, past: History) -> None:
        """Take the returns from a history of the same customers that still has the orders that stopped counting."""
        self.returned = self._returns(past)

    def _returns(self, h: History) -> tuple[np.ndarray, np.ndarray]:
        back, tied = np.zeros(len(h.order_day)), h.refund_order >= 0
        np.add.at(back, h.refund_order[tied], h.refund_amount[tied])
        line = ((back > 0) & (back >= RETURNED_SHARE * h.order_amount))[h.line_order]
        item = self.place[h.line_product[line]]
        key = h.order_customer[h.line_order[line]].astype(np.int64) * self.size + item
        return np.divmod(np.unique(key[item >= 0]), self.size)

    @cached_property
    def price(self) -> np.ndarray:
        """Return what each product of the catalogue sold for on average, minor units."""
        h = self.history
        paid = np.bincount(h.line_product, h.line_amount, len(h.product_ids))
        pieces = np.bincount(h.line_product, h.line_quantity, len(h.product_ids))
        return (paid / np.maximum(pieces, 1e-9))[self.catalogue]

    @cached_property
    def owned(self) -> sparse.csr_matrix:
        """Return customers by products: 1 for what was ever bought."""
        owned = self.matrix(np.ones(len(self.item)))
        owned.data[:] = 1
        return owned

    def matrix(self, weight: np.ndarray) -> sparse.csr_matrix:
        """Return customers by products with the summed weight of each row of this table; its data are as p.pairs."""
        q = self.pairs
        data = np.bincount(q.of_row, weight, len(q.item)).astype(np.float32)
        shape = (len(self.history.customer_ids), self.size)
        return sparse.csr_matrix((data, q.item.copy(), q.starts.astype(np.int32)), shape)


class Pairs:
    """One row per customer and product they bought, sorted by customer: how often, and whether more is due."""

    def __init__(self, purchases: Purchases):
        p, today = purchases, purchases.history.as_of
        key = p.customer.astype(np.int64) * p.size + p.item
        order = np.argsort(key, kind="stable")  # the rows come by customer and day
        customer, item, day, key = p.customer[order], p.item[order], p.day[order], key[order]
        new = np.r_[True, key[1:] != key[:-1]]
        self.of_row = np.empty(len(order), np.int32)  # each purchase's place in this table
        self.of_row[order] = np.cumsum(new) - 1
        starts = np.flatnonzero(new)
        ends = np.r_[starts[1:], len(new)]
        self.customer, self.item = customer[starts], item[starts]
        self.key = key[starts]  # ascending
        self.first = day[starts]
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
    """Base: a subclass sets what it learns in `learn` and gives float32 scores [customers, catalogue] in `scores`.

    Scores are above 0 for what may be offered.
    """

    def fit(self, history: History, purchases: Purchases | None = None) -> "Recommender":
        self.purchases_ = purchases or Purchases(history)
        self.learn(self.purchases_)
        return self

    def learn(self, purchases: Purchases) -> None:
        raise NotImplementedError

    def scores(self, customers: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def recommend(
        self, customers: np.ndarray, k: int, *, only_new: bool = False, guarded: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return products (places in history.product_ids, -1 for none) and scores, both [customers, k], best first.

        `only_new` leaves out everything the customer ever bought. Without `guarded`, what was just bought or given back
        stays in: that is how published tests compare methods, never what a customer is offered.
        """
        p = self.purchases_
        k = min(k, p.size)
        items = np.full((len(customers), k), -1, np.int32)
        values = np.zeros((len(customers), k), np.float32)
        barred = np.full(len(p.pairs.item), only_new)
        if guarded:
            barred |= ~p.pairs.due
            returner, given_back = p.returned
        size = max(BLOCK_CELLS // p.size, 1)
        for start in range(0, len(customers), size):
            block = customers[start : start + size]
            score = self.scores(block)
            row, pair = p.pairs.of(block)
            item = p.pairs.item[pair]
            own = np.where(barred[pair], 0, score[row, item])
            score[:, p.rare] = 0
            score[row, item] = own
            if guarded and len(returner):
                first, last = np.searchsorted(returner, block), np.searchsorted(returner, block, side="right")
                for spot in np.flatnonzero(last > first):
                    score[spot, given_back[first[spot] : last[spot]]] = 0
            best = leading(score, k)
            value = np.take_along_axis(score, best, axis=1)
            items[start : start + size] = np.where(value > 0, p.catalogue[best], -1)
            values[start : start + size] = value
        return items, values

    def because(self, customers: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return for each customer and product the product bought before that speaks most for it, -1 for none."""
        return np.full(len(items), -1, np.int32)


def leading(score: np.ndarray, k: int) -> np.ndarray:
    """Return the places of the k highest of each row, best first.

    The k-th highest of the maxima of BUCKETS * k buckets bounds the k-th highest from below, and few lie above it.
    """
    if k == 1:
        return score.argmax(1)[:, None]
    rows, buckets = len(score), BUCKETS * k
    if score.shape[1] < 2 * buckets:
        return _sorted_out(score, k)
    deep, rest = divmod(score.shape[1], buckets)
    top = score[:, : deep * buckets].reshape(rows, deep, buckets).max(1)
    np.maximum(top[:, :rest], score[:, deep * buckets :], out=top[:, :rest])
    bound = np.partition(top, buckets - k, axis=1)[:, buckets - k]
    above = score >= bound[:, None]
    count = np.count_nonzero(above, axis=1)
    tied = count > buckets
    above[tied] = False
    count[tied] = 0
    column = np.flatnonzero(above) % score.shape[1]
    widest = int(count.max(initial=0))
    place = np.zeros((rows, max(widest, k)), np.int64)
    filled = np.arange(place.shape[1]) < count[:, None]
    place[filled] = column
    value = np.where(filled, np.take_along_axis(score, place, axis=1), -np.inf)
    best = np.take_along_axis(place, np.argsort(-value, axis=1, kind="stable")[:, :k], axis=1)
    if tied.any():
        best[tied] = _sorted_out(score[tied], k)
    return best


def _sorted_out(score: np.ndarray, k: int) -> np.ndarray:
    best = np.argpartition(-score, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(score, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def rows_to_one(score: np.ndarray) -> np.ndarray:
    """Return the scores with the highest of each row made 1."""
    return score / highest(score)


def highest(score: np.ndarray) -> np.ndarray:
    """Return the highest of each row as a column, never quite 0."""
    return np.maximum(score.max(1, keepdims=True), 1e-9)


def baskets_after(history: History, cut: int) -> dict[int, set[int]]:
    """Return what was in the first basket of each customer after the cut, products as places in the history."""
    customer, day, product = bought(history)
    later = day > cut
    customer, day, product = customer[later], day[later], product[later]
    first = np.full(len(history.customer_ids), np.iinfo(np.int32).max)
    np.minimum.at(first, customer, day)
    return grouped(customer[day == first[customer]], product[day == first[customer]])


def firsts_after(history: History, cut: int, days: int) -> dict[int, set[int]]:
    """Return what each customer who was here by the cut bought for the first time in so many days after it."""
    customer, day, product = bought(history)
    size = len(history.product_ids)
    key = customer.astype(np.int64) * size + product
    known, here = np.unique(key[day <= cut]), np.unique(customer[day <= cut])
    new = (day > cut) & (day <= cut + days) & np.isin(customer, here) & ~np.isin(key, known)
    return grouped(customer[new], product[new])


def bought(history: History) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (customer, day, product) of every line."""
    return history.order_customer[history.line_order], history.order_day[history.line_order], history.line_product


def grouped(customer: np.ndarray, product: np.ndarray) -> dict[int, set[int]]:
    """Return the products of each customer."""
    found: dict[int, set[int]] = {}
    for who, what in zip(customer.tolist(), product.tolist()):
        found.setdefault(who, set()).add(what)
    return found
