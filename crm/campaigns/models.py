"""What the shop says to its customers, and what came of it.

Campaign   what to give and say, to whom, when. Points, a message, or both.
           draft -> scheduled -> (running <-> scheduled for repeats) -> finished; paused and stopped by the owner.
           `next_at` (UTC) is when the next rotation is due; `next_date` the local date it stands for.
           `watched_since`: the circuit breaker looks at attempts after this moment only (set by resume).
           `points_days`: points given can be spent until the end of the day so many days later; null is for ever.
           `points_budget`: points of all rotations together; whoever comes after gets nothing, and it repeats no more.
           Subject, body and points are those of version A. `split`: how people are dealt to its versions; `decided`:
           the letter of the only version that still goes out; `shares` (letter -> 0 to 1): the tray the analyst fills.
           One with an `automation` is a step of it: it repeats daily and has no group; `step` counts from 1, and
           `wait_days` is how long after the step before it goes out (0 on the first).
Automation  up to three such campaigns that write by themselves to people to whom something has just happened.
           `trigger` (a key of triggers.TRIGGERS) with its `params` says to whom. It is on from `on_since`; what
           happened before that moment is never written about. Steps after `step_count` have gone out once and stay
           for their results. `problem`: why it switched itself off.
Occasion   what happened to one person: unique (contact, key), and a key begins with the automation's number, so that
           nobody is written to twice for one occasion. Written in the transaction of the messages. `step` is the next
           one, due on `due_date` (shop's calendar), until `ended` says why there is none.
Rules      what holds for all messages of the shop: how many in seven days, and during which hours automations write.
           `most_per_hour`: mails the mail server takes; `paced_until` is how far they are ahead of it (pacing).
           `rehearsed`: the tray of what each recipe would have done in the past (rehearsing), as of `rehearsed_on`.
Variant    another version of a campaign's message: B, C or D. `is_off`: has gone out, goes out no more.
Rotation   one run of a campaign: unique (campaign, local date), so that it starts once whatever restarts.
           `counts` (state -> messages) is written when it is finished, so that lists need not count again.
           `shares` (letter -> 0 to 1): with which chances its people were dealt to the versions; empty: one version.
Message    one row per person and rotation, made in one statement when the rotation starts.
             queued -> claimed (lease) -> sending -> sent | retry | failed | uncertain
             suppressed   said no in the meantime; held_out  left alone on purpose, to measure; stopped by the owner
             withheld     not sent to this person alone, `error` says why: a complaint is open, or they get it once
             capped       got as many messages as the shop allows in seven days
           Unique per (rotation, contact) and per (rotation, address): two people sharing an address get one.
           `sending` is committed just before the payload leaves. A process that dies there leaves `uncertain`,
           shown to the owner and never silently sent again. `tried_at` is when the last attempt ended;
           `sent_at` is also set on points_only (when the rotation started), so that orders can follow it.
           `variant`: the letter of the version drawn for the person, with `chance` (0 to 1); empty on held_out.
Outgoing   the rendered mail of a box without EMAIL_URL: the outbox the owner reads in the app.
Link       an address found in a campaign's text, as sent (with utm_ marks); the mail carries our own link to it.
           Click counts one visit.
Attribution  an order that followed a message within the campaign's window; an order belongs to one message.
Verdict    a tray: what may be said of a campaign's versions by now, in every language. `leader`: the letter of the one
           that is better, if any; `memory`: what its writer needs to find again. Without a writer it stays empty.
Written by: campaigns.composing, scheduling, starting, sending, tracking, attribution, variants, verdicts; automations
by campaigns.automating, running and rehearsing.
"""

import datetime as dt

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

MOST_MESSAGES = 2  # in seven days, where the owner has set nothing


class Automation(models.Model):
    name = models.CharField(_("Name"), max_length=100)
    recipe = models.SlugField(max_length=40)  # what it was made from: a key of standing_orders.RECIPES
    trigger = models.SlugField(max_length=40)
    params = models.JSONField(default=dict)
    send_time = models.TimeField(_("Time"), default=dt.time(10))
    step_count = models.PositiveSmallIntegerField(default=1, editable=False)
    ends_on_order = models.BooleanField(_("Stop writing once they order"), default=False)
    on_since = models.DateTimeField(null=True, editable=False)
    ran_at = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(max_length=250, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaigns:automation", args=[self.pk])

    def live_steps(self) -> models.QuerySet:
        """Return the campaigns that still go out, in order."""
        return self.steps.filter(step__lte=self.step_count).order_by("step")


class Campaign(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        STOPPED = "stopped", _("Stopped")
        FINISHED = "finished", _("Finished")

    class Repeat(models.TextChoices):
        ONCE = "once", _("Once")
        WEEKLY = "weekly", _("Every week")
        MONTHLY = "monthly", _("Every month")
        DAILY = "daily", _("By itself")

    class Split(models.TextChoices):
        EVEN = "even", _("Split evenly and tell me")
        LEARN = "learn", _("Send more of what works")

    name = models.CharField(_("Name"), max_length=120)
    automation = models.ForeignKey(
        Automation, models.CASCADE, null=True, blank=True, editable=False, related_name="steps", db_index=False
    )
    step = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    wait_days = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    segment = models.ForeignKey("contacts.Segment", models.PROTECT, null=True, blank=True, related_name="campaigns")
    points = models.PositiveIntegerField(_("Points to give"), default=0)
    points_days = models.PositiveSmallIntegerField(_("Days until these points expire"), null=True, blank=True)
    points_budget = models.PositiveIntegerField(_("Points to give at most"), null=True, blank=True)
    subject = models.CharField(_("Subject"), max_length=150, blank=True)
    body = models.TextField(_("Message"), blank=True)  # Markdown with {{ fields }}
    repeat = models.CharField(_("Repeat"), max_length=8, choices=Repeat, default=Repeat.ONCE)
    starts_date = models.DateField(_("Date"), null=True, blank=True)
    send_time = models.TimeField(_("Time"), null=True, blank=True)
    holdout_percent = models.PositiveSmallIntegerField(_("Leave out to measure"), default=0)
    window_days = models.PositiveSmallIntegerField(_("Count orders for"), default=7)
    split = models.CharField(_("How to test"), max_length=5, choices=Split, default=Split.EVEN)
    decided = models.CharField(max_length=1, blank=True, editable=False)
    shares = models.JSONField(default=dict, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    next_at = models.DateTimeField(null=True, blank=True, db_index=True)
    next_date = models.DateField(null=True, blank=True)
    problem = models.CharField(max_length=250, blank=True)  # why it paused itself or skipped a date
    watched_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    edited_at_desk = models.CharField(max_length=32, blank=True, editable=False)  # the open page that saved last

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(holdout_percent__lte=50), name="campaign_holdout_at_most_half"),
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(next_at__isnull=False, next_date__isnull=False),
                name="campaign_scheduled_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(automation=None, step=1) & ~Q(repeat="daily") | Q(automation__isnull=False, repeat="daily"),
                name="campaign_daily_is_of_an_automation",
            ),
            models.UniqueConstraint(
                fields=["automation", "step"], condition=Q(automation__isnull=False), name="campaign_step_once"
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaigns:detail", args=[self.pk])


class Occasion(models.Model):
    class Ended(models.TextChoices):
        DONE = "done", _("Got every message")
        ORDERED = "ordered", _("Ordered, so nothing more was needed")
        SAID_NO = "said_no", _("May not be written to any more")
        CAPPED = "capped", _("Had enough messages that week")
        LATE = "late", _("Too late for it")
        OFF = "off", _("Switched off")

    automation = models.ForeignKey(Automation, models.CASCADE, related_name="occasions", db_index=False)
    contact = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="occasions", db_index=False)
    key = models.CharField(max_length=80)  # "<automation>:<what happened>"
    happened_at = models.DateTimeField()
    due_date = models.DateField()
    step = models.PositiveSmallIntegerField(default=1)
    ended = models.CharField(max_length=8, choices=Ended, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "key"], name="occasion_once_per_person")]
        indexes = [models.Index(fields=["automation", "ended", "due_date"], name="occasion_to_do")]


class Rules(models.Model):
    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    most_messages = models.PositiveSmallIntegerField(
        _("Messages to one customer in seven days, at most"), null=True, blank=True, default=MOST_MESSAGES
    )
    opens_at = models.TimeField(_("Automations write from"), default=dt.time(9))
    closes_at = models.TimeField(_("until"), default=dt.time(20))
    most_per_hour = models.PositiveIntegerField(_("Mails in an hour, at most"), null=True, blank=True)
    paced_until = models.DateTimeField(null=True, editable=False)
    rehearsed = models.JSONField(default=dict, editable=False)
    rehearsed_on = models.DateField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="rules_are_the_only_ones"),
            models.CheckConstraint(condition=Q(opens_at__lt=F("closes_at")), name="rules_open_before_they_close"),
        ]

    @classmethod
    def current(cls) -> "Rules":
        """Return the shop's rules, as everybody begins with them where nothing was set."""
        return cls.objects.first() or cls()

    @classmethod
    def locked(cls) -> "Rules":
        """Return the shop's rules for whoever writes by them, one after the other; inside a transaction."""
        cls.objects.get_or_create(id=1)
        return cls.objects.select_for_update().get(id=1)


class Variant(models.Model):
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="variants")
    letter = models.CharField(max_length=1)
    subject = models.CharField(max_length=150, blank=True)
    body = models.TextField(blank=True)
    points = models.PositiveIntegerField(default=0)
    is_off = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "letter"], name="variant_once_per_letter"),
            models.CheckConstraint(condition=Q(letter__in=["B", "C", "D"]), name="variant_letter_after_a"),
        ]


class Rotation(models.Model):
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="rotations")
    local_date = models.DateField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    points_given_at = models.DateTimeField(null=True)  # all points of this rotation are in the ledger
    counts = models.JSONField(default=dict)
    shares = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "local_date"], name="rotation_once_per_date")]


class Message(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        CLAIMED = "claimed", pgettext_lazy("message", "Next")
        SENDING = "sending", _("On its way")
        SENT = "sent", _("Sent")
        RETRY = "retry", _("Will be tried again")
        FAILED = "failed", _("Could not be delivered")
        UNCERTAIN = "uncertain", _("Not sure it arrived")
        SUPPRESSED = "suppressed", _("Said no")
        HELD_OUT = "held_out", _("Left out to measure")
        STOPPED = "stopped", _("Stopped")
        WITHHELD = "withheld", _("Not sent to this customer")
        CAPPED = "capped", _("Had enough messages that week")
        POINTS_ONLY = "points_only", _("Points only")  # gets the points; no message, or none may be sent

    rotation = models.ForeignKey(Rotation, models.CASCADE, related_name="messages", db_index=False)
    contact = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="messages")
    written_to = models.BigIntegerField(null=True)  # the number of a customer who was merged into `contact` since
    address_hash = models.CharField(max_length=64, null=True)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    points = models.PositiveIntegerField(default=0)  # given with this message
    variant = models.CharField(max_length=1, blank=True, default="A", db_default="A")
    chance = models.FloatField(default=1.0, db_default=1.0)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    claimed_by = models.CharField(max_length=40, blank=True)
    tried_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rotation", "contact"], condition=Q(written_to=None), name="message_once_per_person"
            ),
            models.UniqueConstraint(fields=["rotation", "address_hash"], name="message_once_per_address"),
        ]
        indexes = [
            models.Index(fields=["rotation", "state", "due_at", "id"], name="message_to_do"),
            models.Index(fields=["claimed_until"], name="message_lease", condition=Q(claimed_until__isnull=False)),
            models.Index(fields=["rotation", "-tried_at"], name="message_last_tried"),
            models.Index(fields=["contact", "-sent_at"], name="message_of_contact"),
        ]


class Outgoing(models.Model):
    message = models.OneToOneField(Message, models.CASCADE, null=True, related_name="outgoing")  # null: a test
    to = models.CharField(max_length=254)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField()
    headers = models.JSONField(default=dict)
    at = models.DateTimeField(db_index=True)


class Link(models.Model):
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="links")
    url = models.URLField(max_length=2000)
    url_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "url_hash"], name="link_once_per_campaign")]


class Click(models.Model):
    message = models.ForeignKey(Message, models.CASCADE, related_name="clicks")
    link = models.ForeignKey(Link, models.CASCADE, related_name="clicks")
    at = models.DateTimeField()


class Attribution(models.Model):
    order = models.OneToOneField("orders.Order", models.CASCADE, related_name="attribution")
    message = models.ForeignKey(Message, models.CASCADE, related_name="attributions")
    amount_minor = models.BigIntegerField()
    after_click = models.BooleanField(default=False)
    at = models.DateTimeField()


class Verdict(models.Model):
    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="verdict")
    tone = models.CharField(max_length=8)
    text = models.JSONField(default=dict)  # {"en": ..., "zh-hans": ...}
    detail = models.JSONField(default=dict)
    leader = models.CharField(max_length=1, blank=True)
    memory = models.JSONField(default=dict)
    as_of = models.DateTimeField()
