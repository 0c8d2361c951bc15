"""Offers sent, and offers held back by chance: the shop's own experiments, one row per customer and send.

Units: days are whole numbers since 1970-01-01; money is minor units of the shop's currency.
"""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from loyalty.estimators.base import NotEnoughData


@dataclass(frozen=True)
class Sends:
    """Every person a send was drawn for, whether written to or left alone, and what came of it.

    Rows of one `trial` (a run of a campaign) are compared with one another only: they were drawn from the same
    audience on the same day, and within a trial everybody had the same chance of each arm. Where the share left out
    differs between groups of people, each group is a trial of its own.
    """

    customer: np.ndarray  # int [n], the same number for the same person
    day: np.ndarray  # int [n], when it was sent or would have been
    arm: np.ndarray  # int [n], 0 left alone on purpose, k >= 1 the kind of offer arms[k]
    arms: tuple[str, ...]  # codes, arms[0] for nothing
    propensity: np.ndarray  # float [n], the chance of the arm that was drawn
    outcome: np.ndarray  # float [n], ordered within the window, 0 or 1
    profit: np.ndarray  # float [n], money earned in the window, the offer's cost taken off
    features: np.ndarray  # float [n, p], known before the send; nan where not known
    names: tuple[str, ...]  # of the features
    cell: np.ndarray  # int [n], e.g. the life-cycle stage on that day
    cells: tuple[str, ...]  # codes
    trial: np.ndarray = field(default=None)  # int [n], the run of a campaign; one trial when not given

    def __post_init__(self):
        if self.trial is None:
            object.__setattr__(self, "trial", np.zeros(len(self.customer), np.int64))
        sizes = {one.name: len(getattr(self, one.name)) for one in fields(self) if one.name not in CODES}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"sends: every array needs as many rows as the others, not {sizes}")
        if len(self) and not (np.min(self.propensity) > 0 and np.max(self.propensity) <= 1):
            raise ValueError("sends: a propensity is above 0 and at most 1")

    def __len__(self) -> int:
        return len(self.customer)

    def rows(self, which: np.ndarray) -> "Sends":
        """Return the rows at these places, or where this is true."""
        arrays = [one.name for one in fields(self) if one.name not in CODES]
        return replace(self, **{name: getattr(self, name)[which] for name in arrays})

    def folds(self, count: int, seed) -> np.ndarray:
        """Return each row's fold, int [n]; a person is in one fold."""
        people, person = np.unique(self.customer, return_inverse=True)
        return np.random.default_rng(seed).permutation(len(people))[person] % count

    def pair(self, arm: int) -> "Pair":
        """Return one offer against nothing, from the trials that drew between the two."""
        known = np.unique(self.trial[self.arm == arm])
        held = np.unique(self.trial[self.arm == 0])
        mine = np.isin(self.trial, np.intersect1d(known, held)) & ((self.arm == arm) | (self.arm == 0))
        treated = int((self.arm[mine] == arm).sum())
        if min(treated, int(mine.sum()) - treated) < FEWEST:
            raise NotEnoughData("sends", have=min(treated, int(mine.sum()) - treated), need=FEWEST)
        return Pair.of(self.rows(mine))


CODES = ("arms", "names", "cells")
FEWEST = 2  # written to, and left alone: fewer have no spread


@dataclass(frozen=True)
class Pair:
    """One offer against nothing: what comparisons and learners read."""

    sends: Sends
    treated: np.ndarray  # bool [n]
    chance: np.ndarray  # float [n], of being written to, for this person in this trial

    @classmethod
    def of(cls, sends: Sends) -> "Pair":
        treated = sends.arm > 0
        _, trial = np.unique(sends.trial, return_inverse=True)
        one, none = (
            np.bincount(trial[side], sends.propensity[side]) / np.bincount(trial[side]) for side in (treated, ~treated)
        )
        return cls(sends, treated, (one / (one + none))[trial])

    def __len__(self) -> int:
        return len(self.treated)

    def came(self) -> tuple[int, int]:
        """Return how many came of those left alone and of those written to."""
        came = self.sends.outcome > 0
        return int((came & ~self.treated).sum()), int((came & self.treated).sum())

    def rows(self, which: np.ndarray) -> "Pair":
        return Pair(self.sends.rows(which), self.treated[which], self.chance[which])
