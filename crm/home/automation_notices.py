"""What Today says of an automation that stopped by itself: nobody looks at what runs without them."""

import datetime as dt

from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.campaigns.models import Automation, Campaign
from crm.home.notices import Notice

TOLD_FOR = dt.timedelta(days=14)  # who leaves it off that long means it


def stopped(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say which automation holds its messages back, or has switched itself off lately, and why."""
    stands_still = [Campaign.State.PAUSED, Campaign.State.SCHEDULED]  # what is running keeps trying by itself
    held = Campaign.objects.filter(automation=OuterRef("pk"), state__in=stands_still).exclude(problem="")
    of_step = held.order_by("step").values("problem")[:1]
    found = Automation.objects.annotate(held=Subquery(of_step)).filter(
        Q(on_since__isnull=False, held__isnull=False) | Q(on_since=None, ran_at__gte=now - TOLD_FOR) & ~Q(problem="")
    )
    one = found.order_by("-ran_at", "pk").first()
    if one is None:
        return None
    return Notice(
        one.held if one.on_since else one.problem,
        tone="warn",
        title=_("The automation “%(name)s” needs you") % {"name": one.name},
        link_url=one.get_absolute_url(),
        link=_("Look at it"),
    )
