"""Somebody has reached a level of the loyalty programme."""

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import DAYS_AFTER, Found, Past, Trigger, alive
from crm.lib import bulk, clock
from crm.lib.templatetags import say
from crm.rewards.models import Membership


class Level(Trigger):
    """The day on which the levels began is no occasion: everybody was put on one then."""

    slug = "level"
    name = gettext_lazy("A new level reached")
    icon = "crown"
    params = (DAYS_AFTER,)

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody %(count)s day after they rose to a level they did not hold before.",
            "Writes to everybody %(count)s days after they rose to a level they did not hold before.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def find(self, params, past: Past) -> list[Found]:
        since, until = past.moments(days_before=params["days"])
        before = Membership.objects.filter(
            contact=OuterRef("contact"), rule=OuterRef("rule"), since__lt=OuterRef("since")
        ).order_by("-level")
        risen = Membership.objects.filter(since__gte=since, since__lt=until).annotate(
            highest=Coalesce(Subquery(before.values("level")[:1]), 0)
        )
        columns = ("contact_id", "rule_id", "level", "since", "rule__starts_on")
        rows = bulk.rows(risen.filter(level__gt=F("highest")).order_by().values_list(*columns))
        return alive(
            Found(contact_id, f"level:{rule_id}:{level}", at, past.after(at, params["days"]))
            for contact_id, rule_id, level, at, starts_on in rows
            if at > clock.day_bounds(starts_on, past.zone)[0]
        )
