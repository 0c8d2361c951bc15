"""Set indexes aside while a large file fills an empty shop, and build them at its end.

To keep an index while a million rows come in, SQLite finds a page for every row; to build it at the end, it sorts
once. So a filling of tables that hold little so far drops their indexes first. Unique ones stay: they hold what must
be true. PostgreSQL keeps all of them, since dropping one would lock out everybody who reads.

What was dropped is written down in the same transaction, in a table of our own, and forgotten only by the transaction
that builds it. So a process killed in between loses nothing but time: pages are slow until `build` is called by the
next import, by the minute sweep, or before a migration. Building what is there already does nothing.
"""

import time
from collections.abc import Collection

from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction

_TABLE = "indexes_set_aside"
_SORTING = -8_000  # kB; as much is sorted in memory at a time
_LONG_ENOUGH = 0.3  # seconds; a transaction keeps everybody else from writing


def set_aside(*tables: type[models.Model], keep: Collection[str] = ()) -> None:
    """Drop the indexes of these tables that are not unique, but for those that begin with a column in `keep`."""
    if connection.vendor != "sqlite":
        return
    names = [model._meta.db_table for model in tables]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (name TEXT PRIMARY KEY, of TEXT, sql TEXT NOT NULL)")
        cursor.execute(
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX %%'"
            f" AND tbl_name IN ({', '.join(['%s'] * len(names))})",
            names,
        )
        for name, table, sql in cursor.fetchall():
            cursor.execute(f"SELECT name FROM pragma_index_info('{name}')")
            if cursor.fetchone()[0] not in keep:
                cursor.execute(f"INSERT OR REPLACE INTO {_TABLE} VALUES (%s, %s, %s)", [name, table, sql])
                cursor.execute(f'DROP INDEX "{name}"')


def build(*tables: type[models.Model], using: str = DEFAULT_DB_ALIAS) -> int:
    """Build what was set aside, of these tables or of all; return how many.

    Small ones are built together: each transaction waits for the disk.
    """
    wanted = [model._meta.db_table for model in tables]
    names = [name for name, table in waiting(using=using) if not wanted or table in wanted]
    if not names:
        return 0
    built = 0
    with connections[using].cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        held = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA cache_size = {_SORTING}")
        try:
            while names:
                begun = time.monotonic()
                with transaction.atomic(using=using):
                    while names and time.monotonic() - begun < _LONG_ENOUGH:
                        built += _build(cursor, names.pop(0))
        finally:
            cursor.execute(f"PRAGMA cache_size = {held}")
    return built


def waiting(*, using: str = DEFAULT_DB_ALIAS) -> list[tuple[str, str]]:
    """Return (index, its table) of what is set aside."""
    if connections[using].vendor != "sqlite":
        return []
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", [_TABLE])
        if cursor.fetchone() is None:
            return []
        cursor.execute(f"SELECT name, of FROM {_TABLE} ORDER BY rowid")
        return cursor.fetchall()


def build_before_migrate(*, using: str, **_unused) -> None:
    """Receive Django's pre_migrate: a migration counts on the indexes it knows."""
    build(using=using)


def _build(cursor, name: str) -> bool:
    cursor.execute(f"SELECT sql FROM {_TABLE} WHERE name = %s", [name])
    found = cursor.fetchone()
    cursor.execute(f"DELETE FROM {_TABLE} WHERE name = %s", [name])
    cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s", [name])
    if found is None or cursor.fetchone() is not None:
        return False  # another process built it
    cursor.execute(found[0])
    return True
