"""Who will not come back within the horizon: several methods, each tested on the shop's own past.

"Left" means: no order in the `horizon` days after the cut. Everyone who ever bought is scored. Methods learn from
windows that had ended by the cut, some also from those that had begun, by what had come of them until then. Purchase
intent is the same question from the other side: 1 - risk.

rows       what is known of everyone at a cut       season     how busy the window ahead will be
candidates the methods, one file each               contest    replay the past, choose, forecast
taste      what kinds of products people buy        scoring    risk, money at stake and reasons for everyone
calibration  correct the chances by the past

Level: how many leave in all is season and trend, which windows of the past tell badly. So all candidates but the base
rate only rank, and take the level from `calibrated`, the MBG/NBD corrected by two numbers.
"""

from loyalty.estimators.churn.candidates import BASELINE, METHODS
from loyalty.estimators.churn.candidates.calibrated import foretold
from loyalty.estimators.churn.contest import (
    MOST_WINDOWS,
    Replay,
    Tests,
    able,
    back_test,
    entry_for,
    forecaster,
    replay,
    rising_for_one_timers,
)
from loyalty.estimators.churn.rows import (
    FEATURES,
    FEWEST_CUSTOMERS,
    MOST_CUSTOMERS,
    Rows,
    draw_customers,
    rows_at,
    suggest_horizon,
)
from loyalty.estimators.churn.scoring import ASPECTS, Scores, order_worth, reasons, risks, score, today
from loyalty.estimators.churn.season import season

__all__ = [
    "ASPECTS", "BASELINE", "FEATURES", "FEWEST_CUSTOMERS", "METHODS", "MOST_CUSTOMERS", "MOST_WINDOWS", "Replay",
    "Rows", "Scores", "Tests", "able", "back_test", "draw_customers", "entry_for", "forecaster", "foretold",
    "order_worth", "reasons", "replay", "rising_for_one_timers", "risks", "rows_at", "score", "season",
    "suggest_horizon", "today",
]  # fmt: skip
