"""Grades and groups."""

import numpy as np

from loyalty.estimators import rfm
from loyalty.estimators.base import History, summarise


def test_grades_are_fifths_and_equal_values_are_equal():
    assert np.bincount(rfm.grade(np.arange(1000), ties_half=True)).tolist() == [0, 200, 200, 200, 200, 200]
    tied = rfm.grade(np.repeat([1, 2, 3], [800, 120, 80]), ties_half=False)
    assert [np.unique(tied[part]).tolist() for part in (slice(0, 800), slice(800, 920), slice(920, 1000))] == [
        [1],
        [5],
        [5],
    ]


def test_below_a_hundred_customers_thirds_are_told_as_1_3_5():
    assert np.bincount(rfm.grade(np.arange(60), ties_half=True)).tolist() == [0, 20, 0, 20, 0, 20]


def test_everyone_alike_is_in_the_middle():
    assert np.unique(rfm.grade(np.full(200, 7.0), ties_half=True)).tolist() == [3]


def test_order_of_the_customers_does_not_matter():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 20, 500)
    shuffled = rng.permutation(500)
    assert rfm.grade(values[shuffled], ties_half=True).tolist() == rfm.grade(values, ties_half=True)[shuffled].tolist()


def test_rules_name_the_groups():
    """200 customers; the six of interest stand at the ends of every scale."""
    rng = np.random.default_rng(0)
    people = [(who, day, 1000) for who in range(10, 200) for day in rng.integers(100, 240, rng.integers(1, 4))]
    people += [(0, day, 9000) for day in range(40, 300, 12)]  # often, lately, much
    people += [(1, day, 20) for day in range(40, 290, 12)]  # often, lately, little
    people += [(2, 295, 1000)]  # once, a short while ago
    people += [(3, day, 2000) for day in range(0, 80, 8)]  # often, long ago
    people += [(4, 20, 1000)]  # once, long ago
    people += [(5, 200, 1000), (5, 280, 1000)]  # twice, lately
    customer, day, amount = np.array(people).T
    history = History.of_orders(customer, day, amount, as_of=300)
    s = summarise(history)
    groups = [rfm.GROUPS[place] for place in rfm.grades(s, 60).group]
    assert dict(zip(range(6), groups)) == {
        0: "champions", 1: "loyal", 2: "new", 3: "at_risk", 4: "sleeping", 5: "promising",
    }  # fmt: skip
