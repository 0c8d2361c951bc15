"""The buy-till-you-die models against published figures, known truth and brute force."""

import csv
import datetime as dt
import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.special import beta as beta_function

from loyalty.estimators import simulate
from loyalty.estimators.base import History, summarise
from loyalty.estimators.buying import BgNbd, BuyTillYouDie, MbgNbd, ParetoNbd, _Cells

SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "cdnow_sample.csv.gz"


MODELS = [BgNbd, MbgNbd, ParetoNbd]


def fitted(history: History, kind: type[BuyTillYouDie] = BgNbd, **options) -> BuyTillYouDie:
    s = summarise(history)
    return kind(**options).fit(s.repeats, s.recency, s.age)


@pytest.mark.parametrize("kind", MODELS)
def test_gradient_is_the_slope_of_the_log_likelihood(kind):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 6, 40).astype(float)
    T = rng.uniform(20, 50, 40)
    t_x = np.where(x > 0, rng.uniform(1, 19, 40), 0.0)
    cells, model = _Cells(x, t_x, T, np.ones(40)), kind()
    at = np.log([0.4, 5.0, 0.8, 2.5])
    _, gradient = model._log_likelihood(np.exp(at), cells)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-6
        up, down = (model._log_likelihood(np.exp(at + sign * step), cells)[0] for sign in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / 2e-6, rel=1e-5)


def test_likelihood_is_equation_6_written_out():
    r, alpha, a, b, x, t_x, T = 0.4, 5.0, 0.8, 2.5, 3.0, 12.0, 30.0
    from scipy.special import gamma

    first = (
        beta_function(a, b + x) / beta_function(a, b) * gamma(r + x) * alpha**r / (gamma(r) * (alpha + T) ** (r + x))
    )
    second = beta_function(a + 1, b + x - 1) / beta_function(a, b)
    second *= gamma(r + x) * alpha**r / (gamma(r) * (alpha + t_x) ** (r + x))
    one = np.array([1.0])
    cells = _Cells(np.array([x]), np.array([t_x]), np.array([T]), one)
    value, _ = BgNbd()._log_likelihood([r, alpha, a, b], cells)
    assert value == pytest.approx(np.log(first + second), rel=1e-12)


def test_maximum_likelihood_finds_the_truth():
    history, _ = simulate.bgnbd(customers=20_000, days=700, r=0.6, alpha=6.0, a=0.8, b=2.6, seed=3)
    model = fitted(history, prior=False)
    r, alpha, a, b = model.parameters_
    assert r == pytest.approx(0.6, rel=0.1)
    assert alpha == pytest.approx(6.0, rel=0.12)
    assert a / (a + b) == pytest.approx(0.8 / 3.4, rel=0.1)
    error = np.abs(np.log(model.parameters_ / [0.6, 6.0, 0.8, 2.6])) / np.sqrt(np.diag(model.covariance_))
    assert error.max() < 4  # the truth lies within the errors the model tells of itself


@pytest.mark.parametrize("kind", MODELS)
def test_prior_keeps_tiny_shops_sane(kind):
    """Maximum likelihood runs off to a border in such shops; the prior never does."""
    for seed in range(30):
        history, _ = simulate.bgnbd(customers=30, days=300, r=0.5, alpha=6.0, a=0.8, b=2.6, seed=seed)
        values = fitted(history, kind).parameters_
        assert values.min() > 0.01
        assert values.max() < 1000


def test_no_purchase_is_what_the_simulator_does():
    """Replay: of the customers of a BG/NBD shop, the share told is the share that stays away."""
    history, _ = simulate.bgnbd(customers=20_000, days=490, r=0.6, alpha=6.0, a=0.8, b=2.6, seed=4)
    past = history.upto(400)
    s = summarise(past)
    told = fitted(past).no_purchase(s.repeats, s.recency, s.age, 90)
    came = np.zeros(len(history.customer_ids), bool)
    came[history.order_customer[history.order_day > 400]] = True
    stayed_away = ~came[s.customer]
    assert told.mean() == pytest.approx(stayed_away.mean(), abs=0.01)
    risky = told > 0.9
    assert told[risky].mean() == pytest.approx(stayed_away[risky].mean(), abs=0.01)


def test_one_time_buyers_are_alive_but_their_risk_rises():
    history, _ = simulate.bgnbd(customers=500, days=300, r=0.5, alpha=6.0, a=0.8, b=2.6, seed=5)
    age = np.arange(10, 300, 10)
    once, zero = np.zeros(len(age)), np.zeros(len(age))
    model = fitted(history)
    assert model.alive(once, zero, age).tolist() == [1.0] * len(age)
    assert np.all(np.diff(model.no_purchase(once, zero, age, 90)) > 0)
    assert np.all(np.diff(fitted(history, MbgNbd).alive(once, zero, age)) < 0)


def test_no_purchase_and_expected_agree_for_all_models():
    """In a short window nearly everyone who comes comes once: 1 - P(no purchase) is the expected number, a little less."""
    history, _ = simulate.bgnbd(customers=800, days=400, r=0.6, alpha=6.0, a=0.8, b=2.6, seed=6)
    s = summarise(history)
    for kind in MODELS:
        model = fitted(history, kind)
        comes, number = (1 - model.no_purchase(s.repeats, s.recency, s.age, 1)), model.expected(
            s.repeats, s.recency, s.age, 1
        )  # fmt: skip
        assert np.all(comes <= number + 1e-12)
        assert comes.sum() == pytest.approx(number.sum(), rel=0.05)


def test_expected_orders_are_what_the_simulator_does():
    history, _ = simulate.bgnbd(customers=20_000, days=490, r=0.6, alpha=6.0, a=0.8, b=2.6, seed=4)
    past = history.upto(400)
    s = summarise(past)
    later = history.order_customer[history.order_day > 400]
    came = np.bincount(later, minlength=len(history.customer_ids))[s.customer]
    model = fitted(past)
    told = model.expected(s.repeats, s.recency, s.age, 90)
    assert told.sum() == pytest.approx(came.sum(), rel=0.03)
    many = s.repeats >= 4
    assert told[many].sum() == pytest.approx(came[many].sum(), rel=0.05)


# The CDNOW sample: 2,357 people, calibration to 1997-09-30. Frozen beside it: what lifetimes 0.11.3 gave on 2026-11-22
# for the first ten customers with our parameters: P(alive), and E[purchases in 39 weeks].
PUBLISHED = {BgNbd: [0.2426, 4.4136, 0.7929, 2.4259], MbgNbd: [0.5248, 6.1831, 0.8914, 1.6140],
             ParetoNbd: [0.5533, 10.578, 0.6062, 11.669]}  # fmt: skip
LOG_LIKELIHOOD = {BgNbd: -9582.4292, MbgNbd: -9582.1357, ParetoNbd: -9594.9762}

LIFETIMES = {
    BgNbd: (
        [0.72662031, 0.21239104, 1.00000000, 1.00000000, 1.00000000, 0.64183471, 0.31494095, 1.00000000, 0.78487298, 1.00000000],
        [1.22599446, 0.20341885, 0.19479363, 0.19479363, 0.19479363, 3.33757136, 0.30163666, 0.19479363, 1.32428162, 0.19479363],
    ),
    MbgNbd: (
        [0.70613848, 0.17095108, 0.38972298, 0.38972298, 0.38972298, 0.62267990, 0.25952271, 0.38972298, 0.77156937, 0.38972298],
        [1.26275885, 0.18894490, 0.15396602, 0.15396602, 0.15396602, 3.16716954, 0.28683933, 0.15396602, 1.37976626, 0.15396602],
    ),
    ParetoNbd: (
        [0.86913426, 0.16799606, 0.29511257, 0.29511257, 0.29511257, 0.74945291, 0.25517316, 0.29511257, 0.95854510, 0.29511257],
        [1.45520170, 0.17111434, 0.10707023, 0.10707023, 0.10707023, 3.71208700, 0.25990959, 0.10707023, 1.60490331, 0.10707023],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def cdnow() -> History:
    if not SAMPLE.exists():
        pytest.skip("the CDNOW sample is not here")
    epoch = dt.date(1970, 1, 1)
    with gzip.open(SAMPLE, "rt") as file:
        rows = [
            (int(row["customer_id"]), (dt.date.fromisoformat(row["date"]) - epoch).days, round(float(row["amount"]) * 100))
            for row in csv.DictReader(file)
        ]  # fmt: skip
    customer, day, amount = np.array(rows).T
    return History.of_orders(customer, day, amount).upto((dt.date(1997, 9, 30) - epoch).days)


@pytest.mark.samples
@pytest.mark.parametrize("kind", MODELS)
def test_cdnow_gives_the_published_parameters(cdnow, kind):
    """BG/NBD: Fader, Hardie and Lee (2005), table 2: 0.243, 4.414, 0.793, 2.426, LL -9582.4."""
    model = fitted(cdnow, kind, prior=False)
    assert model.parameters_ == pytest.approx(PUBLISHED[kind], abs=1e-3)
    assert model.log_likelihood_ == pytest.approx(LOG_LIKELIHOOD[kind], abs=1e-4)


@pytest.mark.samples
def test_cdnow_newcomers_are_those_of_the_paper(cdnow):
    """Hardie's sheet: E[X(t)] after a day, a week and three weeks."""
    new = np.zeros(3)
    told = fitted(cdnow, prior=False).expected(new, new, new, np.array([1, 7, 21]))
    assert np.round(told, 4).tolist() == [0.0078, 0.0532, 0.1506]


@pytest.mark.samples
@pytest.mark.parametrize("kind", MODELS)
def test_cdnow_people_are_those_of_lifetimes(cdnow, kind):
    model, s = fitted(cdnow, kind, prior=False), summarise(cdnow)
    ten = slice(0, 10)
    alive = model.alive(s.repeats[ten], s.recency[ten], s.age[ten])
    expected = model.expected(s.repeats[ten], s.recency[ten], s.age[ten], 39 * 7)
    assert alive == pytest.approx(LIFETIMES[kind][0], abs=1e-6)
    assert expected == pytest.approx(LIFETIMES[kind][1], abs=1e-6)
