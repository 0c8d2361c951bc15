"""What Square's reports share: one sale per transaction, refunds under its number, a clock in three columns.

A refund is a row of its own with the sale's transaction id. Nine of ten sales name no buyer.
"""

from collections.abc import Sequence

from crm.imports.formats._marketplace import (
    Numbers,
    fingerprint,
    handle,
    moment,
    own_number,
    refund_without_sale,
    said,
)  # fmt: skip
from crm.imports.formats.base import Header, Needs, Options, Person, person_name

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


def apart(rows, column, options: Options) -> tuple[list, list]:
    """Return the rows of the sale and those of its refunds. Without transaction ids a refund stands by itself."""
    refunds = [row for row in rows if is_refund(row[1], column)]
    if column["number"] == options.missing:
        return rows, []
    if len(refunds) == len(rows):
        raise refund_without_sale()
    return [row for row in rows if not is_refund(row[1], column)], refunds


def number_of(cells, column, options: Options, numbers: Numbers, placed_at) -> str:
    return said(cells[column["number"]]) if column["number"] != options.missing else numbers.of(cells, placed_at)
