"""Estimate how many of the points that are out will be redeemed, and how sure that is. Numbers in, numbers out.

The chain ladder (Mack 1993) on points not redeemed yet. Points earned in one month are a row; a column is their age in
months. Of the points of a row that could still be redeemed when an age began (`exposed`), some were redeemed during it.
The share at an age is pooled over the rows that have lived through it, each counted by its points (Mack's factor, which
is one less this share). A row goes on through the ages it has not seen with these shares, until its points expire.
Points that expire or are taken back leave the exposed ones without being redeemed: neither is mistaken for the other.

The range is a parametric bootstrap (England & Verrall 2002): the shares are drawn anew with the error they were
estimated with, then what the future adds to them, both from beta distributions, because a share lies between 0 and 1.
Their spread is that of points redeemed by chance, times one factor for points being redeemed in lumps, which is learnt
from all cells together: a spread of its own for each age, as Mack has it, is too small where few rows are old.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FEWEST_MONTHS = 4  # rows and columns below which there is nothing to learn from
TAIL_MONTHS = 6  # beyond the oldest age, points go on as they did in its last months
FOLLOWED_MONTHS = 60  # points that never expire are followed so far
DRAWS = 1_000
LOW, HIGH = 5, 95  # percentiles


class NotEnoughData(ValueError):
    """Too few months, or nothing was redeemed yet."""


@dataclass(frozen=True)
class Group:
    """Points that are out and go the same way."""

    row: int  # their earn month in the triangle
    age: int  # in months, now
    months: int | None  # how many months, this one included, they can still be redeemed; None: for ever
    points: int


@dataclass(frozen=True)
class RunOff:
    expected: float  # points
    low: float
    high: float
    of_groups: list[float]
    shares: list[float]  # redeemed at each age, of what was exposed


def estimate(
    *, exposed, redeemed, known, groups: Sequence[Group], month_left: float = 1.0, draws: int = DRAWS, seed: int = 1
) -> RunOff:
    """Return how many of the groups' points will be redeemed; raise NotEnoughData.

    exposed, redeemed: points, (rows, ages), the oldest row first. known: the same shape, true where the month is over.
    month_left: the share of the present month that is still to come, 0 to 1.
    """
    import numpy as np

    exposed, redeemed = np.asarray(exposed, float), np.asarray(redeemed, float)
    used = np.asarray(known, bool) & (exposed > 0)
    if used.any(axis=1).sum() < FEWEST_MONTHS or used.any(axis=0).sum() < FEWEST_MONTHS or not redeemed[used].any():
        raise NotEnoughData
    share, weight, lumps = _fit(exposed, redeemed, used)
    seen = len(share)
    length = max([group.age + (group.months or FOLLOWED_MONTHS) for group in groups] + [seen])
    last = slice(max(0, seen - TAIL_MONTHS), seen)
    rng = np.random.default_rng(seed)
    again = _drawn(np.tile(share, (draws, 1)), _over(weight, lumps), rng)
    share, again = _with_tail(share, weight, last, length), _with_tail(again, weight, last, length)

    of_groups, total = [0.0] * len(groups), np.zeros(draws)
    for row in sorted({group.row for group in groups}):
        members = [(number, group) for number, group in enumerate(groups) if group.row == row]
        age = members[0][1].age
        steps = max(group.months or FOLLOWED_MONTHS for _number, group in members)
        points = sum(group.points for _number, group in members)
        part = np.ones(steps)
        part[0] = month_left
        left = np.cumprod((1 - share[age : age + steps]) ** part)  # the share not redeemed after each month
        before = points * np.concatenate([[1.0], left[:-1]])
        drawn = _drawn(again[:, age : age + steps], _over(before, lumps), rng)
        drawn_left = np.cumprod((1 - drawn) ** part, axis=1)
        for number, group in members:
            last_step = (group.months or FOLLOWED_MONTHS) - 1
            of_groups[number] = float(group.points * (1 - left[last_step]))
            total += group.points * (1 - drawn_left[:, last_step])
    low, high = np.percentile(total, [LOW, HIGH])
    expected = sum(of_groups)
    return RunOff(
        expected=expected,
        low=min(float(low), expected),
        high=max(float(high), expected),
        of_groups=of_groups,
        shares=[float(one) for one in share[:seen]],
    )


def _fit(exposed, redeemed, used):
    """Return the share redeemed at each age (Mack 1993, eq. 3), the points it was counted on, and the lumps.

    lumps is Pearson's dispersion of the cells, 0 where they have no spread at all: so many points go at a time.
    """
    import numpy as np

    ages = int(np.flatnonzero(used.any(axis=0)).max()) + 1
    exposed, redeemed, used = exposed[:, :ages], redeemed[:, :ages], used[:, :ages]
    weight = np.where(used, exposed, 0).sum(axis=0)
    share = np.where(used, redeemed, 0).sum(axis=0) / np.maximum(weight, 1)
    seen = np.where(used, redeemed / np.where(used, exposed, 1), 0)
    chance = share * (1 - share)
    is_told = used & (chance > 0)
    squares = exposed * (seen - share) ** 2 / np.where(chance > 0, chance, 1)
    free = is_told.sum() - is_told.any(axis=0).sum()
    return share, weight, float(squares[is_told].sum() / free) if free > 0 else 0.0


def _with_tail(share, weight, last: slice, length: int):
    """Return shares (…, ages) up to `length`: ages nobody has lived through go on as the last ones, pooled."""
    import numpy as np

    tail = (share[..., last] * weight[last]).sum(axis=-1, keepdims=True) / weight[last].sum()
    return np.concatenate([share, np.repeat(tail, length - share.shape[-1], axis=-1)], axis=-1)


def _drawn(mean, count, rng):
    """Draw shares (draws, ages) of this mean, spread as those of so many independent lumps are."""
    import numpy as np

    is_random = (mean > 1e-12) & (mean < 1) & np.isfinite(count)
    precision = np.maximum(np.where(np.isfinite(count), count, 1) - 1, 0.05)
    safe = np.where(is_random, mean, 0.5)
    return np.where(is_random, rng.beta(safe * precision, (1 - safe) * precision), mean)


def _over(points, lumps: float):
    import numpy as np

    return points / lumps if lumps > 0 else np.full_like(points, np.inf)
