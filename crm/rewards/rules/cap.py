"""The most points an order, or a customer's orders of one day, can earn."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.templatetags import say
from crm.rewards.rules.base import LIMITS, ORDER, BadParams, Purchase, Rule, RuleForm, whole_number


@dataclass(frozen=True)
class Params:
    per_order: int | None
    per_day: int | None


class CapForm(RuleForm):
    per_order = forms.IntegerField(label=gettext_lazy("Points for an order, at most"), required=False, min_value=1)
    per_day = forms.IntegerField(
        label=gettext_lazy("Points for all orders of a day, at most"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("For each customer. Later orders of the day earn what is left."),
    )

    field_order = ("per_order", "per_day", "starts_on")
    without = ("ends_on", "hold_days", "live_months", "live_until")

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.errors and not cleaned.get("per_order") and not cleaned.get("per_day"):
            raise forms.ValidationError(_("Say at least one of the two limits."))
        return cleaned

    def params(self) -> dict:
        return {"per_order": self.cleaned_data["per_order"], "per_day": self.cleaned_data["per_day"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        return {name: params.get(name) or "" for name in ("per_order", "per_day")}


class Cap(Rule):
    slug = "cap"
    name = gettext_lazy("A limit")
    about = gettext_lazy("The most points that one order, or the orders of one day, can earn.")
    icon = "gauge"
    occasion = ORDER
    stage = LIMITS
    form = CapForm

    def read(self, params: dict) -> Params:
        limits = {
            name: whole_number(params, name, least=1)
            for name in ("per_order", "per_day")
            if params.get(name) is not None
        }
        if not limits:
            raise BadParams("per_order, per_day: neither is set")
        return Params(per_order=limits.get("per_order"), per_day=limits.get("per_day"))

    def needs(self, params: Params) -> frozenset[str]:
        return frozenset() if params.per_day is None else frozenset({"history"})

    def starter(self, *, currency: str) -> dict:
        return {"per_order": 500, "per_day": None}

    def most(self, earned_today: int, params: Params) -> int | None:
        """Return the most points an order may earn after so many on the same day; None is any number."""
        left = None if params.per_day is None else max(0, params.per_day - earned_today)
        limits = [limit for limit in (params.per_order, left) if limit is not None]
        return min(limits, default=None)

    def points(self, purchase: Purchase, params: Params) -> int:
        return 0  # it only takes away

    def says(self, params: Params) -> str:
        if params.per_day is None:
            return _("At most %(points)s points for an order") % {"points": say.number(params.per_order)}
        if params.per_order is None:
            return _("At most %(points)s points a day") % {"points": say.number(params.per_day)}
        return _("At most %(points)s points for an order, %(most)s a day") % {
            "points": say.number(params.per_order),
            "most": say.number(params.per_day),
        }
