"""The worth of an order: the published figures, known truth, and few orders that do not shout."""

import numpy as np
import pytest

from loyalty.estimators.base import NotEnoughData, summarise
from loyalty.estimators.spend import GammaGamma
from tests.loyalty.estimators.test_buying import cdnow  # noqa: F401 - a fixture


def drawn(customers: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orders, mean worth and true mean worth of people drawn as the model says: p 6, q 4, v 15."""
    rng = np.random.default_rng(seed)
    nu = rng.gamma(4.0, 1 / 15.0, customers)
    x = rng.integers(1, 9, customers)
    return x, rng.gamma(6.0 * x, 1 / (nu * x)), 6.0 / nu


def test_maximum_likelihood_finds_the_truth():
    x, z, _ = drawn(20_000)
    model = GammaGamma(prior=False).fit(x, z)
    assert [model.p_, model.q_, model.v_] == pytest.approx([6.0, 4.0, 15.0], rel=0.08)


def test_told_worth_is_nearer_the_truth_than_the_mean_of_few_orders():
    x, z, truth = drawn(4_000, seed=1)
    told = GammaGamma().fit(x, z).mean(x, z)
    few = x <= 2
    assert np.mean((told - truth)[few] ** 2) < 0.8 * np.mean((z - truth)[few] ** 2)
    assert told.mean() == pytest.approx(truth.mean(), rel=0.03)


def test_the_currency_does_not_matter():
    x, z, _ = drawn(500)
    assert GammaGamma().fit(x, 100 * z).mean(x, 100 * z) == pytest.approx(100 * GammaGamma().fit(x, z).mean(x, z))


def test_nobody_yet_is_the_shops_mean_and_three_people_are_enough():
    model = GammaGamma().fit(np.array([1, 2, 1]), np.array([10.0, 12.0, 11.0]))
    assert model.mean(np.array([0]), np.array([0.0]))[0] == pytest.approx(11, rel=0.25)
    with pytest.raises(NotEnoughData):
        GammaGamma().fit(np.array([0]), np.array([0.0]))


@pytest.mark.samples
def test_cdnow_gives_the_published_parameters(cdnow):  # noqa: F811
    """Fader and Hardie (2013): p 6.25, q 3.74, v 15.44; conditional means of the first ten customers on Hardie's sheet."""
    s, visits = summarise(cdnow), cdnow.visits
    owner = np.repeat(np.arange(len(s.visits)), s.visits)
    later = np.ones(len(owner), bool)
    later[visits.starts] = False
    total = np.bincount(owner[later], visits.amount[later], len(s.visits)) / 100
    x, z = s.repeats, total / np.maximum(s.repeats, 1)
    model = GammaGamma(prior=False).fit(x[x > 0], z[x > 0])
    assert [model.p_, model.q_, model.v_] == pytest.approx([6.250, 3.744, 15.444], abs=1e-3)
    assert model.log_likelihood_ == pytest.approx(-4055.918, abs=1e-3)
    sheet = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert np.round(model.mean(x[:10], z[:10]), 2).tolist() == sheet
