"""One file's way through the house: kept, asked about, checked, claimed, read.

A reading that was interrupted is simply begun again: what it wrote before is found unchanged, and
counted as its own. From the browser a file is checked first (`checking`), and read when the owner says so.
"""

import csv
import datetime as dt
import hashlib
import logging
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.contacts import forgotten
from crm.imports import (
    checking,
    crediting,
    forgetting,
    framing,
    opening,
    recognising,
    reconciling,
    remembering,
    running,
    surveying,
    undoing,
)
from crm.imports.formats import FORMATS, base, plain
from crm.imports.formats.base import BadRow
from crm.imports.framing import NotReadable
from crm.imports.models import Finding, Import, RejectedRow
from crm.imports.remembering import GUESSED_ENCODINGS
from crm.imports.surveying import FormatUnknown, Look
from crm.lib import indexing
from crm.orders.models import Order

log = logging.getLogger(__name__)

STALE = dt.timedelta(minutes=5)
_LASTING = {"currency", "timezone", "encoding", "delimiter", "dayfirst", "decimal"}  # of the next file too
REASON = "reason"


class OwnerMustSay(Exception):
    """The whole file leaves open what only its owner knows; `guesses` is what we would say."""

    def __init__(self, guesses: dict):
        super().__init__(", ".join(guesses))
        self.guesses = guesses


# ---- keeping


def create_all(
    upload: UploadedFile | Path, *, name: str, options: Mapping, now: dt.datetime, format: str = "",
    state: str = Import.State.WAITING,
) -> list[Import]:  # fmt: skip
    """Keep a file, or each of those packed in it; raise NotReadable or FormatUnknown for a single one.

    One of several that cannot be read becomes a failed import, which says why.
    """
    with tempfile.TemporaryDirectory(prefix="regulars-upload-") as folder:
        found = framing.members(_on_disk(upload, Path(folder)))
        if found is None:
            return [create(upload, name=name, options=options, now=now, format=format, state=state)]
        kept = []
        try:
            for member, path in found:
                full = f"{Path(name).stem}: {Path(member).name}"
                try:
                    made = create(path, name=Path(member).name, options=options, now=now, format=format, state=state)
                except (NotReadable, FormatUnknown) as error:
                    made = Import(state=Import.State.FAILED, error=str(error)[:500], finished_at=now)
                    made.size_bytes = path.stat().st_size
                made.file_name = full[:250]
                made.save()
                kept.append(made)
        finally:
            for _member, path in found:
                path.unlink(missing_ok=True)
    return kept


def create(
    upload: UploadedFile | Path, *, name: str, options: Mapping, now: dt.datetime, format: str = "",
    state: str = Import.State.WAITING,
) -> Import:  # fmt: skip
    """Keep a file and note what it seems to be; raise NotReadable or FormatUnknown.

    A file that leaves us guessing gets state `mapping` with the guess; otherwise `state`. What the owner said of the
    last file with this header is said again.
    """
    path = Path("imports") / f"{now:%Y-%m}" / f"{uuid.uuid4().hex}{''.join(Path(name).suffixes[-2:])[:20].lower()}"
    kept = settings.MEDIA_ROOT / path
    kept.parent.mkdir(parents=True, exist_ok=True)
    sha256 = _copy(upload, kept)
    options = dict(options)
    try:
        looked = running.look(kept, options, format)
        known = None if format else remembering.recall(looked.header)
        if known:
            options = {**remembering.options_of(known, encoding=looked.framing.encoding), **options}
            looked = running.look(kept, options, known.format)
            looked.mapping = known.mapping or looked.mapping
        if secret := looked.header.secret():
            _without_secrets(kept, looked, secret)
            options.pop("encoding", None)  # it is UTF-8 now
    except (NotReadable, FormatUnknown):
        kept.unlink()
        raise
    is_open = looked.confidence < base.SURE and not known
    if state == Import.State.CHECKING:  # somebody is there to be asked
        is_open = not known and (is_open or bool(questions(looked, options)))
    importing = Import(
        file_name=Path(name).name[:250], path=str(path), size_bytes=kept.stat().st_size, sha256=sha256,
        format=looked.format, kind=looked.member.KIND, options=options, mapping=looked.mapping,
        state=Import.State.MAPPING if is_open else state,
    )  # fmt: skip
    if importing.state == Import.State.READING:
        importing.started_at = importing.heartbeat_at = now
    importing.save()
    return importing


def questions(looked: Look, options: Mapping) -> list[str]:
    """Return what the head of a file leaves open for its owner to say."""
    found = ["columns"] if looked.format == plain.SLUG else []
    is_proven = looked.framing.encoding == "gb18030" and looked.confidence >= base.SURE  # its header made sense
    if looked.framing.encoding in GUESSED_ENCODINGS and "encoding" not in options and not is_proven:
        found.append("encoding")
    return found


def file_of(importing: Import) -> Path:
    """Return where the kept file lies."""
    return settings.MEDIA_ROOT / importing.path


def look_again(importing: Import) -> Look:
    """Return what the head of a kept file tells, for the page where columns are matched."""
    return running.look(file_of(importing), importing.options, importing.format)


def answer(
    import_id: int, *, format: str, mapping: Mapping[str, int], options: Mapping, now: dt.datetime,
    state: str = Import.State.WAITING,
) -> bool:  # fmt: skip
    """Take the owner's word for what the file leaves open, and remember it; return whether the file waited for that."""
    importing = Import.objects.get(pk=import_id)
    options = {**importing.options, **options}
    asked = [Import.State.MAPPING, Import.State.CHECKED]
    taken = Import.objects.filter(pk=import_id, state__in=asked).update(
        state=state, format=format, kind=FORMATS[format].KIND, mapping=dict(mapping), options=options, preview={},
        heartbeat_at=None, error="",
    )  # fmt: skip
    if taken:
        header = running.look(file_of(importing), options, format).header
        lasting = {name: value for name, value in options.items() if name in _LASTING}
        remembering.remember(header, format=format, mapping=mapping, options=lasting, now=now)
    return bool(taken)


def start(import_id: int, *, older: bool = False, balances: bool = False) -> bool:
    """Let a checked import be read, with points for older orders, and those that customers bring along, or without.

    Return whether it was checked.
    """
    options = Import.objects.values_list("options", flat=True).get(pk=import_id)
    options = {**options, "award_points": crediting.OLDER if older else ""}
    options = {name: value for name, value in options.items() if name != opening.TAKE_OVER}
    if balances:
        options[opening.TAKE_OVER] = True
    return bool(
        Import.objects.filter(pk=import_id, state=Import.State.CHECKED).update(
            state=Import.State.WAITING, options=options
        )
    )


def resume(import_id: int) -> bool:
    """Let an import that stopped or failed go on from where it ended; return whether it had ended so."""
    ended = Import.objects.filter(pk=import_id, state__in=[Import.State.STOPPED, Import.State.FAILED]).exclude(path="")
    unread = ended.filter(result={}, error__gt="")
    return bool(
        unread.update(state=Import.State.CHECKING, heartbeat_at=None, error="")
        or ended.update(state=Import.State.WAITING, stop_requested=False, error="")
    )


def discard(import_id: int) -> bool:
    """Throw away a file of which nothing is in the books; return whether it was one."""
    unsaved = [Import.State.MAPPING, Import.State.CHECKING, Import.State.CHECKED]
    nothing_read = Q(state__in=unsaved) | Q(state__in=[Import.State.FAILED, Import.State.STOPPED], result={})
    importing = Import.objects.filter(nothing_read, pk=import_id).first()
    if importing is None or not Import.objects.filter(nothing_read, pk=import_id).delete()[0]:
        return False
    if importing.path:
        file_of(importing).unlink(missing_ok=True)
    return True


def _on_disk(upload: UploadedFile | Path, folder: Path) -> Path:
    """Return a path under which the upload can be read."""
    if isinstance(upload, Path):
        return upload
    if hasattr(upload, "temporary_file_path"):
        return Path(upload.temporary_file_path())
    path = folder / "upload"
    path.write_bytes(upload.read())
    upload.seek(0)
    return path


def _copy(upload: UploadedFile | Path, kept: Path) -> str:
    digest = hashlib.sha256()
    with open(kept, "wb") as target:
        if isinstance(upload, Path):
            with open(upload, "rb") as source:
                shutil.copyfileobj(source, _Hashing(target, digest), 1024 * 1024)
        else:
            for chunk in upload.chunks():
                digest.update(chunk)
                target.write(chunk)
    kept.chmod(0o600)
    return digest.hexdigest()


class _Hashing:
    """A file that also feeds a digest."""

    def __init__(self, file, digest):
        self.file, self.digest = file, digest

    def write(self, block: bytes) -> None:
        self.digest.update(block)
        self.file.write(block)


def _without_secrets(kept: Path, looked: Look, secret: set[int]) -> None:
    """Write the kept file again as text with the cells of secret columns emptied, each row on the line it had."""
    clean = kept.with_suffix(".clean")
    is_text = looked.framing.layout == framing.TEXT
    with open(clean, "w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, delimiter=looked.framing.delimiter)
        above, written = looked.header_line, 0
        for number, cells in framing.rows(kept, looked.framing, width=looked.width):
            if above:
                above -= 1
            else:
                cells = ["" if index in secret else cell for index, cell in enumerate(cells)]
            if not is_text:  # a sheet leaves rows out, and its cells may hold line breaks
                target.write("\r\n" * max(number - written - 1, 0))
                written = max(number, written + 1)
                cells = [" ".join(cell.splitlines()) for cell in cells]
            writer.writerow(cells)
    clean.chmod(0o600)
    clean.replace(kept)


# ---- claiming

_BEGUN = (Import.State.READING, Import.State.CHECKING, Import.State.UNDOING)


def _waits_for_a_worker(now: dt.datetime) -> Q:
    idle = Q(heartbeat_at=None) | Q(heartbeat_at__lt=now - STALE)
    return Q(state=Import.State.WAITING) | (Q(state__in=_BEGUN) & idle)


def claim(import_id: int, *, now: dt.datetime) -> str:
    """Take an import that waits for a worker or whose worker died; return the state it is ours in, "" if it is not."""
    for before, after in [(Import.State.WAITING, Import.State.READING), *zip(_BEGUN, _BEGUN)]:
        if Import.objects.filter(_waits_for_a_worker(now), pk=import_id, state=before).update(
            state=after, started_at=now, heartbeat_at=now, finished_at=None, error=""
        ):
            return after
    return ""


def take_up(import_id: int, *, now: dt.datetime) -> str:
    """Do what waits to be done on an import, unless somebody else is at it; return the state that led to, or ""."""
    match claim(import_id, now=now):
        case Import.State.READING:
            return read(import_id, now=now).state
        case Import.State.CHECKING:
            state = check_kept(import_id, now=now)
            return take_up(import_id, now=now) if state == Import.State.WAITING else state
        case Import.State.UNDOING:
            return _undo(import_id, now=now)
    return ""


def _undo(import_id: int, *, now: dt.datetime) -> str:
    try:
        undoing.carry_on(import_id, now=now)
    except Exception:  # the import says why; it is tried again when its heartbeat is old
        log.exception("undo of import %s failed", import_id)
        return Import.State.UNDOING
    return Import.State.UNDONE


def sweep(*, now: dt.datetime) -> int:
    """Take up every import that waits for a worker or whose worker died; return how many."""
    waiting = Import.objects.filter(_waits_for_a_worker(now)).order_by("id").values_list("id", flat=True)
    return sum(bool(take_up(import_id, now=now)) for import_id in list(waiting))


def stop(import_id: int) -> None:
    """Ask a reading import to stop after its chunk; one that has not begun is stopped at once."""
    idle = Import.objects.filter(pk=import_id, state__in=[Import.State.WAITING, Import.State.MAPPING])
    if not idle.update(state=Import.State.STOPPED):
        Import.objects.filter(pk=import_id, state=Import.State.READING).update(stop_requested=True)


# ---- reading


def read(import_id: int, *, now: dt.datetime) -> Import:
    """Read a claimed import to its end and return it; what went wrong stands in `error`."""
    with translation.override(Shop.current().language):  # reasons and warnings are kept for the owner to read later
        return _read(import_id, now=now)


def _read(import_id: int, *, now: dt.datetime) -> Import:
    importing = Import.objects.get(pk=import_id)
    clock = _clock(now)
    beat = _beating(import_id, Import.State.READING, clock)
    RejectedRow.objects.filter(importing=importing).delete()
    with running.for_many_rows():
        before = recognising.earlier(importing)
    if before is not None:
        result = recognising.repeat(before, importing) | {"seconds": round((clock() - now).total_seconds(), 3)}
        Import.objects.filter(pk=import_id).update(
            state=Import.State.DONE, result=result, rows_read=before.rows_read, rows_total=before.rows_total,
            finished_at=clock(), stop_requested=False,
        )  # fmt: skip
        if not before.path:  # it went because it names somebody who was erased
            forgetting.drop_file(importing)
        importing.refresh_from_db()
        return importing
    run = _run(importing, now=now, beat=beat)

    def act() -> dict:
        run.read()
        if importing.options.get("award_points") == crediting.OLDER:
            _credit_older(import_id, now=now, beat=beat)
        return {"state": Import.State.DONE}

    ended = _to_its_end(import_id, act)
    result = run.result(importing.file_name)
    if importing.options.get(opening.TAKE_OVER):
        result["opening"] = opening.of_import(import_id)
    Import.objects.filter(pk=import_id).update(
        **ended, result=result, rows_read=run.rows_read, rows_total=run.rows_total,
        finished_at=clock(), stop_requested=False,
    )  # fmt: skip
    if run.finished and forgotten.any_yet() and forgotten.among(run.people):
        forgetting.drop_file(importing)
    importing.refresh_from_db()
    return importing


def build_indexes(*, now: dt.datetime) -> int:
    """Build the indexes a killed import left aside, unless one is at work; return how many."""
    at_work = Import.objects.filter(state=Import.State.READING, heartbeat_at__gte=now - STALE)
    return 0 if not indexing.waiting() or at_work.exists() else indexing.build()


def _credit_older(import_id: int, *, now: dt.datetime, beat: Callable[..., None]) -> None:
    """Give the import's orders from before the programme their points, piece by piece."""
    start = crediting.programme_start()
    older = Order.objects.filter(created_by_import=import_id, placed_at__lt=start) if start else Order.objects.none()
    last = 0
    while ids := list(older.filter(id__gt=last).order_by("id").values_list("id", flat=True)[: running.CHUNK_ORDERS]):
        last = ids[-1]
        beat()
        crediting.credit_older(ids, now=now)


def _run(importing: Import, **said) -> running.Run:
    return running.Run(
        file_of(importing), name=importing.file_name, options=importing.options, format=importing.format,
        mapping=importing.mapping, import_id=importing.pk, **said,
    )  # fmt: skip


def _clock(now: dt.datetime) -> Callable[[], dt.datetime]:
    started = time.monotonic()
    return lambda: now + dt.timedelta(seconds=time.monotonic() - started)


def _beating(import_id: int, state: str, clock: Callable[[], dt.datetime]) -> Callable[..., None]:
    """Return a function that shows we are alive and raises Stopped if somebody asked us to end."""

    def beat(**counts) -> None:
        alive = Import.objects.filter(pk=import_id, state=state, stop_requested=False)
        if not alive.update(heartbeat_at=clock(), **counts):
            raise running.Stopped

    return beat


def _to_its_end(import_id: int, act: Callable[[], dict]) -> dict:
    """Return the columns an act ended with, or those that say why it did not."""
    try:
        return act()
    except running.Stopped:
        return {"state": Import.State.STOPPED}
    except (NotReadable, FormatUnknown) as error:
        return {"state": Import.State.FAILED, "error": str(error)[:500]}
    except Exception as error:
        log.exception("import %s failed", import_id)
        reason = f"{type(error).__name__}: {error}"
        said = _("We could not read on: %(reason)s") % {"reason": reason[:400]}
        return {"state": Import.State.FAILED, "error": said}


# ---- checking


def check_kept(import_id: int, *, now: dt.datetime) -> str:
    """Check a claimed import and return its state then; one thrown away meanwhile has none."""
    with translation.override(Shop.current().language):
        return _check_kept(import_id, now=now)


def _check_kept(import_id: int, *, now: dt.datetime) -> str:
    importing = Import.objects.get(pk=import_id)
    clock = _clock(now)
    Finding.objects.filter(importing=importing).delete()
    RejectedRow.objects.filter(importing=importing).delete()
    check = checking.Check(import_id, now=now)
    beat = _beating(import_id, Import.State.CHECKING, clock)
    run = _run(importing, now=now, beat=beat, check=check, surveyed=lambda told: _ask(told, importing.options))

    def act() -> dict:
        try:
            run.read()
        except OwnerMustSay as question:
            return {"state": Import.State.MAPPING, "preview": {"asks": question.guesses}}
        preview = {**run.result(importing.file_name), "check": check.summary()}
        may_go_on = importing.options.get("unasked") and not is_doubtful(preview)
        return {"state": Import.State.WAITING if may_go_on else Import.State.CHECKED, "preview": preview}

    ended = _to_its_end(import_id, act)
    check.close()
    still_ours = Import.objects.filter(pk=import_id, state=Import.State.CHECKING)
    still_ours.update(
        **ended, rows_read=run.rows_read, rows_total=run.rows_total, finished_at=clock(), stop_requested=False
    )
    return ended["state"] if Import.objects.filter(pk=import_id).exists() else ""


def _ask(survey: surveying.Survey, said: Mapping) -> None:
    """Stop a check for what the whole file leaves open and nobody said yet."""
    guesses = {"dayfirst": survey.day_first, "decimal": survey.mark}
    if open_ := {name: guesses[name] for name in survey.asks if name not in said}:
        raise OwnerMustSay(open_)


def is_doubtful(preview: Mapping) -> bool:
    """Tell whether the owner should look before this is saved."""
    found = preview["check"]
    asked_about = ("contact_double", "order_double", "consent_yes", "consent_no", "stay_no")
    return bool(
        preview["rejected"]
        or preview["warnings"]
        or reconciling.differing(preview)
        or any(found.get(name) for name in asked_about)
    )


def check(
    path: Path, *, name: str, options: Mapping, now: dt.datetime, format: str = "", mapping=None
) -> tuple[dict, list[BadRow]]:
    """Read a file against the books without saving anything; return what an import would say, and the rejected rows."""
    look = checking.Check(0, now=now)
    run = running.Run(
        path, name=name, options=options, format=format, mapping=mapping or {}, now=now, import_id=0, check=look
    )  # fmt: skip
    try:
        run.read()
        return {**run.result(name), "check": look.summary()}, look.rejected
    finally:
        look.close()


# ---- what was set aside


def rejected_csv(importing: Import) -> tuple[list[str], Iterator[list]]:
    """Return (header, rows) of the rejected rows as they stood, the reason at the end: to correct and import again."""
    header = look_again(importing).header.names
    rows = importing.rejected_rows.order_by("line_number", "id").values_list("cells", "reason").iterator()
    width = len(header)
    return [*header, REASON], ([*(cells + [""] * width)[:width], reason] for cells, reason in rows)
