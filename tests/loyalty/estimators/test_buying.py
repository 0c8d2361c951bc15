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
from loyalty.estimators.buying import BuyTillYouDie, _Cells

SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "cdnow_sample.csv.gz"


def fitted(history: History, **options) -> BuyTillYouDie:
    s = summarise(history)
    return BuyTillYouDie(**options).fit(s.repeats, s.recency, s.age)


@pytest.mark.parametrize("modified", [False, True])
def test_gradient_is_the_slope_of_the_log_likelihood(modified):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 6, 40).astype(float)
    T = rng.uniform(20, 50, 40)
    t_x = np.where(x > 0, rng.uniform(1, 19, 40), 0.0)
    cells = _Cells(x, t_x, T, np.ones(40), modified)
    at = np.log([0.4, 5.0, 0.8, 2.5])
    _, gradient = cells.log_likelihood(np.exp(at))
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-6
        up, down = (cells.log_likelihood(np.exp(at + sign * step))[0] for sign in (1, -1))
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
    value, _ = _Cells(np.array([x]), np.array([t_x]), np.array([T]), one, False).log_likelihood([r, alpha, a, b])
    assert value == pytest.approx(np.log(first + second), rel=1e-12)


def test_maximum_likelihood_finds_the_truth():
    history, _ = simulate.bgnbd(customers=20_000, days=700, r=0.6, alpha=6.0, a=0.8, b=2.6, seed=3)
    model = fitted(history, prior=False)
    assert model.r_ == pytest.approx(0.6, rel=0.1)
    assert model.alpha_ == pytest.approx(6.0, rel=0.12)
    assert model.a_ / (model.a_ + model.b_) == pytest.approx(0.8 / 3.4, rel=0.1)


def test_prior_keeps_tiny_shops_sane():
    """Maximum likelihood runs off to a border in such shops; the prior never does."""
    for seed in range(30):
        history, _ = simulate.bgnbd(customers=30, days=300, r=0.5, alpha=6.0, a=0.8, b=2.6, seed=seed)
        model = fitted(history)
        values = np.array([model.r_, model.alpha_, model.a_, model.b_])
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
    assert np.all(np.diff(fitted(history, modified=True).alive(once, zero, age)) < 0)


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLE.exists(), reason="the CDNOW sample is not here")
def test_cdnow_gives_the_published_parameters():
    """Fader, Hardie and Lee (2005), table 2: r 0.243, alpha 4.414, a 0.793, b 2.426, LL -9582.4."""
    epoch = dt.date(1970, 1, 1)
    with gzip.open(SAMPLE, "rt") as file:
        rows = [
            (
                int(row["customer_id"]),
                (dt.date.fromisoformat(row["date"]) - epoch).days,
                round(float(row["amount"]) * 100),
            )
            for row in csv.DictReader(file)
        ]
    customer, day, amount = np.array(rows).T
    cut = (dt.date(1997, 9, 30) - epoch).days
    history = History.of_orders(customer, day, amount).upto(cut)
    model = fitted(history, prior=False)
    found = [model.r_, model.alpha_, model.a_, model.b_]
    assert found == pytest.approx([0.2426, 4.4136, 0.7929, 2.4259], abs=1e-3)
    assert model.log_likelihood_ == pytest.approx(-9582.43, abs=0.005)
    six = model.expected_of_newcomer(np.array([1, 7, 39 * 7])) / 1.0
    assert np.round(six[0], 4) == 0.0078
