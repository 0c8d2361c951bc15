"""One file's way through the house: kept, claimed, read.

A reading that was interrupted is simply begun again: what it wrote before is found unchanged, and
counted as its own.
"""

import csv
import datetime as dt
import hashlib
import logging
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.imports import framing, running
from crm.imports.formats import FORMATS, base
from crm.imports.formats.base import BadRow
from crm.imports.framing import NotReadable
from crm.imports.models import Import, RejectedRow
from crm.imports.surveying import FormatUnknown, Look

log = logging.getLogger(__name__)

STALE = dt.timedelta(minutes=5)
REASON = "reason"


# ---- keeping


def create(
    upload: UploadedFile | Path, *, name: str, options: Mapping, now: dt.datetime, format: str = "",
    state: str = Import.State.WAITING,
) -> Import:  # fmt: skip
    """Keep a file and note what it seems to be; raise NotReadable or FormatUnknown.

    A file that leaves us guessing gets state `mapping` with the guess; otherwise `state`.
    """
    path = Path("imports") / f"{now:%Y-%m}" / f"{uuid.uuid4().hex}{''.join(Path(name).suffixes[-2:])[:20].lower()}"
    kept = settings.MEDIA_ROOT / path
    kept.parent.mkdir(parents=True, exist_ok=True)
    sha256 = _copy(upload, kept)
    try:
        looked = running.look(kept, options, format)
        if secret := looked.header.secret():
            _without_secrets(kept, looked, secret)
    except (NotReadable, FormatUnknown):
        kept.unlink()
        raise
    importing = Import(
        file_name=Path(name).name[:250], path=str(path), size_bytes=kept.stat().st_size, sha256=sha256,
        format=looked.format, kind=looked.member.KIND, options=dict(options), mapping=looked.mapping,
        state=state if looked.confidence >= base.SURE else Import.State.MAPPING,
    )  # fmt: skip
    if importing.state == Import.State.READING:
        importing.started_at = importing.heartbeat_at = now
    importing.save()
    return importing


def file_of(importing: Import) -> Path:
    """Return where the kept file lies."""
    return settings.MEDIA_ROOT / importing.path


def look_again(importing: Import) -> Look:
    """Return what the head of a kept file tells, for the page where columns are matched."""
    return running.look(file_of(importing), importing.options, importing.format)


def answer(import_id: int, *, format: str, mapping: Mapping[str, int], options: Mapping) -> bool:
    """Take the owner's word for what the columns mean and let the worker read; return whether it waited for that."""
    importing = Import.objects.get(pk=import_id)
    return bool(
        Import.objects.filter(pk=import_id, state=Import.State.MAPPING).update(
            state=Import.State.WAITING,
            format=format,
            kind=FORMATS[format].KIND,
            mapping=dict(mapping),
            options={**importing.options, **options},
        )
    )


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
    """Write the kept file again with the cells of secret columns emptied, line by line where it can be."""
    clean = kept.with_suffix(".clean")
    with open(clean, "w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, delimiter=looked.framing.delimiter)
        above = looked.header_line
        for __, cells in framing.rows(kept, looked.framing, width=looked.width):
            if above:
                above -= 1
            else:
                cells = ["" if index in secret else cell for index, cell in enumerate(cells)]
            writer.writerow(cells)
    clean.chmod(0o600)
    clean.replace(kept)


# ---- claiming


def claim(import_id: int, *, now: dt.datetime) -> bool:
    """Take a waiting import, or one whose reader died; return whether it is ours."""
    free = Q(state=Import.State.WAITING) | Q(state=Import.State.READING, heartbeat_at__lt=now - STALE)
    return bool(
        Import.objects.filter(free, pk=import_id).update(
            state=Import.State.READING, started_at=now, heartbeat_at=now, finished_at=None, error=""
        )
    )


def sweep(*, now: dt.datetime) -> int:
    """Read every import that waits or whose reader died; return how many."""
    free = Q(state=Import.State.WAITING) | Q(state=Import.State.READING, heartbeat_at__lt=now - STALE)
    waiting = list(Import.objects.filter(free).order_by("id").values_list("id", flat=True))
    return sum(claim(import_id, now=now) and bool(read(import_id, now=now)) for import_id in waiting)


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
    started = time.monotonic()

    def clock() -> dt.datetime:
        return now + dt.timedelta(seconds=time.monotonic() - started)

    def beat(**counts) -> None:
        """Show that we are alive, and learn whether to stop."""
        alive = Import.objects.filter(pk=import_id, state=Import.State.READING, stop_requested=False)
        if not alive.update(heartbeat_at=clock(), **counts):
            raise running.Stopped

    RejectedRow.objects.filter(importing=importing).delete()
    ended: dict = {"state": Import.State.DONE}
    run = running.Run(file_of(importing), options=importing.options, format=importing.format, mapping=importing.mapping,
              now=now, import_id=import_id, beat=beat)  # fmt: skip
    try:
        run.read()
    except running.Stopped:
        ended = {"state": Import.State.STOPPED}
    except (NotReadable, FormatUnknown) as error:
        ended = {"state": Import.State.FAILED, "error": str(error)[:500]}
    except Exception as error:
        log.exception("import %s failed", import_id)
        reason = f"{type(error).__name__}: {error}"
        ended = {
            "state": Import.State.FAILED,
            "error": _("We could not read on: %(reason)s") % {"reason": reason[:400]},
        }
    result = run.result(importing.file_name)
    Import.objects.filter(pk=import_id).update(
        **ended, result=result, rows_read=run.rows_read, rows_total=run.rows_total, finished_at=clock(),
        stop_requested=False,
    )  # fmt: skip
    importing.refresh_from_db()
    return importing


def check(
    path: Path, *, name: str, options: Mapping, now: dt.datetime, format: str = "", mapping=None
) -> tuple[dict, list[BadRow]]:
    """Read a file against the books without saving anything; return what an import would say, and the rejected rows."""
    run = running.Run(path, options=options, format=format, mapping=mapping or {}, now=now, import_id=None)
    run.read()
    return run.result(name), run.rejected


def rejected_csv(importing: Import) -> tuple[list[str], Iterator[list]]:
    """Return (header, rows) of the rejected rows as they stood, the reason at the end: to correct and import again."""
    header = look_again(importing).header.names
    rows = importing.rejected_rows.order_by("line_number", "id").values_list("cells", "reason").iterator()
    width = len(header)
    return [*header, REASON], ([*(cells + [""] * width)[:width], reason] for cells, reason in rows)
