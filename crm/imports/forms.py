import codecs

from django import forms
from django.conf import settings
from django.core.files.base import ContentFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts import choices
from crm.imports.asking import ENCODINGS, Column, Sheet
from crm.imports.formats import base, labels
from crm.lib.selects import LongSelect


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several uploaded files; each is cleaned by itself."""

    def clean(self, data, initial=None):
        files = data if isinstance(data, list | tuple) else [data]
        return [super(ManyFilesField, self).clean(file, initial) for file in files if file]


class UploadForm(forms.Form):
    MORE = ("format", "currency", "timezone", "unasked")  # long lists, asked for by whoever needs them

    files = ManyFilesField(
        label=gettext_lazy("Files from your shop, till or spreadsheet"),
        required=False,
        widget=ManyFiles(
            attrs={"multiple": True, "accept": ".csv,.tsv,.txt,.tab,.gz,.zip,.xlsx,.xls,.xlsb,.ods,.html,.htm,.vcf"}
        ),
        help_text=gettext_lazy("As the platform wrote them, one or many at once. Nothing needs to be changed first."),
    )
    rows = forms.CharField(
        label=gettext_lazy("Or rows copied from a spreadsheet"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=gettext_lazy("With the names of the columns as the first row."),
    )
    format = forms.ChoiceField(label=gettext_lazy("Kind of file"), required=False, widget=LongSelect)
    currency = forms.ChoiceField(
        label=gettext_lazy("Currency, where the file does not say"), required=False, widget=LongSelect
    )
    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone, where the file does not say"), required=False, widget=LongSelect
    )
    unasked = forms.BooleanField(
        label=gettext_lazy("Import without asking when the check finds nothing doubtful"), required=False
    )

    def __init__(self, *args, shop, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["format"].choices = [("", _("Find out by itself"))] + [
            (slug, str(label)) for slug, label in labels().items()
        ]
        usual = _("The shop's: %(name)s")
        self.fields["currency"].choices = [("", usual % {"name": shop.currency}), *choices.currencies()]
        self.fields["timezone"].choices = [("", usual % {"name": shop.timezone}), *choices.zones()]

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

    def clean(self):
        cleaned = super().clean()
        if not cleaned.get("files") and not cleaned.get("rows", "").strip() and not self.errors:
            raise forms.ValidationError(_("Choose a file, or paste rows."))
        return cleaned

    def uploads(self) -> list:
        """Return the files and, as one more, the pasted rows."""
        uploads = list(self.cleaned_data["files"])
        if pasted := self.cleaned_data["rows"].strip("\r\n"):
            uploads.append(ContentFile(pasted.replace("\r\n", "\n").encode() + b"\n", name=_("Pasted rows") + ".tsv"))
        return uploads

    def options(self) -> dict:
        """Return what the reader is told; empty answers are left to the file and the shop."""
        names = ("currency", "timezone", "unasked")
        return {name: value for name in names if (value := self.cleaned_data[name])}


class MappingForm(forms.Form):
    """What only the owner can say of a file, with our guess chosen; what we found out can be overruled too."""

    DAY_FIRST = {"day": True, "month": False}
    OF_AMOUNTS = {"decimal", "currency"}
    OF_TIMES = {"dayfirst", "timezone"}

    dayfirst = forms.ChoiceField(
        label=gettext_lazy("In a date such as 03/04/2026, which comes first?"),
        choices=[("day", gettext_lazy("The day: 3 April")), ("month", gettext_lazy("The month: March 4"))],
    )
    decimal = forms.ChoiceField(
        label=gettext_lazy("How are amounts written?"), choices=[(".", "1,234.56"), (",", "1.234,56")]
    )
    currency = forms.ChoiceField(
        label=gettext_lazy("In which currency are amounts that do not say?"), widget=LongSelect
    )
    timezone = forms.ChoiceField(
        label=gettext_lazy("Which zone's clock do the times show, where they do not say?"), widget=LongSelect
    )
    encoding = forms.ChoiceField(label=gettext_lazy("Are these words spelt right? If not, choose another encoding."))

    def __init__(self, *args, sheet: Sheet, said: dict, shop, **kwargs):
        super().__init__(*args, **kwargs)
        self.sheet, self.said = sheet, said
        self.fields["currency"].choices = choices.currencies()
        self.fields["timezone"].choices = choices.zones()
        encodings = [(name, str(label)) for name, label in ENCODINGS]
        found = codecs.lookup(sheet.looked.framing.encoding).name
        if found.removesuffix("-sig") not in dict(encodings):
            encodings.append((found, found.upper()))
        self.fields["encoding"].choices = encodings
        guesses = {
            "dayfirst": {True: "day", False: "month"}.get(sheet.guesses.get("dayfirst"), ""),
            "decimal": sheet.guesses.get("decimal", ""),
            "currency": shop.currency,
            "timezone": shop.timezone,
            "encoding": found.removesuffix("-sig"),
        }
        if sheet.looked.member.KIND == base.CONTACTS:
            for name in self.OF_AMOUNTS:
                del self.fields[name]
        if sheet.looked.member.KIND == base.PRODUCTS:
            for name in self.OF_TIMES:
                del self.fields[name]
        self._let_found_things_be(guesses)
        self.rows = [(column, self._choice_of(column)) for column in sheet.columns]

    def _let_found_things_be(self, guesses: dict) -> None:
        """Preselect the guess of what is open; let the rest stay as the file or the shop says."""
        for name in list(self.fields):
            field = self.fields[name]
            if name in self.sheet.asks and name not in self.said:
                field.initial = guesses[name]
                continue
            field.required = False
            known = dict(field.choices).get(guesses[name])
            told = _("As found: %(what)s") % {"what": known} if known else _("As each row says it")
            field.choices = [("", told), *field.choices]
            said = self.said.get(name, "")
            field.initial = {True: "day", False: "month"}.get(said, said) if name == "dayfirst" else said

    def _choice_of(self, column: Column):
        """Return the field that says what a column is saved as; None where the format knows."""
        if not self.sheet.fields:
            return None
        key = f"column_{column.index}"
        chosen = {index: name for name, index in self.sheet.looked.mapping.items()}
        self.fields[key] = forms.ChoiceField(
            label=column.name,
            choices=[("", _("Leave out")), *((name, str(label)) for name, label in self.sheet.fields.items())],
            required=False,
            initial=chosen.get(column.index, ""),
            widget=LongSelect(attrs={"class": "select"}),
        )
        return self[key]

    @property
    def open_questions(self) -> list:
        return [self[name] for name in self.base_fields if name in self.fields and self.fields[name].required]

    @property
    def found_things(self) -> list:
        return [self[name] for name in self.base_fields if name in self.fields and not self.fields[name].required]

    def clean(self):
        cleaned = super().clean()
        if not self.sheet.fields:
            return cleaned
        taken = [value for key, value in cleaned.items() if key.startswith("column_") and value]
        doubled = sorted({value for value in taken if taken.count(value) > 1})
        if doubled:
            raise forms.ValidationError(
                _("“%(field)s” is chosen for two columns. Choose one of them."),
                params={"field": self.sheet.fields[doubled[0]]},
            )
        if self.sheet.looked.member.KIND == base.CONTACTS:
            if not {"customer", "email", "phone"} & set(taken):
                raise forms.ValidationError(_("Say which column holds the e-mail, the phone or the customer number."))
            return cleaned
        if self.sheet.looked.member.KIND == base.PRODUCTS:
            if not {"sku", "name"} & set(taken):
                raise forms.ValidationError(_("Say which column holds the product's name or number."))
            return cleaned
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
        """Return what the owner said of the file."""
        said = {name: value for name in self.base_fields if (value := self.cleaned_data.get(name))}
        if "dayfirst" in said:
            said["dayfirst"] = self.DAY_FIRST[said["dayfirst"]]
        return said
