"""The tray of verdicts: what may be said of a campaign's versions. An upper floor fills it; the shop shows it."""

import datetime as dt
from collections.abc import Mapping

from crm.campaigns.models import Campaign, Verdict


def replace(
    campaign_id: int,
    *,
    tone: str,
    text: Mapping[str, str],
    detail: Mapping[str, str],
    leader: str,
    memory: Mapping[str, object],
    as_of: dt.datetime,
) -> None:
    """Put this verdict in place of the earlier one. Texts are {"en": ..., "zh-hans": ...}; tone as of a callout."""
    Verdict.objects.update_or_create(
        campaign_id=campaign_id,
        defaults={
            "tone": tone, "text": dict(text), "detail": dict(detail), "leader": leader, "memory": dict(memory),
            "as_of": as_of,
        },
    )  # fmt: skip


def of(campaign: Campaign) -> Verdict | None:
    return Verdict.objects.filter(campaign=campaign).first()
