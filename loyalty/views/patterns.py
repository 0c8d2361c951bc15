"""Insights: what goes together, and who behaves alike."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.access import Right, needs
from crm.home import charts as home_charts
from crm.lib import clock
from crm.orders.models import Product
from loyalty import findings, wording, workings
from loyalty.models import Found, Run
from loyalty.stages import patterns

COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")
_MOST_PICTURED = 600
TOGETHER = (patterns.RULES, patterns.PAIRS, patterns.STEPS, patterns.CLOCKS)

# How a group stands out, by feature: (more than usual, less than usual).
MARKS = {
    "quiet": (gettext_lazy("quiet for long"), gettext_lazy("here only recently")),
    "visits": (gettext_lazy("come often"), gettext_lazy("came seldom")),
    "spend": (gettext_lazy("spent much"), gettext_lazy("spent little")),
    "age": (gettext_lazy("with you for long"), gettext_lazy("new")),
    "visits_lately": (gettext_lazy("busy lately"), gettext_lazy("hardly here lately")),
    "spend_lately": (gettext_lazy("spending lately"), gettext_lazy("hardly spending lately")),
    "mean_spend": (gettext_lazy("large orders"), gettext_lazy("small orders")),
    "steadiness": (gettext_lazy("at a steady beat"), gettext_lazy("at no fixed beat")),
}
PLAYS = (
    gettext_lazy("Thank them, show them what is new first, and do not spend discounts on them."),
    gettext_lazy("Remind them of what they buy at their beat; a small extra for the next visit."),
    gettext_lazy("Ask what they are missing, and make the next visit easy."),
    gettext_lazy("A reason to come back, once; then leave them in peace."),
)


@dataclass(frozen=True)
class Group:
    number: int
    name: str
    size: int
    share: float
    spend_minor: int
    play: str
    href: str
    colour: str


@needs(reading=Right.REPORTS)
def together(request: HttpRequest) -> HttpResponse:
    run = Run.objects.latest_done()
    found = _found(run, *TOGETHER)
    ids = {
        product
        for kind in TOGETHER
        for row in found.get(kind, {}).get("rows", [])
        for product in _products(row)
    }
    names = dict(Product.objects.filter(pk__in=ids).values_list("pk", "name"))
    rows = {
        kind: [row for row in found.get(kind, {}).get("rows", []) if all(one in names for one in _products(row))]
        for kind in TOGETHER
    }
    context = {
        "run": run,
        "notice": findings.notice(now=clock.now(), shop=request.shop),
        "missing": workings.missing(run, "together") if run else "",
        "baskets": found.get(patterns.PAIRS, {}).get("baskets", 0),
        "pairs": [(*(names[one] for one in row["products"]), row) for row in rows[patterns.PAIRS]],
        "rules": [([names[one] for one in row["left"]], names[row["right"]], row) for row in rows[patterns.RULES]],
        "steps": [(names[row["first"]], names[row["then"]], row) for row in rows[patterns.STEPS]],
        "clocks": [(names[row["product"]], row) for row in rows[patterns.CLOCKS]],
    }
    return render(request, "loyalty/together.html", context)


def alike(request: HttpRequest) -> HttpResponse:
    run = Run.objects.latest_done()
    found = _found(run, patterns.GROUPS).get(patterns.GROUPS)
    context = {
        "run": run,
        "notice": findings.notice(now=clock.now(), shop=request.shop),
        "missing": workings.missing(run, "alike") if run else "",
        "found": found,
        "groups": groups(found) if found else [],
        "method": wording.CLUSTERS.get(found["chosen"]["method"], "") if found else "",
        "trials": [(wording.CLUSTERS[trial["method"]], trial) for trial in found["trials"]] if found else [],
    }
    return render(request, "loyalty/alike.html", context)


def picture(request: HttpRequest) -> HttpResponse:
    """Draw customers so that those who behave alike stand near each other."""
    import plotly.graph_objects as go

    found = _found(Run.objects.latest_done(), patterns.GROUPS).get(patterns.GROUPS)
    if not found:
        raise Http404
    figure = go.Figure()
    for group in groups(found):
        points = [point for point in found["picture"] if point[2] == group.number][:_MOST_PICTURED]
        figure.add_scatter(
            name=group.name, x=[x for x, _y, _label in points], y=[y for _x, y, _label in points], mode="markers",
            marker={"color": f"var(--{group.colour})", "size": 6, "opacity": 0.7}, hoverinfo="name",
        )  # fmt: skip
    home_charts.plain_layout(
        figure, xaxis={"tickvals": [], "ticktext": []}, yaxis={"tickvals": [], "ticktext": []}
    )  # fmt: skip
    return home_charts.answer(figure)


def groups(found: dict) -> list[Group]:
    """Return the groups in words, those with the best outlook first."""
    people = sum(row["size"] for row in found["rows"])
    names = _names([row["marks"] for row in found["rows"]])
    last = max(len(found["rows"]) - 1, 1)
    return [
        Group(
            number=row["number"],
            name=names[place],
            size=row["size"],
            share=row["size"] / people,
            spend_minor=row["spend_minor"],
            play=str(PLAYS[round(place / last * (len(PLAYS) - 1))]),
            href=reverse("contacts:list") + "?ids=" + ",".join(map(str, row["members"])),
            colour=COLOURS[place % len(COLOURS)],
        )
        for place, row in enumerate(found["rows"])
    ]


def _names(marks_of_groups: list[list]) -> list[str]:
    """Return two things that set each group most apart, as words; a third where two groups would be called alike."""
    names, taken = [], []
    for marks in marks_of_groups:
        said = [str(MARKS[feature][here < of_all]) for feature, here, of_all in marks if here != of_all]
        chosen = said[:2] if set(said[:2]) not in taken else [said[0], *said[2:3]]
        taken.append(set(chosen))
        text = _(", ").join(chosen) or _("like everybody")
        names.append(text[0].upper() + text[1:])
    return names


def _found(run: Run | None, *kinds: str) -> dict[str, dict]:
    return dict(Found.objects.filter(run=run, kind__in=kinds).values_list("kind", "data")) if run else {}


def _products(row: dict) -> list[int]:
    """Return every product a row speaks of."""
    if "left" in row:
        return [*row["left"], row["right"]]
    return row.get("products") or [row[name] for name in ("first", "then", "product") if name in row]
