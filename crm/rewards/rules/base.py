"""What an earning rule is: plain values in, a number of points out. Rules know no models."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib import money
from crm.lib.templatetags import say
from crm.rewards.terms import MONTH_ENDS, MOST_HOLD_DAYS, MOST_MONTHS, Terms

# What a rule gives for: a purchase; becoming a customer, once; a day that comes every year; a deed, once for each key.
ORDER, JOINING, YEARLY, DEED = "order", "joining", "yearly", "deed"

# Rules for a purchase are asked in this order: what it earns, what multiplies that, what limits the sum.
EARNS, MULTIPLIES, LIMITS = 1, 2, 3


class BadParams(ValueError):
    """The parameters of a rule cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sale as a rule sees it."""

    product: str  # the product's name, folded
    category: str  # folded
    quantity: float
    total_minor: int


@dataclass(slots=True)
class Purchase:
    """One sale as a rule sees it; amounts in minor units of its currency."""

    total_minor: int  # as placed
    refunded_minor: int
    shipping_minor: int
    currency: str
    placed_on: dt.date  # in the shop's zone
    lines: Sequence[Line] = ()  # where a rule needs them
    ordinal: int = 0  # the customer's n-th sale that counts, where a rule needs it
    earlier: Sequence[dt.date] = ()  # the days of those before it, oldest first

    @property
    def kept_minor(self) -> int:
        return max(0, self.total_minor - self.refunded_minor)

    def share(self, points: int) -> int:
        """Return a fixed number of points less the refunded share of them."""
        return points * self.kept_minor // self.total_minor if self.total_minor else points


def fold(text: str) -> str:
    """Return a name as it is compared: case and blanks do not matter."""
    return " ".join(text.split()).casefold()


class AmountField(forms.CharField):
    """An amount typed in the shop's currency, kept as minor units."""

    def __init__(self, *, above_zero: bool, **kwargs):
        super().__init__(max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **kwargs)
        self.above_zero = above_zero

    def read(self, text: str, currency: str) -> int:
        try:
            amount = money.read_plain(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
        except money.BadMoney:
            raise forms.ValidationError(_("Write an amount such as 1.00.")) from None
        minor = money.to_minor(amount, currency)
        if money.from_minor(minor, currency) != amount:
            raise forms.ValidationError(
                ngettext(
                    "%(currency)s has %(count)s digit after the point.",
                    "%(currency)s has %(count)s digits after the point.",
                    money.digits(currency),
                )
                % {"currency": currency, "count": money.digits(currency)}
            )
        if minor < int(self.above_zero):
            raise forms.ValidationError(_("This must be more than zero.") if self.above_zero else _("Not below zero."))
        return minor


def hold_field() -> forms.IntegerField:
    """Return the field for how long points wait before they can be spent."""
    return forms.IntegerField(
        label=gettext_lazy("Days until they can be spent"),
        required=False,
        min_value=0,
        max_value=MOST_HOLD_DAYS,
        help_text=gettext_lazy("As long as an order may be sent back. 0 or empty: at once."),
    )


def live_months_field() -> forms.IntegerField:
    """Return the field for how long points live."""
    return forms.IntegerField(
        label=gettext_lazy("Months until they expire"),
        required=False,
        min_value=1,
        max_value=MOST_MONTHS,
        help_text=gettext_lazy("Counted from the day they were earned. Empty: never."),
    )


def live_until_field() -> forms.ChoiceField:
    """Return the field for the day points expire on after their months."""
    return forms.ChoiceField(
        label=gettext_lazy("They expire"),
        required=False,
        choices=[
            ("", gettext_lazy("on that very day")),
            ("month", gettext_lazy("at the end of that month")),
            ("quarter", gettext_lazy("at the end of that quarter")),
            ("year", gettext_lazy("at the end of that year")),
        ],
    )


def stored_terms(cleaned: dict) -> dict:
    """Return what is kept of the terms of points, from valid input of these three fields."""
    terms = {}
    if days := cleaned.get("hold_days"):
        terms["hold_days"] = days
    if months := cleaned.get("live_months"):
        terms["expiry"] = {"months": months, "round": cleaned.get("live_until") or ""}
    return terms


class RuleForm(forms.Form):
    """The fields every kind of rule has; each kind adds its own and says what they mean."""

    starts_on = forms.DateField(
        label=gettext_lazy("From"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("A date in the past is fine: you will see what it gives before anything happens."),
    )
    hold_days = hold_field()
    live_months = live_months_field()
    live_until = live_until_field()
    ends_on = forms.DateField(
        label=gettext_lazy("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("The last day, such as a Sunday. Empty: until you end it."),
    )

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.currency = currency
        for name in self.without:
            del self.fields[name]
        if self.begins_today:
            self.fields["starts_on"].help_text = _("Today or a later day.")

    begins_today: ClassVar[bool] = False  # such a rule cannot be started in the past
    without: ClassVar[tuple[str, ...]] = ("ends_on",)  # common fields that make no sense for a kind

    def clean(self) -> dict:
        cleaned = super().clean()
        first, last = cleaned.get("starts_on"), cleaned.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", _("The last day comes before the first."))
        return cleaned

    def stored(self) -> dict:
        """Return what is kept of a rule, from valid input: its own parameters, and the terms of its points."""
        return self.params() | stored_terms(self.cleaned_data)

    @classmethod
    def shown(cls, stored: dict, *, currency: str) -> dict:
        """Return what is kept of a rule as the form's fields show it."""
        expiry = stored.get("expiry") or {}
        terms = {
            "hold_days": stored.get("hold_days", ""),
            "live_months": expiry.get("months", ""),
            "live_until": expiry.get("round", ""),
        }
        return cls.values_of(stored, currency=currency) | terms

    def params(self) -> dict:
        """Return the parameters to store, from valid input."""
        raise NotImplementedError

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        """Return stored parameters as the form's fields show them."""
        raise NotImplementedError


class Rule:
    """One kind of earning rule. The members of rules.RULES are its subclasses' instances."""

    slug: ClassVar[str]
    name: ClassVar[Promise]
    about: ClassVar[Promise]  # one sentence for the page that offers the kinds
    icon: ClassVar[str]
    occasion: ClassVar[str]
    stage: ClassVar[int] = EARNS
    form: ClassVar[type[RuleForm]]
    may_start_in_past: ClassVar[bool] = True
    is_usual: ClassVar[bool] = False  # part of what a shop without any rule is offered to begin with

    def read(self, params: dict):
        """Return the stored parameters as the rule's own dataclass, or raise BadParams."""
        raise NotImplementedError

    def starter(self, *, currency: str) -> dict:
        """Return the parameters a shop begins with if it has no wish of its own."""
        raise NotImplementedError

    def basis_minor(self, purchase: Purchase, params) -> int:
        """Return the part of a purchase that counts."""
        return 0

    def counts_shipping(self, params) -> bool:
        """Tell whether shipping is part of what counts, for the sentence that explains an entry."""
        return True

    def needs(self, params) -> frozenset[str]:
        """Return what of a purchase must be known beside its amounts: "lines", "history", the buyer's "level"."""
        return frozenset()

    def subject(self, params) -> str:
        """Return what tells rules of a kind apart: no two with the same subject cover the same day."""
        return ""

    def points(self, purchase: Purchase | None, params) -> int:
        """Return the points this rule gives for a purchase (None: for joining)."""
        raise NotImplementedError

    def says(self, params) -> str:
        """Return what the rule gives in a few words, such as "1 point for every €1.00"."""
        raise NotImplementedError

    def conditions(self, params) -> list[str]:
        """Return what else must hold, one sentence each."""
        return []


def read_terms(params: dict) -> Terms:
    """Return from when and until when a rule's points can be spent; a rule that says nothing gives them for ever."""
    hold_days = whole_number({"hold_days": 0} | params, "hold_days", least=0)
    expiry = params.get("expiry")
    if expiry is None:
        return Terms(hold_days=hold_days)
    if not isinstance(expiry, dict) or expiry.get("round", "") not in MONTH_ENDS:
        raise BadParams(f"expiry: {expiry!r} does not say after how many months")
    return Terms(hold_days, whole_number(expiry, "months", least=1), expiry.get("round", ""))


def read_currency(params: dict) -> str:
    """Return the currency a rule counts in."""
    currency = params.get("currency")
    if not isinstance(currency, str) or len(currency) != 3:
        raise BadParams(f"currency: {currency!r} is not a code of three letters")
    return currency


def whole_number(params: dict, name: str, *, least: int) -> int:
    """Return a parameter that must be a whole number of at least `least`."""
    value = params.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadParams(f"{name}: {value!r} is not a whole number of at least {least}")
    return value


MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Gift:
    points: int


class GiftForm(RuleForm):
    """A fixed number of points, and nothing else to say."""

    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1, max_value=MOST_POINTS)

    field_order = ("points", "hold_days", "live_months", "live_until", "starts_on")

    def params(self) -> dict:
        return {"points": self.cleaned_data["points"]}

    @classmethod
    def values_of(cls, params: dict, *, currency: str) -> dict:
        return {"points": params["points"]}


class GiftRule(Rule):
    """A kind of rule that gives a fixed number of points."""

    form = GiftForm
    usual_points: ClassVar[int] = 20

    def read(self, params: dict) -> Gift:
        return Gift(points=whole_number(params, "points", least=1))

    def starter(self, *, currency: str) -> dict:
        return {"points": self.usual_points}

    def points(self, purchase: Purchase | None, params: Gift) -> int:
        return params.points


def say_terms(terms: Terms) -> list[str]:
    """Return when points become active and expire, one sentence each."""
    said = []
    if terms.hold_days:
        said.append(
            ngettext(
                "They can be spent after %(days)s day.", "They can be spent after %(days)s days.", terms.hold_days
            )
            % {"days": say.number(terms.hold_days)}
        )
    if terms.months:
        until = {
            "": ngettext("They expire after %(count)s month.", "They expire after %(count)s months.", terms.months),
            "month": ngettext(
                "They expire after %(count)s month, at the end of the month.",
                "They expire after %(count)s months, at the end of the month.",
                terms.months,
            ),
            "quarter": ngettext(
                "They expire after %(count)s month, at the end of the quarter.",
                "They expire after %(count)s months, at the end of the quarter.",
                terms.months,
            ),
            "year": ngettext(
                "They expire after %(count)s month, at the end of the year.",
                "They expire after %(count)s months, at the end of the year.",
                terms.months,
            ),
        }[terms.round_to]
        said.append(until % {"count": say.number(terms.months)})
    return said
