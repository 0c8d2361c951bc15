"""A customer's own page, by signed link; and the owner's way to hand the link out and to replace it."""

import datetime as dt
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from crm.accounts import throttling
from crm.accounts.access import Right, needs, public
from crm.contacts import consent, editing, forgetting
from crm.contacts.models import Consent, Contact
from crm.lib import clock, digits, squares
from crm.lib.headers import unlinked
from crm.portal import links
from crm.portal.showing import OwnPage

_WRONG_LINKS, _SAVES, _PER = 30, 30, dt.timedelta(minutes=10)
_LAST_PAGE = 10_000


def for_customer(view: Callable[[HttpRequest, Contact, str], HttpResponse]):
    """Open a view by token, in the customer's language, unseen by search engines and other sites' logs.

    The token is what lets somebody in and no browser sends it by itself, so there is nothing for a forged form to
    ride on; and without a referrer browsers say no origin either, which the CSRF check would take for a forgery.
    """

    @wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponse:
        contact = links.contact_of(token)
        if contact is None:
            response = _not_theirs(request)
        else:
            language = language_of(contact)
            with translation.override(language):
                response = view(request, contact, token)
            response.headers["Content-Language"] = language
        return unlinked(response)

    return public(csrf_exempt(opened))


@require_safe
@for_customer
def page(request: HttpRequest, contact: Contact, token: str) -> HttpResponse:
    """Show a customer what is theirs."""
    number = min(digits.read(request.GET.get("page")) or 1, _LAST_PAGE)
    own = OwnPage(contact=contact, shop=request.shop, now=clock.now(), page=number)
    context = {"own": own, "contact": contact, "token": token, "is_saved": "saved" in request.GET}
    context["erasure"] = forgetting.open_of(contact.pk)
    return render(request, "portal/page.html", context | {"languages": settings.LANGUAGES})


@require_POST
@for_customer
def permission(request: HttpRequest, contact: Contact, token: str) -> HttpResponse:
    """Note a yes or a no to messages; a yes never lifts an earlier no."""
    now, said, saved = clock.now(), request.POST.get("messages"), 0
    if said in ("yes", "no") and may_save(contact, now):
        if said == "yes":
            text = _("I want messages from %(shop)s by e-mail.") % {"shop": request.shop.name}
            state = Contact.ConsentState.YES
            saved = consent.record([contact.pk], state=state, source=Consent.Source.PAGE, detail=text, at=now)
        else:
            text = _("No messages, please.")
            consent.withdraw(contact.pk, source=Consent.Source.PAGE, detail=text, at=now)
            saved = 1
    return back(token, "messages", is_saved=bool(saved))


@require_POST
@for_customer
def language(request: HttpRequest, contact: Contact, token: str) -> HttpResponse:
    """Keep the language the customer wants to read."""
    now, code = clock.now(), request.POST.get("language")
    if code in dict(settings.LANGUAGES) and may_save(contact, now):
        try:
            editing.edit(contact.pk, version=contact.version, values={"language": code}, now=now)
        except editing.ChangedMeanwhile:
            contact.refresh_from_db()
            editing.edit(contact.pk, version=contact.version, values={"language": code}, now=now)
    return back(token, "language", is_saved=False)  # the page itself tells


@needs(reading=Right.SERVE)
@require_safe
def link_square(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw the link to a customer's page, for them to scan from the owner's screen."""
    contact = get_object_or_404(Contact.objects.alive(), pk=pk)
    return HttpResponse(squares.document(links.address(contact.pk)), content_type="image/svg+xml")


@needs(writing=Right.SERVE)
@require_POST
def replace(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the link and card given out so far worthless."""
    contact = get_object_or_404(Contact.objects.alive(), pk=pk)
    links.replace(contact.pk, now=clock.now())
    text = _("The old link and card of %(name)s work no more. Hand out the new ones.")
    messages.success(request, text % {"name": contact.display_name})
    return redirect(contact.get_absolute_url() + "#own-page")


def language_of(contact: Contact) -> str:
    """Return the language a customer reads: their own where we speak it, else the one of the visit."""
    try:
        return translation.get_supported_language_variant(contact.language)
    except LookupError:
        return translation.get_language() or settings.LANGUAGE_CODE


def may_save(contact: Contact, now: dt.datetime) -> bool:
    """Count one change on a customer's page and tell whether it may be made now."""
    return throttling.allow("portal_save", str(contact.pk), limit=_SAVES, per=_PER, now=now)


def _not_theirs(request: HttpRequest) -> HttpResponse:
    who, now = throttling.address_of(request), clock.now()
    allowed = throttling.allow("portal", who, limit=_WRONG_LINKS, per=_PER, now=now)
    return render(request, "portal/not_found.html", status=404 if allowed else 429)


def back(token: str, part: str, *, is_saved: bool) -> HttpResponseRedirect:
    """Lead back to a part of the customer's page."""
    return HttpResponseRedirect(f"{reverse('portal:page', args=[token])}{'?saved=1' if is_saved else ''}#{part}")
