"""Insights: what the night run found, each chart with its table, its date and a way to act."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

import crm
from crm.accounts import logbook
from crm.accounts.access import Right, needs
from crm.accounts.models import Shop
from crm.contacts.forms import RISKS
from crm.contacts.groups import GROUPS
from crm.home import charts as home_charts
from crm.lib import clock, csvio
from crm.lib import money as money_units
from loyalty import charts, findings, model_cards, pipeline, track_record, wording, workings
from loyalty.charts import GRADES
from loyalty.models import Run, Score
from loyalty.views import leavers

PAGE_SIZE = 25
MOST_LISTED = 2_000  # further down the money is small and the database slow; the export holds everybody
REACHABLE, GONE = "reachable", "gone"


@needs(reading=Right.REPORTS)
def insights(request: HttpRequest) -> HttpResponse:
    run, shop = Run.objects.latest_done(), request.shop
    context = {"run": run, "notice": findings.notice(now=clock.now(), shop=shop)}
    if run is not None:
        found = charts.numbers(run, shop=shop)
        series = home_charts.revenue_series(found.weeks)
        grid = charts.by_grade(found.cells)
        context |= {
            "found": found,
            "revenue_says": findings.revenue(found, shop=shop),
            "revenue_names": [name for name, _field, _colour in series],
            "revenue_rows": [
                (home_charts.span(week, "week"), [getattr(week, field) for _name, field, _colour in series], week)
                for week in found.weeks
            ],
            "cohorts_say": findings.cohorts(found),
            "cohort_columns": [charts.month_later(n) for n in range(charts.reach(found.cohorts))],
            "cohort_rows": [
                (home_charts.month(cohort.month), cohort.size, charts.shares(cohort, charts.reach(found.cohorts)))
                for cohort in found.cohorts
            ],
            "grid_says": findings.grid(found, shop=shop),
            "grades": GRADES,
            "grid_rows": [(f, [grid[r, f] for r in GRADES]) for f in reversed(GRADES)],
            "risk_says": findings.risk(found, shop=shop, horizon_days=run.horizon_days),
            "bands": [(RISKS[band.slug][0], band, findings.RISK_TONES[band.slug]) for band in found.bands],
            "bins": [(charts.share_span(one), one) for one in found.bins],
            "ahead_says": findings.ahead(found, shop=shop, horizon_days=run.horizon_days),
            "sizes_say": findings.sizes(found),
            "record_says": track_record.headline(shop=shop),
            "group_labels": [group.label for group in GROUPS.values()],
            "size_rows": [
                (home_charts.month(month.date), [month.customers.get(slug, 0) for slug in GROUPS])
                for month in found.months
            ],
        }
    return render(request, "loyalty/insights.html", context)


@needs(reading=Right.REPORTS)
def chart(request: HttpRequest, name: str) -> HttpResponse:
    run = Run.objects.latest_done()
    if run is None or name not in _FIGURES:
        raise Http404
    return home_charts.answer(_FIGURES[name](charts.numbers(run, shop=request.shop), request.shop.currency))


_FIGURES = {
    "revenue": lambda found, currency: home_charts.revenue(found.weeks, grouped="week", currency=currency),
    "cohorts": lambda found, currency: charts.cohort_figure(found.cohorts),
    "grid": lambda found, currency: charts.grid_figure(found.cells),
    "risk": lambda found, currency: charts.risk_figure(found.bins),
    "sizes": lambda found, currency: charts.sizes_figure(found.months),
}


class KnownCount(Paginator):
    """Pages of a list whose length is known already; counting 100,000 scores again would take longer than the page."""

    def __init__(self, rows, per_page: int, *, count: int):
        super().__init__(rows, per_page)
        self.count = count


@dataclass(frozen=True)
class RiskRow:
    score: Score
    tone: str
    quiet_days: int | None
    reason: str
    product: str


def risk(request: HttpRequest) -> HttpResponse:
    run, shop = Run.objects.latest_done(), request.shop
    if run is None:
        return render(
            request, "loyalty/risk.html", {"run": None, "notice": findings.notice(now=clock.now(), shop=shop)}
        )
    found = charts.numbers(run, shop=shop)
    everyone = sum(band.customers for band in found.bands)
    choices = [
        (REACHABLE, _("Not gone yet"), everyone - found.gone.customers),
        *((band.slug, RISKS[band.slug][0], band.customers) for band in found.bands),
        (GONE, _("Gone"), found.gone.customers),
    ]
    back = _back_by_choice(run)
    choices = [(slug, label, count - back[slug]) for slug, label, count in choices]
    counts = {slug: count for slug, _label, count in choices}
    chosen = request.GET.get("band", "")
    if chosen not in counts:
        chosen = REACHABLE
    listed = min(counts[chosen], MOST_LISTED)
    page = KnownCount(_by_stake(run, chosen), PAGE_SIZE, count=listed).get_page(request.GET.get("page"))
    context = {
        "run": run,
        "page": page,
        "rows": [_risk_row(score, shop) for score in page.object_list],
        "says": findings.risk(found, shop=shop, horizon_days=run.horizon_days),
        "chosen": chosen,
        "total": everyone,
        "back": back[chosen],
        "left_out": counts[chosen] - listed,
        "leavers": leavers.panel(run, currency=shop.currency),
        "choices": [(slug, label, count, slug == chosen) for slug, label, count in choices],
    }
    return render(request, "loyalty/risk.html", context)


def _back_by_choice(run: Run) -> dict[str, int]:
    """Return how many have bought since the run, and so have left each of the lists."""
    scores = Score.objects.filter(run=run, contact__fresh__is_back=True, churn_risk__isnull=False)
    counts = dict.fromkeys((REACHABLE, GONE, *RISKS), 0)
    for stage, churn_risk in scores.values_list("stage", "churn_risk"):
        counts[GONE if stage == "lapsed" else REACHABLE] += 1
        counts[next(slug for slug, (_label, low, high) in RISKS.items() if low <= churn_risk < high)] += 1
    return counts


def _by_stake(run: Run, chosen: str):
    """Return the scores of a run by money at stake, the most first, without those who have bought since."""
    rows = Score.objects.filter(run=run, at_stake_minor__isnull=False, churn_risk__isnull=False)
    rows = rows.exclude(contact__fresh__is_back=True)
    if chosen == REACHABLE:
        rows = rows.exclude(stage="lapsed")
    elif chosen == GONE:
        rows = rows.filter(stage="lapsed")
    elif chosen in RISKS:
        _label, low, high = RISKS[chosen]
        rows = rows.filter(churn_risk__gte=low, churn_risk__lt=high)
    return rows.select_related("run", "contact", "next_product").order_by("-at_stake_minor", "-id")


def _risk_row(score: Score, shop: Shop) -> RiskRow:
    last = score.contact.last_order_at
    quiet = (score.run.as_of - clock.local_date(last, shop.timezone)).days if last else -1
    return RiskRow(
        score,
        findings.risk_tone(score.churn_risk),
        quiet if quiet >= 0 else None,  # who bought a moment ago leaves the list within seconds
        findings.reasons(score, currency=shop.currency, most=2),
        wording.product_reason(score.next_product_reason),
    )


def risk_export(request: HttpRequest) -> HttpResponse:
    run = Run.objects.latest_done()
    if run is None:
        raise Http404
    logbook.write(logbook.CUSTOMERS_EXPORTED, by=request.user, now=clock.now())
    band, currency, zone = request.GET.get("band", ""), request.shop.currency, request.shop.timezone
    header = [
        _("Name"), _("E-mail"), _("Churn risk"), _("Money at stake"), _("Currency"), _("Usual gap, days"),
        _("Last order"), _("Reason"), _("Next product"), _("As of"),
    ]  # fmt: skip
    rows = (
        [
            score.contact.display_name,
            score.contact.email,
            f"{score.churn_risk:.3f}",
            money_units.from_minor(score.at_stake_minor, currency),
            currency,
            "" if score.usual_gap_days is None else f"{score.usual_gap_days:.1f}",
            clock.local_date(last, zone).isoformat() if (last := score.contact.last_order_at) else "",
            findings.reasons(score, currency=currency),
            score.next_product.name if score.next_product else "",
            run.as_of.isoformat(),
        ]
        for score in _by_stake(run, band).iterator(chunk_size=2000)
    )
    return csvio.download(f"customers-at-risk-{run.as_of}.csv", header, rows)


def cell(request: HttpRequest) -> HttpResponse:
    """List the people of one square of the recency and frequency grid."""
    run = Run.objects.latest_done()
    try:
        recency, frequency = int(request.GET.get("recency", "")), int(request.GET.get("frequency", ""))
    except ValueError:
        raise Http404 from None
    if run is None or recency not in GRADES or frequency not in GRADES:
        raise Http404
    scores = (
        Score.objects.filter(run=run, recency_grade=recency, frequency_grade=frequency)
        .select_related("contact")
        .order_by("-contact__spent_minor", "-id")
    )
    page = Paginator(scores, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "run": run,
        "page": page,
        "recency": recency,
        "frequency": frequency,
        "rows": [(score, GROUPS.get(score.group)) for score in page.object_list],
        "says": findings.cell(recency, frequency),
        "list_url": findings.list_url(scores.values_list("contact_id", flat=True)),
    }
    return render(request, "loyalty/cell.html", context)


@needs(reading=Right.REPORTS)
def method(request: HttpRequest) -> HttpResponse:
    shop, now = request.shop, clock.now()
    run = Run.objects.latest_done()
    context = {
        "run": run,
        "notice": findings.notice(now=now, shop=shop),
        "tasks": workings.tasks(run, currency=shop.currency) if run else [],
        "stages": workings.stages(run) if run else [],
        "runs": Run.objects.order_by("-id")[:10],
        **_progress(request),
    }
    return render(request, "loyalty/method.html", context)


@needs(reading=Right.REPORTS)
def method_card(request: HttpRequest, task: str) -> HttpResponse:
    """Show one question's model card; `?format=json` hands it to programs."""
    run = Run.objects.latest_done()
    if task not in model_cards.TASKS or run is None:
        raise Http404
    shop, now = request.shop, clock.now()
    card = model_cards.card(task, run, shop=shop, today=clock.local_date(now, shop.timezone))
    if request.GET.get("format") == "json":
        about = {"app": crm.__version__, "run": run.pk, "inputs": run.inputs}
        answer = JsonResponse(card.as_json() | about, json_dumps_params={"indent": 1, "ensure_ascii": False})
        answer.headers["Content-Disposition"] = f'attachment; filename="method-{task}-{run.as_of}.json"'
        return answer
    context = {"run": run, "card": card, "notice": findings.notice(now=now, shop=shop)}
    return render(request, "loyalty/method_card.html", context)


def _progress(request: HttpRequest) -> dict:
    newest = Run.objects.order_by("-id").first()
    working = newest is not None and newest.state in (Run.State.WAITING, Run.State.RUNNING)
    begun = workings.stages(newest) if working else []
    return {"newest": newest, "is_working": working, "done_stages": begun, "steps": len(wording.STAGES)}


@needs(reading=Right.REPORTS)
def progress(request: HttpRequest) -> HttpResponse:
    """Answer the page's question how far the run is; once it is over, the whole page is fetched again."""
    context = _progress(request)
    response = render(request, "loyalty/_progress.html", context)
    if not context["is_working"]:
        response.headers["HX-Refresh"] = "true"
    return response


@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    as_of = pipeline.natural_as_of(shop=request.shop, now=now, today=True)
    if as_of is None:
        messages.info(request, _("There are no orders by known customers yet, so there is nothing to work out."))
    else:
        pipeline.request(as_of=as_of, now=now)
        messages.success(request, _("The numbers are being worked out. You can go on working meanwhile."))
    return redirect("loyalty:method")
