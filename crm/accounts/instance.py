"""Know whether this database is the shop or a copy of it: a copy sends nothing until the owner says it is the shop now.

A database remembers where it lives. On SQLite that is the file itself (its inode) on this machine, on PostgreSQL the
cluster and the database in it. A restored backup, a data folder that was copied, a dump read in elsewhere: all carry
the memory along and find that they live somewhere else (docs/decisions/0017-backups.md).
"""

import datetime as dt
import hashlib
import os
from pathlib import Path

from django.conf import settings
from django.db import connection

from crm.accounts.models import Instance

RESTORING = "restore.json"  # in the data folder: the plan of a restore that is not done (keeping.restoring)
_MACHINE = Path("/etc/machine-id")


def is_held() -> bool:
    """Tell whether nothing may be sent: restored, or a copy, and the owner has not said that it is the shop.

    Nor is anything sent while a restore is cut off half way: the next start finishes it.
    """
    if (settings.DATA_DIR / RESTORING).exists():
        return True
    instance = Instance.objects.first()
    return instance is not None and (instance.held_at is not None or instance.place != _here())


def settle() -> bool:
    """Remember the place of a database that does not know one; return whether it was new."""
    if (settings.DATA_DIR / RESTORING).exists() or Instance.objects.exists():
        return False
    Instance.objects.get_or_create(id=1, defaults={"place": _here()})
    return True


def hold(*, restored_from: dt.datetime | None, now: dt.datetime) -> None:
    """Let nothing be sent until the owner confirms."""
    Instance.objects.update_or_create(id=1, defaults={"place": "", "held_at": now, "restored_from": restored_from})


def confirm(*, now: dt.datetime) -> None:
    """Take the owner's word that this is the shop now."""
    Instance.objects.update_or_create(id=1, defaults={"place": _here(), "held_at": None, "confirmed_at": now})


def _here() -> str:
    if connection.vendor == "postgresql":
        said = _cluster()
    else:
        try:
            said = f"{os.stat(connection.settings_dict['NAME']).st_ino} {_machine()}"
        except OSError:
            said = "memory"
    return hashlib.sha256(f"{connection.vendor} {said}".encode()).hexdigest()


def _machine() -> str:
    try:
        return _MACHINE.read_text().strip()
    except OSError:
        return ""  # macOS, and most containers


def _cluster() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::text, has_function_privilege('pg_control_system()', 'execute')"
            " FROM pg_database WHERE datname = current_database()"
        )
        oid, may_ask = cursor.fetchone()
        if not may_ask:
            return oid
        cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
        return f"{oid} {cursor.fetchone()[0]}"
