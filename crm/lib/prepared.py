"""Ask the same question again and again: the ORM compiles it once, afterwards only the values are sent.

For the few paths where a customer waits and compiling would cost more than the database does.
"""

from collections.abc import Callable
from functools import lru_cache

from django.db import connection, models

from crm.lib import bulk

_STAND_IN = 2**31 - 1_000  # for a value while the query is compiled; it fits every column of whole numbers


class Prepared:
    """A query of whole numbers: `Prepared(lambda pk: Account.objects.filter(pk=pk).values_list("balance"))`.

    A `flat` one gives the only column's values, the others tuples.
    """

    def __init__(self, build: Callable[..., models.QuerySet], *, flat: bool = False):
        self.build, self.flat = build, flat
        self._compiled: tuple[str, list, list] | None = None

    def __call__(self, *values: int) -> "Asked":
        sql, places, readers = self._compiled or self._compile(len(values))
        return Asked(sql, [values[place] if is_value else place for is_value, place in places], readers, self.flat)

    def _compile(self, count: int) -> tuple[str, list, list]:
        stand_ins = [_STAND_IN + number for number in range(count)]
        compiler = self.build(*stand_ins).query.get_compiler(connection.alias)
        sql, params = compiler.as_sql()
        places = [
            (True, stand_ins.index(param)) if isinstance(param, int) and param in stand_ins else (False, param)
            for param in params
        ]
        self._compiled = sql, places, bulk.readers(compiler)
        return self._compiled


class Asked:
    """A prepared query with its values; it is asked anew each time somebody reads it."""

    def __init__(self, sql: str, params: list, readers: list, flat: bool):
        self.sql, self.params, self._readers, self._flat = sql, params, readers, flat

    def __iter__(self):
        rows = bulk.read(self.sql, self.params, self._readers)
        return iter([row[0] for row in rows] if self._flat else rows)

    def first(self):
        """Return the first row, or None."""
        return next(iter(self), None)

    def sql_with_params(self) -> tuple[str, list]:
        return self.sql, self.params


def insert(row: models.Model, *, ignore_conflicts: bool = False) -> bool:
    """Insert one row and give it its key; tell whether it was inserted, and not there already."""
    sql, fields = _insertion(type(row), ignore_conflicts, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields])
        found = cursor.fetchone()
    if found is None:
        return False
    row.pk, row._state.adding, row._state.db = found[0], False, connection.alias
    return True


@lru_cache(maxsize=64)
def _insertion(model: type[models.Model], ignore_conflicts: bool, vendor: str) -> tuple[str, list[models.Field]]:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    names, blanks = ", ".join(quote(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    table, key = quote(model._meta.db_table), quote(model._meta.pk.column)
    return f"INSERT INTO {table} ({names}) VALUES ({blanks}){tail} RETURNING {key}", fields
