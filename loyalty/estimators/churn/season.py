"""The season ahead: how many ordinary days one day of the coming window is worth (time warp).

From 13 months on the shop's own last year tells: each of its windows is replayed with today's model, and how much
busier than the year's mean the coming window was a year ago, against the model's own forecast from that day, is the
factor. Compared with the model, a growing or ageing customer base does not pass for season.

Before that, the calendar of shops at large stands in, and later what the own year says is drawn towards it by the noise
of its counts: U.S. Census Bureau, Quarterly Retail E-Commerce Sales, not adjusted over adjusted: first quarter 268.1 /
289.2 (2024), second 60.2 / 64.8 (2013), third 81.1 / 87.5 (2015), each 0.93; the fourth makes the year whole, and is
taken to rise evenly from October to the end of December.
"""

import numpy as np
from scipy.optimize import brentq

from loyalty.estimators.base import History, Summary, counts_between, summarise
from loyalty.estimators.buying import BuyTillYouDie

QUIET, BUSY = 0.928, 1.217  # the first three quarters, the fourth
OWN_SPREAD = 0.3  # of the log of a season around the calendar, among shops
ROUGHNESS = 0.05  # of the log of a factor, besides the noise of the counts: no two years are alike
SHORTEST = 30  # days of past before a window, for it to tell anything
FEWEST_CAME = 5  # customers who bought in a window, for it to tell anything
WIDEST = 2.0  # of the log of a factor


def factors(first: int, last: int) -> np.ndarray:
    """Return the factor of shops at large on each of the days first to last, both included."""
    days = np.arange(first, last + 1).astype("datetime64[D]")
    october = days.astype("datetime64[Y]").astype("datetime64[M]") + 9
    into = (days - october.astype("datetime64[D]")).astype(int)
    return np.where(into < 0, QUIET, QUIET + 2 * (BUSY - QUIET) * (into + 0.5) / 92)


def calendar(first: int, last: int) -> float:
    """Return the mean factor of shops at large over the days first to last, both included."""
    return float(factors(first, last).mean())


def usual(past: History, first: int, last: int) -> float:
    """Return the log of how much busier shops at large are then than in the last year, as these customers saw it.

    A day counts by how many were customers already: whoever came after Christmas has not seen one.
    """
    seen_from = max(past.first_day, past.as_of - 364)
    visits = past.visits
    joined = np.sort(visits.day[visits.starts])
    known = np.searchsorted(joined, np.arange(seen_from, past.as_of + 1), side="right")
    seen = np.average(factors(seen_from, past.as_of), weights=np.maximum(known, 1))
    return float(np.log(calendar(first, last) / seen))


def needed(model: BuyTillYouDie, s: Summary, days: float, came: float) -> float:
    """Return the log of how much faster than under the model people would have to buy for so many to come."""

    def missing(log: float) -> float:
        return float(np.sum(1 - model.no_purchase(s.repeats, s.recency, s.age, days * np.exp(log)))) - came

    if missing(-WIDEST) >= 0:
        return -WIDEST
    return WIDEST if missing(WIDEST) <= 0 else brentq(missing, -WIDEST, WIDEST, xtol=1e-3)


def off(past: History, model: BuyTillYouDie, day: int, days: int) -> tuple[float, int] | None:
    """Return (log of how much busier the `days` after `day` were than the model would have told, how many came)."""
    if day - past.first_day < SHORTEST:
        return None
    s = summarise(past.upto(day))
    bought, _ = counts_between(past, day + 1, day + days)
    came = int((bought[s.customer] > 0).sum())
    return None if came < FEWEST_CAME else (needed(model, s, days, came), came)


def season(past: History, model: BuyTillYouDie, horizon: int) -> float:
    """Return the log of how much busier the window ahead is than what the model has seen."""
    past, cut = past.without_lines(), past.as_of
    expected = usual(past, cut + 1, cut + horizon)
    if cut - 365 - past.first_day < SHORTEST:
        return expected
    steps = [off(past, model, day, horizon) for day in range(cut - 365, cut - horizon + 1, horizon)]
    if len(steps) < 2 or None in steps:
        return expected
    logs, came = np.array(steps).T
    own = logs[0] - np.average(logs, weights=came)
    noise = 1 / came[0] + 1 / came.sum() + ROUGHNESS**2
    return float(expected + (own - expected) * OWN_SPREAD**2 / (OWN_SPREAD**2 + noise))
