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
from crm.rewards.rules import RULES, BadParams, read_terms
from crm.rewards.rules.base import (
    MOST_POINTS,
    AmountField,
    hold_field,
    live_months_field,
    live_until_field,
    stored_terms,
)
from crm.rewards.rules.tiers import MOST_PERCENT, POINTS, Tiers, read_points

DRAFTED = ("per_amount", "welcome", "multiplier", "tiers")  # the kinds a draft can change; all others stay
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
    levels = forms.CharField(
        label=gettext_lazy("Levels"),
        required=False,
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    hold_days = hold_field()
    live_months = live_months_field()
    live_until = live_until_field()
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
        self.fields["levels"].help_text = _(
            "One on each line: name; from how much; percent of the usual points. Empty: none. "
            "Counted over %(months)s months, with %(days)s days of grace."
        ) % {"months": self._window["months"], "days": self._window["grace_days"]}
        self.fields["worth"].label = _("The reward is worth (%(currency)s)") % {"currency": currency}

    def _stored(self, kind: str) -> dict | None:
        """Return the parameters of a kind as they are today, what they leave unsaid filled in; None without a rule."""
        if kind not in self.of_kind:
            return None
        usual = RULES[kind].starter(currency=self.currency)
        return {name: value for name, value in usual.items() if name not in TERMS} | self.of_kind[kind].params

    @property
    def _window(self) -> dict:
        return self._stored(Tiers.slug) or RULES[Tiers.slug].starter(currency=self.currency)

    def _as_today(self, share: float) -> dict:
        spending = self._stored("per_amount") or RULES["per_amount"].starter(currency=self.currency)
        shown = RULES["per_amount"].form.shown(spending, currency=self.currency)
        names = ("points", "step", "minimum", "hold_days", "live_months", "live_until")
        return {name: shown[name] for name in names} | {
            "percent": (self._stored("multiplier") or {}).get("percent", ""),
            "welcome": (self._stored("welcome") or {}).get("points", ""),
            "levels": levels_as_text(self._stored(Tiers.slug), currency=self.currency),
            "price": self.today_worth.points if self.today_worth else 100,
            "worth": money.from_minor(self.today_worth.worth_minor, self.currency) if self.today_worth else "",
            "share": round(share * 100),
        }

    def clean_step(self) -> int:
        return self.fields["step"].read(self.cleaned_data["step"], self.currency)

    def clean_minimum(self) -> int:
        text = self.cleaned_data["minimum"]
        return self.fields["minimum"].read(text, self.currency) if text else 0

    def clean_levels(self) -> list[dict]:
        """Return the levels as a rule keeps them; perks stay with the name they had."""
        tiers = self._window
        perks = {level["name"]: level["perks"] for level in tiers["levels"]}
        lines = [line for line in self.cleaned_data["levels"].splitlines() if line.strip()]
        levels = [self._level(line, perks, basis=tiers["basis"]) for line in lines]
        if levels:
            try:
                RULES[Tiers.slug].read(tiers | {"levels": levels})
            except BadParams:
                text = _("Two to six levels, each from more than the one before.")
                raise forms.ValidationError(text) from None
        return levels

    def _level(self, line: str, perks: dict[str, str], *, basis: str) -> dict:
        name, threshold, percent = (part.strip() for part in (*line.replace("\uff1b", ";").split(";"), "", "")[:3])
        is_number = (percent or "100").isdecimal()
        if not name or not threshold or not is_number or int(percent or 100) > MOST_PERCENT:
            raise forms.ValidationError(_("Write a level like this: Silver; 200; 125"))
        return {
            "name": name[:40],
            "threshold": read_points(threshold) if basis == POINTS else self._amount(threshold),
            "percent": int(percent or 100),
            "perks": perks.get(name, ""),
        }

    def _amount(self, text: str) -> int:
        return self.fields["minimum"].read(text, self.currency)

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
                form = RULES[kind].form
                blank = dict.fromkeys(form(currency=self.currency).fields, "") if kind == Tiers.slug else {}
                shown = blank | form.shown(draft, currency=self.currency)
                shown.pop("starts_on", None)
                query = urlencode({"kind": kind} | {n: "" if value is False else value for n, value in shown.items()})
                found.append(Change(RULES[kind].name, f"{reverse('rewards:rule_new')}?{query}"))
        now = self.today_worth
        if now is None or (now.points, now.worth_minor) != (self.cleaned_data["price"], self.cleaned_data["worth"]):
            worth = money.from_minor(self.cleaned_data["worth"], self.currency)
            query = urlencode({"points": self.cleaned_data["price"], "worth": worth})
            found.append(Change(_("A reward"), f"{reverse('rewards:reward_new')}?{query}"))
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
            "tiers": {"levels": said["levels"]} if said.get("levels") else None,
        }  # fmt: skip
        terms = stored_terms(said)
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


def levels_as_text(params: dict | None, *, currency: str) -> str:
    """Return the levels of a rule as the draft is typed, one on each line."""
    found = RULES[Tiers.slug].read(params) if params else None
    if found is None:
        return ""
    bounds = [
        level.threshold if found.basis == POINTS else money.from_minor(level.threshold, currency)
        for level in found.levels
    ]
    return "\n".join(f"{level.name}; {bound}; {level.percent}" for level, bound in zip(found.levels, bounds))


def _is_same(kind: str, one: dict, other: dict) -> bool:
    return RULES[kind].read(one) == RULES[kind].read(other) and read_terms(one) == read_terms(other)
