"""Read the shop's books into arrays: the only bulk reader of crm tables.

Rows come through a plain cursor and go straight into NumPy; Django's objects would take most of the night.
What counts is what crm.orders.returning.settled says: a sale that was paid, until it is cancelled or given back whole.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
from django.db import connection
from django.db.models import Q

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import clock
from crm.orders.models import Order, OrderLine, Product, Refund
from loyalty.dates import date_of, day_number
from loyalty.estimators.base import NEVER, History, NotEnoughData
from loyalty.estimators.demand import Sales
from loyalty.estimators.demand.sales import UNNAMED

CHUNK = 50_000
PAID = ("paid", "partly_refunded", "refunded")
NEVER_SECONDS = -(2**62)


def load(*, as_of: dt.date) -> History:
    """Return everything known at the end of `as_of` in the shop's zone: later orders and refunds are not read.

    Orders that stopped counting before that day are still in it, with the day they did, so that earlier cuts are true.
    """
    shop = Shop.current()
    _, end = clock.day_bounds(as_of, shop.timezone)
    before = int(end.timestamp())
    orders = _orders(shop, before)
    left_out = Contact.objects.filter(Q(erased_at__isnull=False) | Q(no_profiling=True))
    left_out = np.array(list(left_out.values_list("id", flat=True)), np.int64)
    orders = orders[~np.isin(orders[:, 3], left_out)]
    if not len(orders):
        raise NotEnoughData("orders", have=0, need=1)
    refunds = _refunds(shop, before)
    slips = _slips(shop, before)

    ids, placed, amount, contact, cancelled, refunded = orders.T
    day = _local_days(placed, shop.timezone)
    void_day = np.full(len(ids), NEVER, np.int32)
    was_cancelled = cancelled != NEVER_SECONDS
    void_day[was_cancelled] = _local_days(cancelled[was_cancelled], shop.timezone)

    customer_ids, customer = np.unique(contact, return_inverse=True)
    sorting = np.lexsort((ids, day, customer))
    by_id = np.argsort(ids[sorting])
    sorted_ids = ids[sorting][by_id]

    def places(order_ids: np.ndarray) -> np.ndarray:
        """Return where each order stands in the sorted arrays, -1 for one that was not read."""
        spot = np.minimum(np.searchsorted(sorted_ids, order_ids), len(sorted_ids) - 1)
        return np.where(sorted_ids[spot] == order_ids, by_id[spot], -1).astype(np.int32)

    void_day, refunded, day = void_day[sorting], refunded[sorting], day[sorting]
    customer, amount = customer[sorting].astype(np.int32), amount[sorting]
    refund_place = places(refunds[:, 0])
    refunds, refund_place = refunds[refund_place >= 0], refund_place[refund_place >= 0]
    refund_day = _local_days(refunds[:, 2], shop.timezone)
    _void_given_back(void_day, refunded, day, amount, refund_place, refund_day, refunds[:, 1])

    slip_known = np.isin(slips[:, 0], customer_ids)
    slips = slips[slip_known]
    lines = _lines(shop, before)
    line_place = places(lines["order"])
    lines, line_place = lines[line_place >= 0], line_place[line_place >= 0]
    by_order = np.argsort(line_place, kind="stable")
    lines, line_place = lines[by_order], line_place[by_order]
    product_ids, product_active, product_text = _products()
    return History(
        as_of=day_number(as_of),
        customer_ids=customer_ids,
        order_customer=customer,
        order_day=day,
        order_amount=amount,
        order_void_day=void_day,
        refund_order=np.r_[refund_place, np.full(len(slips), -1)].astype(np.int32),
        refund_customer=np.r_[customer[refund_place], np.searchsorted(customer_ids, slips[:, 0])].astype(np.int32),
        refund_day=np.r_[refund_day, _local_days(slips[:, 2], shop.timezone)].astype(np.int32),
        refund_amount=np.r_[refunds[:, 1], slips[:, 1]].astype(np.int64),
        product_ids=product_ids,
        product_active=product_active,
        product_text=product_text,
        line_order=line_place,
        line_product=np.searchsorted(product_ids, lines["product"]).astype(np.int32),
        line_quantity=lines["quantity"].copy(),
        line_amount=lines["amount"].copy(),
    )


def sales(history: History) -> Sales:
    """Return all units sold up to a history's day: its lines, purchases without a name, and what came back."""
    shop = Shop.current()
    _, end = clock.day_bounds(date_of(history.as_of), shop.timezone)
    before = int(end.timestamp())
    others = _other_lines(shop, before)
    placed = _local_days(others["placed"], shop.timezone)
    void = np.full(len(others), NEVER, np.int32)
    ended = others["ended"] != NEVER_SECONDS
    void[ended] = _local_days(others["ended"][ended], shop.timezone)
    back = _came_back(before)
    moments = back[:, 2:].astype(np.int64)
    sold, returned = (_local_days(moments[:, column], shop.timezone) for column in (0, 1))
    whole = np.full(len(back), NEVER, np.int32)
    is_whole = moments[:, 2] != NEVER_SECONDS
    whole[is_whole] = _local_days(moments[is_whole, 2], shop.timezone)
    product = np.r_[others["product"], back[:, 0].astype(np.int64)]
    there = np.isin(product, history.product_ids)
    return Sales.of(
        history,
        product=np.searchsorted(history.product_ids, product[there]),
        customer=np.full(int(there.sum()), UNNAMED),
        day=np.r_[placed, sold][there],
        quantity=np.r_[others["quantity"], -back[:, 1]][there],
        known=np.r_[placed, returned][there],
        void=np.r_[void, whole][there],
    )


def people() -> tuple[list[int], list[dict[str, str]]]:
    """Return (ids, rows) of the customers with custom fields: those, with orders and spending beside them."""
    found = (
        Contact.objects.profiled()
        .exclude(extra={})
        .order_by("id")
        .values_list("id", "extra", "country", "order_count", "spent_minor")
    )
    ids, rows = [], []
    for pk, extra, country, orders, spent in found.iterator(chunk_size=5_000):
        ids.append(pk)
        told = {str(name): "" if value is None else str(value) for name, value in extra.items()}
        rows.append({**told, "country": country, "orders": str(orders), "spent": str(spent)})
    return ids, rows


def _void_given_back(void_day, refunded_whole, day, amount, place, refund_day, refund_amount) -> None:
    """Set the day on which an order given back whole stopped counting: that of its last refund.

    Only where the refunds known by now make it whole; a later refund has not happened yet.
    """
    back = np.bincount(place, refund_amount, len(day))
    last = day.copy()
    np.maximum.at(last, place, refund_day)
    whole = (refunded_whole == 1) & (back >= amount) & (amount > 0)
    void_day[whole] = np.minimum(void_day[whole], last[whole])


def _orders(shop: Shop, before: int) -> np.ndarray:
    """Return int64 [m, 6]: id, placed, total, contact, cancelled, 1 where the platform calls it refunded."""
    marks = ", ".join(["%s"] * len(PAID))
    return _rows(
        f"SELECT o.id, {_seconds('o.placed_at')}, o.total_minor, o.contact_id, "
        f"COALESCE({_seconds('o.cancelled_at')}, {NEVER_SECONDS}), CASE WHEN o.payment = 'refunded' THEN 1 ELSE 0 END "
        f"FROM {_table(Order)} o WHERE o.contact_id IS NOT NULL AND o.currency = %s AND o.kind = 'sale' "
        f"AND o.payment IN ({marks}) AND o.placed_at < %s",
        [shop.currency, *PAID, _moment(before)], 6,
    )  # fmt: skip


def _refunds(shop: Shop, before: int) -> np.ndarray:
    """Return int64 [q, 3]: order, amount, moment."""
    return _rows(
        f"SELECT r.order_id, r.amount_minor, {_seconds('r.at')} FROM {_table(Refund)} r "
        f"JOIN {_table(Order)} o ON o.id = r.order_id WHERE o.currency = %s AND r.at < %s AND r.amount_minor > 0",
        [shop.currency, _moment(before)], 3,
    )  # fmt: skip


def _slips(shop: Shop, before: int) -> np.ndarray:
    """Return int64 [s, 3] of return slips that match no known sale: contact, amount given back, moment."""
    return _rows(
        f"SELECT o.contact_id, -o.net_minor, {_seconds('o.placed_at')} FROM {_table(Order)} o "
        f"WHERE o.contact_id IS NOT NULL AND o.currency = %s AND o.kind = 'return' AND o.net_minor < 0 "
        f"AND o.placed_at < %s",
        [shop.currency, _moment(before)], 3,
    )  # fmt: skip


LINE = np.dtype([("order", np.int64), ("product", np.int64), ("quantity", np.float32), ("amount", np.int64)])


def _lines(shop: Shop, before: int) -> np.ndarray:
    """Return the lines with a product and a positive quantity, as a structured array."""
    sql = (
        f"SELECT l.order_id, l.product_id, l.quantity, l.total_minor FROM {_table(OrderLine)} l "
        f"JOIN {_table(Order)} o ON o.id = l.order_id WHERE o.contact_id IS NOT NULL AND o.currency = %s "
        f"AND o.kind = 'sale' AND o.placed_at < %s AND l.product_id IS NOT NULL AND l.quantity > 0"
    )
    parts = [np.array(rows, LINE) for rows in _chunks(sql, [shop.currency, _moment(before)])]
    return np.concatenate(parts) if parts else np.empty(0, LINE)


OTHER = np.dtype([("product", np.int64), ("quantity", np.float64), ("placed", np.int64), ("ended", np.int64)])


def _other_lines(shop: Shop, before: int) -> np.ndarray:
    """Return the lines of sales that no history holds: without a customer to predict, or in another currency.

    `ended` is when the order was cancelled, or last given back where it was given back whole.
    """
    marks = ", ".join(["%s"] * len(PAID))
    whole = f"(SELECT MAX({_seconds('r.at')}) FROM {_table(Refund)} r WHERE r.order_id = o.id)"
    sql = (
        f"SELECT l.product_id, l.quantity, {_seconds('o.placed_at')}, COALESCE({_seconds('o.cancelled_at')}, "
        f"CASE WHEN o.payment = 'refunded' THEN {whole} END, {NEVER_SECONDS}) FROM {_table(OrderLine)} l "
        f"JOIN {_table(Order)} o ON o.id = l.order_id LEFT JOIN {_table(Contact)} c ON c.id = o.contact_id "
        f"WHERE (o.contact_id IS NULL OR c.erased_at IS NOT NULL OR c.no_profiling OR o.currency <> %s) "
        f"AND o.kind = 'sale' AND o.payment IN ({marks}) AND o.placed_at < %s "
        "AND l.product_id IS NOT NULL AND l.quantity > 0"
    )
    parts = [np.array(rows, OTHER) for rows in _chunks(sql, [shop.currency, *PAID, _moment(before)])]
    return np.concatenate(parts) if parts else np.empty(0, OTHER)


def _came_back(before: int) -> np.ndarray:
    """Return float64 [n, 5] of what was given back: product, units, when it was sold, when it came back, and when the
    whole order stopped counting.

    A slip that matches no sale came back from nobody knows when: its own day stands for both.
    """
    moment = dt.datetime.fromtimestamp(before, dt.UTC)
    rows, last = [], {}
    refunds = Refund.objects.filter(at__lt=moment, order__kind=Order.Kind.SALE).exclude(quantities={}).order_by("id")
    for order_id, quantities, at, placed, cancelled, payment in refunds.values_list(
        "order_id", "quantities", "at", "order__placed_at", "order__cancelled_at", "order__payment"
    ).iterator(chunk_size=5_000):
        back = at.timestamp()
        last[order_id] = max(last.get(order_id, back), back)
        ended = cancelled.timestamp() if cancelled else NEVER_SECONDS
        rows += [
            [int(product), units, placed.timestamp(), back, ended, order_id if payment == "refunded" else 0]
            for product, units in quantities.items()
        ]
    for row in rows:
        if row[5] and row[4] == NEVER_SECONDS:
            row[4] = last[row[5]]
    slips = OrderLine.objects.filter(
        order__kind=Order.Kind.RETURN, order__original=None, order__cancelled_at=None, order__placed_at__lt=moment,
        product__isnull=False, quantity__lt=0,
    )  # fmt: skip
    for product, units, placed in slips.order_by("id").values_list("product_id", "quantity", "order__placed_at"):
        at = placed.timestamp()
        rows.append([product, -units, at, at, NEVER_SECONDS, 0])
    return np.array([row[:5] for row in rows], np.float64).reshape(-1, 5)


def _products() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ids of all products, which of them are on sale, and what is written on them."""
    rows = list(Product.objects.order_by("id").values_list("id", "is_active", "name", "category"))
    text = np.array([f"{name} {category}".strip() for _id, _active, name, category in rows], object)
    return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], bool), text


def _rows(sql: str, parameters: list, width: int) -> np.ndarray:
    parts = [np.array(rows, np.int64) for rows in _chunks(sql, parameters)]
    return np.concatenate(parts) if parts else np.empty((0, width), np.int64)


def _chunks(sql: str, parameters: list):
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(CHUNK):
            yield rows


def _table(model) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _seconds(column: str) -> str:
    """Return SQL for a moment as whole seconds since 1970 in UTC."""
    if connection.vendor == "postgresql":
        return f"FLOOR(EXTRACT(EPOCH FROM {column}))::bigint"
    return f"CAST(strftime('%%s', {column}) AS INTEGER)"


def _moment(seconds: int):
    return connection.ops.adapt_datetimefield_value(dt.datetime.fromtimestamp(seconds, dt.UTC))


def _local_days(seconds: np.ndarray, zone: str) -> np.ndarray:
    """Return the local day numbers of moments, int32; the zone's offset is looked up once per quarter of an hour."""
    quarters, inverse = np.unique(seconds // 900, return_inverse=True)
    tz = ZoneInfo(zone)
    offsets = np.array(
        [dt.datetime.fromtimestamp(quarter * 900, tz).utcoffset().total_seconds() for quarter in quarters.tolist()],
        np.int64,
    )
    return ((seconds + offsets[inverse]) // 86_400).astype(np.int32) if len(seconds) else np.empty(0, np.int32)
