"""When a campaign is due: local wall time in the shop's zone, once per local date, whatever the clocks do."""

import calendar
import datetime as dt
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.campaigns.models import Campaign, Message, Rotation
from crm.lib import clock
from crm.lib.templatetags import say

GRACE = dt.timedelta(hours=6)  # the box may have been off; later than this, the moment has passed
DAY = dt.timedelta(days=1)

State = Campaign.State
ACTIVE = [State.SCHEDULED, State.RUNNING, State.PAUSED]


class NotPossible(RuntimeError):
    """The campaign is not in a state, or has no time, for this; the message says why, for the owner."""


def occurrences(*, repeat: str, starts_date: dt.date, send_time: dt.time, zone: str):
    """Yield (local date, UTC moment) of every occurrence; the month's last day where it is shorter."""
    step = 0
    while True:
        if repeat == Campaign.Repeat.DAILY:
            date = starts_date + step * DAY
        elif repeat == Campaign.Repeat.WEEKLY:
            date = starts_date + step * 7 * DAY
        elif repeat == Campaign.Repeat.MONTHLY:
            months = starts_date.month - 1 + step
            year, month = starts_date.year + months // 12, months % 12 + 1
            date = dt.date(year, month, min(starts_date.day, calendar.monthrange(year, month)[1]))
        else:
            date = starts_date
        yield date, clock.at_local(date, send_time, zone)
        if repeat == Campaign.Repeat.ONCE:
            return
        step += 1


def next_occurrence(campaign: Campaign, *, after: dt.datetime, zone: str) -> tuple[dt.date, dt.datetime] | None:
    """Return the first occurrence strictly later than `after`, or None."""
    return next(
        (
            (date, at)
            for date, at in occurrences(
                repeat=campaign.repeat, starts_date=campaign.starts_date, send_time=campaign.send_time, zone=zone
            )
            if at > after
        ),
        None,
    )


def schedule(campaign: Campaign, *, now: dt.datetime) -> bool:
    """Put a draft on the schedule: at its date and time, or now when it has none. False: it already was."""
    shop = Shop.current()
    if campaign.starts_date is None:
        local = now.astimezone(ZoneInfo(shop.timezone))
        campaign.starts_date, campaign.send_time = local.date(), local.time().replace(second=0, microsecond=0)
        first = (local.date(), now)
    else:
        first = next_occurrence(campaign, after=now, zone=shop.timezone)
        if first is None or first[0] != campaign.starts_date:
            raise NotPossible(_("This date and time have passed. Choose a later one."))
    scheduled = Campaign.objects.filter(pk=campaign.pk, state=State.DRAFT, version=campaign.version).update(
        state=State.SCHEDULED,
        starts_date=campaign.starts_date,
        send_time=campaign.send_time,
        repeat=campaign.repeat,
        next_date=first[0],
        next_at=first[1],
        problem="",
        watched_since=now,
        updated_at=now,
        version=F("version") + 1,
    )
    campaign.refresh_from_db()
    if not scheduled and campaign.state == State.DRAFT:
        raise NotPossible(_("This campaign was changed in the meantime. Look at it once more."))
    return bool(scheduled)


def back_to_draft(campaign: Campaign, *, now: dt.datetime) -> bool:
    """Take a campaign off the schedule so that it can be edited; not while a mailing is on its way."""
    changed = (
        Campaign.objects.filter(pk=campaign.pk, state__in=[State.SCHEDULED, State.PAUSED])
        .exclude(rotations__in=Rotation.objects.filter(campaign=campaign.pk, finished_at=None))
        .update(
            state=State.DRAFT, next_at=None, next_date=None, starts_date=None, send_time=None, problem="",
            updated_at=now, version=F("version") + 1,
        )
    )
    campaign.refresh_from_db()
    return bool(changed)


def pause(campaign: Campaign, *, now: dt.datetime, problem: str = "") -> bool:
    """Hold a campaign: from this moment no further message leaves. False: it was not active."""
    paused = Campaign.objects.filter(pk=campaign.pk, state__in=[State.SCHEDULED, State.RUNNING]).update(
        state=State.PAUSED, problem=problem[:250], updated_at=now, version=F("version") + 1
    )
    campaign.refresh_from_db()
    return bool(paused)


def resume(campaign: Campaign, *, now: dt.datetime) -> bool:
    """Go on where a paused campaign stood; a single mailing that was missed starts now."""
    campaign.refresh_from_db()
    changes = {"problem": "", "watched_since": now, "updated_at": now, "version": F("version") + 1}
    if Rotation.objects.filter(campaign=campaign, finished_at=None).exists():
        changes |= {"state": State.RUNNING}
    elif campaign.next_at is None:
        changes |= {"state": State.FINISHED}
    else:
        changes |= {"state": State.SCHEDULED}
        if campaign.next_at <= now and campaign.repeat == Campaign.Repeat.ONCE:
            changes |= {"next_at": now, "next_date": clock.local_date(now, Shop.current().timezone)}
    resumed = Campaign.objects.filter(pk=campaign.pk, state=State.PAUSED).update(**changes)
    campaign.refresh_from_db()
    return bool(resumed)


@transaction.atomic
def stop(campaign: Campaign, *, now: dt.datetime) -> bool:
    """End a campaign for good: every waiting message is stopped at once. Those on their way arrive."""
    stopped = Campaign.objects.filter(pk=campaign.pk, state__in=ACTIVE).update(
        state=State.STOPPED, next_at=None, next_date=None, problem="", updated_at=now, version=F("version") + 1
    )
    if stopped:
        Message.objects.filter(
            rotation__in=Rotation.objects.filter(campaign=campaign.pk),
            state__in=[Message.State.QUEUED, Message.State.CLAIMED, Message.State.RETRY],
        ).update(state=Message.State.STOPPED, claimed_by="", claimed_until=None)
    campaign.refresh_from_db()
    return bool(stopped)


def miss(campaign: Campaign, *, now: dt.datetime, shop: Shop) -> None:
    """Deal with a time that passed while the box was off: skip it, or ask the owner about a single mailing."""
    following = next_occurrence(campaign, after=now, zone=shop.timezone)
    with translation.override(shop.language):
        day = say.day(campaign.next_date)
        if following is None:
            changes = {
                "state": State.PAUSED,
                "problem": _("It was due on %(day)s while this program was not running. Send it now, or stop it.")
                % {"day": day},
            }
        else:
            changes = {
                "next_date": following[0],
                "next_at": following[1],
                "problem": _("The mailing of %(day)s was skipped, because this program was not running then.")
                % {"day": day},
            }
    Campaign.objects.filter(pk=campaign.pk, state=State.SCHEDULED, next_at=campaign.next_at).update(
        **changes, updated_at=now, version=F("version") + 1
    )
