"""What imports kept of people who are erased: what rows held before, rows that were set aside, and the files.

A file that names one of them is deleted as a whole: its import stays in the list with its figures, and can be undone
for everybody else, because an undo needs no file. A file nobody has read yet is thrown away as well, and says so; read
again, it brings nobody back (contacts.matching).
"""

import datetime as dt
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts import forgetting, merging
from crm.contacts.forgetting import Foreseen, NotYet
from crm.contacts.traces import Traces
from crm.imports import framing
from crm.imports.models import Change, Finding, Import, RejectedRow
from crm.lib import bulk
from crm.lib.templatetags import say
from crm.orders.models import Order

COVERS = (
    "imports.Change.before", "imports.Change.after", "imports.RejectedRow.cells", "imports.RejectedRow.reason",
    "imports.Finding.label", "imports.Finding.details", "imports.Import.file_name", "imports.Import.result",
    "imports.Import.preview", "imports.Import.undo", "imports.Import.error", "imports.Import.path",
)  # fmt: skip
_WORDED = ("file_name", "result", "preview", "undo", "error")
_AT_WORK = (Import.State.READING, Import.State.CHECKING, Import.State.UNDOING)
_UNREAD = (Import.State.MAPPING, Import.State.CHECKED, Import.State.WAITING)
_OF_PEOPLE = (Finding.Kind.CONTACT_NEW, Finding.Kind.CONTACT_CHANGED, Finding.Kind.CONTACT_DOUBLE, Finding.Kind.CONSENT)
_ROWS_AT_ONCE = 200
_ARRIVING = 3600  # seconds: a younger file may be an upload that has no row yet; that is looked through when it is read


def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Delete what was kept of people, and the files that name them; raise NotYet while one is being read."""
    traces = forgetting.traces_of(contact_ids)
    everybody = {*contact_ids, *(former for one in contact_ids for former in merging.former_ids(one))}
    with transaction.atomic():
        count = _forget_changes(everybody) + _forget_rows(everybody, traces)
    if not traces:
        return count
    count += _forget_words(traces, forgetting.label(contact_ids)) + _forget_files(traces)
    if Import.objects.filter(state__in=_AT_WORK, error="").exists():  # what it has read it will write
        raise NotYet("an import is under way")
    return count


def _forget_changes(contact_ids: Collection[int]) -> int:
    """Let an undo put nobody's facts back; of orders it still puts the figures back."""
    count = Change.objects.filter(table="contact", row_id__in=bulk.among(contact_ids)).delete()[0]
    orders = Order.objects.filter(contact__in=bulk.among(contact_ids)).values("pk")
    for change in Change.objects.filter(table="order", row_id__in=orders):
        if {"note"} & {*change.before, *change.after}:
            change.before.pop("note", None)
            change.after.pop("note", None)
            change.save(update_fields=["before", "after"])
            count += 1
    return count


def _forget_rows(contact_ids: Collection[int], traces: Traces) -> int:
    theirs = Finding.objects.filter(row_id__in=bulk.among(contact_ids), kind__in=_OF_PEOPLE)
    orders = Order.objects.filter(contact__in=bulk.among(contact_ids)).exclude(contact=None).values("pk")
    count = theirs.delete()[0] + Finding.objects.filter(row_id__in=orders, kind=Finding.Kind.ORDER_CHANGED).delete()[0]
    for kind, columns in ((Finding, ("label", "details")), (RejectedRow, ("cells", "reason"))):
        rows = kind.objects.values_list("pk", *columns).iterator(chunk_size=2_000) if traces else ()
        naming = [pk for pk, *said in rows if traces.are_in(said)]
        count += kind.objects.filter(pk__in=bulk.among(naming)).delete()[0]
    return count


def _forget_words(traces: Traces, word: str) -> int:
    """Put a word in the place of names in what is said of an import, such as what an undo had to leave."""
    count = 0
    for pk, *values in list(Import.objects.values_list("pk", *_WORDED)):
        if traces.are_in(values):
            said = {name: traces.redacted(value, word) for name, value in zip(_WORDED, values)}
            count += Import.objects.filter(pk=pk).update(**said)
    return count


def _forget_files(traces: Traces) -> int:
    """Delete kept files that name somebody, of all imports no worker is at."""
    count = _forget_stray_files(traces)
    for importing in Import.objects.exclude(path="").exclude(state__in=_AT_WORK, error="").order_by("pk"):
        path = settings.MEDIA_ROOT / importing.path
        if path.exists() and not names(path, traces, options=importing.options):
            continue
        with transaction.atomic():
            row = Import.objects.filter(pk=importing.pk, state=importing.state)
            ended = {"path": ""}
            if importing.state in _UNREAD:
                with translation.override(Shop.current().language):
                    said = _("It named a customer who was erased, so the file was thrown away before it was read. "
                             "Import it again: that customer is left out.")  # fmt: skip
                ended |= {"state": Import.State.FAILED, "error": said}
            if not row.update(**ended):
                continue
        path.unlink(missing_ok=True)
        count += 1
    return count


def _forget_stray_files(traces: Traces) -> int:
    """Delete files that name somebody and that no import knows: a restore or a kill left them behind."""
    known, count = set(Import.objects.exclude(path="").values_list("path", flat=True)), 0
    for path in (settings.MEDIA_ROOT / "imports").rglob("*"):
        if not path.is_file() or path.relative_to(settings.MEDIA_ROOT).as_posix() in known:
            continue
        if path.stat().st_mtime < time.time() - _ARRIVING and names(path, traces, options={}):
            path.unlink(missing_ok=True)
            count += 1
    return count


def drop_file(importing: Import) -> None:
    """Delete the kept file of an import that was read and named somebody who was erased before."""
    Import.objects.filter(pk=importing.pk).update(path="")
    (settings.MEDIA_ROOT / importing.path).unlink(missing_ok=True)


def names(path: Path, traces: Traces, *, options: dict) -> bool:
    """Tell whether a file names one of these people; one that cannot be read may."""
    try:
        framed = framing.detect(
            path, encoding=options.get("encoding", ""), delimiter=options.get("delimiter", "")
        )
        return any(traces.are_in(text) for text in _texts(framing.rows(path, framed)))
    except (framing.NotReadable, OSError, ValueError):
        return True


def _texts(rows: Iterable[framing.Row]) -> Iterable[str]:
    """Yield the text of many rows at once: cells beside each other may make up a name."""
    lines: list[str] = []
    for _number, cells in rows:
        lines.append(" ".join(map(str, cells)))
        if len(lines) == _ROWS_AT_ONCE:
            yield "\n".join(lines)
            lines = []
    yield "\n".join(lines)


def foresee(*, contact_id: int) -> Foreseen:
    """Say what may be kept in files, and how many earlier values are."""
    goes = []
    if earlier := Change.objects.filter(table="contact", row_id=contact_id).count():
        text = ngettext(
            "What an import changed; undoing it does not bring that back",
            "What %(count)s imports changed; undoing these does not bring that back",
            earlier,
        )
        goes.append(text % {"count": say.number(earlier)})
    if files := Import.objects.exclude(path="").count():
        text = ngettext(
            "The copy we keep of the imported file, if it names this customer",
            "The copies we keep of %(count)s imported files, of those that name this customer",
            files,
        )
        goes.append(text % {"count": say.number(files)})
    return Foreseen(goes)
