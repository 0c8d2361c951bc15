"""How many messages a person got lately, of campaigns and automations together."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from zoneinfo import ZoneInfo

from django.db.models.functions import Coalesce

from crm.accounts.models import Shop
from crm.campaigns.deciding import CAP_DAYS, written_lately
from crm.campaigns.models import Automation, Message, Rotation, Rules
from crm.lib import bulk, clock

LONGEST_WAY = dt.timedelta(days=14)  # from the start of a mailing to its last try

State = Message.State
COUNTED = [State.SENT, State.QUEUED, State.CLAIMED, State.SENDING, State.RETRY, State.UNCERTAIN]


def written(
    contact_ids: Collection[int] | None = None, *, since: dt.datetime, now: dt.datetime, zone: str,
    but_for: Automation | None = None,
) -> dict[int, list[dt.date]]:
    """Return on which days these people (or all) were written to since then; what waits counts from when it was due."""
    rotations = Rotation.objects.filter(started_at__gte=since - LONGEST_WAY, started_at__lte=now)
    if but_for is not None and but_for.pk:
        rotations = rotations.exclude(campaign__automation=but_for)
    messages = Message.objects.filter(state__in=COUNTED, rotation__in=list(rotations.values_list("pk", flat=True)))
    if contact_ids is not None:
        messages = messages.filter(contact__in=bulk.among(contact_ids))
    days: dict[int, list[dt.date]] = defaultdict(list)
    moments = messages.order_by().values_list("contact_id").annotate(at=Coalesce("sent_at", "tried_at", "due_at"))
    for contact_id, at in bulk.rows(moments):
        if since <= at <= now:
            days[contact_id].append(clock.local_date(at, zone))
    return days


def full(*, shop: Shop, now: dt.datetime) -> set[int]:
    """Return who got as many messages in these seven days as the shop allows."""
    most = Rules.current().most_messages
    if most is None:
        return set()
    today = clock.local_date(now, shop.timezone)
    return {
        contact_id
        for contact_id, days in written(since=week_before(today, shop.timezone), now=now, zone=shop.timezone).items()
        if written_lately(days, today=today) >= most
    }


def week_before(day: dt.date, zone: str) -> dt.datetime:
    """Return the first moment whose messages count against the limit on a day."""
    return clock.day_bounds(day - dt.timedelta(days=CAP_DAYS - 1), zone)[0]


def is_open(rules: Rules, *, now: dt.datetime, zone: str) -> bool:
    """Tell whether automations may write at this hour."""
    return rules.opens_at <= now.astimezone(ZoneInfo(zone)).time() < rules.closes_at
