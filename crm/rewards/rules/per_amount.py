"""Points for every whole step of money spent, such as 1 point for every €1.00."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib import money
from crm.lib.templatetags import say
from crm.rewards.rules.base import ORDER, BadParams, Purchase, Rule, RuleForm, whole_number

MOST_POINTS = 100_000


@dataclass(frozen=True)
class Params:
    points: int  # for every step
    step_minor: int
    currency: str  # orders in another currency earn nothing
    with_shipping: bool = False
    minimum_minor: int = 0  # of the order as it was placed: a refund takes back its own share, not everything


class AmountField(forms.CharField):
    """An amount typed in the shop's currency, kept as minor units."""

    def __init__(self, *, above_zero: bool, **kwargs):
        super().__init__(max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **kwargs)
        self.above_zero = above_zero

    def read(self, text: str, currency: str) -> int:
        try:
            amount = money.read_plain(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
        except money.BadMoney:
            raise forms.ValidationError(_("Write an amount such as 1.00.")) from None
        minor = money.to_minor(amount, currency)
        if money.from_minor(minor, currency) != amount:
            raise forms.ValidationError(
                ngettext(
                    "%(currency)s has %(count)s digit after the point.",
                    "%(currency)s has %(count)s digits after the point.",
                    money.digits(currency),
                )
                % {"currency": currency, "count": money.digits(currency)}
            )
        if minor < int(self.above_zero):
            raise forms.ValidationError(_("This must be more than zero.") if self.above_zero else _("Not below zero."))
        return minor


class PerAmountForm(RuleForm):
    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1, max_value=MOST_POINTS)
    step = AmountField(
        above_zero=True,
        help_text=gettext_lazy("Only whole steps count; the rest is dropped."),
    )
    minimum = AmountField(
        above_zero=False,
        required=False,
        help_text=gettext_lazy("As it was placed, before refunds. Leave empty for every order."),
    )
    with_shipping = forms.BooleanField(label=gettext_lazy("Shipping earns points too"), required=False)

    field_order = ["points", "step", "minimum", "with_shipping", "starts_on"]

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, currency=currency, **kwargs)
        self.fields["step"].label = _("For every (%(currency)s)") % {"currency": currency}
        self.fields["minimum"].label = _("Smallest order that earns (%(currency)s)") % {"currency": currency}

    def clean_step(self) -> int:
        return self.fields["step"].read(self.cleaned_data["step"], self.currency)

    def clean_minimum(self) -> int:
        text = self.cleaned_data["minimum"]
        return self.fields["minimum"].read(text, self.currency) if text else 0

    def params(self) -> dict:
        return {
            "points": self.cleaned_data["points"],
            "step_minor": self.cleaned_data["step"],
            "currency": self.currency,
            "with_shipping": self.cleaned_data["with_shipping"],
            "minimum_minor": self.cleaned_data["minimum"],
        }

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        minimum = params["minimum_minor"]
        return {
            "points": params["points"],
            "step": money.from_minor(params["step_minor"], currency),
            "minimum": money.from_minor(minimum, currency) if minimum else "",
            "with_shipping": params["with_shipping"],
        }


class PerAmount(Rule):
    slug = "per_amount"
    name = gettext_lazy("Points for spending")
    about = gettext_lazy("So many points for every euro, dollar or yuan of an order, less what was refunded.")
    icon = "receipt"
    occasion = ORDER
    form = PerAmountForm
    is_usual = True

    def read(self, params: dict) -> Params:
        currency = params.get("currency")
        if not isinstance(currency, str) or len(currency) != 3:
            raise BadParams(f"currency: {currency!r} is not a code of three letters")
        return Params(
            points=whole_number(params, "points", least=1),
            step_minor=whole_number(params, "step_minor", least=1),
            currency=currency,
            with_shipping=bool(params.get("with_shipping", False)),
            minimum_minor=whole_number({"minimum_minor": 0} | params, "minimum_minor", least=0),
        )

    def starter(self, *, currency: str) -> dict:
        """Return 1 point for 1 unit of money, or for 100 where the unit is as small as a yen."""
        return {
            "points": 1,
            "step_minor": 10 ** money.digits(currency) if money.digits(currency) else 100,
            "currency": currency,
            "with_shipping": False,
            "minimum_minor": 0,
        }

    def basis_minor(self, purchase: Purchase, params: Params) -> int:
        if purchase.currency != params.currency or purchase.total_minor < params.minimum_minor:
            return 0
        kept = purchase.total_minor - purchase.refunded_minor
        return max(0, kept if params.with_shipping else kept - purchase.shipping_minor)

    def counts_shipping(self, params: Params) -> bool:
        return params.with_shipping

    def points(self, purchase: Purchase, params: Params) -> int:
        return self.basis_minor(purchase, params) // params.step_minor * params.points

    def says(self, params: Params) -> str:
        return ngettext(
            "%(points)s point for every %(amount)s", "%(points)s points for every %(amount)s", params.points
        ) % {"points": say.number(params.points), "amount": say.money(params.step_minor, params.currency)}

    def conditions(self, params: Params) -> list[str]:
        said = [_("Shipping earns points too.") if params.with_shipping else _("Shipping earns nothing.")]
        if params.minimum_minor:
            minimum = say.money(params.minimum_minor, params.currency)
            said.append(_("Orders below %(amount)s earn nothing.") % {"amount": minimum})
        return said
