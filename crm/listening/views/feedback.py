"""What customers say: the score over time, what it hangs on, the words of the unhappy, and every answer."""

from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from crm.accounts.access import Right, needs
from crm.contacts.groups import GROUPS
from crm.lib import charts, clock, digits
from crm.lib.paging import QuickPages
from crm.lib.templatetags import say
from crm.listening import overview as overviews
from crm.listening.models import Answer, Feeling
from crm.listening.overview import Overview
from crm.listening.scoring import FEWEST, FEWEST_COMPARED, TOP, Score
from crm.orders.models import Product
from crm.portal import invitations

PAGE_SIZE = 30
SHOWS = [
    ("", gettext_lazy("All")),
    ("bad", gettext_lazy("Unhappy")),
    ("good", gettext_lazy("Happy")),
    ("words", gettext_lazy("With words")),
    ("quote", gettext_lazy("May be quoted")),
]


@needs(reading=Right.SERVE)
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show what all answers together say."""
    seen = overviews.read(shop=request.shop, now=clock.now())
    context = {
        "seen": seen, "sentence": _sentence(seen), "finding": _finding(seen), "fewest": FEWEST,
        "fewest_compared": FEWEST_COMPARED,
        "months": [(month, _said(month.score, seen.asks)) for month in reversed(seen.months)],
        "mailings": [(one, _rate(one.rate)) for one in seen.mailings],
        "rate": seen.rate and _rate(seen.rate),
        "products": _compared(seen, "products"), "groups": _compared(seen, "groups"),
        "quotes": [(one.comment, invitations.first_name(one.contact) if one.contact else "") for one in seen.quotes],
        "counts": [(Feeling(name).label, count, name) for name, count in seen.counts.items()],
        "words": seen.digest.body["words"] if seen.digest else [],
    }  # fmt: skip
    return render(request, "listening/overview.html", context)


@needs(reading=Right.SERVE)
@require_safe
def chart(request: HttpRequest) -> HttpResponse:
    """Draw the score of each month with its interval."""
    import plotly.graph_objects as go

    seen = overviews.read(shop=request.shop, now=clock.now())
    months = [month for month in seen.months if month.score.is_enough]
    scale = 100 if seen.asks == "faces" else 1
    figure = go.Figure(
        [
            go.Scatter(
                x=list(range(len(months))),
                y=[month.score.value * scale for month in months],
                error_y={
                    "type": "data", "symmetric": False, "thickness": 1.5, "width": 5, "color": "var(--c1)",
                    "array": [(month.score.high - month.score.value) * scale for month in months],
                    "arrayminus": [(month.score.value - month.score.low) * scale for month in months],
                },
                mode="markers",
                marker={"color": "var(--c1)", "size": 9},
                customdata=[[say.month(month.first), _said(month.score, seen.asks)] for month in months],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            )
        ]
    )  # fmt: skip
    marks = [0, 25, 50, 75, 100] if seen.asks == "faces" else [-100, -50, 0, 50, 100]
    charts.plain_layout(
        figure,
        showlegend=False,
        xaxis=charts.thinned([say.month(month.first) for month in months], at_most=4)
        | {"range": [-0.5, len(months) - 0.5]},
        yaxis={
            "tickvals": marks, "range": [marks[0] - 4, 104],
            "ticktext": [say.percent(mark / 100) if seen.asks == "faces" else say.number(mark) for mark in marks],
        },
    )  # fmt: skip
    return charts.answer(figure)


@needs(reading=Right.SERVE)
@require_safe
def answers(request: HttpRequest) -> HttpResponse:
    """List the answers, newest first: all, or those of a feeling, with a word, about a product."""
    show, words = request.GET.get("show", ""), request.GET.get("q", "").strip()[:100]
    product = Product.objects.filter(pk=digits.read(request.GET.get("product"))).first()
    group = request.GET.get("group", "")
    group = group if group in GROUPS else ""
    rows = _shown(Answer.objects.all(), show)
    if words:
        rows = rows.filter(comment__icontains=words)
    if product:
        rows = rows.filter(order__in=product.lines.values("order"))
    if group:
        rows = rows.filter(contact__group=group)
    pages = QuickPages(
        rows.order_by("-at", "-pk"), PAGE_SIZE, drawn=Answer.objects.select_related("contact", "order", "conversation"),
        is_filtered=bool(words or product or group or show),
    )  # fmt: skip
    page = pages.get_page(request.GET.get("page"))
    for answer in page:
        answer.top = TOP[answer.asks]
    kept = {"q": words, "product": product.pk if product else "", "group": group}
    shows = [(label, "?" + urlencode({"show": value} | kept), value == show) for value, label in SHOWS]
    context = {
        "page": page, "show": show, "words": words, "product": product, "group": GROUPS[group].label if group else "",
        "total": pages.shown, "shows": shows,
        "is_filtered": bool(words or product or group or show),
    }  # fmt: skip
    return render(request, "listening/answers.html", context)


def _shown(rows: QuerySet[Answer], show: str) -> QuerySet[Answer]:
    match show:
        case "bad" | "good":
            return rows.filter(feeling=show)
        case "words":
            return rows.exclude(comment="")
        case "quote":
            return rows.filter(may_quote=True)
    return rows


def _compared(seen: Overview, kind: str) -> dict | None:
    """Return the rows of a comparison as the page writes them."""
    if seen.digest is None:
        return None
    body, shown = seen.digest.body[kind], []
    for row in body["rows"]:
        score = Score(row["answers"], row["value"], row["low"], row["high"])
        name = GROUPS[row["key"]].label if kind == "groups" and row["key"] in GROUPS else row["name"]
        is_apart = seen.score is not None and (row["high"] < seen.score.low or row["low"] > seen.score.high)
        shown.append(
            {"name": name, "key": row["key"], "score": score, "said": _said(score, seen.asks), "is_apart": is_apart}
        )
    return {"rows": shown, "too_few": body["too_few"], "more": body["more"]}


def _said(score: Score, asks: str) -> str:
    """Write a score with its interval, or that there are too few answers."""
    if not score.is_enough:
        return _("too few to say")
    if asks == "faces":
        return _("%(value)s happy (between %(low)s and %(high)s)") % {
            "value": say.percent(score.value), "low": say.percent(score.low), "high": say.percent(score.high)
        }  # fmt: skip
    return _("%(value)s (between %(low)s and %(high)s)") % {
        "value": say.number(round(score.value)), "low": say.number(round(score.low)),
        "high": say.number(round(score.high)),
    }  # fmt: skip


def _rate(rate: Score) -> str:
    return _("%(value)s answered (between %(low)s and %(high)s)") % {
        "value": say.percent(rate.value), "low": say.percent(rate.low), "high": say.percent(rate.high)
    }  # fmt: skip


def _sentence(seen: Overview) -> str:
    """Say the score in one sentence, with its doubt and its dates."""
    if seen.score is None:
        return ""
    count = say.number(seen.score.answers)
    dates = {"count": count, "since": say.day(seen.since), "today": say.day(seen.today)}
    if not seen.score.is_enough:
        return ngettext(
            "%(count)s answer since %(since)s: too few to say how satisfied your customers are.",
            "%(count)s answers since %(since)s: too few to say how satisfied your customers are.",
            seen.score.answers,
        ) % dates  # fmt: skip
    return _range(seen, dates)


def _range(seen: Overview, dates: dict) -> str:
    score = seen.score
    low, high = (
        (say.percent(score.low), say.percent(score.high))
        if seen.asks == "faces"
        else (say.number(round(score.low)), say.number(round(score.high)))
    )
    return _(
        "From %(count)s answers, %(since)s to %(today)s. With so many, the truth lies between %(low)s and %(high)s "
        "95 times of 100."
    ) % (dates | {"low": low, "high": high})


def _finding(seen: Overview) -> str:
    """Say in one sentence what the chart shows."""
    months = [month for month in seen.months if month.score.is_enough]
    if len(months) < 2:
        return ""
    before, last = months[-2], months[-1]
    names = {"before": say.month(before.first), "last": say.month(last.first)}
    if last.score.low > before.score.high:
        return _("%(last)s was better than %(before)s.") % names
    if last.score.high < before.score.low:
        return _("%(last)s was worse than %(before)s.") % names
    return _("%(last)s and %(before)s do not differ more than chance would make them.") % names
