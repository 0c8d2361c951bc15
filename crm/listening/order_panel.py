"""What the order page shows: how the customer found it, or the link that asks."""

from django.http import HttpRequest

from crm.listening import asking
from crm.listening.models import Answer
from crm.listening.scoring import TOP
from crm.orders.models import Order


def of_order(*, order: Order, request: HttpRequest) -> dict | None:
    """Return the newest answer about an order, or the address to hand to the customer; nothing for a return."""
    if order.kind != Order.Kind.SALE or order.cancelled_at:
        return None
    answer = Answer.objects.filter(order=order).order_by("-at", "-pk").first()
    if answer:
        return {"answer": answer, "top": TOP[answer.asks]}
    return {"address": asking.of_order(order.pk)} if order.contact_id else None
