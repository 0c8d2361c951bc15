"""Groups that are really there are found; a single cloud is called what it is."""

import numpy as np
import pytest

from loyalty.estimators import clusters
from loyalty.estimators.base import History, NotEnoughData


def shop(seed: int = 0, customers: int = 300) -> History:
    """Draw three kinds of customers: weekly small buyers, quarterly big ones, and people who came once."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        kind = customer % 3
        gap, spend = ((7, 1_000), (90, 20_000), (10_000, 3_000))[kind]
        day = float(rng.uniform(0, 300))
        while day < 720:
            rows.append((customer, int(day), int(spend * rng.lognormal(0, 0.2))))
            day += gap * rng.lognormal(0, 0.1)
    customer, day, amount = np.array(rows).T
    return History.of_orders(customer, day, amount, as_of=720)


@pytest.fixture(scope="module")
def found():
    return clusters.Clusters(horizon=90, methods=("k-means", "mixture")).fit(shop())


def test_the_three_kinds_are_kept_apart(found):
    kind = np.arange(300) % 3
    for label in np.unique(found.labels_):
        of_kind = np.bincount(kind[found.labels_ == label], minlength=3)
        assert of_kind.max() / of_kind.sum() > 0.95
    assert found.is_natural_
    assert found.chosen_.stability > 0.9


def test_groups_are_ordered_by_what_is_expected_and_say_what_sets_them_apart(found):
    assert sum(group.size for group in found.groups_) == 300
    assert [group.number for group in found.groups_] == list(range(len(found.groups_)))
    last = found.groups_[-1]
    assert {"visits", "quiet", "spend_lately", "visits_lately"} & {name for name, _here, _all in last.marks}
    assert found.picture_.shape == (300, 2)


def test_one_cloud_is_not_called_natural_groups():
    rng = np.random.default_rng(2)
    alarms = sum(clusters.is_natural(rng.normal(size=(300, 4)) * [3, 2, 1, 1], seed=seed, draws=39) for seed in range(10))
    assert alarms <= 2
    two = np.r_[rng.normal(size=(150, 4)), rng.normal(size=(150, 4)) + 5]
    assert clusters.is_natural(two, draws=39)


def test_the_fewest_groups_win_among_equals_and_the_unstable_never():
    trials = [
        clusters.Trial("k-means", 8, 0.95, 0.2, 0.260, 0.01),
        clusters.Trial("outlook", 4, 0.97, 0.3, 0.255, 0.01),
        clusters.Trial("ward", 3, 0.50, 0.5, 0.300, 0.01),
        clusters.Trial("k-means", 3, 0.99, 0.5, 0.200, 0.01),
    ]
    assert clusters.choose(trials) == trials[1]
    assert clusters.choose([trials[2]]) == trials[2]


def test_group_means_that_say_nothing_explain_nothing():
    rng = np.random.default_rng(4)
    share, _error = clusters.explained(rng.integers(0, 5, 2_000), rng.normal(size=2_000))
    assert abs(share) < 0.01
    labels = np.repeat([0, 1], 1_000)
    share, _error = clusters.explained(labels, labels + rng.normal(size=2_000) * 0.1)
    assert share > 0.9


def test_few_customers_are_not_grouped():
    with pytest.raises(NotEnoughData):
        clusters.Clusters(horizon=90).fit(shop(customers=60))
