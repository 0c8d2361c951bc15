"""Orders go to the kept customer when two are merged, and back."""

import datetime as dt

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.contacts.moving import Rows
from crm.lib import changes
from crm.lib.templatetags import say
from crm.orders import standing
from crm.orders.models import Order


class Orders(Rows):
    """Hand over orders; what both come to is counted again. An order is not edited by it: its version stays."""

    def __init__(self):
        super().__init__(Order)

    def lock(self, contact_ids: list[int]) -> None:
        orders = Order.objects.filter(contact__in=contact_ids).order_by("pk")
        list(orders.select_for_update(no_key=True, nowait=True).values_list("pk"))

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        said = super().move(keep_id=keep_id, drop_id=drop_id, now=now)
        standing.refresh([keep_id])
        changes.tell(changes.ORDERS, said["moved"])
        return said

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        super().back(said, keep_id=keep_id, drop_id=drop_id, now=now)
        standing.refresh([keep_id, drop_id])
        stayed = Order.objects.filter(contact=keep_id).order_by("-placed_at").values_list("pk", flat=True)[:1]
        changes.tell(changes.ORDERS, [*said["moved"], *stayed])  # both are looked at again


def tells(*, keep_id: int, drop_id: int):
    """Say how many orders come over and what they sum up to."""
    coming = Contact.objects.values("order_count", "spent_minor").get(pk=drop_id)

    def told(*, now: dt.datetime) -> list[str]:
        kept, currency = Contact.objects.get(pk=keep_id), Shop.current().currency
        if not coming["order_count"]:
            return []
        count = ngettext("%(count)s order comes over.", "%(count)s orders come over.", coming["order_count"])
        total = _("Together %(count)s orders for %(amount)s.")
        return [
            count % {"count": say.number(coming["order_count"])},
            total % {"count": say.number(kept.order_count), "amount": say.money(kept.spent_minor, currency)},
        ]

    return told
