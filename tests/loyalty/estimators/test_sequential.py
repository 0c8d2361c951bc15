"""Boundaries against published values, error and power against simulation, and the arithmetic of one look."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from loyalty.estimators import sequential, sizing
from loyalty.estimators.base import NotEnoughData

THIRTY = np.arange(1, 31) / 30


def test_boundaries_are_the_published_ones():
    # Lan and DeMets' O'Brien-Fleming-type boundaries for five looks, two-sided 0.05 (Proschan, Lan, Wittes 2006)
    five = sequential.bounds(np.arange(1, 6) / 5)
    assert np.round(five, 4).tolist() == [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]


def test_one_look_is_the_ordinary_test():
    assert sequential.bounds([1.0])[0] == pytest.approx(norm.ppf(0.975), abs=1e-9)
    assert sequential.p_value([1.0], [1.96], 2.5) == pytest.approx(2 * norm.sf(2.5), abs=1e-9)
    low, middle, high = sequential.estimate([1.0], [1.96], -2.5)
    assert (low, middle, high) == pytest.approx((-2.5 - 1.959964, -2.5, -2.5 + 1.959964), abs=1e-4)


def test_two_looks_agree_with_the_double_integral():
    limits = sequential.bounds([0.4, 1.0])
    ups, downs = sequential.crossing([0.4, 1.0], limits, drift=0.0)
    together = norm.sf(limits[0])
    x = np.linspace(-limits[0], limits[0], 20_001)
    inside = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    second = np.trapezoid(inside * norm.sf((limits[1] - x * math.sqrt(0.4)) / math.sqrt(0.6)), x)
    assert ups.tolist() == pytest.approx([together, second], abs=1e-9)
    assert downs.tolist() == pytest.approx(ups.tolist(), abs=1e-12)


@pytest.mark.parametrize("looks", [1, 2, 7, 30, 60])
def test_all_of_alpha_is_spent_and_no_more(looks):
    times = [*np.sort(np.random.default_rng(looks).uniform(0.02, 0.98, looks - 1)).tolist(), 1.0]
    ups, downs = sequential.crossing(times, sequential.bounds(times), drift=0.0)
    assert ups.sum() + downs.sum() == pytest.approx(0.05, abs=1e-8)


def test_later_looks_do_not_move_earlier_limits():
    many = sequential.bounds(THIRTY)
    for k in (3, 11, 29):
        assert sequential.bounds(THIRTY[:k]).tolist() == pytest.approx(many[:k].tolist(), abs=1e-9)
        limit = sequential.next_limit(
            7 * THIRTY[: k + 1], many[:k], may=float(sequential.spent(THIRTY[k]))
        )
        assert limit == pytest.approx(many[k], abs=1e-6), "the unit of information does not matter"


def test_last_look_spends_what_is_left_wherever_it_falls():
    limits = sequential.bounds([0.3, 0.5])
    last = sequential.next_limit([0.3, 0.5, 0.7], limits, may=0.05)
    ups, downs = sequential.crossing(np.array([0.3, 0.5, 0.7]) / 0.7, [*limits, last], drift=0.0)
    assert ups.sum() + downs.sum() == pytest.approx(0.05, abs=1e-8)


def test_nothing_left_to_spend_asks_the_impossible():
    assert sequential.next_limit([1.0, 1.1], [1.959], may=0.05) == sequential.FAR


def test_wrong_looks_are_refused():
    for times in ([], [0.0, 1.0], [0.5, 0.5], [0.5, 1.2]):
        with pytest.raises(ValueError, match="Looks must rise"):
            sequential.bounds(times)


def test_looking_thirty_times_calls_equal_versions_different_in_one_of_twenty():
    rng = np.random.default_rng(5)
    runs, people, rate = 4_000, 120, 0.1062
    events = rng.binomial(people, rate, (2, runs, 30)).cumsum(axis=2)
    total = people * np.arange(1, 31)
    pooled = events.sum(axis=0) / (2 * total)
    z = (events[1] - events[0]) / total / np.sqrt(2 * pooled * (1 - pooled) / total)
    wrong = int((np.abs(z) >= sequential.bounds(THIRTY)).any(axis=1).sum())
    naive = int((np.abs(z) >= 1.96).any(axis=1).sum())
    assert binomtest(wrong, runs, 0.05).pvalue > 0.001
    assert wrong / runs <= 0.055
    assert naive / runs > 0.2


def test_power_at_the_design_size():
    drift = 0.1062 * 0.2 / math.sqrt((0.1062 * 0.8938 + 0.12744 * 0.87256) / 3_600)
    assert 0.78 <= sequential.power(THIRTY, drift=drift) <= 0.79


def test_size_planned_without_scipy_reaches_the_power_promised():
    drift = math.sqrt(sizing.INFLATION) * (norm.ppf(0.975) + norm.ppf(0.8))
    assert sequential.power(np.arange(1, 61) / 60, drift=drift) == pytest.approx(0.8, abs=0.001)


def test_people_needed_see_the_difference():
    rng, rate, ratio, runs = np.random.default_rng(3), 0.08, 1.5, 2_000
    each = sizing.people(rate, ratio) // 20
    events = rng.binomial(each, np.array([rate, rate * ratio])[:, None, None], (2, runs, 20)).cumsum(axis=2)
    total = each * np.arange(1, 21)
    pooled = np.maximum(events.sum(axis=0), 1) / (2 * total)
    z = (events[1] - events[0]) / total / np.sqrt(2 * pooled * (1 - pooled) / total)
    assert 0.77 <= (z >= sequential.bounds(np.arange(1, 21) / 20)).any(axis=1).mean() <= 0.85


def test_smallest_difference_a_group_can_show():
    assert sizing.smallest_ratio(0.05, sizing.people(0.05, 1.5)) == 1.5
    assert sizing.smallest_ratio(0.05, sizing.people(0.05, 1.5) - 1) == 1.6
    assert sizing.smallest_ratio(0.05, 40) is None


def test_interval_after_stopping_covers():
    rng, drift, runs = np.random.default_rng(8), 2.5, 100
    times = np.arange(1, 6) / 5
    limits = sequential.bounds(times)
    paths = rng.normal(drift / 5, math.sqrt(1 / 5), (runs, 5)).cumsum(axis=1) / np.sqrt(times)
    covered, above = 0, 0
    for z in paths:
        crossed = np.flatnonzero(np.abs(z) >= limits)
        k = crossed[0] if len(crossed) else 4
        low, middle, high = sequential.estimate(times[: k + 1], limits, z[k])
        covered += low <= drift <= high
        above += middle > drift
    assert binomtest(covered, runs, 0.95).pvalue > 0.001
    assert binomtest(above, runs, 0.5).pvalue > 0.001


def test_p_value_is_uniform_where_there_is_no_difference():
    rng, runs = np.random.default_rng(9), 1_000
    times = np.array([0.5, 1.0])
    limits = sequential.bounds(times)
    paths = rng.normal(0, math.sqrt(0.5), (runs, 2)).cumsum(axis=1) / np.sqrt(times)
    small = 0
    for z in paths:
        k = 0 if abs(z[0]) >= limits[0] else 1
        small += sequential.p_value(times[: k + 1], limits, z[k]) <= 0.05
    assert binomtest(small, runs, 0.05).pvalue > 0.001


def test_hillstrom_to_four_digits():
    # women's e-mail against none, visits: 3,238 of 21,387 and 2,262 of 21,306
    visits, people = [[2_262, 3_238]], [[21_306, 21_387]]
    difference, error = sequential.means(visits, visits, people)
    assert round(difference, 5) == 0.04523
    assert [round(difference + side * 1.959964 * error, 5) for side in (-1, 1)] == [0.03889, 0.05157]
    assert round(sequential.proportions(visits, people).z, 2) == 13.95


def test_mailings_are_compared_within_themselves():
    # within each mailing both are alike; added up, B looks better because the strong mailing had more of it
    score = sequential.proportions([[90, 10], [20, 180]], [[900, 100], [100, 900]])
    assert score.value == pytest.approx(0.0)
    assert score.z == 0.0


def test_dealing_by_earlier_results_keeps_the_error():
    rng, runs, wrong = np.random.default_rng(4), 2_000, 0
    limits = sequential.bounds(np.arange(1, 9) / 8)
    for _run in range(runs):
        events, people, share, planned = [], [], 0.5, 8 * 500 * 0.08 * 0.92 / 4
        for week in range(8):
            size = np.array([500 - round(500 * share), round(500 * share)])
            people.append(size)
            events.append(rng.binomial(size, 0.08))
            score = sequential.proportions(np.array(events), np.array(people))
            if abs(score.z) >= limits[week]:
                wrong += 1
                break
            share = 0.9 if score.z > 0.3 else 0.1 if score.z < -0.3 else 0.5
        assert score.information <= planned * 1.5
    assert binomtest(wrong, runs, 0.05, alternative="greater").pvalue > 0.001


def test_money_is_the_difference_of_means_with_its_error():
    rng = np.random.default_rng(2)
    a, b = rng.gamma(1, 10, 500), rng.gamma(1, 12, 700)
    difference, error = sequential.means([[a.sum(), b.sum()]], [[(a**2).sum(), (b**2).sum()]], [[500, 700]])
    assert difference == pytest.approx(b.mean() - a.mean())
    assert error == pytest.approx(math.sqrt(a.var(ddof=1) / 500 + b.var(ddof=1) / 700))


def test_uneven_numbers_are_flagged_and_fair_ones_are_not():
    assert sequential.mismatch([[21_306, 21_387, 21_307]], [[1 / 3] * 3]) == pytest.approx(0.904, abs=0.001)
    assert sequential.mismatch([[500, 640]], [[0.5, 0.5]]) < 0.001
    assert sequential.mismatch([[90, 910], [500, 500]], [[0.1, 0.9], [0.5, 0.5]]) > 0.1
    assert sequential.mismatch([[100, 0]], [[1.0, 0.0]]) == 1.0
    counts = np.random.default_rng(6).binomial(1_000, 0.5, 10_000)
    flagged = sum(sequential.mismatch([[count, 1_000 - count]], [[0.5, 0.5]]) < 0.001 for count in counts)
    assert flagged / 10_000 <= 0.002


def test_too_few_orders_are_no_test():
    with pytest.raises(NotEnoughData):
        sequential.proportions([[3, 6]], [[100, 100]])
    with pytest.raises(NotEnoughData):
        sequential.means([[1.0, 2.0]], [[1.0, 4.0]], [[1, 1]])


def test_chance_left_falls_when_nothing_shows():
    assert sequential.conditional_power(0.5, 0.1, drift=0.1 / math.sqrt(0.5), limit=1.97) < 0.05
    assert sequential.conditional_power(0.5, 2.5, drift=2.5 / math.sqrt(0.5), limit=1.97) > 0.9
    assert sequential.conditional_power(1.0, 2.5, drift=0.0, limit=1.97) == 1.0
