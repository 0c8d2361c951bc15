"""Append to the points ledger.

Every act here opens the accounts it needs, locks their rows in ascending order (PostgreSQL; on SQLite a
transaction is immediate and holds the write lock from its start), leaves out what its `source` says is written
already, has lots pay for what is taken (rewards.lots), and reports what can be spent now to the customers' standing.
The numbers themselves are moved by triggers.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Sum, Window

from crm.contacts import standing
from crm.lib import bulk, changes, prepared
from crm.lib.prepared import Prepared
from crm.rewards import carrying, lots
from crm.rewards.carrying import COLUMNS
from crm.rewards.models import Account, Allocation, Entry, Lot, Programme

_AVAILABLE = Prepared(
    lambda account_id: Account.objects.to_spend_from()
    .filter(pk=account_id, contact__isnull=False)
    .values_list("contact_id", F("balance") - F("pending"))
)
_OWNER = Prepared(
    lambda account_id: Account.objects.filter(pk=account_id, contact__isnull=False).values_list("contact_id"), flat=True
)
_ACCOUNT = Prepared(
    lambda contact_id: Account.objects.to_spend_from().filter(contact_id=contact_id).values_list("pk"), flat=True
)
POINTS, SOURCE, CREATED_AT = (COLUMNS.index(name) for name in ("points", "source", "created_at"))


class NotEnoughPoints(ValueError):
    """Taking this many points would leave the customer with fewer than none to spend."""

    def __init__(self, balance: int):
        super().__init__(f"{balance} can be spent.")
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
    activates_at: dt.datetime | None = None  # a hold period that is over already may be left out
    expires_at: dt.datetime | None = None


def post(postings: Iterable[Posting], *, now: dt.datetime) -> int:
    """Write the postings that are not in the books yet; return how many."""
    postings = list(postings)
    with one_transaction():
        accounts = open_accounts([posting.contact_id for posting in postings], now=now)
        rows = [
            (
                accounts[p.contact_id], p.points, p.kind, p.source, p.reason, p.at, p.order_ref, p.rule_id,
                p.basis_minor, now, p.activates_at, p.expires_at,
            )
            for p in postings
        ]  # fmt: skip
        return append(rows)


def adjust(contact_id: int, *, points: int, reason: str, key: str, now: dt.datetime) -> Entry:
    """Give or take points by hand, once per `key`; never more than can be spent (NotEnoughPoints)."""
    source = f"adjust:{key}"
    with transaction.atomic():
        account_id = account_of(contact_id, now=now)
        lock([account_id])
        written = Entry.objects.filter(source=source).first()
        if written is not None:
            if (written.account_id, written.points, written.reason) != (account_id, points, reason):
                raise KeyUsedDifferently(written)
            return written
        if points < 0:
            return spend(account_id, -points, kind=Entry.Kind.ADJUST, source=source, reason=reason, now=now)
        append([(account_id, points, Entry.Kind.ADJUST, source, reason, now, None, None, None, now, None, None)])
        return Entry.objects.get(source=source)


def spend(account_id: int, points: int, *, kind: Entry.Kind, source: str, reason: str, now: dt.datetime) -> Entry:
    """Take points from a locked account, under a source nobody used; raise NotEnoughPoints, having taken nothing."""
    purse = lots.Purse(account_id)
    if purse.has_fallen_due(now=now):
        bring_up_to_date([account_id], now=now)
        purse = lots.Purse(account_id)
    if purse.active < points:
        raise NotEnoughPoints(Account.objects.get(pk=account_id).available)
    entry = Entry(
        account_id=account_id, points=-points, kind=kind, source=source, reason=reason, at=now, created_at=now
    )
    prepared.insert(entry)
    purse.pay(entry.pk, points)
    report([account_id])
    return entry


def one_transaction() -> transaction.Atomic:
    """Return a transaction for many rows, without a savepoint inside a caller's own.

    SQLite copies every page it changes under an open savepoint and walks that copy after each row: 5,000 entries
    took ten times as long. The price: an error in here ends the caller's transaction too.
    """
    return transaction.atomic(savepoint=False)


def balance(contact_id: int) -> int:
    """Return how many points a customer can spend now; below zero where refunded points were spent already."""
    account = Account.objects.to_spend_from().filter(contact_id=contact_id)
    return account.values_list(F("balance") - F("pending"), flat=True).first() or 0


def history(contact_id: int) -> QuerySet[Entry]:
    """Return a customer's entries, newest first, each with the sum it led to as `balance_after`, pending included.

    Those of customers who were merged into this one are among them; what was carried over in between cancels out.
    """
    return (
        Entry.objects.filter(account__contact_id=contact_id)
        .exclude(kind=Entry.Kind.MERGE)
        .annotate(balance_after=Window(Sum("points"), order_by=[F("at").asc(), F("id").asc()]))
        .order_by("-at", "-id")
    )


def account_of(contact_id: int, *, now: dt.datetime) -> int:
    """Return a customer's account, opened if need be."""
    return _ACCOUNT(contact_id).first() or open_accounts([contact_id], now=now)[contact_id]


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


def lock(account_ids: Iterable[int], *, nowait: bool = False) -> None:
    """Keep others from moving these balances, and those they were merged into, until the transaction ends."""
    if not connection.features.has_select_for_update:
        return
    wanted, is_locked = set(account_ids), False
    while not is_locked:
        before = transaction.savepoint()
        these = bulk.among(sorted(wanted))
        roots = Account.objects.filter(pk__in=these, merged_into__isnull=False).values("merged_into")
        rows = Account.objects.filter(Q(pk__in=these) | Q(pk__in=roots)).order_by("pk")
        locked = dict(rows.select_for_update(no_key=True, nowait=nowait).values_list("pk", "merged_into"))
        late = set(locked.values()) - locked.keys() - {None}  # merged while we waited
        is_locked = not late
        if is_locked:
            transaction.savepoint_commit(before)
        else:  # let go of all and begin again, so that nobody waits in a circle
            transaction.savepoint_rollback(before)
            wanted |= late


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


def write(rows: list[tuple], *, is_reported: bool = True) -> None:
    """Insert rows of COLUMNS that are known to be new, their accounts locked; have them paid, and report."""
    if not rows:
        return
    bulk.insert(Entry, COLUMNS, rows)
    taken = [row[SOURCE] for row in rows if row[POINTS] < 0]
    accounts, owed = {row[0] for row in rows}, []
    if taken:
        owed = lots.pay(lots.unpaid(Entry.objects.filter(source__in=bulk.among(taken))))
    if merged := carrying.roots(accounts):
        owed = [debt for debt in owed if debt.account_id not in merged]
        owed += carrying.carry(merged, now=rows[0][CREATED_AT])
        accounts = {merged.get(account_id, account_id) for account_id in accounts}
    forgive_new(owed, now=rows[0][CREATED_AT])
    if len(taken) < len(rows):
        lots.pay_debts(accounts)
    if is_reported:
        report(accounts)


def waive(debts: Collection[lots.Unpaid], *, now: dt.datetime) -> None:
    """Forgive debts: what is missing is given, and pays for them."""
    if not debts:
        return
    rows = [
        (owed.account_id, owed.points, Entry.Kind.WAIVE, f"waive:{owed.id}", "", now, owed.order_ref, owed.rule_id,
         None, now, None, None)
        for owed in debts
    ]  # fmt: skip
    bulk.insert(Entry, COLUMNS, rows)
    lots.pay(debts)


def forgive_new(owed: Collection[lots.Unpaid], *, now: dt.datetime) -> None:
    """Forgive what was just taken back and cannot be paid, where the programme forgives at once."""
    if owed and Programme.current().debt == Programme.Debt.FORGIVE:
        waive([debt for debt in owed if debt.kind in lots.TAKEN_BACK], now=now)


def forgive(contact_id: int, *, now: dt.datetime) -> int:
    """Forgive what a customer owes; return how many points that was."""
    with transaction.atomic():
        account_id = account_of(contact_id, now=now)
        lock([account_id])
        debts = []
        if Account.objects.filter(pk=account_id, debt__gt=0).exists():
            debts = lots.unpaid(Entry.objects.filter(account_id=account_id))
        waive(debts, now=now)
        report([account_id])
        return sum(debt.points for debt in debts)


def bring_up_to_date(account_ids: Collection[int], *, now: dt.datetime) -> set[int]:
    """Do what has fallen due in locked accounts: holds end, points expire; return the accounts that changed."""
    changed = set(account_ids) if lots.mature(account_ids, now=now) else set()
    changed |= _expire(account_ids, now=now)
    report(changed)
    return changed


def report(account_ids: Collection[int]) -> None:
    """Write what these customers can spend to their standing."""
    if len(account_ids) == 1:
        (account_id,) = account_ids
        standing.report_from(_AVAILABLE(account_id), columns=["points_balance"])
        changes.tell(changes.POINTS, _OWNER(account_id))
    elif account_ids:
        moved = Account.objects.to_spend_from().filter(pk__in=bulk.among(account_ids), contact__isnull=False)
        standing.report_from(
            moved.values_list("contact_id", F("balance") - F("pending")), columns=["points_balance"]
        )
        changes.tell(changes.POINTS, moved.values_list("contact_id", flat=True))


def _expire(account_ids: Collection[int], *, now: dt.datetime) -> set[int]:
    """Take the points whose last day and days of grace are over: one entry for each account and day."""
    grace = dt.timedelta(days=Programme.current().grace_days)
    due = Lot.objects.of(bulk.among(account_ids)).filter(state=Lot.State.ACTIVE, expires_at__lte=now - grace)
    return expire(due, grace=grace, now=now)


def expire(due: QuerySet[Lot], *, now: dt.datetime, grace: dt.timedelta = dt.timedelta(0)) -> set[int]:
    """Close these active lots of locked accounts as expired; return the accounts."""
    parts = defaultdict(list)
    columns = ("pk", "account_id", "remaining", "expires_at")
    for pk, account_id, left, expires_at in due.order_by("pk").values_list(*columns):
        parts[account_id, expires_at].append((pk, left))
    rows, paid = [], {}
    for (account_id, expires_at), closed in parts.items():
        source = f"expire:{closed[-1][0]}"
        at = now if expires_at is None else expires_at + grace
        points = -sum(left for _pk, left in closed)
        rows.append((account_id, points, Entry.Kind.EXPIRE, source, "", at, None, None, None, now, None, None))
        paid[source] = closed
    if rows:
        bulk.insert(Entry, COLUMNS, rows)
        written = Entry.objects.filter(source__in=bulk.among(list(paid))).values_list("pk", "source")
        taken = [(lot, entry, left) for entry, source in written for lot, left in paid[source]]
        bulk.insert(Allocation, ("lot_id", "entry_id", "points"), taken)
    return {account_id for account_id, _expires_at in parts}


def _accounts(contact_ids: list[int]) -> dict[int, int]:
    found = Account.objects.to_spend_from().filter(contact_id__in=bulk.among(contact_ids))
    return dict(found.values_list("contact_id", "pk"))
