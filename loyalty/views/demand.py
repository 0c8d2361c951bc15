"""Insights: what will be sold in the weeks ahead, product by product, and how long the stock lasts."""

import datetime as dt
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Count, F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm.accounts.access import Right, needs
from crm.contacts.listing import contains
from crm.lib import charts, clock, csvio
from crm.lib.templatetags import say
from crm.orders.models import Product
from loyalty import findings, wording, workings
from loyalty.models import Forecast, Found, Run
from loyalty.restocking import DEMAND, Stock, forecasts
from loyalty.restocking import stock as stock_of
from loyalty.views.insights import KnownCount

PAGE_SIZE = 50
SELLING, SHORT, STOPPED = "selling", "short", "stopped"
SORTS = {
    "name": "product__name", "sold": "sold", "last_year": "last_year", "expected": "expected", "stock": "on_hand",
    "left": "left",
}  # fmt: skip
DEFAULT_SORT = "-expected"


@dataclass(frozen=True)
class Row:
    forecast: Forecast
    says: str
    stock: Stock | None


@needs(reading=Right.REPORTS)
@require_GET
def demand(request: HttpRequest) -> HttpResponse:
    """List the products with what is expected of each."""
    run = Run.objects.latest_done()
    found = _found(run)
    context = {
        "run": run, "notice": findings.notice(now=clock.now(), shop=request.shop), "found": found,
        "missing": _missing(run) if run and not found else "",
    }  # fmt: skip
    if found:
        sort, words, show = request.GET.get("sort", DEFAULT_SORT), _words(request), _show(request)
        counts = _counts(run)
        listed = _listed(run, show, words, sort)
        pages = Paginator(listed, PAGE_SIZE) if words else KnownCount(listed, PAGE_SIZE, count=counts[show])
        page = pages.get_page(request.GET.get("page"))
        context |= {
            "says": wording.how_good_demand(found | {"until": run.as_of}),
            "weeks": found["weeks"],
            "until": run.as_of + dt.timedelta(weeks=found["weeks"]),
            "page": page,
            "rows": [_row(one, run, found["weeks"]) for one in page.object_list],
            "words": words,
            "show": show,
            "sort": sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
            "total": sum(counts.values()),
            "has_stock": Product.objects.filter(stock__isnull=False).exists(),
            "choices": [
                (SELLING, _("Selling"), counts[SELLING], show == SELLING),
                *([(SHORT, _("May run short"), counts[SHORT], show == SHORT)] if counts[SHORT] else []),
                (STOPPED, _("No longer selling"), counts[STOPPED], show == STOPPED),
            ],
        }
    return render(request, "loyalty/demand.html", context)


@needs(reading=Right.REPORTS)
@require_GET
def product(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one product's past weeks, what is expected, and how long the stock lasts."""
    run = Run.objects.latest_done()
    forecast = get_object_or_404(forecasts(run), product_id=pk)
    found = _found(run)
    h = found["weeks"]
    row = _row(forecast, run, h)
    context = {
        "run": run,
        "row": row,
        "forecast": forecast,
        "product": forecast.product,
        "weeks": h,
        "until": run.as_of + dt.timedelta(weeks=h),
        "stock_says": _stock_says(row.stock, forecast, h) if row.stock else "",
        "good": wording.how_good_demand(found | {"until": run.as_of}),
        "past": list(reversed(_past(forecast, run))),
    }
    return render(request, "loyalty/demand_product.html", context)


@needs(reading=Right.REPORTS)
@require_GET
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw a product's weeks and, per week, what is expected of those ahead."""
    import plotly.graph_objects as go

    run = Run.objects.latest_done()
    forecast = get_object_or_404(forecasts(run), product_id=pk)
    h = _found(run)["weeks"]
    past = _past(forecast, run)
    labels = [say.short_day(day) for day, _units in past]
    figure = go.Figure()
    figure.add_bar(
        name=_("Sold in a week"), x=list(range(len(past))), y=[units for _day, units in past],
        customdata=[[label, say.units(units)] for label, (_day, units) in zip(labels, past)],
        hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>", marker={"color": "var(--c1)"},
    )  # fmt: skip
    middle, low, high = (value / h for value in (forecast.expected, forecast.low, forecast.high))
    figure.add_bar(
        name=_("Expected in a week, and the span"), x=[len(past) + (h - 1) / 2], width=[h * 0.9], y=[middle],
        error_y={
            "type": "data", "symmetric": False, "array": [high - middle], "arrayminus": [middle - low],
            "color": "var(--ink)", "thickness": 1.5, "width": 6,
        },
        customdata=[[says(forecast, h)]], hovertemplate="%{customdata[0]}<extra></extra>",
        marker={"color": "var(--c2)"},
    )  # fmt: skip
    marks = charts.steps(max([high, *(units for _day, units in past)], default=0))
    ends = [*labels, *(say.short_day(run.as_of + dt.timedelta(weeks=n)) for n in range(1, h + 1))]
    charts.plain_layout(
        figure, bargap=0.2, barmode="overlay", xaxis=charts.thinned(ends),
        yaxis={"tickvals": marks, "ticktext": [say.number(round(mark, 2)) for mark in marks]},
    )  # fmt: skip
    return charts.answer(figure)


@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """Download the list as CSV, as it is filtered and sorted on the page."""
    run = Run.objects.latest_done()
    found = _found(run)
    if not found:
        raise Http404
    h = found["weeks"]
    header = [
        _("Product"), _("SKU"), _("Category"), _("Sold in the last %(weeks)s weeks") % {"weeks": h},
        _("These weeks a year ago"), _("Expected in %(weeks)s weeks") % {"weeks": h}, _("From"), _("To"),
        _("Units on hand"), _("Lasts until"), _("Order at least"), _("Note"), _("As of"),
    ]  # fmt: skip
    listed = _listed(run, _show(request), _words(request), request.GET.get("sort", DEFAULT_SORT))
    notes = {
        "": "", Forecast.Note.FEW: _("few sales"), Forecast.Note.NEW: _("new"),
        Forecast.Note.SEASON: _("seasonal"), Forecast.Note.STOPPED: _("stopped"),
    }  # fmt: skip

    def cells(one: Forecast) -> list:
        stock = stock_of(one, run, h)
        return [
            one.product.name, one.product.sku, one.product.category, _plain(one.sold), _plain(one.last_year),
            _plain(one.expected), _plain(one.low), _plain(one.high),
            *((_plain(stock.units), stock.lasts or "", _plain(stock.missing)) if stock else ("", "", "")),
            notes[one.note], run.as_of.isoformat(),
        ]  # fmt: skip

    return csvio.download(f"demand-{run.as_of}.csv", header, map(cells, listed.iterator(chunk_size=2000)))


# What is read


def _found(run: Run | None) -> dict:
    return (Found.objects.filter(run=run, kind=DEMAND).values_list("data", flat=True).first() or {}) if run else {}


def _missing(run: Run) -> str:
    """Return what is still missing for a forecast, in the owner's words."""
    if DEMAND not in run.stages:
        return _("Forecasts of products come with the next night run.")
    return workings.missing(run, DEMAND)


def _counts(run: Run) -> dict[str, int]:
    notes = dict(Forecast.objects.filter(run=run).values_list("note").annotate(Count("id")).order_by())
    gone = notes.pop(Forecast.Note.STOPPED, 0)
    return {SELLING: sum(notes.values()), SHORT: _listed(run, SHORT, "", DEFAULT_SORT).count(), STOPPED: gone}


def _words(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:100]


def _show(request: HttpRequest) -> str:
    asked = request.GET.get("show")
    return asked if asked in (SHORT, STOPPED) else SELLING


def _listed(run: Run, show: str, words: str, sort: str) -> QuerySet[Forecast]:
    found = forecasts(run)
    if show == STOPPED:
        found = found.filter(note=Forecast.Note.STOPPED)
    else:
        found = found.exclude(note=Forecast.Note.STOPPED)
    if show == SHORT:
        found = found.filter(product__stock__isnull=False, on_hand__lt=F("high"))
    if words:
        found = found.filter(contains(("product__name", "product__sku", "product__category"), words))
    if sort.removeprefix("-") not in SORTS:
        sort = DEFAULT_SORT
    column = F(SORTS[sort.removeprefix("-")])
    ordered = column.desc(nulls_last=True) if sort.startswith("-") else column.asc(nulls_last=True)
    if SORTS[sort.removeprefix("-")] == "expected":
        ordered = column.desc() if sort.startswith("-") else column.asc()
    return found.select_related("product").defer("weeks").order_by(ordered, "-id")


def _past(forecast: Forecast, run: Run) -> list[tuple[dt.date, float]]:
    """Return (last day, units) of each week kept, the oldest first."""
    count = len(forecast.weeks)
    return [
        (run.as_of - dt.timedelta(weeks=count - 1 - place), units) for place, units in enumerate(forecast.weeks)
    ]


# What is said


def _plain(units: float | None) -> str:
    return "" if units is None else f"{units:g}"


def says(forecast: Forecast, h: int) -> str:
    """Say what is expected of a product."""
    words = {"low": say.units(forecast.low), "high": say.units(forecast.high), "weeks": say.number(h)}
    if forecast.note == Forecast.Note.STOPPED:
        return _("Has stopped selling; the last sale was on %(date)s.") % {"date": say.day(forecast.last_sold)}
    if forecast.note == Forecast.Note.NEW:
        return _("New: too early to say more than %(low)s to %(high)s in the next %(weeks)s weeks.") % words
    if forecast.note == Forecast.Note.FEW:
        return _("Too few sales to say more than %(low)s to %(high)s in the next %(weeks)s weeks.") % words
    if forecast.note == Forecast.Note.SEASON:
        return (
            _("A product of one season, told by its own last year: %(low)s to %(high)s in the next %(weeks)s weeks.")
            % words
        )
    return _("Expect to sell %(low)s to %(high)s in the next %(weeks)s weeks.") % words


def _row(forecast: Forecast, run: Run, h: int) -> Row:
    return Row(forecast, says(forecast, h), stock_of(forecast, run, h))


def _stock_says(stock: Stock, forecast: Forecast, h: int) -> str:
    """Say how long the stock lasts and what to do about it."""
    if not stock.units:
        return _("By the last count, nothing is left. Order it, or count again.")
    words = {
        "units": say.units(stock.units), "lasts": say.day(stock.lasts), "worst": say.day(stock.at_worst),
        "weeks": say.number(h), "missing": say.units(stock.missing),
    }  # fmt: skip
    if stock.lasts is None and forecast.note == Forecast.Note.SEASON:
        text = _("%(units)s on hand should be enough for the next %(weeks)s weeks.") % words
    elif stock.lasts is None:
        return _("%(units)s on hand: enough for more than a year.") % words
    else:
        text = _("%(units)s on hand last until about %(lasts)s, and until %(worst)s if it sells well.") % words
    if stock.missing:
        more = _("To be safe for the next %(weeks)s weeks, have %(missing)s more before %(worst)s.") % words
        return f"{text} {more}"
    return text
