"""Units sold, line by line, and what was known of them on any day."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from loyalty.estimators.base import History

UNNAMED = -1  # a purchase without a customer
USUAL_LINES = 3.0  # a line counts for at most so many large lines of its product
MOST_WEEKS = 160


@dataclass(frozen=True)
class Sales:
    """One row per order line and per thing that came back, sorted by product, customer, day.

    What came back is a row of its own with a negative quantity on the day of the *sale*: a unit returned was no demand.
    It is known from the day it came back. A row stops counting on the day its order was cancelled or given back whole.
    """

    as_of: int
    products: int  # numbers below this one stand for products
    product: np.ndarray  # int32 [l]
    customer: np.ndarray  # int32 [l], UNNAMED for none
    day: np.ndarray  # int32 [l]
    quantity: np.ndarray  # float32 [l], units
    known: np.ndarray  # int32 [l], the first day on which the row was known
    void: np.ndarray  # int32 [l], NEVER unless the row stopped counting

    @classmethod
    def of(cls, history: History, **more: np.ndarray) -> "Sales":
        """Return the lines of a history; `more` holds further rows: product, customer, day, quantity, known, void."""
        lines = {
            "product": history.line_product,
            "customer": history.order_customer[history.line_order],
            "day": history.order_day[history.line_order],
            "quantity": history.line_quantity,
            "known": history.order_day[history.line_order],
            "void": history.order_void_day[history.line_order],
        }
        rows = {name: np.concatenate([here, more[name]]) if more else here for name, here in lines.items()}
        order = np.lexsort((rows["day"], rows["customer"], rows["product"]))
        kinds = {name: np.float32 if name == "quantity" else np.int32 for name in rows}
        return cls(
            history.as_of, len(history.product_ids), **{n: rows[n][order].astype(kinds[n], copy=False) for n in rows}
        )

    def upto(self, day: int) -> "Sales":
        """Return what was known at the end of `day`."""
        keep = (self.known <= day) & (self.void > day)
        rows = {name: getattr(self, name)[keep] for name in ("product", "customer", "day", "quantity", "known", "void")}
        return replace(self, as_of=min(day, self.as_of), **rows)

    def of_products(self, keep: np.ndarray) -> "Sales":
        """Return the rows of some products only (bool [products]), counted anew."""
        number = np.cumsum(keep, dtype=np.int32) - 1
        rows = keep[self.product]
        return replace(
            self, products=int(keep.sum()), product=number[self.product[rows]], customer=self.customer[rows],
            day=self.day[rows], quantity=self.quantity[rows], known=self.known[rows], void=self.void[rows],
        )  # fmt: skip

    @cached_property
    def ceiling(self) -> np.ndarray:
        """Return the largest line that is taken at its word, float64 [products]: three times the product's large lines.

        Large is the line that nine in ten do not exceed, the largest of all left aside: one order of a reseller cannot
        speak for the weeks ahead, however large it was.
        """
        sold = self.quantity > 0
        product, quantity = self.product[sold], self.quantity[sold]
        order = np.lexsort((quantity, product))
        count = np.bincount(product, minlength=self.products)
        start = np.cumsum(count) - count
        place = np.maximum(np.minimum(np.ceil(0.9 * count).astype(np.int64) - 1, count - 2), 0)
        found = np.full(self.products, np.inf)
        several = count > 1
        found[several] = USUAL_LINES * quantity[order][(start + place)[several]]
        return found

    def units(self, ceiling: np.ndarray) -> np.ndarray:
        """Return each row's units, none above its product's ceiling, float64 [l]."""
        return np.clip(self.quantity, -ceiling[self.product], ceiling[self.product])

    def between(self, first: int, last: int, ceiling: np.ndarray | None = None) -> np.ndarray:
        """Return the units sold per product with first <= day <= last, never below zero, float64 [products]."""
        inside = (self.day >= first) & (self.day <= last)
        units = self.quantity if ceiling is None else self.units(ceiling)
        return np.maximum(np.bincount(self.product[inside], units[inside], self.products), 0.0)

    def by_week(self, ceiling: np.ndarray | None = None) -> np.ndarray:
        """Return the units of each week, float64 [products, weeks], the last week ending on `as_of`."""
        weeks = min((self.as_of - int(self.day.min())) // 7 + 1, MOST_WEEKS) if len(self.day) else 1
        week = weeks - 1 - (self.as_of - self.day) // 7
        inside = week >= 0
        units = self.quantity if ceiling is None else self.units(ceiling)
        cells = self.product[inside].astype(np.int64) * weeks + week[inside]
        table = np.bincount(cells, units[inside], self.products * weeks).reshape(self.products, weeks)
        return np.maximum(table, 0.0)
