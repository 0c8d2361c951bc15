"""Points for every whole step of money spent, such as 1 point for every €1.00."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib import money
from crm.lib.templatetags import say
from crm.rewards.rules.base import (
    ORDER,
    AmountField,
    BadParams,
    Purchase,
    Rule,
    RuleForm,
    fold,
    read_currency,
    whole_number,
)  # fmt: skip

MOST_POINTS = 100_000


@dataclass(frozen=True)
class Params:
    points: int  # for every step
    step_minor: int
    currency: str  # orders in another currency earn nothing
    with_shipping: bool = False
    minimum_minor: int = 0  # of the order as it was placed: a refund takes back its own share, not everything
    rounding: str = "down"  # of what is left of a step: "down", "nearest" or "up"
    excluded: tuple[str, ...] = ()  # products and categories that earn nothing, folded


class PerAmountForm(RuleForm):
    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1, max_value=MOST_POINTS)
    step = AmountField(
        above_zero=True,
    )
    minimum = AmountField(
        above_zero=False,
        required=False,
        help_text=gettext_lazy("As it was placed, before refunds. Leave empty for every order."),
    )
    with_shipping = forms.BooleanField(label=gettext_lazy("Shipping earns points too"), required=False)
    rounding = forms.ChoiceField(
        label=gettext_lazy("A part of a step"),
        required=False,
        choices=[
            ("down", gettext_lazy("does not count")),
            ("nearest", gettext_lazy("counts from half a step")),
            ("up", gettext_lazy("counts as a whole one")),
        ],
    )
    excluded = forms.CharField(
        label=gettext_lazy("Products and categories that earn nothing"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Their names, one on each line, such as Gift cards."),
    )

    field_order = (
        "points", "step", "minimum", "with_shipping", "rounding", "excluded", "hold_days", "live_months", "live_until",
        "starts_on",
    )  # fmt: skip

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
        } | self._extras()

    def _extras(self) -> dict:
        """Return what most shops never say; a rule without it reads as it always did."""
        rounding = self.cleaned_data["rounding"] or "down"
        names = [" ".join(name.split()) for name in self.cleaned_data["excluded"].splitlines() if name.strip()]
        return ({"rounding": rounding} if rounding != "down" else {}) | ({"excluded": names} if names else {})

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        minimum = params["minimum_minor"]
        return {
            "points": params["points"],
            "step": money.from_minor(params["step_minor"], currency),
            "minimum": money.from_minor(minimum, currency) if minimum else "",
            "with_shipping": params["with_shipping"],
            "rounding": params.get("rounding", "down"),
            "excluded": "\n".join(params.get("excluded", ())),
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
        rounding, excluded = params.get("rounding", "down"), params.get("excluded", [])
        if rounding not in ("down", "nearest", "up"):
            raise BadParams(f"rounding: {rounding!r} is not down, nearest or up")
        if not isinstance(excluded, list) or not all(isinstance(name, str) for name in excluded):
            raise BadParams(f"excluded: {excluded!r} is not a list of names")
        return Params(
            points=whole_number(params, "points", least=1),
            step_minor=whole_number(params, "step_minor", least=1),
            currency=read_currency(params),
            with_shipping=bool(params.get("with_shipping", False)),
            minimum_minor=whole_number({"minimum_minor": 0} | params, "minimum_minor", least=0),
            rounding=rounding,
            excluded=tuple(fold(name) for name in excluded),
        )

    def needs(self, params: Params) -> frozenset[str]:
        return frozenset({"lines"}) if params.excluded else frozenset()

    def starter(self, *, currency: str) -> dict:
        """Return 1 point for 1 unit of money, or for 100 where the unit is as small as a yen."""
        return {
            "points": 1,
            "step_minor": 10 ** money.digits(currency) if money.digits(currency) else 100,
            "currency": currency,
            "with_shipping": False,
            "minimum_minor": 0,
            "hold_days": 14,
        }

    def basis_minor(self, purchase: Purchase, params: Params) -> int:
        if purchase.currency != params.currency or purchase.total_minor < params.minimum_minor:
            return 0
        kept = purchase.total_minor - purchase.refunded_minor
        kept = max(0, kept if params.with_shipping else kept - purchase.shipping_minor)
        if not params.excluded:
            return kept
        # What was refunded may have been of either sort, so what is left is split as the lines were.
        lines = sum(line.total_minor for line in purchase.lines)
        out = sum(
            line.total_minor
            for line in purchase.lines
            if line.product in params.excluded or line.category in params.excluded
        )
        return kept * max(0, lines - out) // lines if lines > 0 else kept

    def counts_shipping(self, params: Params) -> bool:
        return params.with_shipping

    def points(self, purchase: Purchase, params: Params) -> int:
        basis = self.basis_minor(purchase, params)
        rest = {"down": 0, "nearest": params.step_minor // 2, "up": params.step_minor - 1}[params.rounding]
        return (basis + rest) // params.step_minor * params.points

    def says(self, params: Params) -> str:
        return ngettext(
            "%(points)s point for every %(amount)s", "%(points)s points for every %(amount)s", params.points
        ) % {"points": say.number(params.points), "amount": say.money(params.step_minor, params.currency)}

    def conditions(self, params: Params) -> list[str]:
        said = [_("Shipping earns points too.") if params.with_shipping else _("Shipping earns nothing.")]
        if params.minimum_minor:
            minimum = say.money(params.minimum_minor, params.currency)
            said.append(_("Orders below %(amount)s earn nothing.") % {"amount": minimum})
        if params.excluded:
            said.append(_("These earn nothing: %(names)s.") % {"names": ", ".join(params.excluded)})
        if params.rounding == "nearest":
            said.append(_("From half a step it counts as a whole one."))
        elif params.rounding == "up":
            said.append(_("Part of a step counts as a whole one."))
        return said
