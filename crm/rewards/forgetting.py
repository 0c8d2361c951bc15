"""What becomes of points when their customer is erased: the rest lapses by an entry, the entries stay as numbers.

Points that were reserved go back first, a debt is forgiven. After that nothing is given to the account or taken from
it: orders of people who were erased are not settled (rewards.settling).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.contacts.forgetting import Foreseen
from crm.lib import bulk
from crm.lib.templatetags import say
from crm.rewards import ledger, lots, redeeming
from crm.rewards.carrying import COLUMNS
from crm.rewards.models import Account, Allocation, Entry, Lot, Membership, Redemption, Referral

COVERS = (
    "rewards.Account.contact", "rewards.Membership.contact", "rewards.Referral.advocate", "rewards.Referral.friend",
    "rewards.Entry.reason", "rewards.Redemption.note",
)  # fmt: skip
WORDED = (Entry.Kind.ADJUST, Entry.Kind.REDEEM, Entry.Kind.OCCASION)  # whose reason somebody typed (rewards.triggers)


@transaction.atomic
def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Close the accounts: nothing remains on them and no word."""
    accounts = list(Account.objects.filter(contact__in=bulk.among(contact_ids)).values_list("pk", flat=True))
    ledger.lock(accounts)
    reserved = Redemption.objects.filter(account__in=bulk.among(accounts), state=Redemption.State.RESERVED)
    for key in list(reserved.values_list("key", flat=True)):
        redeeming.roll_back(key, now=now)
    count = _lapse(accounts, now=now)
    indebted = Account.objects.filter(pk__in=bulk.among(accounts), debt__gt=0).values("pk")
    ledger.waive(lots.unpaid(Entry.objects.filter(account__in=indebted)), now=now)
    count += Membership.objects.filter(contact__in=bulk.among(contact_ids)).delete()[0]
    worded = Entry.objects.filter(account__in=bulk.among(accounts), kind__in=WORDED).exclude(reason="")
    count += worded.update(reason="")
    count += Redemption.objects.filter(account__in=bulk.among(accounts)).exclude(note="").update(note="")
    ledger.report(accounts)
    return count


def lapse_what_came_back(*, now: dt.datetime) -> int:
    """Close the accounts of erased customers again to whom a cancelled purchase gave points back; return how many."""
    held = Account.objects.filter(~Q(balance=0) | Q(debt__gt=0), contact__erased_at__isnull=False)
    people = sorted(set(held.values_list("contact_id", flat=True)))
    if people:
        forget(contact_ids=people, now=now)
    return len(people)


def _lapse(accounts: Collection[int], *, now: dt.datetime) -> int:
    """Close every lot that holds something, one entry for each account."""
    held = defaultdict(list)
    left = Lot.objects.of(bulk.among(accounts)).filter(remaining__gt=0).order_by("pk")
    for pk, account_id, remaining in left.values_list("pk", "account_id", "remaining"):
        held[account_id].append((pk, remaining))
    rows = [
        (
            account_id, -sum(points for _pk, points in parts), Entry.Kind.EXPIRE, f"lapse:{parts[-1][0]}", "", now,
            None, None, None, now, None, None,
        )
        for account_id, parts in held.items()
    ]  # fmt: skip
    if rows:
        bulk.insert(Entry, COLUMNS, rows)
        written = Entry.objects.filter(source__in=bulk.among([row[ledger.SOURCE] for row in rows]))
        parts = [
            (lot, entry, points) for entry, account_id in written.values_list("pk", "account_id")
            for lot, points in held[account_id]
        ]  # fmt: skip
        bulk.insert(Allocation, ("lot_id", "entry_id", "points"), parts)
    return len(rows)


def foresee(*, contact_id: int) -> Foreseen:
    """Say how many points lapse, and that the movements stay as numbers."""
    accounts = Account.objects.filter(contact=contact_id)
    points = sum(account.balance + account.debt for account in accounts)
    goes, stays = [], []
    if points > 0:
        text = ngettext("%(points)s point, which lapses", "%(points)s points, which lapse", points)
        goes.append(text % {"points": say.number(points)})
    if Membership.objects.filter(contact=contact_id).exists():
        goes.append(_("The levels held"))
    if entries := Entry.objects.filter(account__in=accounts).count():
        text = ngettext(
            "%(count)s movement of points, as a number without a person or a word: the books of points must add up.",
            "%(count)s movements of points, as numbers without a person or a word: the books of points must add up.",
            entries,
        )
        stays.append(text % {"count": say.number(entries)})
    if Referral.objects.filter(advocate=contact_id).exists() or Referral.objects.filter(friend=contact_id).exists():
        stays.append(_("That a customer without a name was sent by another one, for whom points were given."))
    return Foreseen(goes, stays)
