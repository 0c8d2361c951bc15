"""A network's answer weighed against the rows really so, and how sure that is. Plain Python, as `tables` is."""

from math import sqrt

SURE = 1.645  # standard errors: 9 of 10


def weighed(told: float, worth: float, *, rows: float, hits: float) -> float:
    """Return the share told by a network worth so many rows (model.worth), corrected by the rows in question."""
    return (worth * told + hits) / (worth + rows)


def wilson(share: float, rows: float) -> tuple[float, float]:
    """Return E. Wilson's 90 % interval (1927, JASA 22) of a share seen on so many rows."""
    rows = max(rows, 1)
    square = SURE**2 / rows
    middle, half = share + square / 2, SURE * sqrt(share * (1 - share) / rows + square / (4 * rows))
    return (middle - half) / (1 + square), (middle + half) / (1 + square)
