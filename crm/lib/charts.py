"""Plotly figures as JSON for static/js/app.js, which draws them and puts the theme's colours in.

Colours are written "var(--c1)"; the template is left out, because it would add 6 KB to each answer.
Every text in a figure is formatted here, in the reader's language: the browser's date words are not
reliable in Chinese.
"""

import math
from collections.abc import Sequence

from django.http import HttpResponse

from crm.lib import money as money_units
from crm.lib.templatetags import say


def answer(figure) -> HttpResponse:
    """Send a figure as JSON."""
    return HttpResponse(figure.to_json(), content_type="application/json")


def plain_layout(figure, **more) -> None:
    """Take plotly's own look off a figure, for the page's script to dress it; `more` is layout of its own."""
    figure.update_layout(template=None, legend_traceorder="normal")
    figure.update_xaxes(zeroline=False)
    figure.update_layout(**more)


def steps(highest: float, *, count: int = 4) -> list[float]:
    """Return round axis values from 0 to at least `highest`: 1, 2 or 5 times a power of ten apart."""
    if highest <= 0:
        return [0]
    rough = highest / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * n for n in range(math.ceil(highest / step) + 1)]


def money_axis(lowest_minor: int, highest_minor: int, currency: str) -> dict:
    """Return an axis of amounts whose marks read like the amounts in the tables."""
    unit = 10 ** money_units.digits(currency)
    marks = [mark * unit for mark in steps(max(highest_minor, -lowest_minor) / unit)]
    if lowest_minor < 0:
        marks = [-mark for mark in reversed(marks[1:]) if -mark >= lowest_minor * 1.2] + marks
    return {"tickvals": marks, "ticktext": [say.rough_money(round(mark), currency) for mark in marks]}


def thinned(labels: Sequence[str], *, at_most: int = 6) -> dict:
    """Return an axis that writes every n-th of its labels, the last one among them."""
    every = max(1, math.ceil(len(labels) / at_most))
    shown = [n for n in range(len(labels)) if (len(labels) - 1 - n) % every == 0]
    return {"tickvals": shown, "ticktext": [labels[n] for n in shown], "tickangle": 0}


month = say.month
