"""What is typed at the counter."""

import re
import unicodedata

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.imports.sent_by import SentByField
from crm.imports.typed_forms import KeyField
from crm.lib.money import digits
from crm.lib.templatetags import say
from crm.orders.forms import MoneyField
from crm.rewards.models import Reward
from crm.rewards.redeeming import Offer

MOST_CODES = 5


class CounterMoneyField(MoneyField):
    """An amount typed in a hurry: "12,50" is 12.50 wherever that can mean nothing else."""

    def __init__(self, *, currency: str, **options):
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(currency=currency, widget=widget, **options)
        del self.widget.attrs["step"]

    def to_python(self, value):
        text = unicodedata.normalize("NFKC", str(value or "")).strip()
        places = digits(self.currency)
        if places and re.fullmatch(r"[0-9]+,[0-9]{1,2}", text):  # "1,250" may be a thousand
            text = text.replace(",", ".")
        if text and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            raise forms.ValidationError(_("Type the amount like this: 12.50"))
        return super().to_python(text)


class SaleForm(forms.Form):
    form_key = KeyField()
    agreed = forms.IntegerField(required=False, widget=forms.HiddenInput)
    codes = forms.CharField(
        label=_("Coupon code"),
        max_length=250,
        required=False,
        help_text=_("Typed or scanned. Separate several with commas."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    reward = forms.ChoiceField(required=False, widget=forms.RadioSelect)
    points = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    note = forms.CharField(label=_("Note"), max_length=250, required=False)

    def __init__(self, *args, currency: str, offers: list[Offer], say_points, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["amount"] = CounterMoneyField(
            label=_("Amount (%(currency)s)") % {"currency": currency}, currency=currency, min_value=0
        )
        self.rewards = {str(offer.reward.pk): offer.reward for offer in offers}
        self.fields["reward"].label = say_points(_("Use points"))
        self.fields["reward"].choices = [("", say_points(_("No points this time")))] + [
            (str(offer.reward.pk), say_points(_offered(offer, currency))) for offer in offers
        ]
        self.fields["points"].label = say_points(_("How many points"))
        self.fields["points"].help_text = _("Only for money off. Empty: as many as may be used.")
        self.order_fields(["form_key", "agreed", "amount", "reward", "points", "codes", "note"])

    def clean_amount(self) -> int:
        if not self.cleaned_data["amount"]:
            raise forms.ValidationError(_("How much was it? More than 0."))
        return self.cleaned_data["amount"]

    def clean_codes(self) -> tuple[str, ...]:
        codes = tuple(code.strip() for code in re.split(r"[,;\n]", self.cleaned_data["codes"]) if code.strip())
        if len(codes) > MOST_CODES:
            raise forms.ValidationError(_("%(count)s codes at most."), params={"count": MOST_CODES})
        return codes

    def clean_reward(self) -> Reward | None:
        return self.rewards.get(self.cleaned_data["reward"])

    def clean(self):
        cleaned = super().clean()
        reward = cleaned.get("reward")
        if reward is None or reward.kind != Reward.Kind.MONEY:
            cleaned["points"] = None
        return cleaned


class NewCustomerForm(forms.Form):
    form_key = KeyField()
    name = forms.CharField(label=_("Full name"), max_length=200, required=False)
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    sent_by = SentByField()

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not cleaned.get("name") and not cleaned.get("phone"):
            raise forms.ValidationError(_("Type a name or a phone number."))
        return cleaned


def _offered(offer: Offer, currency: str) -> str:
    values = {"reward": offer.reward.name, "points": say.number(offer.most)}
    if offer.reward.kind != Reward.Kind.MONEY:
        return _("%(reward)s: %(points)s points") % values
    values["amount"] = say.money(offer.worth_minor, currency)
    return _("%(reward)s: up to %(amount)s for %(points)s points") % values
