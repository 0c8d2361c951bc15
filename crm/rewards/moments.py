"""What points and levels tell of a person's story. Points earned by an order are left to the order's own moment."""

import datetime as dt
from collections.abc import Iterator

from django.db.models import Q
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.accounts.wording import counted
from crm.contacts.timeline import Moment
from crm.rewards import explaining
from crm.rewards.models import Entry, Membership, Referral
from crm.rewards.rules import RULES


def points(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell when points were given or taken for another reason than a purchase."""
    rows = Entry.objects.filter(account__contact_id=contact_id, at__lt=before).exclude(kind=Entry.Kind.ORDER, reason="")
    rows = rows.exclude(kind=Entry.Kind.MERGE)
    kind = Shop.current().kind
    return [
        Moment(at=row.entry.at, icon=row.icon, text=counted(row.sentence, kind))
        for row in explaining.explain(rows.order_by("-at", "-pk")[:limit])
    ]


def levels(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell when a customer rose, fell, or held no level any more."""
    rows = Membership.objects.filter(contact_id=contact_id, since__lt=before).select_related("rule")
    newest = list(rows.order_by("-since", "-pk")[: limit + 1])
    told = []
    for place, held in enumerate(newest):
        told += _ended(held, newest[place - 1] if place else None, before)
        told.append(_reached(held, newest[place + 1] if place + 1 < len(newest) else None))
    return told[:limit]


def referrals(*, contact_id: int, before: dt.datetime, limit: int) -> list[Moment]:
    """Tell who sent a customer, and whom they sent."""
    mine = Q(friend=contact_id) | Q(advocate=contact_id, friend__isnull=False)
    rows = Referral.objects.filter(mine, at__lt=before).select_related("advocate", "friend")
    told = []
    for one in rows.order_by("-at", "-pk")[:limit]:
        is_friend = one.friend_id == contact_id
        other = one.advocate if is_friend else one.friend
        name = {"name": other.display_name}
        text = _("Sent by %(name)s") % name if is_friend else _("Sent %(name)s") % name
        told.append(
            Moment(at=one.at, icon="users", text=text, href=other.get_absolute_url(), detail=one.get_via_display())
        )
    return told


def _ended(held: Membership, after: Membership | None, before: dt.datetime) -> Iterator[Moment]:
    goes_on = held.until is None or held.until >= before or (after is not None and after.since == held.until)
    if not goes_on:
        yield Moment(at=held.until, icon="trending-down", text=_("Holds no level any more."))


def _reached(held: Membership, earlier: Membership | None) -> Moment:
    levels = RULES[held.rule.kind].read(held.rule.params).levels
    name = {"level": levels[held.level - 1].name}
    goes_on = earlier is not None and earlier.until == held.since
    if goes_on and earlier.rule_id != held.rule_id:
        return Moment(at=held.since, icon="trophy", text=_("Stands on %(level)s since the levels changed.") % name)
    if goes_on and earlier.level > held.level:
        return Moment(at=held.since, icon="trending-down", text=_("Fell to %(level)s.") % name)
    return Moment(at=held.since, icon="trophy", text=_("Reached %(level)s.") % name)
