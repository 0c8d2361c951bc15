"""One window of the past, or today: what was known when it began, and what it brought."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loyalty.estimators.base import History, counts_between
from loyalty.estimators.churn import Rows
from loyalty.estimators.spend import GammaGamma

TOP = 0.995  # quantile above which a single order or a window's spend is cut off for learning


@dataclass
class Window:
    """One past window: what was known when it began, and what it brought. Arrays [b]."""

    rows: Rows
    past: History
    spent: np.ndarray | None = None  # float64, net minor units, never below zero
    orders: np.ndarray | None = None  # days with an order

    @classmethod
    def at(cls, rows: Rows, past: History, label_from: History | None = None) -> "Window":
        if label_from is None:
            return cls(rows, past)
        orders, spent = counts_between(label_from, rows.cut + 1, rows.cut + rows.horizon)
        return cls(rows, past, np.maximum(spent[rows.summary.customer], 0.0), orders[rows.summary.customer])

    @cached_property
    def worth(self) -> np.ndarray:
        """Return the worth of each person's orders under the Gamma-Gamma, [b].

        What single huge orders are cut off by is spread over all: it says little of who, but something of how much.
        """
        visits, count = self.past.visits, self.rows.summary.visits
        whole = np.maximum(visits.amount, 0.0)
        amount = np.minimum(whole, np.quantile(visits.amount, TOP))
        mean = np.bincount(np.repeat(np.arange(len(count)), count), amount) / count
        return GammaGamma().fit(count, mean).mean(count, mean) * (whole.sum() / max(amount.sum(), 1e-9))

    @cached_property
    def expected_orders(self) -> np.ndarray:
        """Return the orders the MBG/NBD expects within the horizon, season taken into account, [b]."""
        s = self.rows.summary
        return self.rows.model.expected(s.repeats, s.recency, s.age, self.rows.days)

    def habits(self, taste) -> np.ndarray:
        return np.column_stack([self.rows.features, taste.of(self.rows.baskets)])
