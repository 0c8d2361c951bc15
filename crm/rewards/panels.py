"""What the pages of a customer and of an order show about points."""

from django.http import HttpRequest

from crm.contacts.models import Contact
from crm.orders.models import Order
from crm.rewards import explaining, ledger
from crm.rewards.models import Entry

NEWEST = 5


def of_contact(*, contact: Contact, request: HttpRequest) -> dict:
    """Return a customer's balance and newest entries."""
    return {
        "balance": ledger.balance(contact.pk),
        "newest": explaining.explain(ledger.history(contact.pk)[:NEWEST]),
    }


def of_order(*, order: Order, request: HttpRequest) -> dict | None:
    """Return what an order earned and what was taken back; nothing where it never earned anything."""
    entries = Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref=order.pk).select_related("account__contact")
    explained = explaining.explain(entries.order_by("pk"))
    if not explained:
        return None
    return {"entries": explained, "total": sum(row.entry.points for row in explained)}
