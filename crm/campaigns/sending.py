"""Messages leave: claim some rows with a lease, enter `sending` one by one, send, mark.

    queued -> claimed (lease) -> sending -> sent | retry | failed | uncertain | suppressed

A lease that ran out while `claimed` is free again: nothing had left. One that ran out while `sending` is
`uncertain`: the owner decides, nothing is sent twice by itself. The statement that enters `sending` also asks,
at that moment, whether the person may still be written to and whether the campaign still runs.
Why it is built so: docs/decisions/0006-sending.md.
"""

import datetime as dt
import logging
import time
import uuid
from contextlib import nullcontext
from dataclasses import dataclass

from django.db import DatabaseError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from crm.accounts import instance
from crm.accounts.models import Shop
from crm.campaigns import capping, channels, fields, pacing, rendering, running, scheduling, starting, variants
from crm.campaigns.channels.base import (
    BadMail,
    Channel,
    ChannelDown,
    NeedsOwner,
    NoSuchAddress,
    SendFailed,
    Uncertain,
    Withheld,
)
from crm.campaigns.models import Campaign, Message, Rotation, Rules
from crm.campaigns.triggers.base import sales
from crm.contacts import consent
from crm.contacts.models import Contact, Suppression
from crm.lib import tokens

log = logging.getLogger(__name__)

BATCH = 50
LEASE = dt.timedelta(minutes=3)  # longer than the answers one message may wait for (DATA, payload: 30 s each)
BACK_OFF = [dt.timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360)]
WATCHED = 200  # the circuit breaker looks at this many last attempts ...
TOO_MANY = WATCHED * 5 // 100  # ... and opens when more than 5 % of them went wrong
SWEEP_SECONDS = 45.0
MOST_DOWNS = 3  # in a row, in one sweep: who knocks on and on is shut out; more than one may be that one address alone
LEFT_OUT = gettext_noop("Gets no campaign for now: an open complaint comes first.")
ORDERED = gettext_noop("Ordered before it left, so it was not needed any more.")

State = Message.State
TO_DO = [State.QUEUED, State.CLAIMED, State.SENDING, State.RETRY]
_MAY_GO_ON = [Campaign.State.SCHEDULED, Campaign.State.RUNNING, Campaign.State.PAUSED, Campaign.State.FINISHED]


def sweep(*, now: dt.datetime) -> int:
    """Do all that is due, for a bounded time: start, give points, send, finish. Return how much was done."""
    if not Shop.objects.exists() or instance.is_held():
        return 0
    begun, worker, line = time.monotonic(), uuid.uuid4().hex, Line()
    release_forgotten(now=now)
    done = starting.start_due(now=now) + running.start_due(now=now)
    starting.give_points(now=now)
    while (elapsed := time.monotonic() - begun) < SWEEP_SECONDS:
        handled = deliver(now=now + dt.timedelta(seconds=elapsed), limit=BATCH, worker=worker, line=line)
        done += handled
        if not handled or line.downs == MOST_DOWNS:
            break
    finish(now=now + dt.timedelta(seconds=time.monotonic() - begun))
    return done


def release_forgotten(*, now: dt.datetime) -> int:
    """Free what a dead process had claimed, and shelve as uncertain what it was just sending."""
    late = Message.objects.filter(claimed_until__lt=now)
    freed = late.filter(state=State.CLAIMED).update(state=State.QUEUED, claimed_by="", claimed_until=None)
    # claimed_by stays: a process that was only slow may still tell how it ended
    doubtful = late.filter(state=State.SENDING).update(
        state=State.UNCERTAIN, tried_at=now, claimed_until=None, attempts=F("attempts") + 1,
        error=gettext_noop("The program stopped while the message was on its way."),
    )
    return freed + doubtful


@dataclass
class Line:
    """The line to the mail server, as one sweep finds it. `downs`: how often in a row nothing could leave."""

    downs: int = 0


def deliver(*, now: dt.datetime, limit: int, worker: str, line: Line | None = None) -> int:
    """Claim up to `limit` messages and send them; return how many were handled."""
    if instance.is_held():
        return 0
    shop = Shop.current()
    ids = _claim(now=now, limit=limit, worker=worker)
    if not ids:
        return 0
    batch = _Batch(shop=shop, worker=worker, now=now, begun=time.monotonic(), line=line)
    claimed = Message.objects.filter(pk__in=ids).select_related("rotation__campaign__automation", "contact")
    try:
        with channels.current() as channel, _one_transaction(channel):
            for handled, message in enumerate(claimed.order_by("due_at", "pk"), start=1):
                if not batch.send(message, channel=channel):
                    return handled
    finally:
        Message.objects.filter(pk__in=ids, state=State.CLAIMED, claimed_by=worker).update(
            state=State.QUEUED, claimed_by="", claimed_until=None
        )
    return len(ids)


def finish(*, now: dt.datetime) -> int:
    """Close mailings that have nothing left to do, and move their campaigns on; return how many closed."""
    # refused for now while its campaign was being stopped: nobody would ever send it
    Message.objects.filter(
        rotation__in=Rotation.objects.filter(finished_at=None, campaign__state=Campaign.State.STOPPED),
        state__in=[State.QUEUED, State.RETRY],
    ).update(state=State.STOPPED, claimed_by="", claimed_until=None)
    left = Message.objects.filter(rotation=OuterRef("pk"), state__in=TO_DO)
    over = Rotation.objects.filter(
        ~Exists(left),
        Q(points_given_at__isnull=False) | Q(campaign__state=Campaign.State.STOPPED),
        finished_at=None,
        campaign__state__in=[Campaign.State.RUNNING, Campaign.State.STOPPED],
    )
    closed = 0
    for rotation_id in list(over.values_list("pk", flat=True)):
        if over.filter(pk=rotation_id).update(finished_at=now):  # asked again: the owner may send some once more
            recount(rotation_id)
            closed += 1
    unfinished = Rotation.objects.filter(campaign=OuterRef("pk"), finished_at=None)
    Campaign.objects.filter(
        Exists(unfinished), state__in=[Campaign.State.FINISHED, Campaign.State.SCHEDULED]
    ).update(state=Campaign.State.RUNNING)  # closed at the moment in which the owner sent something again
    idle = Campaign.objects.filter(~Exists(unfinished), state=Campaign.State.RUNNING)
    idle.filter(next_at=None).update(state=Campaign.State.FINISHED, updated_at=now, version=F("version") + 1)
    idle.filter(next_at__isnull=False).update(
        state=Campaign.State.SCHEDULED, updated_at=now, version=F("version") + 1
    )
    ended = [Campaign.State.FINISHED, Campaign.State.STOPPED]
    off = Campaign.objects.filter(~Exists(unfinished), state__in=ended, automation__on_since=None)
    off.filter(automation__isnull=False).update(state=Campaign.State.DRAFT)  # to be changed, and switched on again
    return closed


def resend(campaign: Campaign, *, message_ids: list[int], now: dt.datetime) -> int:
    """Send again what failed or may not have arrived, because the owner asked for it; return how many.

    Nothing of a campaign that was stopped is sent again, nor of an automation that is off.
    """
    with transaction.atomic():
        if Campaign.objects.select_for_update().filter(pk=campaign.pk, state__in=_MAY_GO_ON).first() is None:
            return 0
        rotations = Rotation.objects.filter(campaign=campaign)
        again = Message.objects.filter(
            rotation__in=rotations, pk__in=message_ids, state__in=[State.FAILED, State.UNCERTAIN]
        )
        touched = set(again.values_list("rotation_id", flat=True))
        count = again.update(state=State.QUEUED, attempts=0, due_at=now, claimed_by="", error="", tried_at=None)
        if count:
            rotations.filter(pk__in=touched).update(finished_at=None)
            Campaign.objects.filter(
                pk=campaign.pk, state__in=[Campaign.State.FINISHED, Campaign.State.SCHEDULED]
            ).update(state=Campaign.State.RUNNING, watched_since=now, updated_at=now, version=F("version") + 1)
    return count


def treat_as_sent(campaign: Campaign, *, message_ids: list[int], now: dt.datetime) -> int:
    """Count doubtful messages as arrived, because the owner says so; return how many."""
    doubtful = Message.objects.filter(rotation__campaign=campaign, pk__in=message_ids, state=State.UNCERTAIN)
    touched = set(doubtful.values_list("rotation_id", flat=True))
    count = Message.objects.filter(pk__in=list(doubtful.values_list("pk", flat=True)), state=State.UNCERTAIN).update(
        state=State.SENT, sent_at=F("tried_at"), claimed_by=""
    )
    for rotation_id in touched:
        recount(rotation_id)
    return count


def recount(rotation_id: int) -> None:
    """Write down how many messages of a finished mailing ended in which state."""
    counted = Message.objects.filter(rotation=rotation_id).values_list("state").annotate(number=Count("pk")).order_by()
    Rotation.objects.filter(pk=rotation_id).update(counts=dict(counted))


def send_test(campaign: Campaign, *, to: str, values: fields.Facts, now: dt.datetime) -> str:
    """Send one copy to the owner, outside all counting; return the provider's id."""
    if instance.is_held():
        raise NeedsOwner(_("Nothing is sent from a restored or copied shop until you say that it is the shop now."))
    shop = Shop.current()
    letter = rendering.compile_letter(
        subject=campaign.subject, body=campaign.body, shop=shop, campaign_name=campaign.name
    )
    mail = rendering.mail(letter, to=to, values=values, shop=shop, now=now)
    with channels.current() as channel:
        return channel.send(mail, before_payload=lambda: pacing.note(channel=channel, now=now))


def _claim(*, now: dt.datetime, limit: int, worker: str) -> list[int]:
    """Take the next rows for this worker. PostgreSQL skips rows others hold; SQLite has one writer anyway."""
    with transaction.atomic():
        active = Rotation.objects.filter(
            campaign__state=Campaign.State.RUNNING, points_given_at__isnull=False, finished_at=None
        )
        if not capping.is_open(Rules.current(), now=now, zone=Shop.current().timezone):
            active = active.filter(campaign__automation=None)
        ids: list[int] = []
        # what is about a day goes before what may take many hours at the pace of the mail server
        by_turn = active.order_by(F("campaign__automation").asc(nulls_last=True), "started_at", "pk")
        for rotation_id in list(by_turn.values_list("pk", flat=True)):
            for state in (State.RETRY, State.QUEUED):
                ready = Message.objects.filter(rotation=rotation_id, state=state, due_at__lte=now)
                ids += ready.select_for_update(skip_locked=True).order_by("due_at", "pk").values_list("pk", flat=True)[
                    : limit - len(ids)
                ]
        ids = ids[: pacing.take(len(ids), channel=channels.kind(), now=now)]
        Message.objects.filter(pk__in=ids).update(state=State.CLAIMED, claimed_by=worker, claimed_until=now + LEASE)
    return ids


def _one_transaction(channel: Channel):
    """Wrap sending in a transaction where it is only another row: a batch costs one commit, a message a savepoint."""
    return transaction.atomic() if channel.same_database else nullcontext()


@dataclass
class _Compiled:
    letter: rendering.Letter
    link_ids: dict[str, int]


class _Batch:
    """The messages one worker sends over one connection."""

    def __init__(self, *, shop: Shop, worker: str, now: dt.datetime, begun: float, line: Line | None = None):
        self.shop, self.worker, self.line, self._now, self._begun = shop, worker, line or Line(), now, begun
        self._letters: dict[tuple[int, str], _Compiled] = {}

    def now(self) -> dt.datetime:
        return self._now + dt.timedelta(seconds=time.monotonic() - self._begun)

    def send(self, message: Message, *, channel: Channel) -> bool:
        """Send one message and mark what came of it; False: leave the rest of the batch for later."""
        campaign = message.rotation.campaign
        try:
            with _one_transaction(channel):
                provider_id = channel.send(self._mail(message), before_payload=lambda: self._enter_sending(message))
                self._mark_sent(message, provider_id=provider_id)
            if campaign.problem:
                Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.RUNNING).update(problem="")
        except Withheld:
            self._withhold(message)
        except BadMail as error:
            self._mark(message, State.FAILED, error=str(error))
            return self._watch(campaign)
        except NeedsOwner as error:
            self._put_back(message, error=error, due_at=self.now())
            self._hold_campaign(campaign, error)
            return False
        except ChannelDown as error:
            self._put_back(message, error=error, due_at=self._next_try(message))
            self._note_down(campaign, error)
            self.line.downs += 1
            return False
        except NoSuchAddress as error:
            consent.note_bounce(message.contact.email_key, at=self.now())
            self._mark(message, State.FAILED, error=str(error))
            return self._watch(campaign)
        except SendFailed as error:
            if error.permanent or message.attempts >= len(BACK_OFF):
                self._mark(message, State.FAILED, error=str(error))
                return self._watch(campaign)
            self._mark(message, State.RETRY, error=str(error), due_at=self._next_try(message))
        except Uncertain as error:
            self._mark(message, State.UNCERTAIN, error=str(error))
            return self._watch(campaign)
        except DatabaseError:
            raise
        except Exception as error:
            # a defect of ours or of a channel must not hold up everybody behind this message
            log.exception("message %s", message.pk)
            return self._mark_broken(message, error)
        self.line.downs = 0
        return True

    def _mail(self, message: Message):
        campaign, contact = message.rotation.campaign, message.contact
        if (campaign.pk, message.variant) not in self._letters:
            said = variants.worded(campaign, message.variant)
            self._letters[campaign.pk, message.variant] = _Compiled(
                rendering.compile_letter(
                    subject=said.subject, body=said.body, shop=self.shop, campaign_name=said.name
                ),
                dict(campaign.links.values_list("url", "pk")),
            )
        compiled = self._letters[campaign.pk, message.variant]
        now = self.now()
        return rendering.mail(
            compiled.letter,
            to=contact.email,
            values=fields.facts(contact=contact, shop=self.shop, points_given=message.points, now=now),
            shop=self.shop,
            now=now,
            message_id=message.pk,
            link_ids=compiled.link_ids,
        )

    def _enter_sending(self, message: Message) -> None:
        """Say "on its way", only if the row is still ours and the person may still be written to, in one statement."""
        key = message.contact.email_key
        person = Contact.objects.filter(pk=OuterRef("contact_id"), email_key=key, erased_at=None)
        running = Rotation.objects.filter(pk=OuterRef("rotation_id"), campaign__state=Campaign.State.RUNNING)
        entered = Message.objects.filter(
            Exists(consent.may_write(person, write_to=self.shop.write_to)),
            ~Exists(Suppression.objects.filter(address_hash=tokens.keyed_hash(key or ""))),
            Exists(running),
            ~self._has_ordered(message),
            pk=message.pk,
            state=State.CLAIMED,
            claimed_by=self.worker,
        ).update(state=State.SENDING, claimed_until=self.now() + LEASE)
        if not entered:
            raise Withheld

    def _has_ordered(self, message: Message) -> Q:
        """Return the condition that its person has ordered since the run, where an order ends the automation."""
        automation = message.rotation.campaign.automation
        if automation is None or not automation.ends_on_order:
            return Q(pk__in=[])
        since = sales().filter(placed_at__gt=message.rotation.started_at, placed_at__lte=self.now())
        return Q(Exists(since.filter(contact=OuterRef("contact_id"))))

    def _withhold(self, message: Message) -> None:
        """Find out why a message may not leave: paused, changed meanwhile, ordered, or the person said no."""
        ours = Message.objects.filter(pk=message.pk, state=State.CLAIMED, claimed_by=self.worker)
        whose = Message.objects.filter(pk=message.pk).values("contact")  # by now: two customers may have become one
        contact = Contact.objects.filter(pk__in=whose, erased_at=None)
        key = contact.values_list("email_key", flat=True).first()
        is_welcome = (
            key is not None
            and consent.may_write(contact, write_to=self.shop.write_to).exists()
            and not Suppression.objects.filter(address_hash=tokens.keyed_hash(key)).exists()
        )
        if not is_welcome and consent.have_allowed(contact, write_to=self.shop.write_to).exists():
            ours.update(state=State.WITHHELD, error=LEFT_OUT, claimed_by="", claimed_until=None)
            return
        if is_welcome and ours.filter(self._has_ordered(message)).update(
            state=State.WITHHELD, error=ORDERED, claimed_by="", claimed_until=None
        ):
            return
        state = State.QUEUED if is_welcome else State.SUPPRESSED
        ours.update(state=state, claimed_by="", claimed_until=None)

    def _mark_sent(self, message: Message, *, provider_id: str) -> None:
        now = self.now()
        row = Message.objects.filter(pk=message.pk, claimed_by=self.worker)
        changes = {
            "state": State.SENT, "sent_at": now, "tried_at": now, "provider_id": provider_id[:200], "error": "",
            "claimed_until": None, "claimed_by": "",
        }
        if row.filter(state=State.SENDING).update(**changes, attempts=F("attempts") + 1):
            return
        # we were so slow that the row was shelved as uncertain; now we know
        if row.filter(state=State.UNCERTAIN).update(**changes):
            recount(message.rotation_id)

    def _mark(self, message: Message, state: str, *, error: str, **changes) -> None:
        changes = {"attempts": F("attempts") + 1} | changes
        Message.objects.filter(
            pk=message.pk, claimed_by=self.worker, state__in=[State.CLAIMED, State.SENDING]
        ).update(
            state=state, error=error[:300], tried_at=self.now(), claimed_until=None, claimed_by="", **changes
        )

    def _put_back(self, message: Message, *, error: ChannelDown, due_at: dt.datetime) -> None:
        """Keep a message for as long as nothing can leave: not its fault, so it costs it none of its tries."""
        self._mark(message, State.RETRY, error=str(error), due_at=due_at, attempts=F("attempts"))

    def _mark_broken(self, message: Message, error: Exception) -> bool:
        has_left = Message.objects.filter(pk=message.pk, state=State.SENDING, claimed_by=self.worker).exists()
        self._mark(message, State.UNCERTAIN if has_left else State.FAILED, error=f"{type(error).__name__}: {error}")
        return self._watch(message.rotation.campaign)

    def _next_try(self, message: Message) -> dt.datetime:
        return self.now() + BACK_OFF[min(message.attempts, len(BACK_OFF) - 1)]

    def _watch(self, campaign: Campaign) -> bool:
        """Pause the campaign when too many of its last messages went wrong; True: go on."""
        ended = Message.objects.filter(rotation__campaign=campaign, tried_at__isnull=False).exclude(state=State.RETRY)
        if campaign.watched_since:
            ended = ended.filter(tried_at__gte=campaign.watched_since)
        last = list(ended.order_by("-tried_at").values_list("state", flat=True)[:WATCHED])
        wrong = sum(state in (State.FAILED, State.UNCERTAIN) for state in last)
        if wrong <= TOO_MANY:
            return True
        with translation.override(self.shop.language):
            problem = _("%(wrong)d of the last %(all)d messages could not be delivered, so it paused itself.") % {
                "wrong": wrong, "all": len(last),
            }
        scheduling.pause(campaign, now=self.now(), problem=problem)
        return False

    def _hold_campaign(self, campaign: Campaign, error: Exception) -> None:
        with translation.override(self.shop.language):
            problem = _("The mail server refused us, so it paused itself: %(words)s") % {"words": str(error)[:150]}
        scheduling.pause(campaign, now=self.now(), problem=problem)

    def _note_down(self, campaign: Campaign, error: Exception) -> None:
        with translation.override(self.shop.language):
            problem = _("The mail server cannot be reached; we keep trying: %(words)s") % {"words": str(error)[:150]}
        Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.RUNNING).update(problem=problem)
