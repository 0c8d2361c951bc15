"""Keep a draft, without losing what somebody else (or another tab) wrote in the meantime."""

import datetime as dt
from collections.abc import Mapping

from django.db.models import F

from crm.campaigns.models import Campaign


class ChangedMeanwhile(RuntimeError):
    """The draft is not the one that was edited any more; `campaign` is the newer one."""

    def __init__(self, campaign: Campaign):
        super().__init__(f"Campaign {campaign.pk} is at version {campaign.version}.")
        self.campaign = campaign


def save(campaign: Campaign, *, values: Mapping[str, object], version: int, now: dt.datetime) -> Campaign:
    """Write the draft's content if it still has the version that was edited; raise ChangedMeanwhile if not."""
    saved = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.DRAFT, version=version).update(
        **values, updated_at=now, version=F("version") + 1
    )
    current = Campaign.objects.select_related("segment").get(pk=campaign.pk)
    if not saved and any(getattr(current, name) != value for name, value in values.items()):
        raise ChangedMeanwhile(current)
    return current


def delete_draft(campaign: Campaign) -> bool:
    """Throw a draft away that has never gone out; False: it is no such draft."""
    deleted, _tables = Campaign.objects.filter(
        pk=campaign.pk, state=Campaign.State.DRAFT, rotations__isnull=True
    ).delete()
    return bool(deleted)
