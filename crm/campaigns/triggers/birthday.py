"""Somebody's birthday is near."""

import datetime as dt
import re

from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy, ngettext

from crm.campaigns.triggers.base import Found, Param, Past, Trigger, people
from crm.lib.templatetags import say

_WITHOUT_YEAR = re.compile(r"--(\d\d)-(\d\d)")  # as files note it that say no year (crm.imports.formats._people)


class Birthday(Trigger):
    """Who was born on 29 February celebrates on the 28th in a common year, as for the points of a birthday."""

    slug = "birthday"
    name = gettext_lazy("Birthday")
    icon = "cake"
    params = (Param("days", gettext_lazy("Days before it"), 0, 60, 0),)
    grace_days = 2

    def says(self, params) -> str:
        if not params["days"]:
            return gettext("Writes to everybody on their birthday, once a year, where the birthday is known.")
        return ngettext(
            "Writes to everybody %(count)s day before their birthday, once a year, where the birthday is known.",
            "Writes to everybody %(count)s days before their birthday, once a year, where the birthday is known.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def find(self, params, past: Past) -> list[Found]:
        ahead = dt.timedelta(days=params["days"])
        celebrated: dict[tuple[int, int], list[tuple[dt.date, dt.date]]] = {}
        for due in past.days():
            day = due + ahead
            celebrated.setdefault((day.month, day.day), []).append((due, day))
            if (day.month, day.day) == (2, 28) and (day + dt.timedelta(days=1)).month == 3:
                celebrated.setdefault((2, 29), []).append((due, day))
        born = [(pk, (on.month, on.day), on) for pk, on in people(Q(birthday__isnull=False), "birthday")]
        for pk, extra in people(Q(birthday=None, extra__has_key="birthday"), "extra"):
            if noted := _WITHOUT_YEAR.fullmatch(str(extra["birthday"])):
                born.append((pk, (int(noted[1]), int(noted[2])), None))
        return [
            Found(pk, f"birthday:{day.year}", past.run_on(due), due)
            for pk, month_and_day, on in born
            for due, day in celebrated.get(month_and_day, ())
            if on is None or on < day
        ]
