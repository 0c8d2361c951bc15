"""The question after a purchase: the link to it, in campaigns and elsewhere, and what a link asks about.

A link carries the message it came with, or an order, signed; so an answer has one person and one purchase, and nobody
needs to log in. In a test message it opens an example that keeps nothing.
"""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.campaigns.fields import Facts, Field
from crm.campaigns.models import Message
from crm.lib import digits, tokens
from crm.orders.models import Order

FIELD = "feedback_link"
EXAMPLE = "example"
_PURPOSE = "feedback"


@dataclass(frozen=True)
class Asked:
    """What an answer would be about; `order`: the purchase a message followed."""

    key: str
    contact_id: int | None
    order: Order | None = None
    rotation_id: int | None = None


def field() -> Field:
    """Return the field for the texts of campaigns."""
    return Field(_("Link to “How was it?”"), _address, is_address=True)


def of_order(order_id: int) -> str:
    """Return the address at which somebody says how an order was."""
    return _written(f"order-{order_id}")


def read(token: str) -> Asked | None:
    """Return what a link asks about; None where it is not ours, an example, or its subject is gone."""
    kind, _dash, number = (tokens.read(_PURPOSE, token) or "").partition("-")
    pk = digits.read(number)
    if pk is None:
        return None
    if kind == "order":
        order = Order.objects.filter(pk=pk, kind=Order.Kind.SALE).select_related("contact").first()
        is_known = order and order.contact and not order.contact.erased_at
        return order and Asked(f"order:{pk}", order.contact_id if is_known else None, order)
    message = Message.objects.filter(pk=pk, contact__erased_at=None).first()
    if message is None:
        return None
    return Asked(f"message:{pk}", message.contact_id, _last_order(message), message.rotation_id)


def is_example(token: str) -> bool:
    return tokens.read(_PURPOSE, token) == EXAMPLE


def _last_order(message: Message) -> Order | None:
    """Return the last purchase before a message left."""
    sales = Order.objects.filter(contact=message.contact_id, kind=Order.Kind.SALE, cancelled_at=None)
    return sales.filter(placed_at__lte=message.sent_at or message.due_at).order_by("-placed_at", "-pk").first()


def _address(facts: Facts) -> str:
    return _written(EXAMPLE if facts.message_id is None else f"message-{facts.message_id}")


def _written(subject: str) -> str:
    return settings.SITE_URL + reverse("listening:feedback", args=[tokens.sign(_PURPOSE, subject)])
