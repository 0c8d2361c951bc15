"""Somebody's next visit is due, by their own rhythm."""

import datetime as dt

from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import Param
from crm.campaigns.triggers.quiet import FEWEST_ORDERS, LONGEST, Quiet, usual_gap
from crm.lib.templatetags import say


class NextVisit(Quiet):
    """Who has a rhythm, on the day on which they usually come again; who comes all the time needs no reminder."""

    slug = "next_visit"
    name = gettext_lazy("Next visit due")
    icon = "calendar-clock"
    params = (Param("days", gettext_lazy("Days they usually stay away, at least"), 7, 365, 14),)
    grace_days = 3
    kind = "visit"

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody who has ordered three times or more, when it is as long since their last order as is "
            "usual for them. Not to those who usually come again within %(count)s day.",
            "Writes to everybody who has ordered three times or more, when it is as long since their last order as is "
            "usual for them. Not to those who usually come again within %(count)s days.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def wait(self, first: dt.datetime, last: dt.datetime, count: int, *, least: int) -> int | None:
        if count < FEWEST_ORDERS:
            return None
        gap = round(usual_gap(first, last, count))
        return gap if least <= gap <= LONGEST else None
