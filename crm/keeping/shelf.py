"""The folder of backups: what lies there is the list. A file has its name only after it was proven."""

import datetime as dt
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from crm.keeping.models import Job, Plan

_NAME = re.compile(r"regulars-(\d{8}-\d{6})-([a-z]+)\.(zip|zip\.sealed)")
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


def backups() -> list[Backup]:
    """Return the backups there are, newest first."""
    try:
        entries = list(os.scandir(settings.BACKUP_DIR))
    except OSError:  # not made yet, or its disk is not there
        return []
    found = []
    for entry in entries:
        if match := _NAME.fullmatch(entry.name):
            moment = dt.datetime.strptime(match[1], "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC)
            size = entry.stat().st_size
            found.append(Backup(Path(entry.path), moment, match[2], size, match[3] != "zip"))
    return sorted(found, key=lambda one: one.name, reverse=True)


def newest() -> Backup | None:
    return next(iter(backups()), None)


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
    for half in settings.BACKUP_DIR.glob(f"regulars-*{_HALF}"):
        half.unlink(missing_ok=True)
    home.mkdir(mode=0o700)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def half(*, now: dt.datetime, why: str, is_sealed: bool) -> Path:
    """Return where a backup is written until it is proven."""
    kind = "zip.sealed" if is_sealed else "zip"
    return folder() / f"regulars-{now.astimezone(dt.UTC):%Y%m%d-%H%M%S}-{why}.{kind}{_HALF}"


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


def make_room(*, scratch: int, backup: int) -> None:
    """Make sure that so many bytes fit; old backups go for it, the newest stays. Raise NoRoom where they do not."""
    if shutil.disk_usage(settings.DATA_DIR).free < scratch + _SPARE_BYTES:
        raise NoRoom(_("The disk of the data folder is too full to make a backup on it."))
    if folder().stat().st_dev == settings.DATA_DIR.stat().st_dev:
        backup += scratch
    while shutil.disk_usage(folder()).free < backup + _SPARE_BYTES:
        old = backups()[1:]
        if not old:
            raise NoRoom(_("The disk is too full for a backup. The last good one stays where it is."))
        delete(old[-1])


def thin(plan: Plan, *, zone: str, now: dt.datetime) -> int:
    """Let go of what the plan does not keep; return how many.

    Of each of the last days, weeks and months that have a backup the newest stays; so does whatever is younger than a
    day, and the last three made before an update.
    """
    there = backups()
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
