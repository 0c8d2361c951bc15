"""Everything as CSV files in one ZIP, built by the worker, kept for a week."""

import datetime as dt
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.keeping import packing, tables
from crm.keeping.models import Job
from crm.lib import csvio

KEPT = dt.timedelta(days=7)
_TOLD_EVERY = 5_000


def folder() -> Path:
    return settings.DATA_DIR / "exports"


def newest() -> Path | None:
    """Return the export there is."""
    return max(folder().glob("regulars-export-*.zip"), default=None)


def made() -> tuple[dt.datetime, int] | None:
    """Return when the export was made, and its size."""
    path = newest()
    return path and (dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC), path.stat().st_size)


def forget_all() -> int:
    """Delete every export; return how many."""
    found = list(folder().glob("regulars-export-*"))
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def forget_old(*, now: dt.datetime) -> int:
    """Delete what was exported more than a week ago; return how many."""
    old = [path for path in folder().glob("*.zip") if path.stat().st_mtime < (now - KEPT).timestamp()]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def build(job_id: int, *, now: dt.datetime) -> Path:
    """Write all tables; the file has its name only when it is whole. The one before is deleted."""
    shop = Shop.current()
    folder().mkdir(mode=0o700, exist_ok=True)
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
        os.replace(half, path)
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
