"""What automations know of a person: that something happened to them, and which message about it is next."""

import datetime as dt
from collections.abc import Iterable

from crm.campaigns.models import Occasion
from crm.lib import bulk


def forget(contact_ids: Iterable[int], *, now: dt.datetime) -> int:
    """Delete the occasions of people who are erased, and with them what they were still to get; return how many."""
    return Occasion.objects.filter(contact__in=bulk.among(list(contact_ids))).delete()[0]


def hand_over(contact_id: int) -> dict:
    """Return what automations know of a person, for the file they are handed."""
    rows = Occasion.objects.filter(contact=contact_id).select_related("automation").order_by("happened_at", "pk")
    return {
        "automations": [
            {
                "automation": one.automation.name,
                "occasion": one.key.partition(":")[2],
                "happened_at": one.happened_at.isoformat(),
                "ended": one.get_ended_display() if one.ended else "",
            }
            for one in rows
        ]
    }
