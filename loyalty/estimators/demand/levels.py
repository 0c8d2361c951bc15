"""What a product sells in the weeks ahead, told from its own past weeks and from the shop's year.

Croston: J. Croston (1972), Operational Research Quarterly 23(3), corrected by A. Syntetos, J. Boylan (2005),
International Journal of Forecasting 21(2), eq. 7 (SBA). TSB: R. Teunter, A. Syntetos, M. Babai (2011), European Journal
of Operational Research 214(3), eq. 2. Damped trend: E. Gardner, E. McKenzie (1985), Management Science 31(10).
Smoothing with weights that start at a product's first week: the sum of weights is divided out, so that young products
are not pulled to zero.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

YEAR = 52  # weeks
QUARTER = 13
PACES = (0.03, 0.06, 0.12, 0.25, 0.5)  # how fast the old is forgotten, per week
SPREAD = 0.3  # how far a shop's year usually swings from its mean, as a logarithm, first harmonic
HARMONICS = 8
OWN_YEAR = 25.0  # units in a product's own season that weigh as much as the shop's: products differ from it by a fifth
SO_FAR = 8.0  # units of last year's season so far that weigh as much as "like last year"
TREND, SLOPE, DAMPING = 0.2, 0.05, 0.9
SLOW = 0.1  # pace of Croston's sizes and gaps
FEWEST_QUIET = 8  # weeks without a sale before a product may be called stopped
IN_SEASON = 0.75  # of a year's units within a quarter: a product of one season
FEWEST_IN_SEASON = 8  # units
GIVEN_UP = 0.02  # it has stopped when a silence this long had a smaller chance than this


@dataclass(frozen=True)
class Past:
    """A shop's weeks as known at one origin."""

    day: int  # the last day known
    ahead: int  # weeks to look ahead
    weeks: np.ndarray  # float64 [p, w], units, large lines capped

    @property
    def width(self) -> int:
        return self.weeks.shape[1]

    @cached_property
    def has_sold(self) -> np.ndarray:
        return (self.weeks > 0).any(axis=1)

    @cached_property
    def age(self) -> np.ndarray:
        """Return the weeks since each product's first sale, the running one counted, int64 [p] >= 1."""
        return np.where(self.has_sold, self.width - np.argmax(self.weeks > 0, axis=1), 1)

    @cached_property
    def quiet(self) -> np.ndarray:
        """Return the weeks since each product's last sale, int64 [p]."""
        return np.where(self.has_sold, np.argmax(self.weeks[:, ::-1] > 0, axis=1), self.width)

    @cached_property
    def busy(self) -> np.ndarray:
        """Return in how many weeks each product sold, int64 [p]."""
        return (self.weeks > 0).sum(axis=1)

    @cached_property
    def is_alive(self) -> np.ndarray:
        """Return which products still sell, judged by their own gaps, bool [p].

        The chance of a sale in a week is the share of weeks with one between first and last sale, drawn to the shop's;
        a silence less likely than GIVEN_UP ends it, unless it sells in one season only.
        """
        span, hits = np.maximum(self.age - self.quiet - 1, 0), np.maximum(self.busy - 1, 0)
        usual = hits.sum() / max(span.sum(), 1)
        chance = np.clip((hits + 4 * usual) / (span + 4), 1e-6, 1 - 1e-6)
        silent = (self.quiet >= FEWEST_QUIET) & (self.quiet * np.log1p(-chance) < np.log(GIVEN_UP))
        return self.has_sold & (~silent | self.is_seasonal)

    @cached_property
    def is_seasonal(self) -> np.ndarray:
        """Return which products sell in one season only, bool [p].

        Three quarters of all their units fell into the same 13 weeks of the year; they were there a year ago and sold
        within it. The year is taken as a ring: a season may lie across its end.
        """
        if self.width < YEAR + self.ahead:
            return np.zeros(len(self.weeks), bool)
        folded = np.pad(self.weeks, ((0, 0), (-self.width % YEAR, 0))).reshape(len(self.weeks), -1, YEAR).sum(axis=1)
        ring = np.cumsum(np.hstack([np.zeros((len(folded), 1)), folded, folded[:, : QUARTER - 1]]), axis=1)
        best = (ring[:, QUARTER:] - ring[:, :-QUARTER]).max(axis=1)
        units = folded.sum(axis=1)
        is_here = (self.age >= YEAR - QUARTER) & (self.quiet < YEAR)
        return is_here & (units >= FEWEST_IN_SEASON) & (best >= IN_SEASON * units)

    @cached_property
    def blocks(self) -> tuple[np.ndarray, np.ndarray]:
        """Return units per stretch of `ahead` weeks, newest first, float64 [p, b], and which are within its life."""
        count = max(self.width // self.ahead, 1)
        newest = self.weeks[:, ::-1][:, : count * self.ahead]
        if newest.shape[1] < count * self.ahead:
            newest = np.pad(newest, ((0, 0), (0, count * self.ahead - newest.shape[1])))
        sums = newest.reshape(len(newest), count, self.ahead).sum(axis=2)
        return sums, (np.arange(count) + 1) * self.ahead <= np.maximum(self.age, self.ahead)[:, None]

    @cached_property
    def scale(self) -> np.ndarray:
        """Return what the plain rule is usually off by, units [p]: the divisor of the scaled errors.

        Root mean square of the differences between stretches in a row, with one more as chance alone would have it.
        R. Hyndman, A. Koehler (2006), International Journal of Forecasting 22(4), squared as in the M5 competition.
        """
        sums, lived = self.blocks
        both = lived[:, 1:] & lived[:, :-1]
        apart = ((sums[:, 1:] - sums[:, :-1]) ** 2 * both).sum(axis=1)
        by_chance = 2 * np.maximum((sums * lived).sum(axis=1) / lived.sum(axis=1), 0.5)
        return np.sqrt((apart + by_chance) / (both.sum(axis=1) + 1))

    @cached_property
    def restlessness(self) -> np.ndarray:
        """Return how unevenly a product sells, [p]: 1 as chance alone would, more where sales come in bursts."""
        sums, lived = self.blocks
        count = lived.sum(axis=1)
        mean = (sums * lived).sum(axis=1) / count
        off = ((sums - mean[:, None]) ** 2 * lived).sum(axis=1)
        told = (count > 1) & (mean > 0)
        usual = off[told].sum() / max(((count - 1) * mean)[told].sum(), 1e-9) if told.any() else 1.0
        usual = max(usual, 1.0)
        return np.sqrt((off + 4 * usual * np.maximum(mean, 0.1)) / ((count - 1 + 4) * np.maximum(mean, 0.1)))

    @cached_property
    def year(self) -> np.ndarray:
        """Return the shop's season for the known weeks and those ahead, float64 [w + ahead], about 1 over a year.

        Logarithms of weekly units (of all products, large ones weighed down) against waves of the year and a slope,
        each drawn to zero, the shorter waves more: ridge regression. One where less than five quarters are known.
        """
        flat = np.ones(self.width + self.ahead)
        if self.width < YEAR + QUARTER:
            return flat
        mean = self.weeks.mean(axis=1)
        weight = np.where(mean > 0, 1 / np.sqrt(np.maximum(mean, 1e-9)), 0.0)
        level = np.log1p(weight @ self.weeks)
        middle = self.day - 3 - 7 * np.arange(self.width - 1, -self.ahead - 1, -1)
        angle = 2 * np.pi * middle / 365.25
        waves = np.column_stack([f(k * angle) for k in range(1, HARMONICS + 1) for f in (np.cos, np.sin)])
        order = np.repeat(np.arange(1, HARMONICS + 1), 2)
        past = slice(0, self.width)
        slope = (np.arange(self.width) - self.width / 2) / YEAR
        inputs = np.column_stack([np.ones(self.width), slope, waves[past]])
        noise = max(float(np.var(np.diff(level))) / 2, 1e-4)
        penalty = np.r_[0.0, noise / SPREAD**2, noise * order**2 / SPREAD**2]
        found = np.linalg.solve(inputs.T @ inputs + np.diag(penalty), inputs.T @ level)
        swing = np.exp(waves @ found[2:])
        return swing / swing[self.width - YEAR : self.width].mean()

    @cached_property
    def plain(self) -> np.ndarray:
        """Return the weeks with the season taken out, float64 [p, w]."""
        return self.weeks / self.year[: self.width]

    @property
    def season_ahead(self) -> float:
        """Return the season of the weeks ahead, summed: `ahead` in a shop without one."""
        return float(self.year[self.width :].sum())

    @cached_property
    def own_year(self) -> np.ndarray:
        """Return by how much a product's season at this time of the year differs from the shop's, [p].

        Units of the same weeks of earlier years over what shop's season made of that time, drawn to 1: gamma-Poisson.
        """
        came, told = np.zeros(len(self.weeks)), np.zeros(len(self.weeks))
        for back in range(YEAR, self.width - QUARTER + 1, YEAR):
            here = slice(self.width - back, self.width - back + self.ahead)
            around = slice(self.width - back - QUARTER, min(self.width - back + self.ahead + QUARTER, self.width))
            there = self.age >= back + QUARTER
            base = self.plain[:, around].mean(axis=1)
            came += np.where(there, self.weeks[:, here].sum(axis=1), 0)
            told += np.where(there, base * self.year[here].sum(), 0)
        return (came + OWN_YEAR) / (told + OWN_YEAR)

    def rate(self, weeks: int) -> np.ndarray:
        """Return units per week over the last weeks, or over its life where it is younger, [p]."""
        return self.weeks[:, -weeks:].sum(axis=1) / np.minimum(self.lived, weeks)

    @cached_property
    def lived(self) -> np.ndarray:
        """Return the weeks a product's level is taken over, [p]: its age, but not fewer than those ahead.

        A product is first seen because it sold: its first week alone says too much.
        """
        return np.minimum(np.maximum(self.age, self.ahead), self.width)


def fading(weeks: np.ndarray, age: np.ndarray, pace: float) -> np.ndarray:
    """Return the exponentially smoothed level per week of each product since its first sale, [p]."""
    weight = (1 - pace) ** np.arange(weeks.shape[1])[::-1]
    known = np.cumsum(weight[::-1])
    return weeks @ weight / known[np.clip(age, 1, weeks.shape[1]) - 1]


def best_pace(past: Past, weeks: np.ndarray) -> float:
    """Return the pace that would have told the newest stretches best, over all products together."""
    paces = np.array(PACES)
    losses = np.zeros(len(PACES))
    for back in range(past.ahead, min(3 * past.ahead, past.width - past.ahead) + 1, past.ahead):
        before = weeks[:, : past.width - back]
        after = weeks[:, past.width - back : past.width - back + past.ahead].sum(axis=1)
        age = past.age - back
        tested = age >= past.ahead  # younger ones would have been taken over more weeks than they lived
        if not tested.any():
            break
        weight = (1 - paces) ** np.arange(before.shape[1])[::-1, None]
        known = np.cumsum(weight[::-1], axis=0)[np.maximum(age, 1) - 1]
        off = (past.ahead * (before @ weight) / known - after[:, None]) / past.scale[:, None]
        losses += np.minimum(off[tested] ** 2, 25).mean(axis=0)
    return PACES[int(np.argmin(losses))]


def last(past: Past) -> np.ndarray:
    """Return as many units as in the weeks before."""
    return past.weeks[:, -past.ahead :].sum(axis=1)


def last_year(past: Past) -> np.ndarray:
    """Return as many units as in the same weeks last year; as in the weeks before where there is no last year."""
    if past.width < YEAR:
        return last(past)
    return np.where(past.age >= YEAR, same_weeks(past), last(past))


def in_season(past: Past) -> np.ndarray:
    """Return the units of the same weeks last year, times how this year has gone so far beside last year."""
    now, then = last(past), past.weeks[:, -YEAR - past.ahead : -YEAR].sum(axis=1)
    return same_weeks(past) * (now + SO_FAR) / (then + SO_FAR)


def same_weeks(past: Past) -> np.ndarray:
    """Return the units of the same weeks last year, [p]."""
    return past.weeks[:, past.width - YEAR : past.width - YEAR + past.ahead].sum(axis=1)


def average(past: Past) -> np.ndarray:
    """Return the mean of the last quarter of a year."""
    return past.ahead * past.rate(QUARTER)


def smooth(past: Past) -> np.ndarray:
    """Return the exponentially smoothed level, at the pace that suits this shop."""
    return past.ahead * fading(past.weeks, past.lived, best_pace(past, past.weeks))


def season(past: Past) -> np.ndarray:
    """Return the smoothed level without season, times the shop's season and the product's own difference from it."""
    return past.season_ahead * past.own_year * fading(past.plain, past.lived, best_pace(past, past.plain))


def trend(past: Past) -> np.ndarray:
    """Return level and damped trend without season, times the season."""
    weeks, first = past.plain, past.width - past.age
    level, slope = np.zeros(len(weeks)), np.zeros(len(weeks))
    start = fading(weeks, past.lived, 0.03)
    for week in range(weeks.shape[1]):
        began = week == first
        told = level + DAMPING * slope
        gap = np.where(week > first, weeks[:, week] - told, 0.0)
        level = np.where(began, start, told + TREND * gap)
        slope = np.where(began, 0.0, DAMPING * slope + TREND * SLOPE * gap)
    reach = np.cumsum(DAMPING ** np.arange(1, past.ahead + 1))
    ahead = past.year[past.width :]
    return np.maximum(level * ahead.sum() + slope * (reach * ahead).sum(), 0.0)


def croston(past: Past) -> np.ndarray:
    """Return size over gap, each smoothed at sales only, corrected for its bias (SBA)."""
    size, gap = np.zeros(len(past.weeks)), np.ones(len(past.weeks))
    since, seen = np.ones(len(past.weeks)), np.zeros(len(past.weeks), np.int64)
    for week in range(past.width):
        units = past.weeks[:, week]
        sold = units > 0
        pace = np.maximum(SLOW, 1 / (seen + 1))  # the first sales are averaged
        size = np.where(sold, size + pace * (units - size), size)
        later = sold & (seen > 0)
        gap = np.where(later, gap + np.maximum(SLOW, 1 / np.maximum(seen, 1)) * (since - gap), gap)
        seen += sold
        since = np.where(sold, 1.0, since + 1)
    gap = np.where(seen > 1, gap, past.lived)
    return past.ahead * (1 - SLOW / 2) * size / np.maximum(gap, 1)


def fading_chance(past: Past) -> np.ndarray:
    """Return size times the chance of a sale, the chance falling with every week of silence (TSB)."""
    size, seen = np.zeros(len(past.weeks)), np.zeros(len(past.weeks), np.int64)
    for week in range(past.width):
        units = past.weeks[:, week]
        sold = units > 0
        size = np.where(sold, size + np.maximum(SLOW, 1 / (seen + 1)) * (units - size), size)
        seen += sold
    return past.ahead * size * fading((past.weeks > 0).astype(float), past.lived, SLOW / 2)
