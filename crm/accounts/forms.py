import datetime as dt

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, password_validation
from django.utils.translation import gettext_lazy as _

from crm.accounts import choices, logbook
from crm.accounts.models import Shop, User
from crm.accounts.throttling import address_of, allow, forget
from crm.lib import clock
from crm.lib.selects import LongSelect

QUARTER = dt.timedelta(minutes=15)
REFUSED = logbook.kind("refused", _("Wrong password, or an unknown e-mail"), logbook.Group.LOGIN)


class ShopFields(forms.ModelForm):
    """What set-up and settings both ask about the shop."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["currency"] = forms.ChoiceField(
            label=_("Currency"), choices=choices.currencies, widget=LongSelect,
            help_text=_("Points and figures are counted in it."),
        )  # fmt: skip
        self.fields["timezone"] = forms.ChoiceField(
            label=_("Time zone"), choices=choices.zones, widget=LongSelect,
            help_text=_("Days begin and messages leave by this clock."),
        )  # fmt: skip
        self.fields["language"] = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class SetupForm(ShopFields):
    owner_name = forms.CharField(label=_("Your name"), max_length=120)
    email = forms.EmailField(label=_("Your e-mail"), help_text=_("You log in with it. It is never shown to customers."))
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        help_text=_("At least 10 characters. A sentence is easy to remember."),
    )

    field_order = ["owner_name", "email", "password", "name", "kind", "currency", "timezone", "language"]

    class Meta:
        model = Shop
        fields = ["name", "kind", "currency", "timezone", "language"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.order_fields(self.field_order)
        self.fields["owner_name"].widget.attrs["autocomplete"] = "name"
        self.fields["email"].widget.attrs["autocomplete"] = "username"

    def clean_email(self):
        return self.cleaned_data["email"].strip().lower()

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("password"):
            user = User(email=cleaned.get("email", ""), name=cleaned.get("owner_name", ""))
            try:
                password_validation.validate_password(cleaned["password"], user)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


class LoginForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, *args, request=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.request = request
        self.user = None

    def clean(self):
        """Check the password; after too many wrong ones, wait, whoever asks from wherever."""
        cleaned = super().clean()
        if cleaned.get("email") and cleaned.get("password"):
            who, source, now = cleaned["email"].strip().lower(), address_of(self.request), clock.now()
            allowed = allow("login", who, limit=10, per=QUARTER, now=now)
            if not allow("login-from", source, limit=50, per=QUARTER, now=now) or not allowed:
                raise forms.ValidationError(_("Too many tries. Wait a quarter of an hour, then try again."))
            self.user = authenticate(
                self.request, username=cleaned["email"].strip().lower(), password=cleaned["password"]
            )
            if self.user is None:
                logbook.write(REFUSED, by=User.objects.filter(email=who).first(), now=now)
                raise forms.ValidationError(_("E-mail and password do not belong together. Nothing was changed."))
            forget("login", who)
            forget("login-from", source)
        return cleaned


class OfSomebody(forms.Form):
    """A form about the login of one person."""

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user


class ConfirmForm(OfSomebody):
    """Ask for the password once more, before something that makes the login weaker."""

    current = forms.CharField(
        label=_("Current password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def clean_current(self):
        if not allow("confirm", str(self.user.pk), limit=10, per=QUARTER, now=clock.now()):
            raise forms.ValidationError(_("Too many tries. Wait a quarter of an hour, then try again."))
        if not self.user.check_password(self.cleaned_data["current"]):
            raise forms.ValidationError(_("This is not your current password."))
        return self.cleaned_data["current"]


class ChoosePasswordForm(OfSomebody):
    new = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters. A sentence is easy to remember."),
    )

    def clean_new(self):
        password_validation.validate_password(self.cleaned_data["new"], self.user)
        return self.cleaned_data["new"]


class PasswordForm(ConfirmForm, ChoosePasswordForm):
    field_order = ["current", "new"]


class ForgottenForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "off"}),
    )


class PersonForm(forms.Form):
    name = forms.CharField(label=_("Their name"), max_length=120)
    email = forms.EmailField(label=_("E-mail"), help_text=_("They log in with it."))
    role = forms.ChoiceField(label=_("Role"), choices=User.Role.choices, initial=User.Role.HELPER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=User.Role.choices)
