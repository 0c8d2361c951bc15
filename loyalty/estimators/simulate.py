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


def _thinned(rng, rate, start, end, *, ceiling: float, factor) -> tuple[np.ndarray, np.ndarray]:
    """Draw who orders when after their start and before their end, at rate * factor(day) <= rate * ceiling.

    Thinning: P. Lewis & G. Shedler 1979, Naval Research Logistics 26.
    """
    who, when = [], []
    active, clock = np.arange(len(rate)), start.copy()
    while len(active):
        clock[active] += rng.exponential(1 / (rate[active] * ceiling))
        active = active[clock[active] < end[active]]
        kept = active[rng.random(len(active)) < factor(clock[active]) / ceiling]
        who.append(kept)
        when.append(clock[kept].copy())
    return np.concatenate(who), np.concatenate(when)


def seasonal(
    *, customers: int, days: int, gap: float = 60.0, peak: float = 1.0, peak_day: int = 345, seed: int = 0
) -> tuple[History, dict[str, np.ndarray]]:
    """Draw a shop where nobody leaves but the year breathes: rate * exp(peak * cos(2 pi (day - peak_day) / 365)).

    Drawn by thinning. Truth: `rate`, each one's orders per day without the season.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(2.0, 0.5 / gap, customers)
    start = rng.integers(0, 60, customers)
    who, when = _thinned(
        rng, rate, start.astype(np.float64), np.full(customers, days, np.float64), ceiling=np.exp(abs(peak)),
        factor=lambda clock: np.exp(peak * np.cos(2 * np.pi * (clock - peak_day) / 365)),
    )  # fmt: skip
    customer, day = np.r_[np.arange(customers), who], np.floor(np.r_[start, when]).astype(np.int32)
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
    who, when = _thinned(
        rng, rate, first, np.minimum(left, days), ceiling=float(np.exp(max(height.max(), 0.0))),
        factor=lambda clock: np.where(clock >= 0, np.exp(height[np.maximum(clock, 0).astype(int)]), 0.0),
    )  # fmt: skip
    known = np.flatnonzero(first >= 0)
    customer, day = np.r_[known, who], np.floor(np.r_[first[known], when]).astype(np.int32)
    known, customer = np.unique(customer, return_inverse=True)
    return _history(customer, day, rng, days), {"rate": rate[known], "left": left[known]}


def shopping(
    *,
    customers: int,
    days: int,
    products: int = 400,
    gap: float = 20.0,
    basket: float = 4.0,
    habit: float = 0.5,
    favourites: int = 12,
    drift: float = 0.02,
    tastes: int = 8,
    turnover: float = 0.2,
    seed: int = 0,
) -> tuple[History, dict[str, np.ndarray]]:
    """Draw a shop with baskets: part habit, part taste, part fashion.

    Everyone has favourites, bought `habit` of the time, the liked ones more often; at each visit each is given up for
    another with a chance of `drift`. What else they buy is of their tastes (of so many in the shop). Popularity falls
    off as 1 / rank; a share `turnover` of the products is on sale for a third of the time only. Visits keep gamma gaps
    (mean `gap`, by customer) until the customer leaves. Truth: `taste`, each one's chance of each product without
    habit, float32 [n, products].
    """
    rng = np.random.default_rng(seed)
    sold = 1 / rng.permutation(np.arange(1, products + 1))
    kind = rng.integers(0, tastes, products)
    opens = np.where(rng.random(products) < turnover, rng.uniform(0, 2 * days / 3, products), 0)
    closes = np.where(opens > 0, opens + days / 3, days + 1)
    likes = rng.dirichlet(np.full(tastes, 0.3), customers)
    taste = likes[:, kind] * sold
    taste /= taste.sum(1, keepdims=True)
    rows = []
    for who in range(customers):
        every = gap * np.exp(rng.normal(0, 0.4))
        day, left = rng.uniform(0, days / 2), days / 4 + rng.exponential(days)
        mine = rng.choice(products, favourites, p=taste[who])
        liked = rng.dirichlet(np.full(favourites, 0.7))
        while day < min(left, days):
            lines = 1 + rng.poisson(basket - 1)
            other = rng.choice(products, lines, p=taste[who])
            items = np.where(rng.random(lines) < habit, mine[rng.choice(favourites, lines, p=liked)], other)
            items = np.unique(items[(opens[items] <= day) & (day < closes[items])])
            rows += [(who, int(day), int(item)) for item in items]
            given_up = rng.random(favourites) < drift
            mine = np.where(given_up, rng.choice(products, favourites, p=taste[who]), mine)
            day += 1 + rng.gamma(2.0, every / 2)
    who, day, item = np.array(sorted(set(rows))).T
    order, line_order = np.unique(who.astype(np.int64) * (days + 1) + day, return_inverse=True)
    price = np.rint(800 * np.exp(rng.normal(0, 0.6, products))).astype(np.int64)
    history = History(
        as_of=days,
        customer_ids=np.arange(customers),
        order_customer=(order // (days + 1)).astype(np.int32),
        order_day=(order % (days + 1)).astype(np.int32),
        order_amount=np.bincount(line_order, price[item]).astype(np.int64),
        product_ids=np.arange(products),
        product_active=np.ones(products, bool),
        line_order=line_order.astype(np.int32),
        line_product=item.astype(np.int32),
        line_quantity=np.ones(len(item), np.float32),
        line_amount=price[item],
    )
    return history, {"taste": taste.astype(np.float32)}
