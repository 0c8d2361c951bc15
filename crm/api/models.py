"""What programs may do here, what they did, and what we tell them.

ApiKey    a program's key: shown once, kept as a hash; `prefix` is its readable beginning. `scopes` say what it may do.
Command   one change a program asked for under an Idempotency-Key, with the answer it got, kept for ever: the same key
          with the same request gets the same answer, with another request a refusal. Answers hold ids only.
Hook      an address where a shop platform reports orders, people and refunds. `secret` signs what comes in; it must be
          kept as it is, because signatures are made from it. `token` is the address's unguessable end.
Event     one report, kept until it was read: waiting -> done | ignored | failed. (hook, event_id) is unique, so that a
          repeated delivery is one event. `body` is emptied when it was read.
Remote    what a platform's id stands for here, and the newest moment it was told of: an older report never wins.
Target    an address of the owner's that hears of changes; `secret` signs what we send.
Delivery  one piece of news to one target: waiting -> sent | failed, tried again with growing pauses. Only ids go out.
Visit     a page, product or cart a known customer looked at in the shop, told by the shop's own page after a yes.
Written by: api.keys, api.commands, api.inbound, api.outbound, api.visits.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ApiKey(models.Model):
    name = models.CharField(_("Name"), max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self):
        return self.name


class Command(models.Model):
    key = models.ForeignKey(ApiKey, models.PROTECT, related_name="commands")
    idempotency_key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "idempotency_key"], name="command_once_per_key")]


class Hook(models.Model):
    class Provider(models.TextChoices):
        SHOPIFY = "shopify", "Shopify"
        WOOCOMMERCE = "woocommerce", "WooCommerce"
        GENERIC = "generic", _("Any program")

    provider = models.CharField(_("Platform"), max_length=20, choices=Provider)
    token = models.CharField(max_length=64, unique=True)
    secret = models.CharField(_("Secret"), max_length=200)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    last_event_at = models.DateTimeField(null=True)


class Event(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Read")
        IGNORED = "ignored", _("Nothing to do")
        FAILED = "failed", _("Could not be read")

    hook = models.ForeignKey(Hook, models.CASCADE, related_name="events")
    event_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=80)
    body = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    error = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField()
    next_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hook", "event_id"], name="event_once_per_hook")]
        indexes = [
            models.Index(fields=["next_at"], name="event_waiting", condition=Q(state="waiting")),
            models.Index(fields=["-received_at"], name="event_by_time"),
        ]


class Remote(models.Model):
    source = models.CharField(max_length=30)
    kind = models.CharField(max_length=10)  # order, person, refund
    remote_id = models.CharField(max_length=120)
    told_at = models.DateTimeField()
    order = models.ForeignKey("orders.Order", models.CASCADE, null=True, related_name="+")
    amount_minor = models.BigIntegerField(null=True)  # kind=refund: what this one gave back

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "kind", "remote_id"], name="remote_once")]


class Target(models.Model):
    url = models.URLField(_("Address"), max_length=500)
    secret = models.CharField(max_length=200)
    topics = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField()


class Delivery(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Given up")

    target = models.ForeignKey(Target, models.CASCADE, related_name="deliveries")
    topic = models.CharField(max_length=30)
    payload = models.JSONField()  # {"ids": [...]}
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    answer = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_at"], name="delivery_waiting", condition=Q(state="waiting")),
            models.Index(fields=["target", "-id"], name="delivery_of_target"),
        ]


class Visit(models.Model):
    class Kind(models.TextChoices):
        PAGE = "page", _("Looked at a page")
        PRODUCT = "product", _("Looked at a product")
        CART = "cart", _("Put into the cart")

    contact = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="visits", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind)
    path = models.CharField(max_length=300, blank=True)
    product = models.ForeignKey("orders.Product", models.SET_NULL, null=True, related_name="+")
    event_id = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["contact", "-at"], name="visit_of_contact"),
            models.Index(fields=["at"], name="visit_by_time"),
        ]
