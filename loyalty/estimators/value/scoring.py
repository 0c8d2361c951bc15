"""What the champion says of everyone at the cut: money with an interval, and orders."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from loyalty.estimators import churn
from loyalty.estimators.base import History
from loyalty.estimators.churn import Rows
from loyalty.estimators.value.candidates import level
from loyalty.estimators.value.contest import Tested, Tests, entry_for
from loyalty.estimators.value.windows import Window

COVERED = 0.8  # of customers whose money lies inside the interval told
CATEGORIES = 6


@dataclass
class Intervals:
    """How far money may lie from what was told: shares of the forecast, by categories of its size."""

    def fit(self, tested: list[Tested], name: str) -> "Intervals":
        told = np.concatenate([w.told[name] for w in tested])
        spent = np.concatenate([w.spent for w in tested])
        share = spent / np.maximum(told, 1e-9)
        count = min(CATEGORIES, max(len(told) // 50, 1))
        self.edges_ = np.quantile(told, np.linspace(0, 1, count + 1)[1:-1])
        place = np.searchsorted(self.edges_, told)
        tail = (1 - COVERED) / 2
        self.low_, self.high_ = np.zeros(count), np.zeros(count)
        for one in range(count):
            mine = np.sort(share[place == one])
            if not len(mine):  # every forecast here is the same
                self.low_[one], self.high_[one] = np.quantile(share, [tail, 1 - tail])
                continue
            size = len(mine)  # the (n + 1)-th part more on either side makes the promise hold in small shops too
            self.low_[one] = mine[max(int(np.floor((size + 1) * tail)) - 1, 0)]
            self.high_[one] = mine[min(int(np.ceil((size + 1) * (1 - tail))) - 1, size - 1)]
        return self

    def around(self, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the low and the high end around each forecast, two [b]; the forecast itself lies inside."""
        place = np.searchsorted(self.edges_, told)
        return np.minimum(told * self.low_[place], told), np.maximum(told * self.high_[place], told)


@dataclass
class Scores:
    """What the champion says of everyone at the cut. Arrays [b] in the order of the summary."""

    horizon: int
    value_minor: np.ndarray  # float64, money within the horizon
    low_minor: np.ndarray
    high_minor: np.ndarray
    orders: np.ndarray  # float64, orders within the horizon


@threadpool_limits.wrap(limits=1)
def score(history: History, tests: Tests, *, rows: Rows | None = None) -> Scores:
    """Let the champion speak about everyone in a history known up to its `as_of`."""
    today = Window(rows or churn.today(history, tests.horizon), history)
    entry = entry_for(tests, today)
    told = entry.told(tests.champion)
    low, high = Intervals().fit(tests.tested, tests.champion).around(told)
    factor = level(entry.windows, today, [(w.orders, w.expected_orders) for w in entry.windows])
    return Scores(tests.horizon, told, low, high, today.expected_orders * factor)
