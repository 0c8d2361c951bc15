"""The figures of the cost and replay pages."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from crm.lib import charts
from crm.lib.templatetags import say
from crm.rewards.costing import Movement
from crm.rewards.replaying import Comparison, Past


def movement_series() -> list[tuple[str, str, int, str]]:
    """Return (name, field of Movement, sign, colour) of what a month did to the points that are out."""
    return [
        (_("Issued"), "issued", 1, "var(--c1)"),
        (_("Redeemed"), "redeemed", -1, "var(--c3)"),
        (_("Expired"), "expired", -1, "var(--c2)"),
        (pgettext("points", "Taken back"), "reversed", -1, "var(--c6)"),
    ]


def movement(movements: Sequence[Movement]):
    """Return the bars of what was issued, above, and of what left, below."""
    import plotly.graph_objects as go

    labels = [charts.month(one.first) for one in movements]
    figure = go.Figure(
        [
            go.Bar(
                name=name,
                x=list(range(len(movements))),
                y=[sign * getattr(one, field) for one in movements],
                customdata=[[label, say.number(getattr(one, field))] for one, label in zip(movements, labels)],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}",
                marker={"color": colour, "line": {"width": 0}},
            )
            for name, field, sign, colour in movement_series()
        ]
    )
    highest = max((one.issued for one in movements), default=0)
    lowest = max((one.redeemed + one.expired + one.reversed for one in movements), default=0)
    marks = charts.steps(max(highest, lowest))
    below = [-mark for mark in reversed(marks[1:]) if mark <= lowest * 1.2]
    marks = below + [mark for mark in marks if mark <= highest * 1.2]
    charts.plain_layout(
        figure,
        barmode="relative",
        bargap=0.28,
        xaxis=charts.thinned(labels, at_most=4),
        yaxis={"tickvals": marks, "ticktext": [say.number(abs(round(mark))) for mark in marks]},
    )
    return figure


def plan_names() -> tuple[str, str]:
    return _("Today's rules"), pgettext("rules", "Your draft")


def owed(past: Past, comparison: Comparison, currency: str):
    """Return the lines of what would have been owed at the end of each month, under both plans."""
    import plotly.graph_objects as go

    labels = [charts.month(first) for first in past.months.firsts]
    plans = [comparison.today, comparison.draft]
    figure = go.Figure(
        [
            go.Scatter(
                name=name,
                x=list(range(len(labels))),
                y=outcome.owed_minor,
                mode="lines",
                customdata=[[label, say.money(minor, currency)] for label, minor in zip(labels, outcome.owed_minor)],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}",
                line={"color": colour, "width": 2, "dash": dash},
            )
            for name, outcome, colour, dash in zip(plan_names(), plans, ("var(--c1)", "var(--c2)"), ("solid", "dot"))
        ]
    )
    highest = max((minor for outcome in plans for minor in outcome.owed_minor), default=0)
    charts.plain_layout(figure, xaxis=charts.thinned(labels, at_most=4), yaxis=charts.money_axis(0, highest, currency))
    return figure
