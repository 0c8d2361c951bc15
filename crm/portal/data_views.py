"""What a customer may ask about their own data, on their own page.

A link can get into other hands. So it opens no copy of the data by itself: whoever wants one types the e-mail address
or phone number the shop knows, which the page does not show. And it deletes nothing: the wish waits for the owner.
"""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts import throttling
from crm.contacts import forgetting, handing_over, matching, objecting
from crm.contacts.models import Contact, Erasure
from crm.contacts.privacy_views import download as as_file
from crm.lib import clock
from crm.portal.views import back, for_customer, may_save

_TRIES, _PER = 5, dt.timedelta(minutes=10)


@require_http_methods(["GET", "HEAD", "POST"])
@for_customer
def download(request: HttpRequest, contact: Contact, token: str) -> HttpResponse:
    """Ask for what only the customer knows, and hand over all that is kept of them."""
    now, problem = clock.now(), ""
    if request.method == "POST":
        if not throttling.allow("portal_data", str(contact.pk), limit=_TRIES, per=_PER, now=now):
            problem = "often"
        elif not is_known(contact, request.POST.get("known", "")):
            problem = "wrong"
        else:
            throttling.forget("portal_data", str(contact.pk))
            packed = handing_over.archive(contact, shop=request.shop, now=now, language=get_language())
            return as_file(packed, handing_over.file_name(contact, shop=request.shop, now=now))
    context = {"contact": contact, "token": token, "problem": problem}
    status = {"": 200, "often": 429, "wrong": 422}[problem]
    return render(request, "portal/data.html", context, status=status)


def is_known(contact: Contact, said: str) -> bool:
    """Tell whether somebody names the e-mail address or the phone number the shop has of a customer."""
    email, phone = matching.email_key(said[:254]), matching.phone_key(said[:40], contact.country)
    return bool((email and email == contact.email_key) or (phone and phone == contact.phone_key))


@require_http_methods(["GET", "HEAD", "POST"])
@for_customer
def erase(request: HttpRequest, contact: Contact, token: str) -> HttpResponse:
    """Say what erasing means, and keep the wish for the owner to decide; or let it go."""
    now = clock.now()
    if request.method == "POST":
        if may_save(contact, now):
            if "keep" in request.POST:
                forgetting.end_wish(contact.pk, now=now)
            else:
                forgetting.ask(contact.pk, asked=Erasure.Asked.CUSTOMER, now=now)
        return back(token, "data", is_saved=False)  # the page itself tells
    context = {"contact": contact, "token": token, "foreseen": forgetting.foresee(contact.pk)}
    return render(request, "portal/erase.html", context)


@require_POST
@for_customer
def predictions(request: HttpRequest, contact: Contact, token: str) -> HttpResponse:
    """Leave the customer out of predictions and personal offers, or let them in again."""
    now = clock.now()
    if may_save(contact, now):
        if "out" in request.POST:
            objecting.object_to_profiling(contact.pk, now=now)
        else:
            objecting.admit_to_profiling(contact.pk, now=now)
    return back(token, "data", is_saved=False)
