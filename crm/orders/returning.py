"""What comes back: refunds of a sale, and return slips matched to the sale they undo.

A return slip (kind=return) is matched, line by line, to the buyer's latest earlier sale of the same
product that has some left. The matched part becomes a Refund of that sale under "return:<number>",
and only the rest stays on the slip, so that `net_minor` summed over all orders is exact.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Sum

from crm.lib import bulk
from crm.orders.models import Order, OrderLine, Refund

TOTAL = "total"
_PREFIX = "return:"
_COLUMNS = ("refunded_minor", "payment", "counts", "net_minor")
_PAID = (Order.Payment.PAID, Order.Payment.PARTLY_REFUNDED)


def settled(
    *, kind: str, total_minor: int, refunded_minor: int, payment: str, cancelled: bool
) -> tuple[int, str, bool, int]:
    """Return (refunded, payment, counts, net) of an order; a refund is never more than was paid."""
    if kind == Order.Kind.RETURN:
        net = 0 if cancelled else total_minor
        return 0, payment, net != 0, net
    refunded = min(max(refunded_minor, 0), total_minor)
    if refunded and payment in _PAID:
        payment = Order.Payment.PARTLY_REFUNDED if refunded < total_minor else Order.Payment.REFUNDED
    counts = payment in _PAID and not cancelled
    return refunded, str(payment), counts, total_minor - refunded if counts else 0


def as_json(held: dict) -> dict:
    """Return what a row held with its times as text, lines and refunds as lists."""

    def plain(value):
        if isinstance(value, dt.datetime):
            return value.isoformat()
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value

    return {name: plain(value) for name, value in held.items()}


@dataclass(slots=True)
class _Sold:
    """A line of an earlier sale that something may come back from."""

    order_id: int
    source: str
    currency: str
    placed_at: dt.datetime
    left: float


@dataclass(slots=True)
class _Back:
    """What one slip gives back on one sale."""

    amount_minor: int = 0
    quantities: dict[str, float] = field(default_factory=dict)


def match(slip_ids: list[int], *, now: dt.datetime, import_id: int | None) -> tuple[list[int], list[tuple]]:
    """Match slips that are matched to nothing yet; return the sales that changed and what they held before."""
    slips = list(
        Order.objects.filter(
            id__in=bulk.among(slip_ids), kind=Order.Kind.RETURN, original=None, contact__isnull=False,
            cancelled_at=None, total_minor__lt=0,
        )
        .order_by("placed_at", "number")
        .values_list("id", "source", "number", "contact_id", "currency", "placed_at", "total_minor")
    )  # fmt: skip
    returned = defaultdict(list)
    rows = (
        OrderLine.objects.filter(order__in=bulk.among([slip[0] for slip in slips]), quantity__lt=0)
        .exclude(product=None)
        .order_by("order_id", "position")
    )
    for order_id, *line in rows.values_list("order_id", "product_id", "quantity", "total_minor"):
        returned[order_id].append(line)
    slips = [slip for slip in slips if slip[0] in returned]
    if not slips:
        return [], []
    sold, room = _sold({slip[3] for slip in slips}, {line[0] for slip in slips for line in returned[slip[0]]})

    refunds, matched = [], []
    for slip_id, source, number, contact_id, currency, placed_at, total_minor in slips:
        given: dict[int, _Back] = {}
        budget = -total_minor
        for product_id, quantity, line_total in returned[slip_id]:
            missing, unpaid = -quantity, -line_total
            for line in sold.get((contact_id, product_id), ()):
                if missing <= 0 or budget <= 0:
                    break
                if line.left <= 0 or line.placed_at > placed_at or (line.source, line.currency) != (source, currency):
                    continue
                taken = min(missing, line.left)
                amount = unpaid if taken == missing else round(unpaid * taken / missing)
                amount = min(max(amount, 0), budget, room[line.order_id])
                line.left -= taken
                missing, unpaid = missing - taken, unpaid - amount
                budget, room[line.order_id] = budget - amount, room[line.order_id] - amount
                back = given.setdefault(line.order_id, _Back())
                back.amount_minor += amount
                back.quantities[str(product_id)] = back.quantities.get(str(product_id), 0) + taken
        given = {order_id: back for order_id, back in given.items() if back.amount_minor}
        if not given:
            continue
        net = total_minor + sum(back.amount_minor for back in given.values())
        original = max(given, key=lambda order_id: (given[order_id].amount_minor, order_id))
        matched.append([original, net, net != 0, slip_id])
        refunds += [
            (order_id, f"{_PREFIX}{number}", back.amount_minor, placed_at, "", back.quantities)
            for order_id, back in given.items()
        ]
    originals = sorted({refund[0] for refund in refunds})
    held = _held_refunds(originals)
    bulk.insert(Refund, ("order_id", "key", "amount_minor", "at", "reason", "quantities"), refunds)
    bulk.update(Order, ("original_id", "net_minor", "counts"), matched)
    return originals, recount(originals, held, now=now, import_id=import_id)


def unmatch(slip_ids: list[int], *, now: dt.datetime, import_id: int | None) -> tuple[list[int], list[tuple]]:
    """Take back what these slips gave back; return the sales that changed and what they held before."""
    refunds = []
    for source, number in Order.objects.filter(id__in=bulk.among(slip_ids)).values_list("source", "number"):
        refunds += Refund.objects.filter(order__source=source, key=f"{_PREFIX}{number}").values_list("id", "order_id")
    originals = sorted({order_id for _id, order_id in refunds})
    held = _held_refunds(originals)
    Refund.objects.filter(id__in=bulk.among([refund_id for refund_id, _order in refunds])).delete()
    Order.objects.filter(id__in=bulk.among(slip_ids)).update(original=None)
    return originals, recount(originals, held, now=now, import_id=import_id)


def recount(
    order_ids: Iterable[int], held_refunds: dict[int, list], *, now: dt.datetime, import_id: int | None = None
) -> list[tuple]:
    """Bring sales in line with their refunds; return what they held before, as changes for undo."""
    order_ids = list(order_ids)
    sums = dict(
        Refund.objects.filter(order__in=bulk.among(order_ids))
        .values("order_id").annotate(total=Sum("amount_minor")).order_by("order_id").values_list("order_id", "total")
    )  # fmt: skip
    rows, changes = [], []
    orders = Order.objects.filter(id__in=bulk.among(order_ids)).order_by("id")
    for row in orders.values("id", "kind", "total_minor", "cancelled_at", "version", "created_by_import", *_COLUMNS):
        refunded, payment = sums.get(row["id"], 0), row["payment"]
        if not refunded and payment in (Order.Payment.PARTLY_REFUNDED, Order.Payment.REFUNDED):
            payment = Order.Payment.PAID  # what made it so was taken back
        after = settled(
            kind=row["kind"], total_minor=row["total_minor"], refunded_minor=refunded, payment=payment,
            cancelled=row["cancelled_at"] is not None,
        )  # fmt: skip
        own = import_id is not None and row["created_by_import"] == import_id
        version = row["version"] + (0 if own else 1)
        rows.append([*after, now, version, row["id"]])
        if not own:
            before = {name: row[name] for name in _COLUMNS} | {"refunds": held_refunds.get(row["id"], [])}
            changes.append(("order", row["id"], as_json(before), {}, version))
    bulk.update(Order, (*_COLUMNS, "updated_at", "version"), rows)
    return changes


def _held_refunds(order_ids: list[int]) -> dict[int, list]:
    held = defaultdict(list)
    columns = ("order_id", "key", "amount_minor", "at", "reason", "quantities")
    for row in Refund.objects.filter(order__in=bulk.among(order_ids)).order_by("order_id", "key").values_list(*columns):
        held[row[0]].append(row)
    return held


def _sold(contact_ids: set[int], product_ids: set[int]) -> tuple[dict[tuple[int, int], list[_Sold]], dict[int, int]]:
    """Return what these people bought of these products, newest first, and what each sale may still give back."""
    lines = (
        OrderLine.objects.filter(
            order__contact__in=bulk.among(contact_ids), order__kind=Order.Kind.SALE, order__counts=True,
            product__in=bulk.among(product_ids), quantity__gt=0,
        )
        .order_by("-order__placed_at", "-order_id", "position")
        .values_list(
            "order_id", "product_id", "quantity", "order__contact_id", "order__source", "order__currency",
            "order__placed_at", "order__total_minor", "order__refunded_minor",
        )
    )  # fmt: skip
    sold, room, by_order = defaultdict(list), {}, defaultdict(list)
    for order_id, product_id, quantity, contact_id, source, currency, placed_at, total, refunded in lines:
        line = _Sold(order_id, source, currency, placed_at, quantity)
        sold[contact_id, product_id].append(line)
        by_order[order_id, str(product_id)].append(line)
        room[order_id] = total - refunded
    earlier = Refund.objects.filter(order__in=bulk.among(room), key__startswith=_PREFIX)
    for order_id, quantities in earlier.order_by("id").values_list("order_id", "quantities"):
        for product_id, quantity in quantities.items():
            for line in by_order.get((order_id, product_id), ()):
                taken = min(quantity, line.left)
                line.left, quantity = line.left - taken, quantity - taken
    return sold, room
