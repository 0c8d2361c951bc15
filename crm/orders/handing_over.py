"""The orders of a person, to be handed over."""

import datetime as dt

from django.db.models import Exists, OuterRef, Prefetch
from django.utils.translation import gettext_lazy as _

from crm.contacts.handing_over import Amount
from crm.orders.models import Order, OrderLine, Refund

LABELS = {
    "orders": _("Orders"), "all_orders": _("All orders"), "placed_at": _("Placed"), "total": _("Total"),
    "discount": _("Discount"), "shipping": _("Shipping"), "tax": _("Tax"), "refunded": _("Given back"),
    "payment": _("Payment"), "cancelled_at": _("Cancelled"), "channel": _("Channel"), "coupon_code": _("Coupon"),
    "note": _("Note"), "lines": _("Products"), "refunds": _("Refunds"), "sku": _("SKU"), "quantity": _("Quantity"),
    "unit_price": _("Unit price"),
}  # fmt: skip


def hand_over(*, contact_id: int) -> dict:
    """Return every order with its lines and refunds, the oldest first."""
    orders = Order.objects.filter(contact=contact_id).order_by("placed_at", "pk")
    return {"all_orders": [_told(order) for order in orders.prefetch_related(*_PARTS)]}


def ordered_since(moment: dt.datetime) -> Exists:
    """Return the condition that somebody ordered since then."""
    return Exists(Order.objects.filter(contact=OuterRef("pk"), placed_at__gte=moment))


_PARTS = (
    Prefetch("lines", queryset=OrderLine.objects.order_by("position")),
    Prefetch("refunds", queryset=Refund.objects.order_by("at", "pk")),
)


def _told(order: Order) -> dict:
    def amount(minor: int) -> Amount:
        return Amount(minor, order.currency)

    return {
        "number": order.number, "source": order.source, "kind": order.kind, "placed_at": order.placed_at,
        "total": amount(order.total_minor), "discount": amount(order.discount_minor),
        "shipping": amount(order.shipping_minor), "tax": amount(order.tax_minor),
        "refunded": amount(order.refunded_minor), "payment": order.payment, "cancelled_at": order.cancelled_at,
        "channel": order.channel, "coupon_code": order.coupon_code, "note": order.note,
        "lines": [
            {"name": line.name, "sku": line.sku, "quantity": line.quantity, "unit_price": amount(line.unit_price_minor),
             "total": amount(line.total_minor)}
            for line in order.lines.all()
        ],
        "refunds": [
            {"at": refund.at, "amount": amount(refund.amount_minor), "reason": refund.reason}
            for refund in order.refunds.all()
        ],
    }  # fmt: skip
