"""What each customer will bring within the horizon: money and orders, by several methods tested on the shop's own past.

The rows, the windows of the past and the season are those of the churn contest (estimators.churn): every method learns
only from windows that had ended by the cut, `stacked` and `hurdle` also from those that had begun. Money is net, minor
units.

average     the shop's mean, the same for everyone: what must be beaten
buying      expected orders (MBG/NBD) times the worth of an order (Gamma-Gamma)
past_spend  what the person spent in the last horizon
decayed     the same with old orders fading, half as much every two horizons
stacked     Poisson regression of all habits and of `decayed` on what `buying` misses, ridge
hurdle      P(any order) by the churn contest's regressions, times what somebody who comes brings
ridge       ridge regression of the log of money on all habits; polynomial: with squares and products of R, F, M and age
boosting    gradient boosted trees, Poisson loss (scikit-learn)
blend       the geometric mean of buying, decayed (not in larger shops), stacked, hurdle and boosting

All but `average` rank people; how much all bring together is taken from LEVEL: `buying`, moved by how far it was off in
the past windows. The choice is by Tweedie deviance (power 1.5: many zeros, few large) at the level each window turned
out to have, very large sums cut off: the first in METHODS within two standard errors of the best. The blend comes
first: a mean of forecasts is the safest of them, R. Clemen (1989), "Combining forecasts", Int. J. of Forecasting 5(4).
Intervals are conformal: what past forecasts of a similar size turned out to be, V. Vovk et al. (2005), "Algorithmic
learning in a random world", ch. 4 (by category).
"""

from loyalty.estimators.value.candidates import BASELINE, METHODS
from loyalty.estimators.value.contest import Entry, Tested, Tests, able, back_test, choose, entry_for, measures
from loyalty.estimators.value.scoring import COVERED, Scores, score
from loyalty.estimators.value.windows import Window

__all__ = [
    "BASELINE", "COVERED", "METHODS", "Entry", "Scores", "Tested", "Tests", "Window", "able", "back_test", "choose",
    "entry_for", "measures", "score",
]  # fmt: skip
