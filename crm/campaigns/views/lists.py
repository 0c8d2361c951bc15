"""Campaigns: the list, and the recipes a new one begins with."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.accounts import instance
from crm.accounts.access import Right, needs
from crm.campaigns import recipes, reporting
from crm.campaigns.models import Campaign
from crm.contacts.models import Segment

PAGE_SIZE = 25

State = Campaign.State
TONES = {
    State.DRAFT: "neutral",
    State.SCHEDULED: "info",
    State.RUNNING: "accent",
    State.PAUSED: "warn",
    State.STOPPED: "neutral",
    State.FINISHED: "good",
}


@needs(reading=Right.REPORTS)
@require_safe
def campaign_list(request: HttpRequest) -> HttpResponse:
    """List the campaigns, newest first, with what came of them."""
    chosen = request.GET.get("state", "")
    shown = Campaign.objects.select_related("segment", "automation").order_by("-updated_at", "-pk")
    shown = shown.exclude(automation__isnull=False, rotations=None)  # steps that never wrote stand on their own page
    if chosen in State.values:
        shown = shown.filter(state=chosen)
    page = Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page"))
    figures = reporting.totals([campaign.pk for campaign in page])
    for campaign in page:
        campaign.totals, campaign.tone = figures[campaign.pk], TONES[campaign.state]
    states = [("", _("All")), *State.choices]
    return render(
        request,
        "campaigns/list.html",
        {
            "page": page,
            "chosen": chosen,
            "states": [(value, label, value == chosen) for value, label in states],
            "recipes": recipes.RECIPES.items(),
            "is_held": instance.is_held(),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Start from a recipe; a link may have chosen the recipe and the group already."""
    asked = request.POST if request.method == "POST" else request.GET
    segment = Segment.objects.filter(slug=asked.get("segment", "")).first()
    if request.method == "POST" and asked.get("recipe") in recipes.RECIPES:
        campaign = recipes.draft(asked["recipe"], segment=segment, shop=request.shop)
        return redirect("campaigns:edit", pk=campaign.pk)
    return render(
        request,
        "campaigns/new.html",
        {
            "recipes": [
                (slug, recipe, recipes.gift(recipe.points, request.shop.kind))
                for slug, recipe in recipes.RECIPES.items()
            ],
            "chosen": asked.get("recipe", ""),
            "segment": segment,
        },
        status=422 if request.method == "POST" else 200,
    )
