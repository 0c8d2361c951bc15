"""The forms an order and a person are typed into."""

import datetime as dt
import secrets

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.contacts.forms import AddressField, ContactForm, TagsForm
from crm.contacts.models import Contact
from crm.imports.sent_by import SentByField
from crm.lib import clock
from crm.lib.templatetags.say import money
from crm.orders.forms import MoneyField
from crm.orders.models import Order

MAX_LINES = 200
MOST_MINOR = 10**15  # of a line: an order of so many lines still fits a whole number of the database
SHOWN_LINES = 3


def new_key() -> str:
    """Return a key that makes one drawn form recognisable when it is sent twice."""
    return secrets.token_urlsafe(18)


class KeyField(forms.SlugField):
    def __init__(self):
        super().__init__(max_length=64, widget=forms.HiddenInput)


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self):
        super().__init__(format="%Y-%m-%dT%H:%M")


class OrderForm(forms.Form):
    """An order's head: whose, when, paid or not. Lines are forms of their own."""

    form_key = KeyField()
    contact = forms.ModelChoiceField(
        Contact.objects.alive(),
        required=False,
        label=_("Customer"),
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("This customer is not there any more. Choose another one.")},
    )
    find = forms.CharField(
        label=_("Find the customer"),
        max_length=100,
        required=False,
        help_text=_("A part of the name, the e-mail address or the phone number."),
    )
    new_name = forms.CharField(label=_("Full name"), max_length=200, required=False)
    new_email = AddressField(label=_("E-mail"), max_length=254, required=False)
    new_phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    placed_at = forms.DateTimeField(
        label=_("When"), widget=MomentInput, input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
    )
    payment = forms.ChoiceField(
        label=_("Payment"),
        choices=[
            (state, state.label) for state in (Order.Payment.PAID, Order.Payment.PARTLY_PAID, Order.Payment.UNPAID)
        ],
    )
    note = forms.CharField(label=_("Note"), max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        for name, label in (("discount", _("Discount")), ("shipping", _("Shipping"))):
            self.fields[name] = MoneyField(label=label, currency=currency, min_value=0, required=False)

    def clean_placed_at(self) -> dt.datetime:
        placed_at = self.cleaned_data["placed_at"]
        if placed_at > clock.now() + dt.timedelta(days=1):
            raise forms.ValidationError(_("This lies in the future. An order is typed in after it was placed."))
        if placed_at.year < 1990:
            raise forms.ValidationError(_("This is too long ago."))
        return placed_at

    def clean(self):
        cleaned = super().clean()
        is_new = any(cleaned.get(name) for name in ("new_name", "new_email", "new_phone"))
        if is_new and cleaned.get("contact"):
            self.add_error("contact", _("Choose a customer or type in a new one, not both."))
        return cleaned


class OrderCorrectionForm(OrderForm):
    """An order that is there; its refunded states follow from its refunds and cannot be chosen."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args, current_payment: str, **kwargs):
        super().__init__(*args, **kwargs)
        choices = self.fields["payment"].choices
        if current_payment not in dict(choices):
            self.fields["payment"].choices = [(current_payment, Order.Payment(current_payment).label), *choices]


class LineForm(forms.Form):
    position = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)
    name = forms.CharField(label=_("Product"), max_length=300, required=False)
    quantity = forms.DecimalField(
        label=_("Quantity"), max_digits=9, decimal_places=3, min_value=0, required=False, initial=1
    )

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["unit_price"] = MoneyField(label=_("Unit price"), currency=currency, min_value=0, required=False)
        self.fields["quantity"].widget.attrs["step"] = "any"
        self.fields["name"].widget.attrs |= {"list": "products", "autocomplete": "off"}

    @property
    def is_blank(self) -> bool:
        """Tell whether nothing was typed: a line left free is no line."""
        return not (self.cleaned_data.get("name") or self.cleaned_data.get("unit_price"))

    def clean(self):
        cleaned = super().clean()
        if self.errors or self.is_blank:
            return cleaned
        if not cleaned.get("name"):
            self.add_error("name", _("What was it?"))
        if not cleaned.get("quantity"):
            self.add_error("quantity", _("How many? More than 0."))
        elif cleaned["quantity"] * (cleaned.get("unit_price") or 0) > MOST_MINOR:
            self.add_error("unit_price", _("So many at this price is more than can be kept. A slip of the keys?"))
        return cleaned


LineFormSet = forms.formset_factory(
    LineForm, extra=0, max_num=MAX_LINES, absolute_max=MAX_LINES, validate_max=True, can_delete=False
)


class RefundForm(forms.Form):
    form_key = KeyField()
    reason = forms.CharField(label=_("Why?"), max_length=200, help_text=_("For example: “jar arrived broken”."))

    def __init__(self, *args, currency: str, left_minor: int, **kwargs):
        super().__init__(*args, **kwargs)
        self.left_minor, self.currency = left_minor, currency
        self.fields["amount"] = MoneyField(
            label=_("Amount (%(currency)s)") % {"currency": currency},
            currency=currency,
            help_text=_("At most %(amount)s are left to give back.") % {"amount": money(left_minor, currency)},
        )
        self.order_fields(["amount", "reason"])

    def clean_amount(self) -> int:
        amount = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError(_("Give more than 0 back."))
        if amount > self.left_minor:
            text = _("Only %(amount)s are left to give back.")
            raise forms.ValidationError(text, params={"amount": money(self.left_minor, self.currency)})
        return amount


class PersonForm(ContactForm):
    """A new customer. `anyway` is offered once somebody with the same phone number was found."""

    version = None
    form_key = KeyField()
    tags = forms.CharField(
        label=_("Tags"), required=False, max_length=1000, help_text=_("Separate several with commas.")
    )
    consent = forms.BooleanField(label=_("They agreed to get messages from the shop"), required=False)
    consent_detail = forms.CharField(
        label=_("How and where did they agree?"),
        max_length=250,
        required=False,
        help_text=_("For example: “signed the card at the counter on 3 May”. Needed for a yes."),
    )
    sent_by = SentByField()
    anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)
    clean_tags = TagsForm.clean_tags

    def clean_email(self) -> str:
        return self.cleaned_data["email"]  # somebody who has it already is offered by the view

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("consent") and not cleaned.get("consent_detail"):
            self.add_error("consent_detail", _("Write down how they agreed. You may be asked to show it one day."))
        if cleaned.get("consent") and not cleaned.get("email") and "email" not in self.errors:
            self.add_error("email", _("Without an address there is nothing to agree to."))
        return cleaned


def local_input(moment: dt.datetime) -> str:
    """Return a moment as a datetime-local control holds it, in the shop's zone."""
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")
