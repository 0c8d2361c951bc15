"""Automations: the recipes and what they would have done, one automation, its words, and the rules for all."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts import logbook
from crm.campaigns import automating, checklist, overseeing, rehearsing, tasks
from crm.campaigns.automation_forms import AutomationForm, RulesForm, gap_between, letter_forms
from crm.campaigns.models import Automation, Campaign, Rules
from crm.campaigns.scheduling import NotPossible
from crm.campaigns.standing_orders import RECIPES
from crm.lib import clock, hints
from crm.lib.templatetags import say

ON = logbook.kind("automation_on", gettext_lazy("Switched an automation on"), logbook.Group.SENT)
OFF = logbook.kind("automation_off", gettext_lazy("Switched an automation off"), logbook.Group.SENT)
REHEARSE = "rehearse"


@require_safe
def automations(request: HttpRequest) -> HttpResponse:
    return _draw_list(request, RulesForm(instance=Rules.current()))


@require_POST
def rules(request: HttpRequest) -> HttpResponse:
    """Keep how many messages one customer gets, and at which hours automations write."""
    form = RulesForm(request.POST, instance=Rules.current())
    if not form.is_valid():
        return _draw_list(request, form, status=422)
    Rules.objects.update_or_create(id=1, defaults=form.cleaned_data)  # what programs keep there stays as it is
    here = reverse("campaigns:automations")
    logbook.write(logbook.SETTINGS_CHANGED, by=request.user, now=clock.now(), href=here)
    messages.success(request, _("The rules are saved."))
    return redirect("campaigns:automations")


@require_POST
def set_up(request: HttpRequest) -> HttpResponse:
    """Make an automation from a recipe, switched off; a second click finds the same one."""
    slug = request.POST.get("recipe", "")
    if slug not in RECIPES:
        return _draw_list(request, RulesForm(instance=Rules.current()), status=422)
    return redirect(automating.make(slug, shop=request.shop))


@require_safe
def recipe(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a recipe would have done, before anything is made of it; where it was set up, that."""
    if slug not in RECIPES:
        raise Http404
    made = Automation.objects.filter(recipe=slug).order_by("pk").first()
    if made:
        return redirect(made)
    found, steps = automating.draft(slug, shop=request.shop)
    return _draw(request, found, steps)


@require_safe
def automation(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Automation, pk=pk)
    return _draw(request, found, list(found.steps.order_by("step")))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change when it writes and what it says, while it is off."""
    found = get_object_or_404(Automation, pk=pk)
    if found.on_since:
        messages.info(request, _("It is on. Switch it off first, then change it."))
        return redirect(found)
    steps = list(found.live_steps())
    data = request.POST if request.method == "POST" else None
    form = AutomationForm(data, automation=Automation.objects.get(pk=pk), first=steps[0])
    letters = letter_forms(data, steps=steps)
    if data is not None and all([form.is_valid(), *(letter.is_valid() for letter in letters)]):
        budget = form.cleaned_data["points_budget"]
        if missing := gap_between(letters):
            missing.add_error("body", _("There is a message, but none before it."))
        elif budget is not None and budget < max(letter.cleaned_data["points"] for letter in letters):
            form.add_error("points_budget", _("This is not enough for one customer."))
        else:
            try:
                automating.change(
                    found, values=form.own_values(), common=form.shared_values(),
                    letters=[letter.values() for letter in letters if letter.is_there], now=clock.now(),
                )
            except NotPossible as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("It is saved. Look at what it would have done, then switch it on."))
                return redirect(found)
    is_wrong = data is not None
    context = {"automation": found, "form": form, "letters": letters, "fields": overseeing.field_chips()}
    return render(request, "campaigns/automation_edit.html", context, status=422 if is_wrong else 200)


@require_POST
def switch_on(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Automation, pk=pk)
    try:
        switched = automating.switch_on(found, now=clock.now())
    except NotPossible as error:
        messages.error(request, _("It is not switched on. %(why)s") % {"why": error})
        return redirect(found)
    if switched:
        logbook.write(ON, by=request.user, now=clock.now(), href=found.get_absolute_url())
        first = found.steps.order_by("step").first()
        messages.success(
            request,
            _("It is on. It looks for the first time on %(moment)s, and writes about what happens from now on.")
            % {"moment": say.moment(first.next_at)},
        )
    return redirect(found)


@require_POST
def switch_off(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Automation, pk=pk)
    if automating.switch_off(found, now=clock.now()):
        logbook.write(OFF, by=request.user, now=clock.now(), href=found.get_absolute_url())
        messages.success(request, _("It is off. Whoever waited gets nothing; messages that had left have left."))
        hints.hint(tasks.deliver)
    return redirect(found)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Automation, pk=pk)
    if not automating.delete(found):
        messages.error(request, _("Only one that is off and has never written to anybody can be deleted."))
        return redirect(found)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": found.name})
    return redirect("campaigns:automations")


def _draw_list(request: HttpRequest, form: RulesForm, *, status: int = 200) -> HttpResponse:
    current, made = Rules.current(), overseeing.all_of_them()
    context = {
        "made": made,
        "recipes": overseeing.recipes(made, shop=request.shop, rehearsed=current.rehearsed),
        "rehearsed_on": current.rehearsed_on,
        "form": form,
    }
    return render(request, "campaigns/automations.html", context, status=status)


def _draw(request: HttpRequest, found: Automation, steps: list[Campaign]) -> HttpResponse:
    now = clock.now()
    context = {"automation": found, "now": now} | overseeing.one(found, steps, now=now)
    if found.pk is None or found.on_since is None:
        live = [step for step in steps if step.step <= found.step_count]
        checks = checklist.of_steps(live, shop=request.shop) if found.pk else []
        context |= {
            "is_off": True, "checks": checks, "is_blocked": checklist.is_blocked(checks),
            "can_delete": bool(found.pk) and not found.ran_at,
        }  # fmt: skip
        if REHEARSE in request.GET:  # it takes seconds in a big shop, so that the page asks for it once it stands
            rehearsal = rehearsing.rehearse(found, live, shop=request.shop, now=now)
            context |= {"rehearsal": rehearsal, "examples": overseeing.examples(rehearsal)}
    return render(request, "campaigns/automation.html", context)
