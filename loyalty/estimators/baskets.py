"""Which products go together: frequent itemsets, rules that hold on baskets they were not found in.

Apriori (Agrawal, Srikant, VLDB 1994) counts level by level on bit sets; FP-growth (Han, Pei, Yin, SIGMOD 2000) grows
patterns from a prefix tree. Both give the same itemsets; `mine` takes the one that is faster on data of this shape.
Rules have one item on the right.

A rule's raw confidence lies: it was picked because it is high (on 100 baskets rules that claim 70 % hold at 27 %). So
`Rules` finds rules in one half of the baskets and judges them in the other, both ways round; shrinks the lift that was
judged towards what is usual among all of them (empirical Bayes, `lift_prior`); keeps false discoveries below a rate
(Benjamini, Hochberg 1995, on the hypergeometric tail); drops a rule when a shorter one says as much; and, below 3,000
baskets, does all of it again on parts of the baskets to see how much of a promise was kept on the rest, and takes off
what was not (an optimism correction, Efron 1983, JASA 78).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln
from scipy.stats import hypergeom

from loyalty.estimators.base import NotEnoughData

FEWEST_BASKETS = 100
_DENSE = 0.02  # share of items in the average basket above which a prefix tree folds baskets better than bit sets count
_ENOUGH = 3_000  # baskets from which on what a rule promises holds by itself
_DRAWS = 20
_DOUBT = 2.0  # baskets' worth of trust before anything was seen
USUAL_LIFT = (np.log(1.2), 0.3)  # mean and spread of the logarithm, before any rule of the shop was seen
USUAL_SHAPE = (np.log(5.0), 0.7)

Itemset = tuple[int, ...]
Counts = dict[Itemset, int]


@dataclass(frozen=True)
class Baskets:
    """Which items each basket holds, each once: `item[start[b]:start[b + 1]]`, ascending. Items are 0 .. items - 1."""

    start: np.ndarray  # int64 [b + 1]
    item: np.ndarray  # int32
    items: int

    @classmethod
    def of_lists(cls, baskets: Iterable[Iterable[int]], *, items: int) -> "Baskets":
        """Return baskets from lists of item numbers."""
        rows = [np.unique(np.fromiter(basket, np.int32)) for basket in baskets]
        start = np.r_[0, np.cumsum([len(row) for row in rows])].astype(np.int64)
        return cls(start, np.concatenate(rows) if rows else np.empty(0, np.int32), items)

    @classmethod
    def of_pairs(cls, basket: np.ndarray, item: np.ndarray, *, items: int) -> "Baskets":
        """Return baskets from (basket, item) pairs in any order, repeats allowed."""
        pairs = np.unique(np.asarray(basket, np.int64) * items + np.asarray(item, np.int64))
        owner, item = pairs // items, (pairs % items).astype(np.int32)
        _, counts = np.unique(owner, return_counts=True)
        return cls(np.r_[0, np.cumsum(counts)].astype(np.int64), item, items)

    def __len__(self) -> int:
        return len(self.start) - 1

    def only(self, chosen: np.ndarray) -> "Baskets":
        """Return some of the baskets, by their positions."""
        sizes = np.diff(self.start)[chosen]
        start = np.r_[0, np.cumsum(sizes)].astype(np.int64)
        where = np.repeat(self.start[chosen] - start[:-1], sizes) + np.arange(start[-1])
        return Baskets(start, self.item[where], self.items)

    def bits(self, items: np.ndarray) -> np.ndarray:
        """Return one row of bits per item, uint64 [len(items), words]: which baskets hold it."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.start))
        row = np.full(self.items, -1)
        row[items] = np.arange(len(items))
        wanted = row[self.item] >= 0
        bits = np.zeros((len(items), (len(self) + 63) // 64), np.uint64)
        place = row[self.item[wanted]], owner[wanted] // 64
        np.bitwise_or.at(bits, place, np.uint64(1) << (owner[wanted] % 64).astype(np.uint64))
        return bits


def mine(baskets: Baskets, *, least: int, longest: int = 6) -> Counts:
    """Return every itemset held by at least `least` baskets, with how many hold it."""
    dense = len(baskets.item) / max(len(baskets) * baskets.items, 1) > _DENSE and baskets.items < 64
    return (fp_growth if dense else apriori)(baskets, least=least, longest=longest)


def apriori(baskets: Baskets, *, least: int, longest: int = 6) -> Counts:
    """Return the frequent itemsets level by level: a set can be frequent only if all its parts are."""
    counts = np.bincount(baskets.item, minlength=baskets.items)
    frequent = np.flatnonzero(counts >= least)
    found: Counts = {(int(item),): int(counts[item]) for item in frequent}
    bits = baskets.bits(frequent)
    sets = np.arange(len(frequent))[:, None]  # rows of the level, ascending positions in `frequent`
    held = bits
    for _size in range(2, longest + 1):
        left, right = _joins(sets)
        if len(left) and sets.shape[1] > 1:
            keep = _all_parts_are_in(sets, left, right)
            left, right = left[keep], right[keep]
        if not len(left):
            break
        together, kept = [], []
        for start in range(0, len(left), 20_000):
            rows = slice(start, start + 20_000)
            both = held[left[rows]] & bits[sets[right[rows], -1]]
            count = np.bitwise_count(both).sum(axis=1, dtype=np.int64)
            enough = count >= least
            together.append(both[enough])
            chosen = np.c_[sets[left[rows]], sets[right[rows], -1]][enough]
            kept.append(chosen)
            found |= zip(map(tuple, frequent[chosen].tolist()), count[enough].tolist())
        sets, held = np.concatenate(kept), np.concatenate(together)
        if not len(sets):
            break
    return found


def _joins(sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of rows that agree in all but the last item; rows are sorted."""
    change = np.r_[True, (sets[1:, :-1] != sets[:-1, :-1]).any(axis=1)] if len(sets) else np.empty(0, bool)
    starts = np.flatnonzero(change)
    left, right = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start, end in zip(starts, np.r_[starts[1:], len(sets)]):
        first, second = np.triu_indices(end - start, k=1)
        left.append(first + start)
        right.append(second + start)
    return np.concatenate(left), np.concatenate(right)


def _all_parts_are_in(sets: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Tell which joined rows have only frequent parts; without one of the two last items they are the joined rows."""
    candidate = np.c_[sets[left], sets[right, -1]].astype(np.int64)
    base = int(sets.max()) + 1
    weights = base ** np.arange(sets.shape[1] - 1, -1, -1, dtype=object)
    fits = base ** sets.shape[1] < 2**62
    weights = weights.astype(np.int64) if fits else weights
    known = np.sort((sets * weights).sum(axis=1))
    keep = np.ones(len(candidate), bool)
    for left_out in range(sets.shape[1] - 1):
        part = np.delete(candidate, left_out, axis=1)
        key = (part * weights).sum(axis=1)
        place = np.minimum(np.searchsorted(known, key), len(known) - 1)
        keep &= known[place] == key
    return keep


class _Node:
    __slots__ = ("children", "count", "item", "parent")

    def __init__(self, item: int, parent: "_Node | None"):
        self.item, self.parent, self.count = item, parent, 0
        self.children: dict[int, _Node] = {}


def fp_growth(baskets: Baskets, *, least: int, longest: int = 6) -> Counts:
    """Return the frequent itemsets by growing each from the prefix tree of the baskets that hold it."""
    paths = [
        (baskets.item[start:end].tolist(), 1)
        for start, end in zip(baskets.start[:-1].tolist(), baskets.start[1:].tolist())
    ]
    found: Counts = {}
    _grow(paths, (), least, longest, found)
    return found


def _grow(paths: Sequence[tuple[list[int], int]], suffix: Itemset, least: int, longest: int, found: Counts) -> None:
    counts: dict[int, int] = defaultdict(int)
    for items, times in paths:
        for item in items:
            counts[item] += times
    rank = {item: count for item, count in counts.items() if count >= least}
    for item, count in rank.items():
        found[tuple(sorted((item, *suffix)))] = count
    if len(suffix) + 1 >= longest or len(rank) < 2:
        return
    order = {item: place for place, item in enumerate(sorted(rank, key=lambda item: (-rank[item], item)))}
    root, nodes = _Node(-1, None), defaultdict(list)
    for items, times in paths:
        node = root
        for item in sorted((item for item in items if item in order), key=order.__getitem__):
            child = node.children.get(item)
            if child is None:
                child = node.children[item] = _Node(item, node)
                nodes[item].append(child)
            child.count += times
            node = child
    for item in sorted(order, key=order.__getitem__, reverse=True):
        conditional = []
        for node in nodes[item]:
            path, parent = [], node.parent
            while parent.parent is not None:
                path.append(parent.item)
                parent = parent.parent
            if path:
                conditional.append((path, node.count))
        if conditional:
            _grow(conditional, (item, *suffix), least, longest, found)


@dataclass(frozen=True)
class Rule:
    """`left` -> `right`. Counts are of all baskets; what we show was judged on baskets it was not found in."""

    left: Itemset
    right: int
    baskets: int  # that hold all of it
    support: float  # their share
    raw_confidence: float  # in the baskets it was found in: too high
    confidence: float
    lift: float  # confidence / share of baskets with the right side
    leverage: float  # share of baskets with both, beyond what chance would give
    p_value: float  # of no connection, on the judging baskets


def rules_of(counts: Counts, *, baskets: int, confidence: float) -> list[Rule]:
    """Return every rule with one item on the right and at least this raw confidence, as arules gives them."""
    found = []
    for items, count in counts.items():
        if len(items) < 2:
            continue
        for right in items:
            left = tuple(item for item in items if item != right)
            raw = count / counts[left]
            if raw >= confidence:
                share = counts[(right,)] / baskets
                leverage = count / baskets - counts[left] / baskets * share
                found.append(Rule(left, right, count, count / baskets, raw, raw, raw / share, leverage, 1.0))
    return found


class Rules:
    """Rules worth showing. `fit` mines; `rules_` holds them, the most useful first."""

    def __init__(
        self, *, support: float = 0.005, fewest: int = 3, confidence: float = 0.1, false_discoveries: float = 0.05,
        longest: int = 3, seed: int = 0,
    ):  # fmt: skip
        self.support, self.fewest, self.confidence = support, fewest, confidence
        self.false_discoveries, self.longest, self.seed = false_discoveries, longest, seed

    def fit(self, baskets: Baskets) -> "Rules":
        """Find rules, and where there are few baskets, measure how much they still promise too much and take it off."""
        if len(baskets) < FEWEST_BASKETS:
            raise NotEnoughData("baskets_held", have=len(baskets), need=FEWEST_BASKETS)
        rng = np.random.default_rng(self.seed)
        rules = self._found(baskets, rng)
        self.kept_promise_ = self._kept_promise(baskets, rng) if rules and len(baskets) < _ENOUGH else 1.0
        share = np.bincount(baskets.item, minlength=baskets.items) / len(baskets)
        honest = [
            replace(rule, confidence=rule.confidence * self.kept_promise_, lift=rule.lift * self.kept_promise_)
            for rule in rules
        ]
        self.rules_ = [rule for rule in honest if rule.confidence > max(self.confidence, share[rule.right])]
        return self

    def _kept_promise(self, baskets: Baskets, rng: np.random.Generator) -> float:
        """Return the part of the promised confidence that held on baskets kept aside, over random draws; at most 1."""
        promised = held = 0.0
        for _draw in range(_DRAWS):
            order = rng.permutation(len(baskets))
            cut = len(baskets) * 7 // 10
            rules = self._found(baskets.only(np.sort(order[:cut])), rng)
            left, _right, both = counts_of(baskets.only(np.sort(order[cut:])), [(r.left, r.right) for r in rules]).T
            promised += float(np.sum(left * np.array([rule.confidence for rule in rules])))
            held += float(both.sum())
        return min((held + _DOUBT) / (promised + _DOUBT), 1.0)

    def _found(self, baskets: Baskets, rng: np.random.Generator) -> list[Rule]:
        """Find rules in each half of the baskets and judge them in the other."""
        order = rng.permutation(len(baskets))
        halves = [baskets.only(np.sort(half)) for half in np.array_split(order, 2)]
        judged: dict[tuple[Itemset, int], list[np.ndarray]] = defaultdict(list)
        for found_in, judged_in in (halves, halves[::-1]):
            least = max(self.fewest, int(np.ceil(self.support * len(found_in))))
            counts = mine(found_in, least=least, longest=self.longest)
            rules = rules_of(counts, baskets=len(found_in), confidence=self.confidence)
            for rule, figures in zip(rules, counts_of(judged_in, [(rule.left, rule.right) for rule in rules])):
                judged[rule.left, rule.right].append(np.r_[figures, len(judged_in), rule.raw_confidence])
        return self._kept(baskets, judged)

    def _kept(self, baskets: Baskets, judged: dict) -> list[Rule]:
        if not judged:
            return []
        keys = list(judged)
        figures = np.array([np.sum([row[:4] for row in rows], axis=0) for rows in judged.values()])
        raw = np.array([np.mean([row[4] for row in rows]) for rows in judged.values()])
        left, right, both, size = figures.T
        by_chance = left * right / size
        shape, rate = lift_prior(both, by_chance, weight=len({right for _left, right in keys}) / len(keys))
        lift = (both + shape) / (by_chance + rate)
        p_value = hypergeom.sf(both - 1, size.astype(int), right.astype(int), left.astype(int))
        real = _discoveries(p_value, self.false_discoveries)
        whole = counts_of(baskets, keys)
        share = whole[:, 1] / len(baskets)
        confidence = np.minimum(lift * share, 1.0)
        kept = []
        for index in np.flatnonzero(real & (lift > 1) & (confidence >= self.confidence)):
            in_left, in_right, in_both = whole[index] / len(baskets)
            items, item = keys[index]
            kept.append(
                Rule(
                    items, item, int(whole[index][2]), in_both, float(raw[index]), float(confidence[index]),
                    float(lift[index]), float(in_both - in_left * in_right), float(p_value[index]),
                )
            )  # fmt: skip
        return _without_echoes(kept)


def lift_prior(both: np.ndarray, by_chance: np.ndarray, *, weight: float = 1.0) -> tuple[float, float]:
    """Return (shape, rate) of the gamma distribution the true lifts come from, by maximum marginal likelihood.

    `both` baskets hold a rule where chance alone would give `by_chance`: Poisson with a gamma-distributed factor, so
    negative binomial (DuMouchel 1999, The American Statistician 53, eqs. 2-4, with one component). The posterior mean
    (both + shape) / (by_chance + rate) may be looked at for any rule, however it was picked. Rules share baskets, so
    each speaks with `weight`; where few of them speak, USUAL_LIFT and USUAL_SHAPE do: products are mostly strangers.
    """

    by_chance = np.maximum(by_chance, 1e-9)

    def loss(logs: np.ndarray) -> float:
        log_mean, log_shape = logs
        shape, rate = np.exp(log_shape), np.exp(log_shape - log_mean)
        chance = rate / (rate + by_chance)
        likelihood = gammaln(both + shape) - gammaln(shape) + shape * np.log(chance) + both * np.log1p(-chance)
        off = (log_mean - USUAL_LIFT[0]) / USUAL_LIFT[1], (log_shape - USUAL_SHAPE[0]) / USUAL_SHAPE[1]
        return -weight * likelihood.sum() + (off[0] ** 2 + off[1] ** 2) / 2

    log_mean, log_shape = minimize(loss, [USUAL_LIFT[0], USUAL_SHAPE[0]], method="Nelder-Mead").x
    return float(np.exp(log_shape)), float(np.exp(log_shape - log_mean))


def counts_of(baskets: Baskets, rules: Sequence[tuple[Itemset, int]]) -> np.ndarray:
    """Return, for each rule, the baskets with its left side, its right side and both: int [r, 3]."""
    if not rules:
        return np.empty((0, 3), np.int64)
    used = np.unique([item for left, right in rules for item in (*left, right)])
    bits = baskets.bits(used)
    row = {int(item): place for place, item in enumerate(used)}
    figures = np.empty((len(rules), 3), np.int64)
    for index, (left, right) in enumerate(rules):
        held = np.bitwise_and.reduce(bits[[row[item] for item in left]])
        figures[index] = (
            np.bitwise_count(held).sum(), np.bitwise_count(bits[row[right]]).sum(),
            np.bitwise_count(held & bits[row[right]]).sum(),
        )  # fmt: skip
    return figures


def _discoveries(p_values: np.ndarray, rate: float) -> np.ndarray:
    """Return which hypotheses stand when at most this share of them may be false (Benjamini, Hochberg 1995)."""
    order = np.argsort(p_values)
    passed = p_values[order] <= rate * np.arange(1, len(p_values) + 1) / len(p_values)
    last = np.flatnonzero(passed)
    stands = np.zeros(len(p_values), bool)
    if len(last):
        stands[order[: last[-1] + 1]] = True
    return stands


def _without_echoes(rules: list[Rule]) -> list[Rule]:
    """Drop a rule when one with fewer items on the left is as sure of the same; sort by leverage."""
    sure = {(rule.left, rule.right): rule.confidence for rule in rules}
    kept = [
        rule
        for rule in rules
        if not any(
            sure.get((part, rule.right), 0) >= rule.confidence
            for size in range(1, len(rule.left))
            for part in combinations(rule.left, size)
        )
    ]
    return sorted(kept, key=lambda rule: (-rule.leverage, rule.left, rule.right))


@dataclass(frozen=True)
class Pair:
    """Two products bought together more often than chance."""

    first: int
    second: int
    baskets: int
    lift: float
    confidence: float  # of the surer direction


def pairs(rules: Sequence[Rule]) -> list[Pair]:
    """Return the pairs among the rules, each once, the strongest first."""
    found: dict[tuple[int, int], Pair] = {}
    for rule in rules:
        if len(rule.left) != 1:
            continue
        key = (min(rule.left[0], rule.right), max(rule.left[0], rule.right))
        if key not in found or rule.confidence > found[key].confidence:
            found[key] = Pair(*key, rule.baskets, rule.lift, rule.confidence)
    return sorted(found.values(), key=lambda pair: (-pair.baskets * (1 - 1 / pair.lift), pair.first, pair.second))


@dataclass(frozen=True)
class Clock:
    """How long until a product is bought again by the same customer, days: the middle half of those who do."""

    product: int
    customers: int  # who bought it again
    again: float  # share who buy it again within a year
    low: float
    usual: float
    high: float


def replenishment(
    customer: np.ndarray, product: np.ndarray, day: np.ndarray, *, as_of: int, fewest: int = 10
) -> list[Clock]:
    """Return the clock of every product that at least `fewest` gaps speak of.

    Arrays [l], one row per line. Gaps still open are censored, not left out: Kaplan, Meier 1958 (JASA 53), eq. 2b.
    """
    keep = np.unique(np.c_[product, customer, day].astype(np.int64), axis=0)
    product, customer, day = keep.T
    follows = np.r_[(product[1:] == product[:-1]) & (customer[1:] == customer[:-1]), False]
    gap = np.where(follows, np.r_[day[1:], 0] - day, as_of - day).astype(float)
    clocks = []
    bounds = np.flatnonzero(np.r_[True, product[1:] != product[:-1]])
    for start, end in zip(bounds, np.r_[bounds[1:], len(product)]):
        rows = slice(start, end)
        again = follows[rows]
        if again.sum() < fewest:
            continue
        days, surviving = _kaplan_meier(gap[rows], again)
        year = 1 - float(surviving[np.searchsorted(days, 365, side="right") - 1]) if days[0] <= 365 else 0.0
        if year < 0.1:
            continue
        low, usual, high = (float(days[np.argmax(1 - surviving >= share * year)]) for share in (0.25, 0.5, 0.75))
        buyers = len(np.unique(customer[rows][again]))
        clocks.append(Clock(int(product[start]), buyers, year, low, usual, high))
    return sorted(clocks, key=lambda clock: (-clock.customers, clock.product))


def _kaplan_meier(gap: np.ndarray, ended: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (days on which gaps ended, share still open after each)."""
    order = np.argsort(gap, kind="stable")
    gap, ended = gap[order], ended[order]
    days, first = np.unique(gap, return_index=True)
    at_risk = len(gap) - first
    deaths = np.add.reduceat(ended.astype(float), first)
    surviving = np.cumprod(1 - deaths / at_risk)
    happened = deaths > 0
    return days[happened], surviving[happened]


@dataclass(frozen=True)
class Step:
    """What new customers buy next: of those whose first purchase held `first`, how many bought `then` the next time."""

    first: int
    then: int
    customers: int
    share: float  # of those who begun with it; shrunken like a rule's confidence
    lift: float


def next_steps(
    customer: np.ndarray, order: np.ndarray, product: np.ndarray, *, products: int, fewest: int = 5
) -> list[Step]:
    """Return the map from first to second basket of each customer. Arrays [l]; orders ascend in time."""
    lines = np.unique(np.c_[customer, order, product].astype(np.int64), axis=0)
    customer, order, product = lines.T
    new_order = np.r_[True, (order[1:] != order[:-1]) | (customer[1:] != customer[:-1])]
    order_number = np.cumsum(new_order)
    first_of_customer = np.r_[True, customer[1:] != customer[:-1]]
    first_number = np.maximum.accumulate(np.where(first_of_customer, order_number, 0))
    nth = order_number - first_number
    firsts, seconds = lines[nth == 0], lines[nth == 1]
    came_back = np.intersect1d(firsts[:, 0], seconds[:, 0])
    if len(came_back) < FEWEST_BASKETS:
        raise NotEnoughData("came_back", have=len(came_back), need=FEWEST_BASKETS)
    firsts = firsts[np.isin(firsts[:, 0], came_back)]
    begun = np.bincount(firsts[:, 2], minlength=products)
    followed = np.bincount(np.unique(seconds[:, [0, 2]], axis=0)[:, 1], minlength=products) / len(came_back)
    bounds = np.searchsorted(seconds[:, 0], [firsts[:, 0], firsts[:, 0] + 1])
    sizes = bounds[1] - bounds[0]
    start = np.repeat(bounds[0] - np.r_[0, np.cumsum(sizes)[:-1]], sizes)
    pair = np.repeat(firsts[:, 2], sizes) * products + seconds[start + np.arange(sizes.sum()), 2]
    pair, count = np.unique(pair, return_counts=True)
    first, then = pair // products, pair % products
    enough = count >= fewest
    first, then, count = first[enough], then[enough], count[enough]
    if not len(count):
        return []
    by_chance = begun[first] * followed[then]
    shape, rate = lift_prior(count, by_chance)
    lift = (count + shape) / (by_chance + rate)
    steps = [
        Step(int(a), int(b), int(n), min(float(ratio * followed[b]), 1.0), float(ratio))
        for a, b, n, ratio in zip(first, then, count, lift)
        if ratio > 1
    ]
    return sorted(steps, key=lambda step: (-step.customers * (1 - 1 / step.lift), step.first, step.then))
