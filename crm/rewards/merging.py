"""What becomes of points, levels and friends when two customers turn out to be one, and when they part again.

The dropped customer's account is merged into the kept one's (rewards.carrying): no entry is changed, each lot keeps its
dates, each debt is owed on, and what is refunded of an old order later goes on that order's account and is carried
over. At each moment of the past the kept customer holds the higher of both levels, so that no order of either loses
points by it; an undo brings back the levels from before, and leaves what the kept customer held in between. Then the
orders of the two are settled: rules that look at earlier orders see one customer.
"""

import datetime as dt
import itertools

from django.db.models import Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.contacts import moving
from crm.lib import clock
from crm.lib.templatetags import say
from crm.orders.models import Order
from crm.rewards import carrying, holding, ledger, referring, settling, tiers
from crm.rewards.models import Account, Entry, Membership

OWNS = (
    "rewards.Account.contact", "rewards.Membership.contact", "rewards.Referral.advocate", "rewards.Referral.friend",
)  # fmt: skip
_FAR = dt.datetime.max.replace(tzinfo=dt.UTC)


class Points(moving.Mover):
    """The mover of this floor."""

    def lock(self, contact_ids: list[int]) -> None:
        accounts = Account.objects.filter(contact__in=contact_ids)
        ledger.lock(accounts.values_list("pk", flat=True), nowait=True)

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        said = {
            "friends": referring.merge(drop_id, winner_id=keep_id, now=now),
            "levels": _unite_levels(keep_id, drop_id, now=now),
            "account": _carry_over(keep_id, drop_id, now=now),
        }
        _settle([keep_id], now=now)
        return said

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        if said["account"]:
            _bring_back(said["account"], keep_id=keep_id, drop_id=drop_id, now=now)
        _part_levels(said["levels"], keep_id, drop_id, now=now)
        referring.part(said["friends"], loser_id=drop_id, winner_id=keep_id, now=now)
        _settle([keep_id, drop_id], now=now)


def tells(*, keep_id: int, drop_id: int):
    """Say what the kept customer holds once everything is carried over."""
    before = ledger.balance(keep_id), ledger.balance(drop_id)
    waiting = sum(one.pending for one in map(holding.of, (keep_id, drop_id)))

    def told(*, now: dt.datetime) -> list[str]:
        if not any(before) and not waiting:
            return []
        after = holding.of(keep_id)
        texts = [_("Points that can be spent: %(one)s and %(other)s become %(sum)s.") % {
            "one": say.number(before[0]), "other": say.number(before[1]), "sum": say.number(after.available),
        }]  # fmt: skip
        for change in after.maturing:
            texts.append(
                ngettext(
                    "%(points)s point can be spent from %(date)s.",
                    "%(points)s points can be spent from %(date)s.",
                    change.points,
                )
                % {"points": say.number(change.points), "date": say.day(change.on)}
            )
        for change in after.expiring:
            texts.append(
                ngettext(
                    "%(points)s point can be spent until %(date)s.",
                    "%(points)s points can be spent until %(date)s.",
                    change.points,
                )
                % {"points": say.number(change.points), "date": say.day(change.on)}
            )
        return texts

    return told


def changed(said: dict, *, keep_id: int, drop_id: int) -> list[str]:
    """Say how many points that came over cannot go back because they are gone."""
    account = said["account"]
    if not account:
        return []
    used = carrying.used_since([account["account"], *account["others"]], kept=account["into"], since=account["since"])
    if not used:
        return []
    return [
        ngettext(
            "%(points)s point that came over was used or expired since; it does not go back.",
            "%(points)s points that came over were used or expired since; they do not go back.",
            used,
        )
        % {"points": say.number(used)}
    ]


def _settle(contact_ids: list[int], *, now: dt.datetime) -> None:
    """Let the customers rise and give all their orders what they are due now."""
    later = tiers.rise(contact_ids, now=now)
    orders = Order.objects.filter(contact__in=contact_ids).values_list("pk", flat=True)
    settling.settle({*later, *orders}, now=now)


# ---- the account


def _carry_over(keep_id: int, drop_id: int, *, now: dt.datetime) -> dict:
    account = Account.objects.to_spend_from().filter(contact=drop_id).first()
    if account is None:
        return {}
    into = ledger.open_accounts([keep_id], now=now)[keep_id]
    others = list(Account.objects.filter(merged_into=account).order_by("pk").values_list("pk", flat=True))
    ledger.lock([account.pk, into, *others])
    since = Entry.objects.filter(account__in=[account.pk, into]).aggregate(last=Max("pk"))["last"] or 0
    Account.objects.filter(pk__in=[account.pk, *others]).update(merged_into=into, contact=keep_id)
    carrying.carry({account.pk: into}, now=now)
    ledger.report([into])
    return {"account": account.pk, "into": into, "others": others, "since": since}


def _bring_back(said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
    home, others, into = said["account"], said["others"], said["into"]
    ledger.lock([home, into, *others])
    Account.objects.filter(pk=home).update(merged_into=None, contact=drop_id)
    Account.objects.filter(pk__in=others).update(merged_into=home, contact=drop_id)
    owed = carrying.part(home, [home, *others], kept=into, since=said["since"], now=now)
    ledger.forgive_new(owed, now=now)
    ledger.report([home, into])


# ---- levels


def _unite_levels(keep_id: int, drop_id: int, *, now: dt.datetime) -> dict:
    """Let the kept customer hold the higher level of the two at each moment; return what both held, and until when."""
    held = Membership.objects.filter(contact__in=[keep_id, drop_id])
    rows = list(held.order_by("since", "pk"))
    away = moving.put_away(held)
    Membership.objects.bulk_create(_highest(rows, keep_id))
    return {"away": away, "until": max([now, *(row.until or row.since for row in rows)]).isoformat()}


def _highest(rows: list[Membership], keep_id: int) -> list[Membership]:
    """Return one row for each stretch of time in which the highest level held is the same."""
    moments = sorted({row.since for row in rows} | {row.until or _FAR for row in rows})
    united: list[Membership] = []
    for since, until in itertools.pairwise(moments):
        there = [row for row in rows if row.since <= since and until <= (row.until or _FAR)]
        if not there:
            continue
        best = max(there, key=lambda row: (row.level, row.contact_id == keep_id))
        graces = [row.falls_on for row in there if row.level == best.level]
        falls_on = None if None in graces else max(graces)
        last = united[-1] if united else None
        end = None if until == _FAR else until
        if last and last.until == since and (last.rule_id, last.level) == (best.rule_id, best.level):
            last.until, last.falls_on = end, falls_on
        else:
            united.append(
                Membership(
                    contact_id=keep_id, rule_id=best.rule_id, level=best.level, since=since, until=end,
                    falls_on=falls_on,
                )
            )  # fmt: skip
    return united


def _part_levels(said: dict, keep_id: int, drop_id: int, *, now: dt.datetime) -> None:
    """Let both hold again what they held before, and leave what the kept customer held since, until now."""
    mine, merged = Membership.objects.filter(contact=keep_id), dt.datetime.fromisoformat(said["until"])
    since = list(mine.filter(Q(until=None) | Q(until__gt=merged), since__lt=now).order_by("since", "pk"))
    mine.delete()
    moving.bring_back(Membership, said["away"])
    found = tiers.ladder(now=now)
    if merged < now:
        _leave_levels(since, mine.filter(until=None).first(), keep_id, found, merged=merged, now=now)
    ended = Membership.objects.filter(Q(contact=keep_id) | Q(contact=drop_id), until=None)
    begins = clock.day_bounds(found.starts_on, found.zone)[0] if found else now
    for row in ended.exclude(rule_id=found.rule_id) if found else ended:
        Membership.objects.filter(pk=row.pk).update(until=max(row.since, begins))


def _leave_levels(
    rows: list[Membership], before: Membership | None, contact_id: int, found: tiers.Ladder | None, *,
    merged: dt.datetime, now: dt.datetime,
) -> None:  # fmt: skip
    """Put what a customer held since a merge behind the level they held before it, which ends by then.

    The last level stays if they held it before or reach it by their own orders; else the higher of these two follows.
    """
    for row in rows:
        row.pk, row.since = None, max(row.since, merged)
    last = rows[-1] if rows and rows[-1].until is None else None
    if last and found and last.rule_id == found.rule_id:
        held = before if before and before.rule_id == last.rule_id else None
        reached = found.params.reached(tiers.amounts(found, [contact_id]).get(contact_id, 0))
        own = max(reached, held.level if held else 0)
        grace = held.falls_on if held and held.level == own else None
        if own >= last.level:
            last.falls_on = grace or last.falls_on
        else:
            last.until = now
            if own:
                follows = {"rule_id": found.rule_id, "level": own, "since": now, "falls_on": grace}
                rows.append(Membership(contact_id=contact_id, **follows))
    if before:
        goes_on = rows and (rows[0].rule_id, rows[0].level) == (before.rule_id, before.level)
        first = rows.pop(0) if goes_on else None
        before.until, before.falls_on = (first.until, first.falls_on) if first else (merged, before.falls_on)
        before.save(update_fields=["until", "falls_on"])
    Membership.objects.bulk_create(rows)
