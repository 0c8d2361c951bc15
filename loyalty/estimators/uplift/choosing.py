"""May we tell customers apart by what an offer changes for them? Only if sends not learned from say so.

Sends are cut into folds of people; each fold is ordered by a learner fitted on the folds before it, never after, so
that the folds' z are independent when there is nothing to find (S. Wager 2024, "Sequential Validation of Treatment
Heterogeneity", arXiv 2405.05534; with ordinary cross-fitting their sum has twice the variance it claims). The mean z
over several cuts has at most the variance of one. The 95 % interval of the Qini must lie above zero, and cells must
differ at p < 0.025: together at most 5 % of shops without any difference are told of one.
"""

from dataclasses import dataclass, field

import numpy as np

from loyalty.estimators.uplift import measuring
from loyalty.estimators.uplift.effects import Z95, CellEffect, cell_effects, differ_p, whole_effect
from loyalty.estimators.uplift.learners import Averaged, fit_all
from loyalty.estimators.uplift.sends import Pair, Sends

LEARNED, CELLS, ALIKE, NOTHING = "learned", "cells", "alike", "nothing"
PERSUADABLE, SURE, LOST_CAUSE, DO_NOT_DISTURB = "persuadable", "sure", "lost_cause", "do_not_disturb"
FEWEST_ROWS = 5_000  # below that no learner was ever told from chance on real sends
FEWEST_CAME = 100  # on each side
FOLDS, REPEATS = 5, 3
MOST_ROWS = 40_000  # learned from and tested on; more would only take longer
TOP = 0.3
UNLIKE = 0.025


@dataclass(frozen=True)
class Choice:
    """What is known of one offer. `kind` says how far customers may be told apart.

    learned  the order of the learned uplift held on sends it had not seen: each customer has an effect
    cells    effects differ between cells, no finer
    alike    the offer changes something, and nothing shows that it does so more for some: send to all or to none
    nothing  nothing shows that the offer changes anything
    """

    kind: str
    whole: CellEffect
    cells: list[CellEffect]
    qini: float | None  # on sends not learned from; None where sends were too few to learn
    low: float | None  # 95 %
    high: float | None
    uplift_at_30: float | None  # effect among the best 30 %, on sends not learned from
    learner: Averaged | None = field(repr=False, default=None)

    def effects(self, features: np.ndarray, cell: np.ndarray, cells: tuple[str, ...]) -> np.ndarray:
        """Return what the offer is expected to change for people with these features [m, p] in these cells [m]."""
        if self.kind == LEARNED:
            return self.learner.effects(features)
        by_cell = {one.cell: one.effect for one in self.cells}
        return np.array([by_cell.get(code, self.whole.effect) for code in cells])[cell]

    def base(self, cell: np.ndarray, cells: tuple[str, ...]) -> np.ndarray:
        """Return what such people do when left alone, [m]."""
        by_cell = {one.cell: one.base for one in self.cells}
        return np.array([by_cell.get(code, self.whole.base) for code in cells])[cell]


def choose(sends: Sends, arm: int, *, of: str = "outcome", seed: int = 0) -> Choice:
    """Return what may be said about one offer, from the most that the shop's own sends bear out."""
    pair = sends.pair(arm)
    whole, cells = whole_effect(pair, of), cell_effects(pair, of)
    told = {"qini": None, "low": None, "high": None, "uplift_at_30": None}
    if len(pair) >= FEWEST_ROWS and min(pair.came()) >= FEWEST_CAME:
        told = tested(pair, of=of, seed=seed)["averaged"]
        if told["low"] > 0:
            return Choice(LEARNED, whole, cells, **told, learner=Averaged(of=of).fit(_drawn(pair, seed)))
    if differ_p(pair, of) < UNLIKE:
        return Choice(CELLS, whole, cells, **told)
    return Choice(ALIKE if whole.low > 0 or whole.high < 0 else NOTHING, whole, cells, **told)


def tested(pair: Pair, *, of: str = "outcome", seed: int = 0, every: bool = False) -> dict[str, dict[str, float]]:
    """Return by learner, on sends not learned from, Qini with its 95 % interval and the effect among the first 30 %.

    Only the learner that speaks, unless `every` is asked for; one that could not learn in every fold is left out.
    """
    pair = _drawn(pair, seed)
    y, pieces = getattr(pair.sends, of).astype(np.float64), {}
    drawn = np.where(pair.treated, pair.chance, 1 - pair.chance)
    for repeat in range(REPEATS):
        fold = pair.sends.folds(FOLDS, (seed, repeat))
        for test in range(1, FOLDS):
            before, held = pair.rows(fold < test), fold == test
            learners = fit_all(before, of=of, seed=seed) if every else {"averaged": Averaged(of=of).fit(before)}
            features, treated = pair.sends.features[held], pair.treated[held]
            gamma = measuring.doubly_robust(y[held], treated, pair.chance[held], *learners["averaged"].means(features))
            for name, learner in learners.items():
                score = learner.effects(features)
                found = measuring.gain(gamma, score, pair.sends.customer[held])
                unit = measuring.qini_of_area(y[held], treated, drawn[held])
                top = measuring.uplift_at(y[held], treated, score, TOP, drawn[held])
                pieces.setdefault(name, []).append((found.area, found.error, unit, top))
    whole = {name: np.array(rows) for name, rows in pieces.items() if len(rows) == REPEATS * (FOLDS - 1)}
    return {
        name: _interval(*rows[:, :3].T) | {"uplift_at_30": float(rows[:, 3].mean())} for name, rows in whole.items()
    }


def _drawn(pair: Pair, seed: int) -> Pair:
    """Return the sends of at most MOST_ROWS, whole people."""
    return pair if len(pair) <= MOST_ROWS else pair.rows(pair.sends.folds(-(-len(pair) // MOST_ROWS), (seed, 99)) == 0)


def _interval(area: np.ndarray, error: np.ndarray, unit: np.ndarray) -> dict[str, float]:
    """Return the Qini with its interval from areas, errors and what an area is worth, one a fold and repeat.

    Folds are weighted by one over their error, so that mean and error together are the sum of the folds' z.
    """
    error = np.maximum(error, 1e-300)
    middle = float(np.sum(area / error) / np.sum(1 / error) * unit.mean())
    sd = float(np.sqrt(FOLDS - 1) * REPEATS / np.sum(1 / error) * unit.mean())
    return {"qini": middle, "low": middle - Z95 * sd, "high": middle + Z95 * sd}


def four_groups(effect: np.ndarray, base: np.ndarray, *, least: float | None = None) -> np.ndarray:
    """Return a code for each person, from the effect of an offer [n] and the chance of coming without it [n].

    `least` is the change that counts; by default a tenth of the usual chance of coming.
    """
    effect, base = np.asarray(effect, np.float64), np.asarray(base, np.float64)
    usual = float(base.mean()) if len(base) else 0.0
    least = usual / 10 if least is None else least
    return np.select(
        [effect > least, effect < -least, base >= usual],
        [PERSUADABLE, DO_NOT_DISTURB, SURE],
        LOST_CAUSE,
    )
