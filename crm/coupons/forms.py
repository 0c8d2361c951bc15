from django import forms
from django.utils.translation import gettext_lazy as _

from crm.contacts.models import Segment
from crm.coupons import codes
from crm.coupons.issuing import MOST_AT_ONCE, SHORTEST_WORD
from crm.coupons.models import Coupon
from crm.lib import money
from crm.orders.models import Product

_MONEY = {"amount_minor": "amount", "least_minor": "least", "budget_minor": "budget"}


class CouponForm(forms.ModelForm):
    """A new coupon; amounts are typed in the shop's currency, products by their SKU or name."""

    amount = forms.DecimalField(label=_("Amount"), required=False, min_value=0, max_digits=14)
    product_name = forms.CharField(label=_("Product for free"), required=False, max_length=300)
    least = forms.DecimalField(
        label=_("Least worth of goods"), required=False, min_value=0, max_digits=14,
        help_text=_("Without shipping. Empty: any order."),
    )  # fmt: skip
    budget = forms.DecimalField(
        label=_("Budget"), required=False, min_value=0, max_digits=14,
        help_text=_("The most this coupon may cost you in all. It stops by itself when it is used up."),
    )  # fmt: skip
    only_for = forms.CharField(
        label=_("Only for these products or categories"), required=False, max_length=2000,
        help_text=_("SKUs, names or categories, separated by commas. Empty: everything."),
    )  # fmt: skip
    word = forms.CharField(
        label=_("The word"), required=False, max_length=40, help_text=_("Such as SPRING or TEATIME.")
    )

    class Meta:
        model = Coupon
        fields = [
            "name", "gives", "percent", "buy_quantity", "get_quantity", "starts_on", "ends_on", "segment",
            "first_order_only", "combines", "may_go_below_cost", "code_kind", "most_uses", "most_per_customer",
            "most_per_code",
        ]  # fmt: skip
        widgets = {
            "starts_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "ends_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }
        help_texts = {
            "name": _("Only you see it; personal codes begin with its first letters."),
            "ends_on": _("The last day it can be used. Empty: no end."),
            "may_go_below_cost": _("Otherwise no product is sold for less than it costs you."),
        }

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.currency = currency
        for name in ("gives", "code_kind"):
            self.fields[name].choices = [("", _("Choose…")), *self.fields[name].choices[1:]]
        self.fields["amount"].label = _("Amount (%(currency)s)") % {"currency": currency}
        self.fields["segment"].empty_label = _("Everybody")
        self.fields["segment"].queryset = Segment.objects.order_by("rank", "name")
        self.fields["segment"].label = _("Only for this group")
        self.fields["segment"].required = False
        self.fields["segment"].label_from_instance = lambda segment: segment.label
        for name in _MONEY.values():
            self.fields[name].widget.attrs["inputmode"] = "decimal"

    def clean(self):
        """Check that what the coupon gives is said, and that a word is long enough and free."""
        cleaned = super().clean()
        gives = cleaned.get("gives")
        needed = {
            Coupon.Gives.PERCENT: ["percent"],
            Coupon.Gives.AMOUNT: ["amount"],
            Coupon.Gives.GIFT_CARD: ["amount"],
            Coupon.Gives.PRODUCT: ["product_name"],
            Coupon.Gives.BUY_GET: ["buy_quantity", "get_quantity"],
        }
        for name in needed.get(gives, []):
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, _("This is needed."))
        if (cleaned.get("percent") or 0) > 100:
            self.add_error("percent", _("At most 100."))
        if cleaned.get("ends_on") and cleaned.get("starts_on") and cleaned["ends_on"] < cleaned["starts_on"]:
            self.add_error("ends_on", _("It must not end before it begins."))
        if cleaned.get("code_kind") == Coupon.CodeKind.SHARED:
            if gives == Coupon.Gives.GIFT_CARD:
                self.add_error("code_kind", _("Each gift card has a code of its own."))
            elif len(codes.fold(cleaned.get("word") or "")) < SHORTEST_WORD:
                self.add_error("word", _("Say a word of at least %(count)s letters.") % {"count": SHORTEST_WORD})
        self._find_products(cleaned)
        return cleaned

    def _find_products(self, cleaned: dict) -> None:
        self.product, self.products, self.categories = None, [], []
        if name := cleaned.get("product_name", "").strip():
            self.product = _product(name)
            if self.product is None:
                self.add_error("product_name", _("No product has this SKU or name."))
        for part in filter(None, map(str.strip, cleaned.get("only_for", "").split(","))):
            if product := _product(part):
                self.products.append(product)
            elif Product.objects.filter(category__iexact=part).exists():
                self.categories.append(part.casefold())
            else:
                self.add_error("only_for", _("“%(name)s” is no SKU, name or category here.") % {"name": part})

    def save(self, *, now) -> Coupon:
        """Make the coupon."""
        coupon = super().save(commit=False)
        for column, name in _MONEY.items():
            typed = self.cleaned_data.get(name)
            setattr(coupon, column, None if typed is None else money.to_minor(typed, self.currency))
        if coupon.code_kind == Coupon.CodeKind.UNIQUE and coupon.gives != Coupon.Gives.GIFT_CARD:
            coupon.most_per_code = coupon.most_per_code or 1
        coupon.product, coupon.categories, coupon.created_at = self.product, self.categories, now
        coupon.save()
        coupon.products.set(self.products)
        return coupon


class IssueForm(forms.Form):
    count = forms.IntegerField(label=_("How many codes"), min_value=1, max_value=MOST_AT_ONCE)


class TryForm(forms.Form):
    code = forms.CharField(label=_("Code"), max_length=60)
    goods = forms.DecimalField(label=_("Worth of the goods"), min_value=0, max_digits=14)


def _product(name: str) -> Product | None:
    found = Product.objects.filter(sku__iexact=name).order_by("pk").first()
    return found or Product.objects.filter(name__iexact=name).order_by("pk").first()
