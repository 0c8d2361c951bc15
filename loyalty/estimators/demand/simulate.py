"""Shops whose demand is known: each returns Sales over `weeks` weeks ending on day 7 * weeks - 1, and the truth.

The truth holds `rate`, the units a week that are expected of each product in each week and in MORE weeks after, and
`came`, those that were drawn for the weeks after.
"""

import numpy as np

from loyalty.estimators.base import NEVER
from loyalty.estimators.demand.sales import UNNAMED, Sales

MORE = 4


def drawn(product, customer, day, quantity, *, products: int, as_of: int) -> Sales:
    """Return lines in any order as Sales that stand as they are."""
    order = np.lexsort((day, customer, product))
    whole = np.full(len(day), NEVER, np.int32)
    day = np.asarray(day)[order].astype(np.int32)
    return Sales(
        as_of, products, np.asarray(product)[order].astype(np.int32), np.asarray(customer)[order].astype(np.int32), day,
        np.asarray(quantity)[order].astype(np.float32), day, whole,
    )  # fmt: skip


def poisson(
    *, products: int, weeks: int, swing: float = 0.0, growth: float = 0.0, mean: float = 6.0, seed: int = 0
) -> tuple[Sales, dict[str, np.ndarray]]:
    """Draw products with gamma rates that breathe with the year, `swing` as a logarithm, and grow by a share a year."""
    rng = np.random.default_rng(seed)
    base = rng.gamma(1.5, mean / 1.5, products)
    middle = 7 * np.arange(weeks + MORE) + 3
    year = np.exp(swing * np.cos(2 * np.pi * (middle - 345) / 365.25) + growth * middle / 365.25)
    rate = base[:, None] * year
    units = rng.poisson(rate)
    return _lines(units, weeks, rng), {"rate": rate, "came": units[:, weeks:].sum(axis=1)}


def intermittent(*, products: int, weeks: int, seed: int = 0) -> tuple[Sales, dict[str, np.ndarray]]:
    """Draw products that sell in few weeks, several at a time: a chance a week, sizes geometric."""
    rng = np.random.default_rng(seed)
    chance, size = rng.beta(2, 12, products), 1 + rng.gamma(2, 1.5, products)
    shape = (products, weeks + MORE)
    units = (rng.random(shape) < chance[:, None]) * rng.geometric(1 / size[:, None], shape)
    rate = np.repeat((chance * size)[:, None], weeks + MORE, axis=1)
    return _lines(units, weeks, rng), {"rate": rate, "came": units[:, weeks:].sum(axis=1)}


def refills(
    *, products: int, customers: int, weeks: int, gap: float = 42.0, regularity: float = 25.0, seed: int = 0
) -> tuple[Sales, dict[str, np.ndarray]]:
    """Draw products that few customers refill by a clock, all begun around the same day: demand comes in waves."""
    rng = np.random.default_rng(seed)
    rows = []
    last = 7 * (weeks + MORE)
    for product in range(products):
        own = gap * np.exp(rng.normal(0, 0.05))
        begun = rng.uniform(0, 30)
        for customer in range(customers):
            day = begun + rng.exponential(4)
            while day < last:
                rows.append((product, customer, int(day), 1 + rng.poisson(1)))
                day += max(rng.gamma(regularity, own / regularity), 1)
    product, customer, day, quantity = np.array(rows).T
    now = day < 7 * weeks
    came = np.bincount(product[~now], quantity[~now], products)
    sales = drawn(product[now], customer[now], day[now], quantity[now], products=products, as_of=7 * weeks - 1)
    return sales, {"came": came}


def _lines(units: np.ndarray, weeks: int, rng: np.random.Generator) -> Sales:
    """Return a line without a customer for each unit-week, on a random day of its week."""
    product, week = np.nonzero(units[:, :weeks])
    day = 7 * week + rng.integers(0, 7, len(week))
    return drawn(
        product, np.full(len(day), UNNAMED), day, units[product, week], products=len(units), as_of=7 * weeks - 1
    )


def joined(*parts: Sales) -> Sales:
    """Return several shops' products as one shop, numbered one after the other; all must end on the same day."""
    shift = np.cumsum([0, *(part.products for part in parts[:-1])])
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("customer", "day", "quantity", "known", "void")
    }
    product = np.concatenate([part.product + offset for part, offset in zip(parts, shift)]).astype(np.int32)
    return Sales(parts[0].as_of, int(shift[-1]) + parts[-1].products, product, **columns)
