"""The folder of backups: what lies there is the list. A file has its name only after it was proven.

The name says when it was made, why, and of which shop (`mark`), so that shops that share a folder leave each other's
alone. Those of earlier versions have no mark: they are listed, and let go of only where their manifest speaks of our
key. A moment that has not come yet is that of a clock that went wrong: such a file counts for nothing and stays.
"""

import datetime as dt
import hashlib
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.keeping import manifests
from crm.keeping.models import Job, Plan

_NAME = re.compile(r"regulars-(\d{8}-\d{6})-([a-z]+)(?:-([0-9a-f]{8}))?\.(zip|zip\.sealed)")
_HALF = ".part"
_RECENT = dt.timedelta(days=1)
_UPDATES_KEPT = 3
_SPARE_BYTES = 50 * 1024 * 1024


class NoRoom(OSError):
    """The disk has no room for a backup, even without the old ones."""


@dataclass(frozen=True)
class Backup:
    path: Path
    made_at: dt.datetime
    why: str
    size: int
    is_sealed: bool
    mark: str = ""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def why_label(self) -> str:
        return Job.Why(self.why).label if self.why in Job.Why.values else self.why


def folder() -> Path:
    """Return the folder, made where it is missing."""
    settings.BACKUP_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.BACKUP_DIR


def mark() -> str:
    """Return what names this shop in the names of its backups; it comes along with a restore. "" without a shop."""
    try:
        created_at = Shop.objects.values_list("created_at", flat=True).first()
    except DatabaseError:  # a new machine, or a database that is damaged: a restore begins there
        return ""
    return hashlib.sha256(f"shop {created_at.isoformat()}".encode()).hexdigest()[:8] if created_at else ""


def backups() -> list[Backup]:
    """Return the backups there are of this shop, and those that do not say of which, newest first."""
    return _shared()[0]


def of_others() -> int:
    """Return how many backups of other shops lie in the folder."""
    return _shared()[1]


def _shared() -> tuple[list[Backup], int]:
    try:
        entries = list(os.scandir(settings.BACKUP_DIR))
    except OSError:  # not made yet, or its disk is not there
        return [], 0
    found, others, own = [], 0, mark()
    for match, entry in ((_NAME.fullmatch(entry.name), entry) for entry in entries):
        if match and match[3] not in (None, own):
            others += 1
        elif match:
            try:
                moment = dt.datetime.strptime(match[1], "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC)
                size = entry.stat().st_size
            except (ValueError, OSError):  # no moment; just deleted, or a link that leads nowhere
                continue
            found.append(Backup(Path(entry.path), moment, match[2], size, match[4] != "zip", match[3] or ""))
    return sorted(found, key=lambda one: one.name, reverse=True), others


def past(*, now: dt.datetime) -> list[Backup]:
    """Return the backups whose moment has come, newest first."""
    return [one for one in backups() if one.made_at <= now + _RECENT]


def newest(*, now: dt.datetime) -> Backup | None:
    return next(iter(past(now=now)), None)


def find(name: str) -> Backup | None:
    return next((one for one in backups() if one.name == name), None)


def delete(backup: Backup) -> None:
    backup.path.unlink(missing_ok=True)
    _sync(backup.path.parent)


@contextmanager
def scratch() -> Iterator[Path]:
    """Lend a folder of one's own beside the database; what killed processes left there is removed first.

    The caller holds the lock of keeping.jobs, so nobody else's is in use.
    """
    home = settings.DATA_DIR / "scratch"
    shutil.rmtree(home, ignore_errors=True)
    halves = list(settings.BACKUP_DIR.glob(f"regulars-*{_HALF}"))
    own, yesterday = mark() if halves else "", time.time() - _RECENT.total_seconds()  # a new machine: no database
    for half in halves:
        match = _NAME.fullmatch(half.name.removesuffix(_HALF))
        with suppress(FileNotFoundError):
            if match and (match[3] == own or half.stat().st_mtime < yesterday):  # another shop may be writing its own
                half.unlink()
    home.mkdir(mode=0o700)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def half(*, now: dt.datetime, why: str, is_sealed: bool) -> Path:
    """Return where a backup is written until it is proven."""
    kind = "zip.sealed" if is_sealed else "zip"
    of_shop = f"-{own}" if (own := mark()) else ""
    return folder() / f"regulars-{now.astimezone(dt.UTC):%Y%m%d-%H%M%S}-{why}{of_shop}.{kind}{_HALF}"


def put(half: Path) -> Backup:
    """Give a proven backup its name, so that it is there whole or not at all, whenever the power goes."""
    path = half.with_name(half.name.removesuffix(_HALF))
    with open(half, "rb") as file:
        os.fsync(file.fileno())
    os.replace(half, path)
    _sync(path.parent)
    return find(path.name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def need(count: int, *, words: str = "") -> None:
    """Raise NoRoom unless so many bytes fit on the disk of the data folder, and some to spare."""
    if shutil.disk_usage(settings.DATA_DIR).free < count + _SPARE_BYTES:
        raise NoRoom(str(words) or _("The disk of the data folder is too full to make a backup on it."))


def make_room(*, scratch: int, backup: int, now: dt.datetime, may_delete: bool = True) -> None:
    """Make sure that so many bytes fit; old backups go for it, the newest stays. Raise NoRoom where they do not."""
    need(scratch)
    if folder().stat().st_dev == settings.DATA_DIR.stat().st_dev:
        backup += scratch
    while shutil.disk_usage(folder()).free < backup + _SPARE_BYTES:
        old = [one for one in past(now=now)[1:] if may_delete and _is_ours(one)]
        if not old:
            raise NoRoom(_("The disk is too full for a backup. The last good one stays where it is."))
        delete(old[-1])


def thin(plan: Plan, *, zone: str, now: dt.datetime) -> int:
    """Let go of what the plan does not keep; return how many.

    Of each of the last days, weeks and months that have a backup the newest stays; so does whatever is younger than a
    day, and the last three made before an update.
    """
    there = [one for one in past(now=now) if _is_ours(one)]
    kept = {one.name for one in there[:1]} | {one.name for one in there if now - one.made_at < _RECENT}
    kept |= set([one.name for one in there if one.why == Job.Why.UPDATE][:_UPDATES_KEPT])
    local = {one.name: one.made_at.astimezone(ZoneInfo(zone)).date() for one in there}
    spans: list[tuple[int, Callable[[dt.date], object]]] = [
        (plan.daily, lambda day: day),
        (plan.weekly, lambda day: day.isocalendar()[:2]),
        (plan.monthly, lambda day: (day.year, day.month)),
    ]
    for count, span in spans:
        first: dict[object, str] = {}
        for one in there:
            first.setdefault(span(local[one.name]), one.name)
        kept |= set(list(first.values())[:count])
    gone = [one for one in there if one.name not in kept]
    for one in gone:
        delete(one)
    return len(gone)


def _is_ours(backup: Backup) -> bool:
    """Tell whether a backup is surely of this shop; one without a mark is where it names the secret key in force."""
    if backup.mark:
        return True
    try:
        with zipfile.ZipFile(backup.path) as archive:
            return json.loads(archive.read("manifest.json"))["key"] == manifests.fingerprint(settings.SECRET_KEY)
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile):
        return False
