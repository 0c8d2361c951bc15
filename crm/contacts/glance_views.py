"""A customer at a glance: the drawer beside a list. The whole story is on their page (views.detail)."""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from crm.accounts.access import Right, needs
from crm.contacts import timeline
from crm.contacts.forms import NoteForm
from crm.contacts.models import Contact, Note
from crm.contacts.views import dressed, whoever_is
from crm.lib import clock
from crm.lib.htmx import toast
from crm.lib.templatetags.say import number

MOMENTS = 8


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "HEAD", "POST"])
def glance(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw who somebody is and what happened last, with a place for a note."""
    contact = whoever_is(pk)
    now = clock.now()
    if request.method == "POST":
        form = NoteForm(request.POST)
        if form.is_valid():
            Note.objects.create(contact=contact, text=form.cleaned_data["text"], at=now, author=request.user.name)
            return toast(_draw(request, contact, NoteForm(), now=now), _("Note saved."))
        return _draw(request, contact, form, now=now, status=422)
    if not request.htmx:
        return redirect(contact)
    return _draw(request, contact, NoteForm(), now=now)


def _draw(
    request: HttpRequest, contact: Contact, form: NoteForm, *, now: dt.datetime, status: int = 200
) -> HttpResponse:
    context = {
        "contact": dressed(contact),
        "rhythm": rhythm(contact, today=clock.local_date(now, request.shop.timezone), zone=request.shop.timezone),
        "moments": timeline.read(contact_id=contact.pk, before=now + dt.timedelta(days=1), limit=MOMENTS).moments,
        "note_form": form,
    }
    return render(request, "contacts/glance.html", context, status=status)


def rhythm(contact: Contact, *, today: dt.date, zone: str) -> str:
    """Say how often somebody came on average and how long ago the last time was; nothing before the third order."""
    if contact.order_count < 3 or not contact.first_order_at or not contact.last_order_at:
        return ""
    first, last = (clock.local_date(at, zone) for at in (contact.first_order_at, contact.last_order_at))
    gap, quiet = round((last - first).days / (contact.order_count - 1)), (today - last).days
    if gap < 1:
        return ""
    often = ngettext("On average an order every day.", "On average an order every %(count)s days.", gap)
    since = ngettext("The last was %(count)s day ago.", "The last was %(count)s days ago.", quiet)
    return _("%(often)s %(since)s") % {
        "often": often % {"count": number(gap)},
        "since": _("The last was today.") if quiet <= 0 else since % {"count": number(quiet)},
    }
