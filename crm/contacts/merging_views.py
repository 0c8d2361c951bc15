"""Who may be one person, two customers side by side, one made of them, and two again."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.contacts import duplicates, listing, merging
from crm.contacts.duplicates import Evidence
from crm.contacts.forms import MergeForm, part_label
from crm.contacts.models import Contact, Merge, Pair
from crm.lib import clock, digits
from crm.lib.templatetags import say

PER_PAGE, FOUND = 20, 10


@dataclass(frozen=True)
class Likeness:
    """How sure a pair is, in a word and a colour."""

    label: str
    tone: str

    @classmethod
    def of(cls, weight: int) -> "Likeness":
        if weight >= duplicates.CERTAIN:
            return cls(_("Almost certainly one person"), "good")
        if weight >= duplicates.LIKELY:
            return cls(_("Probably one person"), "info")
        return cls(_("Maybe one person"), "neutral")


@require_safe
def pairs(request: HttpRequest) -> HttpResponse:
    """Show who may be one with whom, the likeliest first."""
    found = duplicates.open_pairs().select_related("one", "other")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    for pair in page:
        pair.keep, pair.drop = longer_known(pair.one, pair.other)
        pair.likeness = Likeness.of(pair.weight)
        pair.labels = labels(pair.evidence)
    apart = Pair.objects.exclude(distinct_at=None).filter(pk=digits.read(request.GET.get("apart")))
    context = {"page": page, "apart": apart.select_related("one", "other").first()}
    return render(request, "contacts/duplicates.html", context)


@require_POST
def say_distinct(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """Remember that two customers are two, or forget it again."""
    _two(pk, other)
    if "undo" in request.POST:
        duplicates.say_maybe_one(pk, other)
        messages.success(request, _("The two are shown as a possible pair again."))
        return redirect("contacts:duplicates")
    duplicates.say_distinct(pk, other, now=clock.now())
    pair = Pair.objects.get(one=min(pk, other), other=max(pk, other))
    return redirect(f"{reverse('contacts:duplicates')}?apart={pair.pk}")


@require_safe
def merge_with(request: HttpRequest, pk: int) -> HttpResponse:
    """Look for the other customer."""
    contact = get_object_or_404(Contact.objects.alive(), pk=pk)
    query = request.GET.get("q", "").strip()[:100]
    found = listing.Filter({"q": query}, now=clock.now()).ordered.exclude(pk=pk)[:FOUND] if query else []
    like = [(other, labels(evidence)) for other, evidence in duplicates.like(contact)]
    context = {"contact": contact, "query": query, "found": found, "like": like}
    return render(request, "contacts/merge_with.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """Show two customers side by side, and make one of them."""
    done = Merge.objects.filter(kept_id=pk, dropped_id=other, undone_at=None).first()
    if request.method == "POST" and done:  # the form was sent twice
        return _just_merged(done)
    keep, drop = _two(pk, other)
    form = MergeForm(request.POST or None, keep=keep, drop=drop)
    now = clock.now()
    if request.method == "POST" and form.is_valid():
        try:
            done = merging.merge(pk, drop_id=other, choices=form.choices(), by=request.user.name, now=now)
        except merging.CannotMerge as refusal:
            messages.error(request, str(refusal))
            return redirect("contacts:duplicates")
        return _just_merged(done)
    try:
        outlook = merging.foresee(pk, drop_id=other, choices=form.choices(), now=now)
    except merging.CannotMerge as refusal:
        messages.error(request, str(refusal))
        return redirect("contacts:duplicates")
    evidence = duplicates.compare(keep, drop)
    context = {
        "keep": keep,
        "drop": drop,
        "names": merging.names_of(keep, drop),
        "form": form,
        "rows": list(_rows(form, keep, drop)),
        "outlook": outlook,
        "speaks_for": labels(one for one in evidence if duplicates.WEIGHTS[one] > 0),
        "speaks_against": labels(one for one in evidence if duplicates.WEIGHTS[one] < 0),
    }
    return render(request, "contacts/merge.html", context, status=422 if form.errors else 200)


def _just_merged(done: Merge) -> HttpResponse:
    return redirect(f"{reverse('contacts:detail', args=[done.kept_id])}?merged={done.pk}")


@require_http_methods(["GET", "HEAD", "POST"])
def merged(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a merge with what an undo would leave as it is, and undo it."""
    done = get_object_or_404(Merge, pk=pk)
    now = clock.now()
    if request.method == "POST":
        try:
            merging.undo(pk, now=now)
        except (merging.CannotUndo, merging.CannotMerge) as refusal:
            messages.error(request, str(refusal))
            return redirect("contacts:merged", pk)
        messages.success(request, _("Undone. They are two customers again."))
        return redirect("contacts:detail", done.dropped_id)
    refusal, leaves = "", []
    try:
        leaves = merging.foresee_undo(pk, now=now)
    except merging.CannotUndo as error:
        refusal = str(error)
    context = {
        "done": done, "names": done.details.get("names"), "leaves": leaves, "refusal": refusal,
        "kept": merging.find(done.kept_id), "until": done.at + merging.UNDO_FOR,
    }  # fmt: skip
    return render(request, "contacts/merged.html", context)


def _rows(form: MergeForm, keep: Contact, drop: Contact) -> Iterator[dict]:
    """Yield the facts of both beside each other; where they differ, with whose is picked."""
    choices = form.choices()
    for part in merging.PARTS:
        values = [merging.value_of(person, part) for person in (keep, drop)]
        if any(values):
            shown = [_shown(part, value) for value in values]
            is_picked = part in form.differing
            yield {
                "part": part, "label": part_label(part), "keep": shown[0], "drop": shown[1], "is_picked": is_picked,
                "chosen": choices.get(part, merging.KEEP) if is_picked else merging.picked(part, keep, drop, choices),
            }  # fmt: skip


def _shown(part: str, value) -> str:
    if isinstance(value, dt.date):
        return say.day(value)
    return say.language(value) if part == "language" and value else str(value or "")


def longer_known(one: Contact, other: Contact) -> tuple[Contact, Contact]:
    """Return two customers, first whom it is better to keep: more orders, then known for longer."""
    first, second = sorted((one, other), key=lambda contact: (-contact.order_count, contact.joined_at, contact.pk))
    return first, second


def labels(evidence) -> list[str]:
    """Return evidence in words."""
    return [str(Evidence(one).label) for one in evidence]


def _two(pk: int, other: int) -> tuple[Contact, Contact]:
    if pk == other:
        raise Http404
    alive = Contact.objects.alive()
    return get_object_or_404(alive, pk=pk), get_object_or_404(alive, pk=other)
