"""The books of a few customers, read row by row: what dataset.load says of them, without arrays.

The web server and the idle worker import this module; NumPy would cost each of them 90 MB. The tests hold it to the
night's own reading, customer by customer.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field

from crm.accounts.models import Shop
from crm.lib import bulk, clock
from crm.orders.models import Order, OrderLine, Refund
from loyalty.dates import day_number

NEVER = 2**31 - 1  # the day an order stops counting, when it never does; as in estimators.base
PAID = (Order.Payment.PAID, Order.Payment.PARTLY_REFUNDED, Order.Payment.REFUNDED)


@dataclass(slots=True)
class Bought:
    """A paid sale. Days are whole numbers since 1970-01-01 in the shop's zone, money is whole minor units."""

    day: int
    amount: int
    void_day: int = NEVER  # the day it was cancelled or given back whole, as far as was known
    written_at: dt.datetime | None = None  # when it came into the books
    refunds: list[tuple[int, int]] = field(default_factory=list)  # day, amount
    lines: list[tuple[int, float, int]] = field(default_factory=list)  # product, quantity, amount


@dataclass(slots=True)
class Past:
    """What was known of one customer at the end of `as_of`."""

    as_of: int
    orders: list[Bought] = field(default_factory=list)
    slips: list[tuple[int, int]] = field(default_factory=list)  # day, amount given back on no known sale

    @property
    def counting(self) -> list[Bought]:
        return [order for order in self.orders if order.void_day > self.as_of]

    @property
    def days(self) -> list[int]:
        """Return the days with an order that counts, oldest first."""
        return sorted({order.day for order in self.counting})

    @property
    def spent(self) -> int:
        """Return the money of the orders that count, refunds taken off."""
        earned = sum(order.amount - sum(amount for _day, amount in order.refunds) for order in self.counting)
        return earned - sum(amount for _day, amount in self.slips)

    def has_news_after(self, day: int) -> bool:
        """Tell whether anything was bought, given back or cancelled after a day."""
        happened = [order.day for order in self.orders] + [given for given, _amount in self.slips]
        happened += [given for order in self.orders for given, _amount in order.refunds]
        happened += [order.void_day for order in self.orders if order.void_day <= self.as_of]
        return any(one > day for one in happened)


def read(contact_ids: Collection[int], *, as_of: dt.date, shop: Shop, with_lines: bool = False) -> dict[int, Past]:
    """Return the pasts of these people; those nobody knows any more, or without a paid sale, have empty ones."""
    last, (_start, end) = day_number(as_of), clock.day_bounds(as_of, shop.timezone)
    pasts = {contact_id: Past(last) for contact_id in contact_ids}
    zone = shop.timezone

    def day_of(moment: dt.datetime) -> int:
        return day_number(clock.local_date(moment, zone))

    theirs = Order.objects.filter(
        contact__in=bulk.among(pasts), contact__erased_at=None, currency=shop.currency, placed_at__lt=end
    )
    found: dict[int, Bought] = {}
    given_back: set[int] = set()
    sales = theirs.filter(kind=Order.Kind.SALE, payment__in=PAID).order_by("id")
    for pk, contact_id, placed_at, total, cancelled_at, payment, written_at in sales.values_list(
        "id", "contact_id", "placed_at", "total_minor", "cancelled_at", "payment", "created_at"
    ):
        found[pk] = order = Bought(day_of(placed_at), total, written_at=written_at)
        pasts[contact_id].orders.append(order)
        if cancelled_at is not None and cancelled_at < end:
            order.void_day = day_of(cancelled_at)
        if payment == Order.Payment.REFUNDED:
            given_back.add(pk)
    refunds = Refund.objects.filter(order__in=bulk.among(found), at__lt=end, amount_minor__gt=0).order_by("id")
    for order_id, amount, at in refunds.values_list("order_id", "amount_minor", "at"):
        found[order_id].refunds.append((day_of(at), amount))
    for pk in given_back:
        _void_given_back(found[pk])
    slips = theirs.filter(kind=Order.Kind.RETURN, net_minor__lt=0).order_by("id")
    for contact_id, placed_at, net in slips.values_list("contact_id", "placed_at", "net_minor"):
        pasts[contact_id].slips.append((day_of(placed_at), -net))
    if with_lines:
        lines = OrderLine.objects.filter(order__in=bulk.among(found), product__isnull=False, quantity__gt=0)
        for order_id, *line in lines.values_list("order_id", "product_id", "quantity", "total_minor"):
            found[order_id].lines.append(tuple(line))
    return pasts


def _void_given_back(order: Bought) -> None:
    """Let an order given back whole stop counting on the day of its last refund, where those known make it whole."""
    if 0 < order.amount <= sum(amount for _day, amount in order.refunds):
        order.void_day = min(order.void_day, max(order.day, *(day for day, _amount in order.refunds)))
