"""What a person may ask of whoever keeps their data: a copy, to be forgotten, not to be predicted; and for how long."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts.access import Right, needs
from crm.contacts import forgetting, handing_over, merging, objecting, processing, requesting, retention, tasks
from crm.contacts.forms import RetentionForm
from crm.contacts.models import Contact, Erasure, PrivacyRecord, Retention
from crm.lib import clock, hints
from crm.lib.templatetags import say

RECORDS = 50


def _person(pk: int) -> Contact:
    return get_object_or_404(Contact.objects.alive(), pk=pk)


@require_POST
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Download all that is kept of a customer."""
    contact, now = _person(pk), clock.now()
    packed = handing_over.archive(contact, shop=request.shop, now=now, by_user=request.user.pk)
    requesting.answer_copies(contact.pk, now=now)
    return download(packed, handing_over.file_name(contact, shop=request.shop, now=now))


def download(packed: bytes, name: str) -> HttpResponse:
    """Return an archive as a file to keep, never kept by anything on the way."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(packed, content_type="application/zip", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest, pk: int) -> HttpResponse:
    """Say with figures what goes and what stays; plan it, do it at once, take it back, refuse a wish."""
    contact, now = _person(pk), clock.now()
    if request.method != "POST":
        context = {"contact": contact, "erasure": forgetting.open_of(pk), "foreseen": forgetting.foresee(pk)}
        context["mentioned"] = forgetting.mentioned(contact)
        return render(request, "contacts/erase.html", context)
    who, name = {"now": now, "by_user": request.user.pk}, contact.display_name
    match request.POST.get("act"):
        case "plan":
            planned = forgetting.ask(pk, asked=Erasure.Asked.OWNER, **who)
            text = _("%(name)s will be erased on %(when)s. Until then you can take it back.")
            messages.success(request, text % {"name": name, "when": say.moment(planned.due_at)})
        case "now":
            planned = forgetting.ask(pk, asked=Erasure.Asked.OWNER, at_once=True, **who)
            forgetting.begin(planned.pk, now=now)
            hints.hint(tasks.erase)  # looking through files takes its time
            messages.success(request, _("Customer %(number)s is being erased.") % {"number": pk})
            return redirect("contacts:privacy")
        case "back":
            if forgetting.take_back(pk, **who):
                messages.success(request, _("Taken back. Nothing was erased."))
        case "refuse":
            if forgetting.end_wish(pk, **who):
                messages.success(request, _("The wish is answered with no. Tell the customer why."))
    return redirect(contact)


@needs(writing=Right.SERVE)
@require_POST
def predictions(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a customer out of predictions and personal offers, or let them in again."""
    contact, who = _person(pk), {"now": clock.now(), "by_user": request.user.pk}
    if "out" in request.POST:
        objecting.object_to_profiling(pk, **who)
        messages.success(request, _("Left out of predictions and personal offers. The scores there were are deleted."))
    else:
        objecting.admit_to_profiling(pk, **who)
        messages.success(request, _("Predictions are worked out again from the next night on."))
    return redirect(contact.get_absolute_url() + "#privacy")


@require_POST
def answered(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that a request was answered."""
    if requesting.answer(pk, now=clock.now()):
        messages.success(request, _("Noted as answered."))
    return redirect("contacts:privacy")


@require_http_methods(["GET", "HEAD", "POST"])
def privacy(request: HttpRequest) -> HttpResponse:
    """Show who waits for an answer, how long data is kept, and what was done with whose."""
    rule, now = Retention.current(), clock.now()
    asked = request.POST if request.method == "POST" else request.GET if "years" in request.GET else None
    form, foreseen = RetentionForm(asked, initial={"years": rule.years}), None
    if form.is_bound and form.is_valid():
        years = form.cleaned_data["years"]
        if request.method == "POST":
            retention.choose(years, now=now, by_user=request.user.pk)
            messages.success(request, _("Saved.") if years else _("Saved. Nobody is forgotten by a rule."))
            return redirect("contacts:privacy")
        foreseen = _foreseen(years, now=now) if years and years != rule.years else None
    records = PrivacyRecord.objects.order_by("-at", "-pk")
    context = {
        "rule": rule, "form": form, "foreseen": foreseen,
        "requests": requesting.open_requests(), "waiting": _open(due_at=None),
        "left": forgetting.left_to_look_at(), "planned": _open(due_at__isnull=False),
        "page": Paginator(records, RECORDS).get_page(request.GET.get("page")), "me": request.user.pk,
        "is_chosen": form.is_bound and not form.errors and form.cleaned_data["years"] != rule.years,
    }  # fmt: skip
    return render(request, "contacts/privacy.html", context, status=422 if form.errors else 200)


@require_POST
def looked(request: HttpRequest, pk: int) -> HttpResponse:
    """Let go of the places where an erased customer's name stood."""
    if forgetting.looked(pk):
        messages.success(request, _("The list of places is gone."))
    return redirect("contacts:privacy")


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Show what personal data is processed for what, as the law wants it listed; it prints without the menus."""
    context = {"activities": processing.activities(), "made_at": clock.now(), "is_safe": settings.HTTPS}
    return render(request, "contacts/register.html", context)


def _foreseen(years: int, *, now) -> str:
    count = retention.due(years, now=now).count()
    if not count:
        return _("Today nobody would be forgotten by this.")
    text = ngettext(
        "%(count)s customer would be forgotten in the coming night.",
        "%(count)s customers would be forgotten in the coming night.",
        count,
    )
    return text % {"count": say.number(count)}


def _open(**which) -> list[Erasure]:
    """Return erasures that are not over, each with its customer, or whom they were merged into since."""
    found = Erasure.objects.filter(done_at=None, ended_at=None, **which).exclude(asked=Erasure.Asked.RETENTION)
    rows = list(found.order_by("answer_by", "due_at", "pk")[:RECORDS])
    people = Contact.objects.in_bulk([row.contact_id for row in rows])
    for row in rows:
        row.person = people.get(row.contact_id) or merging.find(row.contact_id)
    return rows
