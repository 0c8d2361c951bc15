"""What the owner types about customers: filters, facts, tags, notes, permission."""

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.contacts import matching, merging
from crm.contacts.groups import GROUPS, STAGES
from crm.contacts.models import Contact, Note, Retention, Segment
from crm.lib import digits

MAX_TAG = 40
MAX_TAGS = 30
MAX_IDS = 1000

RISKS = {
    "low": (_("Low (under 33%)"), 0.0, 0.33),
    "medium": (_("Medium (33% to 66%)"), 0.33, 0.66),
    "high": (_("High (66% and more)"), 0.66, 1.01),
}
SORTS = {
    "-last_order": _("Newest order first"),
    "last_order": _("Oldest order first"),
    "name": _("Name A to Z"),
    "-name": _("Name Z to A"),
    "-risk": _("Highest risk first"),
    "risk": _("Lowest risk first"),
    "-stake": _("Most money at stake"),
    "stake": _("Least money at stake"),
    "-spent": _("Spent most"),
    "spent": _("Spent least"),
    "-orders": _("Most orders"),
    "orders": _("Fewest orders"),
    "-points": _("Most points"),
    "points": _("Fewest points"),
    "-joined": _("Newest customers"),
    "joined": _("Oldest customers"),
}
DEFAULT_SORT = "-last_order"


def _any(choices) -> list:
    return [("", _("Any")), *choices]


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self):
        super().__init__(format="%Y-%m-%d")


def read_ids(parts: list[str]) -> list[int]:
    """Return the numbers of customers, each once."""
    if len(parts) > MAX_IDS:
        raise forms.ValidationError(
            _("At most %(limit)s customers can be chosen one by one."), params={"limit": MAX_IDS}
        )
    if not all(map(digits.fits, parts)):
        raise forms.ValidationError(_("This list of customers cannot be read."))
    return sorted(set(map(int, parts)))


class AddressField(forms.EmailField):
    """An e-mail address as typed, of which we know what to match it on."""

    def clean(self, value) -> str:
        email = super().clean(value)
        if email and not matching.email_key(email):
            raise forms.ValidationError(_("This is not an e-mail address we can write to."))
        return email


class IdsField(forms.CharField):
    """Customers chosen one by one, as an address holds them: numbers with commas between."""

    def clean(self, value):
        text = super().clean(value)
        return read_ids(text.split(",")) if text else []


class TickedField(forms.Field):
    """Customers ticked in a table: one value for each."""

    widget = forms.MultipleHiddenInput

    def clean(self, value):
        return read_ids(value or [])


class FilterForm(forms.Form):
    """The customer list's filter, as it stands in the address; also what a saved segment keeps."""

    q = forms.CharField(label=_("Name, e-mail, phone or company"), max_length=100, required=False)
    segment = forms.SlugField(label=_("Segment"), max_length=60, required=False)
    group = forms.ChoiceField(
        label=_("Group"), choices=_any((slug, group.label) for slug, group in GROUPS.items()), required=False
    )
    stage = forms.ChoiceField(label=_("Stage"), choices=_any(STAGES.items()), required=False)
    consent = forms.ChoiceField(
        label=_("Permission to write"), choices=_any(Contact.ConsentState.choices), required=False
    )
    risk = forms.ChoiceField(
        label=_("Risk of leaving"), choices=_any((slug, risk[0]) for slug, risk in RISKS.items()), required=False
    )
    tag = forms.CharField(label=_("Tag"), max_length=MAX_TAG, required=False)
    min_orders = forms.IntegerField(label=_("Orders, at least"), min_value=0, max_value=1_000_000, required=False)
    max_orders = forms.IntegerField(label=_("Orders, at most"), min_value=0, max_value=1_000_000, required=False)
    min_spent = forms.DecimalField(
        label=_("Spent, at least"), min_value=0, max_digits=14, decimal_places=3, required=False
    )
    max_spent = forms.DecimalField(
        label=_("Spent, at most"), min_value=0, max_digits=14, decimal_places=3, required=False
    )
    quiet_days = forms.IntegerField(
        label=_("No order for this many days"), min_value=1, max_value=10_000, required=False
    )
    ordered_after = forms.DateField(label=_("Last order from"), widget=DateInput, required=False)
    ordered_before = forms.DateField(label=_("Last order until"), widget=DateInput, required=False)
    joined_after = forms.DateField(label=_("Customer since, from"), widget=DateInput, required=False)
    city = forms.CharField(label=_("City"), max_length=120, required=False)
    country = forms.CharField(label=_("Country"), max_length=60, required=False)
    points = forms.ChoiceField(
        label=_("Points"), choices=_any([("yes", _("Has points")), ("no", _("Has none"))]), required=False
    )
    discounts = forms.ChoiceField(
        label=_("Money off"),
        choices=_any([("never", _("Never give money off")), ("open", _("May get money off"))]),
        required=False,
    )
    ids = IdsField(widget=forms.HiddenInput, required=False)
    sort = forms.ChoiceField(label=_("Sort by"), choices=SORTS.items(), required=False)


class ContactForm(forms.ModelForm):
    """The facts about a person; `version` tells whether somebody else saved in between."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Contact
        fields = (
            "name",
            "greeting",
            "email",
            "phone",
            "company",
            "street",
            "postcode",
            "city",
            "region",
            "country",
            "birthday",
            "language",
            "never_discount",
        )
        field_classes = {"email": AddressField}
        widgets = {"birthday": DateInput}
        help_texts = {
            "greeting": _("Used in messages, for example “Mrs. Hartmann” or “Lena”. Empty: the first name."),
            "language": _("Two letters, for example de or en. Empty: not known."),
            "never_discount": _(
                "Coupons and campaigns that carry one leave this customer out. Messages and points go on."
            ),
        }

    def clean(self):
        cleaned = super().clean()
        if not any(cleaned.get(field) for field in ("name", "email", "phone")) and not self.errors:
            raise forms.ValidationError(_("Give at least a name, an e-mail address or a phone number."))
        return cleaned

    def clean_email(self):
        email = self.cleaned_data["email"]
        key = matching.email_key(email) if email else None
        if key and (other := Contact.objects.alive().filter(email_key=key).exclude(pk=self.instance.pk).first()):
            raise forms.ValidationError(
                _("%(name)s (number %(number)s) already has this e-mail address."),
                params={"name": other.display_name, "number": other.pk},
            )
        return email

    def values(self) -> dict:
        """Return what was typed, without the version."""
        return {field: self.cleaned_data[field] for field in self.Meta.fields}


def read_tag(text: str) -> str:
    """Return one tag as it is kept: no commas, single blanks."""
    return " ".join(text.replace(",", " ").split())


class TagsForm(forms.Form):
    tags = forms.CharField(
        label=_("Tags"), required=False, max_length=1000, help_text=_("Separate several with commas.")
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def clean_tags(self) -> list[str]:
        tags = list(dict.fromkeys(filter(None, map(read_tag, self.cleaned_data["tags"].replace("，", ",").split(",")))))
        if any(len(tag) > MAX_TAG for tag in tags):
            raise forms.ValidationError(_("A tag has at most %(limit)s letters."), params={"limit": MAX_TAG})
        if len(tags) > MAX_TAGS:
            raise forms.ValidationError(_("A customer has at most %(limit)s tags."), params={"limit": MAX_TAGS})
        return tags


class RetentionForm(forms.Form):
    """After how many years of silence customers are forgotten."""

    years = forms.TypedChoiceField(
        label=_("Forget customers who have not been here for"), choices=Retention.Years, coerce=int
    )


class NoteForm(forms.ModelForm):
    class Meta:
        model = Note
        fields = ("text",)
        widgets = {"text": forms.Textarea(attrs={"rows": 2})}


class ConsentForm(forms.Form):
    """What the customer told the owner. A yes needs the words or the occasion, because it may have to be shown."""

    state = forms.ChoiceField(
        label=_("What did they say?"),
        choices=[
            (Contact.ConsentState.YES, _("Yes, write to me")),
            (Contact.ConsentState.NO, _("No, do not write to me")),
        ],
        widget=forms.RadioSelect,
    )
    detail = forms.CharField(
        label=_("How and where did they say it?"),
        max_length=250,
        required=False,
        help_text=_("For example: “signed the card at the counter on 3 May”. Needed for a yes."),
    )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("state") == Contact.ConsentState.YES and not cleaned.get("detail"):
            self.add_error("detail", _("Write down how they agreed. You may be asked to show it one day."))
        return cleaned


class SegmentForm(forms.ModelForm):
    class Meta:
        model = Segment
        fields = ("name",)
        labels = {"name": _("Name of the segment")}

    def clean_name(self) -> str:
        name = self.cleaned_data["name"].strip()
        if Segment.objects.filter(name__iexact=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is already a segment with this name."))
        return name


class BulkForm(forms.Form):
    """What to do with the ticked customers, or with everybody the filter matches."""

    ids = TickedField()
    everyone = forms.BooleanField(required=False)
    tag = forms.CharField(label=_("Tag"), max_length=MAX_TAG, required=False)
    act = forms.ChoiceField(
        choices=[
            ("tag", _("Add tag")),
            ("untag", _("Remove tag")),
            ("export", _("Export")),
            ("write", _("Write to these")),
        ]
    )

    def clean_tag(self) -> str:
        return read_tag(self.cleaned_data["tag"])

    def clean(self):
        cleaned = super().clean()
        if not cleaned.get("ids") and not cleaned.get("everyone") and "ids" not in self.errors:
            raise forms.ValidationError(_("Tick at least one customer first."))
        if cleaned.get("act") in {"tag", "untag"} and not cleaned.get("tag"):
            raise forms.ValidationError(_("Type the tag first."))
        return cleaned


class MergeForm(forms.Form):
    """Whose value the kept customer gets, for everything in which two customers differ."""

    keep_version = forms.IntegerField(widget=forms.HiddenInput)
    drop_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data=None, *, keep: Contact, drop: Contact):
        super().__init__(data, initial={"keep_version": keep.version, "drop_version": drop.version})
        self.versions = keep.version, drop.version
        self.differing = merging.differing(keep, drop)
        for part in self.differing:
            self.fields[part] = forms.ChoiceField(
                label=part_label(part), choices=[(merging.KEEP, ""), (merging.DROP, "")],
                initial=merging.likelier(part, keep, drop),
            )  # fmt: skip

    def clean(self):
        said = super().clean()
        if not self.errors and (said["keep_version"], said["drop_version"]) != self.versions:
            self.data = self.data.copy()
            self.data["keep_version"], self.data["drop_version"] = self.versions
            raise forms.ValidationError(_("One of the two was changed meanwhile. Look at both again, then merge them."))
        return said

    def choices(self) -> dict[str, str]:
        """Return what is picked, or what we would pick."""
        if self.is_bound:
            either = (merging.KEEP, merging.DROP)
            return {part: said for part in self.differing if (said := self.data.get(part)) in either}
        return {part: self.fields[part].initial for part in self.differing}


def part_label(part: str):
    """Return what a part of a customer's facts is called."""
    return _("Address") if part == "address" else Contact._meta.get_field(part).verbose_name
