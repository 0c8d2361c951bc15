"""A coupon in the owner's words."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.coupons.models import Coupon
from crm.lib.templatetags import say


def gives(coupon: Coupon, currency: str) -> str:
    """Say what the customer gets."""
    match coupon.gives:
        case Coupon.Gives.PERCENT:
            return _("%(percent)s off") % {"percent": say.of_hundred(coupon.percent)}
        case Coupon.Gives.AMOUNT:
            return _("%(amount)s off") % {"amount": say.money(coupon.amount_minor, currency)}
        case Coupon.Gives.PRODUCT:
            return _("one %(product)s for free") % {"product": coupon.product}
        case Coupon.Gives.SHIPPING:
            return _("free shipping")
        case Coupon.Gives.BUY_GET:
            return _("buy %(buy)s, get %(get)s for free") % {"buy": coupon.buy_quantity, "get": coupon.get_quantity}
    return _("a gift card of %(amount)s") % {"amount": say.money(coupon.amount_minor, currency)}


def conditions(coupon: Coupon, currency: str) -> Iterator[str]:
    """Say on which conditions, one sentence each."""
    if coupon.ends_on:
        yield _("from %(start)s until %(end)s") % {"start": say.day(coupon.starts_on), "end": say.day(coupon.ends_on)}
    else:
        yield _("from %(start)s") % {"start": say.day(coupon.starts_on)}
    if coupon.least_minor:
        yield _("from %(amount)s worth of goods") % {"amount": say.money(coupon.least_minor, currency)}
    names = [str(product) for product in coupon.products.all()] + coupon.categories
    if names:
        yield _("only for %(names)s") % {"names": ", ".join(names)}
    if coupon.segment_id:
        yield _("only for the group “%(name)s”") % {"name": coupon.segment.label}
    if coupon.first_order_only:
        yield _("only for a first order")
    if coupon.most_per_customer:
        yield ngettext(
            "%(count)s time for each customer", "%(count)s times for each customer", coupon.most_per_customer
        ) % {"count": coupon.most_per_customer}
    if not coupon.combines:
        yield _("not together with other codes")
    if coupon.may_go_below_cost:
        yield _("even below cost")
