"""The Today page and the demo's doors."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from crm.accounts.access import Right, may, may_open, needs
from crm.contacts.models import Contact
from crm.home import actions, charts, checklist, demo, figures, happenings, keyfigures, notices, taking
from crm.home import today as todays
from crm.home.figures import PERIODS
from crm.home.models import Action
from crm.lib import clock
from crm.lib.htmx import toast

PERIOD_LABELS = {"30d": gettext_lazy("30 days"), "90d": gettext_lazy("90 days"), "1y": gettext_lazy("1 year")}
DEFAULT_PERIOD = "90d"


@dataclass(frozen=True)
class Row:
    """A line of the chart's table."""

    label: str
    takings: figures.Takings
    amounts: list[int]


@needs(reading=Right.REPORTS)
def today(request: HttpRequest) -> HttpResponse:
    now, shop = clock.now(), request.shop
    context = {
        "greeting": todays.greeting(request.user, now=now, zone=shop.timezone),
        "notices": _notices(request, now),
        "steps": [] if shop.is_demo or not may(request.user, Right.OWN) else checklist.steps(shop=shop),
        "now": now,
        **(_suggestions(now, shop=shop) if may(request.user, Right.OWN) else {}),
        **_revenue(request, now),
    }
    books = context["books"]
    context["lead"] = todays.lead(shop=shop, books=books, now=now)
    context["is_empty"] = books is None and not Contact.objects.exists()
    if books:
        context["key_figures"] = keyfigures.read(shop=shop, days=books.days, today=clock.local_date(now, shop.timezone))
    context["groups"] = todays.groups()
    if may(request.user, Right.SERVE):
        context["happenings"] = happenings.latest(now=now)
    return render(request, "home/today.html", context)


def _notices(request: HttpRequest, now) -> list[notices.Notice]:
    """Return what is said to whoever looks: all of it to owners, to others what leads where they may go."""
    said, user = notices.read(now=now, shop=request.shop), request.user
    if may(user, Right.OWN):
        return said
    return [one for one in said if one.link_url and not one.post_url and may_open(user, one.link_url)]


def _suggestions(now, *, shop) -> dict:
    """Return what the list of suggestions is drawn from: each with what is known of its draft, if it makes one."""
    shown = actions.current(now=now)
    drafts = taking.drafts(shown, shop=shop)
    for one in shown:
        one.draft = drafts.get(one.key)
    return {
        "suggestions": shown,
        "local_today": clock.local_date(now, shop.timezone),
        "suggested_on": min((one.as_of for one in shown), default=None),
        "hidden_count": actions.hidden_count(now=now),
    }


def _period(request: HttpRequest) -> figures.Period:
    return PERIODS.get(request.GET.get("period", ""), PERIODS[DEFAULT_PERIOD])


def _revenue(request: HttpRequest, now) -> dict:
    shop, period = request.shop, _period(request)
    books = todays.books(shop=shop, period=period, now=now)
    if books is None:
        return {"books": None}
    series = charts.revenue_series(books.bars)
    return {
        "books": books,
        "period": period,
        "periods": [(slug, PERIOD_LABELS[slug], slug == period.slug) for slug in PERIODS],
        "revenue_finding": todays.finding(books.bars, shop=shop),
        "revenue_names": [name for name, _field, _colour in series],
        "revenue_rows": [
            Row(charts.span(bar, period.grouped), bar, [getattr(bar, field) for _name, field, _colour in series])
            for bar in books.bars
        ],
    }


@needs(reading=Right.REPORTS)
def revenue_chart(request: HttpRequest) -> HttpResponse:
    period = _period(request)
    books = todays.books(shop=request.shop, period=period, now=clock.now())
    bars = books.bars if books else []
    return charts.answer(charts.revenue(bars, grouped=period.grouped, currency=request.shop.currency))


@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """Go on with a suggestion: where it is something to write, straight to the draft."""
    action = Action.objects.filter(key=request.POST.get("key", "")).first()
    if action is None:
        messages.info(request, _("This suggestion is not there any more."))
        return redirect("home:today")
    return redirect(taking.take(action, shop=request.shop, now=clock.now()))


@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    key, now = request.POST.get("key", ""), clock.now()
    if not actions.dismiss(key, now=now):
        messages.info(request, _("This suggestion is not there any more."))
        return _after_suggestion(request, now)
    if request.htmx:
        return toast(
            _after_suggestion(request, now),
            _("Hidden for 14 days."),
            undo_url=f"{reverse('home:bring_back')}?key={key}",
        )
    messages.success(request, _("Hidden for 14 days. You can bring it back at the foot of the list."))
    return redirect("home:today")


@require_POST
def bring_back(request: HttpRequest) -> HttpResponse:
    key = request.POST.get("key") or request.GET.get("key", "")
    if key:
        actions.bring_back(key)
    else:
        actions.bring_back_all()
    return _after_suggestion(request, clock.now())


def _after_suggestion(request: HttpRequest, now) -> HttpResponse:
    if request.htmx:
        return render(request, "home/today.html#worth", _suggestions(now, shop=request.shop))
    return redirect("home:today")


@require_POST
def demo_start(request: HttpRequest) -> HttpResponse:
    try:
        demo.fill(now=clock.now())
    except demo.NotEmpty:
        messages.error(
            request, _("Your shop already has customers or orders; the demo would mix invented ones among them.")
        )
    else:
        messages.success(
            request,
            _(
                "Here is a bakery with invented customers. Nothing you do here reaches anybody. Groups, risks and "
                "suggestions are being worked out, those of past months first; that takes less than a minute."
            ),
        )
    return redirect("home:today")


@require_POST
def demo_remove(request: HttpRequest) -> HttpResponse:
    try:
        demo.remove(now=clock.now())
    except demo.NotADemo:
        messages.error(request, _("This is your own shop, not the demo. Nothing was removed."))
        return redirect("home:today")
    messages.success(request, _("The demo is removed. Your account and your settings are as they were."))
    return redirect("accounts:doors")
