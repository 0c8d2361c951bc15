"""Read and write many rows in few statements, with keys known beforehand.

Django's bulk_create spends most of an import in Python; these functions send plain tuples.
They do the same on SQLite and PostgreSQL and must run inside a transaction. Lengths are the
caller's business: PostgreSQL refuses a text that is too long, SQLite keeps it.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models.expressions import Col, RawSQL


def among(values: Collection[int] | Collection[str]) -> RawSQL:
    """Return an expression for `field__in=` that carries any number of values as one parameter."""
    values = list(values)
    if not values:
        return _Nothing("", [])  # PostgreSQL would ask of what type none is
    is_text = isinstance(values[0], str)
    if connection.vendor == "postgresql":
        return RawSQL(f"SELECT unnest(%s::{'text' if is_text else 'bigint'}[])", [values])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(values, ensure_ascii=False)])


class _Nothing(RawSQL):
    """No value at all: Django answers such a query itself."""

    def as_sql(self, compiler, connection):
        raise EmptyResultSet


def rows(queryset: models.QuerySet) -> list[tuple]:
    """Return what `values_list` would, three times as fast: times, JSON and truth are read by us, column by column."""
    compiler = queryset.query.get_compiler(queryset.db)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return []
    return read(sql, params, readers(compiler))


def readers(compiler) -> list[tuple[int, Callable]]:
    """Return what each column of a compiled query has to be read by, where it is not plain."""
    return [
        (index, reader)
        for index, (expression, _sql, _alias) in enumerate(compiler.select)
        if (reader := _reader(expression))
    ]


def read(sql: str, params: Sequence, readers: Sequence[tuple[int, Callable]]) -> list[tuple]:
    """Return the rows of a query, its columns read by these readers."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = cursor.fetchall()
    if not readers or not found:
        return found
    columns = list(zip(*found))
    for index, reader in readers:
        columns[index] = [None if value is None else reader(value) for value in columns[index]]
    return list(zip(*columns))


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


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence], *, ignore_conflicts=False
) -> int:
    """Insert tuples in the order of `columns` (attribute names such as "contact_id"); return how many were sent."""
    rows = rows if isinstance(rows, list) else list(rows)
    return insert_columns(model, dict(zip(columns, zip(*rows))), ignore_conflicts=ignore_conflicts) if rows else 0


def insert_columns(model: type[models.Model], columns: Mapping[str, Sequence], *, ignore_conflicts=False) -> int:
    """Insert rows that are given column by column, which spares turning them; return how many were sent."""
    count = len(next(iter(columns.values())))
    if not count:
        return 0
    fields = [_field(model, column) for column in columns]
    said = _adapted(fields, list(columns.values()))
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and not ignore_conflicts:
            with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in zip(*said):
                    copy.write_row(row)
            return count
        literals = [_literal(column) for column in said] if connection.vendor == "sqlite" else [None] * len(said)
        if None not in literals:
            literals[0] = None  # a row must carry something
        row = f"({', '.join(literal or '%s' for literal in literals)})"
        tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
        varying = list(zip(*(column for column, literal in zip(said, literals) if literal is None)))
        whole = count - count % _AT_ONCE if connection.vendor == "sqlite" and count >= _MANY else 0
        for rows, at_once in ((varying[:whole], _AT_ONCE), (varying[whole:], 1)):
            if rows:
                cursor.executemany(
                    f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * at_once)}{tail}",
                    [list(chain.from_iterable(rows[at : at + at_once])) for at in range(0, len(rows), at_once)]
                    if at_once > 1
                    else rows,
                )
    return count


_MANY, _AT_ONCE = 1_000, 100  # of so many rows, so many in one statement: a fifth less work for SQLite than one by one
_PLAIN_TEXT = re.compile(r"[\w .:+\-]{0,60}|\{\}|\[\]", re.ASCII)


def _literal(column: Sequence) -> str | None:
    """Return the SQL for a column that says the same in every row; None where it varies or would need quoting.

    Binding each value of each row costs SQLite half of an insert.
    """
    first = column[0]
    if column[-1] != first or column.count(first) != len(column):
        return None
    if first is None:
        return "NULL"
    if isinstance(first, int):
        return str(int(first))
    return f"'{first}'" if isinstance(first, str) and _PLAIN_TEXT.fullmatch(first) else None


def update(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence]) -> int:
    """Update rows by primary key: tuples in the order of `columns`, the key last; return how many were sent."""
    fields = [_field(model, column) for column in columns]
    rows = rows if isinstance(rows, list) else list(rows)
    if not rows:
        return 0
    said = _adapted(fields, list(zip(*rows)))
    table = connection.ops.quote_name(model._meta.db_table)
    names = [connection.ops.quote_name(field.column) for field in fields]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join([*(f"%s::{_array_type(field)}[]" for field in fields), "%s::bigint[]"])
            assignments = ", ".join(f"{name} = v.{name}" for name in names)
            cursor.execute(
                f"UPDATE {table} SET {assignments} FROM unnest({arrays}) AS v({', '.join(names)}, id_) "
                f"WHERE {table}.id = v.id_",
                [list(column) for column in said],
            )
        else:
            assignments = ", ".join(f"{name} = %s" for name in names)
            cursor.executemany(f"UPDATE {table} SET {assignments} WHERE id = %s", zip(*said))
    return len(rows)


def _field(model: type[models.Model], attribute: str) -> models.Field:
    return next(field for field in model._meta.concrete_fields if attribute in (field.attname, field.column))


def _array_type(field: models.Field) -> str:
    kind = field.db_type(connection)
    return "text" if kind.startswith("varchar") else kind  # a cast to varchar(n) would cut silently


def _adapted(fields: Sequence[models.Field], columns: list[Sequence]) -> list[Sequence]:
    """Return the columns with times, dates and JSON as the database wants them, numbers and text as they are."""
    for index, field in enumerate(fields):
        if not (adapter := _adapter(field)):
            continue
        column = columns[index]
        first, last = column[0], column[-1]  # one moment often stands in every row
        said = None if first is None else adapter(first)
        if first is last and {*map(id, column)} == {id(first)}:
            columns[index] = [said] * len(column)
        else:
            columns[index] = (
                _sqlite_moments(column)
                if adapter is _sqlite_moment
                else [said if value is first else None if value is None else adapter(value) for value in column]
            )
    return columns


def _adapter(field: models.Field) -> Callable | None:
    if isinstance(field, models.JSONField):
        return _json
    if connection.vendor == "postgresql":
        return None
    if isinstance(field, models.DateTimeField):
        return _sqlite_moment
    return str if isinstance(field, models.DateField) else None


def _json(value) -> str:
    return "{}" if value == {} else "[]" if value == [] else json.dumps(value, ensure_ascii=False)


def _sqlite_moment(value: dt.datetime) -> str:
    """Write the moment in UTC as Django does: without a zone, microseconds only where there are some."""
    if value.tzinfo is not dt.UTC:
        value = value.astimezone(dt.UTC)
    return value.isoformat(" ")[:-6]


_WRITTEN = "%04d-%02d-%02d %02d:%02d:%02d"
_zone, _fraction = attrgetter("tzinfo"), attrgetter("microsecond")


def _sqlite_moments(column: Sequence[dt.datetime | None]) -> list[str | None]:
    """Write a column of moments; whole seconds in UTC, nearly always all, in two thirds of isoformat's time."""
    said = list(filter(None, column))
    if {*map(_zone, said)} - {dt.UTC} or any(map(_fraction, said)):
        return [moment and _sqlite_moment(moment) for moment in column]
    return [m and _WRITTEN % (m.year, m.month, m.day, m.hour, m.minute, m.second) for m in column]


def _reader(expression) -> Callable | None:
    field = expression.output_field
    if isinstance(field, models.JSONField):
        return _read_json
    if isinstance(field, models.IntegerField) and not isinstance(expression, Col):
        return int  # PostgreSQL's sums of whole numbers are decimals
    if connection.vendor == "postgresql":
        return None
    if isinstance(field, models.DateTimeField):
        return _read_sqlite_moment
    if isinstance(field, models.DateField):
        return _read_sqlite_date
    return bool if isinstance(field, models.BooleanField) else None


def _read_json(text: str):
    return {} if text == "{}" else [] if text == "[]" else json.loads(text)


def _read_sqlite_moment(value: str | dt.datetime) -> dt.datetime:
    """Read a moment in UTC: the driver has parsed a column already, the result of a function is text."""
    return (dt.datetime.fromisoformat(value) if isinstance(value, str) else value).replace(tzinfo=dt.UTC)


def _read_sqlite_date(value: str | dt.date) -> dt.date:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def refresh_statistics(*tables: type[models.Model]) -> None:
    """Let PostgreSQL plan for the rows that are there now; it would notice only minutes after a big insert.

    A plan made for empty tables reads them whole for every row. SQLite plans by its indexes and needs nothing.
    """
    if connection.vendor != "postgresql":
        return
    names = ", ".join(connection.ops.quote_name(table._meta.db_table) for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {names}")
