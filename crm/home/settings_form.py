from django import forms
from django.utils.translation import gettext_lazy as _

from crm.accounts.forms import ShopFields
from crm.accounts.models import Shop


class SettingsForm(ShopFields):
    """The shop's profile. The currency is fixed once orders have been counted in it."""

    website = forms.URLField(
        label=_("Web shop"), required=False, assume_scheme="https",
        help_text=_("Links in messages that lead there can tell the visit script who followed them."),
    )  # fmt: skip

    class Meta:
        model = Shop
        fields = [
            "name", "kind", "currency", "timezone", "language", "website", "address", "sender_email", "write_to",
            "night_run_hour",
        ]
        help_texts = {
            "address": _("Stands at the foot of every message; the law asks for it."),
            "sender_email": _("Customers see it as the sender and answer to it."),
            "night_run_hour": _("From 0 to 23. Groups, risks and suggestions are worked out at this hour."),
        }

    def __init__(self, *args, orders_exist: bool, **kwargs):
        super().__init__(*args, **kwargs)
        if orders_exist:
            self.fields["currency"].disabled = True
            self.fields["currency"].help_text = _("Fixed, because orders and points have been counted in it.")
        self.fields["night_run_hour"].widget.attrs["max"] = 23

    def clean_night_run_hour(self):
        hour = self.cleaned_data["night_run_hour"]
        if hour > 23:
            raise forms.ValidationError(_("An hour is a number from 0 to 23."))
        return hour
