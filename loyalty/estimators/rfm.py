"""Grades 1 (least) to 5 (most) for recency, frequency and money, and six named groups.

A grade is the place among the shop's own customers: 1 + the share who do worse, in fifths (in thirds, told as 1, 3 and
5, below 100 customers). Equal values always get equal grades: for recency and money ties count half, for frequency not
at all, so that "one order" is grade 1 as long as anyone has ordered more often.

The groups, first match from above (R, F, M are the grades; the horizon is the shop's own, see churn.suggest_horizon):

new         one order, not longer ago than the horizon
champions   R >= 4, F >= 4, M >= 4, three orders or more
loyal       R >= 3, F >= 3, three orders or more
at_risk     R <= 2, F >= 3, two orders or more
promising   R >= 3
sleeping    everyone else
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from loyalty.estimators.base import Summary

GROUPS = ("champions", "loyal", "promising", "new", "at_risk", "sleeping")
THIRDS_BELOW = 100


@dataclass(frozen=True)
class Grades:
    """Arrays [b] in the order of the summary."""

    recency: np.ndarray  # int8, 1 to 5
    frequency: np.ndarray
    money: np.ndarray
    group: np.ndarray  # int8, index into GROUPS


def grade(values: np.ndarray, *, ties_half: bool) -> np.ndarray:
    """Return the grade of each value, int8 [n]; more is better."""
    size = len(values)
    if ties_half:
        below = (rankdata(values, method="average") - 0.5) / size
    else:
        below = (rankdata(values, method="min") - 1) / size
    parts = 3 if size < THIRDS_BELOW else 5
    place = np.minimum(np.floor(below * parts + 1e-9), parts - 1)
    return (1 + place * (2 if parts == 3 else 1)).astype(np.int8)


def grades(summary: Summary, horizon: int) -> Grades:
    """Return grades and groups of everyone who bought."""
    s = summary
    recency = grade(-s.quiet, ties_half=True)
    frequency = grade(s.visits, ties_half=False)
    money = grade(s.spend, ties_half=True)
    rules = {
        "new": (s.visits == 1) & (s.quiet <= horizon),
        "champions": (recency >= 4) & (frequency >= 4) & (money >= 4) & (s.visits >= 3),
        "loyal": (recency >= 3) & (frequency >= 3) & (s.visits >= 3),
        "at_risk": (recency <= 2) & (frequency >= 3) & (s.visits >= 2),
        "promising": recency >= 3,
    }
    group = np.select(list(rules.values()), [GROUPS.index(name) for name in rules], GROUPS.index("sleeping"))
    return Grades(recency, frequency, money, group.astype(np.int8))
