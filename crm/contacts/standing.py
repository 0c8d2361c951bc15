"""The tray of columns on Contact that higher floors report, so that one list can sort by them."""

from collections.abc import Iterable, Sequence

from crm.contacts.models import Contact
from crm.lib import bulk

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
    if foreign := set(columns) - COLUMNS:
        raise NotStanding(", ".join(sorted(foreign)))
    return bulk.update(Contact, columns, rows)
