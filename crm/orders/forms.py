"""What the owner types about orders and products: filters, and facts of a product."""

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.contacts.forms import DateInput
from crm.lib.money import digits, from_minor, to_minor
from crm.lib.templatetags import say
from crm.orders.models import Order, Product

SORTS = {
    "-date": _("Newest first"),
    "date": _("Oldest first"),
    "-total": _("Highest total first"),
    "total": _("Lowest total first"),
}
DEFAULT_SORT = "-date"
PRODUCT_SORTS = {
    "-earned": _("Earned most"),
    "earned": _("Earned least"),
    "-sold": _("Sold most"),
    "sold": _("Sold least"),
    "name": _("Name A to Z"),
    "-name": _("Name Z to A"),
    "category": _("Category A to Z"),
    "-category": _("Category Z to A"),
}
DEFAULT_PRODUCT_SORT = "-earned"


def _any(choices) -> list:
    return [("", _("Any")), *choices]


class OrderFilterForm(forms.Form):
    """The order list's filter, as it stands in the address."""

    q = forms.CharField(label=_("Number, customer or product"), max_length=100, required=False)
    payment = forms.ChoiceField(label=_("Payment"), choices=_any(Order.Payment.choices), required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=_any(Order.Kind.choices), required=False)
    source = forms.CharField(label=_("Came from"), max_length=30, required=False)
    since = forms.DateField(label=_("From"), widget=DateInput, required=False)
    until = forms.DateField(label=_("Until"), widget=DateInput, required=False)
    product = forms.IntegerField(min_value=1, max_value=2**62, widget=forms.HiddenInput, required=False)
    sort = forms.ChoiceField(label=_("Sort by"), choices=SORTS.items(), required=False)


class ProductFilterForm(forms.Form):
    q = forms.CharField(label=_("Name, SKU or category"), max_length=100, required=False)
    sort = forms.ChoiceField(label=_("Sort by"), choices=PRODUCT_SORTS.items(), required=False)


class MoneyField(forms.DecimalField):
    """An amount of one currency: typed in major units, kept as an integer of minor units."""

    def __init__(self, *, currency: str, **options):
        self.currency = currency
        step = Decimal(1).scaleb(-digits(currency))
        super().__init__(max_digits=13, decimal_places=digits(currency), step_size=None, **options)
        self.widget.attrs["step"] = str(step)

    def clean(self, value) -> int | None:
        amount = super().clean(value)
        return None if amount is None else to_minor(amount, self.currency)

    def prepare_value(self, value):
        return from_minor(value, self.currency) if isinstance(value, int) else value


class ProductForm(forms.ModelForm):
    class Meta:
        model = Product
        fields = ("category", "is_active")

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        for name, label in (
            ("price_minor", _("Price (%(currency)s)")), ("cost_minor", _("What one costs you (%(currency)s)")),
        ):  # fmt: skip
            self.fields[name] = MoneyField(
                label=label % {"currency": currency},
                currency=currency,
                min_value=0,
                required=False,
                initial=getattr(self.instance, name),
            )
        self.fields["stock"] = forms.FloatField(
            label=_("Units on hand now"),
            min_value=0,
            max_value=10**9,
            required=False,
            help_text=self._counted(),
        )

    def _counted(self) -> str:
        """Say what was counted last; an empty field leaves that as it is."""
        if self.instance.stock is None:
            return _("Count once; what is sold from then on is taken off. Left empty, it stays unknown.")
        return _("Counted on %(date)s: %(units)s. Left empty, that stays.") % {
            "date": say.day(self.instance.stock_at), "units": say.number(self.instance.stock),
        }  # fmt: skip
