"""Somebody has ordered for the first time."""

from django.db.models import Q
from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import DAYS_AFTER, Found, Past, Trigger, people
from crm.lib.templatetags import say


class FirstOrder(Trigger):
    slug = "first_order"
    name = gettext_lazy("After the first order")
    icon = "sparkles"
    params = (DAYS_AFTER,)

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody %(count)s day after their first order, once.",
            "Writes to everybody %(count)s days after their first order, once.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def find(self, params, past: Past) -> list[Found]:
        since, until = past.moments(days_before=params["days"])
        first = Q(first_order_at__gte=since, first_order_at__lt=until)
        return [
            Found(pk, "first", at, past.after(at, params["days"])) for pk, at in people(first, "first_order_at")
        ]
