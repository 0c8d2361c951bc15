"""The rules: set, ended, withdrawn; nothing is given before the owner has seen what it gives."""

import datetime as dt
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from crm.accounts import logbook
from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.lib import clock, hints
from crm.lib.templatetags import say
from crm.rewards import rule_changing, tasks, tiers
from crm.rewards.forms import EndForm
from crm.rewards.models import Rule
from crm.rewards.rules import JOINING, ORDER, RULES, read_terms, say_terms
from crm.rewards.rules import Rule as Kind
from crm.rewards.rules.base import RuleForm

RULES_CHANGED = logbook.kind("rules_changed", gettext_lazy("Changed the rules for points"), logbook.Group.SETTINGS)


@dataclass(frozen=True)
class RuleShown:
    rule: Rule
    kind: Kind
    says: str
    conditions: list[str]
    has_begun: bool
    has_ended: bool
    is_catching_up: bool

    @property
    def is_in_force(self) -> bool:
        return self.has_begun and not self.has_ended


def rule_new(request: HttpRequest) -> HttpResponse:
    slug = request.POST.get("kind") or request.GET.get("kind", "")
    kind = RULES.get(slug)
    if kind is None:
        return render(request, "rewards/rule_kinds.html", {"kinds": RULES.values()})
    now = clock.now()
    today = clock.local_date(now, request.shop.timezone)
    if request.method != "POST":
        form = kind.form(currency=request.shop.currency, initial=_first_values(request, kind, today))
        return render(request, "rewards/rule_form.html", {"form": form, "kind": kind})

    form = kind.form(request.POST, currency=request.shop.currency)
    if form.is_valid():
        rule = {
            "kind": slug,
            "params": form.stored(),
            "starts_on": form.cleaned_data["starts_on"],
            "ends_on": form.cleaned_data.get("ends_on"),
        }
        try:
            replaced = rule_changing.replaced_by(**rule, today=today)
            asks = replaced is not None or rule["starts_on"] < today or slug == tiers.KIND
            if rule["starts_on"] < today and not kind.may_start_in_past:
                raise rule_changing.StartsTooEarly
            if asks and "confirmed" not in request.POST:
                return _confirm(request, kind, form, rule, replaced, now=now)
            rule_changing.start(**rule, now=now)
        except rule_changing.RuleOverlaps as overlap:
            form.add_error("starts_on", _overlap(overlap.rule, kind))
        except rule_changing.StartsTooEarly:
            text = _("Choose today or a later day: nobody held a level before, or was promised a gift.")
            form.add_error("starts_on", text)
        else:
            hints.hint(tasks.catch_up)
            logbook.write(RULES_CHANGED, by=request.user, now=now, href=reverse("rewards:home"))
            text = _("The rule is set: %(rule)s.") % {"rule": kind.says(kind.read(rule["params"]))}
            messages.success(request, counted(text, request.shop.kind))
            return redirect("rewards:home")
    return render(request, "rewards/rule_form.html", {"form": form, "kind": kind}, status=422)


@require_POST
def rule_usual(request: HttpRequest) -> HttpResponse:
    try:
        rule_changing.start_the_usual(now=clock.now())
    except rule_changing.RuleOverlaps:
        messages.info(request, _("There are rules already; nothing was changed."))
    else:
        hints.hint(tasks.catch_up)
        if request.shop.kind == Shop.Kind.CAFE:
            text = _("From today on, every purchase earns a stamp. Now add what a full card buys.")
        else:
            text = _("From today on, orders earn points and new customers get a welcome gift.")
        messages.success(request, counted(text, request.shop.kind))
    return redirect("rewards:home")


def rule_end(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(Rule, pk=pk)
    now = clock.now()
    today = clock.local_date(now, request.shop.timezone)
    shown = shown_rule(rule, today)
    if not shown.is_in_force:
        messages.info(request, _("This rule is not in force; nothing was changed."))
        return redirect("rewards:home")
    form = EndForm(request.POST or None, initial={"ends_on": today.isoformat()})
    if request.method == "POST" and form.is_valid():
        try:
            rule_changing.end(pk, ends_on=form.cleaned_data["ends_on"], now=now)
        except rule_changing.EndsTooEarly:
            form.add_error("ends_on", _("Choose today or a later day: what was given stays given."))
        except rule_changing.NotInForce:
            messages.info(request, _("This rule is not in force; nothing was changed."))
            return redirect("rewards:home")
        else:
            hints.hint(tasks.catch_up)
            logbook.write(RULES_CHANGED, by=request.user, now=now, href=reverse("rewards:home"))
            last_day = say.day(form.cleaned_data["ends_on"])
            messages.success(request, _("The rule ends. Its last day is %(date)s.") % {"date": last_day})
            return redirect("rewards:home")
    return render(request, "rewards/rule_end.html", {"form": form, "shown": shown}, status=422 if form.errors else 200)


@require_POST
def rule_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Rule, pk=pk)
    try:
        rule_changing.withdraw(pk, now=clock.now())
    except rule_changing.NotInForce:
        messages.error(request, _("This rule has begun: end it instead. Nothing was changed."))
    else:
        messages.success(request, _("The rule was removed before it began."))
    return redirect("rewards:home")


def shown_rule(rule: Rule, today: dt.date) -> RuleShown:
    """Return a rule in words, with where it stands on a day."""
    kind = RULES[rule.kind]
    params = kind.read(rule.params)
    return RuleShown(
        rule=rule,
        kind=kind,
        says=kind.says(params),
        conditions=[*kind.conditions(params), *say_terms(read_terms(rule.params))],
        has_begun=rule.starts_on <= today,
        has_ended=rule.ends_on is not None and rule.ends_on < today,
        is_catching_up=rule.catch_up_from is not None and rule.catch_up_from <= today,
    )


def _first_values(request: HttpRequest, kind: Kind, today: dt.date) -> dict:
    """Return what a new rule's form shows first: what the address says, else the usual, from a day that is free.

    Levels begin with those in force, because the new ones take their place.
    """
    standing = Rule.objects.filter(Q(ends_on=None) | Q(ends_on__gte=today), kind=kind.slug).order_by("starts_on").last()
    starts_on = today + dt.timedelta(days=1) if standing else today
    params = standing.params if standing and kind.slug == tiers.KIND else kind.starter(currency=request.shop.currency)
    usual = kind.form.shown(params, currency=request.shop.currency)
    return usual | {"starts_on": starts_on.isoformat()} | {k: v for k, v in request.GET.items() if k != "kind"}


def _confirm(
    request: HttpRequest, kind: Kind, form: RuleForm, rule: dict, replaced: Rule | None, *, now: dt.datetime
) -> HttpResponse:
    today = clock.local_date(now, request.shop.timezone)
    is_made_up_for = kind.occasion in (ORDER, JOINING)
    back = request.POST.copy()
    back.pop("csrfmiddlewaretoken", None)
    context = {
        "kind": kind,
        "form": form,
        "starts_on": rule["starts_on"],
        "says": kind.says(kind.read(rule["params"])),
        "ends_on": rule["ends_on"],
        "conditions": [*kind.conditions(kind.read(rule["params"])), *say_terms(read_terms(rule["params"]))],
        "replaced": replaced and shown_rule(replaced, today),
        "replaced_until": rule["starts_on"] - dt.timedelta(days=1),
        "preview": rule_changing.preview(**rule, now=now) if rule["starts_on"] < today and is_made_up_for else None,
        "standing": _standing_on(rule["params"], now=now) if kind.slug == tiers.KIND else [],
        "back": f"{reverse('rewards:rule_new')}?{back.urlencode()}",
    }
    return render(request, "rewards/rule_confirm.html", context)


def _standing_on(params: dict, *, now: dt.datetime) -> list[tuple[str, int]]:
    return [(level.name, people) for level, people in tiers.preview(params, now=now)]


def _overlap(rule: Rule, kind: Kind) -> str:
    values = {"rule": kind.says(kind.read(rule.params)), "start": say.day(rule.starts_on), "end": say.day(rule.ends_on)}
    if rule.ends_on is None:
        return _(
            "“%(rule)s” covers these days, since %(start)s. Choose a day after today, and it will end before."
        ) % values
    return _("“%(rule)s” covers days from %(start)s to %(end)s. Choose a later day.") % values
