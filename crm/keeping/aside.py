"""The shops that restores put aside: whole, with everybody in them, until the owner deletes them."""

import datetime as dt
import re
import shutil
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from crm.accounts import instance
from crm.keeping import manifests
from crm.keeping.snapshots import ASIDE

_NAME = re.compile(rf"{ASIDE}(\d{{8}}_\d{{6}})")


@dataclass(frozen=True)
class Aside:
    name: str
    at: dt.datetime  # when it was put aside
    size: int | None  # None: a schema, whose size is part of the database's
    place: str


def there() -> list[Aside]:
    """Return what was put aside, the newest first."""
    found = []
    for path in settings.DATA_DIR.glob(f"{ASIDE}*"):
        if path.is_dir() and not path.is_symlink() and (at := _moment(path.name)):
            size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
            found.append(Aside(path.name, at, size, str(path)))
    if connection.vendor == "postgresql":
        names = {name for (name,) in manifests.ask_here("SELECT nspname FROM pg_namespace")}
        found += [
            Aside(name, at, None, name) for name in names - {one.name for one in found} if (at := _moment(name))
        ]
    return sorted(found, key=lambda one: one.name, reverse=True)


def delete(name: str) -> bool:
    """Delete one for good, unless a restore is under way; tell whether it was there."""
    if (settings.DATA_DIR / instance.RESTORING).exists() or name not in {one.name for one in there()}:
        return False
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {connection.ops.quote_name(name)} CASCADE")
    shutil.rmtree(settings.DATA_DIR / name, ignore_errors=True)
    return True


def _moment(name: str) -> dt.datetime | None:
    match = _NAME.fullmatch(name)
    try:
        return dt.datetime.strptime(match[1], "%Y%m%d_%H%M%S").replace(tzinfo=dt.UTC) if match else None
    except ValueError:
        return None
