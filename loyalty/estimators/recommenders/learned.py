"""All of it weighed by the shop's own past: a logistic re-ranker over other methods' scores and each product's clock.

At several earlier cuts each customer gets CANDIDATES products; what was in the first basket since is 1, the rest 0. A
ridge logistic regression on the clues, their logarithms, and all of these again for products the customer had bought
before (so that rebuying and discovering are weighed apart), learns the chance. A customer's rows weigh less the larger
the basket (to the power BASKET_POWER), or large baskets would speak for everybody. (Candidates, then ranking: Covington
et al., RecSys 2016.) Boosted trees on the same clues ranked no better and took several times as long."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from loyalty.estimators.base import History, NotEnoughData, summarise
from loyalty.estimators.lifecycle import usual_gaps
from loyalty.estimators.recommenders.base import (
    BLOCK_CELLS,
    Purchases,
    Recommender,
    baskets_after,
    highest,
    leading,
    rows_to_one,
)
from loyalty.estimators.recommenders.ease import Ease
from loyalty.estimators.recommenders.item_item import neighbours, strongest
from loyalty.estimators.recommenders.repeat import personal
from loyalty.estimators.recommenders.user_user import Peers

CANDIDATES, FEWEST_CANDIDATES = 100, 30
MOST_SCORED = 3_000_000  # candidates of all customers together, above which each gets fewer
CUTS = 5
MOST_TEACHERS = 800  # customers looked at per earlier cut
MOST_PEOPLE = 10_000  # of the past that is replayed
FEWEST_TEACHERS = 60  # customers and cuts
FEW = 8  # one of so many rows, to begin learning with
KEPT = 0.25  # of the candidates that were not bought
BASKET_POWER = -0.4
RIDGE = 50.0
EASE_PRODUCTS, NEAR_PRODUCTS = 1_500, 2_500  # the most bought
SEASON = 28  # days


class Clues:
    """What is known at one day that may tell what a customer buys next."""

    def __init__(self, purchases: Purchases):
        self.p = p = purchases
        h, now = p.history, p.history.as_of
        age = (now - p.day).astype(np.float64)
        self.own = p.once(personal)
        self.lately = p.matrix(np.exp(-age / 60))
        fast, kept = p.matrix(np.exp(-age / 21)), p.matrix(0.7 ** p.ago.astype(float))
        self.of_pair = [self.own.data, self.lately.data, fast.data, kept.data]
        self.newest = p.matrix(p.ago == 0)
        self.newest.eliminate_zeros()
        self.near = p.once(neighbours, most=NEAR_PRODUCTS)
        self.peers = p.once(Peers)
        self.ease = Ease(most=EASE_PRODUCTS).fit(h, p)
        self.price = np.log1p(p.price)
        self.of_item = self._items(age)
        self.level = self.of_item[1]
        size = len(h.customer_ids)
        s = summarise(h)
        last, gap, visits = np.full(size, now, float), np.full(size, 60.0), np.ones(size)
        last[s.customer], gap[s.customer], visits[s.customer] = s.last_day, np.maximum(usual_gaps(s), 1), s.visits
        self.visits = visits
        lines = np.bincount(p.customer, minlength=size)
        self.usual_price = np.bincount(p.customer, self.price[p.item], size) / np.maximum(lines, 1)
        quiet = now - last
        self.of_customer = np.column_stack([
            visits, lines / visits, np.bincount(p.customer, p.ago < 3, size) / np.minimum(visits, 3),
            quiet, gap, quiet / gap, np.bincount(p.pairs.customer, minlength=size) / np.maximum(lines, 1),
        ])  # fmt: skip

    def _items(self, age: np.ndarray) -> np.ndarray:
        p, now = self.p, self.p.history.as_of

        def sold(weight) -> np.ndarray:
            return np.bincount(p.item, weight, p.size)

        slow, month, fast = (sold(np.exp(-age / days)) for days in (90, 30, 14))
        slow, month, fast = (level / max(level.max(), 1e-9) for level in (slow, month, fast))
        then, before = np.abs(age - 365 + SEASON / 2) < SEASON / 2, np.abs(age - 365 - SEASON / 2) < SEASON / 2
        if before.any():  # this time last year: what the coming weeks sold more of than the weeks before
            ahead, behind = sold(then), sold(before)
            rise = (ahead + 2) / (ahead.sum() + 2 * p.size) / ((behind + 2) / (behind.sum() + 2 * p.size))
            season = np.log(rise)
            season_level = ahead / max(ahead.max(), 1)
        else:
            season = season_level = np.zeros(p.size)
        first, last = np.full(p.size, now, float), np.zeros(p.size)
        np.minimum.at(first, p.item, p.day)
        np.maximum.at(last, p.item, p.day)
        buyers = np.bincount(p.pairs.item, minlength=p.size)
        again = (np.bincount(p.pairs.item, p.pairs.times > 1, p.size) + 1) / (buyers + 5)
        return np.array([
            slow, month, fast, fast / (slow + 1e-4), sold(age < 7), season, season_level, again, buyers,
            now - first, now - last, self.price,
        ], np.float32)  # fmt: skip

    def rows(
        self, customers: np.ndarray, *, only_new: bool, most: int = CANDIDATES
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return candidates, int [customers, k], and their clues, float32 [customers * k, clues]."""
        p, own = self.p, self.own[customers].toarray()
        lately = self.lately[customers].toarray()
        near = rows_to_one((self.own[customers] @ self.near).toarray())
        beside = self.newest[customers] @ self.near
        peers = self.peers.near(customers)
        like, like_lately = (peers @ self.peers.buys).toarray(), (peers @ self.peers.of_late).toarray()
        ease = self.ease.scores(customers)
        lately /= np.maximum(lately.sum(1, keepdims=True), 1e-9)
        if only_new:
            blend = rows_to_one(ease) + 0.5 * near + rows_to_one(like) + 0.5 * rows_to_one(like_lately)
            blend += 0.2 * self.level
            row, pair = p.pairs.of(customers)
            blend[row, p.pairs.item[pair]] = -1
        else:
            blend = own + 0.05 * self.level
            for part, weight in ((lately, 3), (near, 0.05), (like, 0.5), (like_lately, 0.2 / highest(like_lately))):
                blend += weight * part
        best = leading(blend, min(most, p.size))
        count, width = best.shape
        item, who = best.ravel(), np.repeat(customers, width)
        flat = best + np.arange(count)[:, None] * p.size

        def at(score: np.ndarray) -> np.ndarray:
            return score.take(flat).ravel()

        def to_one(score: np.ndarray) -> np.ndarray:
            return (score.take(flat) / highest(score)).ravel()

        wanted = who.astype(np.int64) * p.size + item
        spot = np.minimum(np.searchsorted(p.pairs.key, wanted), len(p.pairs.key) - 1)
        mine = p.pairs.key[spot] == wanted
        now, q = p.history.as_of, p.pairs
        since, interval = np.where(mine, now - q.last[spot], 0), np.where(mine, np.nan_to_num(q.interval[spot]), 0)
        quiet, gap = self.of_customer[who, 3], self.of_customer[who, 4]
        columns = [
            mine, *(np.where(mine, data[spot], 0) for data in self.of_pair),
            at(near), to_one(beside.toarray()), at(like), at(like_lately), to_one(like), to_one(like_lately),
            at(ease), to_one(ease), at(blend), np.tile(np.arange(width), count),
            to_one(own), to_one(lately), np.where(mine, q.times[spot], 0), since, interval,
            since / np.maximum(interval, 1), since / gap, np.where(mine, since - quiet, 0),
            self.price[item] - self.usual_price[who], *self.of_item.take(item, axis=1), *self.of_customer[who].T,
        ]  # fmt: skip
        clues = np.empty((len(columns), len(item)), np.float32)
        for place, column in enumerate(columns):
            clues[place] = column
        return best, clues.T


def bend(clues: np.ndarray) -> np.ndarray:
    """Return the clues and their logarithms, a column each in one piece."""
    count = clues.shape[1]
    bent = np.empty((2 * count, len(clues)), np.float32)
    bent[:count] = clues.T
    logs = bent[count:]
    np.abs(bent[:count], out=logs)
    logs *= 10
    np.log1p(logs, out=logs)
    np.copysign(logs, bent[:count], out=logs)
    return bent.T


class Learned(Recommender):
    only_new = False

    def __init__(self, *, seed: int = 0):
        self.seed = seed

    def learn(self, purchases: Purchases) -> None:
        h, rng = purchases.history, np.random.default_rng(self.seed)
        clues, labels, weights, seen = [], [], [], 0
        past = sample(h, MOST_PEOPLE, rng)
        for cut in self.cuts(purchases):
            lesson = self._lesson(past, cut, rng)
            if lesson is not None:
                clues.append(lesson[0])
                labels.append(lesson[1])
                weights.append(lesson[2])
                seen += lesson[3]
        if seen < FEWEST_TEACHERS or sum(label.sum() for label in labels) < FEWEST_TEACHERS:
            raise NotEnoughData("baskets", have=seen, need=FEWEST_TEACHERS)
        bent, label = bend(np.concatenate(clues)), np.concatenate(labels)
        wide = np.hstack([bent, bent * bent[:, :1]])  # again, for what the customer had bought before
        mean, spread = wide.mean(0), np.maximum(wide.std(0), 1e-6)
        wide -= mean
        wide /= spread
        weight = np.concatenate(weights).astype(np.float32)
        model = LogisticRegression(C=1 / RIDGE, solver="newton-cholesky", warm_start=True)
        if label[::FEW].any() and not label[::FEW].all():  # most of the way on few of the rows
            model.fit(wide[::FEW], label[::FEW], sample_weight=FEW * weight[::FEW])
        model.fit(wide, label, sample_weight=weight)
        self.slope_ = (model.coef_[0] / spread).astype(np.float32)
        self.base_ = float(model.intercept_[0] - mean @ self.slope_)
        self.clues_ = Clues(purchases)
        self.candidates_ = int(np.clip(MOST_SCORED // len(h.customer_ids), FEWEST_CANDIDATES, CANDIDATES))

    def cuts(self, purchases: Purchases) -> list[int]:
        """Return the earlier days that teach, newest first, a usual gap apart, none in the first half of the past."""
        step = int(np.clip(np.median(usual_gaps(summarise(purchases.history))), 7, 21))
        now, first = purchases.history.as_of, purchases.history.first_day
        return [cut for cut in range(now - step, now - step * (CUTS + 1), -step) if cut > (now + first) / 2]

    def targets(self, past: History, cut: int) -> dict[int, set[int]]:
        """Return what each customer bought next, products as places in the history."""
        return baskets_after(past, cut)

    def _lesson(self, past: History, cut: int, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray, int] | None:
        targets = self.targets(past, cut)
        try:
            known = Clues(Purchases(past.upto(cut)))
        except NotEnoughData:
            return None
        p = known.p
        baskets = np.bincount(p.customer[p.new_basket], minlength=len(past.customer_ids))
        able = np.array([who for who in targets if baskets[who] >= 2], np.int64)
        if not len(able):
            return None
        teachers = np.sort(rng.permutation(able)[:MOST_TEACHERS])
        parts, size = [], max(BLOCK_CELLS // p.size, 1)
        for start in range(0, len(teachers), size):
            block = teachers[start : start + size]
            best, clues = known.rows(block, only_new=self.only_new)
            wanted = [targets[who] for who in block.tolist()]
            label = np.array([[item in want for item in row] for row, want in zip(p.catalogue[best].tolist(), wanted)])
            weight = np.repeat([len(want) ** BASKET_POWER for want in wanted], best.shape[1])
            label = label.ravel()
            kept = label | (rng.random(len(label)) < KEPT)
            parts.append((clues[kept], label[kept], np.where(label, weight, weight / KEPT)[kept]))
        return *(np.concatenate(part) for part in zip(*parts)), len(teachers)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        best, clues = self.clues_.rows(customers, only_new=self.only_new, most=self.candidates_)
        bent = bend(clues)
        plain, if_bought = np.split(self.slope_, 2)
        odds = bent @ plain + bent[:, 0] * (bent @ if_bought) + self.base_
        score = np.zeros((len(customers), self.purchases_.size), np.float32)
        np.put_along_axis(score, best, (1 / (1 + np.exp(-odds))).reshape(best.shape).astype(np.float32), axis=1)
        return score

    def because(self, customers: np.ndarray, items: np.ndarray) -> np.ndarray:
        return strongest(self.clues_.own, self.clues_.near, customers, items)


def sample(history: History, most: int, rng) -> History:
    """Return the past of at most so many customers."""
    if len(history.customer_ids) <= most:
        return history
    keep = np.zeros(len(history.customer_ids), bool)
    keep[rng.choice(len(keep), most, replace=False)] = True
    return history.of_customers(keep)
