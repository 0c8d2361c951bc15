"""Somebody has enough points for a reward."""

from collections import defaultdict

from django.db.models import Min
from django.utils.translation import gettext_lazy, ngettext

from crm.campaigns.triggers.base import DAYS_AFTER, Found, Past, Trigger, alive
from crm.lib import bulk
from crm.lib.templatetags import say
from crm.rewards import models


class EnoughPoints(Trigger):
    """The first time counts: who spends points and collects them again knows what they are good for."""

    slug = "reward"
    name = gettext_lazy("Enough points for a reward")
    icon = "gift"
    params = (DAYS_AFTER,)

    def says(self, params) -> str:
        return ngettext(
            "Writes to everybody %(count)s day after their points were first enough for your cheapest reward.",
            "Writes to everybody %(count)s days after their points were first enough for your cheapest reward.",
            params["days"],
        ) % {"count": say.number(params["days"])}

    def find(self, params, past: Past) -> list[Found]:
        cheapest = models.Reward.objects.filter(is_active=True).aggregate(points=Min("points"))["points"]
        if cheapest is None:
            return []
        since, until = past.moments(days_before=params["days"])
        earned = models.Entry.objects.filter(at__gte=since, at__lt=until, points__gt=0, account__merged_into=None)
        accounts = set(earned.order_by().values_list("account_id", flat=True))
        of = models.Entry.objects.filter(account__in=bulk.among(accounts), account__contact__isnull=False)
        balance, found = defaultdict(int), {}
        for contact_id, at, points in bulk.rows(
            of.order_by("at", "pk").values_list("account__contact_id", "at", "points")
        ):
            balance[contact_id] += points
            if balance[contact_id] >= cheapest and contact_id not in found:
                found[contact_id] = at
        return alive(
            Found(contact_id, "reward", at, past.after(at, params["days"]))
            for contact_id, at in found.items()
            if since <= at < until
        )
