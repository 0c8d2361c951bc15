"""Groups that are really there are found; a single cloud is called what it is."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from loyalty.estimators import clusters, simulate
from loyalty.estimators.base import History, NotEnoughData, summarise


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


def alike(seed: int, customers: int) -> History:
    """Draw customers who do not differ: orders at random moments, amounts around the same."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), rng.poisson(8, customers) + 1)
    amount = np.rint(2_500 * rng.lognormal(0, 0.4, len(customer)))
    return History.of_orders(customer, rng.integers(0, 720, len(customer)), amount, as_of=720)


ONE_POPULATION = {
    "all alike": alike,
    "rates and leaving by degree": lambda seed, customers: simulate.bgnbd(
        customers=customers, days=720, r=0.6, alpha=5.5, a=0.7, b=3.0, joined_within=500, seed=seed
    )[0],
    "books that begin late": lambda seed, customers: simulate.trading(customers=customers, days=720, seed=seed)[0],
    "season": lambda seed, customers: simulate.seasonal(customers=customers, days=720, seed=seed)[0],
    "clocks": lambda seed, customers: simulate.clockwork(customers=customers, days=720, stay=1e6, seed=seed)[0],
}


def alarms(draw, *, customers: int, draws: int) -> int:
    found = 0
    for seed in range(draws):
        found += clusters.is_natural(clusters.smooth_features(summarise(draw(seed, customers)), seed=seed), seed=seed)
    return found


@pytest.mark.parametrize("kind", ONE_POPULATION)
def test_one_lopsided_population_is_not_called_natural_groups(kind):
    assert alarms(ONE_POPULATION[kind], customers=200, draws=8) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("customers", [300, 3_000])
@pytest.mark.parametrize("kind", ONE_POPULATION)
def test_false_alarms_stay_near_the_level(kind, customers):
    assert alarms(ONE_POPULATION[kind], customers=customers, draws=100) <= 11  # chance of more at 5 %: 1 in 200


def test_one_cloud_is_one_hill_and_two_are_two():
    rng = np.random.default_rng(2)
    clouds = [rng.normal(size=(300, 4)) * [3, 2, 1, 1] for _draw in range(10)]
    assert sum(clusters.is_natural(cloud, seed=seed) for seed, cloud in enumerate(clouds)) <= 2
    assert not clusters.is_natural(np.zeros((200, 4)))
    assert clusters.is_natural(np.r_[rng.normal(size=(150, 4)), rng.normal(size=(150, 4)) + 2])


def trial(method: str, groups: int, stability: float, foresight: float, noise: float = 0.0) -> clusters.Trial:
    """Make up a trial whose customers differ from the plain share by `noise`, so that pairs differ by chance."""
    losses = np.full(100, (1 - foresight) / 100) + np.tile([1, -1], 50) * noise / 100
    return clusters.Trial(method, groups, stability, 0.3, foresight, losses)


def test_a_handful_of_the_first_method_stands_where_nothing_is_clearly_better():
    coarse, handful, fine = (trial("outlook", *of) for of in ((3, 0.99, 0.225), (4, 0.96, 0.249), (8, 0.94, 0.262)))
    other, shaky = trial("k-means", 4, 0.99, 0.255), trial("outlook", 5, 0.5, 0.4)
    assert clusters.choose([coarse, handful, fine, other, shaky]) == handful
    assert clusters.choose([shaky]) == shaky


def test_fewer_groups_do_where_they_surely_tell_as_much():
    three, four = trial("outlook", 3, 0.99, 0.698), trial("outlook", 4, 0.97, 0.700)
    assert clusters.choose([four, three]) == three
    unsure = trial("outlook", 3, 0.99, 0.698, noise=0.3)  # a paired error of 0.03
    assert clusters.choose([four, unsure]) == four


def test_more_groups_or_another_method_must_tell_much_more():
    four, eight, ward = trial("outlook", 4, 0.97, 0.20), trial("outlook", 8, 0.9, 0.23), trial("ward", 5, 0.9, 0.40)
    assert clusters.choose([four, eight]) == eight
    assert clusters.choose([four, trial("outlook", 8, 0.9, 0.23, noise=0.3)]) == four
    assert clusters.choose([four, eight, ward]) == ward


@pytest.mark.parametrize("groups", [3, 4, 6])
def test_slices_of_a_line_leave_hardly_more_spread_than_the_best_there_are(groups):
    value = np.random.default_rng(3).normal(size=4_000)
    labels = np.searchsorted(clusters.slices(value, groups), value)
    assert len(np.unique(labels)) == groups
    left = sum(((value[labels == one] - value[labels == one].mean()) ** 2).sum() for one in range(groups))
    assert left < 1.02 * KMeans(groups, n_init=3, random_state=0).fit(value[:, None]).inertia_


def test_slices_of_one_value_are_one_slice():
    value = np.full(200, 7.0)
    assert len(np.unique(np.searchsorted(clusters.slices(value, 4), value))) == 1


@pytest.mark.parametrize("draw", [simulate.trading, simulate.clockwork])
def test_the_choice_stands_when_a_fifth_of_the_customers_were_never_there(draw):
    history, _truth = draw(customers=1_200, days=700, seed=4)
    methods = ("outlook", "k-means")
    whole = clusters.Clusters(horizon=90, methods=methods).fit(history)
    agreement = []
    for seed in range(3):
        kept = np.random.default_rng(seed).random(len(history.customer_ids)) < 0.8
        part = clusters.Clusters(horizon=90, methods=methods).fit(history.of_customers(kept))
        assert (part.chosen_.method, part.chosen_.groups) == (whole.chosen_.method, whole.chosen_.groups)
        agreement.append(adjusted_rand_score(whole.labels_[kept[whole.customer_]], part.labels_))
    assert np.mean(agreement) > 0.85


def test_customers_who_do_not_differ_are_told_apart_by_nothing():
    found = clusters.Clusters(horizon=90, methods=("outlook", "k-means")).fit(alike(6, 400))
    assert not found.is_natural_
    assert abs(found.chosen_.foresight) < 0.03
    assert sum(group.size for group in found.groups_) == len(found.labels_)


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
