"""What was bought: products, orders with their lines, refunds.

Every amount is an integer of minor units of the order's `currency`. An order is known by
(source, number). The platform's total is kept as it came and never rebuilt from the lines.

kind=sale    total_minor >= 0. It `counts` (as revenue, as a purchase, for points) when it is paid or
             partly refunded and not cancelled.
kind=return  a return slip of its own (a cash-register file with negative quantities): total_minor <= 0.
             `original` is the sale it was matched to; the matched part becomes a Refund of that sale, and
             only the rest stays here, so that summing `net_minor` over all orders is exact.
net_minor    what the order earned: 0 if it does not count, else total - refunded (and, for a return,
             the unmatched rest, negative).

Lines: quantity may be a fraction (0.5 kg), total_minor is the line after its own discount, negative on returns.
Written by: orders.recording, and nobody else. `content_hash` tells an unchanged order from a changed one.
"""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.orders import numbering


class Product(models.Model):
    key = models.CharField(max_length=200, unique=True)  # SKU, else the name, folded: orders.recording.product_key
    sku = models.CharField(_("SKU"), max_length=120, blank=True)
    name = models.CharField(_("Name"), max_length=300)
    category = models.CharField(_("Category"), max_length=150, blank=True)
    price_minor = models.BigIntegerField(null=True, blank=True)
    cost_minor = models.BigIntegerField(null=True, blank=True)
    is_active = models.BooleanField(_("On sale"), default=True)
    stock = models.FloatField(null=True, blank=True)  # units on hand at the end of `stock_at`, counted by the owner
    stock_at = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by_import = models.BigIntegerField(null=True, editable=False, db_index=True)

    # Counted by orders.counting over all orders that count in the shop's currency, refunds not taken off.
    sold_quantity = models.FloatField(null=True, editable=False)
    earned_minor = models.BigIntegerField(null=True, editable=False)
    counted_at = models.DateTimeField(null=True, editable=False)

    def __str__(self):
        return self.name


class OrderQuerySet(models.QuerySet):
    def counting(self):
        return self.filter(counts=True)


class Order(models.Model):
    class Kind(models.TextChoices):
        SALE = "sale", _("Sale")
        RETURN = "return", _("Return")

    class Payment(models.TextChoices):
        PAID = "paid", _("Paid")
        PARTLY_PAID = "partly_paid", _("Partly paid")
        UNPAID = "unpaid", _("Not paid")
        REFUNDED = "refunded", _("Refunded")
        PARTLY_REFUNDED = "partly_refunded", _("Partly refunded")
        UNKNOWN = "unknown", _("Unknown")

    source = models.CharField(max_length=30)
    number = models.CharField(_("Number"), max_length=120)
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.SALE)
    contact = models.ForeignKey(  # the index order_of_contact begins with it
        "contacts.Contact", models.SET_NULL, null=True, blank=True, related_name="orders", db_index=False
    )
    original = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="returns", db_index=False
    )
    placed_at = models.DateTimeField(_("Placed"))
    currency = models.CharField(_("Currency"), max_length=3)
    total_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    shipping_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    net_minor = models.BigIntegerField(default=0)
    payment = models.CharField(_("Payment"), max_length=16, choices=Payment, default=Payment.PAID)
    payment_word = models.CharField(max_length=60, blank=True)  # the platform's own word
    cancelled_at = models.DateTimeField(null=True, blank=True)
    counts = models.BooleanField(default=True, editable=False)
    channel = models.CharField(max_length=60, blank=True)
    coupon_code = models.CharField(max_length=100, blank=True)
    note = models.TextField(blank=True)
    corrected_at = models.DateTimeField(null=True, editable=False)  # by hand; a newer file may replace it again
    content_hash = models.CharField(max_length=32, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_by_import = models.BigIntegerField(null=True, editable=False, db_index=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["number", "source"], name="order_number_once_per_source"),
            models.CheckConstraint(
                condition=Q(kind="sale", total_minor__gte=0) | Q(kind="return", total_minor__lte=0),
                name="order_sale_positive_return_negative",
            ),
            models.CheckConstraint(condition=Q(refunded_minor__gte=0), name="order_refunded_not_negative"),
            models.CheckConstraint(condition=Q(counts=True) | Q(net_minor=0), name="order_uncounted_earns_nothing"),
        ]
        indexes = [
            models.Index(  # the last five let the takings of a day be counted without reading the orders
                fields=["-placed_at", "-id", "counts", "currency", "kind", "net_minor", "contact"], name="order_by_date"
            ),
            models.Index(  # the last four let a customer's standing be counted without reading the orders
                fields=["contact", "-placed_at", "kind", "counts", "currency", "net_minor"], name="order_of_contact"
            ),
            models.Index(fields=["-total_minor", "-id"], name="order_by_total"),
            models.Index(fields=["original"], name="order_returns", condition=Q(original__isnull=False)),
        ]

    def __str__(self):
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("orders:detail", args=[self.pk])

    @property
    def shown_number(self) -> str:
        """Return the number people read: the day, where one was made of customer and day for a file without numbers."""
        made_up = numbering.MADE_UP.search(self.number) if self.source.startswith("file-") else None
        return "-".join(made_up.groups()) if made_up else self.number


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", db_index=False)  # indexed by the constraint
    product = models.ForeignKey(Product, models.PROTECT, null=True, related_name="lines")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=300, blank=True)  # as it stood on the order
    sku = models.CharField(max_length=120, blank=True)
    quantity = models.FloatField(default=1)
    unit_price_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "position"], name="order_line_position_once")]


class Refund(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="refunds")
    key = models.CharField(max_length=150)  # "total" for the rest of a platform's sum, "<source>:<what it is known by>"
    # for what it told one by one, "return:<number>", "typed:<n>"
    amount_minor = models.BigIntegerField()
    at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    quantities = models.JSONField(default=dict)  # product id -> how many came back, where a return slip says so

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "key"], name="refund_key_once_per_order"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="refund_not_negative"),
        ]
