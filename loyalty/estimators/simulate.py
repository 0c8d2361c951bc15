"""Shops drawn from known behaviour, so that tests can ask the estimators for the truth.

Each returns a History and a dict of what is known about its customers, arrays in the order of history.customer_ids.
"""

import numpy as np

from loyalty.estimators.base import History

CENTS = 2_500.0  # the middle order


def _history(customer, day, rng: np.random.Generator, as_of: int) -> History:
    worth = CENTS * np.exp(rng.normal(0, 0.5, int(customer.max()) + 1))
    amount = np.rint(worth[customer] * np.exp(rng.normal(0, 0.4, len(customer))))
    return History.of_orders(customer, day, amount, as_of=as_of)


def bgnbd(
    *, customers: int, days: int, r: float, alpha: float, a: float, b: float, joined_within: int = 90, seed: int = 0
) -> tuple[History, dict[str, np.ndarray]]:
    """Draw a shop that keeps the BG/NBD's assumptions; `alpha` in weeks. Truth: x, t_x, T, rate, alive at the end."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(r, 1 / alpha, customers) / 7  # purchases per day
    leaves = rng.beta(a, b, customers)
    first = rng.integers(0, joined_within, customers)
    who, when = [np.arange(customers)], [first.astype(np.float64)]
    active, clock = np.arange(customers), first.astype(np.float64)
    gone = np.zeros(customers, bool)
    while len(active):
        clock[active] += rng.exponential(1 / rate[active])
        active = active[clock[active] <= days]
        who.append(active)
        when.append(clock[active].copy())
        left = rng.random(len(active)) < leaves[active]
        gone[active[left]] = True
        active = active[~left]
    customer, moment = np.concatenate(who), np.concatenate(when)
    repeats = np.bincount(customer, minlength=customers) - 1
    last = np.zeros(customers)
    np.maximum.at(last, customer, moment)
    truth = {"x": repeats, "t_x": last - first, "T": days - first.astype(np.float64), "alive": ~gone, "rate": rate}
    return _history(customer, np.floor(moment).astype(np.int32), rng, days), truth


def clockwork(
    *, customers: int, days: int, gap: float = 21.0, regularity: float = 12.0, stay: float = 300.0, seed: int = 0
) -> tuple[History, dict[str, np.ndarray]]:
    """Draw a shop whose customers come by a clock: gamma gaps of shape `regularity`, until they stop for good.

    Truth: `gap`, each one's mean gap, and `stopped`, the day they stopped (may lie after the end).
    """
    rng = np.random.default_rng(seed)
    own = gap * np.exp(rng.normal(0, 0.3, customers))
    start = rng.integers(0, max(days // 2, 1), customers)
    stopped = start + rng.exponential(stay, customers)
    who, when = [np.arange(customers)], [start.astype(np.float64)]
    active, clock = np.arange(customers), start.astype(np.float64)
    while len(active):
        clock[active] += np.maximum(rng.gamma(regularity, own[active] / regularity), 1)
        active = active[clock[active] <= np.minimum(stopped[active], days)]
        who.append(active)
        when.append(clock[active].copy())
    customer, day = np.concatenate(who), np.floor(np.concatenate(when)).astype(np.int32)
    return _history(customer, day, rng, days), {"gap": own, "stopped": stopped}


def seasonal(
    *, customers: int, days: int, gap: float = 60.0, peak: float = 1.0, peak_day: int = 345, seed: int = 0
) -> tuple[History, dict[str, np.ndarray]]:
    """Draw a shop where nobody leaves but the year breathes: rate * exp(peak * cos(2 pi (day - peak_day) / 365)).

    Drawn by thinning. Truth: `rate`, each one's orders per day without the season.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(2.0, 0.5 / gap, customers)
    start = rng.integers(0, 60, customers)
    who, when = [np.arange(customers)], [start.astype(np.float64)]
    active, clock = np.arange(customers), start.astype(np.float64)
    ceiling = np.exp(abs(peak))
    while len(active):
        clock[active] += rng.exponential(1 / (rate[active] * ceiling))
        active = active[clock[active] <= days]
        now = np.exp(peak * np.cos(2 * np.pi * (clock[active] - peak_day) / 365))
        kept = active[rng.random(len(active)) < now / ceiling]
        who.append(kept)
        when.append(clock[kept].copy())
    customer, day = np.concatenate(who), np.floor(np.concatenate(when)).astype(np.int32)
    return _history(customer, day, rng, days), {"rate": rate}


def trading(
    *,
    customers: int,
    days: int,
    gap: float = 60.0,
    stay: float = 500.0,
    before: int = 0,
    growth: float = 0.0,
    busy: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[History, dict[str, np.ndarray]]:
    """Draw a shop as shops are: books that begin late, people who leave at any moment, a season and a trend.

    `before`: days the shop had sold when its books begin; what was bought then is not in them. `growth`: of the log of
    everyone's rate per year. `busy`: log of the factor of each day, [days]; flat without it. Rates are gamma with shape
    1, stays exponential with a mean of their own (gamma, shape 3). Truth: `rate` at day 0 without season, `left`, the
    day they left.
    """
    rng = np.random.default_rng(seed)
    busy = np.zeros(days + 1) if busy is None else np.r_[busy, busy[-1:]]
    rate = rng.gamma(1.0, 1 / gap, customers)
    first = rng.integers(-before, days - 30, customers).astype(np.float64)
    left = first + rng.exponential(rng.gamma(3.0, stay / 3, customers))
    height = busy + growth * np.arange(days + 1) / 365
    ceiling = float(np.exp(max(height.max(), 0.0)))
    who, when = [np.flatnonzero(first >= 0)], [first[first >= 0]]
    active, clock = np.arange(customers), first.copy()
    while len(active):
        clock[active] += rng.exponential(1 / (rate[active] * ceiling))
        active = active[clock[active] < np.minimum(left[active], days)]
        now = height[np.maximum(clock[active], 0).astype(int)]
        kept = active[(rng.random(len(active)) < np.exp(now) / ceiling) & (clock[active] >= 0)]
        who.append(kept)
        when.append(clock[kept].copy())
    customer, day = np.concatenate(who), np.floor(np.concatenate(when)).astype(np.int32)
    known, customer = np.unique(customer, return_inverse=True)
    return _history(customer, day, rng, days), {"rate": rate[known], "left": left[known]}
