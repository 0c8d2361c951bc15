"""Points that are money.

Account   one per person, made with their first entry. `balance` is written by a database trigger when an
          entry is inserted, and by nobody else: a second trigger refuses any other value. An account
          outlives the person (contact becomes null), because the books must. A balance may fall below zero
          only when an order is refunded after its points were spent: a debt that later earnings settle.
Entry     one movement: points > 0 give, points < 0 take. Entries are written once; triggers refuse UPDATE
          and DELETE. To correct, write another entry. `source` is unique and makes every act safe to repeat:
            order:<order id>:<n>            earned by, or taken back from, an order; n counts up
            welcome:<contact id>            the welcome gift
            adjust:<key of the form>        typed by the owner, with a reason
            campaign:<rotation id>:<contact id>
          `order_ref` is the order's id and outlives it. `rule` is the rule that gave it. `basis_minor` is the
          amount of the order that counted when the entry was written, in the rule's currency. `reason` is the
          owner's or the campaign's text; for an order it is empty when points were given, else a code of
          settling.Why. Sentences are made when somebody reads (rewards.explaining), in their language.
Rule      one earning rule with its parameters, from `starts_on` to `ends_on` (inclusive; null = open end),
          in the shop's zone. A rule that has given points is never edited: it is ended and a new one started,
          so that "the rule as it was then" stays readable. `catch_up_from` is work to do: orders (or people)
          since that date wait to be settled under the changed rules, those up to `catch_up_after_id` are done.
Audit     one look through the books (crm.lib.books): asked for, then finished, with what every check said.

The triggers live in rewards.triggers and are made again after every migrate, because Django's
SQLite table rebuild drops them. Written by: rewards.ledger, rewards.settling, rewards.rule_changing,
rewards.catching_up, rewards.auditing; emptied as a whole with a demo shop (home.demo).
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
    catch_up_from = models.DateField(null=True, editable=False)
    catch_up_after_id = models.BigIntegerField(default=0, editable=False)
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

    account = models.ForeignKey(Account, models.PROTECT, related_name="entries", db_index=False)
    points = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=120)
    order_ref = models.BigIntegerField(null=True, db_index=True)
    rule = models.ForeignKey(Rule, models.PROTECT, null=True, db_index=False)
    basis_minor = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=250, blank=True)
    at = models.DateTimeField()  # when it happened for the customer
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source"], name="entry_source_once"),
            models.CheckConstraint(condition=~Q(points=0), name="entry_moves_something"),
        ]
        indexes = [
            models.Index(fields=["account", "points"], name="entry_sum_of_account"),
            models.Index(fields=["account", "-at", "-id"], name="entry_history"),
            models.Index(fields=["at", "points"], name="entry_by_time"),
        ]


class Audit(models.Model):
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    checks = models.JSONField(default=list)  # [{"name", "ok", "detail"}]
