"""What the owner types about points."""

import uuid

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.contacts.models import Contact
from crm.orders import costs
from crm.orders.models import Order
from crm.rewards.models import Programme, Reward
from crm.rewards.rules.base import AmountField

MOST_POINTS = 10_000_000


def new_key() -> str:
    """Return a key that makes one drawing of a form stand for one act, however often it is sent."""
    return uuid.uuid4().hex


class AdjustForm(forms.Form):
    points = forms.IntegerField(
        label=gettext_lazy("Points"),
        min_value=-MOST_POINTS,
        max_value=MOST_POINTS,
        widget=forms.NumberInput(attrs={"inputmode": "text", "step": "1"}),
        help_text=gettext_lazy("Write 50 to give fifty points, -50 to take them."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=250,
        help_text=gettext_lazy("Stands in the customer's history, word for word."),
    )
    key = forms.RegexField(regex=r"\A[0-9a-f]{32}\Z", widget=forms.HiddenInput)

    def clean_points(self) -> int:
        if self.cleaned_data["points"] == 0:
            raise forms.ValidationError(_("Nothing would change: write a number other than 0."))
        return self.cleaned_data["points"]


class EndForm(forms.Form):
    ends_on = forms.DateField(
        label=gettext_lazy("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Orders placed on this day still earn."),
    )


class RewardForm(forms.ModelForm):
    """What points can be turned into; once it was used it is stopped and not changed."""

    worth = AmountField(above_zero=False, required=False)

    class Meta:
        model = Reward
        fields = ("kind", "name", "points", "least_points", "most_percent", "may_go_below_cost")
        labels = {"points": gettext_lazy("Points it costs")}
        help_texts = {
            "name": gettext_lazy("As customers know it, such as “A coffee” or “Money off”."),
            "points": gettext_lazy("For money off: the points that buy the amount below."),
            "least_points": gettext_lazy("Only for money off. 0 for no smallest use."),
            "most_percent": gettext_lazy("Only for money off. 100 if a whole order may be paid with points."),
            "may_go_below_cost": gettext_lazy("Only for money off, and where the cost of a product is known."),
        }

    field_order = ("kind", "name", "points", "worth", "least_points", "most_percent", "may_go_below_cost")

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["points"].min_value = 1
        self.fields["worth"].label = _("Worth (%(currency)s)") % {"currency": currency}
        self.fields["worth"].help_text = _("What it saves the customer, or what the product sells for.")

    def clean_points(self) -> int:
        if self.cleaned_data["points"] < 1:
            raise forms.ValidationError(_("It must cost at least one point."))
        return self.cleaned_data["points"]

    def clean_worth(self) -> int:
        text = self.cleaned_data["worth"]
        return self.fields["worth"].read(text, self.currency) if text else 0

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("kind") == Reward.Kind.MONEY and cleaned.get("worth") == 0:
            self.add_error("worth", _("Say how much money these points take off."))
        return cleaned

    def save(self, commit=True) -> Reward:
        self.instance.worth_minor = self.cleaned_data["worth"]
        return super().save(commit)


class RedeemForm(forms.Form):
    reward = forms.ModelChoiceField(Reward.objects.none(), label=gettext_lazy("What for"), empty_label=None)
    points = forms.IntegerField(
        label=gettext_lazy("Points"),
        required=False,
        min_value=1,
        max_value=MOST_POINTS,
        help_text=gettext_lazy("Only for money off; empty for as many as one step costs."),
    )
    number = forms.CharField(
        label=gettext_lazy("Number of the order"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("One of theirs: then points take it no lower than its products cost."),
    )
    order = AmountField(above_zero=True, required=False)
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=250,
        required=False,
        help_text=gettext_lazy("Such as the order's number."),
    )
    key = forms.RegexField(regex=r"\A[0-9a-f]{32}\Z", widget=forms.HiddenInput)

    def __init__(self, *args, contact: Contact, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.contact, self.currency = contact, currency
        self.fields["reward"].queryset = Reward.objects.filter(is_active=True).order_by("points", "pk")
        self.fields["order"].label = _("Amount of the order (%(currency)s)") % {"currency": currency}
        self.fields["order"].help_text = _("If it is known, no more is taken than the order allows.")

    def clean_order(self) -> int | None:
        text = self.cleaned_data["order"]
        return self.fields["order"].read(text, self.currency) if text else None

    def clean_number(self) -> Order | None:
        number = self.cleaned_data["number"].strip()
        orders = Order.objects.counting().filter(contact=self.contact, number=number, currency=self.currency)
        found = orders.order_by("-placed_at", "-pk").first() if number else None
        if number and found is None:
            raise forms.ValidationError(_("They have no order of this number that counts."))
        return found

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("number") and cleaned.get("order") is not None:
            self.add_error("order", _("Say the number or the amount, not both."))
        return cleaned

    @property
    def bounds(self) -> dict[str, int | None]:
        """Return how much the order is and how low it may go, from valid input."""
        if order := self.cleaned_data["number"]:
            return {"order_minor": order.net_minor, "floor_minor": costs.floor_of(order)}
        return {"order_minor": self.cleaned_data["order"]}


class ProgrammeForm(forms.ModelForm):
    class Meta:
        model = Programme
        fields = ("debt", "inactive_months", "grace_days", "first_warning_days", "last_warning_days")
        help_texts = {
            "debt": gettext_lazy("An order is refunded, but its points were redeemed before."),
            "inactive_months": gettext_lazy(
                "All points of a customer expire after so many months without an order. Empty: never."
            ),
            "grace_days": gettext_lazy("So long after their last day points can still be redeemed."),
        }

    def clean(self) -> dict:
        cleaned = super().clean()
        first, last = cleaned.get("first_warning_days"), cleaned.get("last_warning_days")
        if first is not None and last is not None and last >= first:
            self.add_error("last_warning_days", _("The last warning comes after the first: fewer days before."))
        if cleaned.get("inactive_months") == 0:
            self.add_error("inactive_months", _("Leave it empty for never."))
        return cleaned
