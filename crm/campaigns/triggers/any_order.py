"""Somebody has ordered: how was it?"""

from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import Found, Param, Past, Trigger, alive, sales_between
from crm.lib.templatetags import say


class AnyOrder(Trigger):
    slug = "any_order"
    name = gettext_lazy("After every order")
    icon = "message-square"
    params = (Param("days", gettext_lazy("Days after it"), 1, 365, 3),)

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody %(count)s day after each order; several orders of one day are one.",
            "Writes to everybody %(count)s days after each order; several orders of one day are one.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def find(self, params, past: Past) -> list[Found]:
        last_of_day = {}
        for contact_id, at in sales_between(*past.moments(days_before=params["days"])):
            last_of_day[contact_id, past.local(at)] = at
        return alive(
            Found(contact_id, f"ordered:{day}", at, past.after(at, params["days"]))
            for (contact_id, day), at in last_of_day.items()
        )
