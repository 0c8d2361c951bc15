"""Whole-number noise that hides whether any one person is in a count: the discrete Laplace distribution, drawn exactly.

C. Canonne, G. Kamath, T. Steinke (2020), "The Discrete Gaussian for Differential Privacy", NeurIPS, algorithms 1 and 2:
only whole numbers are drawn, so nothing leaks through the rounding of floating point (I. Mironov 2012, CCS).
A count that one person changes by at most `step` keeps epsilon-privacy with noise of scale step / epsilon.
"""

import secrets
from collections.abc import Callable
from fractions import Fraction
from math import ceil, exp, log, log1p

Draw = Callable[[int], int]  # a whole number from 0 up to, not including, the one given, each as likely


def laplace(scale: Fraction, draw: Draw = secrets.randbelow) -> int:
    """Return noise: y comes with a chance in proportion to exp(-|y| / scale). Raise ValueError for scale <= 0."""
    if scale <= 0:
        raise ValueError("scale: above 0")
    wide, narrow = Fraction(scale).as_integer_ratio()
    while True:
        rest = draw(wide)
        if not _happens(Fraction(rest, wide), draw):
            continue
        whole = 0
        while _happens(Fraction(1), draw):
            whole += 1
        size = (rest + wide * whole) // narrow
        is_negative = draw(2) == 1
        if size or not is_negative:  # zero would be drawn twice as often
            return -size if is_negative else size


def _happens(power: Fraction, draw: Draw) -> bool:
    """Tell whether something with the chance exp(-power), power from 0 to 1, happens."""
    tries = 1
    while draw(power.denominator * tries) < power.numerator:
        tries += 1
    return tries % 2 == 1


def margin(scale: Fraction, sure: float = 0.95) -> int:
    """Return how far off at most the noise is, so often: the smallest m with P(|noise| <= m) >= sure."""
    ratio = exp(-1 / float(scale))
    if 2 * ratio / (1 + ratio) <= 1 - sure:
        return 0
    return max(ceil(float(scale) * (log(2) - log1p(ratio) - log(1 - sure))) - 1, 0)
