"""Points for every piece of a product or of a category."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import ORDER, BadParams, GiftForm, Line, Purchase, Rule, fold, whole_number


@dataclass(frozen=True)
class Params:
    points: int
    of: str  # "product" or "category"
    named: str

    @property
    def folded(self) -> str:
        return fold(self.named)


class BonusForm(GiftForm):
    of = forms.ChoiceField(
        label=gettext_lazy("For"),
        choices=[
            ("category", gettext_lazy("every piece of a category")),
            ("product", gettext_lazy("every piece of a product")),
        ],
    )
    named = forms.CharField(
        label=gettext_lazy("Its name"),
        max_length=200,
        help_text=gettext_lazy("As it stands in your list of products; capitals do not matter."),
    )

    field_order = ("points", "of", "named", "hold_days", "live_months", "live_until", "starts_on", "ends_on")
    without = ()

    def params(self) -> dict:
        return super().params() | {"of": self.cleaned_data["of"], "named": self.cleaned_data["named"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        return super().values_of(params, currency=currency) | {"of": params["of"], "named": params["named"]}


class Bonus(Rule):
    slug = "bonus"
    name = gettext_lazy("Product or category bonus")
    about = gettext_lazy("Extra points for every piece of what you would like to sell more of.")
    icon = "package"
    occasion = ORDER
    form = BonusForm

    def read(self, params: dict) -> Params:
        of, named = params.get("of"), params.get("named")
        if of not in ("product", "category") or not isinstance(named, str) or not fold(named):
            raise BadParams(f"of, named: {of!r}, {named!r} name neither a product nor a category")
        return Params(points=whole_number(params, "points", least=1), of=of, named=named)

    def needs(self, params: Params) -> frozenset[str]:
        return frozenset({"lines"})

    def starter(self, *, currency: str) -> dict:
        return {"points": 5, "of": "category", "named": str(gettext_lazy("Coffee")), "hold_days": 14}

    def subject(self, params: Params) -> str:
        return f"{params.of}:{params.folded}"

    def basis_minor(self, purchase: Purchase, params: Params) -> int:
        return purchase.share(sum(line.total_minor for line in _meant(purchase, params)))

    def points(self, purchase: Purchase, params: Params) -> int:
        pieces = sum(line.quantity for line in _meant(purchase, params))
        return purchase.share(params.points * max(0, int(pieces)))

    def says(self, params: Params) -> str:
        values = {"points": say.number(params.points), "name": params.named}
        if params.of == "category":
            return ngettext(
                "%(points)s point for every piece of the category “%(name)s”",
                "%(points)s points for every piece of the category “%(name)s”",
                params.points,
            ) % values
        return ngettext(
            "%(points)s point for every “%(name)s”", "%(points)s points for every “%(name)s”", params.points
        ) % values


def _meant(purchase: Purchase, params: Params) -> list[Line]:
    return [line for line in purchase.lines if getattr(line, params.of) == params.folded]
