"""Keep the log of erasures beside the backups too, so that a restore on a new machine brings nobody back.

Backups are older than the log, and a new machine has no log of its own (contacts.erasure_log). Numbers and keyed
hashes are all it holds; whoever has no secret key reads nothing from it. A shop in force only writes there, and only a
restore reads: what was erased for trial in a copy must not be erased here.
"""

import logging
from pathlib import Path

from django.conf import settings

from crm.accounts import instance
from crm.contacts import erasure_log
from crm.keeping import shelf

log = logging.getLogger(__name__)

_shared: tuple | None = None  # both files as they were when they were found the same


def name() -> str:
    return f"regulars-erased-{shelf.mark()}.jsonl"


def share() -> int:
    """Add to the log beside the backups what it lacks; return how many lines. A held shop leaves it alone."""
    global _shared
    if not settings.BACKUP_DIR.is_dir() or _states() == _shared or instance.is_held():
        return 0
    try:
        count = _add_missing(erasure_log.path(), settings.BACKUP_DIR / name())
    except OSError as error:  # the folder is read-only, or its disk is away: the next sweep tries again
        log.info("the log of erasures could not be kept beside the backups: %s", error)
        return 0
    _shared = _states()
    return count


def take_from(folder: Path) -> int:
    """Take over what the log beside a backup says; return how many lines."""
    try:
        return _add_missing(folder / name(), erasure_log.path())
    except OSError as error:
        log.info("the log of erasures beside the backup could not be read: %s", error)
        return 0


def _add_missing(source: Path, target: Path) -> int:
    known = set(_lines(target))
    missing = [line for line in dict.fromkeys(_lines(source)) if line not in known]
    if missing:
        erasure_log.add(target, missing)
    return len(missing)


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [line for line in path.read_text(encoding="ascii", errors="replace").splitlines() if line.endswith("}")]


def _states() -> tuple:
    paths = (erasure_log.path(), settings.BACKUP_DIR / name())
    return tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.exists())
