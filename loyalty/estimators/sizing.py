"""How many people a test of two versions needs, before it starts. Standard library only: pages ask it too.

The test compares the log odds of ordering. Its score has variance V = n/2 * p (1 - p) for n people per version (the
information of a log-rank test when the events are few), and a true log odds ratio theta moves it by theta * V.
C. Jennison, B. Turnbull (2000), Group Sequential Methods with Applications to Clinical Trials, section 3.1 and 3.5.
"""

import math
from statistics import NormalDist

ALPHA = 0.05  # two-sided: a test without a difference calls one in so many cases, however often one looks
POWER = 0.8
INFLATION = 1.0532  # what looking 60 times costs with O'Brien-Fleming-type spending (test_sequential.py)
LEAST_RATIO, MOST_RATIO = 1.2, 3.0  # differences worth planning for: a fifth more to three times as much


def information(rate: float, ratio: float, *, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return V a test needs to see `ratio` times as many as `rate` (0 to 1)."""
    normal = NormalDist()
    drift = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return INFLATION * (drift / log_odds_ratio(rate, ratio)) ** 2


def people(rate: float, ratio: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Return how many people per version that takes."""
    middle = min(rate * (1 + ratio) / 2, 0.5)
    return math.ceil(2 * information(rate, ratio, alpha=alpha, power=power) / (middle * (1 - middle)))


def smallest_ratio(rate: float, count: float) -> float | None:
    """Return the smallest difference `count` people per version can show, in tenths; None: not even the largest."""
    tenths = range(round(LEAST_RATIO * 10), round(MOST_RATIO * 10) + 1)
    return next((tenth / 10 for tenth in tenths if people(rate, tenth / 10) <= count), None)


def log_odds_ratio(rate: float, ratio: float) -> float:
    """Return the log odds ratio of two rates, one `ratio` times the other; rates near 1 count as 0.95."""
    low = min(max(rate, 1e-6), 0.95 / ratio)
    return math.log(ratio * (1 - low) / (1 - ratio * low))
