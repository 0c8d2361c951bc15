"""Points that are money.

Account   one per person, made with their first entry. `balance` is written by a database trigger when an
          entry is inserted, and by nobody else: a second trigger refuses any other value. An account
          outlives the person (contact becomes null), because the books must.
Entry     one movement: points > 0 give, points < 0 take. Entries are written once; triggers refuse UPDATE
          and DELETE. To correct, write another entry. `source` is unique and makes every act safe to repeat:
            order:<order id>:<n>            earned by, or taken back from, an order; n counts up
            welcome:<contact id>            the welcome gift
            adjust:<key of the form>        typed by the owner, with a reason
            campaign:<rotation id>:<contact id>
          `order_ref` is the order's id and outlives it. `rule` is the rule that gave it.
Rule      one earning rule with its parameters, from `starts_on` to `ends_on` (inclusive; null = open end),
          in the shop's zone. A rule that has given points is never edited: it is ended and a new one started,
          so that "the rule as it was then" stays readable.

The triggers live in rewards.triggers and are made again after every migrate, because Django's
SQLite table rebuild drops them. Written by: rewards.ledger, rewards.settling.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Account(models.Model):
    contact = models.OneToOneField("contacts.Contact", models.SET_NULL, null=True, related_name="points_account")
    balance = models.BigIntegerField(default=0)
    opened_at = models.DateTimeField()


class Rule(models.Model):
    kind = models.CharField(_("Kind"), max_length=30)  # a key of rewards.rules.RULES
    params = models.JSONField(default=dict)
    starts_on = models.DateField(_("From"))
    ends_on = models.DateField(_("Until"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="rule_ends_after_it_starts"
            )
        ]


class Entry(models.Model):
    class Kind(models.TextChoices):
        ORDER = "order", _("Order")
        WELCOME = "welcome", _("Welcome gift")
        ADJUST = "adjust", _("Adjusted by hand")
        CAMPAIGN = "campaign", _("Campaign")

    account = models.ForeignKey(Account, models.PROTECT, related_name="entries")
    points = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=120, unique=True)
    order_ref = models.BigIntegerField(null=True, db_index=True)
    rule = models.ForeignKey(Rule, models.PROTECT, null=True)
    reason = models.CharField(max_length=250, blank=True)
    at = models.DateTimeField()  # when it happened for the customer
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(points=0), name="entry_moves_something")]
        indexes = [
            models.Index(fields=["account", "points"], name="entry_sum_of_account"),
            models.Index(fields=["account", "-at", "-id"], name="entry_history"),
        ]
