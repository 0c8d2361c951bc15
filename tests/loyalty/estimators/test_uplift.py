"""What offers change: differences, cells, learners, the choice between them, and what rules would earn."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from loyalty.estimators import uplift
from loyalty.estimators.base import NotEnoughData
from loyalty.estimators.uplift import averaging, choosing, effects, learners, measuring, shrinking


def shop(
    n: int, *, seed: int = 0, effect: float = 0.05, spread: float = 0.0, of_cells: float = 0.0, held: float = 0.5, trials: int = 1
) -> tuple[uplift.Sends, np.ndarray]:
    """Draw sends whose effect is known: `spread` follows the third feature, `of_cells` the cell."""
    rng = np.random.default_rng(seed)
    X, cell, trial = rng.normal(size=(n, 4)), rng.integers(0, 4, n), rng.integers(0, trials, n)
    treated = rng.random(n) >= held
    truth = effect + spread * np.tanh(X[:, 2]) + of_cells * np.linspace(-1, 1, 4)[cell]
    base = expit(-1.5 + 0.5 * X[:, 0] + 0.3 * X[:, 1]) + 0.03 * trial
    came = (rng.random(n) < np.clip(base + treated * truth, 0, 1)).astype(float)
    sends = uplift.Sends(
        customer=np.arange(n), day=20_000 + trial, arm=treated.astype(int), arms=("nothing", "note"),
        propensity=np.where(treated, 1 - held, held), outcome=came, profit=came * 2_500 - treated * 50, features=X,
        names=("a", "b", "c", "d"), cell=cell, cells=("new", "loyal", "quiet", "lost"), trial=trial,
    )  # fmt: skip
    return sends, truth


def test_arrays_of_unlike_length_are_refused():
    sends, _ = shop(20)
    with pytest.raises(ValueError, match="as many rows"):
        replace(sends, day=sends.day[:5])
    with pytest.raises(ValueError, match="above 0"):
        replace(sends, propensity=np.zeros(20))


def test_an_offer_is_compared_inside_its_own_trials_only():
    sends, _ = shop(400, trials=3)
    other = replace(sends, arm=np.where((sends.trial == 2) & (sends.arm == 1), 2, sends.arm), arms=("nothing", "note", "gift"))
    assert sorted(np.unique(other.pair(1).sends.trial)) == [0, 1]
    assert np.unique(other.pair(2).sends.trial).tolist() == [2]
    with pytest.raises(NotEnoughData):
        replace(sends, arm=np.zeros(400, int)).pair(1)


def test_chance_of_being_written_to_comes_from_the_shares_drawn():
    sends, _ = shop(500, held=0.2)
    three_arms = replace(sends, propensity=np.where(sends.arm == 1, 0.4, 0.2))  # the rest got something else
    assert np.allclose(three_arms.pair(1).chance, 2 / 3)


def test_difference_of_shares_is_the_textbook_one():
    outcome, treated = np.r_[np.ones(30), np.zeros(70), np.ones(20), np.zeros(80)], np.r_[np.ones(100), np.zeros(100)]
    found = uplift.difference(outcome, treated)
    assert (found.treated, found.control, round(found.effect, 10)) == (100, 100, 0.1)
    assert found.statistic == pytest.approx(1.6330, abs=1e-4)  # pooled: 0.1 / sqrt(0.25 * 0.75 * 2 / 100)
    assert found.p == pytest.approx(0.10247, abs=1e-5)
    assert (found.low, found.high) == pytest.approx((-0.01990, 0.21990), abs=1e-4)


def test_difference_of_money_is_welchs():
    found = uplift.difference([1, 2, 3, 4, 5, 2, 4, 6, 8], [0, 0, 0, 0, 0, 1, 1, 1, 1])
    assert (found.effect, found.statistic, found.p) == pytest.approx((2.0, 1.35873, 0.23519), abs=1e-4)


def test_whole_effect_is_the_plain_difference_where_there_is_one_trial():
    sends, _ = shop(3_000)
    whole, plain = uplift.overall_effect(sends, 1), uplift.difference(sends.outcome, sends.arm == 1)
    assert whole.effect == pytest.approx(plain.effect, abs=1e-12)
    assert (whole.low, whole.high) == pytest.approx((plain.low, plain.high), rel=0.02)


def test_seasons_with_other_shares_left_out_do_not_fake_an_effect():
    rng = np.random.default_rng(1)
    trial = np.repeat([0, 1], 5_000)
    treated = rng.random(10_000) < np.where(trial, 0.9, 0.2)
    came = (rng.random(10_000) < np.where(trial, 0.5, 0.1)).astype(float)  # Christmas, and the offer does nothing
    sends, _ = shop(10_000)
    sends = replace(
        sends, arm=treated.astype(int), trial=trial, outcome=came,
        propensity=np.where(treated, np.where(trial, 0.9, 0.2), np.where(trial, 0.1, 0.8)),
    )  # fmt: skip
    whole = uplift.overall_effect(sends, 1)
    assert whole.low < 0 < whole.high
    assert uplift.difference(came, treated).low > 0.2


def test_the_same_person_in_many_trials_counts_once():
    sends, _ = shop(300)
    copies = np.tile(np.arange(300), 5)
    five = replace(sends.rows(copies), trial=np.repeat(np.arange(5), 300))
    once, often = uplift.overall_effect(sends, 1), uplift.overall_effect(five, 1)
    assert often.effect == pytest.approx(once.effect, abs=1e-12)
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.05)


def test_tiny_cells_lean_on_the_whole_and_say_how_little_is_known():
    sends, _ = shop(4_000, seed=3, effect=0.1)
    sends = sends.rows((sends.cell != 3) | (np.arange(4_000) % 200 == 0))
    rows = {one.cell: one for one in uplift.shrunk_effects(sends, 1)}
    whole = uplift.overall_effect(sends, 1)
    assert rows["lost"].treated + rows["lost"].control < 15
    assert abs(rows["lost"].effect - whole.effect) < 0.25 * abs(rows["lost"].unshrunk - whole.effect)
    assert rows["lost"].high - rows["lost"].low > 1.3 * (rows["new"].high - rows["new"].low)


def test_a_cell_without_anybody_left_out_has_the_whole_effect():
    sends, _ = shop(2_000)
    sends = sends.rows((sends.cell != 1) | (sends.arm == 1))
    row = next(one for one in uplift.shrunk_effects(sends, 1) if one.cell == "loyal")
    assert (row.unshrunk, row.control) == (None, 0)
    assert row.low < uplift.overall_effect(sends, 1).effect < row.high


def test_intervals_of_cells_hold_the_truth_as_often_as_they_say():
    inside = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        theta, sizes = 0.05 + 0.03 * rng.normal(size=4), np.array([40, 100, 300, 900])
        cell = np.repeat(np.arange(4), sizes)
        treated = rng.random(len(cell)) < 0.5
        came = (rng.random(len(cell)) < 0.3 + treated * theta[cell]).astype(float)
        sends = uplift.Sends(
            np.arange(len(cell)), np.zeros(len(cell)), treated.astype(int), ("nothing", "note"), np.full(len(cell), 0.5),
            came, came, np.zeros((len(cell), 1)), ("a",), cell, tuple("wxyz"),
        )  # fmt: skip
        rows = uplift.shrunk_effects(sends, 1)
        inside += [row.low <= truth <= row.high for row, truth in zip(rows, theta)]
    assert binom.ppf(0.005, len(inside), 0.95) <= sum(inside)


def test_cells_closer_to_the_truth_than_their_own_differences():
    off = np.zeros(2)
    for seed in range(40):
        sends, _ = shop(800, seed=seed, effect=0.05)
        for row in uplift.shrunk_effects(sends, 1):
            off += [(row.effect - 0.05) ** 2, (row.unshrunk - 0.05) ** 2]
    assert off[0] < 0.5 * off[1]


def test_qini_of_known_orders():
    outcome = np.array([1, 0, 1, 0, 0, 1, 0, 1.0])
    treated = np.array([1, 0, 1, 0, 1, 0, 1, 0])
    best = np.array([4, 3, 4, 3, 2, 1, 2, 1.0])
    assert uplift.qini(outcome, treated, outcome * treated - outcome * (1 - treated)) == 1.0
    assert uplift.qini(outcome, treated, -(outcome * treated - outcome * (1 - treated))) == -0.25  # as scikit-uplift has it
    assert uplift.qini(outcome, treated, np.zeros(8)) == 0.0
    assert uplift.uplift_at(outcome, treated, best, 0.5) == 1.0
    assert uplift.uplift_at(outcome, treated, best, 1.0) == 0.0


def test_the_same_chance_for_all_changes_no_qini():
    sends, truth = shop(2_000, spread=0.1, held=0.3)
    plain = uplift.qini(sends.outcome, sends.arm, truth)
    assert uplift.qini(sends.outcome, sends.arm, truth, np.full(2_000, 0.5)) == pytest.approx(plain, abs=1e-12)


def test_gain_is_the_area_of_the_qini_curve():
    sends, truth = shop(4_000, spread=0.2)
    pair = sends.pair(1)
    gamma = measuring.doubly_robust(sends.outcome, pair.treated, pair.chance, np.zeros(4_000), np.zeros(4_000))
    found = uplift.gain(gamma, truth, sends.customer)
    assert found.z > 4
    assert abs(uplift.gain(gamma, np.random.default_rng(0).random(4_000), sends.customer).z) < 3
    assert uplift.gain(gamma, -truth, sends.customer).area == pytest.approx(-found.area, abs=1e-12)


def test_shrunk_regressions_find_what_is_there_and_drop_what_is_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3_000, 20))
    groups = np.repeat([0, 1], 10)
    coefficients, level = shrinking.ridge(X, 2 + X[:, 0] - X[:, 1] + rng.normal(size=3_000), groups, np.ones(3_000))
    assert coefficients[:2] == pytest.approx([1, -1], abs=0.06)
    assert level == pytest.approx(2, abs=0.06)
    assert np.abs(coefficients[10:]).max() < 0.02
    came = (rng.random(3_000) < expit(-1 + X[:, 0])).astype(float)
    coefficients, level = shrinking.logistic(X, came, groups, np.ones(3_000))
    assert (coefficients[0], level) == (pytest.approx(1, abs=0.12), pytest.approx(-1, abs=0.12))
    assert np.abs(coefficients[10:]).max() < 0.05


def test_averaging_keeps_the_column_that_matters():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 30))
    coefficients, _ = averaging.averaged(X, 1 + 0.2 * X[:, 7] + rng.normal(size=2_000))
    assert coefficients[7] == pytest.approx(0.2, abs=0.05)
    assert np.abs(np.delete(coefficients, 7)).max() < 0.02
    assert np.abs(averaging.averaged(X, rng.normal(size=2_000))[0]).max() < 0.03
    assert averaging.averaged(X, np.full(2_000, 3.0)) == (pytest.approx(np.zeros(30)), 3.0)


@pytest.mark.parametrize("name", ["averaged", "t", "x", "class"])
def test_every_learner_orders_people_by_a_known_effect(name):
    sends, truth = shop(8_000, spread=0.15, held=0.3)
    told = learners.fit_all(sends.pair(1))[name].effects(sends.features)
    assert np.corrcoef(told, truth)[0, 1] > 0.75
    assert told.mean() == pytest.approx(0.05, abs=0.03)


def test_boosted_trees_stand_beside_where_sends_are_many(monkeypatch):
    monkeypatch.setattr(learners, "MANY", 3_000)
    monkeypatch.setattr(learners, "MANY_CAME", 100)
    sends, _ = shop(4_000)
    flipped = (sends.features[:, 0] > 0) ^ (sends.features[:, 2] > 0)  # no straight line sees this
    rng = np.random.default_rng(5)
    came = rng.random(4_000) < 0.3 + sends.arm * np.where(flipped, 0.3, -0.2)
    pair = replace(sends, outcome=came.astype(float)).pair(1)
    told = {name: model.effects(sends.features) for name, model in learners.fit_all(pair).items()}
    assert list(told) == ["averaged", "t", "x", "class", "boosted"]
    assert np.corrcoef(told["boosted"], flipped)[0, 1] > 0.8
    assert np.corrcoef(told["t"], flipped)[0, 1] < 0.3


def test_missing_features_and_columns_stop_nothing():
    sends, truth = shop(6_000, spread=0.15)
    holes = sends.features.copy()
    holes[np.random.default_rng(0).random(holes.shape) < 0.2] = np.nan
    holes[:, 3] = np.nan
    told = learners.Averaged().fit(replace(sends, features=holes).pair(1)).effects(holes)
    assert np.isfinite(told).all()
    assert np.corrcoef(told, truth)[0, 1] > 0.7


def test_differences_between_people_are_told_where_they_are():
    sends, truth = shop(6_000, spread=0.15)
    told = uplift.choose(sends, 1)
    assert told.kind == "learned"
    assert 0 < told.low < told.qini < told.high
    assert np.corrcoef(told.effects(sends.features, sends.cell, sends.cells), truth)[0, 1] > 0.9
    assert uplift.choose(sends, 1) == told  # the same sends tell the same


def test_cells_are_told_where_only_they_differ():
    sends, truth = shop(8_000, of_cells=0.08)
    told = uplift.choose(sends, 1)
    assert told.kind == "cells"
    assert np.corrcoef(told.effects(sends.features, sends.cell, sends.cells), truth)[0, 1] > 0.95
    assert told.base(sends.cell, sends.cells).mean() == pytest.approx(0.21, abs=0.03)


def test_few_sends_are_never_told_apart_by_a_learner():
    sends, _ = shop(4_000, spread=0.3, effect=0.1)
    told = uplift.choose(sends, 1)
    assert (told.kind, told.qini, told.learner) == ("alike", None, None)


def test_an_offer_that_does_nothing_is_called_so():
    sends, _ = shop(1_000, effect=0.0)
    assert uplift.choose(sends, 1).kind == "nothing"


def test_false_alarms_stay_below_five_in_a_hundred(monkeypatch):
    """60 small shops in which everybody responds alike; the benchmark does it at size."""
    monkeypatch.setattr(choosing, "FEWEST_ROWS", 0)
    monkeypatch.setattr(choosing, "REPEATS", 2)
    kinds = [uplift.choose(shop(900, seed=seed, trials=3, held=0.3)[0], 1).kind for seed in range(60)]
    alarms = sum(kind in (choosing.LEARNED, choosing.CELLS) for kind in kinds)
    assert alarms <= binom.ppf(0.99, 60, 0.05)


def test_the_interval_lies_above_zero_exactly_when_the_folds_together_say_so():
    for shift in (0.0, 0.4, 0.9, 1.0, 1.5):
        area = shift + np.array([1.0, -0.5, 0.7, 0.2] * choosing.REPEATS)
        error = np.array([1.0, 0.5, 0.8, 2.0] * choosing.REPEATS)
        told = choosing._interval(area, error, np.full(len(area), 3.0))
        together = np.mean(area / error) * np.sqrt(choosing.FOLDS - 1)
        assert (told["low"] > 0) == (together > effects.Z95)
        assert told["low"] < told["qini"] < told["high"]


def test_area_in_units_of_the_coefficient_is_the_coefficient():
    sends, truth = shop(8_000, spread=0.15)
    pair = sends.pair(1)
    gamma = measuring.doubly_robust(sends.outcome, pair.treated, pair.chance, *learners.TLearner().fit(pair).means(sends.features))
    area = uplift.gain(gamma, truth, sends.customer).area
    unit = measuring.qini_of_area(sends.outcome, sends.arm, sends.propensity)
    assert area * unit == pytest.approx(uplift.qini(sends.outcome, sends.arm, truth, sends.propensity), abs=0.015)


def test_four_groups():
    effect, base = np.array([0.2, -0.1, 0.001, 0.0, 0.05]), np.array([0.1, 0.3, 0.6, 0.05, 0.2])
    assert uplift.four_groups(effect, base).tolist() == ["persuadable", "do_not_disturb", "sure", "lost_cause", "persuadable"]
    assert uplift.four_groups(effect, base, least=0.1).tolist() == ["persuadable", "sure", "sure", "lost_cause", "lost_cause"]


def three_arms(n: int, seed: int = 0, *, personal: float) -> tuple[uplift.Sends, np.ndarray]:
    rng = np.random.default_rng(seed)
    X, arm = rng.normal(size=(n, 3)), rng.choice(3, n, p=[0.5, 0.25, 0.25])
    means = np.column_stack([np.full(n, 300.0), 340 + personal * X[:, 0], 350 - personal * X[:, 0]])
    profit = means[np.arange(n), arm] + 100 * rng.normal(size=n)
    sends = uplift.Sends(
        np.arange(n), np.zeros(n), arm, ("nothing", "points", "gift"), np.array([0.5, 0.25, 0.25])[arm],
        (profit > 300).astype(float), profit, X, ("a", "b", "c"), np.zeros(n, int), ("all",),
    )  # fmt: skip
    return sends, means


def test_values_of_rules_are_those_they_earn():
    sends, means = three_arms(8_000, personal=60)
    best, guess = means.argmax(1), uplift.arm_means(sends)
    truth, found = means.max(1).mean(), uplift.policy_value(sends, best, guess)
    assert abs(found.ips - truth) < 3 * found.ips_error
    assert abs(found.dr - truth) < 3 * found.dr_error
    assert found.dr_error < found.ips_error  # knowing more makes it surer
    more = found.minus(uplift.policy_value(sends, np.zeros(8_000, int), guess))
    assert abs(more["dr"] - (truth - 300)) < 3 * more["dr_error"]


def test_rules_count_only_where_their_arm_was_drawn():
    sends, _ = three_arms(2_000, personal=0)
    other = replace(sends, trial=(np.arange(2_000) % 2), arm=np.where((np.arange(2_000) % 2) & (sends.arm == 2), 1, sends.arm))
    assert uplift.policy_value(other, np.full(2_000, 2), np.zeros((2_000, 3))).rows == 1_000


def test_choosing_for_each_must_beat_the_best_one_offer():
    alike, _ = three_arms(4_000, personal=0)
    rule = uplift.decide(alike)
    assert (rule.personal, rule.arms(alike.features).tolist()) == (False, [2] * 4_000)
    sends, means = three_arms(4_000, personal=60)
    rule = uplift.decide(sends)
    assert rule.personal
    assert (rule.arms(sends.features) == means.argmax(1)).mean() > 0.9
