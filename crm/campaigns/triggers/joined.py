"""Somebody has signed up and not ordered yet."""

import datetime as dt

from django.db.models import F, Q
from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import Found, Param, Past, Trigger, people
from crm.lib.templatetags import say

SAID = dt.timedelta(hours=1)


class Joined(Trigger):
    """A file that does not say when somebody joined is no sign-up: everybody in it would have joined just now."""

    slug = "joined"
    name = gettext_lazy("After signing up, without an order")
    icon = "user-plus"
    params = (Param("days", gettext_lazy("Days after it"), 1, 365, 3),)

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody who signed up %(count)s day ago and has not ordered yet, once.",
            "Writes to everybody who signed up %(count)s days ago and has not ordered yet, once.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def find(self, params, past: Past) -> list[Found]:
        since, until = past.moments(days_before=params["days"])
        told = Q(created_by_import=None) | Q(joined_at__lt=F("created_at") - SAID)
        found = []
        for pk, at, first_order_at in people(
            told & Q(joined_at__gte=since, joined_at__lt=until), "joined_at", "first_order_at"
        ):
            due = past.after(at, params["days"])
            if first_order_at is None or first_order_at > past.looked_at(due):
                found.append(Found(pk, "joined", at, due))
        return found
