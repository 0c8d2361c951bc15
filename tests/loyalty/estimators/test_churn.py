"""Who will not come back: known truth, no look ahead, honest choice."""

import numpy as np
import pytest
from scipy.special import expit

from loyalty.estimators import churn, evaluate, simulate
from loyalty.estimators.base import NEVER, History, NotEnoughData, summarise


@pytest.fixture(scope="module")
def shop() -> History:
    return simulate.bgnbd(customers=2_500, days=620, r=0.7, alpha=6.0, a=0.8, b=2.6, joined_within=300, seed=1)[0]


@pytest.fixture(scope="module")
def tests(shop) -> churn.Tests:
    return churn.back_test(shop.upto(530), 90)


def rows_after(history: History, cut: int, horizon: int) -> churn.Rows:
    return churn.rows_at(history.upto(cut), horizon, label_from=history)


def test_in_a_shop_that_keeps_the_models_rules_a_buying_model_speaks(shop, tests):
    assert tests.champion in ("mbgnbd", "bgnbd", "calibrated")
    rows = rows_after(shop, 530, 90)
    found = evaluate.measures(rows.label, churn.score(shop.upto(530), tests).risk)
    best = evaluate.measures(rows.label, expit(rows.plain_odds))
    assert found["auc"] > best["auc"] - 0.005
    assert found["ece"] < 0.03
    assert (
        found["log_loss"] < evaluate.measures(rows.label, np.full(len(rows.label), rows.label.mean()))["log_loss"] - 0.1
    )


def test_in_a_shop_that_runs_by_a_clock_learned_habits_beat_the_buying_model():
    history, _ = simulate.clockwork(customers=2_500, days=700, gap=25, regularity=14, stay=260, seed=2)
    tests = churn.back_test(history.upto(640), 60)
    assert tests.champion in ("stacked", "logistic_wide", "boosting")
    rows = rows_after(history, 640, 60)
    found = evaluate.measures(rows.label, churn.score(history.upto(640), tests).risk)
    model = evaluate.measures(rows.label, expit(rows.odds))
    assert found["auc"] > model["auc"]
    assert found["log_loss"] < 0.95 * model["log_loss"]


def test_the_future_does_not_leak(shop):
    """Changing everything after the cut changes nothing before it."""
    cut = 400
    other = History.of_orders(
        np.r_[shop.order_customer[shop.order_day <= cut], np.arange(2_500)],
        np.r_[shop.order_day[shop.order_day <= cut], np.full(2_500, cut + 1)],
        np.r_[shop.order_amount[shop.order_day <= cut], np.full(2_500, 10**9)],
        as_of=620,
    )
    known, changed = churn.rows_at(shop.upto(cut), 90), churn.rows_at(other.upto(cut), 90)
    assert known.features.tolist() == changed.features.tolist()
    assert known.odds.tolist() == changed.odds.tolist()
    assert churn.back_test(shop.upto(cut), 90).champion == churn.back_test(other.upto(cut), 90).champion


def test_orders_cancelled_after_the_cut_still_stand_before_it(shop):
    void = np.full(len(shop.order_day), NEVER, np.int32)
    late = np.flatnonzero(shop.order_day <= 400)[::7]
    void[late] = 450
    fields = {
        name: getattr(shop, name) for name in ("as_of", "customer_ids", "order_customer", "order_day", "order_amount")
    }
    history = History(**fields, order_void_day=void)
    assert churn.rows_at(history.upto(400), 90).features.tolist() == churn.rows_at(shop.upto(400), 90).features.tolist()
    assert len(summarise(history.upto(460)).customer) < len(summarise(shop.upto(460)).customer)


def test_risk_of_one_time_buyers_never_falls_with_time(shop, tests):
    scores = churn.score(shop.upto(530), tests)
    once = scores.summary.visits == 1
    order = np.argsort(scores.summary.age[once], kind="stable")
    assert np.all(np.diff(scores.risk[once][order]) >= 0)
    for name in churn.able(tests):
        rows = rows_after(shop, 530, 90)
        shown = churn.rising_for_one_timers(churn.fit_final(tests, name).predict(rows), rows.summary)
        assert np.all(np.diff(shown[once][order]) >= 0), name


def test_the_same_customer_gets_riskier_while_silent(shop, tests):
    """A one-time buyer seen again a month later, nothing else having happened to them."""
    early, late = churn.score(shop.upto(500), tests), churn.score(shop.upto(530), tests)
    first = {int(c): r for c, r, n in zip(early.summary.customer, early.risk, early.summary.visits) if n == 1}
    second = {int(c): r for c, r, n in zip(late.summary.customer, late.risk, late.summary.visits) if n == 1}
    both = sorted(set(first) & set(second))
    assert len(both) > 200
    assert np.mean([second[c] - first[c] for c in both]) > 0


def test_season_is_told_from_last_year():
    """Nobody leaves here; the year breathes by a factor of e between trough and peak on each side."""
    history, _ = simulate.seasonal(customers=3_000, days=1_000, gap=60, peak=0.7, peak_day=345, seed=3)
    peak = 345 + 365
    before_peak, before_trough = history.upto(peak - 30), history.upto(peak + 182 - 30)
    log_peak, log_trough = (
        churn.season(past, churn.rows_at(past, 60).model, 60) for past in (before_peak, before_trough)
    )  # fmt: skip
    assert log_peak == pytest.approx(0.6, abs=0.25)
    assert log_trough == pytest.approx(-0.6, abs=0.25)


def test_without_season_the_warp_is_one():
    history, _ = simulate.bgnbd(customers=4_000, days=800, r=0.7, alpha=6.0, a=0.3, b=2.6, joined_within=600, seed=8)
    assert abs(churn.season(history, churn.rows_at(history, 60).model, 60)) < 0.1


def test_season_before_thirteen_months_is_none(shop):
    past = shop.upto(390)
    assert churn.season(past, churn.rows_at(past, 90).model, 90) == 0.0


def test_horizon_comes_from_the_shops_own_gaps():
    weekly, _ = simulate.clockwork(customers=300, days=400, gap=7, stay=400, seed=4)
    quarterly, _ = simulate.clockwork(customers=300, days=900, gap=90, stay=800, seed=4)
    assert churn.suggest_horizon(weekly) == 30
    assert churn.suggest_horizon(quarterly) == 120


def test_too_few_customers_or_days_are_named():
    few, _ = simulate.clockwork(customers=29, days=400, gap=20, seed=5)
    with pytest.raises(NotEnoughData, match="There are 29 customers with an order; at least 30 are needed"):
        churn.back_test(few, 60)
    short, _ = simulate.clockwork(customers=200, days=50, gap=10, seed=5)
    with pytest.raises(NotEnoughData, match="The orders cover 50 days; at least 60 are needed"):
        churn.suggest_horizon(short)


@pytest.mark.parametrize("seed", range(5))
def test_thirty_customers_get_a_risk_from_a_model_that_needs_no_labels(seed):
    history, _ = simulate.bgnbd(customers=40, days=400, r=0.7, alpha=6.0, a=0.8, b=2.6, seed=seed)
    tests = churn.back_test(history, 60)
    assert set(tests.candidates) <= {"base_rate", "mbgnbd", "bgnbd", "recency", "calibrated"}
    risk = churn.score(history, tests).risk
    assert np.all((risk > 0) & (risk < 1))


def test_a_ridge_regression_finds_the_coefficients():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(20_000), rng.normal(size=(20_000, 2))])
    offset = rng.normal(size=20_000)
    label = rng.random(20_000) < expit(X @ [-0.5, 1.0, -0.7] + offset)
    found = churn.ridge_logistic(X, label.astype(float), offset, np.full(3, 1e-6), np.ones(20_000))
    assert found == pytest.approx([-0.5, 1.0, -0.7], abs=0.07)


def test_worth_of_an_order_shrinks_towards_the_shop():
    rng = np.random.default_rng(1)
    customer = np.repeat(np.arange(400), 1 + np.arange(400) % 8)
    own = 2_000 + 500 * rng.normal(size=400)
    amount = np.rint(own[customer] + 1_000 * rng.normal(size=len(customer)))
    day = np.arange(len(customer)) % 300
    history = History.of_orders(customer, day, amount, as_of=300)
    s = summarise(history)
    found = churn.order_worth(history, s)
    plain = np.array([amount[customer == who].mean() for who in range(400)])
    assert np.mean((found - own) ** 2) < 0.8 * np.mean((plain - own) ** 2)


def test_reasons_are_codes_with_numbers_that_fit_the_person(shop, tests):
    scores = churn.score(shop.upto(530), tests)
    usual = np.full(len(scores.risk), 20.4)
    told = churn.reasons(scores, usual)
    s = scores.summary
    assert len(told) == len(scores.risk)
    for i, reasons in enumerate(told):
        assert len(reasons) <= 3
        for reason in reasons:
            if reason["code"] == "quiet_for":
                assert reason == {"code": "quiet_for", "days": int(s.quiet[i]), "usual": 20}
            if reason["code"] == "only_one_order":
                assert s.visits[i] == 1
            if reason["code"] == "fewer_lately":
                assert reason["lately"] < reason["before"]
    riskiest = int(np.argmax(np.where(s.visits > 4, scores.risk, 0)))
    assert told[riskiest][0]["code"] == "quiet_for"


def test_money_at_stake_is_risk_times_what_the_person_would_bring(shop, tests):
    scores = churn.score(shop.upto(530), tests)
    assert scores.at_stake_minor == pytest.approx(scores.risk * np.maximum(scores.expected_minor, 0))
    often = scores.summary.visits >= 5
    assert np.median(scores.expected_minor[often]) > 3 * np.median(scores.expected_minor[scores.summary.visits == 1])
