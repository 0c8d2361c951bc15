import datetime as dt
import secrets

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.campaigns import fields
from crm.contacts.forms import AddressField
from crm.listening.hearing import LONGEST
from crm.listening.models import Desk, SavedAnswer, Via
from crm.rewards.forms import MOST_POINTS

TYPED = [Via.PHONE, Via.COUNTER, Via.OTHER]
_KEY = r"\A[0-9a-f]{32}\Z"


def new_key() -> str:
    """Return what makes two sendings of one form one."""
    return secrets.token_hex(16)


def _words(label, *, rows: int = 5, longest: int = LONGEST, required: bool = True, **attributes) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, **attributes})
    return forms.CharField(label=label, max_length=longest, required=required, widget=widget)


class KeyedForm(forms.Form):
    form_key = forms.RegexField(regex=_KEY, widget=forms.HiddenInput)


class WriteForm(KeyedForm):
    """What a stranger fills in. `website` stands where only programs see it."""

    name = forms.CharField(
        label=gettext_lazy("Your name"), max_length=200, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    email = AddressField(
        label=gettext_lazy("Your e-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=gettext_lazy("The answer goes there."),
    )  # fmt: skip
    text = _words(gettext_lazy("Your message"), longest=5_000)
    website = forms.CharField(required=False)


class OwnPageForm(KeyedForm):
    text = _words(gettext_lazy("Your message"), longest=5_000)


class FeedbackForm(forms.Form):
    """The question after a purchase; `asks` says which."""

    score = forms.TypedChoiceField(coerce=int, widget=forms.RadioSelect)
    comment = _words(gettext_lazy("What should we know?"), rows=4, longest=5_000, required=False)
    may_quote = forms.BooleanField(label=gettext_lazy("You may quote these words with my first name."), required=False)

    def __init__(self, *args, asks: str, **kwargs):
        super().__init__(*args, **kwargs)
        score = self.fields["score"]
        if asks == Desk.Asks.FACES:
            score.label = _("How was it?")
            words = [_("Very good"), _("Good"), _("So-so"), _("Bad"), _("Very bad")]
            score.choices = [(5 - at, f"{face} {word}") for at, (face, word) in enumerate(zip("😀😊😐😞😠", words))]
        else:
            score.label = _("Would you recommend us to a friend?")
            score.choices = [(value, str(value)) for value in range(11)]
            score.help_text = _("0: certainly not. 10: certainly.")
        score.error_messages["required"] = _("Choose one of the answers.")


class ReplyForm(KeyedForm):
    version = forms.IntegerField(widget=forms.HiddenInput)
    text = _words(gettext_lazy("Your answer"), rows=8)
    points = forms.IntegerField(
        label=gettext_lazy("Points to give with it"), min_value=0, max_value=MOST_POINTS, required=False
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=250, required=False,
        help_text=gettext_lazy("Stands in the customer's history, word for word."),
    )  # fmt: skip

    def clean_text(self):
        text = self.cleaned_data["text"]
        if unknown := fields.unknown(text):
            raise forms.ValidationError(_("Unknown: %(names)s.") % {"names": ", ".join(unknown)})
        return text

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("points") and not cleaned.get("reason"):
            cleaned["reason"] = _("With our answer")
        used = {use.name for use in fields.used(cleaned.get("text") or "")} if "text" in cleaned else set()
        if "points_given" in used and not cleaned.get("points"):
            self.add_error("points", _("The text speaks of points given: say how many."))
        return cleaned


class NoteForm(KeyedForm):
    text = _words(gettext_lazy("Note"), rows=2, longest=5_000)


class RemindForm(forms.Form):
    on = forms.DateField(label=gettext_lazy("Remind me on"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args, today: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["on"].widget.attrs["min"] = (today + dt.timedelta(days=1)).isoformat()

    def clean_on(self):
        if self.cleaned_data["on"] <= self.today:
            raise forms.ValidationError(_("Choose a day after today."))
        return self.cleaned_data["on"]


class TypedForm(KeyedForm):
    """What somebody said, typed in by the owner; `contact` where a customer was chosen."""

    contact = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False)
    email = AddressField(label=gettext_lazy("E-mail"), max_length=254, required=False)
    phone = forms.CharField(label=gettext_lazy("Phone"), max_length=40, required=False)
    via = forms.ChoiceField(label=gettext_lazy("Where"), choices=[(one.value, one.label) for one in TYPED])
    text = _words(gettext_lazy("What they said"))
    is_complaint = forms.BooleanField(
        label=gettext_lazy("It is a complaint: no campaigns to them until it is done"), required=False
    )

    def clean(self):
        cleaned = super().clean()
        if not any(cleaned.get(name) for name in ("contact", "name", "email", "phone")) and not self.errors:
            raise forms.ValidationError(_("Say who it was: a name, an e-mail address or a phone number."))
        return cleaned


class SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class MailFilesField(forms.FileField):
    """One or more files."""

    widget = SeveralFiles

    def clean(self, data, initial=None):
        return [super(MailFilesField, self).clean(one, initial) for one in data or [None]]


class MailForm(forms.Form):
    files = MailFilesField(
        label=gettext_lazy("Mails as .eml files"),
        widget=SeveralFiles(attrs={"accept": ".eml,message/rfc822"}),
    )


class DeskForm(forms.ModelForm):
    class Meta:
        model = Desk
        fields = ("asks", "holds_back", "form_is_open")
        widgets = {"asks": forms.RadioSelect}
        help_texts = {
            "asks": gettext_lazy("Answers to the one are never counted together with answers to the other."),
            "holds_back": gettext_lazy(
                "Whoever has an open conversation that began with a bad answer is left out of campaigns "
                "until it is done."
            ),
            "form_is_open": gettext_lazy("Your public contact form. Customers can always write from their own page."),
        }


class SavedForm(forms.ModelForm):
    class Meta:
        model = SavedAnswer
        fields = ("title", "text")
        widgets = {"text": forms.Textarea(attrs={"rows": 6})}

    def clean_text(self):
        text = self.cleaned_data["text"]
        if unknown := fields.unknown(text):
            raise forms.ValidationError(_("Unknown: %(names)s.") % {"names": ", ".join(unknown)})
        return text
