"""Points for a customer who sent a friend, once that friend has bought something."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext_lazy, ngettext

from crm.lib.templatetags import say
from crm.rewards.rules.base import DEED, Gift, GiftForm, GiftRule, whole_number


@dataclass(frozen=True)
class Params(Gift):
    most_per_month: int | None = None  # friends a customer is rewarded for, by the month they bought in


class ReferralAdvocateForm(GiftForm):
    most_per_month = forms.IntegerField(
        label=gettext_lazy("Friends a month, at most"),
        required=False,
        min_value=1,
        max_value=1_000,
        help_text=gettext_lazy("So many friends a month earn a customer points. Empty: any number."),
    )

    begins_today = True
    field_order = ("points", "most_per_month", "hold_days", "live_months", "live_until", "starts_on")

    def params(self) -> dict:
        return super().params() | {"most_per_month": self.cleaned_data["most_per_month"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        return super().values_of(params, currency=currency) | {"most_per_month": params.get("most_per_month") or ""}


class ReferralAdvocate(GiftRule):
    slug = "referral_advocate"
    name = gettext_lazy("Sends a friend")
    about = gettext_lazy("Points for a customer whose friend buys for the first time; they go back with a full refund.")
    icon = "users"
    occasion = DEED
    form = ReferralAdvocateForm
    may_start_in_past = False  # what nobody promised then

    def read(self, params: dict) -> Params:
        most = params.get("most_per_month")
        limit = None if most is None else whole_number(params, "most_per_month", least=1)
        return Params(points=whole_number(params, "points", least=1), most_per_month=limit)

    def starter(self, *, currency: str) -> dict:
        return {"points": 100, "most_per_month": 5, "hold_days": 14}

    def says(self, params: Params) -> str:
        said = ngettext(
            "%(points)s point for sending a friend who buys",
            "%(points)s points for sending a friend who buys",
            params.points,
        )
        return said % {"points": say.number(params.points)}

    def conditions(self, params: Params) -> list[str]:
        if params.most_per_month is None:
            return []
        said = ngettext(
            "For %(count)s friend a month at most.", "For %(count)s friends a month at most.", params.most_per_month
        )
        return [said % {"count": say.number(params.most_per_month)}]
