"""Measures, places in time, and the choice."""

import numpy as np
import pytest
from sklearn import metrics

from loyalty.estimators import evaluate


@pytest.fixture
def forecast():
    rng = np.random.default_rng(0)
    chance = np.round(rng.random(500), 2)  # with ties
    return rng.random(500) < chance, chance


def test_measures_are_scikit_learns(forecast):
    label, chance = forecast
    found = evaluate.measures(label, chance)
    clipped = np.clip(chance, evaluate.SURE, 1 - evaluate.SURE)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(label, chance))
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(label, chance))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(label, clipped))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(label, chance))


def test_calibration_error_of_groups_of_equal_size():
    chance = np.repeat([0.1, 0.6], 50)
    label = np.r_[np.arange(50) < 10, np.arange(50) < 30]
    assert evaluate.calibration_error(label, chance, groups=2) == pytest.approx((0.1 * 50 + 0.0 * 50) / 100)


def test_one_class_has_no_ranking():
    assert evaluate.measures(np.ones(10, bool), np.full(10, 0.9))["auc"] is None
    assert evaluate.measures(np.zeros(10, bool), np.full(10, 0.1))["pr_auc"] is None


def test_level_is_moved_by_one_step_of_log_odds():
    moved = evaluate.at_level(0.3, np.array([0.2, 0.5, 0.8]))
    assert moved.mean() == pytest.approx(0.3)
    odds = np.log(moved / (1 - moved)) - np.log(np.array([0.2, 0.5, 0.8]) / np.array([0.8, 0.5, 0.2]))
    assert odds == pytest.approx([odds[0]] * 3)


def test_origins_end_before_the_cut_and_tests_do_not_overlap():
    places = evaluate.origins(first_day=0, cut=400, horizon=90)
    assert places.tests == [310, 220, 130]
    assert all(day + 90 <= 400 for day in places.train)
    assert places.known_before(220, 12) == [130, 100, 70]
    assert places.known_before(130, 12) == []


def window(day: int, size: int = 400, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed + day)
    truth = rng.random(size)
    return truth, rng.random(size) < truth, rng


def blurred(**noise: float) -> list[evaluate.Tested]:
    """Three windows; each candidate tells the truth blurred towards one half by its noise."""
    windows = []
    for day in (100, 200, 300):
        truth, label, rng = window(day)
        chances = {
            name: np.clip((1 - by) * truth + by * rng.random(len(truth)), 0.01, 0.99) for name, by in noise.items()
        }
        chances["base"] = np.full(len(truth), 0.5)
        windows.append(evaluate.Tested(day, np.arange(len(truth)), label, chances))
    return windows


def test_clearly_better_wins():
    assert evaluate.choose(blurred(simple=0.6, rich=0.05), ["base", "simple", "rich"], "base") == "rich"


def test_within_one_standard_error_the_simpler_wins():
    assert evaluate.choose(blurred(simple=0.06, rich=0.05), ["base", "simple", "rich"], "base") == "simple"


def test_a_lead_that_windows_take_in_turns_is_no_lead():
    """One window sees `rich` ahead by 0.016; where leads change by 0.02 from window to window, that is nothing yet."""
    windows, order = blurred(simple=0.25, rich=0.05)[:1], ["base", "simple", "rich"]
    ahead = evaluate.loss_at_level(windows, "simple") - evaluate.loss_at_level(windows, "rich")
    assert ahead == pytest.approx(0.016, abs=0.01)
    assert evaluate.choose(windows, order, "base") == "rich"
    assert evaluate.choose(windows, order, "base", fickle=0.02) == "simple"


def test_where_nothing_beats_the_baseline_it_speaks():
    windows = blurred(simple=1.0, rich=1.0)
    assert evaluate.choose(windows, ["base", "simple", "rich"], "base") == "base"


def test_a_level_that_is_off_does_not_hide_the_better_ranking():
    windows = blurred(simple=0.6, rich=0.05)
    for one in windows:
        one.chances["rich"] = evaluate.at_level(0.2, one.chances["rich"])
    assert evaluate.choose(windows, ["base", "simple", "rich"], "base") == "rich"


def test_caught_counts_the_riskiest_tenth():
    chance = np.arange(100) / 100
    label = chance >= 0.95
    assert evaluate.caught(label, chance) == (5, 10)


def test_intervals_hold_the_figure_and_narrow_with_people():
    rng = np.random.default_rng(2)
    chance = rng.random(4_000)
    label = rng.random(4_000) < chance
    wide, narrow = (evaluate.intervals(label[:n], chance[:n]) for n in (200, 4_000))
    found = evaluate.measures(label, chance)
    for name in ("auc", "accuracy", "brier"):
        low, high = narrow[name]
        assert low < found[name] < high
        assert high - low < (wide[name][1] - wide[name][0]) / 3
    assert evaluate.intervals(np.ones(50, bool), chance[:50]) == {}
