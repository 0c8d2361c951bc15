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

from loyalty.estimators.base import History, counts_between, summarise
from loyalty.estimators.buying import BuyTillYouDie

QUIET, BUSY = 0.928, 1.217  # the first three quarters, the fourth
OWN_SPREAD = 0.3  # of the log of a season around the calendar, among shops
ROUGHNESS = 0.05  # of the log of a factor, besides the noise of the counts: no two years are alike


def calendar(first: int, last: int) -> float:
    """Return the mean factor of shops at large over the days first to last, both included."""
    days = np.arange(first, last + 1).astype("datetime64[D]")
    october = days.astype("datetime64[Y]").astype("datetime64[M]") + 9
    into = (days - october.astype("datetime64[D]")).astype(int)
    return float(np.where(into < 0, QUIET, QUIET + 2 * (BUSY - QUIET) * (into + 0.5) / 92).mean())


def season(past: History, model: BuyTillYouDie, horizon: int) -> float:
    """Return the log of how much busier the window ahead is than what the model has seen."""
    cut, seen_from = past.as_of, max(past.first_day, past.as_of - 364)
    usual = float(np.log(calendar(cut + 1, cut + horizon) / calendar(seen_from, cut)))
    steps, past = [], past.without_lines()
    for day in range(cut - 365, cut - horizon + 1, horizon):
        if day - past.first_day < 30:
            return usual
        then = past.upto(day)
        s = summarise(then)
        bought, _ = counts_between(past, day + 1, day + horizon)
        came = int((bought[s.customer] > 0).sum())
        if came < 5:
            return usual
        low, high = -2.0, 2.0
        while high - low > 1e-3:
            middle = (low + high) / 2
            silent = model.no_purchase(s.repeats, s.recency, s.age, horizon * np.exp(middle))
            low, high = (middle, high) if np.sum(1 - silent) < came else (low, middle)
        steps.append((middle, came))
    if len(steps) < 2:
        return usual
    logs, came = np.array(steps).T
    own = logs[0] - np.average(logs, weights=came)
    noise = 1 / came[0] + 1 / came.sum() + ROUGHNESS**2
    return float(usual + (own - usual) * OWN_SPREAD**2 / (OWN_SPREAD**2 + noise))
