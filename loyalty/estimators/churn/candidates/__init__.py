"""The candidates of the churn contest, from most to least trusted: among equals the earlier speaks.

The blend stands first: a mean of forecasts is the safest of them. Then those that take least from the shop's own
windows, and so can go least wrong on them; the untouched models after the corrected one, because a correction held
close to none can only help.
"""

from collections.abc import Callable
from dataclasses import dataclass

from loyalty.estimators.churn.candidates.base import Candidate
from loyalty.estimators.churn.candidates.base_rate import BaseRate
from loyalty.estimators.churn.candidates.blend import Blend
from loyalty.estimators.churn.candidates.buying import Buying
from loyalty.estimators.churn.candidates.calibrated import Calibrated
from loyalty.estimators.churn.candidates.gap_rule import GapRule
from loyalty.estimators.churn.candidates.logistic import QUIET, RFMT, WIDE, Logistic
from loyalty.estimators.churn.candidates.network import BayesianNetwork
from loyalty.estimators.churn.candidates.rhythm import PersonalRhythm
from loyalty.estimators.churn.candidates.svm import Svm
from loyalty.estimators.churn.candidates.trees import Boosting, Forest, Tree

BASELINE = "base_rate"
LEVEL = "calibrated"  # the candidate that tells how many leave in all
MEMBERS = ("calibrated", "rhythm", "stacked", "logistic", "logistic_wide", "forest", "boosting")


@dataclass(frozen=True)
class Method:
    make: Callable[..., Candidate]
    fewest: int  # customers known when the newest finished window began
    learns: bool = True  # from finished windows
    early: bool = False  # from those that have not ended as well, by what has come of them so far
    ranks: bool = True  # it ranks people; how many leave in all is taken from LEVEL
    members: tuple[str, ...] = ()  # of a blend: those of them that the shop is large enough for


METHODS: dict[str, Method] = {
    "base_rate": Method(BaseRate, 10, ranks=False),
    "blend": Method(Blend, 10, members=MEMBERS),
    "calibrated": Method(Calibrated, 10, ranks=False),
    "mbgnbd": Method(Buying, 10, learns=False),
    "bgnbd": Method(lambda: Buying("bgnbd"), 10, learns=False),
    "paretonbd": Method(lambda: Buying("paretonbd"), 10, learns=False),
    "rhythm": Method(PersonalRhythm, 10, learns=False),
    "gap_rule": Method(GapRule, 10),
    "recency": Method(lambda: Logistic(QUIET), 10),
    "stacked": Method(lambda: Logistic(WIDE, on_model=True, with_taste=True), 300, early=True),
    "logistic": Method(lambda: Logistic(RFMT), 100, early=True),
    "logistic_wide": Method(lambda: Logistic(WIDE, with_taste=True), 500, early=True),
    "network": Method(BayesianNetwork, 300),
    "tree": Method(Tree, 500),
    "forest": Method(Forest, 500),
    "boosting": Method(Boosting, 3_000),
    "svm": Method(Svm, 3_000),
}
