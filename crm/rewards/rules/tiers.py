"""Levels that customers reach by what they buy in a rolling window; each may earn a multiple and has its perks.

Who holds which level since when is kept in rows (rewards.tiers); this says what the levels are.
"""

import itertools
from bisect import bisect_right
from dataclasses import dataclass

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib import money
from crm.lib.templatetags import say
from crm.rewards.rules.base import (
    MULTIPLIES,
    ORDER,
    AmountField,
    BadParams,
    Purchase,
    Rule,
    RuleForm,
    read_currency,
    whole_number,
)

SPEND, POINTS = "spend", "points"
FEWEST, MOST = 2, 6
MOST_WINDOW, MOST_GRACE, MOST_PERCENT = 60, 730, 1_000
BASES = {SPEND: gettext_lazy("What was spent, refunds taken off"), POINTS: gettext_lazy("Points earned with orders")}


@dataclass(frozen=True)
class Level:
    name: str
    threshold: int  # minor units, or points; reached with exactly so many
    percent: int  # 100: the usual points
    perks: str


@dataclass(frozen=True)
class Params:
    basis: str
    currency: str
    months: int
    grace_days: int
    levels: tuple[Level, ...]  # the lowest first; level 1 is levels[0], level 0 is none yet

    def reached(self, amount: int) -> int:
        """Return the number of the highest level so much is enough for; 0 for none."""
        return bisect_right([level.threshold for level in self.levels], amount)

    def says_amount(self, amount: int) -> str:
        """Return an amount of what these levels count, with its unit."""
        if self.basis == SPEND:
            return say.money(amount, self.currency)
        return ngettext("%(points)s point", "%(points)s points", amount) % {"points": say.number(amount)}


class TiersForm(RuleForm):
    basis = forms.ChoiceField(label=gettext_lazy("A level is reached by"), choices=list(BASES.items()))
    months = forms.IntegerField(
        label=gettext_lazy("In the last so many months"),
        min_value=1,
        max_value=MOST_WINDOW,
        help_text=gettext_lazy("The window rolls: an order counts for so many months and then no more."),
    )
    grace_days = forms.IntegerField(
        label=gettext_lazy("Days of grace before a level is lost"),
        min_value=0,
        max_value=MOST_GRACE,
        help_text=gettext_lazy("Then one level is lost, and the next one only after so many days again."),
    )

    without = ("ends_on",)

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, currency=currency, **kwargs)
        self.fields["starts_on"].help_text = _("Today or later. You will see who stands where before it begins.")
        for number in range(1, MOST + 1):
            self.fields[f"name_{number}"] = forms.CharField(
                label=_("Name"), max_length=40, required=number <= FEWEST
            )
            self.fields[f"threshold_{number}"] = AmountField(
                above_zero=False,
                label=_("From (%(currency)s, or points)") % {"currency": currency},
                required=number <= FEWEST,
            )
            self.fields[f"percent_{number}"] = forms.IntegerField(
                label=_("Percent of the usual points"), min_value=100, max_value=MOST_PERCENT, required=False
            )
            self.fields[f"perks_{number}"] = forms.CharField(label=_("Perks"), max_length=250, required=False)
        self.order_fields(["basis", "months", "grace_days", "starts_on"])

    @cached_property
    def levels(self) -> list[list[forms.BoundField]]:
        """Return the fields of each level, the lowest first."""
        return [[self[name] for name in _fields(number)] for number in range(1, MOST + 1)]

    @cached_property
    def common(self) -> list[forms.BoundField]:
        """Return the fields that are of no single level."""
        return [self[name] for name in self.fields if not name[-1].isdigit()]

    def clean(self) -> dict:
        cleaned = super().clean()
        found, is_over = [], False
        for number in range(1, MOST + 1):
            name, threshold, percent, perks = (cleaned.get(field) for field in _fields(number))
            if not (name or threshold or percent or perks):
                is_over = True
                continue
            if is_over and f"name_{number}" not in self.errors:
                self.add_error(f"name_{number}", _("Leave no level empty in between."))
            if not name and f"name_{number}" not in self.errors:
                self.add_error(f"name_{number}", _("Give the level a name."))
            amount = self._read_threshold(number, threshold)
            if amount is not None and found and amount <= found[-1].threshold:
                self.add_error(f"threshold_{number}", _("This must be more than the level below."))
            if amount is not None and name:
                found.append(Level(name, amount, percent or 100, perks or ""))
        names = [level.name.casefold() for level in found]
        if len(set(names)) < len(names):
            raise forms.ValidationError(_("Two levels have the same name."))
        self.found = found
        return cleaned

    def _read_threshold(self, number: int, text: str | None) -> int | None:
        field = f"threshold_{number}"
        if field in self.errors:
            return None
        try:
            if self.cleaned_data.get("basis") == POINTS:
                return read_points(text or "")
            return self.fields[field].read(text or "", self.currency)
        except forms.ValidationError as error:
            self.add_error(field, error)
            return None

    def params(self) -> dict:
        return {
            "basis": self.cleaned_data["basis"],
            "currency": self.currency,
            "months": self.cleaned_data["months"],
            "grace_days": self.cleaned_data["grace_days"],
            "levels": [
                {"name": level.name, "threshold": level.threshold, "percent": level.percent, "perks": level.perks}
                for level in self.found
            ],
        }

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        values = {name: params[name] for name in ("basis", "months", "grace_days")}
        for number, level in enumerate(params["levels"], start=1):
            amount = level["threshold"]
            values |= {
                f"name_{number}": level["name"],
                f"threshold_{number}": money.from_minor(amount, currency) if params["basis"] == SPEND else amount,
                f"percent_{number}": level["percent"],
                f"perks_{number}": level["perks"],
            }
        return values


class Tiers(Rule):
    slug = "tiers"
    name = gettext_lazy("Levels")
    about = gettext_lazy("Silver, Gold: customers rise by what they buy, earn more and get perks of your own.")
    icon = "trophy"
    occasion = ORDER
    stage = MULTIPLIES
    form = TiersForm
    may_start_in_past = False  # nobody held a level then

    def read(self, params: dict) -> Params:
        levels, basis = params.get("levels"), params.get("basis")
        if basis not in BASES:
            raise BadParams(f"basis: {basis!r} is neither spend nor points")
        if not isinstance(levels, list) or not FEWEST <= len(levels) <= MOST:
            raise BadParams(f"levels: there must be {FEWEST} to {MOST}")
        read = tuple(_read_level(level) for level in levels)
        if any(above.threshold <= below.threshold for below, above in itertools.pairwise(read)):
            raise BadParams("levels: each threshold must be more than the one below")
        return Params(
            basis=basis,
            currency=read_currency(params),
            months=whole_number(params, "months", least=1),
            grace_days=whole_number(params, "grace_days", least=0),
            levels=read,
        )

    def starter(self, *, currency: str) -> dict:
        unit = 10 ** money.digits(currency) * (1 if money.digits(currency) else 100)
        return {
            "basis": SPEND,
            "currency": currency,
            "months": 12,
            "grace_days": 30,
            "levels": [
                {"name": _("Silver"), "threshold": 200 * unit, "percent": 125, "perks": ""},
                {"name": _("Gold"), "threshold": 500 * unit, "percent": 150, "perks": ""},
            ],
            "hold_days": 14,
        }

    def needs(self, params: Params) -> frozenset[str]:
        return frozenset({"level"})

    def more(self, earned: int, params: Params, *, level: int) -> int:
        """Return what comes on top for somebody who held this level when they ordered."""
        percent = params.levels[level - 1].percent if 0 < level <= len(params.levels) else 100
        return earned * (percent - 100) // 100

    def points(self, purchase: Purchase, params: Params) -> int:
        return 0  # by itself it gives nothing

    def says(self, params: Params) -> str:
        return _("Levels with more points: %(names)s") % {"names": ", ".join(level.name for level in params.levels)}

    def conditions(self, params: Params) -> list[str]:
        values = {"months": say.number(params.months), "days": say.number(params.grace_days)}
        window = (
            ngettext("Spent in the last month.", "Spent in the last %(months)s months.", params.months)
            if params.basis == SPEND
            else ngettext(
                "Points earned with orders of the last month.",
                "Points earned with orders of the last %(months)s months.",
                params.months,
            )
        )
        said = [window % values]
        for level in params.levels:
            words = {
                "name": level.name, "amount": params.says_amount(level.threshold),
                "percent": say.of_hundred(level.percent), "perks": level.perks,
            }  # fmt: skip
            if level.perks:
                said.append(_("%(name)s from %(amount)s: %(percent)s of the usual points, %(perks)s.") % words)
            else:
                said.append(_("%(name)s from %(amount)s: %(percent)s of the usual points.") % words)
        said.append(
            ngettext(
                "A level is lost one at a time, after %(days)s day of grace.",
                "A level is lost one at a time, after %(days)s days of grace.",
                params.grace_days,
            )
            % values
        )
        return said


def _fields(number: int) -> tuple[str, ...]:
    return tuple(f"{name}_{number}" for name in ("name", "threshold", "percent", "perks"))


def read_points(text: str) -> int:
    """Return a threshold typed in points."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise forms.ValidationError(_("Write a whole number of points."))
    return int(digits)


def _read_level(level: dict) -> Level:
    if not isinstance(level, dict) or not isinstance(level.get("name"), str) or not level["name"].strip():
        raise BadParams(f"levels: {level!r} has no name")
    perks = level.get("perks", "")
    if not isinstance(perks, str):
        raise BadParams(f"perks: {perks!r} is not a text")
    return Level(
        name=level["name"],
        threshold=whole_number(level, "threshold", least=0),
        percent=whole_number(level, "percent", least=100),
        perks=perks,
    )
