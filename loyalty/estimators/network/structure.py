"""Which goes with which: three ways to find the arrows of a Bayesian network.

tree        C. K. Chow, C. N. Liu (1968), IEEE Trans. Information Theory 14(3): the spanning tree of the most mutual
            information; a branch that does not pay for its parameters is left out (D. Edwards et al. 2010, BMC
            Bioinformatics 11:18, minimal BIC forest).
classifier  N. Friedman, D. Geiger, M. Goldszmidt (1997), Machine Learning 29: tree-augmented naive Bayes; everything
            hangs on the target, and on at most one other thing besides.
climb       D. Heckerman, D. Geiger, D. Chickering (1995), Machine Learning 20: add, drop or turn one arrow at a time
            while the score rises; here the BIC (G. Schwarz 1978), which adds up over families.
telling     G. Cooper, E. Herskovits (1992), Machine Learning 9: K2's greedy search for the parents of one thing alone.

Ties fall to the earlier name, so that the same data give the same arrows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Parents = dict[str, tuple[str, ...]]

MOST_NAMES = 12
MOST_PARENTS = 3


@dataclass
class Counted:
    """Rows of states, each kind of row once, with how many there are of it."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    rows: np.ndarray  # int64 [kinds, names]
    weight: np.ndarray  # float64 [kinds]
    _families: dict = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, names: tuple[str, ...], sizes: tuple[int, ...], codes: np.ndarray) -> "Counted":
        """Count states [n, names], whole numbers from 0."""
        codes = np.asarray(codes, np.int64).reshape(-1, len(names))
        if len(codes) and (codes.min() < 0 or (codes.max(0) >= sizes).any()):
            raise ValueError("A state lies outside of those told.")
        kinds, weight = np.unique(np.ravel_multi_index(codes.T, sizes), return_counts=True)
        return cls(names, sizes, np.column_stack(np.unravel_index(kinds, sizes)), weight.astype(np.float64))

    @property
    def total(self) -> float:
        return float(self.weight.sum())

    def table(self, *names: str) -> np.ndarray:
        """Return how many rows show each combination of states, float64 with one axis for each name."""
        columns = [self.names.index(name) for name in names]
        shape = [self.sizes[column] for column in columns]
        place = np.ravel_multi_index([self.rows[:, column] for column in columns], shape)
        return np.bincount(place, self.weight, int(np.prod(shape))).reshape(shape)

    def bic(self, name: str, parents: tuple[str, ...]) -> float:
        """Return the family's part of the score: log-likelihood minus half a log(n) for each free parameter."""
        key = name, tuple(sorted(parents))
        if key not in self._families:
            counts = self.table(*key[1], name)
            rows = counts.reshape(-1, counts.shape[-1])
            of_row = rows.sum(1, keepdims=True)
            with np.errstate(divide="ignore", invalid="ignore"):
                told = np.where(rows > 0, rows * np.log(rows / of_row), 0.0).sum()
            free = len(rows) * (rows.shape[1] - 1)
            self._families[key] = float(told - free * np.log(max(self.total, 1.0)) / 2)
        return self._families[key]

    def information(self, first: str, second: str, given: str | None = None) -> float:
        """Return the mutual information of two, in nats, on average over the states of a third where one is given."""
        counts = self.table(first, second, given) if given else self.table(first, second)[:, :, None]
        share = counts / max(counts.sum(), 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = share * share.sum((0, 1)) / (share.sum(1, keepdims=True) * share.sum(0, keepdims=True))
            return float(np.where(share > 0, share * np.log(ratio), 0.0).sum())


def score(counted: Counted, parents: Parents) -> float:
    """Return the BIC of a whole network: the sum over its families."""
    return sum(counted.bic(name, parents[name]) for name in counted.names)


def tree(counted: Counted, root: str | None = None) -> Parents:
    """Return the Chow-Liu forest, its arrows pointing away from the root."""
    return _rooted(counted.names, _branches(counted, counted.names), root or counted.names[0])


def classifier(counted: Counted, target: str) -> Parents:
    """Return the tree-augmented naive Bayes network that tells the target."""
    features = tuple(name for name in counted.names if name != target)
    if not features:
        return {target: ()}
    hanging = _rooted(features, _branches(counted, features, given=target), features[0])
    return {name: () if name == target else (target, *hanging[name]) for name in counted.names}


def climb(counted: Counted, *, last: tuple[str, ...] = (), most_parents: int = MOST_PARENTS) -> Parents:
    """Return the best network found by single steps from no arrows and from the tree; nothing leaves the `last`."""
    if len(counted.names) > MOST_NAMES:
        raise ValueError(f"Hill climbing takes up to {MOST_NAMES} names, not {len(counted.names)}.")
    empty: Parents = dict.fromkeys(counted.names, ())
    starts = [empty]
    roots = [name for name in counted.names if name not in last]
    if roots:
        grown = tree(counted, roots[0])
        starts.append({name: tuple(one for one in grown[name] if one not in last) for name in counted.names})
    found = [_climb(counted, start, last, most_parents) for start in starts]
    return max(found, key=lambda parents: round(score(counted, parents), 6))


def telling(counted: Counted, target: str, *, most_parents: int = MOST_PARENTS) -> Parents:
    """Return the network in which only the target has parents: the next is the one that raises its score most."""
    above: tuple[str, ...] = ()
    others = [name for name in counted.names if name != target]
    while len(above) < most_parents:
        best = max(((*above, one) for one in others if one not in above), key=lambda new: counted.bic(target, new))
        if counted.bic(target, best) <= counted.bic(target, above):
            break
        above = best
    return {name: above if name == target else () for name in counted.names}


def _climb(counted: Counted, start: Parents, last: tuple[str, ...], most_parents: int) -> Parents:
    parents = dict(start)
    while True:
        best, gain = None, 1e-9
        for changed in _steps(parents, last, most_parents):
            more = sum(counted.bic(name, new) - counted.bic(name, parents[name]) for name, new in changed.items())
            if more > gain + 1e-9:
                best, gain = changed, more
        if best is None:
            return parents
        parents |= best


def _steps(parents: Parents, last: tuple[str, ...], most_parents: int):
    """Yield the families one step would change: an arrow dropped, turned round, or added."""
    for start in parents:
        for end in parents:
            if start == end:
                continue
            if start in parents[end]:
                without = tuple(one for one in parents[end] if one != start)
                yield {end: without}
                turned = {end: without, start: (*parents[start], end)}
                if end not in last and len(parents[start]) < most_parents and not reaches(parents | turned, end, start):
                    yield turned
            elif start not in last and len(parents[end]) < most_parents and not reaches(parents, end, start):
                yield {end: (*parents[end], start)}


def reaches(parents: Parents, start: str, end: str) -> bool:
    """Tell whether arrows lead from one to another: a further arrow back would close a circle."""
    waiting, seen = list(parents[end]), set()
    while waiting:
        name = waiting.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            waiting += parents[name]
    return False


def _branches(counted: Counted, names: tuple[str, ...], given: str | None = None) -> list[tuple[str, str]]:
    """Return the pairs of the heaviest forest (Kruskal), each worth more than its parameters cost."""
    price = np.log(max(counted.total, 1.0)) / 2
    size = dict(zip(counted.names, counted.sizes))
    pairs = []
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            free = (size[first] - 1) * (size[second] - 1) * (size[given] if given else 1)
            gain = counted.total * counted.information(first, second, given) - price * free
            if gain > 0:
                pairs.append((round(gain, 6), first, second))
    group = {name: name for name in names}
    found = []
    for _gain, first, second in sorted(pairs, key=lambda pair: -pair[0]):
        if group[first] != group[second]:
            found.append((first, second))
            old, new = group[second], group[first]
            group = {name: new if of == old else of for name, of in group.items()}
    return found


def _rooted(names: tuple[str, ...], branches: list[tuple[str, str]], root: str) -> Parents:
    """Return the forest with its arrows pointing away from the root, and from the first name of each other tree."""
    parents: Parents = {}
    for start in (root, *names):
        waiting = [] if start in parents else [(start, ())]
        while waiting:
            name, above = waiting.pop(0)
            parents[name] = above
            for pair in branches:
                if name in pair:
                    other = pair[0] if pair[1] == name else pair[1]
                    if other not in parents:
                        waiting.append((other, (name,)))
    return {name: parents[name] for name in names}


WAYS: dict[str, Callable[[Counted, str], Parents]] = {
    "tree": lambda counted, target: tree(counted, target),
    "climb": lambda counted, target: climb(counted, last=(target,)),
    "classifier": classifier,
}
