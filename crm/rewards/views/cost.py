"""What the programme costs, and what other rules would have come to: read-only pages."""

import datetime as dt
import hashlib
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_safe

from crm.accounts.access import Right, needs
from crm.accounts.wording import counted
from crm.contacts.models import Contact
from crm.lib import charts, clock, csvio
from crm.lib import money as money_units
from crm.lib.templatetags import say
from crm.orders.models import Order
from crm.rewards import cost_charts, costing, replaying
from crm.rewards.costing import Worth
from crm.rewards.replay_form import DraftForm
from crm.rewards.rules.base import AmountField

MONTHS_SHOWN = 24
KEPT_FOR = 600  # seconds a replay is kept; a new order or another day makes a new one


class WorthForm(forms.Form):
    """What the owner says points are worth, where no reward does or another figure is wanted."""

    per_100 = AmountField(above_zero=True, required=False)

    def __init__(self, *args, said: Worth | None, currency: str, **kwargs):
        is_said = said is not None and said.reward is None
        shown = {"per_100": money_units.from_minor(said.worth_minor, currency)} if is_said else {}
        super().__init__(*args, initial=shown, **kwargs)
        self.currency = currency
        self.fields["per_100"].label = _("100 points are worth (%(currency)s)") % {"currency": currency}
        self.fields["per_100"].help_text = _("Empty: what a reward says.")

    def clean_per_100(self) -> int | None:
        text = self.cleaned_data["per_100"]
        return self.fields["per_100"].read(text, self.currency) if text else None


@dataclass(frozen=True)
class Priced:
    """Points with what they are worth; None where nobody has said."""

    label: object
    points: int
    paper_minor: int | None
    expected_minor: int | None


@needs(reading=Right.BOOKS)
@require_http_methods(["GET", "HEAD", "POST"])
def cost(request: HttpRequest) -> HttpResponse:
    worth = costing.point_worth()
    form = WorthForm(request.POST or None, said=worth, currency=request.shop.currency)
    if request.method == "POST" and form.is_valid():
        costing.say_worth(form.cleaned_data["per_100"])
        messages.success(request, counted(_("Saved. Points are counted at this worth from now on."), request.shop.kind))
        return redirect("rewards:cost")
    found = costing.cost(now=clock.now())
    run_off = found.run_off
    context = {
        "form": form,
        "worth": worth,
        "is_said": worth is not None and worth.reward is None,
        "cost": found,
        "paper_minor": worth and worth.of(found.outstanding),
        "expected_minor": worth and run_off and worth.of(run_off.expected),
        "low_minor": worth and run_off and worth.of(run_off.low),
        "high_minor": worth and run_off and worth.of(run_off.high),
        "states": [
            Priced(_("Can be spent"), found.active, worth and worth.of(found.active), None),
            Priced(_("Pending"), found.pending, worth and worth.of(found.pending), None),
        ],
        "slices": _priced(found.by_month, worth),
        "levels": _priced(found.by_level, worth),
        "movements": list(reversed(found.movements[-MONTHS_SHOWN:])),
        "finding": _finding(found),
    }
    return render(request, "rewards/cost.html", context, status=422 if form.errors else 200)


@needs(reading=Right.BOOKS)
@require_safe
def cost_chart(request: HttpRequest) -> HttpResponse:
    found = costing.cost(now=clock.now())
    return charts.answer(cost_charts.movement(found.movements[-MONTHS_SHOWN:]))


@needs(reading=Right.BOOKS)
@require_safe
def movement_csv(request: HttpRequest) -> HttpResponse:
    """Send every month's movement, by the day things happened or, with ?by=written, by the day they were written."""
    by = request.GET.get("by", "happened")
    column = {"happened": costing.HAPPENED, "written": costing.WRITTEN}.get(by)
    if column is None:
        raise Http404
    worth, currency = costing.point_worth(), request.shop.currency
    header = [
        _("Month"), _("Opening"), _("Issued"), _("Redeemed"), _("Expired"), pgettext("points", "Taken back"),
        _("Closing"), _("Closing, worth (%(currency)s)") % {"currency": currency},
    ]  # fmt: skip
    rows = [
        [
            f"{one.first:%Y-%m}", one.opening, one.issued, one.redeemed, one.expired, one.reversed, one.closing,
            money_units.from_minor(worth.of(one.closing), currency) if worth else "",
        ]
        for one in costing.movement(now=clock.now(), column=column)
    ]  # fmt: skip
    return csvio.download(f"points-by-month-{by}.csv", header, rows)


@require_safe
def replay(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    form = _draft(request, now)
    is_asked = bool(request.GET)
    if is_asked and not form.is_valid():
        return render(request, "rewards/replay.html", {"form": form}, status=422)
    context = {"form": form, "has_orders": _last_order() is not None}
    if is_asked and context["has_orders"]:
        past, comparison = _compared(form, now)
        people = Contact.objects.in_bulk([one.contact_id for one in comparison.examples])
        today_name, draft_name = cost_charts.plan_names()
        context |= {
            "past": past,
            "comparison": comparison,
            "today_name": today_name,
            "draft_name": draft_name,
            "has_rules": bool(form.rules),
            "has_reward": form.today_worth is not None,
            "losers": [(people[one.contact_id], one) for one in comparison.examples if one.contact_id in people],
            "owed": list(zip(past.months.firsts, comparison.today.owed_minor, comparison.draft.owed_minor)),
            "changes": form.changes(),
            "query": request.GET.urlencode(),
        }
    return render(request, "rewards/replay.html", context)


@require_safe
def replay_chart(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    form = _draft(request, now)
    if not form.is_valid() or _last_order() is None:
        raise Http404
    past, comparison = _compared(form, now)
    return charts.answer(cost_charts.owed(past, comparison, request.shop.currency))


def _priced(slices: list[costing.Slice], worth: Worth | None) -> list[Priced]:
    return [
        Priced(
            one.key,
            one.points,
            worth and worth.of(one.points),
            worth.of(one.expected) if worth and one.expected is not None else None,
        )
        for one in slices
    ]


def _draft(request: HttpRequest, now: dt.datetime) -> DraftForm:
    worth = costing.reward_worth()
    seen = replaying.seen_share(worth.points) if worth else None
    form = DraftForm(
        request.GET or None,
        rules=replaying.todays_rules(now=now),
        worth=worth,
        share=replaying.USUAL_SHARE if seen is None else seen,
        currency=request.shop.currency,
    )
    if seen is None:
        form.fields["share"].help_text = _("A guess, until more customers could have redeemed.")
    else:
        form.fields["share"].help_text = _("So many have, of those who were given enough points.")
    return form


def _last_order() -> int | None:
    return Order.objects.aggregate(last=Max("pk"))["last"]


def _compared(form: DraftForm, now: dt.datetime) -> tuple[replaying.Past, replaying.Comparison]:
    """Run today's rules and the draft over the past; kept for the chart, which asks for the same a moment later."""
    said = sorted((name, str(value)) for name, value in form.cleaned_data.items())
    rules = [(rule.pk, rule.ends_on) for rule in form.rules]
    asked = repr((said, rules, form.today_worth and form.today_worth.reward.pk, _last_order(), f"{now:%Y%m%d}"))
    key = f"rewards-replay:{hashlib.sha256(asked.encode()).hexdigest()}"
    return cache.get_or_set(key, lambda: _run(form, now), KEPT_FOR)


def _run(form: DraftForm, now: dt.datetime) -> tuple[replaying.Past, replaying.Comparison]:
    months = replaying.months_of_levels([*form.todays(), *form.drafted()])
    past = replaying.of_past(now=now, earlier_months=months)
    worth = form.draft_worth
    today = replaying.plan(form.todays(), worth=form.today_worth or worth, past=past)
    draft = replaying.plan(form.drafted(), worth=worth, past=past)
    comparison = replaying.compare(today, draft, past, share=form.cleaned_data["share"] / 100)
    return past.without_rows(), comparison


def _finding(found: costing.Cost) -> str:
    if not found.movements:
        return ""
    last = found.movements[-1]
    return _("%(month)s: %(issued)s points issued, %(redeemed)s redeemed, %(expired)s expired.") % {
        "month": charts.month(last.first),
        "issued": say.number(last.issued),
        "redeemed": say.number(last.redeemed),
        "expired": say.number(last.expired),
    }
