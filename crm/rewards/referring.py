"""Friends whom customers sent: who counts as one, what both get for it, and when it goes back.

    refer(friend_id, advocate_id=anna.pk, via=Referral.Via.TILL, now=now)     the friend gets theirs at once
    reward_due(now=now)     the sweep `referrals`: the advocate gets theirs when an order of the friend counts

- A friend counts once, for one advocate, whatever arrives at once: the database says so. Telling it again for the same
  advocate changes nothing; everything else raises CannotRefer.
- Both get what the rules of the day promised on which the friend was sent (`referral_friend`, `referral_advocate`), so
  a rule that ends does not break a promise. Without a rule it is only noted who sent whom.
- The advocate's points follow the friend's first order that counts: they wait out the hold period of their rule from
  the day of that order, and are taken back when it counts no more (refunded in full, cancelled, removed, somebody
  else's). Then the friend's next order counts instead. A month that is full earns nothing for this friend, and neither
  does somebody of whom older orders turn up: they were no newcomer.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, models, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Shop
from crm.contacts import moving
from crm.contacts.identity import mailbox
from crm.contacts.models import Contact
from crm.lib import bulk, clock
from crm.orders.models import Order
from crm.rewards import giving, ledger
from crm.rewards.earning import InForce
from crm.rewards.models import Entry, Referral
from crm.rewards.rules.referral_advocate import ReferralAdvocate
from crm.rewards.rules.referral_friend import ReferralFriend

FRIEND, ADVOCATE = ReferralFriend.slug, ReferralAdvocate.slug
AT_ONCE = 1_000
MARGIN = dt.timedelta(days=1)  # a shop may tell of a first order and of its customer in either order


class Why(models.TextChoices):
    """Why somebody does not count as sent by somebody."""

    ONESELF = "oneself", _("Nobody can send themselves.")
    SAME_PERSON = "same_person", _("Both have the same e-mail, phone number or postal address.")
    HAS_BOUGHT = "has_bought", _("They have bought here before.")
    SENT_ALREADY = "sent_already", _("Somebody else sent them before.")
    GONE = "gone", _("One of the two is not a customer any more.")


class CannotRefer(ValueError):
    """The friend does not count; `why` says for what reason."""

    def __init__(self, why: Why):
        super().__init__(why.label)
        self.why = why


@dataclass(frozen=True)
class Promise:
    """What the rules in force promise to both sides; None is nothing."""

    friend: InForce | None
    advocate: InForce | None

    @property
    def is_anything(self) -> bool:
        return self.friend is not None or self.advocate is not None

    @property
    def friend_points(self) -> int:
        return self.friend.params.points if self.friend else 0

    @property
    def advocate_points(self) -> int:
        return self.advocate.params.points if self.advocate else 0


@dataclass(frozen=True)
class Sent:
    """The friends a customer sent."""

    friends: int = 0
    bought: int = 0
    rewarded: int = 0


def promise(*, at: dt.datetime) -> Promise:
    """Return what was promised at a moment."""
    return Promise(*giving.rules_of([FRIEND, ADVOCATE], at=at))


def refer(friend_id: int, *, advocate_id: int, via: str, now: dt.datetime) -> Referral:
    """Note that a customer sent a friend and give the friend what was promised; raise CannotRefer."""
    if friend_id == advocate_id:
        raise CannotRefer(Why.ONESELF)
    with transaction.atomic():
        people = Contact.objects.alive().in_bulk([friend_id, advocate_id])
        if len(people) < 2:
            raise CannotRefer(Why.GONE)
        if known := Referral.objects.filter(friend=friend_id).first():
            return _same(known, advocate_id)
        if is_same_person(people[friend_id], people[advocate_id]):
            raise CannotRefer(Why.SAME_PERSON)
        if Order.objects.filter(contact=friend_id, kind=Order.Kind.SALE).exists():
            raise CannotRefer(Why.HAS_BOUGHT)
        try:
            with transaction.atomic():
                referral = Referral.objects.create(friend_id=friend_id, advocate_id=advocate_id, via=via, at=now)
        except IntegrityError:
            return _same(Referral.objects.get(friend=friend_id), advocate_id)
        giving.give_for([friend_id], occasion=FRIEND, key=str(referral.pk), now=now)
        return referral


def is_same_person(one: Contact, other: Contact) -> bool:
    """Tell whether two customers are one person or one household, as far as we can see."""
    return any(mine and mine == theirs for mine, theirs in zip(_marks(one), _marks(other)))


def reward_due(*, now: dt.datetime) -> int:
    """Reward advocates whose friend has bought, take back where that order counts no more; return for how many."""
    counting = Order.objects.counting().filter(kind=Order.Kind.SALE, contact=OuterRef("friend"))
    waiting = Q(order_ref=None, advocate__erased_at=None) & Exists(counting)
    fallen = Q(order_ref__isnull=False) & ~Exists(counting.filter(pk=OuterRef("order_ref")))
    due = Referral.objects.filter(waiting | fallen).order_by("pk").values_list("pk", flat=True)
    return sum(_bring_in_line(pk, now=now) for pk in list(due[:AT_ONCE]))


def merge(loser_id: int, *, winner_id: int, now: dt.datetime) -> dict:
    """Make referrals of two people who turn out to be one those of one: nobody sends themselves, or comes twice.

    Return what `part` needs.
    """
    with transaction.atomic():
        both = (loser_id, winner_id)
        selves = list(Referral.objects.filter(friend__in=both, advocate__in=both))
        twice = list(Referral.objects.filter(friend__in=both).exclude(advocate__in=both).order_by("at", "pk"))[1:]
        gone = Referral.objects.filter(pk__in=[referral.pk for referral in (*selves, *twice)])
        for referral in gone.select_related("reward"):
            if referral.reward:
                giving.take_back(referral.reward, now=now)
        away = moving.put_away(gone)
        handed = {role: _hand(role, loser_id, winner_id) for role in ("advocate", "friend")}
        return handed | {"away": away}


def part(said: dict, *, loser_id: int, winner_id: int, now: dt.datetime) -> None:
    """Undo `merge`; what was taken back is given again where it is due still."""
    with transaction.atomic():
        for role in ("advocate", "friend"):
            mine = Referral.objects.filter(pk__in=bulk.among(said[role]), **{role: winner_id})
            mine.update(**{role: loser_id})
        friends = [row["friend_id"] for row in said["away"]]
        sent = set(Referral.objects.filter(friend__in=friends).values_list("friend_id", flat=True))
        rows = [row for row in said["away"] if row["friend_id"] not in sent]
        rewarded = [row["id"] for row in rows if row["reward_id"]]
        moving.bring_back(
            Referral, [row | {"reward_id": None, "order_ref": None} if row["reward_id"] else row for row in rows]
        )
        for pk in Referral.objects.filter(pk__in=rewarded).order_by("pk").values_list("pk", flat=True):
            _bring_in_line(pk, now=now)


def _hand(role: str, loser_id: int, winner_id: int) -> list[int]:
    rows = Referral.objects.filter(**{role: loser_id})
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    rows.update(**{role: winner_id})
    return ids


def advocate_of(contact_id: int) -> Referral | None:
    """Return who sent a customer, and how."""
    return Referral.objects.filter(friend=contact_id).select_related("advocate").first()


def sent_by(contact_id: int) -> Sent:
    """Return how many friends a customer sent, and what came of it."""
    found = Referral.objects.filter(advocate=contact_id)
    return Sent(**found.aggregate(friends=Count("pk"), bought=Count("order_ref"), rewarded=Count("reward")))


def friends_of(contact_id: int) -> QuerySet[Referral]:
    """Return the friends a customer sent, the latest first."""
    return Referral.objects.filter(advocate=contact_id).select_related("friend", "reward").order_by("-at", "-pk")


def _same(known: Referral, advocate_id: int) -> Referral:
    if known.advocate_id != advocate_id:
        raise CannotRefer(Why.SENT_ALREADY)
    return known


def _bring_in_line(pk: int, *, now: dt.datetime) -> int:
    """Give an advocate what is due for one friend, or take it back; return 1 where something changed."""
    with transaction.atomic():
        advocate_id = Referral.objects.values_list("advocate", flat=True).get(pk=pk)
        ledger.lock(ledger.open_accounts([advocate_id], now=now).values())  # the limit of a month needs one at a time
        referral = Referral.objects.select_related("reward").get(pk=pk)
        orders = Order.objects.counting().filter(kind=Order.Kind.SALE, contact=referral.friend_id)
        first = orders.order_by("placed_at", "pk").first()
        is_counted = referral.order_ref is not None
        if orders.filter(pk=referral.order_ref).exists() if is_counted else first is None:
            return 0  # another process was here first
        if referral.reward:
            giving.take_back(referral.reward, now=now)
        referral.order_ref = first and first.pk
        referral.reward = _reward(referral, first, now=now) if first else None
        referral.save(update_fields=["order_ref", "reward"])
        return 1


def _reward(referral: Referral, order: Order, *, now: dt.datetime) -> Entry | None:
    """Give the advocate what was promised on the day they sent the friend; None where nothing was, or no more."""
    if order.placed_at < referral.at - MARGIN:
        return None
    rule = giving.rule_of(ADVOCATE, at=referral.at)
    if rule is None or _is_full(referral, rule.params.most_per_month, order.placed_at):
        return None
    turn = Entry.objects.filter(kind=Entry.Kind.OCCASION, order_ref=order.pk, points__gt=0).count() + 1
    key = f"{referral.pk}:{order.pk}:{turn}"
    giving.give([referral.advocate_id], rule, key=key, at=order.placed_at, now=now, order_ref=order.pk)
    return Entry.objects.filter(source=giving.source_of(ADVOCATE, referral.advocate_id, key)).first()


def _is_full(referral: Referral, most: int | None, moment: dt.datetime) -> bool:
    """Tell whether the advocate was rewarded as often as they may be in the month of a moment."""
    if most is None:
        return False
    zone = Shop.current().timezone
    first = clock.local_date(moment, zone).replace(day=1)
    following = (first + dt.timedelta(days=31)).replace(day=1)
    since, until = clock.day_bounds(first, zone)[0], clock.day_bounds(following, zone)[0]
    rewarded = Referral.objects.filter(advocate=referral.advocate_id, reward__at__gte=since, reward__at__lt=until)
    return rewarded.exclude(pk=referral.pk).count() >= most


def _marks(contact: Contact) -> Sequence[str]:
    """Return what tells a person or a household: mailbox, phone number, postal address; blank where unknown."""
    address = f"{contact.street} {contact.postcode}" if contact.street and contact.postcode else ""
    return mailbox(contact.email_key or ""), contact.phone_key or "", "".join(address.casefold().split())
