"""Customers' own clocks: who will be out of what they buy within the weeks ahead.

Each customer and product is a renewal process. A gap is measured in units of that customer's own usual gap, drawn to
the product's and that to the shop's, as known when the gap began. How likely a gap ends at which of its ages is
counted over the whole shop, gaps not over yet counted as open (life table: E. Kaplan, P. Meier 1958, JASA 53), once for
first gaps, second gaps and later ones; those who never buy again are in it. A product's own factor multiplies it
(proportional hazards, gamma prior). Second purchases within the weeks ahead follow from the renewal equation (W. Feller
1941, Annals of Mathematical Statistics 12(3), eq. 1.1). Units of customers new to a product, and of purchases without a
name, come at the rate of the last quarter.
"""

import numpy as np

from loyalty.estimators.demand.levels import QUARTER, Past
from loyalty.estimators.demand.sales import Sales

STEP = 0.125  # width of an age class, in usual gaps
CLASSES = 48  # up to six usual gaps; older gaps share one rate
DRAWN = 2.0  # gaps that weigh as much as the product's usual gap
OWN = 3.0  # repeats that weigh as much as the shop's table
FEWEST_GAPS = 30
LATER = 2  # index of the table of third and later gaps


def rhythm(past: Past, sales: Sales) -> np.ndarray:
    """Return the units expected from customers' clocks and from those new to a product, float64 [p]."""
    days = 7 * past.ahead
    units = sales.units(sales.ceiling)
    rows = np.flatnonzero((sales.customer >= 0) & (units > 0))
    known = past.weeks[:, -QUARTER:].sum(axis=1)
    spread = np.minimum(past.lived, QUARTER)
    shift = past.season_ahead / max(float(past.year[: past.width][-QUARTER:].mean()), 1e-9)  # weeks of that quarter
    if not len(rows):
        return shift * known / spread
    product, customer, day = sales.product[rows], sales.customer[rows], sales.day[rows]
    begins = np.r_[True, (product[1:] != product[:-1]) | (customer[1:] != customer[:-1]) | (day[1:] != day[:-1])]
    starts = np.flatnonzero(begins)
    product, customer, day = product[starts], customer[starts], day[starts].astype(np.int64)
    taken = np.add.reduceat(units[rows], starts)
    opens = np.r_[True, (product[1:] != product[:-1]) | (customer[1:] != customer[:-1])]
    firsts = np.flatnonzero(opens)
    pair = np.cumsum(opens) - 1
    nth = np.arange(len(day)) - firsts[pair]  # gaps this customer had closed when the visit began the next one
    ends = np.r_[~opens[1:], False]
    length = np.where(ends, np.r_[day[1:], 0], sales.as_of) - day
    if ends.sum() < FEWEST_GAPS:
        return shift * known / spread

    size = sales.products
    closed = np.bincount(product[ends], minlength=size)
    shop = length[ends].mean()
    usual = (np.bincount(product[ends], length[ends], size) + OWN * shop) / (closed + OWN)
    own = (day - day[firsts[pair]] + DRAWN * usual[product]) / (nth + DRAWN)
    own = np.maximum(own, 1.0)
    kind = np.minimum(nth, LATER)
    table = _Hazards(length / own, ends, kind)
    factor = (closed + OWN) / (np.bincount(product, table.gone(length / own, kind), size) + OWN)

    again = day >= sales.as_of - 7 * QUARTER + 1
    new = np.bincount(product[again & ~opens], taken[again & ~opens], size)
    others = np.maximum(known - new, 0) / spread * shift

    open_ = ~ends
    who, gap, age = product[open_], own[open_], length[open_] / own[open_]
    mean = np.bincount(product, taken, size) / np.maximum(np.bincount(product, minlength=size), 1)
    count = nth[open_] + 1
    basket = (np.bincount(pair, taken) + mean[who]) / (count + 1)
    visits = table.ahead(age, days / gap, kind[open_], factor[who], past.ahead)
    return np.bincount(who, visits * basket, size) + others


class _Hazards:
    """Count how likely gaps end at each age: the rates of the three kinds of gaps, and what follows from them."""

    def __init__(self, age: np.ndarray, ended: np.ndarray, kind: np.ndarray):
        place = np.minimum((age / STEP).astype(np.int64), CLASSES)
        rates = np.empty((3, CLASSES + 1))
        for one in range(3):
            here = kind == one
            count = np.bincount(place[here], minlength=CLASSES + 1)
            beyond = np.cumsum(count[::-1])[::-1] - count
            within = np.bincount(place[here], age[here] - STEP * place[here], CLASSES + 1)
            exposure = STEP * beyond + within
            exposure[CLASSES] = within[CLASSES]
            died = np.bincount(place[here & ended], minlength=CLASSES + 1)
            base = (died.sum() + 1) / (exposure.sum() + 1)
            rates[one] = (died + 1) / (exposure + 1 / base)  # drawn to the mean with the weight of one end
        self.rates = rates
        self.sums = np.hstack([np.zeros((3, 1)), np.cumsum(rates[:, :CLASSES] * STEP, axis=1)])
        self.renewals = self._renewals(rates[LATER])

    def gone(self, age: np.ndarray, kind: np.ndarray) -> np.ndarray:
        """Return the hazard summed up to an age, [n]."""
        place = np.minimum((age / STEP).astype(np.int64), CLASSES)
        return self.sums[kind, place] + self.rates[kind, place] * (age - STEP * place)

    def _renewals(self, rates: np.ndarray) -> np.ndarray:
        """Return how many purchases follow a purchase within each number of steps, by the renewal equation."""
        survive = np.exp(-np.r_[0.0, np.cumsum(np.r_[rates[:CLASSES], np.full(CLASSES, rates[CLASSES])] * STEP)])
        ends = -np.diff(survive)
        found = np.zeros(len(survive))
        for step in range(1, len(survive)):
            found[step] = ends[:step] @ (1 + found[step - 1 :: -1][:step])
        return found

    def ahead(self, age, reach, kind, factor, parts: int) -> np.ndarray:
        """Return the purchases expected while an open gap of `age` grows by `reach`, looked at in equal parts, [n]."""
        start = self.gone(age, kind)
        before, told = np.ones(len(age)), np.zeros(len(age))
        for part in range(1, parts + 1):
            after = np.exp(-factor * (self.gone(age + reach * part / parts, kind) - start))
            left = reach * (parts - part + 0.5) / parts
            steps = np.minimum(factor * left / STEP, 2 * CLASSES).round().astype(np.int64)
            told += (before - after) * (1 + self.renewals[steps])
            before = after
        return told
