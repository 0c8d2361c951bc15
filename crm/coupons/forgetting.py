"""What becomes of coupons when their customer is erased: codes of their own are stopped, a gift card is money."""

import datetime as dt
from collections.abc import Collection

from django.db import transaction
from django.utils.translation import ngettext

from crm.contacts.forgetting import Foreseen
from crm.coupons.models import Code, Coupon, CustomerUse, Use
from crm.lib import bulk
from crm.lib.templatetags import say

COVERS = ("coupons.Code.contact", "coupons.Use.contact", "coupons.CustomerUse.contact")


@transaction.atomic
def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Part codes and uses from the person; whoever holds a gift card can go on paying with it."""
    ids = bulk.among(contact_ids)
    count = Use.objects.filter(contact__in=ids).update(contact=None)  # in the order redeeming locks them
    codes = Code.objects.filter(contact__in=ids)
    codes.exclude(coupon__gives=Coupon.Gives.GIFT_CARD).filter(stopped_at=None).update(stopped_at=now)
    count += codes.update(contact=None)
    return count + CustomerUse.objects.filter(contact__in=ids).delete()[0]


def foresee(*, contact_id: int) -> Foreseen:
    """Say which codes stop, and that gift cards keep working."""
    codes, goes, stays = Code.objects.filter(contact=contact_id, stopped_at=None), [], []
    cards = codes.filter(coupon__gives=Coupon.Gives.GIFT_CARD).count()
    if own := codes.count() - cards:
        text = ngettext(
            "%(count)s personal coupon code, which works no more",
            "%(count)s personal coupon codes, which work no more",
            own,
        )
        goes.append(text % {"count": say.number(own)})
    if cards:
        text = ngettext(
            "%(count)s gift card: whoever has the code can pay with it.",
            "%(count)s gift cards: whoever has a code can pay with it.",
            cards,
        )
        stays.append(text % {"count": say.number(cards)})
    return Foreseen(goes, stays)
