"""Points for orders in several weeks or months in a row."""

import datetime as dt
from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import ORDER, BadParams, GiftForm, Purchase, Rule, whole_number


@dataclass(frozen=True)
class Params:
    points: int
    times: int
    every: str  # "week" or "month"


class StreakForm(GiftForm):
    times = forms.IntegerField(
        label=gettext_lazy("After so many in a row"),
        min_value=2,
        max_value=100,
        help_text=gettext_lazy("The first order of each week or month counts; then counting begins again."),
    )
    every = forms.ChoiceField(
        label=gettext_lazy("Counted in"),
        choices=[("week", gettext_lazy("weeks, from Monday")), ("month", gettext_lazy("months"))],
    )

    field_order = ("points", "times", "every", "hold_days", "live_months", "live_until", "starts_on")

    def params(self) -> dict:
        return super().params() | {"times": self.cleaned_data["times"], "every": self.cleaned_data["every"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        return super().values_of(params, currency=currency) | {"times": params["times"], "every": params["every"]}


class Streak(Rule):
    slug = "streak"
    name = gettext_lazy("Coming back in a row")
    about = gettext_lazy("Points for an order in every week, or month, several times in a row.")
    icon = "repeat"
    occasion = ORDER
    form = StreakForm

    def read(self, params: dict) -> Params:
        if params.get("every") not in ("week", "month"):
            raise BadParams(f"every: {params.get('every')!r} is neither week nor month")
        return Params(
            points=whole_number(params, "points", least=1),
            times=whole_number(params, "times", least=2),
            every=params["every"],
        )

    def needs(self, params: Params) -> frozenset[str]:
        return frozenset({"history"})

    def starter(self, *, currency: str) -> dict:
        return {"points": 25, "times": 4, "every": "week", "hold_days": 14}

    def subject(self, params: Params) -> str:
        return params.every

    def basis_minor(self, purchase: Purchase, params: Params) -> int:
        return purchase.kept_minor

    def points(self, purchase: Purchase, params: Params) -> int:
        this = _period(purchase.placed_on, params.every)
        earlier = {_period(day, params.every) for day in purchase.earlier}
        if this in earlier:
            return 0  # not the first order of its week
        length = 1
        while this - length in earlier:
            length += 1
        return purchase.share(params.points) if length % params.times == 0 else 0

    def says(self, params: Params) -> str:
        values = {"points": say.number(params.points), "times": say.number(params.times)}
        if params.every == "week":
            return ngettext(
                "%(points)s point for an order in %(times)s weeks on end",
                "%(points)s points for an order in %(times)s weeks on end",
                params.points,
            ) % values
        return ngettext(
            "%(points)s point for an order in %(times)s months on end",
            "%(points)s points for an order in %(times)s months on end",
            params.points,
        ) % values


def _period(day: dt.date, every: str) -> int:
    """Return the number of a day's week or month, one more for each that follows."""
    return (day.toordinal() - 1) // 7 if every == "week" else day.year * 12 + day.month
