"""Drop a file, match its columns where they are unknown, watch it being read, take it back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm.imports import reading, undoing
from crm.imports.formats import FORMATS
from crm.imports.forms import MappingForm, UploadForm
from crm.imports.framing import NotReadable
from crm.imports.models import Import
from crm.imports.surveying import FormatUnknown
from crm.imports.tasks import read_import
from crm.lib import clock, csvio
from crm.lib.hints import hint

PAGE_SIZE = 50
SHOWN_REJECTED = 20
TONES = {
    Import.State.WAITING: "neutral",
    Import.State.MAPPING: "accent",
    Import.State.READING: "info",
    Import.State.DONE: "good",
    Import.State.FAILED: "bad",
    Import.State.STOPPED: "warn",
    Import.State.UNDONE: "neutral",
}
UNDER_WAY = (Import.State.WAITING, Import.State.READING)
CAN_BE_UNDONE = (Import.State.DONE, Import.State.STOPPED, Import.State.FAILED)


def list_imports(request):
    page = Paginator(Import.objects.order_by("-id"), PAGE_SIZE).get_page(request.GET.get("page"))
    for importing in page.object_list:
        importing.tone = TONES[importing.state]
        importing.format_label = FORMATS[importing.format].LABEL if importing.format in FORMATS else ""
    return render(request, "imports/list.html", {"page": page})


def new(request):
    """Keep the uploaded files and let the worker read them; a file we cannot place asks what its columns mean."""
    form = UploadForm(request.POST or None, request.FILES or None, shop=request.shop)
    if request.method == "POST" and form.is_valid():
        kept = _keep(form)
        if kept:
            if len(kept) == 1:
                return redirect(_next_page(kept[0]))
            messages.success(
                request,
                ngettext("%(count)s file is being read.", "%(count)s files are being read.", len(kept))
                % {"count": len(kept)},
            )
            return redirect("imports:list")
    context = {"form": form, "format_labels": [member.LABEL for member in FORMATS.values()]}
    return render(request, "imports/new.html", context, status=422 if form.errors else 200)


def _keep(form: UploadForm) -> list[Import]:
    """Keep each file; what cannot be read becomes an error of the form, and the others come in all the same."""
    kept = []
    for file in form.cleaned_data["files"]:
        try:
            importing = reading.create(
                file, name=file.name, options=form.options(), now=clock.now(), format=form.cleaned_data["format"]
            )
        except (NotReadable, FormatUnknown) as error:
            form.add_error("files", f"{file.name}: {error}")
            continue
        kept.append(importing)
        if importing.state == Import.State.WAITING:
            hint(read_import, import_id=importing.pk)
    return kept


def _next_page(importing: Import):
    name = "imports:mapping" if importing.state == Import.State.MAPPING else "imports:detail"
    return redirect(name, importing.pk).url


def detail(request, pk: int):
    """Show how far the reading is, and afterwards what it changed."""
    importing = get_object_or_404(Import, pk=pk)
    if importing.state == Import.State.MAPPING:
        return redirect("imports:mapping", pk)
    context = _state_of(importing)
    if request.htmx and request.htmx.target == "progress":
        return render(request, "imports/detail.html#progress", context)
    return render(request, "imports/detail.html", context)


def _state_of(importing: Import) -> dict:
    result = importing.result
    seconds = (clock.now() - importing.started_at).total_seconds() if importing.started_at else 0
    speed = importing.rows_read / seconds if seconds > 0 else 0
    left = max(importing.rows_total - importing.rows_read, 0)
    return {
        "import": importing,
        "tone": TONES[importing.state],
        "format_label": FORMATS[importing.format].LABEL if importing.format in FORMATS else "",
        "is_under_way": importing.state in UNDER_WAY,
        "can_be_undone": importing.state in CAN_BE_UNDONE and importing.undone_at is None,
        "rows_per_second": round(speed),
        "seconds_left": round(left / speed) if speed and importing.rows_read else None,
        "counts": [
            (label, result[kind])
            for kind, label in [("orders", _("Orders")), ("contacts", _("Customers")), ("products", _("Products"))]
            if result.get(kind) and any(result[kind].values())
        ],
        "totals": [
            (currency, amount, result.get("refunded_total", {}).get(currency))
            for currency, amount in result.get("gross_total", {}).items()
        ],
        "rejected": importing.rejected_rows.order_by("line_number", "id")[:SHOWN_REJECTED],
        "shown_rejected": SHOWN_REJECTED,
    }


def mapping(request, pk: int):
    """Ask what the columns mean, with our guess chosen and three values of each column beside it."""
    importing = get_object_or_404(Import, pk=pk)
    if importing.state != Import.State.MAPPING:
        return redirect("imports:detail", pk)
    look = reading.look_again(importing)
    form = MappingForm(request.POST or None, look=look, guess=importing.mapping)
    if request.method == "POST" and form.is_valid():
        if reading.answer(pk, format=form.FORMAT, mapping=form.mapping(), options=form.options()):
            hint(read_import, import_id=pk)
        return redirect("imports:detail", pk)
    context = {"import": importing, "form": form, "look": look}
    return render(request, "imports/mapping.html", context, status=422 if form.errors else 200)


@require_POST
def stop(request, pk: int):
    importing = get_object_or_404(Import, pk=pk)
    reading.stop(importing.pk)
    messages.success(request, _("The import stops after the rows it holds. What was read so far is kept."))
    return redirect("imports:detail", pk)


@require_POST
def undo(request, pk: int):
    """Take the import back and say what could not be."""
    importing = get_object_or_404(Import, pk=pk)
    try:
        undone = undoing.undo(importing.pk, now=clock.now())
    except undoing.NotUndoable as error:
        messages.error(request, str(error))
        return redirect("imports:detail", pk)
    messages.success(request, _("The import is taken back."))
    conflicts = undone["conflicts"]
    if conflicts:
        messages.warning(
            request,
            ngettext(
                "%(count)s row was changed since and stays as it is.",
                "%(count)s rows were changed since and stay as they are.",
                len(conflicts),
            )
            % {"count": len(conflicts)},
        )
    return redirect("imports:detail", pk)


def rejected(request, pk: int):
    """Download the rows set aside, as they stood, with the reason: correct them and import that file."""
    importing = get_object_or_404(Import, pk=pk)
    try:
        header, rows = reading.rejected_csv(importing)
    except (FileNotFoundError, NotReadable) as error:
        raise Http404(_("The file of this import is no longer here.")) from error
    stem = importing.file_name.rsplit(".", 1)[0]
    return csvio.download(f"{stem}-set-aside.csv", header, rows)
