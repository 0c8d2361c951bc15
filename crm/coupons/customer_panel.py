"""What the customer page shows about coupons."""

from django.http import HttpRequest

from crm.contacts.models import Contact
from crm.coupons import issuing, wording
from crm.coupons.models import Code, Use

_SHOWN = 5


def of_contact(*, contact: Contact, request: HttpRequest) -> dict | None:
    """Return the person's own open codes and newest uses; nothing where there are none."""
    own = Code.objects.filter(contact=contact, stopped_at=None, coupon__stopped_at=None)
    own = own.select_related("coupon__product")
    open_codes = [
        (code, issuing.text_of(code), wording.gives(code.coupon, request.shop.currency))
        for code in own.order_by("-pk")[:_SHOWN]
        if code.most_uses is None or code.used_count < code.most_uses
    ]
    used = Use.objects.filter(contact=contact, state=Use.State.REDEEMED).select_related("coupon")
    newest = list(used.order_by("-pk")[:_SHOWN])
    return {"open_codes": open_codes, "used": newest} if open_codes or newest else None
