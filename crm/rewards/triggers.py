"""The laws of the books, held by the database itself (docs/decisions/0005-points-by-trigger.md).

- An inserted entry moves its account's balance.
- A balance equals the sum of its account's entries, whoever writes it; a new account starts at nothing.
- Entries are never changed and never deleted; an account with entries stays.

Django changes a table on SQLite by building it anew, which drops its triggers and fails on the triggers of other
tables that read it. So they are taken away before a migration of these tables and made again after every migrate.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

ENTRY, ACCOUNT = "rewards_entry", "rewards_account"

_SUM = f"SELECT COALESCE(SUM(points), 0) FROM {ENTRY} WHERE account_id = NEW.id"

# SQLite has row triggers only. The sum behind the balance is an index lookup (entry_sum_of_account).
# INSERT OR REPLACE deletes a row without firing its DELETE trigger, so a row that is already there is refused up front.
SQLITE = {
    "rewards_entry_moves_balance": f"""
        AFTER INSERT ON {ENTRY} BEGIN
            UPDATE {ACCOUNT} SET balance = balance + NEW.points WHERE id = NEW.account_id;
        END""",
    "rewards_balance_is_the_sum": f"""
        BEFORE UPDATE OF id, balance ON {ACCOUNT} WHEN NEW.balance IS NOT ({_SUM}) BEGIN
            SELECT RAISE(ABORT, 'points: a balance is the sum of its entries');
        END""",
    "rewards_account_starts_empty": f"""
        AFTER INSERT ON {ACCOUNT} WHEN NEW.balance IS NOT ({_SUM}) BEGIN
            SELECT RAISE(ABORT, 'points: an account starts at nothing');
        END""",
    "rewards_entry_written_once": f"""
        BEFORE INSERT ON {ENTRY}
        WHEN EXISTS (SELECT 1 FROM {ENTRY} WHERE source = NEW.source)
          OR EXISTS (SELECT 1 FROM {ENTRY} WHERE id = NEW.id)
        BEGIN
            SELECT RAISE(ABORT, 'points: an entry is written once');
        END""",
    "rewards_entry_unchanged": f"""
        BEFORE UPDATE ON {ENTRY} BEGIN
            SELECT RAISE(ABORT, 'points: an entry is never changed');
        END""",
    "rewards_entry_undeleted": f"""
        BEFORE DELETE ON {ENTRY} BEGIN
            SELECT RAISE(ABORT, 'points: an entry is never deleted');
        END""",
    "rewards_account_stays": f"""
        BEFORE DELETE ON {ACCOUNT} WHEN EXISTS (SELECT 1 FROM {ENTRY} WHERE account_id = OLD.id) BEGIN
            SELECT RAISE(ABORT, 'points: an account with entries stays');
        END""",
}


def _refuse(text: str, *, when: str = "TRUE") -> str:
    return f"""
        BEGIN
            IF {when} THEN
                RAISE EXCEPTION 'points: {text}' USING ERRCODE = 'check_violation';
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        END"""


# PostgreSQL moves balances once per statement, however many entries it inserts.
# (when it fires, what it does); a table may be truncated only while it holds no entries.
POSTGRESQL = {
    "rewards_entry_moves_balance": (
        f"AFTER INSERT ON {ENTRY} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
        f"""
        BEGIN
            UPDATE {ACCOUNT} AS account SET balance = account.balance + moved.points
            FROM (SELECT account_id, SUM(points) AS points FROM fresh GROUP BY account_id) AS moved
            WHERE account.id = moved.account_id;
            RETURN NULL;
        END""",
    ),
    "rewards_balance_is_the_sum": (
        f"BEFORE UPDATE OF id, balance ON {ACCOUNT} FOR EACH ROW",
        _refuse("a balance is the sum of its entries", when=f"NEW.balance IS DISTINCT FROM ({_SUM})"),
    ),
    "rewards_account_starts_empty": (
        f"BEFORE INSERT ON {ACCOUNT} FOR EACH ROW",
        _refuse("an account starts at nothing", when="NEW.balance <> 0"),
    ),
    "rewards_entry_unchanged": (
        f"BEFORE UPDATE ON {ENTRY} FOR EACH ROW",
        _refuse("an entry is never changed"),
    ),
    "rewards_entry_undeleted": (
        f"BEFORE DELETE ON {ENTRY} FOR EACH ROW",
        _refuse("an entry is never deleted"),
    ),
    "rewards_account_stays": (
        f"BEFORE DELETE ON {ACCOUNT} FOR EACH ROW",
        _refuse("an account with entries stays", when=f"EXISTS (SELECT 1 FROM {ENTRY} WHERE account_id = OLD.id)"),
    ),
    "rewards_entry_not_emptied": (
        f"BEFORE TRUNCATE ON {ENTRY} FOR EACH STATEMENT",
        _refuse("entries are never deleted", when=f"EXISTS (SELECT 1 FROM {ENTRY})"),
    ),
    "rewards_account_not_emptied": (
        f"BEFORE TRUNCATE ON {ACCOUNT} FOR EACH STATEMENT",
        _refuse("accounts with entries stay", when=f"EXISTS (SELECT 1 FROM {ENTRY})"),
    ),
}


def missing(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the names of triggers that are absent, switched off or not as written here."""
    there = _there(using)
    return [name for name, mark in _wanted(using).items() if there.get(name) != mark]


def installed(*, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Tell whether the database holds every law above, word for word."""
    return not missing(using=using)


def install(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Make what is missing; return its names. What was written meanwhile moves its balance now."""
    names = missing(using=using)
    if not names:
        return []
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        for name in names:
            _drop(cursor, name)
        cursor.execute(
            f"UPDATE {ACCOUNT} SET balance = moved.points FROM "
            f"(SELECT account_id, SUM(points) AS points FROM {ENTRY} GROUP BY account_id) AS moved "
            f"WHERE {ACCOUNT}.id = moved.account_id AND {ACCOUNT}.balance <> moved.points"
        )
        for name in names:
            _make(cursor, name)
    return names


def lift_before_migrate(*, using: str, plan: list, **_unused) -> None:
    """Receive Django's pre_migrate; PostgreSQL changes tables in place and keeps its triggers."""
    if connections[using].vendor == "sqlite" and any(migration.app_label == "rewards" for migration, _back in plan):
        with connections[using].cursor() as cursor:
            for name in SQLITE:
                _drop(cursor, name)


def install_after_migrate(*, using: str, **_unused) -> None:
    """Receive Django's post_migrate."""
    if _has_tables(using):
        install(using=using)


@contextmanager
def lifted() -> Iterator[None]:
    """Suspend the laws for one transaction, to empty the books as a whole: when a demo shop is removed."""
    with transaction.atomic(), connection.cursor() as cursor:
        for name in _definitions(connection.vendor):
            _drop(cursor, name)
        yield
        for name in _definitions(connection.vendor):
            _make(cursor, name)


def check_installed(app_configs=None, databases=None, **_unused) -> list[checks.CheckMessage]:
    """Warn when a database lost its laws. Not an error: that would stop the migrate that brings them back."""
    return [
        checks.Warning(
            f"The points ledger of database {using!r} is not guarded: {', '.join(names)}.",
            hint="Run manage.py migrate; it makes the triggers again.",
            id="rewards.W001",
        )
        for using in databases or []
        if _has_tables(using) and (names := missing(using=using))
    ]


def _definitions(vendor: str) -> dict:
    return POSTGRESQL if vendor == "postgresql" else SQLITE


def _has_tables(using: str) -> bool:
    return apps.get_model("rewards", "Entry")._meta.db_table in connections[using].introspection.table_names()


def _sql(name: str) -> str:
    return f"CREATE TRIGGER {name} {SQLITE[name].strip()}"


def _digest(name: str) -> str:
    return hashlib.sha256("\n".join(POSTGRESQL[name]).encode()).hexdigest()[:16]


def _wanted(using: str) -> dict[str, str]:
    if connections[using].vendor == "postgresql":
        return {name: _digest(name) for name in POSTGRESQL}
    return {name: _sql(name) for name in SQLITE}


def _there(using: str) -> dict[str, str]:
    """Return what tells each trigger's version: its text, or on PostgreSQL the mark in its comment."""
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            cursor.execute(
                "SELECT tgname, obj_description(oid, 'pg_trigger') FROM pg_trigger "
                "WHERE tgenabled = 'O' AND tgrelid IN (to_regclass(%s), to_regclass(%s))",
                [ENTRY, ACCOUNT],
            )
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (%s, %s)", [ENTRY, ACCOUNT]
            )
        return dict(cursor.fetchall())


def _drop(cursor, name: str) -> None:
    if cursor.db.vendor == "postgresql":
        cursor.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE")
    else:
        cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def _make(cursor, name: str) -> None:
    if cursor.db.vendor != "postgresql":
        cursor.execute(_sql(name))
        return
    when, body = POSTGRESQL[name]
    table = ENTRY if f" ON {ENTRY} " in when else ACCOUNT
    cursor.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body};$$")
    cursor.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")
    cursor.execute(f"COMMENT ON TRIGGER {name} ON {table} IS '{_digest(name)}'")
