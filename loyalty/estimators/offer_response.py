"""Who takes up an offer within the time it is open: a chance for each customer and offer.

One row an offer given. It knows the offer's terms; what the customer bought, and took up of earlier offers, before
that moment; how likely the customer's usual buying alone would reach the offer's threshold within the time (spending
in w days taken as a compound Poisson sum, read off a gamma with its mean and variance); and what is known of the
person. Offers still open when the past ends teach too: every row is read once as far as it has been watched, and once
cut at random before that, so that a chance can be asked for any number of days.

Boosted trees and a ridge logistic regression on the same rows. Their log-odds are mixed, and the level corrected
(J. Platt 1999), by what the newest offers came to among customers the models had not seen: the next offers meet the
newest season, not the mean of all.

Baseline: each kind of offer's own share. Units: times are days, fractions allowed; money is the shop's own.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from loyalty.estimators.base import NotEnoughData
from loyalty.estimators.churn.candidates.base import ridge_logistic
from loyalty.estimators.uplift.shrinking import Basis, logistic

FEWEST_ROWS, FEWEST_OF_EACH = 100, 20
TREES_FROM = 1_000  # rows from which boosted trees join
NEWEST = 0.2  # share of the offers, the newest, that correct the level
LOOK_BACK = (7.0, 30.0, 90.0)  # days
USUAL_ORDERS, USUAL_OFFERS = 2.0, 2.0  # how many orders or offers the usual customer counts for
SEEDS = 2
SMALLEST = 0.01  # an order is worth at least this
HELD = 4.0  # one over the prior variance of a correction
FAR = 6.0  # log-odds beyond this are not believed


@dataclass(frozen=True)
class Offers:
    """Offers given or about to be given, one row per customer and offer."""

    customer: np.ndarray  # int [n], row of Past.people
    time: np.ndarray  # float [n]
    kind: np.ndarray  # int [n], the same number for the same offer
    group: np.ndarray  # int [n], what sort of offer: percent off, gift, ...
    threshold: np.ndarray  # float [n], money to spend until it is taken up
    reward: np.ndarray  # float [n], money
    days: np.ndarray  # float [n], how long it is open
    terms: np.ndarray  # float [n, q], anything else that is known of the offer, e.g. how it is told
    done: np.ndarray  # float [n], when it was taken up; nan where it was not
    seen: np.ndarray  # float [n], when it was opened; nan where it was not

    def __len__(self) -> int:
        return len(self.customer)

    def rows(self, which: np.ndarray) -> "Offers":
        return Offers(*(getattr(self, one.name)[which] for one in fields(self)))


@dataclass(frozen=True)
class Past:
    """What customers did; of it, each row is shown what came before its own moment only."""

    since: float  # when the records begin
    buyer: np.ndarray  # int [m], row of people
    bought: np.ndarray  # float [m]
    amount: np.ndarray  # float [m]
    offers: Offers  # all that were given
    people: np.ndarray  # float [customers, k], nan where not known

    def upto(self, time: float) -> "Past":
        """Return what was known just before a moment."""
        mine, given = self.bought < time, self.offers.rows(self.offers.time < time)
        done, seen = (np.where(moment < time, moment, np.nan) for moment in (given.done, given.seen))
        given = replace(given, done=done, seen=seen)
        return Past(self.since, self.buyer[mine], self.bought[mine], self.amount[mine], given, self.people)


class _Before:
    """Count and add up what each owner had before a moment."""

    def __init__(self, owner: np.ndarray, time: np.ndarray, *values: np.ndarray):
        known = np.isfinite(time)
        owner, time = owner[known], time[known]
        order = np.lexsort((time, owner))
        self.owner, self.time = owner[order], time[order]
        self.low = float(time.min()) if len(time) else 0.0
        self.span = (float(np.ptp(time)) if len(time) else 0.0) + 1.0
        self.key = self.owner * self.span + (self.time - self.low)
        self.sums = [np.r_[0.0, np.cumsum(value[known][order])] for value in values]

    def place(self, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return how many rows of the table, sorted by owner and time, lie before these moments."""
        inside = np.clip(time - self.low, 0, self.span - 1e-9)
        return np.searchsorted(self.key, owner * self.span + inside, side="left")

    def first(self, owner: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.owner, owner, side="left")

    def count(self, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        return (self.place(owner, time) - self.first(owner)).astype(np.float64)

    def total(self, value: int, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        return self.sums[value][self.place(owner, time)] - self.sums[value][self.first(owner)]

    def last(self, owner: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return the newest moment before, nan where there is none."""
        at = self.place(owner, time)
        return np.where(at > self.first(owner), np.r_[np.nan, self.time][at], np.nan)


@dataclass(frozen=True)
class Usual:
    """The usual customer, towards whom those with little past are drawn."""

    rate: float  # orders a day
    worth: float  # mean of an order
    square: float  # mean of its square
    log: float  # mean of its logarithm
    share: float  # of ended offers that were taken up
    sorts: tuple[int, ...]

    @classmethod
    def of(cls, past: Past, until: float) -> "Usual":
        amount, n = np.maximum(past.amount, SMALLEST), max(len(past.amount), 1)
        given = past.offers
        ended = np.fmin(given.time + given.days, given.done) <= until
        return cls(
            rate=n / (max(len(past.people), 1) * max(until - past.since, 1.0)),
            worth=float(amount.sum() / n), square=float((amount**2).sum() / n), log=float(np.log(amount).sum() / n),
            share=float(np.isfinite(given.done).sum() / max(ended.sum(), 1)),
            sorts=tuple(np.unique(given.group).tolist()),
        )  # fmt: skip


def features(past: Past, offers: Offers, watched: np.ndarray, usual: Usual) -> np.ndarray:
    """Return [n, k], nan where not known: terms, person, buying, earlier offers, and whether usual buying is enough."""
    who, when = offers.customer, offers.time
    amount, threshold = np.maximum(past.amount, SMALLEST), np.maximum(offers.threshold, SMALLEST)
    bought = _Before(past.buyer, past.bought, amount, amount**2, np.log(amount))
    orders, spent = bought.count(who, when), bought.total(0, who, when)
    rate = (orders + USUAL_ORDERS) / (when - past.since + USUAL_ORDERS / usual.rate)
    mean, square, log = (
        (bought.total(value, who, when) + USUAL_ORDERS * of_all) / (orders + USUAL_ORDERS)
        for value, of_all in enumerate((usual.worth, usual.square, usual.log))
    )
    recent = []
    for back in LOOK_BACK:
        recent += [orders - bought.count(who, when - back), spent - bought.total(0, who, when - back)]
    expected = rate * watched * mean
    spread = np.maximum(rate * watched * square, 1e-12)
    shape, scale = np.maximum(expected**2 / spread, 1e-9), spread / np.maximum(expected, 1e-9)
    enough = stats.gamma.sf(threshold, shape, scale=scale)
    in_one = stats.norm.sf(np.log(threshold) - log)
    columns = [
        offers.threshold, offers.reward, offers.reward / threshold, offers.days, watched,
        when - past.since, orders, spent, rate, mean, np.sqrt(np.maximum(square - mean**2, 0)), log,
        when - bought.last(who, when), *recent,
        expected, expected - threshold, np.log(np.maximum(expected, SMALLEST) / threshold), enough, in_one,
        rate * watched,
        *_earlier(past.offers, offers, usual.share),
        *(offers.group == sort for sort in usual.sorts),
        *offers.terms.T, *past.people[who].T,
    ]  # fmt: skip
    return np.column_stack([np.asarray(column, np.float64) for column in columns])


def _earlier(given: Offers, offers: Offers, usual: float) -> list[np.ndarray]:
    """Return what came of offers given before: of all, of this sort, of this very one; and the money open ones ask."""
    who, when = offers.customer, offers.time
    sorts = int(max(given.group.max(initial=0), offers.group.max(initial=0))) + 1
    kinds = int(max(given.kind.max(initial=0), offers.kind.max(initial=0))) + 1
    ended = np.fmin(given.time + given.days, given.done)
    columns = []
    for own, mine in (
        (given.customer, who),
        (given.customer * sorts + given.group, who * sorts + offers.group),
        (given.customer * kinds + given.kind, who * kinds + offers.kind),
    ):
        got, over, done, seen = (_Before(own, time) for time in (given.time, ended, given.done, given.seen))
        received, closed, took = got.count(mine, when), over.count(mine, when), done.count(mine, when)
        columns += [
            received, received - closed, took, (took + USUAL_OFFERS * usual) / (closed + USUAL_OFFERS),
            np.where(received > 0, seen.count(mine, when) / np.maximum(received, 1), np.nan),
            when - done.last(mine, when), when - got.last(mine, when),
        ]  # fmt: skip
    begun, over = (_Before(given.customer, time, given.threshold) for time in (given.time, ended))
    return [*columns, begun.total(0, who, when) - over.total(0, who, when)]


@dataclass
class OfferResponse:
    """Learn from the offers of a past; `chances` of others follow."""

    seed: int = 0

    def fit(self, past: Past, as_of: float) -> "OfferResponse":
        """Learn from what was known just before `as_of`."""
        past = past.upto(as_of)
        given = past.offers
        done = np.isfinite(given.done)
        least = int(min(done.sum(), (~done).sum()))
        if len(given) < FEWEST_ROWS:
            raise NotEnoughData("rows", have=len(given), need=FEWEST_ROWS)
        if least < FEWEST_OF_EACH:
            raise NotEnoughData("of_each", have=least, need=FEWEST_OF_EACH)
        self.usual_ = Usual.of(past, as_of)
        X, label, row = self._rows(past, given, np.minimum(given.days, as_of - given.time))
        half = np.random.default_rng(self.seed).random(len(past.people))[given.customer][row] < 0.5
        newest = self._newest(given.time)[row]
        told = np.zeros((len(label), 2))
        for learn in (half, ~half):
            test = newest & ~learn
            told[test] = _Model(self.seed).fit(X[learn], label[learn]).odds(X[test])
        self.mix_ = _mix(told[newest], label[newest])
        self.model_ = _Model(self.seed).fit(X, label)
        return self

    def chances(self, past: Past, offers: Offers, watched: np.ndarray | None = None) -> np.ndarray:
        """Return the chance of each offer [n] being taken up within `watched` days, by default while it is open."""
        watched = offers.days if watched is None else np.minimum(offers.days, watched)
        return _mixed(self.model_.odds(features(past, offers, watched, self.usual_)), self.mix_)

    def _rows(self, past: Past, given: Offers, watched: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return features, labels and the offer of each row: as far as watched, and cut at random before."""
        cut = watched * np.random.default_rng(self.seed).uniform(0.3, 1.0, len(given))
        parts = [(features(past, given, days, self.usual_), given.done <= given.time + days) for days in (watched, cut)]
        label = np.concatenate([taken for _, taken in parts])
        return np.vstack([X for X, _ in parts]), label, np.tile(np.arange(len(given)), 2)

    def _newest(self, time: np.ndarray) -> np.ndarray:
        """Return which offers are among the newest; those given at one moment stay together."""
        times, size = np.unique(time, return_counts=True)
        after = np.cumsum(size[::-1])[::-1]
        enough = times[after >= NEWEST * len(time)]
        start = enough[-1] if len(enough) and enough[-1] > times[0] else np.quantile(time, 1 - NEWEST)
        return time >= start


class _Model:
    def __init__(self, seed: int):
        self.seed = seed

    def fit(self, X: np.ndarray, label: np.ndarray) -> "_Model":
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.basis_ = Basis().fit(X)
        columns = self.basis_.of(X)
        self.linear_ = logistic(columns, label.astype(np.float64), np.zeros(columns.shape[1]), np.ones(len(label)))
        self.trees_, self.known_ = [], np.flatnonzero(np.isfinite(X).any(0))
        if len(label) >= TREES_FROM:
            leaf = max(len(label) // 500, 10)
            self.trees_ = [
                HistGradientBoostingClassifier(
                    max_iter=150, learning_rate=0.08, max_leaf_nodes=12, min_samples_leaf=leaf, l2_regularization=5.0,
                    max_features=0.3, early_stopping=False, random_state=self.seed + one,
                ).fit(X[:, self.known_], label)
                for one in range(SEEDS)
            ]  # fmt: skip
        return self

    def odds(self, X: np.ndarray) -> np.ndarray:
        """Return log-odds of the trees and of the straight line, [n, 2]; the line twice where there are no trees."""
        coefficients, level = self.linear_
        line = np.clip(self.basis_.of(X) @ coefficients + level, -FAR, FAR)
        if not self.trees_:
            return np.column_stack([line, line])
        trees = np.mean([tree.predict_proba(X[:, self.known_])[:, 1] for tree in self.trees_], axis=0)
        return np.column_stack([np.clip(logit(np.clip(trees, 1e-6, 1 - 1e-6)), -FAR, FAR), line])


def _mix(odds: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return what to add: a level, and shares of the trees' and the line's log-odds; held close to the trees alone."""
    columns = np.column_stack([np.ones(len(odds)), odds])
    return ridge_logistic(columns, label.astype(np.float64), odds[:, 0], np.full(3, HELD), np.ones(len(odds)))


def _mixed(odds: np.ndarray, mix: np.ndarray) -> np.ndarray:
    return expit(odds[:, 0] + mix[0] + odds @ mix[1:])
