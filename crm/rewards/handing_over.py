"""The points of a person, to be handed over."""

import datetime as dt

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from crm.contacts.handing_over import Amount
from crm.rewards import explaining, holding, ledger
from crm.rewards.models import Entry, Membership, Redemption, Referral

LABELS = {
    "points": _("Points"), "balance": _("Balance"), "can_be_spent": _("Can be spent"), "pending": _("On their way"),
    "owed": _("Owed"), "movements": _("Movements"), "explanation": _("What happened"),
    "balance_after": _("Balance after"), "levels": _("Levels"), "level": _("Level"), "since": _("From"),
    "until": _("Until"), "rewards": _("Rewards redeemed"), "reward": _("Reward"), "worth": _("Worth"),
    "friends_sent": _("Friends you sent"), "sent_by": _("Who sent you"),
    "order": _("Order"), "via": _("How"), "expires_at": _("Expire"), "activates_at": _("Can be spent from"),
}  # fmt: skip


def hand_over(*, contact_id: int) -> dict:
    """Return the balance, every movement with its reason, levels, rewards and friends (by number, without names)."""
    held, entries = holding.of(contact_id), list(ledger.history(contact_id))
    levels = Membership.objects.filter(contact=contact_id).order_by("since", "pk")
    redemptions = Redemption.objects.filter(account__contact=contact_id).select_related("reward").order_by("pk")
    friends = Referral.objects.filter(advocate=contact_id).order_by("at", "pk")
    came = Referral.objects.filter(friend=contact_id).first()
    return {
        "balance": {
            "can_be_spent": held.available, "pending": held.pending, "owed": held.debt,
        },
        "movements": [
            {
                "at": row.entry.at, "points": row.entry.points, "kind": row.entry.kind, "explanation": row.sentence,
                "reason": row.entry.reason if row.entry.kind != Entry.Kind.ORDER else "", "order": row.entry.order_ref,
                "activates_at": row.entry.activates_at, "expires_at": row.entry.expires_at,
                "balance_after": int(row.entry.balance_after),
            }
            for row in explaining.explain(entries)
        ],
        "levels": [{"level": one.level, "since": one.since, "until": one.until} for one in levels],
        "rewards": [
            {
                "at": one.reserved_at, "reward": one.reward.name if one.reward else "", "points": one.points,
                "worth": Amount(one.worth_minor, one.currency) if one.currency else None, "state": one.state,
                "text": one.note,
            }
            for one in redemptions
        ],
        "friends_sent": [{"at": one.at, "number": one.friend_id, "via": one.via} for one in friends],
        "sent_by": {"at": came.at, "number": came.advocate_id, "via": came.via} if came else None,
    }  # fmt: skip


def moved_since(moment: dt.datetime) -> Exists:
    """Return the condition that somebody's points moved since then."""
    return Exists(Entry.objects.filter(account__contact=OuterRef("pk"), at__gte=moment))
