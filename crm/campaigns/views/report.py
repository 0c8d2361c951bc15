"""Campaigns: what one did and what came of it."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from crm.accounts.access import Right, needs
from crm.campaigns import audience, channels, reporting, scheduling, starting, variants, verdicts
from crm.campaigns.models import Campaign, Message
from crm.campaigns.views.lists import TONES
from crm.coupons.mentions import coupons_in
from crm.lib import clock

TROUBLES_SHOWN = 50


@dataclass(frozen=True)
class StateCount:
    state: str
    label: str
    count: int
    tone: str


MESSAGE_TONES = {
    Message.State.SENT: "good",
    Message.State.POINTS_ONLY: "good",
    Message.State.RETRY: "warn",
    Message.State.FAILED: "bad",
    Message.State.UNCERTAIN: "warn",
    Message.State.SENDING: "info",
    Message.State.CLAIMED: "info",
}


@needs(reading=Right.REPORTS)
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a campaign did and what came of it."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment", "automation"), pk=pk)
    troubles = Message.objects.filter(
        rotation__campaign=campaign, state__in=[Message.State.FAILED, Message.State.UNCERTAIN]
    ).select_related("contact")
    comparison = reporting.compare(campaign, now=clock.now())
    context = _progress_context(campaign) | {
        "links": reporting.clicks_by_link(campaign),
        "coupons": coupons_in(*variants.texts(campaign), also_stopped=True).order_by("pk"),
        "comparison": comparison,
        "points": reporting.points_result(campaign),
        "is_budget_used": starting.is_budget_used(campaign),
        "now": clock.now(),
        "rotations": campaign.rotations.order_by("-local_date")[:12],
        "troubles": troubles.order_by("-tried_at", "-pk")[:TROUBLES_SHOWN],
        "tone": TONES[campaign.state],
        "example": audience.examples(campaign, limit=1).first(),
        "is_outbox": channels.current_slug() == "outbox",
        "versions": variants.every(campaign),
    }
    if len(context["versions"]) > 1:
        context |= _versions_context(campaign)
    return render(request, "campaigns/detail.html", context)


def _versions_context(campaign: Campaign) -> dict:
    """Return what came of each version, what may be said of it, and how the next mailing is dealt."""
    dealt = variants.shares(campaign)
    return {
        "results": reporting.by_variant(reporting.outcomes(campaign)),
        "verdict": verdicts.of(campaign),
        "next_shares": list(dealt.items()) if campaign.next_at and len(dealt) > 1 else [],
        "can_decide": campaign.repeat != Campaign.Repeat.ONCE and campaign.state in scheduling.ACTIVE,
    }


@needs(reading=Right.REPORTS)
@require_safe
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the counts alone; the fragment asks again while there is something left to do."""
    campaign = get_object_or_404(Campaign, pk=pk)
    if not request.htmx:
        return redirect(campaign)
    return render(request, "campaigns/detail.html#progress", _progress_context(campaign))


def _progress_context(campaign: Campaign) -> dict:
    totals = reporting.totals([campaign.pk])[campaign.pk]
    counts = [
        StateCount(state, label, totals.counts[state], MESSAGE_TONES.get(state, "neutral"))
        for state, label in Message.State.choices
        if totals.counts[state]
    ]
    everyone = sum(totals.counts.values())
    return {
        "campaign": campaign,
        "totals": totals,
        "counts": counts,
        "everyone": everyone,
        "ended": everyone - totals.left,
        "is_moving": campaign.state == Campaign.State.RUNNING,
    }
