"""Points that are money.

Account   one per person, made with their first entry. Three numbers, moved by database triggers and by nobody else:
          `balance` is the sum of the entries; `pending` is the part of it that waits out a hold period; `debt` is what
          was taken though it was spent already (an order refunded afterwards), and later earnings settle it. What can
          be spent is balance - pending, below zero while there is a debt. An account outlives the person (contact
          becomes null), because the books must. `merged_into`: the customer was merged into another one, whose
          account holds everything (rewards.carrying); `contact` is that other one then, and this account is empty.
Entry     one movement: points > 0 give, points < 0 take. Entries are written once; triggers refuse UPDATE
          (but for taking out a typed reason, when the customer is erased) and DELETE. To correct, write another
          entry. `source` is unique and makes every act safe to repeat:
            order:<order id>:<n>            earned by, or taken back from, an order; n counts up
            welcome:<contact id>            the welcome gift
            <occasion>:<contact id>:<key>   given for an occasion (rewards.giving): a birthday, a review
            adjust:<key of the form>        typed by the owner, with a reason
            campaign:<rotation id>:<contact id>
            redeem:<redemption id>          spent; and given back: redeem:<redemption id>:back:<n>
            expire:<last lot id>            expired
            lapse:<last lot id>             lapsed, because the customer was erased
            waive:<entry id>                a debt the owner forgave, named after the entry that made it
            carry:…, back:…, part:…         carried to another account by a merge, and back (rewards.carrying)
          `order_ref` is the order's id and outlives it. `rule` is the rule that gave it. `basis_minor` is the
          amount of the order that counted when the entry was written, in the rule's currency. `reason` is the
          owner's or the campaign's text; for an order it is empty when points were given, else a code of
          settling.Why. Sentences are made when somebody reads (rewards.explaining), in their language.
          An entry that gives may say from when (`activates_at`) and until when (`expires_at`, exclusive) its points
          can be spent; null is at once and for ever.
Lot       the points of one entry that gave some, as they are used up; it has the entry's id and is made by its
          trigger. `remaining` falls by allocations only. States: pending -> active -> spent, expired or reversed; the
          last three are closed lots (nothing remains), named after what took the last points; one that was carried to
          another account ends as reversed.
Allocation  which lot paid for what: `points` of the lot were taken by the entry. Written once. What a taking entry
          has no allocations for is the account's debt.
Rule      one earning rule with its parameters, from `starts_on` to `ends_on` (inclusive; null = open end),
          in the shop's zone. A rule that has given points is never edited: it is ended and a new one started,
          so that "the rule as it was then" stays readable. `catch_up_from` is work to do: orders (or people)
          since that date wait to be settled under the changed rules, those up to `catch_up_after_id` are done.
Programme what holds for all points of the shop: what happens to a debt, expiry by inactivity, grace, warnings; and
          what the owner says 100 points are worth (`per_100_minor`, in the shop's currency; null: what a reward says).
Membership  the level a customer holds under a rule of levels (rewards.tiers), from `since` until `until` (exclusive;
          null: still). Written once and closed once, at a moment that is over, so that the level held when an order was
          placed never changes; only a merge, and its undo, write the rows of its two customers anew (rewards.merging).
          `level` counts from 1, the lowest. `falls_on` is the first day it may be lost.
Reward    what points can be turned into. `points` buy `worth_minor` (money off), a product, free shipping or a coupon.
Referral  a friend who came because a customer, the advocate, sent them; a friend counts once, for one advocate. As
          soon as an order of the friend counts, `order_ref` is its id and `reward` the entry that gave the advocate
          their points (null: none was promised then, or the month was full). Where that order counts no more, the
          points go back and both are null again: the referral waits for the next order (rewards.referring).
Redemption  points turned into something, once per `key` (rewards.redeeming): reserved -> committed or rolled back.
Audit     one look through the books (crm.lib.books): asked for, then finished, with what every check said.

The triggers live in rewards.triggers and are made again after every migrate, because Django's
SQLite table rebuild drops them. Written by: rewards.ledger, rewards.lots, rewards.settling, rewards.redeeming,
rewards.rule_changing, rewards.catching_up, rewards.auditing, rewards.tiers, rewards.levelling, rewards.referring,
rewards.carrying, rewards.merging; emptied as a whole with a demo shop (home.demo).
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class AccountQuerySet(models.QuerySet):
    def to_spend_from(self):
        """Leave out those that were merged: they hold nothing."""
        return self.filter(merged_into=None)


class Account(models.Model):
    contact = models.ForeignKey("contacts.Contact", models.SET_NULL, null=True, related_name="points_accounts")
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", db_index=False)
    balance = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0, db_default=0)
    debt = models.BigIntegerField(default=0, db_default=0)
    opened_at = models.DateTimeField()

    objects = AccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(pending__gte=0), name="account_pending_not_negative"),
            models.CheckConstraint(condition=Q(debt__gte=0), name="account_debt_not_negative"),
            models.UniqueConstraint(
                fields=["contact"], condition=Q(merged_into=None), name="account_one_to_spend_from"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="account_in_debt", condition=Q(debt__gt=0)),
            models.Index(fields=["merged_into"], name="account_merged", condition=Q(merged_into__isnull=False)),
        ]

    @property
    def available(self) -> int:
        """What can be spent; below zero while a debt is open."""
        return self.balance - self.pending


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
        OCCASION = "occasion", _("Occasion")
        REDEEM = "redeem", _("Redeemed")
        EXPIRE = "expire", _("Expired")
        WAIVE = "waive", _("Debt forgiven")
        MERGE = "merge", _("Carried over")
        PART = "part", _("Parted again")

    account = models.ForeignKey(Account, models.PROTECT, related_name="entries", db_index=False)
    points = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=120)
    order_ref = models.BigIntegerField(null=True, db_index=True)
    rule = models.ForeignKey(Rule, models.PROTECT, null=True, db_index=False)
    basis_minor = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=250, blank=True)
    activates_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    at = models.DateTimeField()  # when it happened for the customer
    created_at = models.DateTimeField()  # when it was written

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source"], name="entry_source_once"),
            models.CheckConstraint(condition=~Q(points=0), name="entry_moves_something"),
            models.CheckConstraint(
                condition=Q(points__gt=0) | Q(activates_at=None, expires_at=None), name="entry_taken_has_no_term"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-at", "-id", "points"], name="entry_of_account"),  # its sum reads no row
            models.Index(fields=["at", "points"], name="entry_by_time"),
        ]


class LotQuerySet(models.QuerySet):
    def of(self, account_ids):
        """Return the lots of these accounts, found by the entries that opened them.

        An index of lots by account would be the costliest thing about earning a point: one page, anywhere, for each.
        """
        return self.filter(pk__in=Entry.objects.filter(account_id__in=account_ids, points__gt=0).values("pk"))


class Lot(models.Model):
    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        ACTIVE = "active", _("Active")
        SPENT = "spent", _("Spent")
        EXPIRED = "expired", _("Expired")
        REVERSED = "reversed", _("Taken back")

    account = models.ForeignKey(Account, models.PROTECT, related_name="lots", db_index=False)
    points = models.BigIntegerField()
    remaining = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State)
    activates_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects = LotQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("points")), name="lot_holds_what_it_was_given"
            ),
            models.CheckConstraint(
                condition=Q(remaining__gt=0, state__in=["pending", "active"])
                | Q(remaining=0, state__in=["spent", "expired", "reversed"]),
                name="lot_is_closed_when_empty",
            ),
            models.CheckConstraint(
                condition=~Q(state="pending") | Q(activates_at__isnull=False), name="lot_pending_until"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "remaining"], name="lot_pending", condition=Q(state="pending")),
            models.Index(fields=["activates_at"], name="lot_maturing", condition=Q(state="pending")),
            models.Index(
                fields=["expires_at"],
                name="lot_expiring",
                condition=Q(state="active", expires_at__isnull=False),
            ),
        ]


class Allocation(models.Model):
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="allocations")
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="allocations")
    points = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(points__gt=0), name="allocation_takes_something")]


class Programme(models.Model):
    class Debt(models.TextChoices):
        OWE = "owe", _("Later points fill it up")
        FORGIVE = "forgive", _("It is forgiven at once")
        ASK = "ask", _("Ask me each time")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    debt = models.CharField(_("When refunded points are spent already"), max_length=8, choices=Debt, default=Debt.OWE)
    inactive_months = models.PositiveSmallIntegerField(_("Months without an order"), null=True, blank=True)
    grace_days = models.PositiveSmallIntegerField(_("Days of grace"), default=0)
    first_warning_days = models.PositiveSmallIntegerField(_("First warning, days before"), default=30)
    last_warning_days = models.PositiveSmallIntegerField(_("Last warning, days before"), default=7)
    per_100_minor = models.BigIntegerField(null=True, editable=False)
    daily_done_on = models.DateField(null=True, editable=False)  # rewards.daily was here, on this local day
    tiers_done_on = models.DateField(null=True, editable=False)  # and so was rewards.levelling

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="programme_is_the_only_one"),
            models.CheckConstraint(
                condition=Q(per_100_minor=None) | Q(per_100_minor__gt=0), name="programme_points_are_worth_something"
            ),
        ]

    @classmethod
    def current(cls) -> "Programme":
        """Return the shop's programme, as everybody begins with it where nothing was set."""
        return cls.objects.first() or cls()


class Membership(models.Model):
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, related_name="levels_held", db_index=False
    )
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="memberships", db_index=False)
    level = models.PositiveSmallIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    falls_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact"], condition=Q(until=None), name="membership_one_at_a_time"),
            models.CheckConstraint(condition=Q(level__gte=1), name="membership_level_from_one"),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="membership_ends_after_it_begins"
            ),
        ]
        indexes = [
            models.Index(fields=["contact", "-since"], name="membership_of_contact"),
            models.Index(fields=["rule", "level"], name="membership_held", condition=Q(until=None)),
        ]


class Reward(models.Model):
    class Kind(models.TextChoices):
        MONEY = "money", _("Money off")
        PRODUCT = "product", _("A product")
        SHIPPING = "shipping", _("Free shipping")
        COUPON = "coupon", _("A coupon")

    kind = models.CharField(_("Kind"), max_length=8, choices=Kind, default=Kind.MONEY)
    name = models.CharField(_("Name"), max_length=120)
    points = models.PositiveIntegerField(_("Points"))
    worth_minor = models.BigIntegerField(default=0)  # of `points` points, in the shop's currency
    product = models.ForeignKey("orders.Product", models.SET_NULL, null=True, blank=True, related_name="+")
    least_points = models.PositiveIntegerField(_("Smallest use"), default=0)
    most_percent = models.PositiveSmallIntegerField(_("Largest share of an order (%)"), default=100)
    may_go_below_cost = models.BooleanField(
        _("May take an order below what its products cost"), default=False, db_default=False
    )
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="reward_costs_points"),
            models.CheckConstraint(condition=Q(worth_minor__gte=0), name="reward_worth_not_negative"),
            models.CheckConstraint(
                condition=Q(most_percent__gte=1, most_percent__lte=100), name="reward_share_is_a_percentage"
            ),
        ]

    def __str__(self):
        return self.name


class Redemption(models.Model):
    class State(models.TextChoices):
        RESERVED = "reserved", _("Reserved")
        COMMITTED = "committed", _("Redeemed")
        ROLLED_BACK = "back", _("Given back")

    key = models.CharField(max_length=120)  # the order's id, the form's key: one redemption for each
    account = models.ForeignKey(Account, models.PROTECT, related_name="redemptions")
    reward = models.ForeignKey(Reward, models.PROTECT, null=True, related_name="redemptions", db_index=False)
    points = models.PositiveBigIntegerField()
    worth_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.RESERVED)
    note = models.CharField(max_length=250, blank=True)
    reserved_at = models.DateTimeField()
    reserved_until = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)  # committed or given back

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], name="redemption_key_once"),
            models.CheckConstraint(condition=Q(points__gt=0), name="redemption_spends_points"),
            models.CheckConstraint(
                condition=Q(state="reserved", settled_at=None) | ~Q(state="reserved") & Q(settled_at__isnull=False),
                name="redemption_settled_when_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["reserved_until"], name="redemption_waiting", condition=Q(state="reserved")),
        ]


class Referral(models.Model):
    class Via(models.TextChoices):
        LINK = "link", _("Invitation link")
        TILL = "till", _("Said at the till")
        TYPED = "typed", _("Typed in")
        API = "api", _("From a program")

    advocate = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="friends_sent", db_index=False)
    friend = models.OneToOneField("contacts.Contact", models.SET_NULL, null=True, related_name="sent_by")
    via = models.CharField(max_length=5, choices=Via)
    at = models.DateTimeField()
    order_ref = models.BigIntegerField(null=True)
    reward = models.OneToOneField(Entry, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(friend=F("advocate")), name="referral_of_somebody_else"),
            models.CheckConstraint(
                condition=Q(reward=None) | Q(order_ref__isnull=False), name="referral_rewarded_for_an_order"
            ),
        ]
        indexes = [models.Index(fields=["advocate", "-at"], name="referral_of_advocate")]


class Audit(models.Model):
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    checks = models.JSONField(default=list)  # [{"name", "ok", "detail"}]
