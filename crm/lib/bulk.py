"""Insert many rows in few statements, with keys known beforehand.

Django's bulk_create spends most of an import in Python; these two functions send plain
tuples. They are exact equivalents on SQLite and PostgreSQL and must run inside a transaction.
"""

import datetime as dt
import json
from collections.abc import Iterable, Sequence

from django.db import connection, models


def reserve_ids(model: type[models.Model], count: int) -> list[int]:
    """Return `count` primary keys nobody else will use. On SQLite the write lock is already held."""
    if not count:
        return []
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"SELECT nextval(pg_get_serial_sequence('{table}', 'id')) FROM generate_series(1, %s)", [count]
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [model._meta.db_table])
        row = cursor.fetchone()
        cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}")
        first = max(row[0] if row else 0, cursor.fetchone()[0]) + 1
        return list(range(first, first + count))


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence], *, ignore_conflicts=False) -> int:
    """Insert tuples in the order of `columns` (attribute names such as "contact_id"); return how many were sent."""
    rows = [tuple(row) for row in rows]
    if not rows:
        return 0
    names = [_column(model, column) for column in columns]
    placeholders = ", ".join(["%s"] * len(names))
    tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    sql = (
        f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} "
        f"({', '.join(connection.ops.quote_name(name) for name in names)}) VALUES ({placeholders}){tail}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(sql, _adapted(rows))
    return len(rows)


def update(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence]) -> int:
    """Update rows by primary key: tuples in the order of `columns`, the key last; return how many were sent."""
    rows = [tuple(row) for row in rows]
    if not rows:
        return 0
    assignments = ", ".join(f"{connection.ops.quote_name(_column(model, column))} = %s" for column in columns)
    sql = f"UPDATE {connection.ops.quote_name(model._meta.db_table)} SET {assignments} WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.executemany(sql, _adapted(rows))
    return len(rows)


def _column(model: type[models.Model], attribute: str) -> str:
    return next(field.column for field in model._meta.concrete_fields if attribute in (field.attname, field.column))


def _adapted(rows: list[tuple]) -> list[tuple]:
    """Write times, dates and JSON as the database wants them; leave numbers and text alone."""
    special = {index for row in rows for index, value in enumerate(row) if isinstance(value, dt.date | dict | list)}
    if not special:
        return rows
    return [
        tuple(_adapt(value) if index in special else value for index, value in enumerate(row))
        for row in rows
    ]


def _adapt(value):
    if isinstance(value, dt.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, dt.date):
        return connection.ops.adapt_datefield_value(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value
