"""The chain ladder on points not redeemed yet: shares by hand, a truth it has to find, ranges that hold it."""

import numpy as np
import pytest

from crm.rewards import runoff
from crm.rewards.runoff import Group


def triangle(shares, *, issued):
    """Earn months that all lose these shares exactly; the present month is not over."""
    size = len(issued)
    exposed, redeemed = np.zeros((size, size)), np.zeros((size, size))
    for row, points in enumerate(issued):
        left = points
        for age in range(size):
            exposed[row, age] = left
            redeemed[row, age] = left * shares[age]
            left -= redeemed[row, age]
    row, age = np.indices((size, size))
    return exposed, redeemed, row + age < size - 1


def test_without_noise_the_shares_are_found_and_the_range_is_a_point():
    exposed, redeemed, known = triangle([0.1, 0.2, 0.5, 0.0, 0.0, 0.0], issued=[1000] * 6)
    groups = [Group(row=4, age=1, months=2, points=900), Group(row=5, age=0, months=1, points=1000)]
    found = runoff.estimate(exposed=exposed, redeemed=redeemed, known=known, groups=groups)
    assert [round(share, 9) for share in found.shares] == [0.1, 0.2, 0.5, 0.0, 0.0]
    # 900 lose 20 % and then half of the rest; 1000 lose 10 %, and expire
    assert [round(points, 6) for points in found.of_groups] == [900 * 0.6, 100]
    assert (round(found.expected, 6), round(found.low, 6), round(found.high, 6)) == (640, 640, 640)


def test_only_the_rest_of_the_present_month_counts():
    exposed, redeemed, known = triangle([0.19] * 6, issued=[1000] * 6)
    groups = [Group(row=5, age=0, months=1, points=1000)]
    found = runoff.estimate(exposed=exposed, redeemed=redeemed, known=known, groups=groups, month_left=0.5)
    assert round(found.expected, 6) == 100  # (1 - 0.19) ** 0.5 is 0.9


def test_ages_nobody_has_seen_go_on_as_the_last_ones():
    exposed, redeemed, known = triangle([0.1] * 8, issued=[1000] * 8)
    groups = [Group(row=7, age=0, months=24, points=1000)]
    found = runoff.estimate(exposed=exposed, redeemed=redeemed, known=known, groups=groups)
    assert round(found.expected, 6) == round(1000 * (1 - 0.9**24), 6)


def test_points_that_never_expire_are_followed_for_five_years():
    exposed, redeemed, known = triangle([0.01] * 8, issued=[1000] * 8)
    found = runoff.estimate(
        exposed=exposed, redeemed=redeemed, known=known, groups=[Group(row=7, age=0, months=None, points=1000)]
    )
    assert round(found.expected, 6) == round(1000 * (1 - 0.99**60), 6)


def test_too_little_is_said_and_not_guessed():
    exposed, redeemed, known = triangle([0.1] * 4, issued=[1000] * 4)
    with pytest.raises(runoff.NotEnoughData):
        runoff.estimate(exposed=exposed, redeemed=redeemed, known=known, groups=[])
    exposed, redeemed, known = triangle([0.0] * 12, issued=[1000] * 12)
    with pytest.raises(runoff.NotEnoughData):
        runoff.estimate(exposed=exposed, redeemed=redeemed, known=known, groups=[])


def simulated(seed, *, size=24, customers=120, horizon=24):
    """Customers who each hold one lot and redeem it whole; return the triangle, what is out, and what comes of it."""
    rng = np.random.default_rng(seed)
    hazards = np.concatenate([[0.02, 0.05, 0.08, 0.1], np.full(200, 0.05)])
    exposed, redeemed, groups, truth = np.zeros((size, size)), np.zeros((size, size)), [], 0
    for row in range(size):
        points = rng.integers(20, 200, customers)
        alive = np.ones(customers, bool)
        for age in range(size - row):
            if age == size - row - 1:  # the present month, which has just begun
                groups.append(Group(row=row, age=age, months=horizon, points=int(points[alive].sum())))
                exposed[row, age] = points[alive].sum()
                for ahead in range(horizon):
                    gone = alive & (rng.random(customers) < hazards[age + ahead])
                    truth += points[gone].sum()
                    alive &= ~gone
                break
            gone = alive & (rng.random(customers) < hazards[age])
            exposed[row, age], redeemed[row, age] = points[alive].sum(), points[gone].sum()
            alive &= ~gone
    row, age = np.indices((size, size))
    return exposed, redeemed, row + age < size - 1, groups, truth


def test_the_range_holds_the_truth_nine_times_in_ten():
    held, errors = 0, []
    for seed in range(60):
        exposed, redeemed, known, groups, truth = simulated(seed)
        found = runoff.estimate(exposed=exposed, redeemed=redeemed, known=known, groups=groups, draws=300, seed=seed)
        held += found.low <= truth <= found.high
        errors.append(found.expected / truth - 1)
    assert 48 <= held <= 60  # 54 expected; below 48 once in a hundred
    assert abs(float(np.mean(errors))) < 0.02  # right on average


def test_reckoning_with_all_points_would_be_wrong():
    """The control: what stands on paper is far above what is redeemed."""
    _exposed, _redeemed, _known, groups, truth = simulated(1)
    assert sum(group.points for group in groups) > 1.3 * truth
