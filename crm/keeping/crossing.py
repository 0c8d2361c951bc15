"""A shop of SQLite's becomes one of PostgreSQL's: every row as it is, through a backup that was proven.

The points' laws watch each row that comes, and would count again what was counted long ago. So they are suspended for
the one transaction that brings everything, and hold again before it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DatabaseError, connection, connections, models
from django.utils.translation import gettext as _

from crm.keeping import manifests, proving
from crm.lib import bulk
from crm.rewards import triggers

ALIAS = "brought"
AT_ONCE = 10_000


class NotTaken(RuntimeError):
    """PostgreSQL refused a row that SQLite holds; the words say of which table and why."""


def bring_over(path: Path) -> None:
    """Fill this empty PostgreSQL schema from a SQLite database of this version; raise NotProven or NotTaken.

    Runs inside the caller's transaction. What came is counted and added up on both sides.
    """
    call_command("migrate", interactive=False, verbosity=0)
    tables = apps.get_models(include_auto_created=True)
    kept = sorted(connection.ops.quote_name(table._meta.db_table) for table in tables)
    with connection.cursor() as cursor, _opened(path) as source, triggers.lifted():
        _check_references(cursor)
        cursor.execute(f"TRUNCATE {', '.join(kept)}")  # what the migrations themselves have put in
        for table in tables:
            try:
                _copy(table, source.alias)
            except DatabaseError as error:
                words = " ".join(str(error).split())[:300]
                raise NotTaken(
                    _("PostgreSQL does not take what is in it: %(words)s")
                    % {"words": f"{table._meta.db_table}: {words}"}
                ) from None
        for sql in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(sql)
        with source.cursor() as old:
            facts = manifests.facts(
                lambda sql: old.execute(sql).fetchall(), [table._meta.db_table for table in tables]
            )
        proving.compare(manifests.facts(manifests.ask_here, list(facts["rows"])), facts)
        _check_references(cursor)
    bulk.refresh_statistics(*tables)


def _check_references(cursor) -> None:
    """Look now at what would be looked at when all is done: PostgreSQL changes no table of which something waits."""
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@contextmanager
def _opened(path: Path) -> Iterator:
    """Give Django's connection to a SQLite file, for as long as it is read."""
    made = connections.configure_settings(
        {"default": {}, ALIAS: {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}}
    )
    connections.settings[ALIAS] = made[ALIAS]
    try:
        yield connections[ALIAS]
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]


def _copy(table: type[models.Model], using: str) -> None:
    columns = [field.attname for field in table._meta.concrete_fields]
    rows = table._base_manager.using(using).order_by("pk").values_list(*columns).iterator(chunk_size=AT_ONCE)
    while piece := list(islice(rows, AT_ONCE)):
        bulk.insert(table, columns, piece)
