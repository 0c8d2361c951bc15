"""The tray of columns on Contact that higher floors report, so that one list can sort by them."""

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import QuerySet

from crm.contacts.models import Contact
from crm.lib import bulk
from crm.lib.prepared import Asked

COLUMNS = frozenset(
    (
        "order_count",
        "spent_minor",
        "first_order_at",
        "last_order_at",
        "joined_at",
        "points_balance",
        "group",
        "stage",
        "churn_risk",
        "at_stake_minor",
        "scored_on",
    )
)


class NotStanding(ValueError):
    """A column outside the tray: it belongs to the person, not to a report."""


def report(rows: Iterable[Sequence], *, columns: Sequence[str]) -> int:
    """Write reports, tuples in the order of `columns` with the contact's id last; return how many were written.

    Standing is not an edit: version and updated_at stay as they are.
    """
    _check(columns)
    return bulk.update(Contact, columns, rows)


def report_from(reports: QuerySet | Asked, *, columns: Sequence[str]) -> int:
    """Write what a query says, contact's id first and then `columns`, where it differs; return for how many it did.

    The database does it by itself: nothing is read into Python, and nothing is written that is so already.
    """
    _check(columns)
    quote = connection.ops.quote_name
    sql, params = (reports if isinstance(reports, Asked) else reports.query).sql_with_params()
    said = [f"v{index}" for index in range(len(columns))]
    table = quote(Contact._meta.db_table)
    held = [f"{table}.{quote(column)}" for column in columns]
    is_other = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH said (id, {', '.join(said)}) AS ({sql}) UPDATE {table}"
            f" SET {', '.join(f'{quote(column)} = said.{value}' for column, value in zip(columns, said))} FROM said"
            f" WHERE {table}.id = said.id AND ({', '.join(held)}) {is_other} ({', '.join(f'said.{v}' for v in said)})",
            params,
        )
        return cursor.rowcount


def _check(columns: Sequence[str]) -> None:
    if foreign := set(columns) - COLUMNS:
        raise NotStanding(", ".join(sorted(foreign)))
