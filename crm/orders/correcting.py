"""What the owner does to an order that is there: give money back, cancel it."""

import datetime as dt

from django.db import transaction
from django.db.models import Sum

from crm.orders import returning
from crm.orders.models import Order, Refund


class RefundTooLarge(ValueError):
    """More would be given back than was paid and not given back yet."""

    def __init__(self, left_minor: int):
        super().__init__(f"At most {left_minor} minor units are left to give back.")
        self.left_minor = left_minor


@transaction.atomic
def refund(order_id: int, *, amount_minor: int, key: str, at: dt.datetime, now: dt.datetime, reason: str = "") -> bool:
    """Give money back on a sale, once per `key`; return whether it was done now."""
    order = Order.objects.select_for_update(of=("self",)).get(pk=order_id, kind=Order.Kind.SALE)
    if Refund.objects.filter(order=order, key=key).exists():
        return False
    left = order.total_minor - order.refunded_minor
    if not 0 < amount_minor <= left:
        raise RefundTooLarge(left)
    Refund.objects.create(order=order, key=key, amount_minor=amount_minor, at=at, reason=reason[:200])
    returning.recount([order_id], {}, now=now)
    return True


@transaction.atomic
def refund_in_all(order_id: int, *, amount_minor: int, at: dt.datetime, now: dt.datetime) -> bool:
    """Take the platform's word for what it gave back in all so far, never less; return whether it is news."""
    order = Order.objects.select_for_update(of=("self",)).get(pk=order_id, kind=Order.Kind.SALE)
    told = Refund.objects.filter(order=order, key=returning.TOTAL).first()
    one_by_one = Refund.objects.filter(order=order, key__startswith=f"{order.source}:")  # the sum includes them
    rest_minor = min(amount_minor, order.total_minor) - (one_by_one.aggregate(sum=Sum("amount_minor"))["sum"] or 0)
    if rest_minor <= (told.amount_minor if told else 0):
        return False
    Refund.objects.update_or_create(order=order, key=returning.TOTAL, defaults={"amount_minor": rest_minor, "at": at})
    returning.recount([order_id], {}, now=now)
    return True


@transaction.atomic
def cancel(order_id: int, *, at: dt.datetime, now: dt.datetime) -> bool:
    """Cancel an order; it earns nothing from then on. Return whether it was done now."""
    if not Order.objects.filter(pk=order_id, cancelled_at=None).update(cancelled_at=at):
        return False
    if Order.objects.filter(pk=order_id, kind=Order.Kind.RETURN).exists():
        returning.unmatch([order_id], now=now, import_id=None)
    returning.recount([order_id], {}, now=now)
    return True
