"""What every estimator reads: the shop's past as plain arrays, and what was known of it on any day.

Units: days are whole numbers since 1970-01-01 in the shop's zone; money is whole minor units of the shop's currency.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

NEVER = np.iinfo(np.int32).max  # the day an order stops counting, when it never does


class NotEnoughData(ValueError):
    """There is too little past to say something worth acting on. `what`, `have` and `need` say what is missing."""

    def __init__(self, what: str, *, have: int, need: int):
        self.what, self.have, self.need = what, int(have), int(need)
        super().__init__(f"{SENTENCES[what].format(have=self.have, need=self.need)}")

    def as_json(self) -> dict:
        return {"what": self.what, "have": self.have, "need": self.need}


SENTENCES = {
    "orders": "There are {have} orders to look at; at least {need} is needed.",
    "customers": "There are {have} customers with an order; at least {need} are needed.",
    "days": "The orders cover {have} days; at least {need} are needed.",
    "customers_then": "{have} customers had ordered before the newest days to test on; at least {need} are needed.",
    "products": "{have} products sell often enough; at least {need} are needed.",
    "assortment": "{have} products are on sale; below {need} advice must clearly beat what sells best.",
    "baskets": "{have} customers bought again lately; at least {need} are needed to test advice.",
    "baskets_held": "There are {have} baskets to look at; at least {need} are needed.",
    "came_back": "{have} customers came back a second time; at least {need} are needed.",
    "rows": "There are {have} rows that say yes or no; at least {need} are needed.",
    "of_each": "The smaller side of yes and no has {have} rows; at least {need} are needed.",
    "future_days": "The orders end {have} days after the cut; the horizon needs {need}.",
    "sends": "{have} customers were drawn on the smaller side of sent to and left out; at least {need} are needed.",
}


@dataclass(frozen=True)
class Visits:
    """One row per customer and day with at least one order, sorted by customer, then day."""

    customer: np.ndarray  # int32 [v], index into History.customer_ids
    day: np.ndarray  # int32 [v]
    amount: np.ndarray  # float64 [v], minor units, net of the refunds known

    @cached_property
    def starts(self) -> np.ndarray:
        """Return the position of each customer's first visit, int64 [buyers]."""
        if not len(self.customer):
            return np.empty(0, np.int64)
        return np.flatnonzero(np.r_[True, self.customer[1:] != self.customer[:-1]])

    @cached_property
    def gaps(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (position of the visit that ends a gap, its length in days) for every gap between two visits."""
        same = np.flatnonzero(self.customer[1:] == self.customer[:-1]) + 1
        return same, self.day[same] - self.day[same - 1]


@dataclass(frozen=True)
class History:
    """The shop's past as known on the day `as_of` (inclusive).

    Orders are sorted by customer, then day. An order counts as a purchase until `order_void_day`, the day it was
    cancelled or given back whole. Refunds lower the money from their own day on and never add a purchase;
    `refund_order` is -1 for a return slip that belongs to no known order.
    """

    as_of: int
    customer_ids: np.ndarray  # int64 [n]
    order_customer: np.ndarray  # int32 [m]
    order_day: np.ndarray  # int32 [m]
    order_amount: np.ndarray  # int64 [m], gross minor units
    order_void_day: np.ndarray = None  # int32 [m], NEVER unless the order stopped counting
    refund_order: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))  # [q]
    refund_customer: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))  # [q]
    refund_day: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))  # [q]
    refund_amount: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # [q], positive minor units
    product_ids: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # [p]
    product_active: np.ndarray = field(default_factory=lambda: np.empty(0, bool))  # [p]
    product_text: np.ndarray = field(default_factory=lambda: np.empty(0, object))  # [p] name and category, or empty
    line_order: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))  # [l], sorted
    line_product: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))  # [l]
    line_quantity: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))  # [l]
    line_amount: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # [l]

    def __post_init__(self):
        if self.order_void_day is None:
            object.__setattr__(self, "order_void_day", np.full(len(self.order_day), NEVER, np.int32))

    @classmethod
    def of_orders(
        cls, customer: np.ndarray, day: np.ndarray, amount: np.ndarray, *, as_of: int | None = None
    ) -> "History":
        """Build a history from any customer labels (sortable), day numbers and amounts, one row per order."""
        ids, index = np.unique(customer, return_inverse=True)
        order = np.lexsort((day, index))
        numbers = ids.astype(np.int64) if np.issubdtype(ids.dtype, np.number) else np.arange(len(ids), dtype=np.int64)
        history = cls(
            as_of=int(np.max(day)) if as_of is None else int(as_of),
            customer_ids=numbers,
            order_customer=index[order].astype(np.int32),
            order_day=np.asarray(day)[order].astype(np.int32),
            order_amount=np.asarray(amount)[order].astype(np.int64),
        )
        return history.upto(history.as_of)

    @property
    def first_day(self) -> int:
        return int(self.order_day.min())

    @property
    def last_day(self) -> int:
        return int(self.order_day.max())

    def upto(self, day: int) -> "History":
        """Return what was known at the end of `day`: later orders, refunds and cancellations are not there."""
        day = min(int(day), self.as_of)
        keep = (self.order_day <= day) & (self.order_void_day > day)
        if keep.all() and (self.refund_day <= day).all():
            return replace(self, as_of=day)
        new_index = np.cumsum(keep, dtype=np.int32) - 1
        known = self.refund_day <= day
        known[known] = (self.refund_order[known] < 0) | keep[self.refund_order[known]]
        slip = self.refund_order[known] < 0
        lines = keep[self.line_order]
        return replace(
            self,
            as_of=day,
            order_customer=self.order_customer[keep],
            order_day=self.order_day[keep],
            order_amount=self.order_amount[keep],
            order_void_day=self.order_void_day[keep],
            refund_order=np.where(slip, -1, new_index[self.refund_order[known]]).astype(np.int32),
            refund_customer=self.refund_customer[known],
            refund_day=self.refund_day[known],
            refund_amount=self.refund_amount[known],
            line_order=new_index[self.line_order[lines]],
            line_product=self.line_product[lines],
            line_quantity=self.line_quantity[lines],
            line_amount=self.line_amount[lines],
        )

    def without_lines(self) -> "History":
        """Return the same past without what was in the baskets, for models of time and money only."""
        return replace(
            self,
            line_order=np.empty(0, np.int32),
            line_product=np.empty(0, np.int32),
            line_quantity=np.empty(0, np.float32),
            line_amount=np.empty(0, np.int64),
        )

    def of_customers(self, keep: np.ndarray) -> "History":
        """Return the past of some customers only (bool [n]), indices counted anew; products keep their places."""
        new_customer = np.cumsum(keep, dtype=np.int32) - 1
        orders, refunds = keep[self.order_customer], keep[self.refund_customer]
        new_order = np.cumsum(orders, dtype=np.int32) - 1
        old = self.refund_order[refunds]
        lines = orders[self.line_order]
        return replace(
            self,
            customer_ids=self.customer_ids[keep],
            order_customer=new_customer[self.order_customer[orders]],
            order_day=self.order_day[orders],
            order_amount=self.order_amount[orders],
            order_void_day=self.order_void_day[orders],
            refund_order=np.where(old < 0, -1, new_order[old]).astype(np.int32),
            refund_customer=new_customer[self.refund_customer[refunds]],
            refund_day=self.refund_day[refunds],
            refund_amount=self.refund_amount[refunds],
            line_order=new_order[self.line_order[lines]],
            line_product=self.line_product[lines],
            line_quantity=self.line_quantity[lines],
            line_amount=self.line_amount[lines],
        )

    @cached_property
    def order_net(self) -> np.ndarray:
        """Return each order's money after the refunds known, float64 [m]."""
        net = self.order_amount.astype(np.float64)
        tied = self.refund_order >= 0
        np.subtract.at(net, self.refund_order[tied], self.refund_amount[tied])
        return net

    @cached_property
    def visits(self) -> Visits:
        counts = (self.order_void_day > self.as_of) & (self.order_day <= self.as_of)
        customer, day = self.order_customer[counts], self.order_day[counts]
        if not len(day):
            return Visits(customer, day, np.empty(0))
        starts = np.flatnonzero(np.r_[True, (customer[1:] != customer[:-1]) | (day[1:] != day[:-1])])
        return Visits(customer[starts], day[starts], np.add.reduceat(self.order_net[counts], starts))

    @cached_property
    def given_back(self) -> np.ndarray:
        """Return the money of return slips that belong to no known order, per customer, float64 [n]."""
        slips = self.refund_order < 0
        return np.bincount(
            self.refund_customer[slips], weights=self.refund_amount[slips], minlength=len(self.customer_ids)
        ).astype(np.float64)


@dataclass(frozen=True)
class Summary:
    """What one line per buyer says of the past at the cut. Arrays [b], days and minor units."""

    cut: int
    customer: np.ndarray  # int32, index into History.customer_ids
    visits: np.ndarray  # int32 >= 1, days with an order
    first_day: np.ndarray
    last_day: np.ndarray
    spend: np.ndarray  # float64, net
    last_spend: np.ndarray  # float64, net, of the last visit
    mean_gap: np.ndarray  # float64, nan where there is no gap
    sd_gap: np.ndarray
    max_gap: np.ndarray
    last_gap: np.ndarray  # days between the last two visits, nan for one-time buyers

    @property
    def repeats(self) -> np.ndarray:
        """Return x of the paper: visits after the first."""
        return self.visits - 1

    @property
    def recency(self) -> np.ndarray:
        """Return t_x of the paper: days from the first to the last visit."""
        return self.last_day - self.first_day

    @property
    def age(self) -> np.ndarray:
        """Return T of the paper: days from the first visit to the cut."""
        return self.cut - self.first_day

    @property
    def quiet(self) -> np.ndarray:
        """Return the days since the last visit."""
        return self.cut - self.last_day


def summarise(history: History) -> Summary:
    """Return one line per customer who bought at least once, all at once."""
    visits = history.visits
    if not len(visits.day):
        raise NotEnoughData("orders", have=0, need=1)
    starts = visits.starts
    ends = np.r_[starts[1:], len(visits.day)]
    count = ends - starts
    position, gap = visits.gaps
    owner = np.repeat(np.arange(len(starts)), count)[position]
    gap = gap.astype(np.float64)
    gaps = count - 1
    some = gaps > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(owner, gap, len(starts)) / gaps
        square = np.bincount(owner, gap**2, len(starts)) / gaps
    widest = np.zeros(len(starts))
    np.maximum.at(widest, owner, gap)
    last_gap = np.full(len(starts), np.nan)
    last_gap[some] = (visits.day[ends - 1] - visits.day[ends - 2])[some]
    customer = visits.customer[starts]
    return Summary(
        cut=history.as_of,
        customer=customer,
        visits=count.astype(np.int32),
        first_day=visits.day[starts],
        last_day=visits.day[ends - 1],
        spend=np.add.reduceat(visits.amount, starts) - history.given_back[customer],
        last_spend=visits.amount[ends - 1],
        mean_gap=np.where(some, mean, np.nan),
        sd_gap=np.where(some, np.sqrt(np.maximum(square - mean**2, 0)), np.nan),
        max_gap=np.where(some, widest, np.nan),
        last_gap=last_gap,
    )


def counts_between(history: History, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Return visits and net spend per customer with first <= day <= last, two float64 [n]."""
    visits = history.visits
    inside = (visits.day >= first) & (visits.day <= last)
    size = len(history.customer_ids)
    owner = visits.customer[inside]
    return np.bincount(owner, minlength=size).astype(np.float64), np.bincount(owner, visits.amount[inside], size)
