"""What customers say to the shop, what the shop says back, and how satisfied they are.

Desk          the one row of settings: which question is asked after a purchase (`asks`), whether people with an open
              complaint are left out of campaigns (`holds_back`), whether strangers may write (`form_is_open`).
              `mailbox`: how far the polled mailbox was read, `polled_at` when it is looked into again at the earliest
              (less two minutes). No row: the defaults.
Conversation  with one person: `contact`, or a stranger known by `name`, `email` and `phone` as they wrote them. A
              stranger whose address turns up among the customers later is linked to them by the sweep.
              open (the shop is to act) -> waiting (for them) -> done; whatever they say opens it again, and so does
              `remind_on` when that day has come. `is_complaint`: it began with a bad answer to the question.
              `version` counts every change, so that nobody answers what they have not read.
Line          something said in a conversation, written once. in: by them; out: the shop's answer; note: for the shop.
              `message_id`: of the mail it came in or went out by; a mail is kept once. `form_key`: of the form it was
              typed in; a form counts once. Attachments are named, not kept.
              An answer by mail: queued -> sending -> sent | failed | uncertain; `sending` is committed just before the
              payload leaves, and what dies there is uncertain: the owner decides. on_page: they have no address and
              read it on their own page. `points`: given with it, in the ledger as "adjust:answer-<form_key>".
SavedAnswer   a text used often, with {{ fields }}.
Answer        to the question after a purchase. One for each `key`, "message:<id>" or "order:<id>"; may be changed for
              seven days. faces: `score` 1 to 5; recommend: 0 to 10. `feeling` follows from it (listening.scoring).
              `on_date`: the day of `at` by the shop's calendar. When the person is erased the score stays, without
              person, words and order.
Digest        a TRAY of listening.digesting: figures that are too dear to count for each page, by `name`, as of `at`.
Written by: listening.hearing, answering, receiving, mailbox, feedback, digesting, forgetting, moving_on.
"""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Via(models.TextChoices):
    PAGE = "page", _("Their own page")
    FORM = "form", _("Contact form")
    MAIL = "mail", _("E-mail")
    PHONE = "phone", _("On the phone")
    COUNTER = "counter", _("At the counter")
    OTHER = "other", _("Another way")
    FEEDBACK = "feedback", _("Answer to your question")


class Feeling(models.TextChoices):
    BAD = "bad", _("Unhappy")
    FAIR = "fair", _("In between")
    GOOD = "good", _("Happy")


class Desk(models.Model):
    class Asks(models.TextChoices):
        FACES = "faces", _("“How was it?” with five faces")
        RECOMMEND = "recommend", _("“Would you recommend us?” from 0 to 10")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    asks = models.CharField(_("What you ask after a purchase"), max_length=9, choices=Asks, default=Asks.FACES)
    holds_back = models.BooleanField(_("No campaigns to people with an open complaint"), default=True)
    form_is_open = models.BooleanField(_("Anybody may write to you"), default=True)
    mailbox = models.JSONField(default=dict, editable=False)
    polled_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="desk_is_the_only_one")]

    @classmethod
    def current(cls) -> "Desk":
        """Return the settings, or the defaults where nothing was ever set."""
        return cls.objects.first() or cls()


class Conversation(models.Model):
    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("conversation", "Open")
        WAITING = "waiting", _("Waiting for them")
        DONE = "done", pgettext_lazy("conversation", "Done")

    contact = models.ForeignKey(  # the index conversation_of_contact begins with it
        "contacts.Contact", models.CASCADE, null=True, related_name="conversations", db_index=False
    )
    name = models.CharField(_("Name"), max_length=200, blank=True)
    email = models.CharField(_("E-mail"), max_length=254, blank=True)
    email_key = models.CharField(max_length=254, null=True, editable=False)
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    subject = models.CharField(_("Subject"), max_length=200, blank=True)
    via = models.CharField(max_length=8, choices=Via)
    is_complaint = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=State, default=State.OPEN)
    remind_on = models.DateField(_("Remind me on"), null=True, blank=True)
    opened_at = models.DateTimeField()
    last_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [
            models.Index(fields=["state", "-last_at", "-id"], name="conversation_by_state"),
            models.Index(fields=["contact", "-last_at"], name="conversation_of_contact"),
            models.Index(fields=["remind_on"], name="conversation_reminder", condition=Q(remind_on__isnull=False)),
            models.Index(
                fields=["email_key"], name="conversation_stranger", condition=Q(contact=None, email_key__isnull=False)
            ),
        ]

    def __str__(self):
        return self.subject or self.who

    def get_absolute_url(self) -> str:
        return reverse("listening:thread", args=[self.pk])

    @property
    def who(self) -> str:
        """Return what to call the other one."""
        known = self.contact.display_name if self.contact else ""
        return str(known or self.name or self.email or self.phone or _("Somebody"))

    @property
    def address(self) -> str:
        """Return where an answer goes: to the address they wrote from, else to the customer's."""
        return self.email or (self.contact.email if self.contact else "")


class Line(models.Model):
    class Direction(models.TextChoices):
        IN = "in", _("From them")
        OUT = "out", _("From you")
        NOTE = "note", _("Note")

    class State(models.TextChoices):
        QUEUED = "queued", _("About to leave")
        SENDING = "sending", _("On its way")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Could not be delivered")
        UNCERTAIN = "uncertain", _("Not sure it arrived")
        ON_PAGE = "on_page", _("On their own page")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="lines", db_index=False)
    direction = models.CharField(max_length=4, choices=Direction)
    via = models.CharField(max_length=8, choices=Via, blank=True)
    text = models.TextField(blank=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=120, blank=True)  # who of the shop wrote or noted it
    attachments = models.JSONField(default=list)  # their names
    message_id = models.CharField(max_length=250, null=True, unique=True)
    form_key = models.CharField(max_length=64, null=True, unique=True)
    points = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=9, choices=State, blank=True)  # of an answer; the rest is about its mail
    to = models.CharField(max_length=254, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)  # while it is queued
    claimed_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    outgoing = models.OneToOneField("campaigns.Outgoing", models.SET_NULL, null=True, related_name="answer")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(direction="out") & ~Q(state="") | ~Q(direction="out") & Q(state=""),
                name="line_state_is_of_answers",
            ),
        ]
        indexes = [
            models.Index(fields=["conversation", "at", "id"], name="line_of_conversation"),
            models.Index(fields=["due_at", "id"], name="line_to_send", condition=Q(due_at__isnull=False)),
            models.Index(fields=["claimed_until"], name="line_lease", condition=Q(claimed_until__isnull=False)),
            models.Index(fields=["state"], name="line_by_state"),
        ]


class SavedAnswer(models.Model):
    title = models.CharField(_("Name"), max_length=80, unique=True)
    text = models.TextField(_("Text"), max_length=5000)

    def __str__(self):
        return self.title


class Answer(models.Model):
    key = models.CharField(max_length=40, unique=True)
    contact = models.ForeignKey("contacts.Contact", models.SET_NULL, null=True, related_name="feedback", db_index=False)
    order = models.ForeignKey("orders.Order", models.SET_NULL, null=True, related_name="feedback")
    rotation = models.ForeignKey("campaigns.Rotation", models.SET_NULL, null=True, related_name="feedback")
    conversation = models.ForeignKey(Conversation, models.SET_NULL, null=True, related_name="feedback")
    asks = models.CharField(max_length=9, choices=Desk.Asks)
    score = models.PositiveSmallIntegerField()
    feeling = models.CharField(max_length=4, choices=Feeling)
    comment = models.TextField(blank=True)
    may_quote = models.BooleanField(default=False)
    at = models.DateTimeField()
    on_date = models.DateField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(asks="faces", score__gte=1, score__lte=5) | Q(asks="recommend", score__lte=10),
                name="answer_score_is_on_its_scale",
            ),
        ]
        indexes = [
            models.Index(fields=["asks", "on_date", "score"], name="answer_by_date"),
            models.Index(fields=["contact", "-at"], name="answer_of_contact"),
            models.Index(fields=["-at", "-id"], name="answer_newest"),
            models.Index(fields=["feeling", "-at", "-id"], name="answer_by_feeling"),
            models.Index(fields=["changed_at"], name="answer_changed"),
        ]


class Digest(models.Model):
    name = models.CharField(max_length=20, primary_key=True)
    body = models.JSONField()
    answers = models.PositiveIntegerField()  # how many it was made of
    at = models.DateTimeField()
