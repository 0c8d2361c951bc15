"""Carry points to the account of the customer somebody was merged into, and back when the two part.

An account that was merged keeps its entries; whatever it holds or owes is carried over, now and each time something
more is written to it (an old order is refunded, a redemption goes back), so that it always holds nothing:

    carry:<lot id>:out, :in       a lot leaves with what remained, and another account holds as much on the same terms
    carry:<entry id>:paid, :owed  a debt is paid, and another account owes as much
    back:<lot id>:out, :in        both the other way, when a merge is undone; and
    back:<entry id>:paid:<lot id>, :owed
    part:<id>:given, :taken       what was used (or forgiven) while the two were one stays with whoever was served

Entries of kind MERGE come in pairs that cancel out for the customer while they are one, and once they have parted;
those of kind PART are the difference. Both carry the date, order and rule of the points they move, and in `reason` the
kind of entry these came from, so that a later refund finds them (lots.pay) and a month of the past stays what it was.
Inside the caller's transaction, with all accounts locked.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from crm.lib import bulk
from crm.lib.prepared import Prepared
from crm.rewards import lots
from crm.rewards.models import Account, Allocation, Entry, Lot

COLUMNS = (
    "account_id", "points", "kind", "source", "reason", "at", "order_ref", "rule_id", "basis_minor", "created_at",
    "activates_at", "expires_at",
)  # fmt: skip
MERGE, PART = Entry.Kind.MERGE, Entry.Kind.PART
_ROOT = Prepared(
    lambda account_id: Account.objects.filter(pk=account_id, merged_into__isnull=False).values_list(
        "pk", "merged_into_id"
    )
)


class _Origin(NamedTuple):
    """What points that move bring with them."""

    kind: str
    at: dt.datetime
    order_ref: int | None
    rule_id: int | None

    def row(self, account_id: int, points: int, kind: Entry.Kind, source: str, now: dt.datetime, terms=(None, None)):
        return (
            account_id, points, kind.value, source, self.kind, self.at, self.order_ref, self.rule_id, None, now, *terms
        )  # fmt: skip


def roots(account_ids: Collection[int]) -> dict[int, int]:
    """Return the merged ones of these accounts, each with the account its points belong to."""
    if len(account_ids) == 1:  # the usual case of a point earned
        (account_id,) = account_ids
        return dict(_ROOT(account_id))
    merged = Account.objects.filter(pk__in=bulk.among(account_ids), merged_into__isnull=False)
    return dict(merged.values_list("pk", "merged_into_id"))


def carry(merged: Mapping[int, int], *, now: dt.datetime) -> list[lots.Unpaid]:
    """Carry over what these accounts hold or owe; return what the others cannot pay and owe from now on."""
    held = {
        pk: (account_id, left, terms)
        for pk, account_id, left, *terms in Lot.objects.of(bulk.among(merged))
        .filter(remaining__gt=0)
        .order_by("pk")
        .values_list("pk", "account_id", "remaining", "activates_at", "expires_at")
    }
    owed = lots.unpaid(Entry.objects.filter(account_id__in=bulk.among(merged)))
    origins = _origins([*held, *(debt.id for debt in owed)])
    leaving, coming = [], []
    for pk, (account_id, left, terms) in held.items():
        leaving.append(origins[pk].row(account_id, -left, MERGE, f"carry:{pk}:out", now))
        coming.append(origins[pk].row(merged[account_id], left, MERGE, f"carry:{pk}:in", now, terms))
    for debt in owed:
        leaving.append(origins[debt.id].row(debt.account_id, debt.points, MERGE, f"carry:{debt.id}:paid", now))
        coming.append(origins[debt.id].row(merged[debt.account_id], -debt.points, MERGE, f"carry:{debt.id}:owed", now))
    if not leaving:
        return []
    ids = _insert([*leaving, *coming])
    parts = [(pk, ids[f"carry:{pk}:out"], left) for pk, (_account, left, _terms) in held.items()]
    parts += [(ids[f"carry:{debt.id}:paid"], debt.id, debt.points) for debt in owed]
    bulk.insert(Allocation, ("lot_id", "entry_id", "points"), parts)
    left_over = lots.pay(lots.unpaid(Entry.objects.filter(pk__in=[ids[f"carry:{debt.id}:owed"] for debt in owed])))
    lots.pay_debts(set(merged.values()))
    return left_over


def part(home: int, group: Collection[int], *, kept: int, since: int, now: dt.datetime) -> list[lots.Unpaid]:
    """Bring back to `home` what was carried from a group of accounts to `kept` after the entry `since`.

    Each lot goes back whole: what is left of it, and what it paid of debts of the kept customer, who owes that again.
    What was used of it since is taken off the home again, in the open. Each debt goes back whole as well, and what paid
    it is given again. Return what one of the two cannot pay and owes from now on.
    """
    carried = _carried(group, kept=kept, since=since)
    owed = [one for one in carried if one.points < 0]
    paths = _followed([one.id for one in carried if one.points > 0], owed, kept=kept, since=since)
    paid = _paid(owed)
    origins = _origins([*(one.id for one in carried), *(debt for path in paths.values() for debt in path.debts)])
    payers = _origins({lot_id for parts in paid.values() for lot_id, *_terms in parts})
    rows, exact = [], []  # exact: the lot, or the source of its entry; the source of the taking entry; points
    for one in carried:
        origin, terms = origins[one.id], (one.activates_at, one.expires_at)
        if one.points > 0:
            path = paths[one.id]
            out, back = f"back:{path.end}:out", f"back:{path.end}:in"
            rows.append(origin.row(home, one.points, MERGE, back, now, terms))
            if own := one.points - sum(path.debts.values()):
                rows.append(origin.row(kept, -own, MERGE, out, now))
            for debt, points in path.debts.items():
                rows.append(origins[debt]._replace(at=origin.at).row(kept, -points, MERGE, f"{out}:{debt}", now))
            exact.append((path.end, out, path.left))
            if path.used:
                rows.append(origin.row(kept, path.used, PART, f"part:{one.id}:given", now, terms))
                rows.append(origin.row(home, -path.used, PART, f"part:{one.id}:taken", now))
                exact.append((f"part:{one.id}:given", out, path.used))
                exact.append((back, f"part:{one.id}:taken", path.used))
            exact += [(f"back:{debt}:paid:{lot_id}", out, points) for debt, lot_id, points in path.own_debts]
        else:
            forgiven = 0
            rows.append(origin.row(home, one.points, MERGE, f"back:{one.id}:owed", now))
            for (lot_id, *lot_terms), points in paid[one.id].items():
                payer = payers[lot_id]._replace(at=origin.at) if lot_id else origin
                forgiven += points if payer.kind == Entry.Kind.WAIVE else 0
                rows.append(payer.row(kept, points, MERGE, f"back:{one.id}:paid:{lot_id}", now, lot_terms))
            if forgiven:
                rows.append(origin.row(home, forgiven, PART, f"part:{one.id}:given", now))
                rows.append(origin.row(kept, -forgiven, PART, f"part:{one.id}:taken", now))
    if not rows:
        return []
    ids = _insert(rows)
    bulk.insert(
        Allocation,
        ("lot_id", "entry_id", "points"),
        [(ids.get(lot, lot), ids[source], points) for lot, source, points in exact if points],
    )
    written = Entry.objects.filter(pk__in=list(ids.values()))
    lots.pay(lots.unpaid(written))
    lots.pay_debts({home, kept})
    return lots.unpaid(written)


def used_since(group: Collection[int], *, kept: int, since: int) -> int:
    """Return how many of the points that came over were used or expired since."""
    carried = _carried(group, kept=kept, since=since)
    owed = [one for one in carried if one.points < 0]
    paths = _followed([one.id for one in carried if one.points > 0], owed, kept=kept, since=since)
    return sum(path.used for path in paths.values())


class _Carried(NamedTuple):
    id: int
    points: int
    activates_at: dt.datetime | None
    expires_at: dt.datetime | None


def _carried(group: Collection[int], *, kept: int, since: int) -> list[_Carried]:
    """Return the entries that brought points or debts of a group of accounts."""
    found = {}
    entries = Entry.objects.filter(account_id=kept, kind=MERGE, pk__gt=since, source__startswith="carry:")
    for pk, source, *rest in entries.order_by("pk").values_list(
        "pk", "source", "points", "activates_at", "expires_at"
    ):
        _carry, number, end = source.split(":")
        if end in ("in", "owed"):
            found[int(number)] = _Carried(pk, *rest)
    ours = Entry.objects.filter(pk__in=bulk.among(list(found)), account_id__in=list(group))
    return [found[number] for number in ours.order_by("pk").values_list("pk", flat=True)]


@dataclass
class _Path:
    """What became of a lot that was carried over."""

    end: int  # the lot it is now
    left: int = 0
    used: int = 0  # spent, expired or taken since
    debts: dict[int, int] = field(default_factory=dict)  # entry of the kept customer -> what it paid of that
    own_debts: list[tuple[int, int, int]] = field(default_factory=list)  # what it paid of debts that came with it


def _followed(lot_ids: Iterable[int], owed: Iterable[_Carried], *, kept: int, since: int) -> dict[int, _Path]:
    """Follow lots through accounts they were carried to and came back from."""
    now_is = {lot_id: lot_id for lot_id in lot_ids}
    was = dict(now_is)  # every lot of a path -> the first
    while True:
        sources = {f"{verb}:{last}:in": first for first, last in now_is.items() for verb in ("carry", "back")}
        found = dict(Entry.objects.filter(source__in=bulk.among(list(sources))).values_list("source", "pk"))
        if not found:
            break
        for source, pk in found.items():
            now_is[sources[source]] = pk
            was[pk] = sources[source]
    paths = {first: _Path(last) for first, last in now_is.items()}
    for pk, left in Lot.objects.filter(pk__in=bulk.among(list(now_is.values()))).values_list("pk", "remaining"):
        paths[was[pk]].left = left
    came_along = {one.id for one in owed}
    used = Allocation.objects.filter(lot__in=bulk.among(list(was)), lot__account=kept).order_by("pk")
    for lot_id, entry_id, kind, source, points in used.values_list(
        "lot_id", "entry_id", "entry__kind", "entry__source", "points"
    ):
        path = paths[was[lot_id]]
        if entry_id in came_along:
            path.own_debts.append((entry_id, lot_id, points))
        elif kind == MERGE and source.endswith(":out"):
            continue  # it went on, or came back
        elif kind == MERGE or entry_id <= since:
            path.debts[entry_id] = path.debts.get(entry_id, 0) + points
        else:
            path.used += points
    return paths


def _paid(owed: Collection[_Carried]) -> dict[int, dict[tuple, int]]:
    """Return by what each debt was paid: points by lot and its terms; what is open counts as a lot 0 for ever."""
    paid: dict[int, dict[tuple, int]] = {one.id: defaultdict(int) for one in owed}
    left = {one.id: -one.points for one in owed}
    columns = ("entry_id", "points", "lot_id", "lot__activates_at", "lot__expires_at")
    rows = Allocation.objects.filter(entry__in=bulk.among(list(paid))).order_by("pk").values_list(*columns)
    for entry_id, points, *lot in rows:
        paid[entry_id][tuple(lot)] += points
        left[entry_id] -= points
    for entry_id, points in left.items():
        if points:
            paid[entry_id][0, None, None] += points
    return paid


def _origins(entry_ids: Collection[int]) -> dict[int, _Origin]:
    columns = ("pk", "kind", "reason", "at", "order_ref", "rule_id")
    rows = Entry.objects.filter(pk__in=bulk.among(list(entry_ids))).values_list(*columns)
    return {pk: _Origin(lots.true_kind(kind, reason), *rest) for pk, kind, reason, *rest in rows}


def _insert(rows: list[tuple]) -> dict[str, int]:
    bulk.insert(Entry, COLUMNS, rows)
    return dict(Entry.objects.filter(source__in=bulk.among([row[3] for row in rows])).values_list("source", "pk"))
