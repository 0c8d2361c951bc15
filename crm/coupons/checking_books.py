"""What must be true of coupons: counters are sums of uses, gift cards add up."""

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.coupons.models import Code, Coupon, Use
from crm.lib.templatetags import say

_HELD = Q(uses__state__in=[Use.State.RESERVED, Use.State.REDEEMED])


def counters_are_sums() -> tuple[bool, str]:
    """Compare the counters of every coupon and code with its uses, and gift cards with what was taken off them."""
    coupons = Coupon.objects.annotate(
        held=Count("uses", filter=_HELD), minor=Coalesce(Sum("uses__discount_minor", filter=_HELD), 0)
    )
    off = coupons.exclude(used_count=F("held"), given_minor=F("minor"))
    wrong = list(off.order_by("pk").values_list("pk", flat=True)[:5])
    codes = Code.objects.annotate(
        held=Count("uses", filter=_HELD), minor=Coalesce(Sum("uses__discount_minor", filter=_HELD), 0)
    )
    wrong += codes.exclude(used_count=F("held")).order_by("pk").values_list("coupon", flat=True)[:5]
    cards = codes.exclude(balance_minor=None).exclude(balance_minor=F("coupon__amount_minor") - F("minor"))
    wrong += cards.order_by("pk").values_list("coupon", flat=True)[:5]
    if wrong:
        names = ", ".join(map(str, sorted(set(wrong))))
        return False, _("These coupons do not count what was used: %(ids)s.") % {"ids": names}
    count = Use.objects.count()
    return True, ngettext(
        "%(count)s use of a coupon, counted right.", "%(count)s uses of coupons, counted right.", count
    ) % {"count": say.number(count)}
