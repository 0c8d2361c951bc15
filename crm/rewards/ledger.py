"""Append to the points ledger.

Every act here opens the accounts it needs, locks their rows in ascending order (PostgreSQL; on SQLite a
transaction is immediate and holds the write lock from its start), leaves out what its `source` says is written
already, and reports the new balances to the customers' standing. The balances themselves are moved by triggers.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F, QuerySet, Sum, Window

from crm.contacts import standing
from crm.lib import bulk
from crm.rewards.models import Account, Entry

COLUMNS = (
    "account_id", "points", "kind", "source", "reason", "at", "order_ref", "rule_id", "basis_minor", "created_at",
)  # fmt: skip
SOURCE = COLUMNS.index("source")


class NotEnoughPoints(ValueError):
    """Taking this many points would leave the customer below zero."""

    def __init__(self, balance: int):
        super().__init__(f"The balance is {balance}.")
        self.balance = balance


class KeyUsedDifferently(ValueError):
    """The key of this adjustment stands for another one that is already in the books."""

    def __init__(self, entry: Entry):
        super().__init__(f"The key was used for {entry.points} points.")
        self.entry = entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    contact_id: int
    points: int
    kind: Entry.Kind
    source: str
    at: dt.datetime
    reason: str = ""
    order_ref: int | None = None
    rule_id: int | None = None
    basis_minor: int | None = None


def post(postings: Iterable[Posting], *, now: dt.datetime) -> int:
    """Write the postings that are not in the books yet; return how many."""
    postings = list(postings)
    with one_transaction():
        accounts = open_accounts([posting.contact_id for posting in postings], now=now)
        rows = [
            (
                accounts[p.contact_id], p.points, p.kind, p.source, p.reason, p.at, p.order_ref, p.rule_id,
                p.basis_minor, now,
            )
            for p in postings
        ]  # fmt: skip
        return append(rows)


def adjust(contact_id: int, *, points: int, reason: str, key: str, now: dt.datetime) -> Entry:
    """Give or take points by hand, once per `key`; never below zero (NotEnoughPoints)."""
    source = f"adjust:{key}"
    with transaction.atomic():
        account_id = open_accounts([contact_id], now=now)[contact_id]
        lock([account_id])
        written = Entry.objects.filter(source=source).first()
        if written is not None:
            if (written.account_id, written.points, written.reason) != (account_id, points, reason):
                raise KeyUsedDifferently(written)
            return written
        balance = Account.objects.values_list("balance", flat=True).get(pk=account_id)
        if points < 0 and balance + points < 0:
            raise NotEnoughPoints(balance)
        append([(account_id, points, Entry.Kind.ADJUST, source, reason, now, None, None, None, now)])
        return Entry.objects.get(source=source)


def one_transaction() -> transaction.Atomic:
    """Return a transaction for many rows, without a savepoint inside a caller's own.

    SQLite copies every page it changes under an open savepoint and walks that copy after each row: 5,000 entries
    took ten times as long. The price: an error in here ends the caller's transaction too.
    """
    return transaction.atomic(savepoint=False)


def balance(contact_id: int) -> int:
    """Return how many points a customer has now."""
    return Account.objects.filter(contact_id=contact_id).values_list("balance", flat=True).first() or 0


def history(contact_id: int) -> QuerySet[Entry]:
    """Return a customer's entries, newest first, each with the balance it led to as `balance_after`."""
    return (
        Entry.objects.filter(account__contact_id=contact_id)
        .annotate(balance_after=Window(Sum("points"), order_by=[F("at").asc(), F("id").asc()]))
        .order_by("-at", "-id")
    )


def open_accounts(contact_ids: Iterable[int], *, now: dt.datetime) -> dict[int, int]:
    """Return each customer's account, opening those that are missing."""
    wanted = sorted(set(contact_ids))
    accounts = _accounts(wanted)
    missing = [contact_id for contact_id in wanted if contact_id not in accounts]
    if missing:
        rows = [(contact_id, 0, now) for contact_id in missing]
        bulk.insert(Account, ("contact_id", "balance", "opened_at"), rows, ignore_conflicts=True)
        accounts |= _accounts(missing)
    return accounts


def lock(account_ids: Iterable[int]) -> None:
    """Keep others from moving these balances until the transaction ends."""
    if connection.features.has_select_for_update:
        rows = Account.objects.filter(pk__in=bulk.among(sorted(account_ids))).order_by("pk")
        list(rows.select_for_update(no_key=True).values_list("pk"))


def append(rows: list[tuple]) -> int:
    """Write rows of COLUMNS whose source is not in the books yet, and report the balances; return how many."""
    if not rows:
        return 0
    lock({row[0] for row in rows})
    there = set(
        Entry.objects.filter(source__in=bulk.among([row[SOURCE] for row in rows])).values_list("source", flat=True)
    )
    fresh = {}
    for row in rows:
        if row[SOURCE] not in there:
            fresh.setdefault(row[SOURCE], row)
    write(list(fresh.values()))
    return len(fresh)


def write(rows: list[tuple]) -> None:
    """Insert rows of COLUMNS that are known to be new, their accounts locked, and report the balances."""
    if not rows:
        return
    bulk.insert(Entry, COLUMNS, rows)
    moved = Account.objects.filter(pk__in=bulk.among({row[0] for row in rows}), contact__isnull=False)
    standing.report_from(moved.values_list("contact_id", "balance"), columns=["points_balance"])


def _accounts(contact_ids: list[int]) -> dict[int, int]:
    return dict(Account.objects.filter(contact_id__in=bulk.among(contact_ids)).values_list("contact_id", "pk"))
