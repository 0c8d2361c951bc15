"""Customers: the list, one person's page, the segments."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import replace_url

from crm.accounts import access, logbook
from crm.accounts.access import Right, needs
from crm.accounts.wording import counted
from crm.contacts import consent, duplicates, editing, forgetting, merging, panels, saved, tags, timeline
from crm.contacts.forms import (
    RISKS,
    BulkForm,
    ConsentForm,
    ContactForm,
    NoteForm,
    SegmentForm,
    TagsForm,
)
from crm.contacts.groups import GROUPS, STAGES
from crm.contacts.listing import Filter
from crm.contacts.models import Consent, Contact, Merge, Note, Segment, SegmentSize
from crm.lib import clock, csvio, digits
from crm.lib.money import from_minor
from crm.lib.templatetags.say import ago, day, moment, money, number

UNDO = "customers_undo"  # the session's memory of the last bulk act
SIZES_DAYS = 90
CONSENTS = 30  # the newest that are shown of what one customer said


@dataclass(frozen=True)
class GroupChip:
    label: str
    count: int | None
    query: str
    active: bool


def risk_tone(risk: float | None) -> str:
    """Return the tone of a churn risk: the three bands of the filter."""
    return (
        "neutral"
        if risk is None
        else "good"
        if risk < RISKS["medium"][1]
        else "warn"
        if risk < RISKS["high"][1]
        else "bad"
    )


def dressed(contact: Contact) -> Contact:
    """Add what a list shows about a person: the group's name and tone, the risk's tone."""
    contact.group_shown = GROUPS.get(contact.group)
    contact.risk_tone = risk_tone(contact.churn_risk)
    return contact


# The list


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "HEAD", "POST"])
def customer_list(request: HttpRequest) -> HttpResponse:
    """Show the customers a filter matches; a POST to the same address acts on them."""
    asked = Filter(request.GET, now=clock.now())
    if request.method == "POST":
        if "save" in request.POST or request.POST.get("act") in ("export", "write"):
            access.demand(request, Right.OWN)  # a helper tags, and neither takes lists home nor writes to them
        return _save_segment(request, asked) if "save" in request.POST else _bulk(request, asked)
    return _draw_list(request, asked)


def _draw_list(
    request: HttpRequest,
    asked: Filter,
    *,
    bulk: BulkForm | None = None,
    segment_form: SegmentForm | None = None,
    status: int = 200,
) -> HttpResponse:
    page = asked.paginator().get_page(request.GET.get("page"))
    rows = [dressed(contact) for contact in page.object_list]
    ticked = set(bulk.data.getlist("ids")) if bulk else set()
    for row in rows:
        row.is_ticked = str(row.pk) in ticked
    dates = [row.scored_on for row in rows if row.scored_on]
    context = {
        "asked": asked,
        "form": asked.form,
        "conditions": asked.described(),
        "group_chips": _group_chips(asked),
        "page": page,
        "rows": rows,
        "total": page.paginator.count,
        "total_shown": page.paginator.shown,
        "scored_on": max(dates, default=None),
        "is_panel_open": bool(asked.values.keys() - {"q", "group", "segment", "ids"}) or bool(asked.problems),
        "pairs": duplicates.open_pairs().count(),
        "is_empty_shop": not asked.values and not page.paginator.count,
        "query": asked.query(),
        "sort": asked.sort,
        "bulk": bulk,
        "segment_form": segment_form or SegmentForm(),
        "undo": request.session.pop(UNDO, None) if not request.htmx and request.method == "GET" else None,
    }
    response = render(request, "contacts/list.html", context, status=status)
    if request.htmx:
        query = asked.query()
        replace_url(response, reverse("contacts:list") + (f"?{query}" if query else ""))
    return response


def _group_chips(asked: Filter) -> list[GroupChip]:
    sizes = dict(Segment.objects.filter(slug__in=GROUPS).values_list("slug", "member_count"))
    chosen = asked.values.get("group", "")
    chips = [GroupChip(_("All"), None, asked.query(group=""), not chosen)]
    return chips + [
        GroupChip(str(group.label), sizes.get(slug), asked.query(group=slug), slug == chosen)
        for slug, group in GROUPS.items()
    ]


def _back(request: HttpRequest) -> HttpResponse:
    return redirect(request.get_full_path())


def _chosen(form: BulkForm, asked: Filter) -> Filter:
    """Narrow the filter to the ticked customers, unless everybody it matches is meant."""
    if form.cleaned_data["everyone"]:
        return asked
    ticked = {"ids": ",".join(map(str, form.cleaned_data["ids"]))}
    return Filter(asked.params | ticked | {"sort": asked.sort}, now=asked.now)


def _bulk(request: HttpRequest, asked: Filter) -> HttpResponse:
    form = BulkForm(request.POST)
    if not form.is_valid():
        return _draw_list(request, asked, bulk=form, status=422)
    chosen = _chosen(form, asked)
    match form.cleaned_data["act"]:
        case "export":
            return _csv(chosen, request)
        case "write":
            return _write_to(chosen)
    give, name = form.cleaned_data["act"] == "tag", form.cleaned_data["tag"]
    done = tags.tag(list(chosen.queryset.values_list("pk", flat=True)), tag=name, give=give, now=clock.now())
    if give:
        text = ngettext("Tagged %(count)s customer “%(tag)s”.", "Tagged %(count)s customers “%(tag)s”.", done.changed)
    else:
        text = ngettext(
            "Took the tag “%(tag)s” from %(count)s customer.",
            "Took the tag “%(tag)s” from %(count)s customers.",
            done.changed,
        )
    request.session[UNDO] = {"text": text % {"count": number(done.changed), "tag": name}, "token": done.undo}
    return _back(request)


def _write_to(chosen: Filter) -> HttpResponse:
    if chosen.params.keys() == {"segment"} and chosen.segment:
        segment = chosen.segment
    elif chosen.params:
        name = _("Chosen on %(moment)s") % {"moment": moment(chosen.now)}
        segment = saved.save(chosen, name=name, now=chosen.now)
    else:
        return redirect("campaigns:new")
    return redirect(f"{reverse('campaigns:new')}?segment={segment.slug}")


def _save_segment(request: HttpRequest, asked: Filter) -> HttpResponse:
    form = SegmentForm(request.POST)
    if form.is_valid():
        try:
            segment = saved.save(asked, name=form.cleaned_data["name"], now=clock.now())
        except saved.EmptyFilter:
            form.add_error(None, _("Filter the list first: a segment is a part of your customers."))
        else:
            messages.success(
                request, _("“%(name)s” is saved. It always shows who matches today.") % {"name": segment.name}
            )
            return redirect(segment)
    return _draw_list(request, asked, segment_form=form, status=422)


@needs(writing=Right.SERVE)
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take back the last tagging."""
    try:
        count = tags.undo(request.POST.get("token", ""), now=clock.now())
    except tags.BadUndo:
        messages.error(request, _("This cannot be undone any more. Nothing was changed."))
    else:
        text = ngettext("Undone for %(count)s customer.", "Undone for %(count)s customers.", count)
        messages.success(request, text % {"count": number(count)})
    query = Filter(QueryDict(request.POST.get("query", "")), now=clock.now()).query()
    return redirect(reverse("contacts:list") + (f"?{query}" if query else ""))


@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """Download the customers of a filter as CSV."""
    asked = Filter(request.GET, now=clock.now())
    if asked.problems:
        return redirect(f"{reverse('contacts:list')}?{request.GET.urlencode()}")
    return _csv(asked, request)


def _csv(asked: Filter, request: HttpRequest) -> HttpResponse:
    currency, zone = request.shop.currency, request.shop.timezone
    states = {state: str(label) for state, label in Contact.ConsentState.choices}
    groups = {slug: str(group.label) for slug, group in GROUPS.items()}
    stages = {slug: str(label) for slug, label in STAGES.items()}

    def date(value: dt.datetime | None) -> str:
        return clock.local_date(value, zone).isoformat() if value else ""

    def row(person: Contact) -> list:
        address = (person.street, person.postcode, person.city, person.region, person.country)
        return [
            person.pk, person.name, person.email, person.phone, person.company, *address, person.birthday,
            person.language, ", ".join(person.tags), states[person.consent],
            _("yes") if person.never_discount else "", date(person.joined_at),
            person.order_count, from_minor(person.spent_minor, currency), currency, date(person.last_order_at),
            person.points_balance, groups.get(person.group, ""), stages.get(person.stage, ""),
            "" if person.churn_risk is None else f"{person.churn_risk:.3f}", person.scored_on,
        ]  # fmt: skip

    header = [
        _("Number"), _("Full name"), _("E-mail"), _("Phone"), _("Company"), _("Street"), _("Postcode"), _("City"),
        _("Region"), _("Country"), _("Birthday"), _("Language"), _("Tags"), _("Permission to write"),
        _("Never give money off"), _("Customer since"), _("Orders"), _("Total spent"), _("Currency"),
        _("Last order"), counted(_("Points"), request.shop.kind), _("Group"), _("Stage"), _("Churn risk"),
        _("Risk and group as of"),
    ]  # fmt: skip
    logbook.write(logbook.CUSTOMERS_EXPORTED, by=request.user, now=asked.now)
    filename = f"customers-{clock.local_date(asked.now, zone).isoformat()}.csv"
    people = asked.ordered.defer("extra").iterator(chunk_size=2000)
    return csvio.download(filename, header, map(row, people))


# One person


def _person(pk: int) -> Contact:
    return get_object_or_404(Contact.objects.alive(), pk=pk)


def whoever_is(pk: int) -> Contact:
    """Return the customer with this number, or whom they were merged into."""
    contact = merging.find(pk)
    if contact is None:
        raise Http404
    return contact


@needs(reading=Right.SERVE)
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show who somebody is, what happened so far, and what upper floors know; who was merged is whom they became."""
    contact = whoever_is(pk)
    return _draw_detail(request, contact) if contact.pk == pk else redirect(contact)


def _draw_detail(
    request: HttpRequest,
    contact: Contact,
    *,
    note_form: NoteForm | None = None,
    tags_form: TagsForm | None = None,
    consent_form: ConsentForm | None = None,
    their_tags: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    now = clock.now()
    before = clock.read(request.GET.get("before", "")) or now + dt.timedelta(days=3660)
    consents = list(Consent.objects.filter(contact=contact).order_by("-at", "-pk")[:CONSENTS])
    context = {
        "contact": dressed(contact),
        "stage": STAGES.get(contact.stage, ""),
        "consent": next(iter(consents), None), "consents": consents,
        "contact_ref": str(contact.pk),
        **_notes(contact, request.shop.currency),
        "twins": duplicates.like(contact),
        "just_merged": _just_merged(request, contact, now),
        "erasure": forgetting.open_of(contact.pk),
        "panels": panels.PANELS.draw(contact, request),
        "story": timeline.read(contact_id=contact.pk, before=before),
        "is_older": "before" in request.GET,
        "note_form": note_form or NoteForm(),
        "tags_form": tags_form or TagsForm(initial={"tags": ", ".join(contact.tags), "version": contact.version}),
        "consent_form": consent_form or ConsentForm(),
        "their_tags": their_tags,
    }
    return render(request, "contacts/detail.html", context, status=status)


def _notes(contact: Contact, currency: str) -> dict[str, str]:
    """Return the small print under a person's figures."""
    notes = dict.fromkeys(("first_order_note", "average_note", "last_order_note", "risk_note"), "")
    if contact.order_count:
        average = money(round(contact.spent_minor / contact.order_count), currency)
        notes["average_note"] = _("%(amount)s per order, refunds taken off") % {"amount": average}
    if contact.first_order_at:
        notes["first_order_note"] = _("the first on %(date)s") % {"date": day(contact.first_order_at)}
    if contact.last_order_at:
        notes["last_order_note"] = ago(contact.last_order_at, clock.now())
    if contact.scored_on:
        notes["risk_note"] = _("as of %(date)s") % {"date": day(contact.scored_on)}
    return notes


def _just_merged(request: HttpRequest, contact: Contact, now: dt.datetime) -> Merge | None:
    """Return the merge the owner comes from, as long as it can be undone."""
    number = digits.read(request.GET.get("merged"))
    return merging.undoable(contact.pk, now=now).filter(pk=number).first() if number else None


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct a person's facts; answer 409 with both versions when somebody else saved first."""
    contact = _person(pk)
    theirs, status = [], 200
    if request.method == "POST":
        form = ContactForm(request.POST, instance=_person(pk))
        status = 422
        if form.is_valid():
            try:
                editing.edit(pk, version=form.cleaned_data["version"], values=form.values(), now=clock.now())
            except editing.EmailTaken:
                form.add_error("email", _("Another customer already has this e-mail address."))
            except editing.ChangedMeanwhile:
                form, theirs, status = _over(request, pk), _differences(contact, form), 409
            else:
                messages.success(request, _("Saved. Imports will not overwrite what you typed."))
                return redirect(contact)
    else:
        form = ContactForm(instance=contact, initial={"version": contact.version})
    return render(request, "contacts/edit.html", {"contact": contact, "form": form, "theirs": theirs}, status=status)


def _over(request: HttpRequest, pk: int) -> ContactForm:
    """Return the form as typed, ready to be saved over what is there now."""
    data = request.POST.copy()
    data["version"] = _person(pk).version
    return ContactForm(data, instance=_person(pk))


def _differences(contact: Contact, form: ContactForm) -> list[tuple[str, str, str]]:
    def shown(value) -> str:
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        return day(value) if isinstance(value, dt.date) else str(value or "–")

    return [
        (form.fields[field].label, shown(getattr(contact, field)), shown(value))
        for field, value in form.values().items()
        if getattr(contact, field) != value
    ]


@needs(writing=Right.SERVE)
@require_POST
def add_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what the owner noted about a person."""
    contact = whoever_is(pk)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _draw_detail(request, contact, note_form=form, status=422)
    Note.objects.create(contact=contact, text=form.cleaned_data["text"], at=clock.now(), author=request.user.name)
    messages.success(request, _("Note saved."))
    return redirect(contact)


@needs(writing=Right.SERVE)
@require_POST
def edit_tags(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace a person's tags by what was typed."""
    contact = _person(pk)
    form = TagsForm(request.POST)
    if not form.is_valid():
        return _draw_detail(request, contact, tags_form=form, status=422)
    try:
        editing.edit(
            pk, version=form.cleaned_data["version"], values={"tags": form.cleaned_data["tags"]}, now=clock.now()
        )
    except editing.ChangedMeanwhile:
        contact = _person(pk)
        kept = TagsForm({"tags": request.POST["tags"], "version": contact.version})
        return _draw_detail(request, contact, tags_form=kept, their_tags=contact.tags, status=409)
    messages.success(request, _("Tags saved."))
    return redirect(contact)


@needs(writing=Right.SERVE)
@require_POST
def change_consent(request: HttpRequest, pk: int) -> HttpResponse:
    """Note what the customer told the owner about being written to."""
    contact = _person(pk)
    form = ConsentForm(request.POST)
    if not form.is_valid():
        return _draw_detail(request, contact, consent_form=form, status=422)
    state, detail, now = form.cleaned_data["state"], form.cleaned_data["detail"], clock.now()
    if state == Contact.ConsentState.NO:
        consent.withdraw(pk, source=Consent.Source.OWNER, detail=detail, at=now)
    else:
        consent.record([pk], state=state, source=Consent.Source.OWNER, detail=detail, at=now)
    if _person(pk).consent == state:
        messages.success(request, _("Permission noted with today's date."))
    else:
        messages.error(request, _("There is no e-mail address to write to yet. Add one, then note the yes."))
    return redirect(contact)


# Segments


@needs(reading=Right.SERVE)
@require_GET
def segments(request: HttpRequest) -> HttpResponse:
    """Show every segment with its size, its worth and how it grew."""
    return _draw_segments(request)


def _draw_segments(
    request: HttpRequest, *, form: SegmentForm | None = None, renaming: int | None = None, status: int = 200
) -> HttpResponse:
    since = clock.local_date(clock.now(), request.shop.timezone) - dt.timedelta(days=SIZES_DAYS)
    sizes = defaultdict(list)
    for segment_id, count in (
        SegmentSize.objects.filter(date__gte=since).order_by("date").values_list("segment_id", "member_count")
    ):
        sizes[segment_id].append(count)
    rows = list(Segment.objects.order_by("-kind", "rank", "name", "pk"))
    for segment in rows:
        segment.history = sizes[segment.pk]
        segment.is_saved = segment.kind == Segment.Kind.SAVED
        group = None if segment.is_saved else GROUPS.get(segment.slug)
        segment.sentence = group.sentence if group else _(segment.description) if segment.description else ""
        segment.sizes_label = _sizes_label(segment.history)
        segment.write_url = f"{reverse('campaigns:new')}?segment={segment.slug}"
        segment.export_url = f"{reverse('contacts:export')}?segment={segment.slug}"
        segment.form = form if segment.pk == renaming else SegmentForm(instance=segment, auto_id=f"id_%s_{segment.pk}")
        segment.is_renaming = segment.pk == renaming
    return render(request, "contacts/segments.html", {"segments": rows}, status=status)


def _sizes_label(sizes: list[int]) -> str:
    if len(sizes) < 2:
        return ""
    first, last = number(sizes[0]), number(sizes[-1])
    return _("From %(first)s to %(last)s customers in the last 90 days") % {"first": first, "last": last}


def _saved_segment(slug: str) -> Segment:
    return get_object_or_404(Segment, slug=slug, kind=Segment.Kind.SAVED)


@require_POST
def rename_segment(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a saved segment another name."""
    segment = _saved_segment(slug)
    form = SegmentForm(request.POST, instance=segment, auto_id=f"id_%s_{segment.pk}")
    if not form.is_valid():
        return _draw_segments(request, form=form, renaming=segment.pk, status=422)
    Segment.objects.filter(pk=segment.pk).update(name=form.cleaned_data["name"])
    messages.success(request, _("Renamed to “%(name)s”.") % {"name": form.cleaned_data["name"]})
    return redirect("contacts:segments")


@require_POST
def delete_segment(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete a saved segment that nothing is built on; the customers in it stay."""
    segment = _saved_segment(slug)
    try:
        saved.delete(segment)
    except saved.SegmentInUse as use:
        text = _("“%(name)s” cannot be deleted: %(users)s uses it. Nothing was changed.")
        messages.error(request, text % {"name": segment.name, "users": ", ".join(use.names)})
    else:
        text = _("“%(name)s” is deleted. The customers in it stay as they are.")
        messages.success(request, text % {"name": segment.name})
    return redirect("contacts:segments")
