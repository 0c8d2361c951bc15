"""What orders tell of a person's story: what they bought and what they gave back."""

import datetime as dt

from django.utils.translation import gettext as _

from crm.contacts.timeline import Moment
from crm.orders.models import Order, Refund


def orders(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell when a person ordered, returned or cancelled something."""
    rows = Order.objects.filter(contact=contact_id, placed_at__lt=before).order_by("-placed_at", "-pk")
    return [
        Moment(
            at=order.placed_at,
            icon="undo-2" if order.kind == Order.Kind.RETURN else "ban" if order.cancelled_at else "shopping-bag",
            text=_text(order) % {"number": order.shown_number},
            href=order.get_absolute_url(),
            amount_minor=order.total_minor,
            currency=order.currency,
        )
        for order in rows[:limit]
    ]


def _text(order: Order) -> str:
    if order.kind == Order.Kind.RETURN:
        return _("Return %(number)s")
    return _("Order %(number)s, cancelled") if order.cancelled_at else _("Order %(number)s")


def refunds(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell when money was given back to a person; a return slip tells its own story."""
    rows = (
        Refund.objects.filter(order__contact=contact_id, at__lt=before)
        .exclude(key__startswith="return:")
        .select_related("order")
        .order_by("-at", "-pk")
    )
    return [
        Moment(
            at=refund.at,
            icon="undo-2",
            text=_("Money back on order %(number)s") % {"number": refund.order.shown_number},
            href=refund.order.get_absolute_url(),
            detail=refund.reason,
            amount_minor=refund.amount_minor,
            currency=refund.order.currency,
        )
        for refund in rows[:limit]
    ]
