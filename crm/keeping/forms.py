from django import forms
from django.utils.translation import gettext_lazy as _

from crm.keeping.models import Plan

SHORTEST = 12


class PlanForm(forms.ModelForm):
    """How many backups are kept, and whether they are encrypted."""

    passphrase = forms.CharField(
        label=_("Passphrase"), required=False, max_length=200, strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "At least 12 characters; empty leaves it as it is. Write it down elsewhere: nobody can open the backups "
            "without it."
        ),
    )  # fmt: skip
    no_passphrase = forms.BooleanField(label=_("Do not encrypt backups any more"), required=False)

    class Meta:
        model = Plan
        fields = ["daily", "weekly", "monthly"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["daily"].min_value = 1
        self.fields["daily"].widget.attrs["min"] = 1
        for name in ("daily", "weekly", "monthly"):
            self.fields[name].widget.attrs["max"] = 400

    def clean_passphrase(self):
        said = self.cleaned_data["passphrase"]
        if said and len(said) < SHORTEST:
            raise forms.ValidationError(_("Choose at least 12 characters."))
        return said

    def clean(self):
        said = super().clean()
        for name in ("daily", "weekly", "monthly"):
            if (said.get(name) or 0) > 400:
                self.add_error(name, _("Say a number up to 400."))
        if said.get("daily") == 0:
            self.add_error("daily", _("Keep at least one day."))
        return said

    def save(self, commit=True):
        if self.cleaned_data["no_passphrase"]:
            self.instance.passphrase = ""
        elif self.cleaned_data["passphrase"]:
            self.instance.passphrase = self.cleaned_data["passphrase"]
        return super().save(commit)
