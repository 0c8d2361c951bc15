"""What goes together: the same itemsets by both ways, and rules that keep what they promise."""

import gzip
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.estimators import baskets as bk
from loyalty.estimators.base import NotEnoughData

GROCERIES = Path(__file__).parents[3].parent / "shared" / "data" / "groceries_baskets.csv.gz"


def counted(rows: list[set[int]], *, least: int, longest: int) -> bk.Counts:
    """Count every itemset by looking at every basket: the answer nobody can doubt."""
    counts = Counter(
        items for row in rows for size in range(1, longest + 1) for items in combinations(sorted(row), size)
    )
    return {items: count for items, count in counts.items() if count >= least}


@given(st.lists(st.sets(st.integers(0, 8), min_size=1, max_size=6), min_size=1, max_size=40), st.integers(1, 6))
def test_both_ways_find_what_counting_finds(rows, least):
    baskets = bk.Baskets.of_lists(rows, items=9)
    expected = counted(rows, least=least, longest=4)
    assert bk.apriori(baskets, least=least, longest=4) == expected
    assert bk.fp_growth(baskets, least=least, longest=4) == expected
    assert bk.mine(baskets, least=least, longest=4) == expected


def test_more_than_64_baskets_and_pairs_in_any_order():
    rng = np.random.default_rng(3)
    rows = [set(rng.integers(0, 12, 4).tolist()) for _ in range(300)]
    basket = np.repeat(np.arange(300), [len(row) for row in rows])
    item = np.concatenate([list(row) for row in rows])
    order = rng.permutation(len(basket))
    pairs = bk.Baskets.of_pairs(np.r_[basket[order], basket[:5]], np.r_[item[order], item[:5]], items=12)
    assert bk.apriori(pairs, least=5) == counted(rows, least=5, longest=6)


@pytest.fixture(scope="module")
def groceries():
    if not GROCERIES.exists():
        pytest.skip("the public data lie beside the project only")
    names: dict[str, int] = {}
    with gzip.open(GROCERIES, "rt") as file:
        rows = [[names.setdefault(name, len(names)) for name in line.rstrip("\n").split(",")] for line in file]
    return bk.Baskets.of_lists(rows, items=len(names)), names


@pytest.mark.samples
def test_groceries_as_published(groceries):
    baskets, names = groceries
    counts = bk.apriori(baskets, least=10)
    rules = bk.rules_of(counts, baskets=len(baskets), confidence=0.5)
    assert (len(baskets), len(counts), len(rules)) == (9835, 13492, 5668)
    assert bk.fp_growth(baskets, least=10) == counts
    assert Counter(len(rule.left) + 1 for rule in rules) == {2: 11, 3: 1461, 4: 3211, 5: 939, 6: 46}
    lifts = np.array([rule.lift for rule in rules])
    assert [round(float(value), 3) for value in (lifts.min(), np.median(lifts), lifts.mean(), lifts.max())] == [1.957, 2.899, 3.262, 18.996]
    top = max(rules, key=lambda rule: rule.lift)
    assert (set(top.left), top.right) == ({names["Instant food products"], names["soda"]}, names["hamburger meat"])


@pytest.mark.samples
@pytest.mark.slow
@pytest.mark.parametrize("size", [100, 300, 1000])
def test_a_rule_keeps_what_it_promises(groceries, size):
    baskets, _names = groceries
    rng = np.random.default_rng(11)
    promised, kept = [], []
    for seed in range(2000 // size):
        order = rng.permutation(len(baskets))
        rules = bk.Rules(seed=seed).fit(baskets.only(np.sort(order[:size]))).rules_
        left, _right, both = bk.counts_of(baskets.only(np.sort(order[-4000:])), [(rule.left, rule.right) for rule in rules]).T
        promised += [rule.confidence for rule in rules]
        kept += list(both / np.maximum(left, 1))
    assert len(promised) > 5
    assert abs(np.mean(promised) - np.mean(kept)) <= 0.05


def together(n: int, seed: int = 0) -> bk.Baskets:
    """Draw baskets of twelve strangers, but whoever takes 0 takes 1 three times of four."""
    rng = np.random.default_rng(seed)
    held = rng.random((n, 12)) < 0.2
    held[:, 1] |= held[:, 0] & (rng.random(n) < 0.7)
    return bk.Baskets.of_lists([np.flatnonzero(row) for row in held], items=12)


def test_the_pair_that_was_put_together_is_found_and_strangers_are_not():
    rules = bk.Rules().fit(together(2_000)).rules_
    assert [(rule.left, rule.right) for rule in rules[:2]] == [((0,), 1), ((1,), 0)]
    assert {item for rule in rules for item in (*rule.left, rule.right)} == {0, 1}
    assert 0.66 < rules[0].confidence < 0.77  # 0.76 is true; among so many strangers it is believed with caution
    [pair] = bk.pairs(rules)
    assert (pair.first, pair.second, pair.confidence) == (0, 1, rules[0].confidence)


def test_where_nothing_goes_together_nothing_is_shown():
    shown = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows = [np.flatnonzero(row) for row in rng.random((800, 15)) < 0.2]
        shown += len(bk.Rules(seed=seed).fit(bk.Baskets.of_lists(rows, items=15)).rules_)
    assert shown <= 1


def test_few_baskets_say_nothing():
    with pytest.raises(NotEnoughData):
        bk.Rules().fit(together(99))


def test_the_clock_counts_gaps_that_are_still_open():
    customer = np.repeat(np.arange(40), 3)
    day = np.tile([0, 30, 60], 40) + np.repeat(np.arange(40) % 5, 3)
    [clock] = bk.replenishment(customer, np.zeros(120, int), day, as_of=90)
    assert (clock.customers, clock.low, clock.usual, clock.high) == (40, 30.0, 30.0, 30.0)
    once = np.r_[customer, np.arange(100, 180)], np.zeros(200, int), np.r_[day, np.zeros(80, int)]
    [clock] = bk.replenishment(*once, as_of=400)
    assert abs(clock.again - 80 / 200) < 1e-9  # 80 of 200 gaps ended


def test_what_new_customers_buy_next():
    rng = np.random.default_rng(5)
    customers = np.arange(400)
    first = rng.integers(0, 5, 400)
    then = np.where((first == 0) & (rng.random(400) < 0.8), 7, rng.integers(0, 10, 400))
    lines = np.r_[customers, customers], np.r_[np.zeros(400, int), np.ones(400, int)], np.r_[first, then]
    steps = bk.next_steps(*lines, products=10)
    assert (steps[0].first, steps[0].then) == (0, 7)
    assert 0.6 < steps[0].share < 0.9


def test_the_prior_finds_the_lifts_that_were_drawn():
    rng = np.random.default_rng(9)
    by_chance = rng.uniform(2, 40, 3_000)
    both = rng.poisson(by_chance * rng.gamma(6.0, 1 / 4.0, 3_000))
    shape, rate = bk.lift_prior(both, by_chance)
    assert abs(shape / rate - 1.5) < 0.03
    assert abs(shape - 6.0) < 0.6
