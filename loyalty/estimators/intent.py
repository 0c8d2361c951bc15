"""Purchase intent: the chance of an order within the next days. The churn contest from its other side, sooner.

Who orders within a month is asked of the same rows, by the same candidates, tested on the same past: 1 - P(no order).
"""

from dataclasses import dataclass

import numpy as np

from loyalty.estimators import churn
from loyalty.estimators.base import History

HORIZON = 30
MOST_CUSTOMERS = 5_000  # drawn for learning; a second contest in one night is kept short


@dataclass
class Scores:
    """Chances in the order of base.summarise(history), [b]."""

    horizon: int
    chance: np.ndarray


def back_test(history: History, horizon: int = HORIZON) -> churn.Tests:
    """Replay the past and choose who speaks, as churn.back_test does."""
    return churn.back_test(history, horizon, most=MOST_CUSTOMERS)


def score(history: History, tests: churn.Tests) -> Scores:
    """Return everyone's chance of an order within the horizon of the tests."""
    return Scores(tests.horizon, 1 - churn.risks(history, tests))
