"""The same number of points for every order."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib import money
from crm.lib.templatetags import say
from crm.rewards.rules.base import ORDER, AmountField, GiftForm, Purchase, Rule, read_currency, whole_number


@dataclass(frozen=True)
class Params:
    points: int
    currency: str
    minimum_minor: int = 0  # of the order as it was placed


class PerOrderForm(GiftForm):
    minimum = AmountField(
        above_zero=False,
        required=False,
        help_text=gettext_lazy("As it was placed, before refunds. Leave empty for every order."),
    )

    field_order = ("points", "minimum", "hold_days", "live_months", "live_until", "starts_on")

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, currency=currency, **kwargs)
        self.fields["minimum"].label = _("Smallest order that earns (%(currency)s)") % {"currency": currency}

    def clean_minimum(self) -> int:
        text = self.cleaned_data["minimum"]
        return self.fields["minimum"].read(text, self.currency) if text else 0

    def params(self) -> dict:
        return super().params() | {"currency": self.currency, "minimum_minor": self.cleaned_data["minimum"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        minimum = params["minimum_minor"]
        return super().values_of(params, currency=currency) | {
            "minimum": money.from_minor(minimum, currency) if minimum else ""
        }


class PerOrder(Rule):
    slug = "per_order"
    name = gettext_lazy("Points for every order")
    about = gettext_lazy("The same number of points for every order, however large: a stamp card.")
    icon = "shopping-bag"
    occasion = ORDER
    form = PerOrderForm

    def read(self, params: dict) -> Params:
        return Params(
            points=whole_number(params, "points", least=1),
            currency=read_currency(params),
            minimum_minor=whole_number({"minimum_minor": 0} | params, "minimum_minor", least=0),
        )

    def starter(self, *, currency: str) -> dict:
        return {"points": 10, "currency": currency, "minimum_minor": 0, "hold_days": 14}

    def basis_minor(self, purchase: Purchase, params: Params) -> int:
        return purchase.kept_minor

    def points(self, purchase: Purchase, params: Params) -> int:
        if purchase.currency != params.currency or purchase.total_minor < params.minimum_minor:
            return 0
        return purchase.share(params.points)

    def says(self, params: Params) -> str:
        return ngettext("%(points)s point for every order", "%(points)s points for every order", params.points) % {
            "points": say.number(params.points)
        }

    def conditions(self, params: Params) -> list[str]:
        if not params.minimum_minor:
            return []
        minimum = say.money(params.minimum_minor, params.currency)
        return [_("Orders below %(amount)s earn nothing.") % {"amount": minimum}]
