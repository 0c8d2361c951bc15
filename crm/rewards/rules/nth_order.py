"""Points for a customer's first, or n-th, order."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.templatetags import say
from crm.rewards.rules.base import ORDER, GiftForm, Purchase, Rule, whole_number


@dataclass(frozen=True)
class Params:
    points: int
    ordinal: int


class NthOrderForm(GiftForm):
    ordinal = forms.IntegerField(
        label=gettext_lazy("For the customer's order number"),
        min_value=1,
        max_value=10_000,
        help_text=gettext_lazy("1 for the first. Cancelled and unpaid orders are not counted."),
    )

    field_order = ("points", "ordinal", "hold_days", "live_months", "live_until", "starts_on")

    def params(self) -> dict:
        return super().params() | {"ordinal": self.cleaned_data["ordinal"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        return super().values_of(params, currency=currency) | {"ordinal": params["ordinal"]}


class NthOrder(Rule):
    slug = "nth_order"
    name = gettext_lazy("First or n-th order")
    about = gettext_lazy("Extra points for a customer's first order, or the tenth.")
    icon = "trophy"
    occasion = ORDER
    form = NthOrderForm

    def read(self, params: dict) -> Params:
        return Params(
            points=whole_number(params, "points", least=1), ordinal=whole_number(params, "ordinal", least=1)
        )

    def needs(self, params: Params) -> frozenset[str]:
        return frozenset({"history"})

    def starter(self, *, currency: str) -> dict:
        return {"points": 20, "ordinal": 1, "hold_days": 14}

    def subject(self, params: Params) -> str:
        return str(params.ordinal)

    def basis_minor(self, purchase: Purchase, params: Params) -> int:
        return purchase.kept_minor

    def points(self, purchase: Purchase, params: Params) -> int:
        return purchase.share(params.points) if purchase.ordinal == params.ordinal else 0

    def says(self, params: Params) -> str:
        values = {"points": say.number(params.points), "number": say.number(params.ordinal)}
        if params.ordinal == 1:
            return _("%(points)s points for the first order") % values
        return _("%(points)s points for order number %(number)s of a customer") % values
