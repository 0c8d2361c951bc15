"""Promises with a code.

Coupon      one promise: what it gives, on which conditions, how often and for how much money in all. Its counters move
            only in guarded statements beside a redemption: `used_count` and `given_minor` count what is reserved or
            redeemed, and constraints hold them to the limits.
Code        what a customer shows. Kept as a keyed hash, so that a copy of the database opens nothing. A shared code is
            a word anybody may know and is kept in `text` too. All others are made from the secret key, the coupon and
            a running `number`, and can therefore be shown again. A gift card holds `balance_minor`.
CustomerUse how often one customer used a coupon.
Use         one use. reserved -> redeemed | rolled_back. `key` (the order's id, or whatever names the act) is unique for
            a code: the same key is the same use, for ever. Discounts in minor units of the shop's currency.
Written by: coupons.forms, coupons.issuing, coupons.redeeming.
"""

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Coupon(models.Model):
    class Gives(models.TextChoices):
        PERCENT = "percent", _("Percent off")
        AMOUNT = "amount", _("Money off")
        PRODUCT = "product", _("A product for free")
        SHIPPING = "shipping", _("Free shipping")
        BUY_GET = "buy_get", _("Buy some, get some for free")
        GIFT_CARD = "gift_card", _("Gift card with a balance")

    class CodeKind(models.TextChoices):
        SHARED = "shared", _("One word for everybody")
        UNIQUE = "unique", _("A code of their own for each")

    name = models.CharField(_("Name"), max_length=100)
    gives = models.CharField(_("Gives"), max_length=10, choices=Gives)
    percent = models.PositiveSmallIntegerField(_("Percent"), null=True, blank=True)
    amount_minor = models.BigIntegerField(null=True, blank=True)
    product = models.ForeignKey("orders.Product", models.PROTECT, null=True, blank=True, related_name="+")
    buy_quantity = models.PositiveSmallIntegerField(_("Buy"), null=True, blank=True)
    get_quantity = models.PositiveSmallIntegerField(_("Get"), null=True, blank=True)

    starts_on = models.DateField(_("From"))
    ends_on = models.DateField(_("Until"), null=True, blank=True)
    least_minor = models.BigIntegerField(null=True, blank=True)
    products = models.ManyToManyField("orders.Product", blank=True, related_name="+")  # none: all
    categories = models.JSONField(default=list, blank=True)  # folded names; none: all
    segment = models.ForeignKey("contacts.Segment", models.PROTECT, null=True, blank=True, related_name="+")
    first_order_only = models.BooleanField(_("Only for the first order"), default=False)
    combines = models.BooleanField(_("May be used together with others"), default=False)
    may_go_below_cost = models.BooleanField(_("May sell below cost"), default=False)

    code_kind = models.CharField(_("Code"), max_length=6, choices=CodeKind)
    most_uses = models.PositiveIntegerField(_("Uses in all"), null=True, blank=True)
    most_per_customer = models.PositiveIntegerField(_("Uses for each customer"), null=True, blank=True)
    most_per_code = models.PositiveIntegerField(_("Uses for each code"), null=True, blank=True)
    budget_minor = models.BigIntegerField(null=True, blank=True)
    used_count = models.PositiveIntegerField(default=0, editable=False)
    given_minor = models.BigIntegerField(default=0, editable=False)
    code_count = models.PositiveIntegerField(default=0, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(most_uses=None) | Q(used_count__lte=F("most_uses")), name="coupon_within_its_uses"
            ),
            models.CheckConstraint(
                condition=Q(budget_minor=None) | Q(given_minor__lte=F("budget_minor")), name="coupon_within_its_budget"
            ),
            models.CheckConstraint(condition=Q(given_minor__gte=0), name="coupon_gave_not_less_than_nothing"),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="coupon_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gte=1, percent__lte=100), name="coupon_percent_is_a_share"
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("coupons:detail", args=[self.pk])


class Code(models.Model):
    coupon = models.ForeignKey(Coupon, models.CASCADE, related_name="codes", db_index=False)
    code_hash = models.CharField(max_length=64, unique=True)
    text = models.CharField(max_length=40, blank=True)
    number = models.PositiveIntegerField(default=0)
    contact = models.ForeignKey("contacts.Contact", models.SET_NULL, null=True, related_name="coupon_codes")
    used_count = models.PositiveIntegerField(default=0)
    most_uses = models.PositiveIntegerField(null=True)
    balance_minor = models.BigIntegerField(null=True)
    stopped_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["coupon", "number"], name="code_number_once"),
            models.CheckConstraint(
                condition=Q(most_uses=None) | Q(used_count__lte=F("most_uses")), name="code_within_its_uses"
            ),
            models.CheckConstraint(
                condition=Q(balance_minor=None) | Q(balance_minor__gte=0), name="code_not_overdrawn"
            ),
        ]


class CustomerUse(models.Model):
    coupon = models.ForeignKey(Coupon, models.CASCADE, related_name="+", db_index=False)
    contact = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="+")
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["coupon", "contact"], name="customer_use_once")]


class Use(models.Model):
    class State(models.TextChoices):
        RESERVED = "reserved", _("Reserved")
        REDEEMED = "redeemed", _("Redeemed")
        ROLLED_BACK = "rolled_back", _("Taken back")

    code = models.ForeignKey(Code, models.PROTECT, related_name="uses")
    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="uses", db_index=False)
    contact = models.ForeignKey("contacts.Contact", models.SET_NULL, null=True, related_name="coupon_uses")
    key = models.CharField(max_length=150)
    request_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=11, choices=State)
    discount_minor = models.BigIntegerField()
    basket_minor = models.BigIntegerField()
    order = models.ForeignKey("orders.Order", models.SET_NULL, null=True, related_name="coupon_uses")
    reserved_at = models.DateTimeField()
    reserved_until = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "code"], name="coupon_use_once"),
            models.CheckConstraint(condition=Q(discount_minor__gte=0), name="coupon_discount_not_negative"),
        ]
        indexes = [
            models.Index(fields=["coupon", "-id"], name="coupon_use_newest"),
            models.Index(fields=["reserved_until"], name="coupon_use_waiting", condition=Q(state="reserved")),
        ]
