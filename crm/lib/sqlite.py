"""Choose an SQLite build that cannot lose committed writes.

SQLite 3.7.0 to 3.51.2 can lose committed transactions in WAL mode (the WAL-reset
defect, sqlite.org/wal.html#walresetbug; fixed in 3.51.3 and, as back-ports, in 3.50.7
and 3.44.6). Debian 12 ships 3.40.1. PyPI's pysqlite3 carries a fixed build; where
neither is fixed we stay with the rollback journal, which is slower and safe.
"""

import sqlite3
import sys

BACKPORTS = {(3, 50): 7, (3, 44): 6}


def is_wal_safe(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite version is free of the WAL-reset defect."""
    backport = BACKPORTS.get(version[:2])
    return version >= (3, 51, 3) or (backport is not None and version[2] >= backport)


def use_safe_build() -> None:
    """Put pysqlite3 in place of the standard module where only it is safe."""
    if is_wal_safe(sqlite3.sqlite_version_info) or "django.db.backends.sqlite3.base" in sys.modules:
        return
    try:
        import pysqlite3
    except ImportError:
        return
    if is_wal_safe(pysqlite3.sqlite_version_info):
        sys.modules["sqlite3"] = pysqlite3
        sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2


def journal_pragmas() -> str:
    """Return the pragmas every connection starts with, for the build in use.

    The first gigabyte of the file is read through the system's page cache, which all processes share: with
    a map smaller than the file, each connection fills a cache of its own (8 connections took 264 MB, now 5).
    """
    in_use = sys.modules["sqlite3"].sqlite_version_info
    journal = "WAL" if is_wal_safe(in_use) else "DELETE"
    return (
        f"PRAGMA journal_mode={journal}; PRAGMA synchronous=FULL; "
        "PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=1073741824; "
        "PRAGMA secure_delete=FAST;"  # what is deleted is overwritten where that costs no page more
    )
