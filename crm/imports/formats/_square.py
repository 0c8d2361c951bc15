"""What Square's reports share: one sale per transaction, refunds under its number, a clock in three columns.

A refund is rows of their own with the sale's transaction id: in one report a row for each payment, in the other one
for each item. What they share, and what the refund is known by, is the moment. Nine of ten sales name no buyer.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

from crm.imports.formats._marketplace import (
    Numbers,
    fingerprint,
    handle,
    moment,
    own_number,
    refunds_of,
    said,
)
from crm.imports.formats.base import Group, Header, Needs, Options, Person, person_name
from crm.orders.purchases import Told

SOURCE = "square"

WHEN_AND_WHO = {
    "date": ["date"], "time": ["time"], "zone": ["time zone"], "number": ["transaction id"],
    "payment": ["payment id"], "event": ["event type"], "customer": ["customer id"], "name": ["customer name"],
    "place": ["location"], "channel": ["channel", "source"],
}  # fmt: skip


def needs(header: Header, telling: Sequence[int], *, amounts: Sequence[str]) -> Needs:
    """Return what a report needs: rows go by their transaction, else by what they say."""
    wanted = Needs(
        amounts=tuple(header.index[name] for name in amounts if name in header), dates=(header.index["date"],)
    )
    if "transaction id" in header:
        wanted.order_key = own_number(header.index["transaction id"])
    else:
        wanted.fingerprint = fingerprint(telling)
    return wanted


def when(cells, column, options: Options):
    return moment(cells[column["date"]], cells[column["time"]], cells[column["zone"]], options)


def person(cells, column, line_number: int) -> Person | None:
    key = handle(cells[column["customer"]])
    name = person_name(said(cells[column["name"]]))
    return Person(source=SOURCE, key=key, name=name, line_number=line_number) if key else None


def is_refund(cells, column) -> bool:
    return cells[column["event"]].strip().casefold() == "refund"


def apart(
    rows: Group, column, options: Options, given_back: Callable[[Group], int]
) -> tuple[Group, tuple[Told, ...]]:
    """Return the rows of the sale, and its refunds; without transaction ids a refund stands by itself."""
    if column["number"] == options.missing:
        return rows, ()
    back = [(when(row[1], column, options), row) for row in rows if is_refund(row[1], column)]
    back.sort(key=lambda refund: refund[0])
    at_once = [(at, [row for _at, row in of_it]) for at, of_it in groupby(back, key=lambda refund: refund[0])]
    refunds = refunds_of(SOURCE, ((f"{at.timestamp():.0f}", abs(given_back(of_it)), at) for at, of_it in at_once))
    return [row for row in rows if not is_refund(row[1], column)], refunds


def number_of(cells, column, options: Options, numbers: Numbers, placed_at) -> str:
    return said(cells[column["number"]]) if column["number"] != options.missing else numbers.of(cells, placed_at)
