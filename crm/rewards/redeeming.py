"""Turn points into something: reserve, then commit or roll back. THE CONTRACT for a till, a coupon, an API.

    held = reserve(contact_id, reward=reward, points=500, order_minor=4250, key=f"order:{order_id}", now=now)
    commit(held.key, now=now)              # the order was paid
    roll_back(held.key, now=now)           # it was not, or it was undone later

- `key` names the act, such as the order's id: one redemption for each key, for ever. `reserve` with the same key and
  the same wish returns the redemption there is, whatever has become of it (look at `.state`); with another wish it
  raises KeyUsedDifferently. `commit` and `roll_back` may be called any number of times, by anybody, at once.
- Reserved points are out of the balance at once (an entry of kind `redeem`), so that nobody can spend them twice. A
  reservation nobody commits goes back by itself after `reserved_until` (the sweep `redemptions`); until that sweep has
  come by, a late commit still counts. What went back cannot be committed: RolledBack.
- Rolling back gives the points back as they were: each part with the expiry it had. What expired meanwhile comes back
  too and expires with the next sweep, after the programme's days of grace. A debt is paid from it first.
- `offer` says beforehand what a customer can get for an order: how many points, worth how much, or why nothing.
- Refusals carry figures, no sentences: NotEnoughPoints(.balance), BelowLeast(.least), AboveMost(.most), NotOffered.

Money off: a reward sells `worth_minor` for `points`; any number of points from `least_points` up may be used, worth
their share rounded down, as long as that is at most `most_percent` of the order (given as `order_minor`), and takes it
not below `floor_minor`, what its products cost (orders.costs), unless the reward may. Other kinds cost exactly
`points`.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.db import transaction

from crm.accounts.models import Shop
from crm.lib import bulk, prepared
from crm.rewards import ledger
from crm.rewards.models import Allocation, Entry, Redemption, Reward

HELD_FOR = dt.timedelta(minutes=30)
MOST_HELD_AT_ONCE = 1_000


class NotOffered(ValueError):
    """The reward is not on offer any more."""


class BelowLeast(ValueError):
    """Fewer points than the reward can be had for."""

    def __init__(self, least: int):
        super().__init__(f"At least {least} points.")
        self.least = least


class AboveMost(ValueError):
    """More points than may be used for this order."""

    def __init__(self, most: int):
        super().__init__(f"At most {most} points.")
        self.most = most


class KeyUsedDifferently(ValueError):
    """The key stands for another redemption that is in the books already."""

    def __init__(self, redemption: Redemption):
        super().__init__(f"The key was used for {redemption.points} points.")
        self.redemption = redemption


class RolledBack(ValueError):
    """The points went back to the customer before: reserve again, with another key."""


@dataclass(frozen=True)
class Offer:
    """What a customer could have for points right now."""

    reward: Reward
    balance: int
    least: int
    most: int  # points; below `least` where nothing can be had
    worth_minor: int  # of the most points

    @property
    def is_possible(self) -> bool:
        return self.least <= self.most


def offer(contact_id: int, *, reward: Reward, order_minor: int | None = None, floor_minor: int = 0) -> Offer:
    """Return how many points this customer could use for this reward, on an order of so much."""
    return _offer(reward, ledger.balance(contact_id), order_minor=order_minor, floor_minor=floor_minor)


def offers(contact_id: int, *, order_minor: int | None = None) -> list[Offer]:
    """Return what everything on offer would be for this customer, the cheapest first."""
    rewards, balance = Reward.objects.filter(is_active=True).order_by("points", "pk"), ledger.balance(contact_id)
    return [_offer(reward, balance, order_minor=order_minor) for reward in rewards]


def _offer(reward: Reward, balance: int, *, order_minor: int | None = None, floor_minor: int = 0) -> Offer:
    most = min(max(balance, 0), most_points(reward, order_minor=order_minor, floor_minor=floor_minor))
    return Offer(reward, balance, least_points(reward), most, worth(reward, most))


def least_points(reward: Reward) -> int:
    """Return the fewest points that buy something: for money off those that are worth one minor unit."""
    if reward.kind != Reward.Kind.MONEY:
        return reward.points
    return max(reward.least_points, 1, -(-reward.points // reward.worth_minor) if reward.worth_minor else 1)


def most_points(reward: Reward, *, order_minor: int | None = None, floor_minor: int = 0) -> int:
    """Return the most points that may be used, on an order of so much that costs so much, where that is known."""
    if reward.kind != Reward.Kind.MONEY:
        return reward.points
    if order_minor is None or not reward.worth_minor:
        return 2**62
    most_minor = max(order_minor, 0) * reward.most_percent // 100
    if not reward.may_go_below_cost:
        most_minor = min(most_minor, max(order_minor - floor_minor, 0))
    bought = worth(reward, ((most_minor + 1) * reward.points - 1) // reward.worth_minor)
    return -(-bought * reward.points // reward.worth_minor)  # no point more than it takes to buy that


def worth(reward: Reward, points: int) -> int:
    """Return the minor units of the shop's currency that so many points buy."""
    if reward.kind != Reward.Kind.MONEY:
        return reward.worth_minor
    return points * reward.worth_minor // reward.points


def check(reward: Reward, points: int, *, order_minor: int | None, floor_minor: int) -> None:
    """Raise NotOffered, BelowLeast or AboveMost where so many points may not be used for this reward."""
    if not reward.is_active:
        raise NotOffered(reward.name)
    if points < (least := least_points(reward)):
        raise BelowLeast(least)
    if points > (most := most_points(reward, order_minor=order_minor, floor_minor=floor_minor)):
        raise AboveMost(most)


def reserve(
    contact_id: int,
    *,
    key: str,
    now: dt.datetime,
    reward: Reward | None = None,
    points: int | None = None,
    order_minor: int | None = None,
    floor_minor: int = 0,
    note: str = "",
    held_for: dt.timedelta = HELD_FOR,
) -> Redemption:
    """Take points out of a customer's balance and hold them for `key`.

    Without a reward, plain `points` that the caller turns into something itself. Raise NotEnoughPoints, BelowLeast,
    AboveMost, NotOffered or KeyUsedDifferently; then nothing was taken.
    """
    wish = {"reward": reward, "points": points, "order_minor": order_minor, "floor_minor": floor_minor, "note": note}
    return _take(contact_id, key=key, now=now, held_for=held_for, is_final=False, **wish)


def redeem(
    contact_id: int,
    *,
    key: str,
    now: dt.datetime,
    reward: Reward | None = None,
    points: int | None = None,
    order_minor: int | None = None,
    floor_minor: int = 0,
    note: str = "",
) -> Redemption:
    """Reserve and commit in one act, for somebody who stands at the counter."""
    wish = {"reward": reward, "points": points, "order_minor": order_minor, "floor_minor": floor_minor, "note": note}
    redemption = _take(contact_id, key=key, now=now, held_for=HELD_FOR, is_final=True, **wish)
    return redemption if redemption.state == Redemption.State.COMMITTED else commit(key, now=now)


def _take(
    contact_id: int,
    *,
    key: str,
    now: dt.datetime,
    reward: Reward | None,
    points: int | None,
    order_minor: int | None,
    floor_minor: int,
    note: str,
    held_for: dt.timedelta,
    is_final: bool,
) -> Redemption:
    if points is None:
        if reward is None:
            raise ValueError("Say a reward or how many points.")
        points = reward.points
    if points < 1:
        raise BelowLeast(1)
    with transaction.atomic():
        account_id = ledger.account_of(contact_id, now=now)
        ledger.lock([account_id])
        held = Redemption(
            key=key, account_id=account_id, reward=reward, points=points, note=note, reserved_at=now,
            reserved_until=now + held_for, settled_at=now if is_final else None,
            state=Redemption.State.COMMITTED if is_final else Redemption.State.RESERVED,
            worth_minor=worth(reward, points) if reward else 0, currency=Shop.current().currency if reward else "",
        )  # fmt: skip
        if not prepared.insert(held, ignore_conflicts=True):  # the key decides, whoever else is using it this moment
            return _known(held)
        if reward is not None:
            check(reward, points, order_minor=order_minor, floor_minor=floor_minor)
        reason = (reward.name if reward else note)[:250]
        ledger.spend(
            account_id, points, kind=Entry.Kind.REDEEM, source=f"redeem:{held.pk}", reason=reason, now=now
        )
        return held


def commit(key: str, *, now: dt.datetime) -> Redemption:
    """Make a reservation final; raise RolledBack if its points went back, Redemption.DoesNotExist for a strange key."""
    reserved = Redemption.objects.filter(key=key, state=Redemption.State.RESERVED)
    reserved.update(state=Redemption.State.COMMITTED, settled_at=now)
    redemption = Redemption.objects.get(key=key)
    if redemption.state == Redemption.State.ROLLED_BACK:
        raise RolledBack(f"Redemption {redemption.pk} was given back.")
    return redemption


def roll_back(key: str, *, now: dt.datetime) -> Redemption:
    """Give a redemption's points back, reserved or committed, once; raise Redemption.DoesNotExist for a strange key."""
    with transaction.atomic():
        redemption = Redemption.objects.get(key=key)
        ledger.lock([redemption.account_id])
        open_states = Redemption.objects.filter(pk=redemption.pk).exclude(state=Redemption.State.ROLLED_BACK)
        if open_states.update(state=Redemption.State.ROLLED_BACK, settled_at=now):
            _give_back([redemption], now=now)
        redemption.refresh_from_db()
        return redemption


def release(*, now: dt.datetime) -> int:
    """Give back what was reserved and never committed; return how many. The sweep `redemptions`."""
    released = 0
    while keys := _forgotten(now):
        with transaction.atomic():
            waiting = Redemption.objects.filter(key__in=bulk.among(keys), state=Redemption.State.RESERVED)
            ledger.lock(set(waiting.values_list("account_id", flat=True)))
            waiting = list(waiting)  # once more, now that nobody else can settle them
            still = Redemption.objects.filter(pk__in=[held.pk for held in waiting], state=Redemption.State.RESERVED)
            ids = set(still.values_list("pk", flat=True))
            still.update(state=Redemption.State.ROLLED_BACK, settled_at=now)
            _give_back([held for held in waiting if held.pk in ids], now=now)
            released += len(ids)
    return released


def _known(wish: Redemption) -> Redemption:
    """Return what stands under a key already; raise where it is something else."""
    known = Redemption.objects.select_related("account").get(key=wish.key)
    account_id = known.account.merged_into_id or known.account_id
    if (account_id, known.reward_id, known.points) != (wish.account_id, wish.reward_id, wish.points):
        raise KeyUsedDifferently(known)
    return known


def _forgotten(now: dt.datetime) -> list[str]:
    late = Redemption.objects.filter(state=Redemption.State.RESERVED, reserved_until__lte=now)
    return list(late.order_by("reserved_until").values_list("key", flat=True)[:MOST_HELD_AT_ONCE])


def _give_back(redemptions: list[Redemption], *, now: dt.datetime) -> None:
    """Write entries that give points back, one for each expiry they had."""
    taken = Entry.objects.filter(source__in=bulk.among([f"redeem:{held.pk}" for held in redemptions]))
    parts = defaultdict(lambda: defaultdict(int))
    allocations = Allocation.objects.filter(entry__in=taken).order_by("pk")
    for source, expires_at, points in allocations.values_list("entry__source", "lot__expires_at", "points"):
        parts[source][expires_at] += points
    rows = []
    for source, account_id, reason in taken.order_by("pk").values_list("source", "account_id", "reason"):
        for number, (expires_at, points) in enumerate(parts[source].items(), start=1):
            rows.append(
                (account_id, points, Entry.Kind.REDEEM, f"{source}:back:{number}", reason, now, None, None, None, now,
                 None, expires_at)
            )  # fmt: skip
    ledger.write(rows)
