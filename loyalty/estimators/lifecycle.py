"""Where each buyer stands, measured by their own rhythm.

The usual gap of a person is the mean of their gaps between visits, shrunk towards the shop's by the weight of two gaps:
(sum of gaps + 2 g0) / (number of gaps + 2), g0 the median over repeat buyers of their mean gap. One-time buyers get g0.

first_time  one visit, quiet for at most 4 usual gaps (and always within 30 days)
regular     quiet for at most 2 usual gaps (and always within 7 days)
slipping    quiet for longer than that
lapsed      quiet for more than 4 usual gaps (and more than 30 days)
won_back    had lapsed, bought again, has not bought since and is not slipping yet

A customer without an order is a prospect; those never reach this module.
"""

import numpy as np

from loyalty.estimators.base import Summary

STAGES = ("first_time", "regular", "slipping", "lapsed", "won_back")
PRIOR_GAPS = 2.0
SLIPPING_AFTER, LAPSED_AFTER = 2.0, 4.0  # usual gaps
SLIPPING_FLOOR, LAPSED_FLOOR = 7.0, 30.0  # days
NO_GAPS_YET = 60.0  # days: the shop's gap while nobody has come twice


def shop_gap(summary: Summary) -> float:
    """Return g0, the median over repeat buyers of their mean gap, in days."""
    some = summary.mean_gap[summary.visits > 1]
    return float(max(np.median(some), 1.0)) if len(some) else NO_GAPS_YET


def usual_gaps(summary: Summary) -> np.ndarray:
    """Return each buyer's usual gap in days, float64 [b]."""
    gaps = summary.visits - 1
    return (summary.recency + PRIOR_GAPS * shop_gap(summary)) / (gaps + PRIOR_GAPS)


def stages(summary: Summary) -> np.ndarray:
    """Return the stage of each buyer, int8 [b], index into STAGES."""
    s, usual = summary, usual_gaps(summary)
    slipping = s.quiet > np.maximum(SLIPPING_AFTER * usual, SLIPPING_FLOOR)
    lapsed = s.quiet > np.maximum(LAPSED_AFTER * usual, LAPSED_FLOOR)
    last_gap = np.nan_to_num(s.last_gap)
    gaps_before = np.maximum(s.visits - 2, 0)
    usual_before = (s.recency - last_gap + PRIOR_GAPS * shop_gap(s)) / (gaps_before + PRIOR_GAPS)
    came_back = last_gap > np.maximum(LAPSED_AFTER * usual_before, LAPSED_FLOOR)
    rules = {
        "lapsed": lapsed,
        "first_time": s.visits == 1,
        "slipping": slipping,
        "won_back": came_back,
    }
    stage = np.select(list(rules.values()), [STAGES.index(name) for name in rules], STAGES.index("regular"))
    return stage.astype(np.int8)
