"""The numbers of the Insights page and their plotly figures. A chart and its table are drawn from the same rows.

Numbers are those of one finished run and are kept in the cache until the next one: what a run says never changes.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Case, Count, IntegerField, Q, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.contacts.forms import RISKS
from crm.contacts.groups import GROUPS
from crm.home import charts as home_charts
from crm.home import figures
from crm.home.charts import plain_layout
from crm.home.figures import Takings
from crm.lib import clock
from crm.lib.templatetags import say
from crm.orders.models import Order
from loyalty.models import Run, Score, Snapshot

WEEKS = 26
COHORTS = 12
MONTHS = 24
BEST = 10
GRADES = (1, 2, 3, 4, 5)
# Three bars for each band of the customer list's risk filter (crm.contacts.forms.RISKS).
EDGES = (0.0, 0.11, 0.22, 0.33, 0.44, 0.55, 0.66, 0.77, 0.88, 1.0)
_KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Cohort:
    """People whose first order fell in one month; `came_back[n]` of them ordered n + 1 months later."""

    month: dt.date
    size: int
    came_back: list[int | None]  # None: that month is not over yet


@dataclass(frozen=True)
class Cell:
    recency: int
    frequency: int
    customers: int
    spent_minor: int
    quiet: int = 0  # of these, who used to come often and have gone quiet: the group "at risk"
    quiet_minor: int = 0  # what those have spent


@dataclass(frozen=True)
class Band:
    """Customers between two risks, and the money that goes with them."""

    slug: str
    low: float
    high: float
    customers: int
    at_stake_minor: int


@dataclass(frozen=True)
class Month:
    date: dt.date
    customers: dict[str, int]  # by group


@dataclass(frozen=True)
class Ahead:
    """What all customers together are thought to bring within the horizon, and the most promising of them."""

    value_minor: int
    top_minor: int  # of it by the tenth that is worth most
    best: list[tuple[int, str, int, int, int]]  # contact, name, middle, low, high


@dataclass(frozen=True)
class Numbers:
    run_id: int
    as_of: dt.date
    weeks: list[Takings]
    cohorts: list[Cohort]
    cells: list[Cell]
    bins: list[Band]
    gone: Band  # of these, who have stayed away for so long that they count as gone
    gone_at_high_risk: int
    months: list[Month]
    ahead: Ahead | None = None

    @property
    def bands(self) -> list[Band]:
        """Return the customers of low, medium and high risk."""
        found = []
        for slug, (_label, low, high) in RISKS.items():
            bars = [one for one in self.bins if low <= one.low < high]
            found.append(
                Band(slug, low, min(high, 1.0), sum(b.customers for b in bars), sum(b.at_stake_minor for b in bars))
            )
        return found


def numbers(run: Run, *, shop: Shop) -> Numbers:
    """Return everything the page says about a run."""
    key = f"insights4:{run.pk}:{shop.currency}:{shop.timezone}"
    found = cache.get(key)
    if found is None:
        found = Numbers(
            run.pk, run.as_of, _weeks(run, shop), _cohorts(run, shop), _cells(run), _bins(run), *_gone(run), _months(),
            _ahead(run),
        )
        cache.set(key, found, _KEPT_SECONDS)
    return found


def _weeks(run: Run, shop: Shop) -> list[Takings]:
    newest = figures.newest_order_on(shop=shop, now=clock.day_bounds(run.as_of, shop.timezone)[1])
    if newest is None:
        return []
    first = run.as_of - dt.timedelta(days=7 * WEEKS - 1)
    return figures.by_week(figures.by_day(first, run.as_of, shop=shop))


def _month_starts(last: dt.date, count: int) -> list[dt.date]:
    """Return the first days of `count` months up to the one of `last`, and of the month after."""
    index = last.year * 12 + last.month - 1
    return [dt.date(n // 12, n % 12 + 1, 1) for n in range(index - count + 1, index + 2)]


def _cohorts(run: Run, shop: Shop) -> list[Cohort]:
    starts = _month_starts(run.as_of, COHORTS)
    bounds = [clock.day_bounds(start, shop.timezone)[0] for start in starts]

    def month_of(field: str) -> Case:
        return Case(
            *(When(**{f"{field}__lt": bound}, then=Value(n)) for n, bound in enumerate(bounds[1:])),
            output_field=IntegerField(),
        )

    rows = (
        Order.objects.counting()
        .filter(kind=Order.Kind.SALE, placed_at__gte=bounds[0], placed_at__lt=bounds[-1])
        .filter(contact__first_order_at__gte=bounds[0])
        .annotate(cohort=month_of("contact__first_order_at"), month=month_of("placed_at"))
        .values("cohort", "month")
        .annotate(customers=Count("contact", distinct=True))
        .values_list("cohort", "month", "customers")
        .order_by()
    )
    found = {(cohort, month): customers for cohort, month, customers in rows}
    # The month of the run's date counts once it is over.
    over = COHORTS if run.as_of + dt.timedelta(days=1) == starts[-1] else COHORTS - 1
    cohorts = []
    for n, start in enumerate(starts[:-1]):
        size = found.get((n, n), 0)
        if size:
            came = [found.get((n, later), 0) if later < over else None for later in range(n + 1, COHORTS)]
            cohorts.append(Cohort(start, size, came))
    return cohorts


def _cells(run: Run) -> list[Cell]:
    at_risk = Q(group="at_risk")
    rows = (
        Score.objects.filter(run=run)
        .values("recency_grade", "frequency_grade")
        .annotate(
            customers=Count("id"),
            spent=Coalesce(Sum("contact__spent_minor"), 0),
            quiet=Count("id", filter=at_risk),
            quiet_spent=Coalesce(Sum("contact__spent_minor", filter=at_risk), 0),
        )
        .order_by()
        .values_list("recency_grade", "frequency_grade", "customers", "spent", "quiet", "quiet_spent")
    )
    return [Cell(*row) for row in rows]


def _bins(run: Run) -> list[Band]:
    """Return how many customers have which risk; empty where the run knows none."""
    last = len(EDGES) - 2
    place = Case(
        *(When(churn_risk__lt=EDGES[n + 1], then=Value(n)) for n in range(last)),
        default=Value(last),
        output_field=IntegerField(),
    )
    rows = (
        Score.objects.filter(run=run, churn_risk__isnull=False)
        .annotate(place=place)
        .values("place")
        .annotate(customers=Count("id"), stake=Sum("at_stake_minor"))
        .values_list("place", "customers", "stake")
        .order_by()
    )
    found = {place: (customers, stake or 0) for place, customers, stake in rows}
    if not found:
        return []
    return [Band("", EDGES[n], EDGES[n + 1], *found.get(n, (0, 0))) for n in range(last + 1)]


def _gone(run: Run) -> tuple[Band, int]:
    """Return who counts as gone, and how many of them are at high risk."""
    _label, low, _high = RISKS["high"]
    found = Score.objects.filter(run=run, stage="lapsed", churn_risk__isnull=False).aggregate(
        customers=Count("id"), stake=Sum("at_stake_minor"), at_high_risk=Count("id", filter=Q(churn_risk__gte=low))
    )
    return Band("gone", 0.0, 1.0, found["customers"], found["stake"] or 0), found["at_high_risk"]


def _ahead(run: Run) -> Ahead | None:
    """Return the money ahead; None where the run told none."""
    told = Score.objects.filter(run=run, value_ahead_minor__isnull=False)
    found = told.aggregate(customers=Count("id"), value=Sum("value_ahead_minor"))
    if not found["customers"]:
        return None
    ranked = told.order_by("-value_ahead_minor", "-id")
    top = ranked.values_list("value_ahead_minor", flat=True)[: max(round(found["customers"] / 10), 1)]
    best = [
        (one.contact_id, one.contact.display_name, one.value_ahead_minor, one.value_low_minor, one.value_high_minor)
        for one in ranked.select_related("contact")[:BEST]
    ]  # fmt: skip
    return Ahead(found["value"], sum(top), best)


def _months() -> list[Month]:
    """Return the group sizes at the end of each of the last 24 months."""
    sizes: dict[dt.date, dict[str, int]] = {}
    for month, group, customers in Snapshot.objects.order_by("-month").values_list("month", "group", "customers"):
        if month not in sizes and len(sizes) == MONTHS:
            break
        sizes.setdefault(month, {})[group] = customers
    return [Month(month, sizes[month]) for month in sorted(sizes)]


# Figures


def reach(cohorts: Sequence[Cohort]) -> int:
    """Return after how many months the oldest cohort has been seen."""
    return max((sum(n is not None for n in cohort.came_back) for cohort in cohorts), default=0)


def shares(cohort: Cohort, columns: int) -> list[float | None]:
    """Return which share of a cohort ordered in each month after its first, None where that month is not over."""
    came_back = [*cohort.came_back, *[None] * columns][:columns]
    return [None if customers is None else customers / cohort.size for customers in came_back]


def cohort_figure(cohorts: Sequence[Cohort]):
    """Return the heatmap of how many came back, by month of the first order, the oldest on top."""
    import plotly.graph_objects as go

    columns = reach(cohorts)
    rows = [shares(cohort, columns) for cohort in cohorts]
    figure = go.Figure(
        go.Heatmap(
            x=[month_later(n) for n in range(columns)],
            y=[f"{home_charts.month(cohort.month)} · {say.number(cohort.size)}" for cohort in cohorts],
            z=rows,
            text=[["" if share is None else say.percent(share) for share in row] for row in rows],
            texttemplate="%{text}",
            hovertemplate="%{y}<br>%{x}: %{text}<extra></extra>",
            hoverongaps=False,
            colorscale=[[0, "var(--surface-2)"], [1, "var(--c1)"]],
            **_readable(max((share for row in rows for share in row if share), default=0)),
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    plain_layout(
        figure,
        xaxis={"side": "top", "type": "category", "title": {"text": _("Months after the first order")}},
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False},
    )
    return figure


def _readable(highest: float) -> dict:
    """Keep a heatmap's darkest square pale enough for the numbers in it, in both themes."""
    return {"zmin": 0, "zmax": 1.6 * highest or 1, "textfont": {"color": "var(--ink)"}}


def month_later(n: int) -> str:
    """Name a column of the cohorts: +1 is the month after the first order."""
    return f"+{n + 1}"


def grid_figure(cells: Sequence[Cell]):
    """Return the grid of how recently and how often customers buy."""
    import plotly.graph_objects as go

    grid = by_grade(cells)
    figure = go.Figure(
        go.Heatmap(
            x=[str(grade) for grade in GRADES],
            y=[str(grade) for grade in GRADES],
            z=[[grid[r, f].customers for r in GRADES] for f in GRADES],
            text=[[say.number(grid[r, f].customers) for r in GRADES] for f in GRADES],
            texttemplate="%{text}",
            hovertemplate=_("Recency %{x}, frequency %{y}: %{text} customers") + "<extra></extra>",
            colorscale=[[0, "var(--surface-2)"], [1, "var(--c3)"]],
            **_readable(max(cell.customers for cell in grid.values())),
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    plain_layout(
        figure,
        xaxis={"type": "category", "title": {"text": _("Bought recently →")}},
        yaxis={"type": "category", "title": {"text": _("Buys often →")}, "showgrid": False},
    )
    return figure


def by_grade(cells: Sequence[Cell]) -> dict[tuple[int, int], Cell]:
    """Return every cell of the grid, empty ones too."""
    empty = {(r, f): Cell(r, f, 0, 0) for r in GRADES for f in GRADES}
    return empty | {(cell.recency, cell.frequency): cell for cell in cells}


def risk_figure(bins: Sequence[Band]):
    """Return the bars of how many customers have which risk; the colour repeats the band written above."""
    import plotly.graph_objects as go

    colours = {"low": "var(--c3)", "medium": "var(--c5)", "high": "var(--bad-ink)"}
    figure = go.Figure()
    for slug, (label, low, high) in RISKS.items():
        bars = [one for one in bins if low <= one.low < high]
        figure.add_bar(
            name=str(label),
            x=[(one.low + one.high) / 2 for one in bars],
            width=[(one.high - one.low) * 0.9 for one in bars],
            y=[one.customers for one in bars],
            customdata=[share_span(one) for one in bars],
            marker={"color": colours[slug]},
            hovertemplate="%{customdata}: %{y}<extra></extra>",
        )
    edges = sorted({low for _label, low, _high in RISKS.values()} | {1.0})
    marks = home_charts.steps(max((one.customers for one in bins), default=0))
    plain_layout(
        figure,
        barmode="overlay",
        xaxis={"range": [0, 1], "tickvals": edges, "ticktext": [say.percent(edge) for edge in edges]},
        yaxis={"tickvals": marks, "ticktext": [say.number(round(mark)) for mark in marks]},
    )
    return figure


def share_span(band: Band) -> str:
    """Write the risks of a bar: 0–11%."""
    return f"{round(band.low * 100)}–{say.percent(band.high)}"


def sizes_figure(months: Sequence[Month]):
    """Return the stacked areas of group sizes at the end of each month."""
    import plotly.graph_objects as go

    labels = [home_charts.month(month.date) for month in months]
    figure = go.Figure()
    for slug, group in GROUPS.items():
        figure.add_scatter(
            name=str(group.label),
            x=list(range(len(months))),
            y=[month.customers.get(slug, 0) for month in months],
            customdata=labels,
            hovertemplate="%{customdata}: %{y}",
            mode="lines" if len(months) > 1 else "markers",
            stackgroup="all",
            line={"color": f"var(--{group.colour})", "width": 1.5},
            fillcolor=f"var(--{group.colour})",
        )
    highest = max((sum(month.customers.values()) for month in months), default=0)
    marks = home_charts.steps(highest)
    plain_layout(
        figure,
        xaxis=home_charts.thinned(labels, at_most=4),
        yaxis={"tickvals": marks, "ticktext": [say.number(round(mark)) for mark in marks]},
    )
    return figure
