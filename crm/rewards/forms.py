"""What the owner types about points."""

import uuid

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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
