"""Somebody has been quiet for longer than is usual for them."""

import datetime as dt
from itertools import pairwise

from django.db.models import Q
from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import DAY, Found, Param, Past, Trigger, alive, people, sales_between, sales_of
from crm.lib.templatetags import say

FEWEST_ORDERS = 3  # before that nobody has a rhythm
TIMES = 2  # the usual gap: the wait that is called slipping elsewhere
LONGEST = 400  # days; who comes once a year is not quiet before that, nobody is quiet later


class Quiet(Trigger):
    slug = "quiet"
    name = gettext_lazy("Quiet for too long")
    icon = "heart"
    params = (Param("days", gettext_lazy("Days without an order, at least"), 7, 365, 60),)
    grace_days = 7
    is_foretold = True
    kind = "quiet"  # begins the key of an occasion

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody who has not ordered for %(count)s day. Who has ordered three times or more must also "
            "be quiet for twice as long as is usual for them.",
            "Writes to everybody who has not ordered for %(count)s days. Who has ordered three times or more must also "
            "be quiet for twice as long as is usual for them.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def find(self, params, past: Past) -> list[Found]:
        least = params["days"]
        since, until = past.moments(days_before=least)
        longest = past.moments(days_before=LONGEST)[0]
        lasting = Q(last_order_at__lt=until) & (
            Q(last_order_at__gte=since) | Q(last_order_at__gte=longest, order_count__gte=FEWEST_ORDERS)
        )
        found = []
        for pk, first, last, count in people(lasting, "first_order_at", "last_order_at", "order_count"):
            due = self._due(first, last, count, least=least, past=past)
            if due is not None and past.first <= due <= past.last:
                found.append(self._found(pk, last, due, past))
        return found + self._who_came_back(least, past)

    def _who_came_back(self, least: int, past: Past) -> list[Found]:
        """Return those who were quiet when their day was looked at, and have ordered since."""
        looked_at = past.looked_at(past.first)
        back = {pk for pk, _at in sales_between(looked_at, dt.datetime.max.replace(tzinfo=dt.UTC))}
        found = []
        for contact_id, moments in sales_of(back).items():
            for place, (last, following) in enumerate(pairwise(moments), start=1):
                if following <= looked_at:
                    continue
                due = self._due(moments[0], last, place, least=least, past=past)
                if due is not None and past.first <= due <= past.last and following > past.looked_at(due):
                    found.append(self._found(contact_id, last, due, past))
        return alive(found)

    def _found(self, contact_id: int, last: dt.datetime, due: dt.date, past: Past) -> Found:
        return Found(contact_id, f"{self.kind}:{past.local(last)}", past.run_on(due), due)

    def _due(self, first: dt.datetime, last: dt.datetime, count: int, *, least: int, past: Past) -> dt.date | None:
        days = self.wait(first, last, count, least=least)
        return None if days is None else past.after(last, days)

    def wait(self, first: dt.datetime, last: dt.datetime, count: int, *, least: int) -> int | None:
        """Return after how many days without an order it is time to write; None: never."""
        if count < FEWEST_ORDERS:
            return least
        return min(LONGEST, max(least, round(TIMES * usual_gap(first, last, count))))


def usual_gap(first: dt.datetime, last: dt.datetime, count: int) -> float:
    """Return how many days usually lie between two orders of somebody."""
    return ((last - first) / DAY) / (count - 1)
