"""Use lots up: which points pay for what.

An entry that takes points is paid by lots of its account. Spending takes active lots: those that expire soonest first,
then the oldest, those that never expire last. Taking back takes what the same order (or gift) gave first, pending
before active, and then as spending does. What no active lot can pay is the account's debt, and lots that become active
later pay it: an account never has both. The numbers are moved by triggers; this module chooses. It runs inside the
caller's transaction, with the accounts locked (ledger.lock).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce

from crm.lib import bulk
from crm.lib.prepared import Prepared
from crm.rewards.models import Account, Allocation, Entry, Lot

FOR_EVER = dt.datetime.max.replace(tzinfo=dt.UTC)
TAKEN_BACK = (Entry.Kind.ORDER, Entry.Kind.WELCOME, Entry.Kind.OCCASION, Entry.Kind.CAMPAIGN)
CARRIED = (Entry.Kind.MERGE, Entry.Kind.PART)


_COLUMNS = ("pk", "remaining", "state", "activates_at", "expires_at")
_OPEN = Prepared(
    lambda account_id: Lot.objects.filter(
        pk__in=Entry.objects.filter(account_id=account_id, points__gt=0).values("pk"), remaining__gt=0
    ).values_list(*_COLUMNS)
)


class Unpaid(NamedTuple):
    """An entry that takes points, and how many of them no lot has paid for."""

    id: int
    account_id: int
    points: int
    kind: str
    order_ref: int | None
    rule_id: int | None


class _Lot:
    """An open lot while it is being used up."""

    __slots__ = ("id", "is_pending", "origin", "remaining", "sorts", "until")

    def __init__(
        self, lot_id: int, remaining: int, state: str, activates_at: dt.datetime | None, expires_at: dt.datetime | None
    ):
        self.id, self.remaining, self.is_pending = lot_id, remaining, state == Lot.State.PENDING
        self.until = activates_at if self.is_pending else expires_at  # when it falls due
        self.sorts = expires_at or FOR_EVER, lot_id
        self.origin = None


def unpaid(entries: QuerySet[Entry]) -> list[Unpaid]:
    """Return what these entries took and no lot has paid for, oldest first."""
    taking = entries.filter(points__lt=0).annotate(left=-F("points") - Coalesce(Sum("allocations__points"), 0))
    columns = ("pk", "account_id", "left", "order_ref", "rule_id", "kind", "reason")
    return [
        Unpaid(pk, account_id, left, true_kind(*kind), order_ref, rule_id)
        for pk, account_id, left, order_ref, rule_id, *kind in taking.filter(left__gt=0).order_by("pk").values_list(
            *columns
        )
    ]


def true_kind(kind: str, reason: str) -> str:
    """Return the kind of entry that points come from, wherever they were carried since (rewards.carrying)."""
    return reason if kind in CARRIED else kind


def pay(takings: Collection[Unpaid]) -> list[Unpaid]:
    """Have the lots pay; return what is left as a debt."""
    if not takings:
        return []
    held = _open({taking.account_id for taking in takings})
    if any(taking.kind in TAKEN_BACK for taking in takings):
        _trace(held)
    return _pay(takings, held)


def _pay(takings: Collection[Unpaid], held: dict[int, list[_Lot]]) -> list[Unpaid]:
    allocations, owed = [], []
    for taking in takings:
        left = taking.points
        for lot in _in_order(held[taking.account_id], taking):
            if part := min(left, lot.remaining):
                allocations.append((lot.id, taking.id, part))
                lot.remaining -= part
                left -= part
            if not left:
                break
        if left:
            owed.append(taking._replace(points=left))
    bulk.insert(Allocation, ("lot_id", "entry_id", "points"), allocations)
    return owed


class Purse:
    """The open lots of one locked account, read once."""

    def __init__(self, account_id: int):
        self.account_id = account_id
        self._lots = sorted((_Lot(*lot) for lot in _OPEN(account_id)), key=lambda lot: lot.sorts)

    @property
    def active(self) -> int:
        return sum(lot.remaining for lot in self._lots if not lot.is_pending)

    def has_fallen_due(self, *, now: dt.datetime) -> bool:
        """Tell whether a hold is over or a last day gone, days of grace or not."""
        return any(lot.until is not None and lot.until <= now for lot in self._lots)

    def pay(self, entry_id: int, points: int) -> None:
        """Pay for an entry that spends no more than is active."""
        taking = Unpaid(entry_id, self.account_id, points, Entry.Kind.REDEEM, None, None)
        _pay([taking], {self.account_id: self._lots})


def pay_debts(account_ids: Collection[int]) -> None:
    """Have active lots pay what these accounts owe, the oldest debt first."""
    owing = Account.objects.filter(pk__in=bulk.among(account_ids), debt__gt=0)
    if accounts := list(owing.values_list("pk", flat=True)):
        pay(unpaid(Entry.objects.filter(account_id__in=bulk.among(accounts))))


def mature(account_ids: Collection[int], *, now: dt.datetime) -> int:
    """Make lots of these accounts active whose hold period is over, and pay debts with them; return how many."""
    due = Lot.objects.filter(account_id__in=bulk.among(account_ids), state=Lot.State.PENDING, activates_at__lte=now)
    if count := due.update(state=Lot.State.ACTIVE):
        pay_debts(account_ids)
    return count


def _open(account_ids: Collection[int]) -> dict[int, list[_Lot]]:
    """Return the open lots of each account, those that expire soonest first."""
    held = defaultdict(list)
    rows = Lot.objects.of(bulk.among(account_ids)).filter(remaining__gt=0)
    for account_id, *lot in bulk.rows(rows.values_list("account_id", *_COLUMNS)):
        held[account_id].append(_Lot(*lot))
    for lots in held.values():
        lots.sort(key=lambda lot: lot.sorts)
    return held


def _trace(held: dict[int, list[_Lot]]) -> None:
    """Note where each lot came from."""
    lots = {lot.id: lot for of_account in held.values() for lot in of_account}
    columns = ("pk", "kind", "reason", "order_ref", "rule_id")
    for pk, kind, reason, *what in Entry.objects.filter(pk__in=bulk.among(lots)).values_list(*columns):
        lots[pk].origin = _origin(true_kind(kind, reason), *what)


def _origin(kind: str, order_ref: int | None, rule_id: int | None) -> tuple:
    return (kind, order_ref, None) if order_ref else (kind, None, rule_id)


def _in_order(lots: Iterable[_Lot], taking: Unpaid) -> Iterator[_Lot]:
    if taking.kind in TAKEN_BACK:
        origin = _origin(taking.kind, taking.order_ref, taking.rule_id)
        yield from (lot for lot in lots if lot.is_pending and lot.origin == origin)
        yield from (lot for lot in lots if not lot.is_pending and lot.origin == origin)
        yield from (lot for lot in lots if not lot.is_pending and lot.origin != origin)
    else:
        yield from (lot for lot in lots if not lot.is_pending)
