"""The public page behind a customer's invitation: what a friend gets, and the form to leave an address."""

import datetime as dt

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from crm.accounts import throttling
from crm.accounts.access import public
from crm.contacts.forms import AddressField
from crm.imports import invited
from crm.lib import clock
from crm.portal import invitations
from crm.rewards import referring

_WRONG, _JOINING, _PER = 30, 10, dt.timedelta(minutes=10)
_FRIENDS, _DAY = 50, dt.timedelta(days=1)


class FriendForm(forms.Form):
    email = AddressField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def _page(request: HttpRequest, code: str) -> HttpResponse:
    now = clock.now()
    advocate, promise = invitations.advocate_of(code), referring.promise(at=now)
    if advocate is None or not promise.is_anything:
        return _over(request, now=now)
    form = FriendForm(request.POST or None)
    context = {"form": form, "promise": promise, "first_name": invitations.first_name(advocate), "code": code}
    if request.method != "POST":
        return render(request, "typed/invited.html", context | {"is_sent": "sent" in request.GET})
    if not _may_join(request, advocate.pk, now=now):
        return render(request, "typed/invited.html", context | {"is_too_much": True}, status=429)
    if not form.is_valid():
        return render(request, "typed/invited.html", context, status=422)
    said = form.cleaned_data
    language = translation.get_language() or ""
    invited.join(advocate.pk, email=said["email"], name=said["name"], language=language, now=now)
    return HttpResponseRedirect(reverse("typed:invited", args=[code]) + "?sent=1")


# The form does nothing in anybody's name, so there is nothing to forge; and a browser inside another program, where
# such links are opened, often keeps no cookie for the check.
page = public(csrf_exempt(_page))


def _may_join(request: HttpRequest, advocate_id: int, *, now: dt.datetime) -> bool:
    """Count a try by where it comes from and by whose invitation it is."""
    who = throttling.address_of(request)
    return throttling.allow("invited", who, limit=_JOINING, per=_PER, now=now) and throttling.allow(
        "invited_by", str(advocate_id), limit=_FRIENDS, per=_DAY, now=now
    )


def _over(request: HttpRequest, *, now: dt.datetime) -> HttpResponse:
    who = throttling.address_of(request)
    allowed = throttling.allow("invitation", who, limit=_WRONG, per=_PER, now=now)
    return render(request, "typed/invitation_over.html", status=404 if allowed else 429)
