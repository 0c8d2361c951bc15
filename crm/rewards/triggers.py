"""The laws of the books, held by the database itself (docs/decisions/0005-points-by-trigger.md, 0010-lots.md).

- An inserted entry moves its account's balance; one that gives points opens its lot.
- A balance equals the sum of its account's entries, whoever writes it; a new account starts at nothing.
- An inserted allocation takes its points from the lot and from the account's debt, and closes a lot it empties.
  It joins a lot and a taking entry of one account, and never takes more than the entry did or the lot still holds.
- `pending` equals what remains in pending lots; `debt` equals what remains in all lots less the balance.
- Entries and allocations are never changed and never deleted, but for the words of a reason that somebody typed: they
  may be taken out when the customer is erased. Lots keep their points and terms, move forward only,
  and are never deleted; an account with entries stays.

Django changes a table on SQLite by building it anew, which drops its triggers and fails on the triggers of other
tables that read it. So they are taken away before a migration of these tables and made again after every migrate.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

ENTRY, ACCOUNT, LOT, ALLOCATION = "rewards_entry", "rewards_account", "rewards_lot", "rewards_allocation"
TABLES = (ALLOCATION, LOT, ENTRY, ACCOUNT)  # in the order they can be emptied, others that point at them first

_SUM = f"SELECT COALESCE(SUM(points), 0) FROM {ENTRY} WHERE account_id = NEW.id"
_PENDING = f"SELECT COALESCE(SUM(remaining), 0) FROM {LOT} WHERE account_id = NEW.id AND state = 'pending'"
_LEFT = (  # a lot is found by its entry: there is no index of lots by account (models.LotQuerySet.of)
    f"SELECT COALESCE(SUM(lot.remaining), 0) FROM {ENTRY} AS entry JOIN {LOT} AS lot ON lot.id = entry.id "
    "WHERE entry.account_id = NEW.id"
)
_TAKEN = f"SELECT COALESCE(SUM(points), 0) FROM {ALLOCATION} WHERE lot_id = NEW.id"

# What closes a lot gives its state a name; the CASE reads `kind` of the taking entry.
_CLOSES = "CASE WHEN kind = 'expire' THEN 'expired' WHEN kind IN ('redeem', 'adjust') THEN 'spent' ELSE 'reversed' END"
_WAITS = "activates_at > {0}created_at"

# Taking out the words is the only change an entry knows; codes, as those of orders, are no words.
_ENTRY_CHANGES = "OLD.kind NOT IN ('adjust', 'redeem', 'occasion') OR NEW.reason <> '' OR " + " OR ".join(
    f"NEW.{column} IS {{0}} OLD.{column}"
    for column in (
        "id", "account_id", "points", "kind", "source", "order_ref", "rule_id", "basis_minor", "activates_at",
        "expires_at", "at", "created_at",
    )
)  # fmt: skip

# A lot as its entry opens it; {0} is what stands before the entry's columns.
_OPENED = (
    "{0}id, {0}account_id, {0}points, {0}points, "
    f"CASE WHEN {{0}}{_WAITS} THEN 'pending' ELSE 'active' END, {{0}}activates_at, {{0}}expires_at"
)
_OPEN = f"INSERT INTO {LOT} (id, account_id, points, remaining, state, activates_at, expires_at) SELECT {_OPENED}"

_LOT_KEEPS = " OR ".join(
    f"NEW.{column} IS {{0}} OLD.{column}" for column in ("id", "account_id", "points", "activates_at", "expires_at")
)
_LOT_MOVES_BACK = (
    "OLD.state IN ('spent', 'expired', 'reversed') AND NEW.state <> OLD.state"
    " OR NEW.state = 'pending' AND OLD.state <> 'pending'"
)

# SQLite has row triggers only. The sum behind the balance is an index lookup (entry_of_account).
# INSERT OR REPLACE deletes a row without firing its DELETE trigger, so a row that is already there is refused up front.
# Each number of an account is moved by a statement of its own: a plain earning pays for one guard, not for three.
SQLITE = {
    "rewards_entry_moves_balance": f"""
        AFTER INSERT ON {ENTRY} BEGIN
            {_OPEN.format("NEW.")} WHERE NEW.points > 0;
            UPDATE {ACCOUNT} SET balance = balance + NEW.points WHERE id = NEW.account_id;
            UPDATE {ACCOUNT} SET pending = pending + NEW.points
                WHERE id = NEW.account_id AND NEW.{_WAITS.format("NEW.")};
            UPDATE {ACCOUNT} SET debt = debt - NEW.points WHERE id = NEW.account_id AND NEW.points < 0;
        END""",
    "rewards_balance_is_the_sum": f"""
        BEFORE UPDATE OF id, balance ON {ACCOUNT} WHEN NEW.balance IS NOT ({_SUM}) BEGIN
            SELECT RAISE(ABORT, 'points: a balance is the sum of its entries');
        END""",
    "rewards_pending_is_the_sum": f"""
        BEFORE UPDATE OF pending ON {ACCOUNT} WHEN NEW.pending IS NOT ({_PENDING}) BEGIN
            SELECT RAISE(ABORT, 'points: what is pending is the sum of the pending lots');
        END""",
    "rewards_debt_is_the_rest": f"""
        BEFORE UPDATE OF debt ON {ACCOUNT} WHEN NEW.debt IS NOT ({_LEFT}) - NEW.balance BEGIN
            SELECT RAISE(ABORT, 'points: a debt is what was taken and not paid by a lot');
        END""",
    "rewards_account_starts_empty": f"""
        AFTER INSERT ON {ACCOUNT} WHEN NEW.balance IS NOT ({_SUM}) OR NEW.pending <> 0 OR NEW.debt <> 0 BEGIN
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
        BEFORE UPDATE ON {ENTRY} WHEN {_ENTRY_CHANGES.format("NOT")} BEGIN
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
    "rewards_lot_is_opened_by_its_entry": f"""
        BEFORE INSERT ON {LOT}
        WHEN EXISTS (SELECT 1 FROM {LOT} WHERE id = NEW.id)
          OR NEW.remaining IS NOT NEW.points
          OR NOT EXISTS (SELECT 1 FROM {ENTRY}
                         WHERE id = NEW.id AND account_id = NEW.account_id AND points = NEW.points)
        BEGIN
            SELECT RAISE(ABORT, 'points: a lot is opened by its entry');
        END""",
    "rewards_lot_keeps_its_terms": f"""
        BEFORE UPDATE OF id, account_id, points, activates_at, expires_at ON {LOT}
        WHEN {_LOT_KEEPS.format("NOT")} BEGIN
            SELECT RAISE(ABORT, 'points: a lot keeps its points and terms');
        END""",
    "rewards_lot_falls_by_allocations": f"""
        BEFORE UPDATE OF remaining ON {LOT} WHEN NEW.remaining IS NOT NEW.points - ({_TAKEN}) BEGIN
            SELECT RAISE(ABORT, 'points: a lot falls by allocations only');
        END""",
    "rewards_lot_moves_forward": f"""
        BEFORE UPDATE OF state ON {LOT} WHEN {_LOT_MOVES_BACK} BEGIN
            SELECT RAISE(ABORT, 'points: a lot moves forward only');
        END""",
    "rewards_lot_moves_pending": f"""
        AFTER UPDATE OF state, remaining ON {LOT} WHEN OLD.state = 'pending' BEGIN
            UPDATE {ACCOUNT} SET pending = pending - OLD.remaining
                + CASE WHEN NEW.state = 'pending' THEN NEW.remaining ELSE 0 END WHERE id = NEW.account_id;
        END""",
    "rewards_lot_undeleted": f"""
        BEFORE DELETE ON {LOT} BEGIN
            SELECT RAISE(ABORT, 'points: a lot is never deleted');
        END""",
    "rewards_allocation_joins_its_own": f"""
        BEFORE INSERT ON {ALLOCATION}
        WHEN EXISTS (SELECT 1 FROM {ALLOCATION} WHERE id = NEW.id)
          OR NOT EXISTS (
            SELECT 1 FROM {ENTRY} AS entry, {LOT} AS lot
            WHERE entry.id = NEW.entry_id AND lot.id = NEW.lot_id AND lot.account_id = entry.account_id
              AND NEW.points <= lot.remaining
              AND NEW.points + (SELECT COALESCE(SUM(points), 0) FROM {ALLOCATION} WHERE entry_id = NEW.entry_id)
                  <= -entry.points)
        BEGIN
            SELECT RAISE(ABORT, 'points: an allocation takes what a lot has and an entry took');
        END""",
    "rewards_allocation_takes": f"""
        AFTER INSERT ON {ALLOCATION} BEGIN
            UPDATE {LOT} SET remaining = remaining - NEW.points,
                state = CASE WHEN remaining > NEW.points THEN state
                        ELSE (SELECT {_CLOSES} FROM {ENTRY} WHERE id = NEW.entry_id) END
                WHERE id = NEW.lot_id;
            UPDATE {ACCOUNT} SET debt = debt - NEW.points
                WHERE id = (SELECT account_id FROM {LOT} WHERE id = NEW.lot_id);
        END""",
    "rewards_allocation_unchanged": f"""
        BEFORE UPDATE ON {ALLOCATION} BEGIN
            SELECT RAISE(ABORT, 'points: an allocation is never changed');
        END""",
    "rewards_allocation_undeleted": f"""
        BEFORE DELETE ON {ALLOCATION} BEGIN
            SELECT RAISE(ABORT, 'points: an allocation is never deleted');
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
            {_OPEN.format("")} FROM fresh WHERE points > 0;
            UPDATE {ACCOUNT} AS account
            SET balance = account.balance + moved.points, pending = account.pending + moved.waiting,
                debt = account.debt + moved.taken
            FROM (SELECT account_id, SUM(points) AS points,
                         COALESCE(SUM(points) FILTER (WHERE points > 0 AND {_WAITS.format("")}), 0) AS waiting,
                         COALESCE(-SUM(points) FILTER (WHERE points < 0), 0) AS taken
                  FROM fresh GROUP BY account_id) AS moved
            WHERE account.id = moved.account_id;
            RETURN NULL;
        END""",
    ),
    "rewards_balance_is_the_sum": (
        f"BEFORE UPDATE OF id, balance ON {ACCOUNT} FOR EACH ROW",
        _refuse("a balance is the sum of its entries", when=f"NEW.balance IS DISTINCT FROM ({_SUM})"),
    ),
    "rewards_pending_is_the_sum": (
        f"BEFORE UPDATE OF pending ON {ACCOUNT} FOR EACH ROW",
        _refuse("what is pending is the sum of the pending lots", when=f"NEW.pending IS DISTINCT FROM ({_PENDING})"),
    ),
    "rewards_debt_is_the_rest": (
        f"BEFORE UPDATE OF debt ON {ACCOUNT} FOR EACH ROW",
        _refuse(
            "a debt is what was taken and not paid by a lot",
            when=f"NEW.debt IS DISTINCT FROM ({_LEFT}) - NEW.balance",
        ),
    ),
    "rewards_account_starts_empty": (
        f"BEFORE INSERT ON {ACCOUNT} FOR EACH ROW",
        _refuse("an account starts at nothing", when="NEW.balance <> 0 OR NEW.pending <> 0 OR NEW.debt <> 0"),
    ),
    "rewards_entry_unchanged": (
        f"BEFORE UPDATE ON {ENTRY} FOR EACH ROW",
        _refuse("an entry is never changed", when=_ENTRY_CHANGES.format("DISTINCT FROM")),
    ),
    "rewards_entry_undeleted": (
        f"BEFORE DELETE ON {ENTRY} FOR EACH ROW",
        _refuse("an entry is never deleted"),
    ),
    "rewards_account_stays": (
        f"BEFORE DELETE ON {ACCOUNT} FOR EACH ROW",
        _refuse("an account with entries stays", when=f"EXISTS (SELECT 1 FROM {ENTRY} WHERE account_id = OLD.id)"),
    ),
    "rewards_lot_is_opened_by_its_entry": (
        f"AFTER INSERT ON {LOT} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
        _refuse(
            "a lot is opened by its entry",
            when=f"""EXISTS (
                SELECT 1 FROM fresh LEFT JOIN {ENTRY} AS entry ON entry.id = fresh.id
                  AND entry.account_id = fresh.account_id AND entry.points = fresh.points
                WHERE entry.id IS NULL OR fresh.remaining <> fresh.points)""",
        ),
    ),
    "rewards_lot_keeps_its_terms": (
        f"BEFORE UPDATE OF id, account_id, points, activates_at, expires_at ON {LOT} FOR EACH ROW",
        _refuse("a lot keeps its points and terms", when=_LOT_KEEPS.format("DISTINCT FROM")),
    ),
    "rewards_lot_falls_by_allocations": (
        f"BEFORE UPDATE OF remaining ON {LOT} FOR EACH ROW",
        _refuse("a lot falls by allocations only", when=f"NEW.remaining IS DISTINCT FROM NEW.points - ({_TAKEN})"),
    ),
    "rewards_lot_moves_forward": (
        f"BEFORE UPDATE OF state ON {LOT} FOR EACH ROW",
        _refuse("a lot moves forward only", when=_LOT_MOVES_BACK),
    ),
    "rewards_lot_moves_pending": (
        f"AFTER UPDATE ON {LOT} REFERENCING OLD TABLE AS earlier NEW TABLE AS fresh FOR EACH STATEMENT",
        f"""
        BEGIN
            UPDATE {ACCOUNT} AS account SET pending = account.pending - moved.points
            FROM (SELECT earlier.account_id, SUM(
                      earlier.remaining - CASE WHEN fresh.state = 'pending' THEN fresh.remaining ELSE 0 END) AS points
                  FROM earlier JOIN fresh ON fresh.id = earlier.id
                  WHERE earlier.state = 'pending' GROUP BY earlier.account_id) AS moved
            WHERE account.id = moved.account_id;
            RETURN NULL;
        END""",
    ),
    "rewards_lot_undeleted": (
        f"BEFORE DELETE ON {LOT} FOR EACH ROW",
        _refuse("a lot is never deleted"),
    ),
    "rewards_allocation_takes": (
        f"AFTER INSERT ON {ALLOCATION} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
        f"""
        BEGIN
            IF EXISTS (
                SELECT 1 FROM (SELECT DISTINCT entry_id FROM fresh) AS touched
                JOIN {ENTRY} AS entry ON entry.id = touched.entry_id
                WHERE -entry.points < (SELECT SUM(points) FROM {ALLOCATION} WHERE entry_id = touched.entry_id)
            ) OR EXISTS (
                SELECT 1 FROM fresh JOIN {ENTRY} AS entry ON entry.id = fresh.entry_id JOIN {LOT} AS lot
                ON lot.id = fresh.lot_id WHERE lot.account_id <> entry.account_id
            ) OR EXISTS (
                SELECT 1 FROM (SELECT lot_id, SUM(points) AS points FROM fresh GROUP BY lot_id) AS taken
                JOIN {LOT} AS lot ON lot.id = taken.lot_id WHERE taken.points > lot.remaining
            ) THEN
                RAISE EXCEPTION 'points: an allocation takes what a lot has and an entry took'
                    USING ERRCODE = 'check_violation';
            END IF;
            UPDATE {LOT} AS lot SET remaining = lot.remaining - taken.points,
                state = CASE WHEN lot.remaining > taken.points THEN lot.state ELSE taken.closes END
            FROM (SELECT fresh.lot_id, SUM(fresh.points) AS points,
                         (array_agg({_CLOSES} ORDER BY fresh.id DESC))[1] AS closes
                  FROM fresh JOIN {ENTRY} AS entry ON entry.id = fresh.entry_id GROUP BY fresh.lot_id) AS taken
            WHERE lot.id = taken.lot_id;
            UPDATE {ACCOUNT} AS account SET debt = account.debt - paid.points
            FROM (SELECT lot.account_id, SUM(fresh.points) AS points
                  FROM fresh JOIN {LOT} AS lot ON lot.id = fresh.lot_id GROUP BY lot.account_id) AS paid
            WHERE account.id = paid.account_id;
            RETURN NULL;
        END""",
    ),
    "rewards_allocation_unchanged": (
        f"BEFORE UPDATE ON {ALLOCATION} FOR EACH ROW",
        _refuse("an allocation is never changed"),
    ),
    "rewards_allocation_undeleted": (
        f"BEFORE DELETE ON {ALLOCATION} FOR EACH ROW",
        _refuse("an allocation is never deleted"),
    ),
    "rewards_entry_not_emptied": (
        f"BEFORE TRUNCATE ON {ENTRY} FOR EACH STATEMENT",
        _refuse("entries are never deleted", when=f"EXISTS (SELECT 1 FROM {ENTRY})"),
    ),
    "rewards_account_not_emptied": (
        f"BEFORE TRUNCATE ON {ACCOUNT} FOR EACH STATEMENT",
        _refuse("accounts with entries stay", when=f"EXISTS (SELECT 1 FROM {ENTRY})"),
    ),
    "rewards_lot_not_emptied": (
        f"BEFORE TRUNCATE ON {LOT} FOR EACH STATEMENT",
        _refuse("lots are never deleted", when=f"EXISTS (SELECT 1 FROM {LOT})"),
    ),
    "rewards_allocation_not_emptied": (
        f"BEFORE TRUNCATE ON {ALLOCATION} FOR EACH STATEMENT",
        _refuse("allocations are never deleted", when=f"EXISTS (SELECT 1 FROM {ALLOCATION})"),
    ),
}

# Balances, and the lots of entries, that were written while a law was missing.
_MEND = (
    f"{_OPEN.format('')} FROM {ENTRY} AS entry WHERE points > 0 AND NOT EXISTS "
    f"(SELECT 1 FROM {LOT} AS lot WHERE lot.id = entry.id)",
    f"UPDATE {ACCOUNT} SET balance = moved.points FROM "
    f"(SELECT account_id, SUM(points) AS points FROM {ENTRY} GROUP BY account_id) AS moved "
    f"WHERE {ACCOUNT}.id = moved.account_id AND {ACCOUNT}.balance <> moved.points",
    f"UPDATE {ACCOUNT} SET pending = held.pending, debt = held.points - balance FROM "
    "(SELECT account_id, SUM(remaining) AS points,"
    " SUM(CASE WHEN state = 'pending' THEN remaining ELSE 0 END) AS pending"
    f" FROM {LOT} GROUP BY account_id) AS held WHERE {ACCOUNT}.id = held.account_id"
    f" AND held.points >= balance AND ({ACCOUNT}.pending <> held.pending OR debt <> held.points - balance)",
)


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
        for statement in _MEND:
            cursor.execute(statement)
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


def empty() -> None:
    """Empty the books as a whole; only where their owner knows that nothing in them is real."""
    with lifted(), connection.cursor() as cursor:
        for table in ("rewards_redemption", *TABLES):
            cursor.execute(f"DELETE FROM {table}")


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
    return ALLOCATION in connections[using].introspection.table_names()


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
                "WHERE tgenabled = 'O' AND tgrelid::regclass::text = ANY(%s)",
                [list(TABLES)],
            )
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'rewards_%'")
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
    table = re.search(r" ON (\w+) ", when)[1]
    cursor.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body};$$")
    cursor.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")
    cursor.execute(f"COMMENT ON TRIGGER {name} ON {table} IS '{_digest(name)}'")
