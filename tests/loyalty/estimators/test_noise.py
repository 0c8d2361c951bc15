"""The noise is the discrete Laplace distribution, and its margin holds as often as it says."""

import random
from fractions import Fraction
from math import exp, sqrt

import pytest

from loyalty.estimators import noise

DRAWS = 20_000


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(7, 3), Fraction(40)])
def test_the_noise_has_the_chances_of_the_discrete_laplace_distribution(scale):
    draw = random.Random(5).randrange
    drawn = [noise.laplace(scale, draw) for _ in range(DRAWS)]
    ratio = exp(-1 / float(scale))
    for value in (-3, -1, 0, 1, 2, 10):
        chance = (1 - ratio) / (1 + ratio) * ratio ** abs(value)
        assert abs(drawn.count(value) / DRAWS - chance) < 4.5 * sqrt(chance / DRAWS) + 1e-4


@pytest.mark.parametrize("scale", [Fraction(1, 10), Fraction(1, 2), Fraction(3), Fraction(29, 2), Fraction(4_000)])
def test_the_margin_is_the_smallest_that_holds(scale):
    ratio, margin = exp(-1 / float(scale)), noise.margin(scale)

    def beyond(most: int) -> float:
        return 2 * ratio ** (most + 1) / (1 + ratio)

    assert beyond(margin) <= 0.05 + 1e-12
    assert margin == 0 or beyond(margin - 1) > 0.05


def test_a_neighbour_makes_no_report_more_likely_than_the_privacy_allows():
    """P(noise = y) / P(noise = y + 1) never exceeds exp(1 / scale): the definition, checked on the drawn frequencies."""
    scale, draw = Fraction(2), random.Random(8).randrange
    drawn = [noise.laplace(scale, draw) for _ in range(4 * DRAWS)]
    for value in range(-5, 5):
        one, next_to_it = drawn.count(value), drawn.count(value + 1)
        assert max(one / next_to_it, next_to_it / one) < exp(0.5) * 1.15


def test_without_a_scale_nothing_is_drawn():
    with pytest.raises(ValueError, match="scale"):
        noise.laplace(Fraction(0))
