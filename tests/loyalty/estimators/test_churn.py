"""Who will not come back: known truth, no look ahead, honest choice."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from loyalty.estimators import churn, evaluate, simulate
from loyalty.estimators.base import NEVER, History, NotEnoughData, summarise
from loyalty.estimators.churn.calibration import Calibration
from loyalty.estimators.churn.candidates import blend
from loyalty.estimators.churn.candidates.base import ridge_logistic
from loyalty.estimators.churn.candidates.calibrated import Calibrated, foretold
from loyalty.estimators.churn.contest import Entry
from loyalty.estimators.churn.season import usual
from loyalty.estimators.churn.taste import Taste
from tests.loyalty.estimators.habits import new_habit


@pytest.fixture(scope="module")
def shop() -> History:
    return simulate.bgnbd(customers=2_500, days=620, r=0.7, alpha=6.0, a=0.8, b=2.6, joined_within=300, seed=1)[0]


@pytest.fixture(scope="module")
def tests(shop) -> churn.Tests:
    return churn.back_test(shop.upto(530), 90)


def rows_after(history: History, cut: int, horizon: int) -> churn.Rows:
    return churn.rows_at(history.upto(cut), horizon, label_from=history)


def told_by(name: str, tests: churn.Tests, rows: churn.Rows) -> np.ndarray:
    return churn.forecaster(tests, name, churn.entry_for(tests, rows)).predict(rows)


def test_in_a_shop_that_keeps_the_models_rules_a_buying_model_or_the_mean_speaks(shop, tests):
    assert tests.champion in ("blend", "mbgnbd", "bgnbd", "paretonbd", "rhythm", "calibrated")
    rows = rows_after(shop, 530, 90)
    found = evaluate.measures(rows.label, churn.score(shop.upto(530), tests).risk)
    best = evaluate.measures(rows.label, rows.plain)
    assert found["auc"] > best["auc"] - 0.005
    assert found["ece"] < 0.03
    assert (
        found["log_loss"] < evaluate.measures(rows.label, np.full(len(rows.label), rows.label.mean()))["log_loss"] - 0.1
    )


def test_in_a_shop_that_runs_by_a_clock_learned_habits_beat_the_buying_model():
    history, _ = simulate.clockwork(customers=2_500, days=700, gap=25, regularity=14, stay=260, seed=2)
    tests = churn.back_test(history.upto(640), 60)
    assert tests.champion in ("rhythm", "stacked", "logistic_wide", "blend", "forest")
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


def test_risk_of_one_time_buyers_never_falls_with_time():
    """One-time buyers of the same first order: the longer ago, the riskier, under every method."""
    history, _ = simulate.bgnbd(customers=1_500, days=620, r=0.7, alpha=6.0, a=0.8, b=2.6, joined_within=300, seed=1)
    same = History.of_orders(history.order_customer, history.order_day, np.full(len(history.order_day), 2_000), as_of=620)
    tests = churn.back_test(same.upto(530), 90)
    rows = rows_after(same, 530, 90)
    once = (rows.summary.visits == 1) & (rows.summary.spend == 2_000)
    order = np.argsort(rows.summary.age[once], kind="stable")
    for name in churn.able(tests):
        assert np.all(np.diff(told_by(name, tests, rows)[once][order]) >= 0), name


def test_a_first_order_of_another_size_may_tell_of_another_risk():
    """Big first orders come back here, small ones do not; people of the same day are told apart."""
    rng = np.random.default_rng(3)
    first = rng.integers(0, 400, 2_000)
    big = rng.random(2_000) < 0.5
    again = first + rng.integers(20, 60, 2_000)
    comes = big & (rng.random(2_000) < 0.8)
    who = np.r_[np.arange(2_000), np.flatnonzero(comes)]
    history = History.of_orders(who, np.r_[first, again[comes]], np.where(big, 9_000, 1_000)[who], as_of=470)
    tests = churn.back_test(history.upto(400), 60)
    rows = rows_after(history, 400, 60)
    fresh = (rows.summary.visits == 1) & (rows.summary.age < 15)
    risk = told_by("stacked", tests, rows)
    large = rows.summary.spend[fresh] > 5_000
    assert risk[fresh][large].mean() < risk[fresh][~large].mean() - 0.3


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


def test_season_before_thirteen_months_is_that_of_shops_at_large(shop):
    """Day 273 is the first of October 1970: the busy quarter, seen from three quiet ones."""
    past = shop.upto(272)
    model = churn.rows_at(past, 90).model
    assert churn.season(past, model, 92) == pytest.approx(np.log(1.217 / 0.928))
    assert churn.season(past, model, 31) == pytest.approx(np.log((0.928 + (1.217 - 0.928) * 31 / 92) / 0.928))


def test_a_newcomer_has_not_seen_last_christmas():
    """People who joined after December have seen quiet months only, so the autumn is the busier for them."""
    early, late = (
        History.of_orders(np.arange(400), np.sort(np.random.default_rng(0).integers(*days, 400)), np.full(400, 1_000), as_of=600)
        for days in ((335, 360), (366, 580))
    )  # fmt: skip
    first = History.of_orders(np.r_[early.order_customer, 400], np.r_[early.order_day, 335], np.full(401, 1_000), as_of=600)
    mixed = History.of_orders(np.r_[late.order_customer, 400], np.r_[late.order_day, 335], np.full(401, 1_000), as_of=600)
    assert usual(mixed, 601, 630) > usual(first, 601, 630) + 0.02


def test_the_level_of_past_windows_carries_over_by_how_much_they_can_tell():
    many, few = np.full(6, 500.0), np.full(6, 5.0)
    told = foretold(np.full(6, 0.4), many, np.full(6, 0.2))
    assert 0.2 < told < 0.4
    assert foretold(np.full(6, 0.4), few, np.full(6, 0.2)) < 0.75 * told
    young = foretold(np.array([0.9, 0.1]), np.full(2, 500.0), np.array([2.0, 0.2]))
    old = foretold(np.array([0.1, 0.9]), np.full(2, 500.0), np.array([2.0, 0.2]))
    assert young < 0.12 < old
    assert foretold(np.zeros(0), np.zeros(0), np.zeros(0)) == 0.0


def test_a_model_that_promises_too_much_is_corrected():
    """People leave at any moment here, the MBG/NBD thinks only after an order: it expects too many back."""
    shares = []
    for seed in range(3):
        history, _ = simulate.trading(customers=1_500, days=700, gap=30, stay=200, seed=seed)
        past = churn.replay(history.upto(610), 90, most=churn.MOST_CUSTOMERS)
        rows = rows_after(history, 610, 90)
        told = Calibrated().fit([past.windows[day] for day in sorted(past.windows, reverse=True)], rows).predict(rows)
        shares.append((rows.label.mean(), expit(rows.odds).mean(), told.mean()))
    came, plain, corrected = np.array(shares).T
    assert np.abs(corrected - came).mean() < 0.6 * np.abs(plain - came).mean()


def test_together_candidates_err_less_and_one_that_is_no_use_is_left_out():
    """Three see the truth blurred, each in its own way; a fourth sees nothing."""
    rng = np.random.default_rng(4)
    windows = []
    for day in (100, 200):
        truth = rng.normal(-0.5, 1.2, 4_000)
        told = {name: expit(truth + rng.normal(0, 0.8, 4_000)) for name in "abc"} | {"blind": rng.random(4_000)}
        windows.append(evaluate.Tested(day, np.arange(4_000), rng.random(4_000) < expit(truth), told))
    weights = blend.weigh(windows, ["a", "b", "c", "blind"])
    assert set(weights) == set("abc")
    assert sum(weights.values()) == pytest.approx(1)
    assert list(weights.values()) == pytest.approx([1 / 3] * 3, abs=0.2)
    for window in windows:
        window.chances["blend"] = blend.mean([window.chances[one] for one in weights], list(weights.values()))
    best = min(evaluate.loss_at_level(windows, one) for one in "abc")
    assert evaluate.loss_at_level(windows, "blend") < best - 0.02


def test_a_window_is_told_by_a_blend_weighed_on_the_others(shop, tests):
    """Whatever came in a window changes nothing in what the blend tells of it."""
    window, others = tests.tested[0], tests.tested[1:]
    members = [one for one in churn.METHODS["blend"].members if one in tests.candidates]
    weights = blend.weigh(others, members)
    told = blend.mean([window.chances[one] for one in weights], list(weights.values()))
    assert window.chances["blend"].tolist() == evaluate.at_level(window.chances["calibrated"].mean(), told).tolist()


def test_windows_that_have_not_ended_are_told_by_what_came_until_the_day(shop):
    past = churn.replay(shop.upto(400), 90, most=churn.MOST_CUSTOMERS)
    for day in (400, 310):  # today, and a day of the tests: nothing later than the day itself is looked at
        rows = past.running(day)
        assert [one.cut for one in rows] == [day - 30, day - 60]
        for one in rows:
            assert one.days == pytest.approx((day - one.cut) * churn.rows_at(shop.upto(one.cut), 90).warp)
            later = (shop.order_day > one.cut) & (shop.order_day <= day)
            came = np.isin(one.summary.customer, shop.order_customer[later])
            assert one.label.tolist() == (~came).tolist()


def test_a_habit_two_months_old_is_learned_though_no_window_of_three_months_knows_it():
    history = new_habit()
    past = churn.replay(history.upto(200), 90, most=churn.MOST_CUSTOMERS)
    rows = rows_after(history, 200, 90)
    fresh, large = (rows.summary.visits == 1) & (rows.summary.age < 15), rows.summary.spend > 5_000
    finished, gap = [past.windows[day] for day in sorted(past.windows, reverse=True)], []
    for running in ([], past.running(200)):
        risk = Entry(finished, rows, running).forecaster("stacked").predict(rows)
        gap.append(risk[fresh & large].mean() - risk[fresh & ~large].mean())
    assert gap[1] < gap[0] - 0.1


def test_a_shop_that_has_doubled_since_the_earlier_window_has_a_blend():
    """When the newest window began there were customers enough for every member, in the one before for none."""
    rng = np.random.default_rng(0)
    joined = np.r_[rng.integers(0, 150, 150), rng.integers(200, 420, 1_000)]
    again = np.r_[joined, joined + rng.integers(10, 80, 1_150), joined + rng.integers(80, 200, 1_150)]
    who = np.tile(np.arange(1_150), 3)
    kept = (again <= 500) & (rng.random(len(again)) < np.where(np.arange(len(again)) < 1_150, 1, 0.5))
    history = History.of_orders(who[kept], again[kept], np.full(int(kept.sum()), 1_000), as_of=500)
    assert "blend" in churn.back_test(history, 90).candidates


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
    simple = {"base_rate", "mbgnbd", "bgnbd", "paretonbd", "rhythm", "gap_rule", "recency", "calibrated"}
    assert set(tests.candidates) <= simple | {"blend"}
    risk = churn.score(history, tests).risk
    assert np.all((risk > 0) & (risk < 1))


def test_every_file_of_the_folder_is_in_the_table():
    from pathlib import Path

    from loyalty.estimators.churn import candidates

    files = {path.stem for path in Path(candidates.__file__).parent.glob("*.py")} - {"__init__", "base"}
    kinds = {type(method.make([], []) if method.members else method.make()).__module__.rsplit(".", 1)[1]
             for method in candidates.METHODS.values()}  # fmt: skip
    assert kinds == files


def test_boosting_and_svm_come_only_to_large_shops():
    assert {name for name, method in churn.METHODS.items() if method.fewest >= 3_000} == {"boosting", "svm"}


def test_a_shop_too_young_for_an_earlier_window_is_tested_on_its_other_half(shop):
    tests = churn.back_test(shop.upto(190), 90)
    assert tests.by_people
    assert len(tests.tested) == 1
    assert "stacked" in tests.candidates
    assert tests.champion != "base_rate"


def test_trust_grows_with_the_customers_known():
    told = {}
    for customers in (60, 200, 500):
        history, _ = simulate.bgnbd(customers=customers, days=500, r=0.7, alpha=6.0, a=0.8, b=2.6, seed=1)
        told[customers] = churn.back_test(history, 60).trust
    assert told == {60: "early", 200: "growing", 500: "full"}


def test_calibration_finds_an_overconfident_method_and_leaves_an_honest_one():
    rng = np.random.default_rng(5)
    odds = rng.normal(-0.5, 1.2, (3, 4_000))
    labels = [rng.random(4_000) < expit(row) for row in odds]
    honest = Calibration().fit(labels, [expit(row) for row in odds])
    loud = Calibration().fit(labels, [expit(2 * row) for row in odds])
    assert honest.kind == "none"
    assert loud.kind in ("platt", "isotonic")
    told = loud.correct(expit(2 * odds[0]))
    assert evaluate.calibration_error(labels[0], told) < evaluate.calibration_error(labels[0], expit(2 * odds[0])) / 2


def test_taste_tells_two_kinds_of_buyers_apart():
    rng = np.random.default_rng(0)
    kind = np.arange(600) % 2
    baskets = sparse.csr_matrix((rng.random((600, 80)) < np.where(np.arange(80) < 40, 0.3, 0.02)[None, :]).astype(np.float32))
    other = sparse.csr_matrix((rng.random((600, 80)) < np.where(np.arange(80) < 40, 0.02, 0.3)[None, :]).astype(np.float32))
    both = sparse.vstack([baskets[i] if kind[i] else other[i] for i in range(600)]).tocsr()
    found = Taste(kinds=2).fit(both).of(both)
    assert np.max(np.abs(np.corrcoef(found.T, kind)[-1, :-1])) > 0.9
    assert Taste().fit(both[:100]).of(both[:100]).shape == (100, 0)


def test_a_ridge_regression_finds_the_coefficients():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(20_000), rng.normal(size=(20_000, 2))])
    offset = rng.normal(size=20_000)
    label = rng.random(20_000) < expit(X @ [-0.5, 1.0, -0.7] + offset)
    found = ridge_logistic(X, label.astype(float), offset, np.full(3, 1e-6), np.ones(20_000))
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
        if s.visits[i] > 1:
            days = int(s.quiet[i])
            assert reasons[0] == {"code": "quiet_for" if days > 20 else "bought_lately", "days": days, "usual": 20}
        assert sum(reason["code"] in ("quiet_for", "bought_lately") for reason in reasons) <= 1
        for reason in reasons:
            if reason["code"] == "only_one_order":
                assert s.visits[i] == 1
            if reason["code"] == "fewer_lately":
                assert reason["lately"] < reason["before"]


def test_money_at_stake_is_risk_times_what_the_person_would_bring(shop, tests):
    scores = churn.score(shop.upto(530), tests)
    assert scores.at_stake_minor == pytest.approx(scores.risk * np.maximum(scores.expected_minor, 0))
    often = scores.summary.visits >= 5
    assert np.median(scores.expected_minor[often]) > 3 * np.median(scores.expected_minor[scores.summary.visits == 1])
