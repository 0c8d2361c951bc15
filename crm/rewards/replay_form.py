"""The draft of a change of rules: what the owner types, and the rules it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib import money
from crm.rewards.costing import Worth
from crm.rewards.models import Rule
from crm.rewards.replaying import Chosen
from crm.rewards.rules import RULES, read_terms
from crm.rewards.rules.base import MOST_POINTS, AmountField
from crm.rewards.terms import MOST_HOLD_DAYS, MOST_MONTHS

DRAFTED = ("per_amount", "welcome", "multiplier")  # the kinds a draft can change; all others stay
TERMS = ("hold_days", "expiry")


@dataclass(frozen=True)
class Change:
    """One step from today's rules to the draft: the page that does it."""

    name: str | Promise
    href: str
    is_end: bool = False


class DraftForm(forms.Form):
    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1, max_value=MOST_POINTS)
    step = AmountField(above_zero=True)
    minimum = AmountField(above_zero=False, required=False)
    percent = forms.IntegerField(
        label=gettext_lazy("Percent of the usual points"),
        required=False,
        min_value=100,
        max_value=1_000,
        help_text=gettext_lazy("100 or empty: no more than usual. 200 is double, on every day."),
    )
    welcome = forms.IntegerField(
        label=gettext_lazy("Points on joining"),
        required=False,
        min_value=0,
        max_value=MOST_POINTS,
        help_text=gettext_lazy("0 or empty: none."),
    )
    hold_days = forms.IntegerField(
        label=gettext_lazy("Days until they can be spent"), required=False, min_value=0, max_value=MOST_HOLD_DAYS
    )
    live_months = forms.IntegerField(
        label=gettext_lazy("Months until they expire"),
        required=False,
        min_value=1,
        max_value=MOST_MONTHS,
        help_text=gettext_lazy("Empty: never."),
    )
    live_until = forms.ChoiceField(
        label=gettext_lazy("They expire"),
        required=False,
        choices=[
            ("", gettext_lazy("on that very day")),
            ("month", gettext_lazy("at the end of that month")),
            ("quarter", gettext_lazy("at the end of that quarter")),
            ("year", gettext_lazy("at the end of that year")),
        ],
    )
    price = forms.IntegerField(
        label=gettext_lazy("Points a reward costs"), min_value=1, max_value=MOST_POINTS
    )
    worth = AmountField(above_zero=True)
    share = forms.IntegerField(
        label=gettext_lazy("Of 100 customers who can redeem, so many do"), min_value=0, max_value=100
    )

    def __init__(self, data=None, *, rules: Sequence[Rule], worth: Worth | None, share: float, currency: str):
        self.currency, self.rules, self.today_worth = currency, list(rules), worth
        self.of_kind = {rule.kind: rule for rule in self.rules if rule.kind in DRAFTED}
        super().__init__(data, initial=self._as_today(share))
        self.fields["step"].label = _("For every (%(currency)s)") % {"currency": currency}
        self.fields["minimum"].label = _("Smallest order that earns (%(currency)s)") % {"currency": currency}
        self.fields["worth"].label = _("The reward is worth (%(currency)s)") % {"currency": currency}

    def _stored(self, kind: str) -> dict | None:
        """Return the parameters of a kind as they are today, what they leave unsaid filled in; None without a rule."""
        if kind not in self.of_kind:
            return None
        usual = RULES[kind].starter(currency=self.currency)
        return {name: value for name, value in usual.items() if name not in TERMS} | self.of_kind[kind].params

    def _as_today(self, share: float) -> dict:
        spending = self._stored("per_amount") or RULES["per_amount"].starter(currency=self.currency)
        shown = RULES["per_amount"].form.shown(spending, currency=self.currency)
        names = ("points", "step", "minimum", "hold_days", "live_months", "live_until")
        return {name: shown[name] for name in names} | {
            "percent": (self._stored("multiplier") or {}).get("percent", ""),
            "welcome": (self._stored("welcome") or {}).get("points", ""),
            "price": self.today_worth.points if self.today_worth else 100,
            "worth": money.from_minor(self.today_worth.worth_minor, self.currency) if self.today_worth else "",
            "share": round(share * 100),
        }

    def clean_step(self) -> int:
        return self.fields["step"].read(self.cleaned_data["step"], self.currency)

    def clean_minimum(self) -> int:
        text = self.cleaned_data["minimum"]
        return self.fields["minimum"].read(text, self.currency) if text else 0

    def clean_worth(self) -> int:
        return self.fields["worth"].read(self.cleaned_data["worth"], self.currency)

    @property
    def draft_worth(self) -> Worth:
        return Worth(self.cleaned_data["price"], self.cleaned_data["worth"])

    def todays(self) -> list[Chosen]:
        return [Chosen(rule.kind, rule.params, rule.pk) for rule in self.rules]

    def drafted(self) -> list[Chosen]:
        """Return the rules of the draft, from valid input: today's others, and what the form says."""
        others = [one for one in self.todays() if one.kind not in DRAFTED]
        return [*others, *(Chosen(kind, params) for kind, params in self._drafted().items())]

    def changes(self) -> list[Change]:
        """Return what leads from today's rules to the draft, from valid input."""
        drafted, found = self._drafted(), []
        for kind in DRAFTED:
            today, draft = self._stored(kind), drafted.get(kind)
            if draft is None and today is not None:
                href = reverse("rewards:rule_end", args=[self.of_kind[kind].pk])
                found.append(Change(RULES[kind].name, href, is_end=True))
            elif draft is not None and (today is None or not _is_same(kind, draft, today)):
                shown = RULES[kind].form.shown(draft, currency=self.currency)
                query = urlencode({"kind": kind} | {n: "" if value is False else value for n, value in shown.items()})
                found.append(Change(RULES[kind].name, f"{reverse('rewards:rule_new')}?{query}"))
        now = self.today_worth
        if now is None or (now.points, now.worth_minor) != (self.cleaned_data["price"], self.cleaned_data["worth"]):
            found.append(Change(_("A reward"), reverse("rewards:reward_new")))
        return found

    def _drafted(self) -> dict[str, dict]:
        said = self.cleaned_data
        wanted = {
            "per_amount": {
                "points": said["points"], "step_minor": said["step"], "minimum_minor": said["minimum"],
                "currency": self.currency,
            },
            "welcome": {"points": said.get("welcome")} if said.get("welcome") else None,
            "multiplier": {"percent": said.get("percent")} if (said.get("percent") or 100) > 100 else None,
        }  # fmt: skip
        terms = self._terms()
        first = self._stored("per_amount") or RULES["per_amount"].starter(currency=self.currency)
        is_same = read_terms(terms) == read_terms(first)
        drafted = {}
        for kind, params in wanted.items():
            if params is None:
                continue
            today = self._stored(kind)
            base = today or RULES[kind].starter(currency=self.currency)
            own = {name: base[name] for name in TERMS if name in base} if today and is_same else terms
            drafted[kind] = {name: value for name, value in base.items() if name not in TERMS} | params | own
        return drafted

    def _terms(self) -> dict:
        said, terms = self.cleaned_data, {}
        if said.get("hold_days"):
            terms["hold_days"] = said["hold_days"]
        if said.get("live_months"):
            terms["expiry"] = {"months": said["live_months"], "round": said.get("live_until") or ""}
        return terms


def _is_same(kind: str, one: dict, other: dict) -> bool:
    return RULES[kind].read(one) == RULES[kind].read(other) and read_terms(one) == read_terms(other)
