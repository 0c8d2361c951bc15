"""Campaigns: the last look before a draft goes out, and its schedule."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from crm.accounts import logbook
from crm.campaigns import audience, capping, channels, checklist, scheduling, tasks, variants
from crm.campaigns.forms import ScheduleForm
from crm.campaigns.models import Campaign
from crm.lib import bulk, clock, hints
from crm.lib.templatetags import say

SCHEDULED = logbook.kind("campaign_scheduled", gettext_lazy("Scheduled a campaign"), logbook.Group.SENT)


@require_safe
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what will happen, who is left out and what still blocks it, and ask when."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment"), pk=pk)
    if campaign.automation:
        return redirect(campaign.automation)
    if campaign.state != Campaign.State.DRAFT:
        return redirect(campaign)
    return _draw_review(request, campaign)


@require_POST
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the draft on the schedule; a second post changes nothing."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment"), pk=pk)
    if campaign.automation:
        return redirect(campaign.automation)
    if campaign.state != Campaign.State.DRAFT:
        messages.info(request, _("This campaign is scheduled already."))
        return redirect(campaign)
    now = clock.now()
    reach = audience.of(campaign, shop=request.shop)
    form = ScheduleForm(request.POST, campaign=campaign, reached=_reached(reach), shop=request.shop, now=now)
    blocked = checklist.is_blocked(checklist.read(campaign, shop=request.shop, reach=reach))
    if not form.is_valid() or blocked:
        return _draw_review(request, campaign, form=form, status=422)
    campaign.version = form.cleaned_data["version"]
    campaign.starts_date = form.cleaned_data["starts_date"]
    campaign.send_time = form.cleaned_data["send_time"]
    campaign.repeat = form.cleaned_data["repeat"]
    try:
        scheduling.schedule(campaign, now=now)
    except scheduling.NotPossible as error:
        form.add_error(None, str(error))
        return _draw_review(request, get_object_or_404(Campaign, pk=pk), form=form, status=422)
    logbook.write(SCHEDULED, by=request.user, now=now, href=campaign.get_absolute_url())
    if campaign.next_at and campaign.next_at <= now:
        hints.hint(tasks.deliver)
        messages.success(request, _("It starts now."))
    else:
        messages.success(request, _("It goes out on %(moment)s.") % {"moment": say.moment(campaign.next_at)})
    return redirect(campaign)


def _draw_review(
    request: HttpRequest, campaign: Campaign, *, form: ScheduleForm | None = None, status: int = 200
) -> HttpResponse:
    now = clock.now()
    reach = audience.of(campaign, shop=request.shop)
    full = capping.full(shop=request.shop, now=now) if reach.written_to else set()
    checks = checklist.read(campaign, shop=request.shop, reach=reach)
    form = form or ScheduleForm(campaign=campaign, reached=_reached(reach), shop=request.shop, now=now)
    context = {
        "campaign": campaign,
        "reach": reach,
        "full_count": audience.people(campaign).filter(pk__in=bulk.among(full)).count() if full else 0,
        "checks": checks,
        "is_blocked": checklist.is_blocked(checks),
        "form": form,
        "letters": [one.letter for one in variants.to_send(campaign)],
        "is_outbox": channels.current_slug() == "outbox",
    }
    return render(request, "campaigns/review.html", context, status=status)


def _reached(reach: audience.Audience) -> int:
    """Return how many people get something, held out or not: the number that is typed to confirm."""
    return max(reach.written_to, reach.get_points)
