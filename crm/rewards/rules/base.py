"""What an earning rule is: plain values in, a number of points out. Rules know no models."""

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ORDER, JOINING = "order", "joining"


class BadParams(ValueError):
    """The parameters of a rule cannot be used; the text says which and why."""


@dataclass(slots=True)
class Purchase:
    """One sale as a rule sees it; amounts in minor units of its currency."""

    total_minor: int  # as placed
    refunded_minor: int
    shipping_minor: int
    currency: str
    placed_on: dt.date  # in the shop's zone


class RuleForm(forms.Form):
    """The fields every kind of rule has; each kind adds its own and says what they mean."""

    starts_on = forms.DateField(
        label=_("From"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("A date in the past is fine: you will see what it gives before anything happens."),
    )

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.currency = currency

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
    occasion: ClassVar[str]  # ORDER: given for a purchase. JOINING: given once, when somebody becomes a customer
    form: ClassVar[type[RuleForm]]
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

    def points(self, purchase: Purchase | None, params) -> int:
        """Return the points this rule gives for a purchase (None: for joining)."""
        raise NotImplementedError

    def says(self, params) -> str:
        """Return what the rule gives in a few words, such as "1 point for every €1.00"."""
        raise NotImplementedError

    def conditions(self, params) -> list[str]:
        """Return what else must hold, one sentence each."""
        return []


def whole_number(params: dict, name: str, *, least: int) -> int:
    """Return a parameter that must be a whole number of at least `least`."""
    value = params.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadParams(f"{name}: {value!r} is not a whole number of at least {least}")
    return value
