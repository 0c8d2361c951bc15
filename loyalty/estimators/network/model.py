"""The chances of a network's tables, learned from rows; and which structure to believe.

Chances carry a Dirichlet prior: STRENGTH imagined rows for each row of a table, spread like the thing itself over all
rows (N. Friedman et al. 1997, section 4), which in turn begins from one imagined row spread evenly. A combination never
seen is told what is usual, never that it cannot be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from scipy.special import betaln

from loyalty.estimators import evaluate
from loyalty.estimators.network import structure
from loyalty.estimators.network.structure import Counted, Parents
from loyalty.estimators.network.tables import Network

STRENGTH = 5.0
FOLDS = 4
WORTHS = (5, 10, 20, 50, 100, 200, 500, 1_000)
FEWEST_ALIKE = 10


def learn(counted: Counted, parents: Parents, *, strength: float = STRENGTH) -> Network:
    """Return the network of a structure with its tables learned from the rows."""
    tables = {}
    for name, size in zip(counted.names, counted.sizes):
        own = counted.table(name)
        usual = (own + 1 / size) / (own.sum() + 1)
        rows = counted.table(*parents[name], name).reshape(-1, size)
        table = (rows + strength * usual) / (rows.sum(1, keepdims=True) + strength) if parents[name] else usual
        tables[name] = table.ravel().tolist()
    return Network(dict(zip(counted.names, counted.sizes)), dict(parents), tables)


def chances(network: Network, target: str, codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return P(target | everything else) for rows whose other states are all known, [n, states of the target].

    Only the families the target is in tell it (its Markov blanket); the rest cancels out.
    """
    rows = len(next(iter(codes.values())))
    log = np.zeros((rows, network.sizes[target]))
    for name, above in network.parents.items():
        family = (*above, name)
        if target not in family:
            continue
        shape = [network.sizes[one] for one in family]
        table = np.log(np.maximum(np.array(network.tables[name]).reshape(shape), 1e-300))
        others = [one for one in family if one != target]
        states = np.moveaxis(table, family.index(target), -1).reshape(-1, network.sizes[target])
        if others:
            place = np.ravel_multi_index([codes[one] for one in others], [network.sizes[one] for one in others])
            log += states[place]
        else:
            log += states[0]
    log -= log.max(1, keepdims=True)
    told = np.exp(log)
    return told / told.sum(1, keepdims=True)


@dataclass(frozen=True)
class Trial:
    """How one way to find the arrows told a yes-or-no target of people it had not learned from."""

    way: str
    arrows: int
    log_loss: float
    chance: np.ndarray  # P(target = 1), [n]


@dataclass(frozen=True)
class Chosen:
    network: Network
    way: str
    trials: list[Trial]
    counted: Counted


def choose(
    names: tuple[str, ...], sizes: tuple[int, ...], codes: np.ndarray, target: str, *, folds: int = FOLDS, seed: int = 0
) -> Chosen:
    """Return the network whose way to find the arrows tells the target best on people left out, [n, names] given.

    Ways stand from the simplest on; the first within one standard error of the best is taken.
    """
    label = codes[:, names.index(target)] == 1
    fold = np.random.default_rng(seed).permutation(len(codes)) % folds
    told = {way: np.zeros(len(codes)) for way in structure.WAYS}
    for out in range(folds):
        counted = Counted.of(names, sizes, codes[fold != out])
        tested = {name: codes[fold == out, place] for place, name in enumerate(names)}
        for way, arrows in structure.WAYS.items():
            told[way][fold == out] = chances(learn(counted, arrows(counted, target)), target, tested)[:, 1]
    losses = {way: evaluate.log_losses(label, chance) for way, chance in told.items()}
    best = min(structure.WAYS, key=lambda way: losses[way].mean())
    way = next(
        way for way in structure.WAYS
        if (worse := losses[way] - losses[best]).mean() <= worse.std() / np.sqrt(len(codes))
    )  # fmt: skip
    counted = Counted.of(names, sizes, codes)
    found = {way: arrows(counted, target) for way, arrows in structure.WAYS.items()}
    trials = [
        Trial(one, sum(len(above) for above in found[one].values()), float(losses[one].mean()), told[one])
        for one in structure.WAYS
    ]
    return Chosen(learn(counted, found[way]), way, trials, counted)


def worth(network: Network, counted: Counted, target: str) -> int:
    """Return how many rows the network's answer weighs against the rows that were really so.

    Its answers to every pair of states are compared with what happened to the rows in both: the likeliest strength of a
    beta-binomial around them. A structure that leaves something out is worth less.
    """
    others = [name for name in counted.names if name != target]
    told, rows, hits = [], [], []
    for first, second in combinations(others, 2):
        counts = counted.table(first, second, target)
        for states in product(*(range(size) for size in counts.shape[:2])):
            of_both = counts[states]
            if of_both.sum() >= FEWEST_ALIKE:
                told.append(network.posterior(target, {first: states[0], second: states[1]})[1])
                rows.append(of_both.sum())
                hits.append(of_both[1])
    if not told:
        return WORTHS[0]
    told, rows, hits = np.clip(told, 1e-6, 1 - 1e-6), np.array(rows), np.array(hits)
    likely = [
        (betaln(hits + many * told, rows - hits + many * (1 - told)) - betaln(many * told, many * (1 - told))).sum()
        for many in WORTHS
    ]
    return WORTHS[int(np.argmax(likely))]
