"""Shares: what they must be, and what they lose against always sending the best version."""

import numpy as np
import pytest
from scipy.stats import beta

from loyalty.estimators import bandit

VISIT, CONVERSION = [0.1062, 0.1514, 0.1828], [0.00573, 0.00884, 0.01253]


@pytest.mark.parametrize("policy", [bandit.Thompson(), bandit.InformationDirected(0.05), bandit.ForMailings(0.05)])
def test_shares_sum_to_one_and_repeat(policy):
    events, people = np.array([[3, 9, 4], [0, 0, 0]]), np.array([[100, 120, 90], [0, 0, 0]])
    shares = policy.shares(events, people)
    assert shares.shape == (2, 3)
    assert shares.sum(axis=-1).tolist() == pytest.approx([1, 1])
    assert (shares >= 0).all()
    assert (policy.shares(events, people) == shares).all()
    assert policy.shares(events[0], people[0]).tolist() == pytest.approx(shares[0].tolist()), "shops do not mix"


def test_chance_to_be_best_is_the_integral():
    rng = np.random.default_rng(1)
    draws = rng.beta([4, 9, 6], [98, 112, 86], (200_000, 3))
    wanted = np.bincount(draws.argmax(axis=1), minlength=3) / 200_000
    assert bandit.Thompson().shares([3, 8, 5], [100, 119, 90]).tolist() == pytest.approx(wanted.tolist(), abs=0.005)


def test_mix_is_the_best_of_all_mixes():
    rng = np.random.default_rng(0)
    for _case in range(20):
        regret, learned = rng.random(3), rng.random(3) ** 2
        found = bandit._least_ratio(regret, learned)
        others = rng.dirichlet([0.4] * 3, 5_000)
        best = ((others @ regret) ** 2 / (others @ learned)).min()
        assert (found @ regret) ** 2 / (found @ learned) <= best + 1e-9
        assert np.count_nonzero(found) <= 2


def test_information_is_what_the_grid_says():
    # E[rate of 2 | 1 is best] by the grid against draws, seen through the shares two equal shops would get
    rates, mass, joint = bandit._beliefs(np.array([5.0, 8.0]), np.array([60.0, 70.0]))
    assert (mass * rates).sum(axis=-1).tolist() == pytest.approx([5 / 65, 8 / 78], abs=1e-4)
    draws = beta.rvs([5, 8], [60, 70], size=(200_000, 2), random_state=3)
    assert joint.sum(axis=-1)[0] / joint.sum() == pytest.approx((draws[:, 0] > draws[:, 1]).mean(), abs=0.005)


@pytest.mark.parametrize(("rates", "most"), [(VISIT, 60), (CONVERSION, 16), ([0.05, 0.05, 0.08], 70)])
def test_loses_far_less_than_an_even_split(rates, most):
    lost = bandit.simulate(bandit.InformationDirected(rates[0]), rates, runs=100, batch=0.05, seed=1).mean()
    even = bandit.simulate(bandit.Even(), rates, runs=100, batch=0.05, seed=1).mean()
    assert lost < most
    assert lost < even / 2


def test_even_split_loses_what_it_must():
    lost = bandit.simulate(bandit.Even(), VISIT, sends=1_000, runs=200, seed=2).mean()
    assert lost == pytest.approx(1_000 * (0.1828 - np.mean(VISIT)), rel=0.02)


def test_late_answers_in_big_mailings_still_beat_an_even_split():
    rates = [0.03, 0.05]
    kind = {"sends": 6_000, "runs": 200, "batch": 0.0, "first": 500, "late": 1, "seed": 3}
    lost = bandit.simulate(bandit.ForMailings(0.03), rates, **kind).mean()
    assert lost < 0.6 * bandit.simulate(bandit.Even(), rates, **kind).mean()


def test_floor_keeps_every_version_going():
    shares = bandit.with_floor(np.array([0.98, 0.02, 0.0]), 0.05)
    assert shares.sum() == pytest.approx(1)
    assert shares.tolist() == pytest.approx([0.05 + 0.85 * 0.98, 0.05 + 0.85 * 0.02, 0.05])


def test_open_windows_count_for_their_part():
    seen = bandit.seen(np.array([[300, 100], [80, 40]]), np.array([[1.0], [0.25]]))
    assert seen.tolist() == [[300, 100], [20, 10]]
