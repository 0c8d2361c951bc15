"""The figures of the Today page; how a figure is sent and dressed: crm.lib.charts."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from crm.home.figures import Takings
from crm.lib.charts import answer as answer
from crm.lib.charts import money_axis, month, plain_layout, thinned
from crm.lib.charts import steps as steps
from crm.lib.templatetags import say


def span(bar: Takings, grouped: str) -> str:
    """Name a bar in the reader's language: a day, the days of a week, or a month."""
    if grouped == "week":
        return f"{say.short_day(bar.first)} – {say.short_day(bar.last)}"
    return mark(bar, grouped)


def mark(bar: Takings, grouped: str) -> str:
    """Name a bar as shortly as an axis needs it."""
    return month(bar.first) if grouped == "month" else say.short_day(bar.first)


def revenue_series(bars: Sequence[Takings]) -> list[tuple[str, str, str]]:
    """Return (name, field of Takings, colour) of what the bars are made of; the unnamed only where there are any."""
    series = [
        (_("Returning customers"), "returning_minor", "var(--c1)"),
        (_("New customers"), "new_minor", "var(--c2)"),
    ]
    if any(bar.unnamed_minor for bar in bars):
        series.append((_("No name known"), "unnamed_minor", "var(--c6)"))
    return series


def revenue(bars: Sequence[Takings], *, grouped: str, currency: str):
    """Return the stacked bars of revenue from returning, new and unnamed customers."""
    import plotly.graph_objects as go

    series = revenue_series(bars)
    labels = [span(bar, grouped) for bar in bars]
    figure = go.Figure(
        [
            go.Bar(
                name=name,
                x=list(range(len(bars))),
                y=[getattr(bar, field) for bar in bars],
                customdata=[[label, say.money(getattr(bar, field), currency)] for bar, label in zip(bars, labels)],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}",
                marker={"color": colour, "line": {"width": 0}},
            )
            for name, field, colour in series
        ]
    )
    highest = max((sum(max(getattr(bar, field), 0) for _n, field, _c in series) for bar in bars), default=0)
    lowest = min((sum(min(getattr(bar, field), 0) for _n, field, _c in series) for bar in bars), default=0)
    plain_layout(
        figure,
        barmode="relative",
        bargap=0.28,
        xaxis=thinned([mark(bar, grouped) for bar in bars]),
        yaxis=money_axis(lowest, highest, currency),
    )
    return figure
