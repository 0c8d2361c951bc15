"""The offer ladder: for each person the cheapest thing expected to work.

What an offer does is a change in the log-odds of an order within the window: it does little for whoever comes anyway
(p near 1) and for whoever is gone (p near 0).

    more(p) = expit(logit(p) + d) - p                                                      (1)
    gain    = more(p) m - give (p + more(p)) - given                                       (2)

m is the profit of one order, `give` what the offer costs when it is used (also by those who would have ordered anyway),
`given` what it costs whether they order or not (points). A rung pays from a gain of ATTENTION m on: the patience of
people with messages has a price too, though nobody sends a bill for it.

The changes d of all rungs are believed jointly: normal, with a mean of our guess and a shared part, so that a test of
one rung says something of the others. A shop's own randomised sends update them (the normal conjugate update: Gelman et
al., Bayesian Data Analysis, 3rd ed., eq. 3.12 with known variances). Expected profit of a promotion with the cost to
those who would buy anyway: Gubela & Lessmann 2021, *Uplift modeling with value-driven evaluation metrics*, Decision
Support Systems 150, eq. 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit, logit

from loyalty.estimators.bounds import EIGHT_OF_TEN
from loyalty.estimators.rungs import NOTHING, RUNGS, WITHOUT_MONEY

# Our guess until a shop has tested: small, and wide enough to include "no effect at all".
GUESS = {"reminder": 0.15, "note": 0.20, "points": 0.20, "shipping": 0.25, "gift": 0.25, "percent": 0.30}
SHARED, OWN = 0.40, 0.20  # standard deviations: of all rungs together, of each by itself
ATTENTION = 0.01  # orders: a message is worth sending from one more order in a hundred on
BEATEN_BY = 1.0  # standard errors by which a dearer rung must be better before it is taken
LEFT_OUT_EACH, MOST_SLICES = 5, 8  # people left out that a group of likely equals needs, groups of a trial at most


@dataclass(frozen=True)
class Measured:
    """What a shop's sends say of a rung, of everybody or of a cell: change in log-odds and its standard error."""

    rung: str
    change: float
    error: float
    cell: int = -1  # everybody


def alike(trial: np.ndarray, treated: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return in which group of likely equals everybody [n] is to be compared: one trial, about the same chance.

    The same change in everybody's log-odds looks smaller in a crowd of unequals than in each of them (M. Gail et al.
    1984, Biometrika 71(3)); eq. (1) asks for the change in each.
    """
    _, at = np.unique(trial, return_inverse=True)
    group = np.zeros(len(at), np.int64)
    for one in range(at.max(initial=-1) + 1):
        mine = np.flatnonzero(at == one)
        slices = int(np.clip((~treated[mine]).sum() // LEFT_OUT_EACH, 1, MOST_SLICES))
        edges = np.quantile(chance[mine], np.linspace(0, 1, slices + 1)[1:-1])
        group[mine] = one * MOST_SLICES + np.searchsorted(edges, chance[mine], side="right")
    return group


def measure(
    rung: str, ordered: np.ndarray, treated: np.ndarray, group: np.ndarray, *, cell: int = -1
) -> Measured | None:
    """Compare those written to with those left out [n], within each group; None where there is nothing to compare.

    The common odds ratio of Mantel and Haenszel over the groups, with the variance of J. Robins, N. Breslow and S.
    Greenland 1986, Biometrics 42(2), eq. 6. Where one side has nobody who ordered, Peto's one-step estimate, (O - E)
    over the hypergeometric variance: S. Yusuf, R. Peto et al. 1985, Progress in Cardiovascular Diseases 27(5).
    """
    _, at = np.unique(group, return_inverse=True)
    n, n1 = np.bincount(at), np.bincount(at, treated)
    came, came1 = np.bincount(at, ordered), np.bincount(at, ordered * treated)
    with_it, without = came1 * (n - n1 - came + came1) / n, (n1 - came1) * (came - came1) / n  # R and S of the paper
    R, S = with_it.sum(), without.sum()
    if R > 0 and S > 0:
        P = (came1 + n - n1 - came + came1) / n
        variance = (P @ with_it) / (2 * R**2) + (P @ without + (1 - P) @ with_it) / (2 * R * S)
        variance += ((1 - P) @ without) / (2 * S**2)
        return Measured(rung, float(np.log(R / S)), float(np.sqrt(variance)), cell)
    surprise = (came1 - came * n1 / n).sum()
    spread = (n1 * (n - n1) * came * (n - came) / (n**2 * np.maximum(n - 1, 1))).sum()
    return Measured(rung, float(surprise / spread), float(1 / np.sqrt(spread)), cell) if spread > 0 else None


@dataclass
class Beliefs:
    """What each rung does, in log-odds: `mean_` and `cell_spread_` [rungs, cells], `spread_` [rungs, rungs]."""

    cells: int = 1

    def fit(self, tests: list[Measured]) -> "Beliefs":
        """Learn from tests of everybody, then move the cells that were tested by themselves."""
        size = len(RUNGS)
        mean = np.array([GUESS.get(rung, 0.0) for rung in RUNGS])
        spread = np.full((size, size), SHARED**2) + np.eye(size) * OWN**2
        spread[0, :] = spread[:, 0] = 0.0  # nothing does nothing
        for one in tests:
            if one.cell < 0:
                mean, spread = self._learn(mean, spread, RUNGS.index(one.rung), one)
        self.mean_ = np.repeat(mean[:, None], self.cells, axis=1)
        self.spread_ = spread
        self.cell_spread_ = np.zeros((size, self.cells))  # beyond the doubt about the rung itself
        for rung in sorted({one.rung for one in tests if one.cell >= 0}):
            self._move(RUNGS.index(rung), [one for one in tests if one.rung == rung and one.cell >= 0])
        self.tested_ = frozenset(one.rung for one in tests)
        return self

    def _move(self, place: int, tests: list[Measured]) -> None:
        """Shrink cells towards their rung by how unlike they are: R. DerSimonian, N. Laird 1986, eq. 8."""
        change, error = np.array([[one.change, one.error] for one in tests]).T
        weight = 1 / error**2
        unlike = weight @ (change - np.average(change, weights=weight)) ** 2 - (len(tests) - 1)
        room = weight.sum() - (weight @ weight) / weight.sum()
        between = max(unlike / room, 0.0) if room > 0 else 0.0
        self.cell_spread_[place] = np.sqrt(between)
        for one in tests:
            trust = between / (between + one.error**2)
            self.mean_[place, one.cell] += trust * (one.change - self.mean_[place, one.cell])
            self.cell_spread_[place, one.cell] = np.sqrt(between * (1 - trust))

    @staticmethod
    def _learn(mean: np.ndarray, spread: np.ndarray, place: int, test: Measured) -> tuple[np.ndarray, np.ndarray]:
        pull = spread[:, place] / (spread[place, place] + test.error**2)
        return mean + pull * (test.change - mean[place]), spread - np.outer(pull, spread[place])

    def error(self, rung: int, cell: np.ndarray) -> np.ndarray:
        """Return the standard error of a rung's change for people of these cells."""
        return np.sqrt(self.spread_[rung, rung] + self.cell_spread_[rung, cell] ** 2)


@dataclass(frozen=True)
class People:
    """Who is asked about. Arrays [n]; money in minor units."""

    chance: np.ndarray  # of an order within the window if nothing is done, 0 to 1
    profit: np.ndarray  # what is left of one usual order
    may_write: np.ndarray  # bool
    is_locked: np.ndarray  # bool: never to be given money off
    cell: np.ndarray  # int, a place in Beliefs' cells
    give: Mapping[str, np.ndarray] = field(default_factory=dict)  # rung -> its cost if they order
    given: Mapping[str, np.ndarray] = field(default_factory=dict)  # rung -> its cost in any case
    able: Mapping[str, np.ndarray] = field(default_factory=dict)  # rung -> bool; a rung not here is not offered
    more: Mapping[str, np.ndarray] = field(default_factory=dict)  # rung -> effect learned person by person


@dataclass(frozen=True)
class Expected:
    """What a rung is expected to do for some people together: orders, minor units; 8 of 10 from `low` to `high`."""

    people: int
    orders: float  # more than without
    orders_low: float
    orders_high: float
    brings: float
    costs: float
    anyway: float  # of the costs, what goes to people who would have ordered without it
    gain: float
    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    """The rung of each person (place in RUNGS), what it is expected to bring, and by how much the chance rises, [n]."""

    rung: np.ndarray
    gain: np.ndarray
    more: np.ndarray


def choose(people: People, beliefs: Beliefs) -> Choice:
    """Return for each person the cheapest rung, or a dearer one that pays and beats all cheaper ones beyond noise."""
    size = len(people.chance)
    gain, slope = np.zeros((len(RUNGS), size)), np.zeros((len(RUNGS), size))
    more = np.zeros((len(RUNGS), size))
    allowed = np.zeros((len(RUNGS), size), bool)
    for place, rung in enumerate(RUNGS):
        allowed[place] = may(people, rung)
        more[place] = effect(people, beliefs, rung)
        gain[place] = profit_of(people, rung, more[place])
        after = people.chance + more[place]
        slope[place] = after * (1 - after) * (people.profit - _of(people.give, rung, size))  # of the gain, by d
    pays = allowed & (gain > ATTENTION * people.profit)
    error = np.stack([beliefs.cell_spread_[place, people.cell] for place in range(len(RUNGS))])
    chosen = np.zeros(size, int)
    steps = _by_cost(people)
    for at, place in enumerate(steps):
        take = pays[place].copy()
        for cheaper in steps[:at]:
            spread = beliefs.spread_
            variance = (
                slope[place] ** 2 * (spread[place, place] + error[place] ** 2)
                + slope[cheaper] ** 2 * (spread[cheaper, cheaper] + error[cheaper] ** 2)
                - 2 * slope[place] * slope[cheaper] * spread[place, cheaper]
            )
            noise = BEATEN_BY * np.sqrt(np.maximum(variance, 0))
            take &= ~allowed[cheaper] | (gain[place] - gain[cheaper] > noise)
        chosen[take] = place
    everybody = np.arange(size)
    return Choice(chosen, gain[chosen, everybody], more[chosen, everybody])


def _by_cost(people: People) -> list[int]:
    """Return the places of RUNGS from the cheapest to the dearest for this shop, without nothing."""
    size = len(people.chance)

    def cost(place: int) -> float:
        rung = RUNGS[place]
        return float((_of(people.give, rung, size) * people.chance + _of(people.given, rung, size)).sum())

    return sorted(range(1, len(RUNGS)), key=cost)


def may(people: People, rung: str) -> np.ndarray:
    """Tell who may be offered a rung: whoever may be written to, is able to use it, and is not locked, bool [n]."""
    size = len(people.chance)
    if rung == NOTHING:
        return np.ones(size, bool)
    able = people.able.get(rung, np.zeros(size, bool)) & people.may_write
    return able if rung in WITHOUT_MONEY else able & ~people.is_locked


def effect(people: People, beliefs: Beliefs, rung: str, *, off: float = 0.0) -> np.ndarray:
    """Return by how much the chance of an order rises, [n]: eq. (1), `off` standard errors from the middle."""
    place = RUNGS.index(rung)
    if place == 0:
        return np.zeros(len(people.chance))
    p = np.clip(people.chance, 1e-4, 1 - 1e-4)
    error = beliefs.error(place, people.cell)
    if rung in people.more:  # learned person by person; the doubt is that of the rung
        return np.clip(people.more[rung] + off * error * p * (1 - p), -people.chance, 1 - people.chance)
    return expit(logit(p) + beliefs.mean_[place, people.cell] + off * error) - p


def profit_of(people: People, rung: str, more: np.ndarray) -> np.ndarray:
    """Return the expected profit over doing nothing, [n]: eq. (2)."""
    size = len(people.chance)
    if rung == NOTHING:
        return np.zeros(size)
    return more * people.profit - _of(people.give, rung, size) * (people.chance + more) - _of(people.given, rung, size)


def expected(people: People, beliefs: Beliefs, rung: str, who: np.ndarray) -> Expected:
    """Return what a rung is expected to do for these people (bool [n]) together."""
    size = len(people.chance)
    more, low, high = (effect(people, beliefs, rung, off=off)[who] for off in (0.0, -EIGHT_OF_TEN, EIGHT_OF_TEN))
    give, given = _of(people.give, rung, size)[who], _of(people.given, rung, size)[who]
    chance, profit = people.chance[who], people.profit[who]
    costs = give * (chance + more) + given

    def total(more: np.ndarray) -> float:
        return float((more * profit - give * (chance + more) - given).sum())

    return Expected(
        people=int(who.sum()),
        orders=float(more.sum()),
        orders_low=float(low.sum()),
        orders_high=float(high.sum()),
        brings=float((more * profit).sum()),
        costs=float(costs.sum()),
        anyway=float(((give + given) * chance).sum()),
        gain=total(more),
        low=min(total(low), total(high)),
        high=max(total(low), total(high)),
    )


def _of(costs: Mapping[str, np.ndarray], rung: str, size: int) -> np.ndarray:
    return costs.get(rung, np.zeros(size))
