"""Insights: numbers that may be handed on, with noise that hides every single customer."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.imports.typed_forms import KeyField, new_key
from crm.lib import clock, csvio
from crm.orders.models import Order
from loyalty import sharing
from loyalty.models import Disclosure, PrivacyYear

DEFAULT_MOST_EACH = 1_000
HEADS = {
    sharing.TIMES: gettext_lazy("Customers by how often they ordered"),
    sharing.QUARTERS: gettext_lazy("Customers who ordered, by quarter"),
    sharing.SALES: gettext_lazy("Sales of these quarters"),
}


class ReportForm(forms.Form):
    form_key = KeyField()
    strength = forms.ChoiceField(
        label=gettext_lazy("How much the numbers are blurred"),
        choices=[(slug, label) for slug, (label, _epsilon) in sharing.STRENGTHS.items()],
        initial="light",
        widget=forms.RadioSelect,
    )
    most_each = forms.IntegerField(
        label=gettext_lazy("What one customer counts for in the sales, at most"),
        help_text=gettext_lazy(
            "In whole units of your currency. Whoever spent more in these four quarters counts for this much, or one "
            "very good customer would show in the sum. The smaller it is, the less the sales are blurred."
        ),
        min_value=1,
        max_value=1_000_000,
        initial=DEFAULT_MOST_EACH,
    )


def share(request: HttpRequest) -> HttpResponse:
    now, shop = clock.now(), request.shop
    if request.method == "POST":
        form = ReportForm(request.POST)
        if form.is_valid():
            try:
                report = sharing.disclose(shop=shop, now=now, **form.cleaned_data)
            except sharing.BudgetSpent:
                form.add_error("strength", _("What is left of this year is not enough. Blur it more, or wait."))
            else:
                messages.success(request, _("Your report is ready."))
                return redirect("loyalty:shared", report.pk)
    else:
        form = ReportForm(initial={"form_key": new_key()})
    year = clock.local_date(now, shop.timezone).year
    most_each = (form.is_bound and form.cleaned_data.get("most_each")) or DEFAULT_MOST_EACH
    budget, left = PrivacyYear.BUDGET_MILLI, sharing.left(year)
    context = {
        "form": form,
        "has_orders": Order.objects.filter(counts=True).exists(),
        "year": year,
        "left": left,
        "left_share": left / budget,
        "budget": budget,
        "used": budget - left,
        "used_share": 1 - left / budget,
        "choices": [
            (label, cost / budget, sharing.scales(cost, most_each=most_each).margin)
            for label, cost in sharing.STRENGTHS.values()
        ],
        "most_each": most_each,
        "reports": Disclosure.objects.order_by("-pk")[:50],
    }
    return render(request, "loyalty/share.html", context, status=422 if form.is_bound else 200)


def shared(request: HttpRequest, pk: int) -> HttpResponse:
    report = get_object_or_404(Disclosure, pk=pk)
    tables = [(HEADS[name], kind["margin"], _rows(name, kind["rows"])) for name, kind in report.tables.items()]
    return render(request, "loyalty/shared.html", {
        "report": report, "tables": tables, "currency": report.currency, "epsilon": report.epsilon_milli / 1000,
    })


def shared_csv(request: HttpRequest, pk: int) -> HttpResponse:
    report = get_object_or_404(Disclosure, pk=pk)
    rows = [
        (HEADS[name], what, count, kind["margin"])
        for name, kind in report.tables.items()
        for what, count in _rows(name, kind["rows"])
    ]
    header = [_("Table"), _("Row"), _("About"), _("Off by at most, 19 times of 20")]
    return csvio.download(f"numbers-{report.as_of}.csv", header, rows)


def _rows(name: str, rows: list) -> list[tuple[str, int]]:
    return [(_label(name, key), count) for key, count in rows]


def _label(name: str, key) -> str:
    if name == sharing.TIMES:
        low, high = key
        if high is None:
            return _("ordered %(low)s times and more") % {"low": low}
        if low == high:
            return [_("never ordered"), _("ordered once"), _("ordered twice")][low]
        return _("ordered %(low)s to %(high)s times") % {"low": low, "high": high}
    if name == sharing.QUARTERS:
        return _("%(year)s, quarter %(quarter)s") % {"year": key[:4], "quarter": (int(key[5:7]) + 2) // 3}
    return _("all four quarters together")
