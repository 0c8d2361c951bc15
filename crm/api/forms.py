from django import forms
from django.utils.translation import gettext_lazy as _

from crm.api import outbound
from crm.api.keys import SCOPES
from crm.api.models import Hook
from crm.lib import outward


class KeyForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("The program that will use it, such as “web shop”.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )


class HookForm(forms.Form):
    provider = forms.ChoiceField(label=_("Platform"), choices=Hook.Provider)
    secret = forms.CharField(
        label=_("Secret"), max_length=200, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Shopify shows it under Settings → Notifications → Webhooks. Else leave it empty: we make one."),
    )  # fmt: skip

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("provider") == Hook.Provider.SHOPIFY and not cleaned.get("secret", "").strip():
            self.add_error("secret", _("Shopify signs with a secret of its own: copy it from there."))
        return cleaned


class TargetForm(forms.Form):
    url = forms.URLField(
        label=_("Address"), max_length=500, assume_scheme="https", help_text=_("An https address that takes a POST.")
    )
    topics = forms.MultipleChoiceField(
        label=_("Tell it when"), choices=list(outbound.TOPICS.items()), widget=forms.CheckboxSelectMultiple
    )

    def clean_url(self):
        try:
            outward.check(self.cleaned_data["url"])
        except outward.NotAllowed:
            raise forms.ValidationError(
                _("Only an https address on the internet: one inside this network could reach other machines.")
            ) from None
        return self.cleaned_data["url"]
