"""What the owner types about an automation, and about the rules for all of them."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.campaigns.attribution import LONGEST_WINDOW
from crm.campaigns.automating import MOST_STEPS, check_time
from crm.campaigns.forms import MOST_BUDGET, MOST_DAYS, MOST_POINTS, checked, checked_body
from crm.campaigns.models import Automation, Campaign, Rules
from crm.campaigns.scheduling import NotPossible
from crm.campaigns.triggers import TRIGGERS

SHARED = ("holdout_percent", "window_days", "points_days", "points_budget")  # what all steps of a series say


class TimeInput(forms.TimeInput):
    input_type = "time"

    def __init__(self):
        super().__init__(format="%H:%M")


class AutomationForm(forms.ModelForm):
    holdout_percent = forms.IntegerField(
        label=gettext_lazy("Leave out to measure, in percent"), min_value=0, max_value=50,
        help_text=gettext_lazy("Always the same people. They get none of it, so that you see what it really changes."),
    )
    window_days = forms.IntegerField(
        label=gettext_lazy("Count orders for, in days"), min_value=1, max_value=LONGEST_WINDOW.days
    )
    points_days = forms.IntegerField(
        label=gettext_lazy("Days until these points expire"), min_value=1, max_value=MOST_DAYS, required=False,
        help_text=gettext_lazy("Counted from the day they are given; the last day counts. Empty: never."),
    )
    points_budget = forms.IntegerField(
        label=gettext_lazy("Points each message may give at most, in all"), min_value=1, max_value=MOST_BUDGET,
        required=False, help_text=gettext_lazy("When they are used up, it switches itself off. Empty: no limit."),
    )

    class Meta:
        model = Automation
        fields = ("name", "send_time", "ends_on_order")
        widgets = {"send_time": TimeInput()}
        help_texts = {
            "name": gettext_lazy("Only you see it."),
            "ends_on_order": gettext_lazy("Whoever orders after it began gets no further message of it."),
        }

    def __init__(self, data=None, *, automation: Automation, first: Campaign):
        super().__init__(data, instance=automation, initial={name: getattr(first, name) for name in SHARED})
        trigger = TRIGGERS[automation.trigger]
        values = trigger.read(automation.params)
        self.params = [f"param_{param.name}" for param in trigger.params]
        for param, name in zip(trigger.params, self.params):
            self.fields[name] = forms.IntegerField(
                label=param.label, min_value=param.least, max_value=param.most, initial=values[param.name]
            )

    @property
    def param_fields(self) -> list:
        return [self[name] for name in self.params]

    def clean_send_time(self):
        try:
            check_time(self.cleaned_data["send_time"])
        except NotPossible as error:
            raise forms.ValidationError(str(error)) from None
        return self.cleaned_data["send_time"]

    def own_values(self) -> dict:
        params = {name.removeprefix("param_"): self.cleaned_data[name] for name in self.params}
        return {name: self.cleaned_data[name] for name in self.Meta.fields} | {"params": params}

    def shared_values(self) -> dict:
        return {name: self.cleaned_data[name] for name in SHARED}


class LetterForm(forms.Form):
    """One message of a series. The first is always there; the others are as soon as they say something."""

    wait_days = forms.IntegerField(label=gettext_lazy("Days after the message before"), min_value=1, max_value=365)
    subject = forms.CharField(
        label=gettext_lazy("Subject"), max_length=150, required=False, widget=forms.TextInput({"autocomplete": "off"})
    )
    body = forms.CharField(label=gettext_lazy("Message"), required=False, widget=forms.Textarea({"rows": 10}))
    points = forms.IntegerField(
        label=gettext_lazy("Points to give"), min_value=0, max_value=MOST_POINTS, required=False,
        help_text=gettext_lazy("With this message, to everybody who gets it. 0 gives none."),
    )

    def __init__(self, data=None, *, number: int, step: Campaign | None):
        self.number, self.step = number, step
        names = ("wait_days", "subject", "body", "points")
        initial = {name: getattr(step, name) for name in names} if step else {"wait_days": 7, "points": 0}
        super().__init__(data, prefix=f"letter{number}", initial=initial)
        if number == 1:
            del self.fields["wait_days"]
        else:
            self.fields["wait_days"].required = False

    def clean_subject(self) -> str:
        return checked(self.cleaned_data["subject"])

    def clean_body(self) -> str:
        return checked_body(self.cleaned_data["body"])

    def clean_points(self) -> int:
        return self.cleaned_data["points"] or 0

    def clean(self) -> dict:
        data = super().clean()
        if self.number > 1 and not data.get("body", "x").strip():
            if data.get("subject", "").strip():
                self.add_error("body", _("The message has a subject and no words."))
        elif self.number > 1 and data.get("wait_days") is None and "wait_days" not in self.errors:
            self.add_error("wait_days", _("Say how many days after the message before it goes out."))
        if self.number == 1 and not data.get("body", "x").strip():
            self.add_error("body", _("There is no message yet."))
        if data.get("body", "").strip() and not data.get("subject", "x").strip():
            self.add_error("subject", _("The message has no subject."))
        return data

    @property
    def is_there(self) -> bool:
        return bool(self.cleaned_data["body"].strip())

    def values(self) -> dict:
        said = self.cleaned_data
        return {name: said[name] for name in ("subject", "body", "points")} | {"wait_days": said.get("wait_days") or 0}


def letter_forms(data, *, steps: list[Campaign]) -> list[LetterForm]:
    """Return a form for each message there may be."""
    by_number = {step.step: step for step in steps}
    return [LetterForm(data, number=number, step=by_number.get(number)) for number in range(1, MOST_STEPS + 1)]


def gap_between(letters: list[LetterForm]) -> LetterForm | None:
    """Return a message that is there although one before it is not, of forms that are valid."""
    there = [letter.is_there for letter in letters]
    return next((letter for n, letter in enumerate(letters) if there[n] and not all(there[:n])), None)


class RulesForm(forms.ModelForm):
    most_messages = forms.IntegerField(
        label=gettext_lazy("Messages to one customer in seven days, at most"), min_value=1, max_value=50,
        required=False, help_text=gettext_lazy("Campaigns and automations together. Empty: no limit."),
    )

    most_per_hour = forms.IntegerField(
        label=gettext_lazy("Mails in an hour, at most"), min_value=10, max_value=1_000_000, required=False,
        help_text=gettext_lazy(
            "What your mail server takes; shared ones often take 100 to 500. Answers to customers never wait. "
            "Empty: as fast as it goes."
        ),
    )  # fmt: skip

    class Meta:
        model = Rules
        fields = ("most_messages", "opens_at", "closes_at", "most_per_hour")
        widgets = {"opens_at": TimeInput(), "closes_at": TimeInput()}

    def clean(self) -> dict:
        data = super().clean()
        if data.get("opens_at") and data.get("closes_at") and data["opens_at"] >= data["closes_at"]:
            self.add_error("closes_at", _("This must be later than the time they begin."))
        elif data.get("opens_at") and data.get("closes_at"):
            on = Automation.objects.filter(on_since__isnull=False)
            within = on.filter(send_time__gte=data["opens_at"], send_time__lt=data["closes_at"])
            if outside := on.exclude(pk__in=within).order_by("name", "pk").first():
                words = _("“%(name)s” is on and writes at %(time)s. Switch it off and change its time first.")
                self.add_error(None, words % {"name": outside.name, "time": f"{outside.send_time:%H:%M}"})
        return data
