"""Days on which orders earn a multiple: a double-points weekend."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.templatetags import say
from crm.rewards.rules.base import MULTIPLIES, ORDER, Purchase, Rule, RuleForm, whole_number


@dataclass(frozen=True)
class Params:
    percent: int  # 200: double


class MultiplierForm(RuleForm):
    percent = forms.IntegerField(
        label=gettext_lazy("Percent of the usual points"),
        min_value=101,
        max_value=1_000,
        help_text=gettext_lazy("200 is double, 300 is three times as many, 150 half as many more."),
    )

    field_order = ("percent", "starts_on", "ends_on", "hold_days", "live_months", "live_until")
    without = ()

    def params(self) -> dict:
        return {"percent": self.cleaned_data["percent"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        return {"percent": params["percent"]}


class Multiplier(Rule):
    slug = "multiplier"
    name = gettext_lazy("More points for some days")
    about = gettext_lazy("A double-points weekend: what orders of these days earn is multiplied.")
    icon = "zap"
    occasion = ORDER
    stage = MULTIPLIES
    form = MultiplierForm

    def read(self, params: dict) -> Params:
        return Params(percent=whole_number(params, "percent", least=101))

    def starter(self, *, currency: str) -> dict:
        return {"percent": 200, "hold_days": 14}

    def more(self, earned: int, params: Params, *, level: int) -> int:
        """Return what comes on top of what the purchase earned, for customers of every level."""
        return earned * (params.percent - 100) // 100

    def points(self, purchase: Purchase, params: Params) -> int:
        return 0  # by itself it gives nothing

    def says(self, params: Params) -> str:
        return _("%(percent)s of the usual points") % {"percent": say.of_hundred(params.percent)}
