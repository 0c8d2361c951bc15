"""A few states out of many values, cut where this shop's own customers lie."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Cuts:
    """Cut numbers into states of about the same number of people; many equal values stay together."""

    most: int = 4
    digits: int | None = None  # edges are rounded up to so many leading digits, so that they read well
    edges_: list[float] = field(default_factory=list)

    def fit(self, values: np.ndarray) -> "Cuts":
        """Learn the edges: the highest value of each state but the last."""
        found, count = np.unique(values, return_counts=True)
        edges: list[float] = []
        start = 0
        while start < len(found) and len(edges) < self.most - 1:
            reached = np.cumsum(count[start:])
            share = reached[-1] / (self.most - len(edges))
            place = start + int(np.argmin(np.abs(reached - share)))
            if place >= len(found) - 1:
                break
            edges.append(float(found[place]))
            start = place + 1
        if self.digits:
            edges = [_rounded_up(edge, self.digits) for edge in edges]
        self.edges_ = sorted({edge for edge in edges if edge < found[-1]})
        return self

    @property
    def size(self) -> int:
        return len(self.edges_) + 1

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return the state of each value, int64; values never seen before fall to the nearest end."""
        return np.searchsorted(self.edges_, values, side="left")


def _rounded_up(value: float, digits: int) -> float:
    if value <= 0:
        return value
    step = 10.0 ** (int(np.floor(np.log10(value))) + 1 - digits)
    return float(np.ceil(round(value / step, 9)) * step)
