"""A shop whose customers changed their habits two months ago."""

import numpy as np

from loyalty.estimators.base import History


def new_habit() -> History:
    """From day 140 on a big first order is followed by another within weeks; before that by none."""
    rng = np.random.default_rng(6)
    first = rng.integers(0, 200, 2_000)
    big = rng.random(2_000) < 0.5
    comes = np.where(big, first >= 140, rng.random(2_000) < 0.5)
    again = (first + rng.integers(5, 60, 2_000))[comes]
    who = np.r_[np.arange(2_000), np.flatnonzero(comes)]
    return History.of_orders(who, np.r_[first, again], np.where(big, 9_000, 1_000)[who], as_of=300)
