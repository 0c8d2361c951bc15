"""Insights: whether groups of customers that the owner names fare alike."""

from dataclasses import dataclass

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.contacts.models import Contact
from crm.lib import clock
from crm.lib.templatetags import say
from loyalty import fairness, findings
from loyalty.models import Run

RATES = {  # in the order of the page
    fairness.CALLED: gettext_lazy("Called likely to leave"),
    fairness.STAYED_AWAY: gettext_lazy("Of those called so, stayed away"),
    fairness.MONEY_OFF: gettext_lazy("Suggested for money off"),
    fairness.WRITTEN: gettext_lazy("Written to lately"),
}
NAMES = {"country": say.country, "language": say.language}  # fields that hold codes
CUSTOM = "own:"


class FieldForm(forms.Form):
    by = forms.ChoiceField(label=gettext_lazy("Compare customers by"))

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        named = [(name, Contact._meta.get_field(name).verbose_name) for name in fairness.OWN_FIELDS]
        own = [(CUSTOM + name, name) for name in fairness.fields()]
        self.fields["by"].choices = [("", _("Choose…")), *named, *own]


@dataclass(frozen=True)
class Row:
    name: str
    customers: int
    rates: list[tuple[str, fairness.Rate]]


def fairness_page(request: HttpRequest) -> HttpResponse:
    now, shop = clock.now(), request.shop
    run = Run.objects.latest_done()
    form = FieldForm(request.GET if request.GET.get("by") else None)
    chosen = form.cleaned_data["by"] if form.is_bound and form.is_valid() else ""
    found = None
    if chosen:
        name = chosen.removeprefix(CUSTOM)
        found = fairness.compare(name, is_custom=chosen.startswith(CUSTOM), run=run, shop=shop, now=now)
    told = NAMES.get(chosen, str)
    shown = [kind for kind in RATES if found and any(kind in group.rates for group in found.groups)]
    context = {
        "run": run,
        "notice": findings.notice(now=now, shop=shop),
        "form": form,
        "found": found,
        "today": clock.local_date(now, shop.timezone),
        "field": dict(form.fields["by"].choices).get(chosen, "") if chosen else "",
        "heads": [RATES[kind] for kind in shown],
        "rows": [
            Row(told(group.name), group.customers, [(RATES[kind], group.rates[kind]) for kind in shown])
            for group in (found.groups if found else [])
        ],
        "gaps": [
            (told(group.name), RATES[kind], _gap(group.rates[kind]))
            for group in (found.groups if found else [])
            for kind in shown
            if group.rates[kind].stands_out
        ],
        "fewest": fairness.FEWEST,
        "written_days": fairness.WRITTEN_DAYS,
    }
    return render(request, "loyalty/fairness.html", context, status=422 if form.is_bound and form.errors else 200)


def _gap(rate: fairness.Rate) -> str:
    """Say how far a group lies from all others, of a hundred people."""
    low, high = sorted(round(abs(end) * 100) for end in (rate.gap_low, rate.gap_high))
    words = {"share": say.percent(rate.share), "low": low, "high": high}
    if rate.gap > 0:
        return _("%(share)s; of a hundred, %(low)s to %(high)s more than among the others.") % words
    return _("%(share)s; of a hundred, %(low)s to %(high)s fewer than among the others.") % words
