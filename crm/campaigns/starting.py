"""A due campaign becomes one row per person, then points; both can be cut off anywhere and go on later."""

import datetime as dt
import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import BigIntegerField, F, Sum
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.campaigns import audience, capping, rendering, scheduling, variants
from crm.campaigns.models import Campaign, Link, Message, Rotation, Rules
from crm.contacts import consent
from crm.lib import bulk, clock, tokens
from crm.rewards import ledger
from crm.rewards.models import Entry

log = logging.getLogger(__name__)

PEOPLE_AT_ONCE = 5_000
POSTINGS_AT_ONCE = 500
COLUMNS = (
    "rotation_id", "contact_id", "address_hash", "state", "points", "due_at", "sent_at",
    "attempts", "claimed_by", "provider_id", "error", "variant", "chance",
)  # fmt: skip

State = Message.State
MADE_FOR = Coalesce("written_to", "contact_id", output_field=BigIntegerField())


def start_due(*, now: dt.datetime) -> int:
    """Start every campaign whose time has come; return how many mailings began."""
    shop = Shop.objects.first()
    started = 0
    due = Campaign.objects.filter(state=Campaign.State.SCHEDULED, next_at__lte=now, automation=None)
    for campaign in due.order_by("next_at", "id"):
        if now - campaign.next_at > scheduling.GRACE:
            scheduling.miss(campaign, now=now, shop=shop)
        else:
            started += apart(_start, campaign, now=now, shop=shop)
    return started


def apart(part: Callable[..., int], campaign: Campaign, *, now: dt.datetime, shop: Shop) -> int:
    """Do one campaign's part of a sweep: what is wrong with it stands on it, and holds up no other."""
    try:
        return part(campaign, now=now, shop=shop)
    except (IntegrityError, OperationalError):  # somebody was quicker, such as a merge: the next minute tries again
        log.exception("campaign %s", campaign.pk)
    except Exception as error:
        log.exception("campaign %s", campaign.pk)
        with translation.override(shop.language):
            problem = _("It cannot go on; we keep trying: %(words)s") % {"words": f"{type(error).__name__}: {error}"}
        moving = [Campaign.State.SCHEDULED, Campaign.State.RUNNING]
        Campaign.objects.filter(pk=campaign.pk, state__in=moving).update(problem=problem[:250])
    return 0


def give_points(*, now: dt.datetime) -> int:
    """Give the points of every running mailing that has not given all of them; return how many entries were new.

    An entry's source names mailing and person, so that starting over gives nobody points twice.
    """
    given = 0
    shop = Shop.objects.first()
    waiting = Rotation.objects.filter(points_given_at=None, campaign__state=Campaign.State.RUNNING)
    for rotation in waiting.select_related("campaign").order_by("id"):
        given += apart(partial(_give, rotation), rotation.campaign, now=now, shop=shop)
    return given


def _give(rotation: Rotation, campaign: Campaign, *, now: dt.datetime, shop: Shop) -> int:
    given, last, is_running = 0, 0, True
    expires_at = _expires_at(rotation, shop=shop)
    while is_running:
        people = list(
            rotation.messages.filter(points__gt=0, id__gt=last)
            .order_by("id")
            .values_list("id", "contact_id", "points", MADE_FOR)[:POSTINGS_AT_ONCE]
        )
        if not people:
            Rotation.objects.filter(pk=rotation.pk, points_given_at=None).update(points_given_at=now)
            if campaign.problem:
                Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.RUNNING).update(problem="")
            break
        given += ledger.post(
            [
                ledger.Posting(
                    contact_id=contact_id,
                    points=points,
                    kind=Entry.Kind.CAMPAIGN,
                    source=source_of(rotation.pk, made_for),
                    reason=campaign.name,
                    at=rotation.started_at,
                    expires_at=expires_at,
                )
                for _id, contact_id, points, made_for in people
            ],
            now=now,
        )
        last = people[-1][0]
        is_running = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.RUNNING).exists()
    return given


def source_of(rotation_id: int, made_for: int) -> str:
    """Return the name in the ledger of what a customer is given with a mailing, whoever they were merged into since."""
    return f"campaign:{rotation_id}:{made_for}"


def is_held_out(campaign: Campaign, contact_id: int) -> bool:
    """Tell whether a person is left alone to measure: the same people in every repeat, and in each step of a series."""
    drawn_for = campaign.automation.recipe if campaign.automation else campaign.pk
    drawn = int(tokens.keyed_hash(f"holdout:{drawn_for}:{contact_id}")[:8], 16) % 10_000
    return drawn < campaign.holdout_percent * 100


def _start(campaign: Campaign, *, now: dt.datetime, shop: Shop) -> int:
    """Claim the campaign and write its rows in one transaction, so that a mailing begins whole or not at all."""
    following = scheduling.next_occurrence(campaign, after=max(now, campaign.next_at), zone=shop.timezone)
    with transaction.atomic():
        Rules.locked()  # the limit of messages holds for all that starts at this moment
        claimed = Campaign.objects.filter(
            pk=campaign.pk, state=Campaign.State.SCHEDULED, next_at=campaign.next_at
        ).update(
            state=Campaign.State.RUNNING,
            next_date=following and following[0],
            next_at=following and following[1],
            problem="",
            watched_since=now,
            updated_at=now,
            version=F("version") + 1,
        )
        if not claimed:
            return 0
        rotation, is_new = Rotation.objects.get_or_create(
            campaign=campaign,
            local_date=campaign.next_date,
            defaults={
                "started_at": now,
                "points_given_at": None if variants.most_points(campaign) else now,
                "shares": variants.shares(campaign),
            },
        )
        if not is_new:
            return 0
        written, left_out = _write_messages(campaign, rotation, now=now, shop=shop)
        if left_out:
            Campaign.objects.filter(pk=campaign.pk).update(next_at=None, next_date=None)  # the budget is used up
        elif not written:
            with translation.override(shop.language):
                problem = _("Nobody in the group could be reached when it was due, so nothing was sent.")
            Campaign.objects.filter(pk=campaign.pk).update(problem=problem)
        write_links(campaign, shop=shop)
    return 1


def _write_messages(campaign: Campaign, rotation: Rotation, *, now: dt.datetime, shop: Shop) -> tuple[int, int]:
    """Write one row per person of the segment who gets a message, points, or is held out.

    Return how many, and how many more would have been written if the budget of points had allowed it.
    """
    everyone = audience.people(campaign)
    rows = Rows(campaign, rotation, now=now)
    full = capping.full(shop=shop, now=now) if rows.has_message else set()
    last = 0
    while people := list(
        everyone.filter(pk__gt=last).order_by("pk").values_list("pk", "email_key")[:PEOPLE_AT_ONCE]
    ):
        allowed = set()
        if rows.has_message:
            these = everyone.filter(pk__gt=last, pk__lte=people[-1][0])
            allowed = set(consent.may_write(these, write_to=shop.write_to).values_list("pk", flat=True))
        rows.write(people, allowed=allowed, full=full)
        last = people[-1][0]
    return rows.written, rows.left_out


class Rows:
    """The rows of one mailing while they are written.

    `left_out`: how many more would have been written if the budget of points had allowed it.
    """

    def __init__(self, campaign: Campaign, rotation: Rotation, *, now: dt.datetime):
        self.campaign, self.rotation, self.now = campaign, rotation, now
        self._versions = {one.letter: one for one in variants.to_send(campaign)}
        self._writes = {letter: bool(one.body.strip()) for letter, one in self._versions.items()}
        self._most, self._left = variants.most_points(campaign), points_left(campaign)
        self._addresses: set[str] = set()
        self.written = self.left_out = 0

    @property
    def has_message(self) -> bool:
        return any(self._writes.values())

    def write(
        self, people: Sequence[tuple[int, str | None]], *, allowed: Collection[int], full: Collection[int] = frozenset()
    ) -> set[int]:
        """Write the rows of some (customer, address); return who got one. `full`: who got enough messages lately."""
        campaign, rotation, now, rows = self.campaign, self.rotation, self.now, []
        for contact_id, email_key in people:
            letter, chance = variants.draw(
                rotation.shares, campaign_id=campaign.pk, local_date=rotation.local_date, contact_id=contact_id
            )
            points = self._versions[letter].points
            address = tokens.keyed_hash(email_key) if self._writes[letter] and contact_id in allowed else None
            if address in self._addresses:
                address = None
            if address is None and not points:
                continue
            if is_held_out(campaign, contact_id):
                state, points, address, sent_at, letter = State.HELD_OUT, 0, None, None, ""
            elif self._left is not None and self._left < self._most:  # whatever their version gives: it has no say
                self.left_out += 1
                continue
            elif address is not None and contact_id in full:
                state, address, sent_at = (State.POINTS_ONLY, None, now) if points else (State.CAPPED, None, None)
            elif address is None:
                state, sent_at = State.POINTS_ONLY, now
            else:
                state, sent_at = State.QUEUED, None
                self._addresses.add(address)
            if self._left is not None:
                self._left -= points
            rows.append(
                (rotation.pk, contact_id, address, state.value, points, now, sent_at, 0, "", "", "", letter, chance)
            )
        self.written += bulk.insert(Message, COLUMNS, rows)
        return {row[1] for row in rows}


def points_left(campaign: Campaign) -> int | None:
    """Return how many points the budget still allows; None without a budget."""
    if campaign.points_budget is None or not variants.most_points(campaign):
        return None
    given = Message.objects.filter(rotation__campaign=campaign).aggregate(total=Sum("points"))["total"] or 0
    return max(0, campaign.points_budget - given)


def is_budget_used(campaign: Campaign) -> bool:
    """Tell whether what is left is not enough for one more person, whichever version they would get."""
    left = points_left(campaign)
    return left is not None and left < variants.most_points(campaign)


def _expires_at(rotation: Rotation, *, shop: Shop) -> dt.datetime | None:
    """Return until when the points of a mailing can be spent: its last day, by the shop's calendar, counts."""
    days = rotation.campaign.points_days
    if days is None:
        return None
    last_day = clock.local_date(rotation.started_at, shop.timezone) + dt.timedelta(days=days)
    return clock.day_bounds(last_day, shop.timezone)[1]


def write_links(campaign: Campaign, *, shop: Shop) -> None:
    urls = set()
    for one in variants.to_send(campaign):
        urls |= set(
            rendering.compile_letter(subject=one.subject, body=one.body, shop=shop, campaign_name=one.name).links
        )
    Link.objects.bulk_create(
        [Link(campaign=campaign, url=url, url_hash=rendering.url_hash(url)) for url in sorted(urls)],
        ignore_conflicts=True,
    )
