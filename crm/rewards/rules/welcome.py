"""A gift of points for everybody who becomes a customer while the rule is in force."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import JOINING, Purchase, Rule, RuleForm, whole_number

MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Params:
    points: int


class WelcomeForm(RuleForm):
    points = forms.IntegerField(
        label=gettext_lazy("Points"),
        min_value=1,
        max_value=MOST_POINTS,
        help_text=gettext_lazy("Given once to everybody who joins on or after the date below."),
    )

    field_order = ["points", "starts_on"]

    def params(self) -> dict:
        return {"points": self.cleaned_data["points"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        return {"points": params["points"]}


class Welcome(Rule):
    slug = "welcome"
    name = gettext_lazy("Welcome gift")
    about = gettext_lazy("A fixed number of points, once, for everybody new.")
    icon = "gift"
    occasion = JOINING
    form = WelcomeForm
    is_usual = True

    def read(self, params: dict) -> Params:
        return Params(points=whole_number(params, "points", least=1))

    def starter(self, *, currency: str) -> dict:
        return {"points": 20}

    def points(self, purchase: Purchase | None, params: Params) -> int:
        return params.points

    def says(self, params: Params) -> str:
        return ngettext("%(points)s point on joining", "%(points)s points on joining", params.points) % {
            "points": say.number(params.points)
        }
