"""Every component in every state, on one page. Samples are invented and stay in English: this page is for makers."""

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from crm.lib.templatetags import ui

WEEKS = ["2026-09-07", "2026-09-14", "2026-09-21", "2026-09-28", "2026-10-05", "2026-10-12", "2026-10-19", "2026-10-26"]
RETURNING = [1650, 1670, 1480, 1680, 1520, 1910, 1760, 2080]
NEW = [940, 720, 910, 880, 790, 810, 880, 960]
MONTHS = ["Jun", "Jul", "Aug", "Sep", "Oct"]
BACK = [
    [73, 49, 42, 33, 30],
    [61, 49, 38, 30, None],
    [63, 49, 40, None, None],
    [63, 52, None, None, None],
    [64] + [None] * 4,
]

FIGURES = {
    "bars": {
        "data": [
            {"type": "bar", "name": "Returning", "x": WEEKS, "y": RETURNING, "marker": {"color": "var(--c1)"}},
            {"type": "bar", "name": "New", "x": WEEKS, "y": NEW, "marker": {"color": "var(--c2)"}},
        ],
        "layout": {"barmode": "stack", "bargap": 0.35, "yaxis": {"tickprefix": "€"}, "xaxis": {"tickformat": "%-d %b"}},
    },
    "area": {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "x": WEEKS,
                "y": [1540, 1490, 1610, 1580, 1650, 1720, 1690, 1930],
                "line": {"color": "var(--c1)", "width": 2},
                "fill": "tozeroy",
                "fillcolor": "var(--info-soft)",
            }
        ],
        "layout": {"yaxis": {"tickprefix": "€"}, "xaxis": {"tickformat": "%-d %b"}},
    },
    "cohorts": {
        "data": [
            {
                "type": "heatmap",
                "x": ["M1", "M2", "M3", "M4", "M5"],
                "y": MONTHS,
                "z": BACK,
                "xgap": 3,
                "ygap": 3,
                "text": [["" if cell is None else f"{cell}%" for cell in row] for row in BACK],
                "texttemplate": "%{text}",
                "colorscale": [[0, "var(--surface-2)"], [1, "var(--c1)"]],
                "showscale": False,
                "hoverinfo": "skip",
            }
        ],
        "layout": {"yaxis": {"autorange": "reversed", "showgrid": False}, "xaxis": {"side": "top"}},
    },
    "flows": {
        "data": [
            {
                "type": "sankey",
                "node": {
                    "label": ["Regulars", "Slipping", "Regulars", "Slipping", "Gone"],
                    "pad": 18,
                    "thickness": 10,
                    "color": ["var(--c1)", "var(--c2)", "var(--c1)", "var(--c2)", "var(--c6)"],
                    "line": {"width": 0},
                },
                "link": {
                    "source": [0, 0, 1, 1, 1],
                    "target": [2, 3, 2, 3, 4],
                    "value": [40, 9, 6, 18, 7],
                    "color": ["var(--surface-3)"] * 5,
                },
            }
        ],
        "layout": {},
    },
}


class SampleForm(forms.Form):
    name = forms.CharField(label="Full name", help_text="As you would write it on a parcel.")
    email = forms.EmailField(label="E-mail", required=False)
    spent = forms.DecimalField(
        label="Amount in EUR", help_text="With a dot: 12.50", widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    points = forms.IntegerField(label="Points", required=False, min_value=0)
    birthday = forms.DateField(label="Birthday", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    city = forms.ChoiceField(label="City", choices=[("", "Choose a city"), ("b", "Berlin"), ("c", "成都")])
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    file = forms.FileField(label="File", required=False, help_text="CSV or Excel, up to 1 GB.")
    how = forms.ChoiceField(
        label="If a customer already exists",
        widget=forms.RadioSelect,
        choices=[("fill", "Fill only what is empty"), ("new", "Take what the file says")],
    )
    days = forms.MultipleChoiceField(
        label="Days",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[("sat", "Saturday"), ("sun", "Sunday")],
    )
    agreed = forms.BooleanField(label="They said yes to e-mail", required=False, help_text="Kept with today's date.")

    def clean(self):
        if self.cleaned_data.get("how") == "new":
            raise forms.ValidationError("Taking what the file says needs a file.")


def page(request: HttpRequest) -> HttpResponse:
    """Show every component in every state."""
    wrong = {"email": "lena@", "spent": "12,50", "points": "-5", "city": "x", "how": "new"}
    rows = [
        {
            "id": 1,
            "name": "Theo Patel",
            "email": "theo.patel51@example.com",
            "risk": 0.82,
            "orders": 4,
            "spent_minor": 13745,
        },
        {
            "id": 2,
            "name": "王晓雨",
            "email": "customer188@example.com",
            "risk": 0.41,
            "orders": 6,
            "spent_minor": 17903,
        },
        {
            "id": 3,
            "name": "Elif Haddad",
            "email": "elif.haddad39@example.com",
            "risk": 0.12,
            "orders": 7,
            "spent_minor": 45798,
        },
    ]
    return render(
        request,
        "styleguide.html",
        {
            "icons": sorted(ui.icon_names()),
            "tones": ui.TONES,
            "form": SampleForm(initial={"name": "Lena Hartmann", "how": "fill"}, prefix="right"),
            "wrong_form": SampleForm({f"wrong-{name}": value for name, value in wrong.items()}, prefix="wrong"),
            "rows": rows,
            "points": [4, 6, 9, 8, 11, 14, 13, 15, 15, 14, 16, 19, 18, 22],
            "flat": [5, 5, 5, 5],
            "parts": [
                ("Best customers", 37, "c1", "#"),
                ("Regulars", 49, "c2", "#"),
                ("Promising", 47, "c3", "#"),
                ("New", 45, "c4", "#"),
                ("Slipping", 36, "c5", "#"),
                ("Gone quiet", 26, "c6", ""),
            ],
            "tabs": [("Overview", "#tabs", True), ("Rules", "#rules", False), ("History", "#history", False)],
            "steps": ["Upload file", "Match columns", "Check", "Done"],
            "page_obj": Paginator(range(240), 25).get_page(request.GET.get("page", 2)),
            "weeks": list(zip(WEEKS, RETURNING, NEW)),
        },
    )


def figure(request: HttpRequest, name: str) -> HttpResponse:
    """Return one sample chart; "broken" is no figure, to show what people see then."""
    if name == "broken":
        return HttpResponse("no figure", content_type="text/plain")
    if name not in FIGURES:
        raise Http404
    return JsonResponse(FIGURES[name])
