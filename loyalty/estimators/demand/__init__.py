"""How many units of each product will be sold in the weeks ahead: candidates, their test on the past, their spans."""

from loyalty.estimators.demand.contest import (
    BASELINE,
    CANDIDATES,
    COVERED,
    WEEKS,
    Ahead,
    Tests,
    back_test,
    measures,
    suggest_weeks,
)
from loyalty.estimators.demand.sales import Sales

__all__ = [
    "BASELINE",
    "CANDIDATES",
    "COVERED",
    "WEEKS",
    "Ahead",
    "Sales",
    "Tests",
    "back_test",
    "measures",
    "suggest_weeks",
]
