"""What customers see: the contact form, "Write to us" on their own page, and the question after a purchase."""

import datetime as dt

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from crm.accounts import throttling
from crm.accounts.access import public
from crm.contacts.models import Contact
from crm.lib import clock, hints
from crm.lib.headers import unlinked
from crm.listening import asking, hearing, tasks
from crm.listening import feedback as answers
from crm.listening.forms import FeedbackForm, OwnPageForm, WriteForm, new_key
from crm.listening.models import Conversation, Desk, Line, Via
from crm.orders.models import Order
from crm.portal.views import for_customer, language_of

_WRITING, _WRITING_ALL, _SAVING, _WRONG = 5, 200, 20, 30
_PER, _HOUR = dt.timedelta(minutes=10), dt.timedelta(hours=1)
_LINES = 30


@require_http_methods(["GET", "HEAD", "POST"])
def _write(request: HttpRequest) -> HttpResponse:
    if not Desk.current().form_is_open:
        return render(request, "listening/write.html", {"is_closed": True}, status=404)
    now, form = clock.now(), WriteForm(request.POST or None, initial={"form_key": new_key()})
    if request.method != "POST":
        return render(request, "listening/write.html", {"form": form, "is_sent": "sent" in request.GET})
    who = throttling.address_of(request)
    allowed = throttling.allow("write", who, limit=_WRITING, per=_PER, now=now)
    if not allowed or not throttling.allow("write_all", "", limit=_WRITING_ALL, per=_HOUR, now=now):
        return render(request, "listening/write.html", {"form": form, "is_too_much": True}, status=429)
    if not form.is_valid():
        return render(request, "listening/write.html", {"form": form}, status=422)
    said = form.cleaned_data
    if not said["website"]:  # a program that fills in everything is thanked like everybody
        words = hearing.Words(
            text=said["text"], via=Via.FORM, name=said["name"], email=said["email"], form_key=said["form_key"]
        )
        hearing.hear(words, now=now)
    return HttpResponseRedirect(reverse("listening:write") + "?sent=1")


# The form does nothing in anybody's name, so there is nothing to forge; and a browser inside another program, where
# such links are opened, often keeps no cookie for the check.
write = public(csrf_exempt(_write))


@require_http_methods(["GET", "HEAD", "POST"])
@for_customer
def own_page(request: HttpRequest, contact: Contact, token: str) -> HttpResponse:
    """Let a customer write, and read what was answered to what they wrote here."""
    now, form = clock.now(), OwnPageForm(request.POST or None, initial={"form_key": new_key()})
    context = {"form": form, "contact": contact, "token": token}
    status = 200
    if request.method == "POST":
        if not throttling.allow("own_page", str(contact.pk), limit=_WRITING * 2, per=_PER, now=now):
            context["is_too_much"], status = True, 429
        elif form.is_valid():
            said = form.cleaned_data
            words = hearing.Words(text=said["text"], via=Via.PAGE, contact_id=contact.pk, form_key=said["form_key"])
            hearing.hear(words, now=now)
            return HttpResponseRedirect(reverse("listening:own_page", args=[token]) + "?sent=1")
        else:
            status = 422
    mine = Line.objects.filter(conversation__in=Conversation.objects.filter(contact=contact, via=Via.PAGE))
    newest = mine.exclude(direction=Line.Direction.NOTE).order_by("-at", "-pk")[:_LINES]
    sales = Order.objects.filter(contact=contact, kind=Order.Kind.SALE, cancelled_at=None)
    last = sales.order_by("-placed_at", "-pk").first()
    context |= {
        "lines": list(newest)[::-1], "is_sent": "sent" in request.GET,
        "last_order": last, "feedback_address": last and asking.of_order(last.pk),
    }  # fmt: skip
    return render(request, "listening/own_page.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def _feedback(request: HttpRequest, token: str) -> HttpResponse:
    """Ask; only a POST answers, because mail scanners open every address."""
    if asking.is_example(token):
        form = FeedbackForm(asks=Desk.current().asks)
        return unlinked(render(request, "listening/feedback.html", {"form": form, "is_example": True}))
    asked = asking.read(token)
    if asked is None:
        who = throttling.address_of(request)
        allowed = throttling.allow("feedback", who, limit=_WRONG, per=_PER, now=clock.now())
        return unlinked(render(request, "listening/not_found.html", status=404 if allowed else 429))
    contact = Contact.objects.filter(pk=asked.contact_id).first() if asked.contact_id else None
    language = language_of(contact) if contact else translation.get_language()
    with translation.override(language):
        response = unlinked(_ask(request, token, asked))
    response.headers["Content-Language"] = language
    return response


feedback = public(csrf_exempt(_feedback))  # the token lets somebody in, and no browser sends it by itself


def _ask(request: HttpRequest, token: str, asked: asking.Asked) -> HttpResponse:
    now, given = clock.now(), answers.given(asked)
    context = {
        "given": given, "order": asked.order, "is_saved": "saved" in request.GET,
        "is_closed": given is not None and not answers.is_changeable(given, now=now),
    }  # fmt: skip
    initial = {name: getattr(given, name) for name in ("score", "comment", "may_quote")} if given else {}
    form = FeedbackForm(request.POST or None, initial=initial, asks=given.asks if given else Desk.current().asks)
    context["form"] = form
    if request.method != "POST" or context["is_closed"]:
        return render(request, "listening/feedback.html", context, status=200 if request.method != "POST" else 409)
    if not throttling.allow("feedback_save", asked.key, limit=_SAVING, per=_PER, now=now):
        return render(request, "listening/feedback.html", context | {"is_too_much": True}, status=429)
    if not form.is_valid():
        return render(request, "listening/feedback.html", context, status=422)
    try:
        answers.save(asked, **form.cleaned_data, now=now)
    except answers.TooLate:
        return render(request, "listening/feedback.html", context | {"is_closed": True}, status=409)
    hints.hint(tasks.digest)
    return HttpResponseRedirect(reverse("listening:feedback", args=[token]) + "?saved=1")
