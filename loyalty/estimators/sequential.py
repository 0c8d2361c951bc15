"""A test of two versions that may be looked at at any time: group-sequential, with alpha spending.

K. Lan, D. DeMets (1983), Biometrika 70: at information fraction t a test may have used up so much of its error;
P. O'Brien, T. Fleming (1979), Biometrics 35, for the shape: little at first. The boundaries that spend it are found by
integrating the density of the score that has not crossed yet from look to look: P. Armitage, C. McPherson, B. Rowe
(1969), JRSS A 132; C. Jennison, B. Turnbull (2000), Group Sequential Methods, chapter 19. Nothing is simulated.

Times are information fractions t in (0, 1]; the score B(t) is Brownian with `drift` per unit of t, z = B / sqrt(t).
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, ndtr, ndtri

from loyalty.estimators.base import NotEnoughData
from loyalty.estimators.sizing import ALPHA

FAR = 10.0  # standard errors nobody meets: a look that may spend nothing yet
LEAST_SPENT = 1e-14
FEWEST_EVENTS = 10  # of both versions together, before a normal approximation is trusted


def spent(t: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """Return how much of a two-sided alpha may be used up by information fraction t: O'Brien-Fleming-type."""
    t = np.clip(np.asarray(t, np.float64), 1e-12, 1.0)
    return 4 * ndtr(-ndtri(1 - alpha / 4) / np.sqrt(t))


@dataclass(frozen=True)
class Stage:
    """What the integration knows after a look: chances to cross there, and the density of what goes on."""

    up: float
    down: float
    points: np.ndarray  # of B(t), [g]
    mass: np.ndarray  # density times quadrature weight, [g]


def bounds(times: Sequence[float], *, alpha: float = ALPHA) -> np.ndarray:
    """Return the z each look must reach, [k]; looks may fall at any times, and later ones do not move earlier ones."""
    times = _checked(times)
    may, used, found = spent(times, alpha), 0.0, np.empty(len(times))
    stage, before = None, 0.0
    for k, t in enumerate(times):
        side = (may[k] - used) / 2
        found[k] = FAR if side < LEAST_SPENT else _solve(stage, before, t, side)
        stage, before = _next(stage, before, t, found[k], drift=0.0), t
        used += stage.up + stage.down
    return found


def next_limit(information: Sequence[float], limits: Sequence[float], *, may: float) -> float:
    """Return the z the last look must reach, so that `may` of the error is used up with it.

    `information` [k] of all looks in any unit, `limits` [k - 1] as they were used. The last look of a test asks with
    the whole alpha, also where it ends with more or less information than was planned (Jennison and Turnbull, 7.2).
    """
    times = _checked(np.asarray(information, np.float64) / information[-1])
    stage, before, used = None, 0.0, 0.0
    for t, limit in zip(times[:-1], limits):
        stage, before = _next(stage, before, t, limit, drift=0.0), t
        used += stage.up + stage.down
    side = (may - used) / 2
    return FAR if side < LEAST_SPENT else _solve(stage, before, 1.0, side)


def crossing(times: Sequence[float], limits: Sequence[float], *, drift: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the chances to cross upwards and downwards at each look, [k] and [k]."""
    stage, before, ups, downs = None, 0.0, [], []
    for t, limit in zip(_checked(times), limits):
        stage, before = _next(stage, before, t, limit, drift=drift), t
        ups.append(stage.up)
        downs.append(stage.down)
    return np.array(ups), np.array(downs)


def power(times: Sequence[float], *, drift: float, alpha: float = ALPHA) -> float:
    """Return the chance to see a difference (on its own side) that moves the score by `drift` at full information."""
    ups, _downs = crossing(times, bounds(times, alpha=alpha), drift=drift)
    return float(ups.sum())


def p_value(times: Sequence[float], limits: Sequence[float], z: float, *, drift: float = 0.0) -> float:
    """Return the two-sided p of a test that stopped at the last of `times` with z, by stage-wise ordering.

    More extreme is what stopped earlier on that side, then what stood higher at the same look
    (Jennison and Turnbull, section 8.4). Under another `drift` it tells how surprising the result is there.
    """
    up = _tail(times, limits, z, drift=drift)
    return min(1.0, 2 * min(up, 1 - up))


def estimate(times: Sequence[float], limits: Sequence[float], z: float, *, alpha: float = ALPHA) -> tuple:
    """Return (low, middle, high) of the drift of a test that stopped: median-unbiased, by stage-wise ordering."""
    at, far = z / math.sqrt(times[-1]), 12 / times[-1]

    def drift_where(share: float) -> float:
        return brentq(lambda drift: _tail(times, limits, z, drift=drift) - share, at - far, at + far, xtol=1e-5)

    return drift_where(alpha / 2), drift_where(0.5), drift_where(1 - alpha / 2)


def conditional_power(t: float, z: float, *, drift: float, limit: float) -> float:
    """Return the chance to end beyond `limit`, on the side of z, if the rest of the test moves by `drift` per unit."""
    left = 1 - t
    if left <= 0:
        return float(abs(z) >= limit)
    side = 1.0 if z >= 0 else -1.0
    return float(ndtr((side * (z * math.sqrt(t) + drift * left) - limit) / math.sqrt(left)))


@dataclass(frozen=True)
class Score:
    """The difference between two versions: `value` with variance `information` when there is none."""

    value: float
    information: float

    @property
    def z(self) -> float:
        return self.value / math.sqrt(self.information) if self.information > 0 else 0.0

    @property
    def effect(self) -> float:
        """Return value per information: about the log odds ratio of proportions, the difference of means."""
        return self.value / self.information if self.information > 0 else 0.0


def proportions(events: np.ndarray, people: np.ndarray) -> Score:
    """Compare second with first by events [r, 2] of people [r, 2], each mailing with itself (Cochran 1954).

    Comparing within mailings keeps the season out, and keeps it fair where earlier results decided how many of the
    next mailing got which version: each mailing's part has mean zero given all before it.
    """
    events, people = np.asarray(events, np.float64), np.asarray(people, np.float64)
    both = people.min(axis=1) > 0
    events, people = events[both], people[both]
    if events.sum() < FEWEST_EVENTS:
        raise NotEnoughData("orders", have=events.sum(), need=FEWEST_EVENTS)
    n = people.sum(axis=1)
    weight = people[:, 0] * people[:, 1] / n
    rate = events.sum(axis=1) / n
    value = float((weight * (events[:, 1] / people[:, 1] - events[:, 0] / people[:, 0])).sum())
    return Score(value, float((weight * rate * (1 - rate)).sum()))


def means(sums: np.ndarray, squares: np.ndarray, people: np.ndarray) -> tuple[float, float]:
    """Return (difference, its standard error) of means, second minus first, from sums and sums of squares [r, 2]."""
    sums, squares, people = (np.asarray(values, np.float64) for values in (sums, squares, people))
    both = people.min(axis=1) > 1
    if not both.any():
        raise NotEnoughData("rows", have=0, need=2)
    sums, squares, people = sums[both], squares[both], people[both]
    weight = people[:, 0] * people[:, 1] / people.sum(axis=1)
    mean = sums / people
    variance = np.maximum(squares - sums * mean, 0.0) / (people - 1) / people
    total = weight.sum()
    difference = float((weight * (mean[:, 1] - mean[:, 0])).sum() / total)
    return difference, float(np.sqrt((weight**2 * variance.sum(axis=1)).sum()) / total)


@functools.cache
def _quadrature(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the points and weights of Gauss and Legendre on (-1, 1)."""
    return np.polynomial.legendre.leggauss(count)


def _checked(times: Sequence[float]) -> np.ndarray:
    times = np.asarray(times, np.float64)
    if not len(times) or times[0] <= 0 or times[-1] > 1 + 1e-12 or (np.diff(times) <= 0).any():
        raise ValueError("Looks must rise from above 0 to at most 1.")
    return times


def mismatch(people: np.ndarray, shares: np.ndarray) -> float:
    """Return how likely so uneven numbers [r, k] are, where mailings were dealt with these chances [r, k].

    Pearson's chi-squared. A test whose versions reached other numbers lost customers on the way, and not by chance
    (A. Fabijan et al. 2019, KDD, "Diagnosing sample ratio mismatch in online controlled experiments").
    """
    people, shares = np.asarray(people, np.float64), np.asarray(shares, np.float64)
    dealt = shares > 0
    expected = people.sum(axis=1, keepdims=True) * shares
    away = np.where(dealt, (people - expected) ** 2 / np.where(expected > 0, expected, 1.0), 0.0).sum()
    freedom = (dealt.sum(axis=1) - 1).sum()
    return float(chdtrc(freedom, away)) if freedom else 1.0


def _tail(times: Sequence[float], limits: Sequence[float], z: float, *, drift: float) -> float:
    """Return the chance of what is at least as high as z by stage-wise ordering; limits stand on both sides of zero."""
    ups, downs = crossing(times, [*limits[: len(times) - 1], abs(z)], drift=drift)
    return float(ups.sum() if z >= 0 else 1 - downs.sum())


def _solve(stage: Stage | None, before: float, t: float, side: float) -> float:
    """Return z so that the chance of reaching it for the first time at t is `side`."""
    if stage is None:
        return float(-ndtri(side))
    step = math.sqrt(t - before)

    def excess(z: float) -> float:
        return float(stage.mass @ ndtr((stage.points - z * math.sqrt(t)) / step)) - side

    return FAR if excess(FAR) > 0 else brentq(excess, 0.0, FAR, xtol=1e-10)


def _next(stage: Stage | None, before: float, t: float, limit: float, *, drift: float) -> Stage:
    """Carry the density over to the look at t with limit z; what crosses there leaves."""
    end, step = limit * math.sqrt(t), math.sqrt(t - before)
    shift = drift * (t - before)
    # so many points that the narrowest bell is seen well: the quadrature error falls exponentially
    reach = min(end, FAR * math.sqrt(t) + abs(drift) * t)
    points, weights = _quadrature(40 * math.ceil(min(10.0, 1 + 0.35 * reach / step)))
    points, weights = points * reach, weights * reach
    if stage is None:
        density = np.exp(-0.5 * ((points - shift) / step) ** 2)
        up, down = ndtr((shift - end) / step), ndtr((-end - shift) / step)
    else:
        density = np.exp(-0.5 * ((points[:, None] - stage.points - shift) / step) ** 2) @ stage.mass
        up = stage.mass @ ndtr((stage.points + shift - end) / step)
        down = stage.mass @ ndtr((-end - stage.points - shift) / step)
    return Stage(float(up), float(down), points, density * weights / (step * math.sqrt(2 * math.pi)))
