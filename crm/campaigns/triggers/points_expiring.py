"""Somebody's points are about to expire."""

import datetime as dt

from django.db.models import Max, Q
from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import Found, Param, Past, Trigger, alive
from crm.lib import bulk
from crm.lib.templatetags import say
from crm.rewards.models import Allocation, Entry, Lot


class PointsExpiring(Trigger):
    slug = "points_expiring"
    name = gettext_lazy("Points about to run out")
    icon = "hourglass"
    params = (Param("days", gettext_lazy("Days before it"), 1, 180, 14),)

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody %(count)s day before the last day on which some of their points can be spent.",
            "Writes to everybody %(count)s days before the last day on which some of their points can be spent.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def find(self, params, past: Past) -> list[Found]:
        ahead = dt.timedelta(days=params["days"])
        since = past.moments(days_before=-params["days"])[0]
        until = past.moments(days_before=-params["days"] - 1)[1]  # points of a day expire at the midnight after it
        falling = Q(expires_at__gte=since, expires_at__lt=until, account__contact__isnull=False)
        later = Allocation.objects.filter(entry__at__gt=past.looked_at(past.first), lot__in=Lot.objects.filter(falling))
        used_at = dict(bulk.rows(later.order_by().values_list("lot_id").annotate(at=Max("entry__at"))))
        columns = ("pk", "account__contact_id", "remaining", "activates_at", "expires_at")
        lots = {
            row[0]: row
            for which in (Q(state=Lot.State.ACTIVE), Q(pk__in=bulk.among(used_at)))
            for row in bulk.rows(Lot.objects.filter(falling & which).order_by().values_list(*columns))
        }
        entries = Entry.objects.filter(pk__in=bulk.among(lots)).order_by()
        given_at = dict(bulk.rows(entries.values_list("pk", "at")))
        found = set()
        for pk, contact_id, remaining, activates_at, expires_at in lots.values():
            last_day = past.local(expires_at - dt.timedelta(microseconds=1))
            due = last_day - ahead
            looked_at = past.looked_at(due)
            there = max(given_at[pk], activates_at or given_at[pk]) <= looked_at < expires_at
            if there and past.first <= due <= past.last and (remaining or used_at[pk] > looked_at):
                found.add(Found(contact_id, f"points:{last_day}", past.run_on(due), due))
        return alive(sorted(found, key=lambda one: (one.due, one.contact_id)))
