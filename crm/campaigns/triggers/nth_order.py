"""Somebody has ordered for the third time, or the tenth."""

from django.db.models import Q
from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import DAYS_AFTER, Found, Param, Past, Trigger, people, sales_between, sales_of
from crm.lib import bulk
from crm.lib.templatetags import say


class NthOrder(Trigger):
    slug = "nth_order"
    name = gettext_lazy("After a certain number of orders")
    icon = "trophy"
    params = (Param("orders", gettext_lazy("Number of the order"), 2, 1_000, 10), DAYS_AFTER)

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody %(count)s day after their order number %(number)s, once.",
            "Writes to everybody %(count)s days after their order number %(number)s, once.",
            params["days"],
        ) % {"count": say.number(params["days"]), "number": say.number(params["orders"])}

    def find(self, params, past: Past) -> list[Found]:
        number = params["orders"]
        since, until = past.moments(days_before=params["days"])
        buyers = {contact_id for contact_id, _at in sales_between(since, until)}
        regulars = {pk for pk, in people(Q(pk__in=bulk.among(buyers), order_count__gte=number))}
        reached = {
            contact_id: moments[number - 1]
            for contact_id, moments in sales_of(regulars).items()
            if len(moments) >= number  # an import may be under way
        }
        return [
            Found(contact_id, f"order-{number}", at, past.after(at, params["days"]))
            for contact_id, at in reached.items()
            if since <= at < until
        ]
