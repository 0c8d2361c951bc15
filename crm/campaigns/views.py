"""Campaigns: the list, the composer with its preview, the review, the report, and what can be done with one."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.campaigns import (
    audience,
    channels,
    checklist,
    composing,
    fields,
    recipes,
    rendering,
    reporting,
    scheduling,
    sending,
    starting,
    tasks,
    variants,
    verdicts,
)
from crm.campaigns.channels.base import BadMail, SendFailed, Uncertain
from crm.campaigns.forms import CampaignForm, ScheduleForm
from crm.campaigns.models import Campaign, Message
from crm.campaigns.outbox_views import mail_page
from crm.contacts.models import Contact, Segment
from crm.lib import clock, hints
from crm.lib.templatetags import say

PAGE_SIZE = 25
TROUBLES_SHOWN = 50

State = Campaign.State
TONES = {
    State.DRAFT: "neutral",
    State.SCHEDULED: "info",
    State.RUNNING: "accent",
    State.PAUSED: "warn",
    State.STOPPED: "neutral",
    State.FINISHED: "good",
}


# The list


@require_safe
def campaign_list(request: HttpRequest) -> HttpResponse:
    """List the campaigns, newest first, with what came of them."""
    chosen = request.GET.get("state", "")
    shown = Campaign.objects.select_related("segment").order_by("-updated_at", "-pk")
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
        {"recipes": recipes.RECIPES.items(), "chosen": asked.get("recipe", ""), "segment": segment},
        status=422 if request.method == "POST" else 200,
    )


# The composer


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a draft beside its preview; htmx saves while typing, the buttons save and go on."""
    whole = get_object_or_404(Campaign.objects.select_related("segment"), pk=pk)
    if whole.state != State.DRAFT:
        messages.info(request, _("This campaign is not a draft any more."))
        return redirect(whole)
    asked = request.POST if request.method == "POST" else request.GET
    campaign = variants.worded(whole, asked.get("letter", ""))
    if request.method == "POST" and campaign.letter != asked.get("letter", campaign.letter):
        messages.error(request, _("This version was taken out in the meantime; what you wrote was not saved."))
        return redirect("campaigns:edit", pk=pk)
    if request.method != "POST":
        return _draw_composer(request, campaign, CampaignForm(instance=campaign))
    form = CampaignForm(request.POST, instance=Campaign(pk=campaign.pk, split=campaign.split))
    if not form.is_valid():
        return _draw_composer(request, campaign, form, status=422)
    version = campaign.version if "keep_mine" in request.POST else _number(request.POST.get("version"))
    try:
        campaign = composing.save(
            campaign, values=form.cleaned_data, version=version, now=clock.now(), desk=_desk(request),
            is_autosave=bool(request.htmx), letter=campaign.letter,
        )
    except composing.ChangedMeanwhile as error:
        return _draw_composer(request, campaign, form, status=409, theirs=error.campaign)
    if request.htmx:
        return _draw_composer(request, campaign, form)
    person_id = _number(request.POST.get("as"))
    match request.POST.get("then", "").partition(":"):
        case "review", _sep, _letter:
            return redirect("campaigns:review", pk=pk)
        case "test", _sep, _letter:
            return _send_test(request, campaign)
        case "show", _sep, letter:
            return redirect(_edit_url(variants.worded(whole, letter), person_id))
        case "add", _sep, _letter:
            return _add_version(request, whole, person_id)
        case "remove", _sep, _letter:
            if variants.remove(whole, campaign.letter, now=clock.now()):
                messages.success(request, _("Version %(letter)s is taken out.") % {"letter": campaign.letter})
            return redirect(_edit_url(variants.worded(whole, variants.FIRST), person_id))
        case _:
            messages.success(request, _("The draft is saved."))
            return redirect(_edit_url(campaign, person_id))


def _add_version(request: HttpRequest, whole: Campaign, person_id: int | None) -> HttpResponse:
    whole.refresh_from_db()  # the form that came with the button is saved by now
    letter = variants.add(whole, now=clock.now())
    if letter is None:
        messages.error(request, _("A campaign has at most four versions."))
    else:
        words = _("Version %(letter)s begins with what version A says. Change what you want to test.")
        messages.success(request, words % {"letter": letter})
    return redirect(_edit_url(variants.worded(whole, letter or variants.FIRST), person_id))


@require_safe
@xframe_options_sameorigin
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the message as one customer would get it, for the frame it is shown in."""
    campaign = variants.worded(get_object_or_404(Campaign, pk=pk), request.GET.get("letter", ""))
    person = Contact.objects.alive().filter(pk=_number(request.GET.get("as"))).first() or _nobody()
    try:
        letter = rendering.compile_letter(
            subject=campaign.subject, body=campaign.body, shop=request.shop, campaign_name=campaign.name
        )
    except (fields.UnknownField, rendering.CannotRender) as error:
        return mail_page(format_html("<p>{}</p>", error))
    mail = rendering.mail(
        letter,
        to="preview@example.invalid",
        values=_values(campaign, person, request),
        shop=request.shop,
        now=clock.now(),
    )
    return mail_page(mail.html)


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the saved draft, or one of its versions, to the owner."""
    campaign = get_object_or_404(Campaign, pk=pk)
    return _send_test(request, variants.worded(campaign, request.POST.get("letter", "")))


def _desk(request: HttpRequest) -> str:
    """Return the name of the open page a form was sent from, or a new one."""
    sent = request.POST.get("desk", "")
    return sent if sent.isalnum() and len(sent) <= 32 else composing.new_desk()


def _draw_composer(
    request: HttpRequest, campaign: Campaign, form: CampaignForm, *, status: int = 200, theirs: Campaign | None = None
) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    search = asked.get("who", "").strip()
    people = list(audience.examples(campaign, search=search))
    chosen = _number(asked.get("as"))
    place = next((index for index, person in enumerate(people) if person.pk == chosen), 0)
    person = people[place] if people else None
    versions = [one for one in variants.every(campaign) if not one.is_off]
    context = {
        "campaign": campaign,
        "form": form,
        "letters": [one.letter for one in versions],
        "can_add": len(variants.every(campaign)) < len(variants.LETTERS),
        "desk": _desk(request),
        "theirs": theirs,
        "status": status,
        "reach": audience.of(variants.whole(campaign), shop=request.shop),
        "fields": [(f"{{{{ {name} }}}}", field.label) for name, field in fields.FIELDS.items()],
        "person": person,
        "people": people,
        "search": search,
        "before": people[place - 1] if place > 0 else None,
        "after": people[place + 1] if place + 1 < len(people) else None,
        "preview_url": f"{reverse('campaigns:preview', args=[campaign.pk])}?"
        + urlencode(
            {"as": person.pk if person else "", "v": campaign.version}
            | ({"letter": campaign.letter} if campaign.letter != variants.FIRST else {})
        ),
        "preview_subject": _preview_subject(campaign, person or _nobody(), request),
    }
    is_autosave = request.htmx and request.method == "POST"
    template = "campaigns/_autosaved.html" if is_autosave else "campaigns/composer.html"
    return render(request, template, context | {"oob": is_autosave}, status=status)


def _preview_subject(campaign: Campaign, person: Contact, request: HttpRequest) -> str:
    try:
        return fields.fill(fields.split(campaign.subject), _values(campaign, person, request))
    except fields.UnknownField:
        return campaign.subject


def _values(campaign: Campaign, person: Contact, request: HttpRequest) -> fields.Facts:
    """Return what the fields say about a person once the points of this campaign are given."""
    values = fields.facts(contact=person, shop=request.shop, points_given=campaign.points, now=clock.now())
    if campaign.state in (State.DRAFT, State.SCHEDULED):
        values = replace(values, points_balance=values.points_balance + campaign.points)
    return values


def _nobody() -> Contact:
    """Return somebody to show a message as while the group is empty."""
    return Contact(name=_("Alex Example"), email="alex@example.invalid")


def _send_test(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    person = Contact.objects.alive().filter(pk=_number(request.POST.get("as"))).first()
    person = person or audience.examples(campaign, limit=1).first() or _nobody()
    back = redirect(_edit_url(campaign, person.pk) if campaign.state == State.DRAFT else campaign.get_absolute_url())
    if not campaign.body.strip():
        messages.error(request, _("There is no message to test yet."))
        return back
    try:
        sending.send_test(
            campaign, to=request.user.email, values=_values(campaign, person, request), now=clock.now()
        )
    except (SendFailed, BadMail, fields.UnknownField, rendering.CannotRender) as error:
        messages.error(request, _("The test was not sent: %(reason)s") % {"reason": error})
    except Uncertain as error:
        messages.warning(request, _("The test may have arrived or not: %(reason)s") % {"reason": error})
    else:
        if channels.current_slug() == "outbox":
            messages.success(request, _("The test lies in the outbox, because no mail server is set up yet."))
            return redirect("campaigns:outbox")
        messages.success(request, _("A test is on its way to %(address)s.") % {"address": request.user.email})
    return back


def _edit_url(campaign: Campaign, person_id: int | None) -> str:
    """Return where the composer shows this version, as that person would get it."""
    asked = {"letter": campaign.letter} if campaign.letter != variants.FIRST else {}
    asked |= {"as": person_id} if person_id else {}
    url = reverse("campaigns:edit", args=[campaign.pk])
    return f"{url}?{urlencode(asked)}" if asked else url


# Review and schedule


@require_safe
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what will happen, who is left out and what still blocks it, and ask when."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment"), pk=pk)
    if campaign.state != State.DRAFT:
        return redirect(campaign)
    return _draw_review(request, campaign)


@require_POST
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the draft on the schedule; a second post changes nothing."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment"), pk=pk)
    if campaign.state != State.DRAFT:
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
    checks = checklist.read(campaign, shop=request.shop, reach=reach)
    form = form or ScheduleForm(campaign=campaign, reached=_reached(reach), shop=request.shop, now=now)
    context = {
        "campaign": campaign,
        "reach": reach,
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


# The report


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


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a campaign did and what came of it."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment"), pk=pk)
    troubles = Message.objects.filter(
        rotation__campaign=campaign, state__in=[Message.State.FAILED, Message.State.UNCERTAIN]
    ).select_related("contact")
    comparison = reporting.compare(campaign, now=clock.now())
    context = _progress_context(campaign) | {
        "links": reporting.clicks_by_link(campaign),
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
        "is_moving": campaign.state == State.RUNNING,
    }


# What can be done with a campaign


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)
    if scheduling.pause(campaign, now=clock.now()):
        messages.success(request, _("Paused. Nothing more leaves until you go on."))
    return redirect(campaign)


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)
    if scheduling.resume(campaign, now=clock.now()):
        hints.hint(tasks.deliver)
        messages.success(request, _("It goes on."))
    return redirect(campaign)


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)
    if scheduling.stop(campaign, now=clock.now()):
        messages.success(request, _("Stopped for good. Messages that had left have left."))
    return redirect(campaign)


@require_POST
def back_to_draft(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)
    if scheduling.back_to_draft(campaign, now=clock.now()):
        messages.success(request, _("It is off the schedule, and a draft again."))
        return redirect("campaigns:edit", pk=pk)
    if campaign.state != State.DRAFT:
        messages.error(request, _("It is on its way and cannot be changed now. Stop it, or wait until it is finished."))
    return redirect(campaign)


@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new draft with the same content; posting twice from the same page makes one."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment"), pk=pk)
    letter = request.POST.get("letter", "")
    copy = recipes.again(campaign, shop=request.shop, letter=letter if letter in variants.LETTERS else "")
    return redirect("campaigns:edit", pk=copy.pk)


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one version alone from the next mailing on, or go on testing."""
    campaign = get_object_or_404(Campaign, pk=pk)
    letter = request.POST.get("letter", "")
    if variants.decide(campaign, letter, now=clock.now()):
        messages.success(
            request,
            _("From the next mailing on, everybody gets version %(letter)s.") % {"letter": letter}
            if letter
            else _("The next mailing tests the versions again."),
        )
    return redirect(campaign)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)
    if not composing.delete_draft(campaign):
        messages.error(request, _("Only a draft that has never gone out can be deleted."))
        return redirect(campaign)
    messages.success(request, _("The draft “%(name)s” is deleted.") % {"name": campaign.name})
    return redirect("campaigns:list")


@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide about messages that failed or may not have arrived: send again, or count as sent."""
    campaign = get_object_or_404(Campaign, pk=pk)
    ids = [int(text) for text in request.POST.getlist("ids") if text.isdecimal()]
    now = clock.now()
    if request.POST.get("act") == "resend":
        count = sending.resend(campaign, message_ids=ids, now=now)
        hints.hint(tasks.deliver)
        text = ngettext("%(count)s message is sent again.", "%(count)s messages are sent again.", count)
    else:
        count = sending.treat_as_sent(campaign, message_ids=ids, now=now)
        text = ngettext("%(count)s message counts as sent.", "%(count)s messages count as sent.", count)
    if count:
        messages.success(request, text % {"count": say.number(count)})
    else:
        messages.info(request, _("Choose at least one message that can be settled this way."))
    return redirect(campaign)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None
