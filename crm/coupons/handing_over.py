"""The coupons and gift cards of a person, to be handed over."""

from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.contacts.handing_over import Amount
from crm.coupons import issuing
from crm.coupons.models import Code, Coupon, CustomerUse, Use

LABELS = {
    "coupons": _("Coupons and gift cards"), "codes": _("Codes of your own"), "code": _("Code"), "coupon": _("Coupon"),
    "gift_card_balance": _("Left on the gift card"), "used": _("Times used"), "stopped_at": _("Stopped"),
    "uses": _("Coupons you used"), "how_often": _("How often each was used"),
}  # fmt: skip


def hand_over(*, contact_id: int) -> dict:
    """Return the person's own codes, and what they used."""
    currency = Shop.current().currency
    codes = Code.objects.filter(contact=contact_id).select_related("coupon").order_by("pk")
    uses = Use.objects.filter(contact=contact_id).select_related("coupon").order_by("pk")
    counts = CustomerUse.objects.filter(contact=contact_id).select_related("coupon").order_by("pk")
    return {
        "codes": [
            {
                "coupon": code.coupon.name, "code": issuing.text_of(code), "used": code.used_count,
                "gift_card_balance": Amount(code.balance_minor, currency)
                if code.coupon.gives == Coupon.Gives.GIFT_CARD and code.balance_minor is not None else None,
                "created_at": code.created_at, "stopped_at": code.stopped_at,
            }
            for code in codes
        ],
        "uses": [
            {"at": use.reserved_at, "coupon": use.coupon.name, "discount": Amount(use.discount_minor, currency),
             "state": use.state}
            for use in uses
        ],
        "how_often": [{"coupon": one.coupon.name, "used": one.count} for one in counts],
    }  # fmt: skip
