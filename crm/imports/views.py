"""Drop a file, say what it leaves open, see what it would do, let it in, watch it, take it back."""

import itertools
from decimal import Decimal

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from crm.accounts import logbook
from crm.imports import asking, crediting, describing, reading, reconciling, remembering, undoing
from crm.imports.formats import FORMATS, labels
from crm.imports.forms import MappingForm, UploadForm
from crm.imports.framing import NotReadable
from crm.imports.models import Finding, Import
from crm.imports.surveying import FormatUnknown
from crm.imports.tasks import read_import
from crm.lib import clock, csvio, money
from crm.lib.hints import hint
from crm.lib.templatetags import say
from crm.rewards import costing

STARTED = logbook.kind("import_started", gettext_lazy("Imported a file"), logbook.Group.BROUGHT_IN)
UNDONE = logbook.kind("import_undone", gettext_lazy("Took an import back"), logbook.Group.BROUGHT_IN)

PAGE_SIZE = 50
SHOWN = 5
SHOWN_REJECTED = 20
TONES = {
    Import.State.WAITING: "neutral",
    Import.State.MAPPING: "accent",
    Import.State.CHECKING: "info",
    Import.State.CHECKED: "accent",
    Import.State.READING: "info",
    Import.State.DONE: "good",
    Import.State.FAILED: "bad",
    Import.State.STOPPED: "warn",
    Import.State.UNDOING: "info",
    Import.State.UNDONE: "neutral",
}
UNDER_WAY = (Import.State.WAITING, Import.State.CHECKING, Import.State.READING, Import.State.UNDOING)
CAN_BE_UNDONE = (Import.State.DONE, Import.State.STOPPED, Import.State.FAILED)
STEPS = [gettext_lazy("File"), gettext_lazy("Columns"), gettext_lazy("Check"), gettext_lazy("Import")]
KINDS = [
    ("orders", gettext_lazy("Orders")),
    ("contacts", gettext_lazy("Customers")),
    ("products", gettext_lazy("Products")),
]
NEW_KINDS = [
    ("orders", gettext_lazy("New orders")),
    ("contacts", gettext_lazy("New customers")),
    ("products", gettext_lazy("New products")),
]
_ADDRESS_OF = {"order": "orders:detail", "contact": "contacts:detail", "product": "orders:product"}


def list_imports(request):
    imports = Import.objects.order_by("-id").defer("undo", "mapping")
    page = Paginator(imports, PAGE_SIZE).get_page(request.GET.get("page"))
    for importing in page.object_list:
        importing.tone = TONES[importing.state]
        importing.set_aside = (importing.result or importing.preview).get("rejected", 0)
        importing.format_label = _format_label(importing)
    return render(request, "imports/list.html", {"page": page})


# ---- the file


def new(request):
    """Keep the uploaded files and the pasted rows, and let the worker check them."""
    is_sent = request.method == "POST"
    form = UploadForm(request.POST if is_sent else None, request.FILES if is_sent else None, shop=request.shop)
    if is_sent and form.is_valid():
        kept = _keep(form)
        if len(kept) == 1 and not form.errors:
            return redirect(_next_page(kept[0]))
        if kept:
            said = ngettext("%(count)s file is being checked.", "%(count)s files are being checked.", len(kept))
            messages.success(request, said % {"count": len(kept)})
            for error in form.errors.get("files", ()):
                messages.error(request, error)
            return redirect("imports:list")
    more = "more" in request.GET or (is_sent and any(request.POST.get(name) for name in form.MORE))
    context = {"form": form, "more": more, "format_labels": list(labels().values()), "steps": STEPS}
    return render(request, "imports/new.html", context, status=422 if form.errors else 200)


def _keep(form: UploadForm) -> list[Import]:
    """Keep each file; what cannot be read becomes an error of the form, and the others come in all the same."""
    kept = []
    for file in form.uploads():
        try:
            made = reading.create_all(
                file, name=file.name, options=form.options(), now=clock.now(), format=form.cleaned_data["format"],
                state=Import.State.CHECKING,
            )  # fmt: skip
        except (NotReadable, FormatUnknown) as error:
            form.add_error("files", f"{file.name}: {error}")
            continue
        kept += made
        for importing in made:
            if importing.state == Import.State.CHECKING:
                hint(read_import, import_id=importing.pk)
    return kept


def _next_page(importing: Import) -> str:
    name = "imports:mapping" if importing.state == Import.State.MAPPING else "imports:detail"
    return reverse(name, args=[importing.pk])


# ---- what only the owner can say


def mapping(request, pk: int):
    """Show what the file is and what its columns mean, and ask what it leaves open, with our guess chosen."""
    importing = get_object_or_404(Import, pk=pk)
    is_open = importing.state in (Import.State.MAPPING, Import.State.CHECKED)
    if not (is_open or (importing.state == Import.State.FAILED and not importing.result and importing.path)):
        return redirect("imports:detail", pk)
    is_sent = request.method == "POST"
    format = (request.POST if is_sent else request.GET).get("format", "")
    try:
        sheet = asking.look_into(importing, format=format)
    except FormatUnknown as error:
        messages.error(request, str(error))
        return redirect("imports:mapping", pk)
    except (FileNotFoundError, NotReadable) as error:
        raise Http404(_("The file of this import is no longer here.")) from error
    form = MappingForm(request.POST if is_sent else None, sheet=sheet, said=importing.options, shop=request.shop)
    if is_sent and form.is_valid():
        taken = reading.answer(
            pk, format=sheet.looked.format, mapping=form.mapping(), options=form.options(), now=clock.now(),
            state=Import.State.CHECKING,
        )  # fmt: skip
        if taken:
            hint(read_import, import_id=pk)
        return redirect("imports:detail", pk)
    context = {
        "import": importing, "form": form, "sheet": sheet, "steps": STEPS,
        "format_label": FORMATS[sheet.looked.format].LABEL,
        "formats": [(slug, label, slug == sheet.looked.format) for slug, label in labels().items()],
        "known": remembering.recall(sheet.looked.header),
        "left_out": sum(not column.meaning for column in sheet.columns),
    }  # fmt: skip
    return render(request, "imports/mapping.html", context, status=422 if form.errors else 200)


@require_POST
def forget(request, pk: int):
    """Ask again about the next file with these columns."""
    importing = get_object_or_404(Import, pk=pk)
    try:
        header = reading.look_again(importing).header
    except (FileNotFoundError, NotReadable, FormatUnknown) as error:
        raise Http404(_("The file of this import is no longer here.")) from error
    if remembering.forget(header):
        messages.success(request, _("You will be asked about the next file with these columns."))
    return redirect("imports:mapping", pk)


# ---- the way of an import


def detail(request, pk: int):
    """Show what waits to be said, what the check found, how far the worker is, or what came of it."""
    importing = get_object_or_404(Import, pk=pk)
    if importing.state == Import.State.MAPPING:
        return redirect("imports:mapping", pk)
    if importing.state in UNDER_WAY:
        context = _progress_of(importing)
        if request.htmx and request.htmx.target == "progress":
            return render(request, "imports/progress.html#progress", context)
        return render(request, "imports/progress.html", context)
    if request.htmx and request.htmx.target == "progress":
        return HttpResponse(headers={"HX-Refresh": "true"})  # the work is over: there is another page to see
    if importing.state == Import.State.CHECKED:
        return render(request, "imports/check.html", _check_of(importing, shop=request.shop))
    return render(request, "imports/detail.html", _result_of(importing))


def _progress_of(importing: Import) -> dict:
    is_undo = importing.state == Import.State.UNDOING
    done = importing.undo.get("done", 0) if is_undo else importing.rows_read
    total = importing.undo.get("total", 0) if is_undo else importing.rows_total
    seconds = (clock.now() - importing.started_at).total_seconds() if importing.started_at else 0
    speed = done / seconds if seconds > 0 else 0
    return {
        "import": importing,
        "steps": STEPS,
        "step": 3 if importing.state == Import.State.CHECKING else 4,
        "is_waiting": importing.heartbeat_at is None or importing.state == Import.State.WAITING,
        "can_stop": importing.state in (Import.State.WAITING, Import.State.READING) and not importing.stop_requested,
        "done": done,
        "total": total,
        "rows_per_second": round(speed),
        "seconds_left": round(max(total - done, 0) / speed) if speed and done and total else None,
    }


def _common(importing: Import, result: dict) -> dict:
    return {
        "import": importing,
        "tone": TONES[importing.state],
        "format_label": _format_label(importing),
        "counts": [
            (label, result[kind]) for kind, label in KINDS if result.get(kind) and any(result[kind].values())
        ],
        "totals": [
            {
                "currency": currency,
                "read": _amount(read, currency),
                "stored": _amount(result.get("stored_total", {}).get(currency, "0"), currency),
                "is_same": currency not in reconciling.differing(result),
                "refunded": _amount(refunded, currency) if refunded else "",
                "only_refunds": bool(refunded) and not Decimal(read),
            }
            for currency, read in result.get("gross_total", {}).items()
            for refunded in [result.get("refunded_total", {}).get(currency)]
        ],
    }  # fmt: skip


def _check_of(importing: Import, *, shop) -> dict:
    preview = importing.preview
    found = preview["check"]
    counted = {
        **found,
        Finding.Kind.ORDER_NEW: preview["orders"]["created"],
        Finding.Kind.CONTACT_NEW: preview["contacts"]["created"],
    }
    first: dict[str, list[Finding]] = {}
    for kind in describing.TITLES:
        if counted.get(kind):
            first[kind] = list(importing.findings.filter(kind=kind).order_by("id")[:SHOWN])
    lines = iter(describing.lines(itertools.chain.from_iterable(first.values()), currency=shop.currency))
    sections = [
        {"kind": kind, "title": describing.TITLES[kind], "count": counted[kind], "more": counted[kind] - len(findings),
         "lines": [next(lines) for _finding in findings]}
        for kind, findings in first.items()
    ]  # fmt: skip
    start = crediting.programme_start()
    told_of = [kind for kind, _label in NEW_KINDS if any(preview[kind].values())]
    return {
        **_common(importing, preview),
        "steps": STEPS,
        "found": found,
        "tiles": [(label, preview[kind]) for kind, label in NEW_KINDS if any(preview[kind].values())],
        "changes_nothing": not preview["rejected"]
        and not any(preview[kind]["created"] or preview[kind]["updated"] for kind, _label in NEW_KINDS),
        "takes_nothing": bool(preview["rejected"]) and not told_of,
        "is_about_people": "orders" in told_of or "contacts" in told_of,
        "consents": found.get("consent_yes", 0) + found.get("consent_no", 0),
        "sections": [section for section in sections if section["lines"]],
        "permissions": _permissions(found),
        "programme_start": start,
        "can_credit_older": bool(start and found.get("older_points")),
        "older_worth": crediting.worth_minor(found.get("older_points", 0)),
        "opening_worth": worth.of(found.get("opening_points", 0)) if (worth := costing.point_worth()) else None,
        "currency": shop.currency,
        "rejected": importing.rejected_rows.order_by("line_number", "id")[:SHOWN],
        "rejected_count": preview["rejected"],
        "is_doubtful": reading.is_doubtful(preview),
    }


def _permissions(found: dict) -> list[str]:
    """Return what an import would do to who may be written to, one sentence for each thing."""
    told = []
    for name, one, many in (
        ("consent_yes", gettext_lazy("%(count)s customer who was not asked becomes a subscriber."),
         gettext_lazy("%(count)s customers who were not asked become subscribers.")),
        ("consent_no", gettext_lazy("%(count)s customer will not be written to any more."),
         gettext_lazy("%(count)s customers will not be written to any more.")),
        ("stay_no", gettext_lazy("%(count)s customer said no; the file says yes. An import never changes a no."),
         gettext_lazy("%(count)s customers said no; the file says yes. An import never changes a no.")),
        ("new_yes", gettext_lazy("%(count)s new customer comes as a subscriber."),
         gettext_lazy("%(count)s new customers come as subscribers.")),
        ("new_no", gettext_lazy("%(count)s new customer comes as somebody who said no."),
         gettext_lazy("%(count)s new customers come as people who said no.")),
        ("new_unknown",
         gettext_lazy("%(count)s new customer comes without an answer: the file has neither a yes nor a no of theirs. "
                      "A box left unticked is no answer."),
         gettext_lazy("%(count)s new customers come without an answer: the file has neither a yes nor a no of theirs. "
                      "A box left unticked is no answer.")),
    ):  # fmt: skip
        if count := found.get(name):
            told.append((one if count == 1 else many) % {"count": say.number(count)})
    return told


def _result_of(importing: Import) -> dict:
    has_read = bool(importing.result)
    conflicts = Paginator(importing.undo.get("conflicts", []), PAGE_SIZE).page(1)
    return {
        **_common(importing, importing.result),
        "steps": STEPS,
        "has_read": has_read,
        "can_be_undone": importing.state in CAN_BE_UNDONE and importing.undone_at is None and has_read,
        "can_go_on": importing.state in (Import.State.STOPPED, Import.State.FAILED) and bool(importing.path),
        "can_match": importing.state == Import.State.FAILED and not has_read and bool(importing.path),
        "can_be_discarded": importing.state in (Import.State.FAILED, Import.State.STOPPED) and not has_read,
        "undone": _undone(importing.undo),
        "conflicts": [_with_address(conflict) for conflict in conflicts],
        "conflict_count": sum(importing.undo.get(kind, {}).get("kept", 0) for kind, _label in KINDS),
        "rejected": importing.rejected_rows.order_by("line_number", "id")[:SHOWN_REJECTED],
        "rejected_count": importing.result.get("rejected", 0),
        "shown_rejected": SHOWN_REJECTED,
    }


def _undone(counts: dict) -> list[tuple]:
    return [(label, counts[kind]) for kind, label in KINDS if counts.get(kind) and any(counts[kind].values())]


def _with_address(conflict: dict) -> dict:
    name = _ADDRESS_OF.get(conflict["table"])
    return {**conflict, "href": reverse(name, args=[conflict["id"]]) if name else ""}


def _format_label(importing: Import) -> str:
    return FORMATS[importing.format].LABEL if importing.format in FORMATS else ""


def _amount(text: str, currency: str) -> str:
    return say.money(money.to_minor(Decimal(text), currency), currency)


def found(request, pk: int, kind: str):
    """List what the check found of one kind."""
    if kind not in describing.TITLES:
        raise Http404
    importing = get_object_or_404(Import, pk=pk)
    page = Paginator(importing.findings.filter(kind=kind).order_by("id"), PAGE_SIZE).get_page(request.GET.get("page"))
    counts = importing.preview.get("check", {})
    whole = {"order_new": ("orders", "created"), "contact_new": ("contacts", "created")}.get(kind)
    total = importing.preview.get(whole[0], {}).get(whole[1], 0) if whole else counts.get(kind, 0)
    if kind == Finding.Kind.CONSENT:
        total = counts.get("consent_yes", 0) + counts.get("consent_no", 0)
    context = {
        "import": importing, "page": page, "title": describing.TITLES[kind], "total": total,
        "kept": page.paginator.count, "lines": describing.lines(page.object_list, currency=request.shop.currency),
    }  # fmt: skip
    return render(request, "imports/found.html", context)


def rejected_list(request, pk: int):
    """List the rows that cannot be used, with the line and the reason."""
    importing = get_object_or_404(Import, pk=pk)
    rows = importing.rejected_rows.order_by("line_number", "id")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "imports/rejected.html", {"import": importing, "page": page})


def rejected(request, pk: int):
    """Download the rows set aside, as they stood, with the reason: correct them and import that file."""
    importing = get_object_or_404(Import, pk=pk)
    try:
        header, rows = reading.rejected_csv(importing)
    except (FileNotFoundError, NotReadable) as error:
        raise Http404(_("The file of this import is no longer here.")) from error
    stem = importing.file_name.rsplit(".", 1)[0]
    return csvio.download(f"{stem}-set-aside.csv", header, rows)


# ---- the acts


@require_POST
def start(request, pk: int):
    """Let a checked file in."""
    importing = get_object_or_404(Import, pk=pk)
    wanted = {name: bool(request.POST.get(name)) for name in ("older", "balances")}
    if reading.start(importing.pk, **wanted):
        logbook.write(STARTED, by=request.user, now=clock.now(), href=reverse("imports:detail", args=[pk]))
        hint(read_import, import_id=pk)
    return redirect("imports:detail", pk)


@require_POST
def discard(request, pk: int):
    """Throw away a file of which nothing was saved."""
    importing = get_object_or_404(Import, pk=pk)
    if not reading.discard(importing.pk):
        messages.error(request, _("This file is in the books already. Take the import back instead."))
        return redirect("imports:detail", pk)
    messages.success(request, _("%(name)s was thrown away. Nothing of it was saved.") % {"name": importing.file_name})
    return redirect("imports:list")


@require_POST
def stop(request, pk: int):
    importing = get_object_or_404(Import, pk=pk)
    reading.stop(importing.pk)
    messages.success(request, _("The import stops after the rows it holds. What was read so far is kept."))
    return redirect("imports:detail", pk)


@require_POST
def resume(request, pk: int):
    """Go on with an import that stopped or failed; what it read before is found unchanged."""
    importing = get_object_or_404(Import, pk=pk)
    if reading.resume(importing.pk):
        hint(read_import, import_id=pk)
    return redirect("imports:detail", pk)


def undo(request, pk: int):
    """Show what taking the import back would do; on POST let the worker do it."""
    importing = get_object_or_404(Import, pk=pk)
    if request.method == "POST":
        try:
            undoing.begin(importing.pk, now=clock.now())
        except undoing.NotUndoable as error:
            messages.error(request, str(error))
        else:
            logbook.write(UNDONE, by=request.user, now=clock.now(), href=reverse("imports:detail", args=[pk]))
            hint(read_import, import_id=pk)
        return redirect("imports:detail", pk)
    if importing.state not in CAN_BE_UNDONE:
        return redirect("imports:detail", pk)
    foreseen = undoing.foresee(pk)
    context = {
        "import": importing,
        "counts": _undone(foreseen),
        "points": foreseen["points"],
        "conflicts": [_with_address(conflict) for conflict in foreseen["conflicts"]],
        "conflict_count": sum(foreseen[kind]["kept"] for kind, _label in KINDS),
    }
    return render(request, "imports/undo.html", context)
