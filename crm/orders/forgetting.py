"""What becomes of orders when their customer is erased: they stay in the books, without a word about the person."""

import datetime as dt
from collections.abc import Collection

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts.forgetting import Foreseen
from crm.lib import bulk
from crm.lib.templatetags import say
from crm.orders import numbering
from crm.orders.models import Order, Refund

COVERS = ("orders.Order.contact", "orders.Order.note", "orders.Order.number", "orders.Refund.reason")


@transaction.atomic
def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Take notes, reasons, and numbers that were made of a name or address, out of orders."""
    orders = Order.objects.filter(contact__in=bulk.among(contact_ids))
    count = orders.exclude(note="").update(note="")
    count += Refund.objects.filter(order__in=orders.values("pk")).exclude(reason="").update(reason="")
    for pk, number in list(orders.filter(source__startswith="file-").values_list("pk", "number")):
        if (changed := numbering.nameless(number)) != number:
            count += Order.objects.filter(pk=pk).update(number=changed)
    return count


def foresee(*, contact_id: int) -> Foreseen:
    """Say which orders stay."""
    orders = Order.objects.filter(contact=contact_id)
    count = orders.count()
    if not count:
        return Foreseen()
    currency = Shop.current().currency
    spent = orders.counting().filter(currency=currency).aggregate(sum=Sum("net_minor"))["sum"] or 0
    goes, notes = [], orders.exclude(note="").count()
    if notes:
        goes.append(ngettext("The note on %(count)s order", "The notes on %(count)s orders", notes) % {
            "count": say.number(notes)
        })  # fmt: skip
    text = ngettext(
        "%(count)s order for %(amount)s, without the person: books must be kept.",
        "%(count)s orders for %(amount)s, without the person: books must be kept.",
        count,
    )
    return Foreseen(goes, [text % {"count": say.number(count), "amount": say.money(spent, currency)}])
