"""What was under way in a restored or copied shop, and the owner's word that it is the shop now."""

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts import instance
from crm.accounts.models import Shop
from crm.campaigns import automating, scheduling
from crm.campaigns.models import Campaign
from crm.campaigns.sending import TO_DO
from crm.listening import answering


@dataclass(frozen=True)
class UnderWay:
    campaign: Campaign
    waiting: int  # messages that had not left
    is_overdue: bool


def under_way(*, now: dt.datetime) -> list[UnderWay]:
    """Return the campaigns that were sending, and those that came due since."""
    return [
        UnderWay(campaign, campaign.waiting, campaign.state == Campaign.State.SCHEDULED)
        for campaign in _campaigns(now).annotate(
            waiting=Count("rotations__messages", filter=Q(rotations__messages__state__in=TO_DO))
        )
    ]


def confirm(*, now: dt.datetime) -> None:
    """Let things be sent again. What was under way stays paused until the owner says go on, campaign by campaign."""
    shop = Shop.current()
    with transaction.atomic():
        for campaign in _campaigns(now):
            if campaign.state == Campaign.State.SCHEDULED:
                scheduling.miss(campaign, now=now, shop=shop)
            else:
                with translation.override(shop.language):
                    problem = _(
                        "It was sending when this shop was copied. Who still waits may have it already: look first."
                    )
                scheduling.pause(campaign, now=now, problem=problem)
        automating.begin_anew(now=now)
        answering.doubt_waiting(now=now)
        instance.confirm(now=now)


def _campaigns(now: dt.datetime):
    return Campaign.objects.filter(
        Q(state=Campaign.State.RUNNING) | Q(state=Campaign.State.SCHEDULED, next_at__lte=now)
    ).order_by("pk")
