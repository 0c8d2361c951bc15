from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts import choices
from crm.imports.formats import FORMATS, plain
from crm.imports.surveying import Look


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several uploaded files; each is cleaned by itself."""

    def clean(self, data, initial=None):
        files = data if isinstance(data, list | tuple) else [data]
        return [super(ManyFilesField, self).clean(file, initial) for file in files if file] or super().clean(None)


class UploadForm(forms.Form):
    files = ManyFilesField(
        label=gettext_lazy("Files from your shop, till or spreadsheet"),
        widget=ManyFiles(attrs={"multiple": True, "accept": ".csv,.tsv,.txt,.gz"}),
        help_text=gettext_lazy("CSV as the platform wrote it. Nothing needs to be changed in it first."),
    )
    format = forms.ChoiceField(label=gettext_lazy("Kind of file"), required=False)
    currency = forms.ChoiceField(label=gettext_lazy("Currency, where the file does not say"), required=False)
    timezone = forms.ChoiceField(label=gettext_lazy("Time zone, where the file does not say"), required=False)

    def __init__(self, *args, shop, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["format"].choices = [("", _("Find out by itself"))] + [
            (slug, str(member.LABEL)) for slug, member in FORMATS.items()
        ]
        self.fields["currency"].choices = choices.currencies()
        self.fields["currency"].initial = shop.currency
        self.fields["timezone"].choices = choices.zones()
        self.fields["timezone"].initial = shop.timezone

    def clean_files(self):
        for file in self.cleaned_data["files"]:
            if file.size > settings.MAX_IMPORT_BYTES:
                raise forms.ValidationError(
                    _("%(name)s is larger than %(limit)s. Split it, or import it with manage.py import_shop."),
                    params={"name": file.name, "limit": filesizeformat(settings.MAX_IMPORT_BYTES)},
                )
            if not file.size:
                raise forms.ValidationError(_("%(name)s is empty."), params={"name": file.name})
        return self.cleaned_data["files"]

    def options(self) -> dict:
        """Return what the reader is told; empty answers are left to the file and the shop."""
        return {name: value for name in ("currency", "timezone") if (value := self.cleaned_data[name])}


class MappingForm(forms.Form):
    """One choice per column of a file: what it is saved as. The guess is chosen beforehand."""

    FORMAT = plain.SLUG
    DAY_FIRST = {"": None, "day": True, "month": False}

    dayfirst = forms.ChoiceField(
        label=gettext_lazy("In a date such as 03/04/2026, which comes first?"),
        required=False,
        choices=[
            ("", gettext_lazy("Find out by itself")),
            ("day", gettext_lazy("The day: 3 April")),
            ("month", gettext_lazy("The month: March 4")),
        ],
    )
    decimal = forms.ChoiceField(
        label=gettext_lazy("How are amounts written?"),
        required=False,
        choices=[("", gettext_lazy("Find out by itself")), (".", "1,234.56"), (",", "1.234,56")],
    )

    def __init__(self, *args, look: Look, guess: dict[str, int], **kwargs):
        super().__init__(*args, **kwargs)
        chosen = {column: name for name, column in guess.items()}
        fields = [("", _("Leave out")), *((name, str(label)) for name, label in plain.FIELDS.items())]
        self.rows = []
        secret = look.header.secret()
        for column, (name, samples) in enumerate(zip(look.header.names, look.samples(), strict=False)):
            if column in secret:
                continue
            key = f"column_{column}"
            title = name.strip() or _("Column %(number)s") % {"number": column + 1}
            self.fields[key] = forms.ChoiceField(
                label=title, choices=fields, required=False, initial=chosen.get(column, "")
            )
            self.rows.append((title, samples, self[key], column in chosen))

    def clean(self):
        cleaned = super().clean()
        taken = [value for key, value in cleaned.items() if key.startswith("column_") and value]
        doubled = sorted({value for value in taken if taken.count(value) > 1})
        if doubled:
            raise forms.ValidationError(
                _("“%(field)s” is chosen for two columns. Choose one of them."),
                params={"field": plain.FIELDS[doubled[0]]},
            )
        if "date" not in taken:
            raise forms.ValidationError(_("Say which column is the date of the order."))
        if not {"amount", "order_total", "unit_price"} & set(taken):
            raise forms.ValidationError(_("Say which column holds the amount, the total or the price."))
        return cleaned

    def mapping(self) -> dict[str, int]:
        """Return the column of each field that was chosen."""
        return {
            value: int(key.removeprefix("column_"))
            for key, value in self.cleaned_data.items()
            if key.startswith("column_") and value
        }

    def options(self) -> dict:
        """Return what the owner said about dates and amounts."""
        options = {}
        if self.cleaned_data["dayfirst"]:
            options["dayfirst"] = self.DAY_FIRST[self.cleaned_data["dayfirst"]]
        if self.cleaned_data["decimal"]:
            options["decimal"] = self.cleaned_data["decimal"]
        return options
