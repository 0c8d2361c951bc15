"""A Bayesian network as tables, and exact answers from it by variable elimination.

Source: N. L. Zhang, D. Poole (1994), "A simple approach to Bayesian network computations"; D. Koller, N. Friedman
(2009), "Probabilistic Graphical Models", algorithm 9.1. A table is a flat list, its last name counting fastest.

Plain Python, because tables are tiny and pages ask: NumPy would cost the web server more memory than that is worth.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose, prod


class Impossible(ValueError):
    """What is given cannot happen under this network."""


@dataclass(frozen=True)
class Factor:
    names: tuple[str, ...]
    values: list[float]  # one for each combination of states


@dataclass(frozen=True)
class Network:
    """P(everything) = product over names of P(name | its parents); `tables` have the parents first, the name last."""

    sizes: dict[str, int]  # how many states each has, in the order of the names
    parents: dict[str, tuple[str, ...]]
    tables: dict[str, list[float]]

    def __post_init__(self):
        in_order(self.parents)
        for name, size in self.sizes.items():
            table = self.tables[name]
            if len(table) != size * prod(self.sizes[parent] for parent in self.parents[name]):
                raise ValueError(f"The table of {name} does not fit its parents.")
            if not all(isclose(sum(table[at : at + size]), 1, abs_tol=1e-9) for at in range(0, len(table), size)):
                raise ValueError(f"A row of the table of {name} does not add up to 1.")

    def posterior(self, name: str, given: Mapping[str, int] | None = None) -> list[float]:
        """Return P(name = each of its states | given)."""
        return self.joint((name,), given)

    def joint(self, names: tuple[str, ...], given: Mapping[str, int] | None = None) -> list[float]:
        """Return P(names = each combination of states | given), the last name counting fastest."""
        given = dict(given or {})
        for known, state in given.items():
            if known not in self.sizes or not 0 <= state < self.sizes[known]:
                raise ValueError(f"{known} has no state {state}.")
        needed = self._ancestors({*names, *given})  # what lies below adds up to 1
        factors = [
            _at(Factor((*self.parents[name], name), self.tables[name]), given, names, self.sizes)
            for name in sorted(needed)
        ]
        hidden = needed - set(names) - set(given)
        while hidden:
            first = min(sorted(hidden), key=lambda name: self._cost(name, factors))
            hidden.remove(first)
            touched = [factor for factor in factors if first in factor.names]
            factors = [factor for factor in factors if first not in factor.names]
            factors.append(_without(first, touched, self.sizes))
        values = _product(names, factors, self.sizes)
        total = sum(values)
        if not total > 0:
            raise Impossible("This cannot happen under the network.")
        return [value / total for value in values]

    def as_json(self) -> dict:
        return {
            "sizes": self.sizes,
            "parents": {name: list(parents) for name, parents in self.parents.items()},
            "tables": self.tables,
        }

    @classmethod
    def from_json(cls, data: Mapping) -> "Network":
        parents = {name: tuple(parents) for name, parents in data["parents"].items()}
        return cls(dict(data["sizes"]), parents, dict(data["tables"]))

    def _ancestors(self, names: set[str]) -> set[str]:
        """Return the names themselves and all that lie above them."""
        found, waiting = set(), list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.parents[name]
        return found

    def _cost(self, name: str, factors: list[Factor]) -> int:
        """Return how large a table it takes to sum this name out now: the greedy order goes by it."""
        touched = {other for factor in factors if name in factor.names for other in factor.names}
        return prod(self.sizes[other] for other in touched)


def in_order(parents: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names with parents before children; refuse a circle."""
    placed: list[str] = []
    waiting = list(parents)
    while waiting:
        ready = [name for name in waiting if all(parent in placed for parent in parents[name])]
        if not ready:
            raise ValueError(f"The arrows run in a circle among {', '.join(waiting)}.")
        placed += ready
        waiting = [name for name in waiting if name not in ready]
    return placed


def _spread(factor: Factor, names: Iterable[str], sizes: Mapping[str, int]) -> list[float]:
    """Return the factor's values for each combination of states of more names than its own."""
    step, steps = 1, {}
    for name in reversed(factor.names):
        steps[name] = step
        step *= sizes[name]
    places = [0]
    for name in names:
        by, states = steps.get(name, 0), range(sizes[name])
        places = [place + by * state for place in places for state in states]
    return [factor.values[place] for place in places]


def _at(factor: Factor, given: Mapping[str, int], kept: tuple[str, ...], sizes: Mapping[str, int]) -> Factor:
    """Return the factor where what is given has happened; names asked for stay, with nothing at other states."""
    known = [name for name in factor.names if name in given]
    if not known:
        return factor
    free = tuple(name for name in factor.names if name not in given or name in kept)
    fixed = tuple(name for name in known if name not in kept)
    values = _spread(factor, (*fixed, *free), sizes)
    size, place = len(values) // prod(sizes[name] for name in fixed), 0
    for name in fixed:
        place = place * sizes[name] + given[name]
    values = values[place * size : (place + 1) * size]
    for name in known:
        if name in kept:
            wanted = _spread(Factor((name,), [float(s == given[name]) for s in range(sizes[name])]), free, sizes)
            values = [value * only for value, only in zip(values, wanted)]
    return Factor(free, values)


def _product(names: tuple[str, ...], factors: list[Factor], sizes: Mapping[str, int]) -> list[float]:
    values = [1.0] * prod(sizes[name] for name in names)
    for factor in factors:
        values = [value * more for value, more in zip(values, _spread(factor, names, sizes))]
    return values


def _without(name: str, factors: list[Factor], sizes: Mapping[str, int]) -> Factor:
    """Return the product of the factors with one name summed out."""
    others = tuple(sorted({other for factor in factors for other in factor.names} - {name}))
    values, size = _product((*others, name), factors, sizes), sizes[name]
    return Factor(others, [sum(values[at : at + size]) for at in range(0, len(values), size)])
