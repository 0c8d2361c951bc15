"""The Loyalty page: what points are out there, what they buy, how they live, and whether the books are right."""

import datetime as dt

from django.contrib import messages
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts import logbook
from crm.accounts.access import Right, needs
from crm.accounts.wording import counted
from crm.contacts.models import Contact
from crm.lib import clock, hints
from crm.rewards import auditing, level_groups, tasks, tiers
from crm.rewards.forms import ProgrammeForm, RewardForm
from crm.rewards.models import Account, Entry, Programme, Reward, Rule
from crm.rewards.rules import RULES
from crm.rewards.views.rules import RULES_CHANGED, shown_rule

DAYS = 30
TOP = 10


@needs(reading=Right.REPORTS)
def home(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    today = clock.local_date(now, request.shop.timezone)
    since, _until = clock.day_bounds(today - dt.timedelta(days=DAYS - 1), request.shop.timezone)
    rules = [shown_rule(rule, today) for rule in Rule.objects.order_by("-starts_on", "-pk")]
    moved = Entry.objects.filter(at__gte=since).aggregate(
        given=Sum("points", filter=Q(points__gt=0)), taken=Sum("points", filter=Q(points__lt=0))
    )
    held = Account.objects.aggregate(
        points=Sum("balance", filter=Q(balance__gt=0)),
        pending=Sum("pending"),
        holders=Count("pk", filter=Q(balance__gt=0)),
        owed=Sum("debt"),
        debtors=Count("pk", filter=Q(debt__gt=0)),
    )
    top = Contact.objects.filter(points_balance__gt=0).order_by("-points_balance", "-pk")[:TOP]
    context = {
        "today": today,
        "since": since,
        "in_force": [shown for shown in rules if not shown.has_ended],
        "past": [shown for shown in rules if shown.has_ended],
        "is_catching_up": any(shown.is_catching_up for shown in rules),
        "given": moved["given"] or 0,
        "taken": -(moved["taken"] or 0),
        "held": held,
        "top": top,
        "levels": [
            (level, people, level_groups.slug(number))
            for number, (level, people) in enumerate(tiers.counts(now=now), start=1)
        ],
        "owing": Contact.objects.filter(points_balance__lt=0).order_by("points_balance", "pk")[:TOP],
        "rewards": Reward.objects.filter(is_active=True).order_by("points", "pk"),
        "programme": Programme.current(),
        "usual_step_minor": RULES["per_amount"].starter(currency=request.shop.currency)["step_minor"],
        "audit": auditing.latest(),
        "is_auditing": auditing.is_asked_for(),
    }
    return render(request, "rewards/home.html", context)


def reward_new(request: HttpRequest) -> HttpResponse:
    said = {name: request.GET[name] for name in RewardForm.field_order if name in request.GET}
    form = RewardForm(request.POST or None, initial=said, currency=request.shop.currency)
    if request.method == "POST" and form.is_valid():
        reward = form.save()
        text = _("Points can now be redeemed for “%(name)s”.") % {"name": reward.name}
        messages.success(request, counted(text, request.shop.kind))
        return redirect(reverse("rewards:home") + "#rewards")
    return render(request, "rewards/reward_form.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def reward_stop(request: HttpRequest, pk: int) -> HttpResponse:
    reward = get_object_or_404(Reward, pk=pk)
    Reward.objects.filter(pk=pk).update(is_active=False)
    name = {"name": reward.name}
    messages.success(request, _("“%(name)s” is not on offer any more. What was redeemed stays.") % name)
    return redirect(reverse("rewards:home") + "#rewards")


def programme(request: HttpRequest) -> HttpResponse:
    form = ProgrammeForm(request.POST or None, instance=Programme.current())
    if request.method == "POST" and form.is_valid():
        form.save()
        logbook.write(RULES_CHANGED, by=request.user, now=clock.now(), href=reverse("rewards:programme"))
        messages.success(request, counted(_("Saved. It holds from now on for all points."), request.shop.kind))
        return redirect("rewards:home")
    return render(request, "rewards/programme.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def audit(request: HttpRequest) -> HttpResponse:
    auditing.ask(now=clock.now())
    hints.hint(tasks.audit)
    return redirect(reverse("rewards:home") + "#books")
