"""Campaigns: what can be done with one, from pausing it to deleting its draft."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm.campaigns import composing, recipes, scheduling, sending, tasks, variants
from crm.campaigns.models import Campaign
from crm.contacts import consent
from crm.contacts.models import Contact
from crm.lib import clock, digits, hints
from crm.lib.templatetags import say


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
    if campaign.automation:
        return redirect(campaign.automation)  # a step does not end alone
    if scheduling.stop(campaign, now=clock.now()):
        messages.success(request, _("Stopped for good. Messages that had left have left."))
    return redirect(campaign)


@require_POST
def back_to_draft(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)
    if campaign.automation:
        return redirect(campaign.automation)
    if scheduling.back_to_draft(campaign, now=clock.now()):
        messages.success(request, _("It is off the schedule, and a draft again."))
        return redirect("campaigns:edit", pk=pk)
    if campaign.state != Campaign.State.DRAFT:
        messages.error(request, _("It is on its way and cannot be changed now. Stop it, or wait until it is finished."))
    return redirect(campaign)


@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new draft with the same content; posting twice from the same page makes one."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment"), pk=pk)
    if campaign.automation:
        return redirect(campaign.automation)
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
    if campaign.automation:
        return redirect(campaign.automation)
    if not composing.delete_draft(campaign):
        messages.error(request, _("Only a draft that has never gone out can be deleted."))
        return redirect(campaign)
    messages.success(request, _("The draft “%(name)s” is deleted.") % {"name": campaign.name})
    return redirect("campaigns:list")


@require_POST
def write_again(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Write to an address again that mail came back from, because the owner says that it exists."""
    contact = get_object_or_404(Contact.objects.alive(), pk=contact_id)
    if contact.email_key and consent.lift_bounce(contact.email_key):
        messages.success(request, _("The next campaign writes to %(address)s again.") % {"address": contact.email})
    return redirect(contact)


@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide about messages that failed or may not have arrived: send again, or count as sent."""
    campaign = get_object_or_404(Campaign, pk=pk)
    ids = [int(text) for text in request.POST.getlist("ids") if digits.fits(text)]
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
