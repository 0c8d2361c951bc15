"""Everything as CSV files in one ZIP, built by the worker, kept for a week."""

import datetime as dt
import io
import os
import zipfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.accounts.models import Shop
from crm.contacts.forgetting import Foreseen
from crm.keeping import aside, packing, shelf, snapshots, tables
from crm.keeping.models import Job
from crm.lib import csvio
from crm.lib.templatetags import say

KEPT, HALF_KEPT = dt.timedelta(days=7), dt.timedelta(days=1)
SMALLER = 8  # at least so many times smaller than the database an export has been
_TOLD_EVERY = 5_000
_NO_ROOM = gettext_lazy("The disk of the data folder is too full for an export. Make room on it, then try again.")


class Overtaken(OSError):
    """Somebody was erased who may be in the export; it was deleted before it was whole (`forget`)."""


def folder() -> Path:
    return settings.DATA_DIR / "exports"


def newest() -> Path | None:
    """Return the export there is."""
    return max(folder().glob("regulars-export-*.zip"), default=None)


def made() -> tuple[dt.datetime, int] | None:
    """Return when the export was made, and its size."""
    try:
        found = newest().stat()
    except (AttributeError, FileNotFoundError):  # none, or deleted just now
        return None
    return dt.datetime.fromtimestamp(found.st_mtime, dt.UTC), found.st_size


def forget_all() -> int:
    """Delete every export, also what a killed one left half written; return how many."""
    found = list(folder().glob("regulars-export-*"))
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def forget_old(*, now: dt.datetime) -> int:
    """Delete what was exported more than a week ago, and halves a day old; return how many."""
    count = 0
    for pattern, age in (("*.zip", KEPT), ("*.part", HALF_KEPT)):
        for path in folder().glob(pattern):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < (now - age).timestamp():
                    path.unlink()
                    count += 1
    return count


def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Delete the export of everything when somebody is erased: it holds them."""
    return forget_all()


def foresee(*, contact_id: int) -> Foreseen:
    """Say that an export goes, and that backups made before hold the customer until they are let go."""
    goes = [_("The export of everything that lies ready for download")] if newest() else []
    there, stays = shelf.backups(), []
    for one in aside.there():
        text = _("The shop that a restore put aside on %(moment)s still holds this customer: delete it under Backups.")
        stays.append(text % {"moment": say.moment(one.at)})
    if not there:
        return Foreseen(goes, stays)
    text = ngettext(
        "%(count)s backup made before, of %(moment)s, still holds this customer: backups are not changed. A restore "
        "erases the customer again.",
        "%(count)s backups made before, the oldest of %(moment)s, still hold this customer until they are let go: "
        "backups are not changed. A restore erases the customer again.",
        len(there),
    )
    return Foreseen(goes, [*stays, text % {"count": say.number(len(there)), "moment": say.moment(there[-1].made_at)}])


def build(job_id: int, *, now: dt.datetime) -> Path:
    """Write all tables; the file has its name only when it is whole. The one before is deleted.

    The caller holds the lock of keeping.jobs: what is half written is of a process that died.
    """
    shop = Shop.current()
    folder().mkdir(mode=0o700, exist_ok=True)
    for left in folder().glob("*.part"):
        left.unlink(missing_ok=True)
    shelf.need(snapshots.size() // SMALLER, words=_NO_ROOM)
    local = now.astimezone(ZoneInfo(shop.timezone))
    path = folder() / f"regulars-export-{local:%Y%m%d-%H%M%S}.zip"
    half = path.with_suffix(".part")
    progress = _Progress(job_id)
    writer = tables.Writer(shop)
    try:
        with open(half, "wb", opener=packing.private) as target:
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                archive.writestr("README.txt", _readme(shop, local))
                for table in tables.TABLES:
                    with (
                        archive.open(f"{table.name}.csv", "w", force_zip64=True) as raw,
                        io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="") as file,
                    ):
                        file.writelines(csvio.lines(table.header, progress.counted(table.rows(writer))))
            target.flush()
            os.fsync(target.fileno())
        forget = [old for old in folder().glob("*.zip") if old != path]
        try:
            os.replace(half, path)
        except FileNotFoundError:
            raise Overtaken(_("A customer was erased while it was being made. Export again.")) from None
        for old in forget:
            old.unlink(missing_ok=True)
    finally:
        half.unlink(missing_ok=True)
    return path


class _Progress:
    """Says how far a job is, now and then."""

    def __init__(self, job_id: int):
        self._job, self._done = Job.objects.filter(pk=job_id), 0
        self._job.update(done=0, total=sum(table.count() for table in tables.TABLES))

    def counted(self, rows: Iterator[list]) -> Iterator[list]:
        for row in rows:
            self._done += 1
            if not self._done % _TOLD_EVERY:
                shelf.need(0, words=_NO_ROOM)  # the shop itself needs what is left
                self._job.update(done=self._done)
            yield row


def _readme(shop: Shop, local: dt.datetime) -> str:
    parts = [
        _("Everything %(shop)s kept in Regulars, on %(moment)s.")
        % {"shop": shop.name, "moment": f"{local:%Y-%m-%d %H:%M}"},
        _(
            "The files are tables (CSV, UTF-8) that any spreadsheet opens. A cell that a spreadsheet could take for a "
            "formula begins with an apostrophe. Times are those of %(zone)s. Rows of different files belong together "
            "by regulars_customer and regulars_order."
        )
        % {"zone": shop.timezone},
        _(
            "To bring a shop back from these files, import customers.csv, then products.csv, then orders.csv. Points "
            "are earned anew by the rules there; for a shop exactly as it was, restore a backup instead."
        ),
    ]
    parts += [f"{table.name}.csv\n{table.about}\n{', '.join(table.header)}" for table in tables.TABLES]
    return "\r\n\r\n".join(part.replace("\n", "\r\n") for part in parts) + "\r\n"
