"""What the pages of a customer and of an order show about points."""

from django.http import HttpRequest

from crm.contacts.models import Contact
from crm.lib import clock
from crm.orders.models import Order
from crm.rewards import explaining, holding, ledger, referring, tiers
from crm.rewards.models import Entry, Reward

NEWEST = 5


def of_contact(*, contact: Contact, request: HttpRequest) -> dict:
    """Return a customer's balance, level and newest entries."""
    return {
        "standing": holding.of(contact.pk),
        "can_redeem": Reward.objects.filter(is_active=True).exists(),
        "progress": None if contact.erased_at else tiers.progress(contact.pk, now=clock.now()),
        "newest": explaining.explain(ledger.history(contact.pk)[:NEWEST]),
    }


def friends_of_contact(*, contact: Contact, request: HttpRequest) -> dict | None:
    """Return who sent a customer and whom they sent; nothing where there was nobody."""
    came, sent = referring.advocate_of(contact.pk), referring.sent_by(contact.pk)
    if came is None and not sent.friends:
        return None
    return {"came": came, "sent": sent, "friends": referring.friends_of(contact.pk)[:NEWEST]}


def of_order(*, order: Order, request: HttpRequest) -> dict | None:
    """Return what an order earned and what was taken back; nothing where it never earned anything."""
    entries = Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref=order.pk).select_related("account__contact")
    explained = explaining.explain(entries.order_by("pk"))
    if not explained:
        return None
    return {"entries": explained, "total": sum(row.entry.points for row in explained)}
