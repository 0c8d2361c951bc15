"""What the owner types about a campaign."""

import datetime as dt
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.accounts.models import Shop
from crm.campaigns import fields, rendering
from crm.campaigns.attribution import LONGEST_WINDOW
from crm.campaigns.models import Campaign
from crm.contacts.models import Segment
from crm.lib.templatetags import say

CONFIRM_ABOVE = 200  # so many people are confirmed by typing their number
MOST_POINTS = 1_000_000
MOST_DAYS = 3_650
MOST_BUDGET = 1_000_000_000
BY_HAND = [(value, label) for value, label in Campaign.Repeat.choices if value != Campaign.Repeat.DAILY]


class SegmentChoice(forms.ModelChoiceField):
    def label_from_instance(self, segment: Segment) -> str:
        return ngettext(
            "%(name)s · %(count)s customer", "%(name)s · %(count)s customers", segment.member_count
        ) % {"name": segment.label, "count": say.number(segment.member_count)}


class CampaignForm(forms.ModelForm):
    segment = SegmentChoice(
        Segment.objects.order_by("rank", "name", "pk"), label=gettext_lazy("To"), required=False,
        empty_label=gettext_lazy("Choose a group of customers"),
    )
    points = forms.IntegerField(
        label=gettext_lazy("Points to give"), min_value=0, max_value=MOST_POINTS, required=False,
        help_text=gettext_lazy("To everybody in the group, also those you may not write to. 0 gives none."),
    )
    points_days = forms.IntegerField(
        label=gettext_lazy("Days until these points expire"), min_value=1, max_value=MOST_DAYS, required=False,
        help_text=gettext_lazy("Counted from the day they are given; the last day counts. Empty: never."),
    )
    points_budget = forms.IntegerField(
        label=gettext_lazy("Points to give at most"), min_value=1, max_value=MOST_BUDGET, required=False,
        help_text=gettext_lazy("All repeats together. When they are used up, it stops. Empty: no limit."),
    )
    holdout_percent = forms.IntegerField(
        label=gettext_lazy("Leave out to measure, in percent"), min_value=0, max_value=50, required=False,
        help_text=gettext_lazy("They get nothing, so that you see what the campaign really changed. 10 is usual."),
    )
    window_days = forms.IntegerField(
        label=gettext_lazy("Count orders for, in days"), min_value=1, max_value=LONGEST_WINDOW.days, initial=7,
    )

    split = forms.ChoiceField(
        label=gettext_lazy("How to test the versions"), choices=Campaign.Split.choices, required=False,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "Sending more of what works begins with the second mailing of a campaign that repeats, when the first "
            "orders are known. Every version keeps a part, so that it can still win."
        ),
    )

    class Meta:
        model = Campaign
        fields = (
            "name", "segment", "points", "points_days", "points_budget", "subject", "body", "holdout_percent",
            "window_days", "split",
        )  # fmt: skip
        widgets = {
            "body": forms.Textarea(attrs={"rows": 14, "spellcheck": "true"}),
            "subject": forms.TextInput(attrs={"autocomplete": "off"}),
        }
        help_texts = {
            "name": gettext_lazy("Only you see it."),
            "body": gettext_lazy(
                "Leave a line empty between paragraphs. **bold**, # heading, - list, [words](https://address). "
                "A link alone on its line becomes a button. Without a message, only points are given."
            ),
        }

    def clean_split(self) -> str:
        return self.cleaned_data["split"] or self.instance.split

    def clean_points(self) -> int:
        return self.cleaned_data["points"] or 0

    def clean(self) -> dict:
        cleaned = super().clean()
        points, budget = cleaned.get("points"), cleaned.get("points_budget")
        if points and budget is not None and budget < points:
            self.add_error("points_budget", _("This is not enough for one customer."))
        return cleaned

    def clean_holdout_percent(self) -> int:
        return self.cleaned_data["holdout_percent"] or 0

    def clean_subject(self) -> str:
        return checked(self.cleaned_data["subject"])

    def clean_body(self) -> str:
        return checked_body(self.cleaned_data["body"])


class ScheduleForm(forms.Form):
    """When a campaign goes out. What is not said comes from the campaign itself."""

    when = forms.ChoiceField(
        label=gettext_lazy("When"), required=False, widget=forms.RadioSelect,
        choices=[("now", gettext_lazy("Now")), ("later", gettext_lazy("On a date"))],
    )
    starts_date = forms.DateField(
        label=gettext_lazy("Date"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    send_time = forms.TimeField(
        label=gettext_lazy("Time"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    repeat = forms.ChoiceField(label=gettext_lazy("Repeat"), required=False, choices=BY_HAND)
    confirm_count = forms.IntegerField(
        label=gettext_lazy("How many people is that?"), required=False, min_value=0,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data=None, *, campaign: Campaign, reached: int, shop: Shop, now: dt.datetime):
        tomorrow = now.astimezone(ZoneInfo(shop.timezone)).date() + dt.timedelta(days=1)
        super().__init__(
            data,
            initial={
                "when": "later" if campaign.starts_date else "now",
                "starts_date": campaign.starts_date or tomorrow,
                "send_time": campaign.send_time or dt.time(9, 0),
                "repeat": campaign.repeat,
                "version": campaign.version,
            },
        )
        self.campaign, self.reached = campaign, reached
        if reached > CONFIRM_ABOVE:
            self.fields["confirm_count"].help_text = _(
                "Type %(count)s to confirm. More than %(limit)s people are never written to by accident."
            ) % {"count": reached, "limit": CONFIRM_ABOVE}
        else:
            del self.fields["confirm_count"]

    def clean(self) -> dict:
        data = super().clean()
        campaign = self.campaign
        when = data.get("when") or ("later" if campaign.starts_date else "now")
        data["repeat"] = data.get("repeat") or campaign.repeat
        if when == "now":
            data["starts_date"] = data["send_time"] = None
        else:
            for name in ("starts_date", "send_time"):
                data[name] = data.get(name) or getattr(campaign, name)
                if data[name] is None and name not in self.errors:
                    self.add_error(name, _("Choose when it goes out."))
        is_asked = "confirm_count" in self.fields and "confirm_count" not in self.errors
        if is_asked and data.get("confirm_count") != self.reached:
            words = _("It goes to %(count)s people. Type this number to confirm.") % {"count": self.reached}
            self.add_error("confirm_count", words)
        return data


def checked_body(text: str) -> str:
    """Return the text of a message if it can be sent."""
    body = checked(text)
    try:
        rendering.compile_letter(subject="", body=body, shop=Shop.current(), campaign_name="")
    except rendering.CannotRender as error:
        raise forms.ValidationError(str(error)) from None
    return body


def checked(text: str) -> str:
    """Return the text if all its fields are known."""
    if names := fields.unknown(text):
        raise forms.ValidationError(
            ngettext(
                "There is no field called %(names)s. Use one of: %(known)s.",
                "There are no fields called %(names)s. Use some of: %(known)s.",
                len(names),
            )
            % {"names": ", ".join(f"“{name}”" for name in names), "known": ", ".join(fields.FIELDS)}
        )
    return text
