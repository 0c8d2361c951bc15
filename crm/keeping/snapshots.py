"""The database as it is at one moment, as a file, while everybody goes on working.

SQLite writes it by VACUUM INTO: one reading transaction, so with the write-ahead log nobody who writes waits for it;
the file holds no remains of deleted rows (docs/decisions/0017-backups.md). PostgreSQL writes it by pg_dump, from a
snapshot in which the rows are counted and the books proven as well.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from crm.keeping import manifests, packing, postgres
from crm.lib import books

SQLITE_NAME, POSTGRES_NAME = packing.DATABASES


@dataclass(frozen=True)
class Snapshot:
    part: packing.Part
    facts: dict
    applied: set[tuple[str, str]]
    findings: list[books.Finding] | None = None  # PostgreSQL: of the very snapshot


def take(folder: Path, *, prove_books: bool) -> Snapshot:
    return _postgres(folder, prove_books=prove_books) if connection.vendor == "postgresql" else _sqlite(folder)


def size() -> int:
    """Return how many bytes the database takes now."""
    sql = (
        "SELECT pg_database_size(current_database())"
        if connection.vendor == "postgresql"
        else "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    )
    return manifests.ask_here(sql)[0][0]


def _sqlite(folder: Path) -> Snapshot:
    path = folder / SQLITE_NAME
    path.touch(mode=0o600)
    # A connection of its own: VACUUM may not run inside the caller's transaction.
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=30, isolation_level=None)) as source:
        source.execute("PRAGMA cache_size=-16000")
        source.execute("VACUUM INTO ?", [str(path)])
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
        there = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        facts = manifests.facts(lambda sql: copy.execute(sql).fetchall(), manifests.tables(there))
        applied = set(copy.execute("SELECT app, name FROM django_migrations"))
    return Snapshot(packing.Part(SQLITE_NAME, path), facts, applied)


def _postgres(folder: Path, *, prove_books: bool) -> Snapshot:
    path = folder / POSTGRES_NAME
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # we wait for pg_dump
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
        postgres.run(
            "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}",
            f"--exclude-schema={ASIDE}*", f"--file={path}",
        )  # fmt: skip
        facts = manifests.facts(manifests.ask_here, manifests.tables(connection.introspection.table_names()))
        applied = set(MigrationRecorder(connection).applied_migrations())
        findings = books.run_all() if prove_books else None
    return Snapshot(packing.Part(POSTGRES_NAME, path, is_packed=True), facts, applied, findings)


ASIDE = "before_restore_"  # the schemas that a restore puts aside
