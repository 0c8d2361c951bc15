"""Points and imported history: what an import's orders would earn, and points for orders from before the programme.

An order earns under the rule whose days cover it, so orders from before the first rule earn nothing. The owner
may choose otherwise for an import: each such order then earns once what the first rule would have given, as an
entry of its own (`older:<order id>`) that settling never looks at and an undo takes back.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Max, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from crm.imports import opening
from crm.lib import bulk
from crm.orders.models import Order
from crm.rewards import ledger, settling
from crm.rewards.earning import Earning, InForce, Sale
from crm.rewards.models import Entry, Reward
from crm.rewards.rules import EARNS, JOINING, ORDER

OLDER = "older"  # the value of options["award_points"]
_LONG_AGO = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)


@dataclass(slots=True)
class Posted:
    """What a piece of an import did to the points."""

    given: int = 0
    taken: int = 0  # as a positive number


def mark() -> int:
    """Return where the ledger ends now."""
    return Entry.objects.aggregate(last=Max("id"))["last"] or 0


def posted_since(last: int, *, now: dt.datetime) -> Posted:
    """Return what was posted after `mark` by the act that happens `now`."""
    sums = Entry.objects.filter(id__gt=last, created_at=now).aggregate(
        given=Sum("points", filter=Q(points__gt=0)), taken=Sum("points", filter=Q(points__lt=0))
    )
    return Posted(given=int(sums["given"] or 0), taken=-int(sums["taken"] or 0))


def posted_for(order_ids: Sequence[int], last: int, *, now: dt.datetime) -> dict[int, int]:
    """Return what was posted for each of these orders after `mark`."""
    entries = Entry.objects.filter(id__gt=last, created_at=now, order_ref__in=bulk.among(order_ids))
    return dict(entries.order_by().values("order_ref").annotate(sum=Sum("points")).values_list("order_ref", "sum"))


def gifts(joined: Iterable[dt.datetime]) -> int:
    """Return the welcome points that people who joined at these moments would get."""
    rules = settling.rules_for(JOINING)
    if not rules:
        return 0
    found = (next((rule for rule in rules if rule.covers(moment)), None) for moment in joined)
    return sum(rule.kind.points(None, rule.params) for rule in found if rule)


def worth_minor(points: int) -> int | None:
    """Return what so many points buy at most, in the shop's currency; None where nothing can be bought with points."""
    rewards = Reward.objects.filter(is_active=True, worth_minor__gt=0).values_list("points", "worth_minor")
    return max((points * worth // price for price, worth in rewards), default=None)


# ---- orders from before the programme


def programme_start() -> dt.datetime | None:
    """Return the first moment at which an order earned or earns anything; None where nothing ever did."""
    return min((rule.starts_at for rule in settling.rules_for(ORDER)), default=None)


def older_rules() -> list[InForce]:
    """Return the rules the programme began with as if they had always been there.

    Left out are those that look at a customer's other orders: what is older has no place in their counting.
    """
    rules = settling.rules_for(ORDER)
    start = min((rule.starts_at for rule in rules), default=None)
    simple = [rule for rule in rules if rule.kind.stage == EARNS and "history" not in rule.kind.needs(rule.params)]
    return [replace(rule, starts_at=_LONG_AGO, ends_before=start) for rule in simple if rule.starts_at == start]


def older_points(orders: QuerySet[Order], rules: Sequence[InForce]) -> dict[int, tuple[Sale, int, int]]:
    """Return {order: (sale, rule, points)} of the orders in a queryset that are older than the programme."""
    if not rules:
        return {}
    older = orders.filter(placed_at__lt=rules[0].ends_before, counts=True, contact__isnull=False)
    sales = list(map(Sale._make, bulk.rows(older.order_by("id").values_list(*Sale._fields))))
    earning, found = Earning(rules, zone=settling.shop_zone()), {}
    earning.look_at(sales)
    for sale in sales:
        for rule_id, due in earning.dues(sale).items():
            found[sale.id] = sale, rule_id, due.points + (found[sale.id][2] if sale.id in found else 0)
    return found


def credit_older(order_ids: Sequence[int], *, now: dt.datetime) -> int:
    """Give these orders, where they are older than the programme, what its first rules give; once. Return how many.

    They are a gift of today, so where points expire their time begins today.
    """
    rules, zone = older_rules(), settling.shop_zone()
    earned = older_points(Order.objects.filter(id__in=bulk.among(order_ids)), rules)
    today = now.astimezone(zone).date()
    expires_at = {rule.rule_id: rule.terms.of(today, zone.key)[1] for rule in rules}
    numbers = dict(Order.objects.filter(id__in=bulk.among(list(earned))).values_list("id", "number"))
    return ledger.post(
        [
            ledger.Posting(
                contact_id=sale.contact_id, points=points, kind=Entry.Kind.ADJUST, source=f"{OLDER}:{order_id}", at=now,
                order_ref=order_id, rule_id=rule_id, expires_at=expires_at[rule_id],
                reason=_("For order %(number)s, from before the programme") % {"number": numbers[order_id]},
            )
            for order_id, (sale, rule_id, points) in earned.items()
        ],
        now=now,
    )  # fmt: skip


def take_back(order_ids: Sequence[int], *, now: dt.datetime, reason: str) -> int:
    """Take back what these orders were given by credit_older; return how many entries that took."""
    kept = Entry.objects.filter(kind=Entry.Kind.ADJUST, order_ref__in=bulk.among(order_ids))
    rows = kept.filter(source__startswith=f"{OLDER}:", account__contact__isnull=False).order_by("id")
    given = rows.values_list("account__contact_id", "points", "source", "order_ref", "rule_id")
    return ledger.post(
        [
            ledger.Posting(
                contact_id=contact_id, points=-points, kind=Entry.Kind.ADJUST, source=f"undo:{source}", at=now,
                order_ref=order_ref, rule_id=rule_id, reason=reason,
            )
            for contact_id, points, source, order_ref, rule_id in given
        ],
        now=now,
    )  # fmt: skip


def by_hand(contact_ids: Sequence[int]) -> Iterable[int]:
    """Return those of these people who were given points by the owner or a campaign, not by an import."""
    entries = Entry.objects.filter(
        kind__in=[Entry.Kind.ADJUST, Entry.Kind.CAMPAIGN], account__contact__in=bulk.among(contact_ids)
    )
    entries = entries.exclude(source__startswith=f"{OLDER}:").exclude(source__startswith=f"undo:{OLDER}:")
    entries = entries.filter(opening.no_gift())
    return entries.values_list("account__contact_id", flat=True).distinct()


def points_of_orders(made_by: int) -> int:
    """Return the points that the orders of one import hold now, and an undo would take back."""
    orders = Order.objects.filter(created_by_import=made_by, version=1).values("id")
    return Entry.objects.filter(order_ref__in=orders).aggregate(sum=Sum("points"))["sum"] or 0
