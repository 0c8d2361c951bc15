"""Campaigns: the composer with its preview and its test message."""

from dataclasses import replace
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.campaigns import audience, channels, composing, fields, overseeing, rendering, sending, variants
from crm.campaigns.channels.base import BadMail, SendFailed, Uncertain
from crm.campaigns.forms import CampaignForm
from crm.campaigns.models import Campaign
from crm.campaigns.views.outbox import mail_page
from crm.contacts.models import Contact
from crm.coupons.mentions import to_write
from crm.coupons.wording import gives
from crm.lib import clock, digits

State = Campaign.State


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
    version = campaign.version if "keep_mine" in request.POST else digits.read(request.POST.get("version"))
    try:
        campaign = composing.save(
            campaign, values=form.cleaned_data, version=version, now=clock.now(), desk=_desk(request),
            is_autosave=bool(request.htmx), letter=campaign.letter,
        )
    except composing.ChangedMeanwhile as error:
        return _draw_composer(request, campaign, form, status=409, theirs=error.campaign)
    if request.htmx:
        return _draw_composer(request, campaign, form)
    person_id = digits.read(request.POST.get("as"))
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
    person = Contact.objects.alive().filter(pk=digits.read(request.GET.get("as"))).first() or _nobody()
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
    chosen = digits.read(asked.get("as"))
    place = next((index for index, person in enumerate(people) if person.pk == chosen), 0)
    person = people[place] if people else None
    versions = [one for one in variants.every(campaign) if not one.is_off]
    today = clock.local_date(clock.now(), request.shop.timezone)
    context = {
        "campaign": campaign,
        "form": form,
        "letters": [one.letter for one in versions],
        "can_add": len(variants.every(campaign)) < len(variants.LETTERS),
        "desk": _desk(request),
        "theirs": theirs,
        "status": status,
        "reach": audience.of(variants.whole(campaign), shop=request.shop),
        "fields": overseeing.field_chips(),
        "coupons": [(text, gives(coupon, request.shop.currency)) for text, coupon in to_write(today=today)],
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
    person = Contact.objects.alive().filter(pk=digits.read(request.POST.get("as"))).first()
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
