"""Points that customers bring from the programme a shop had before.

They stand in a column of a customer list, and are taken over if the owner says so.

A customer gets one opening balance, whichever file names it, however often: from then on the points live here, and a
newer export of the old programme says nothing any more. Taking an import back takes its balances back.
"""

import re
from collections.abc import Mapping, Sequence

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from crm.contacts.matching import Person
from crm.imports import values
from crm.lib import bulk, clock
from crm.rewards import ledger, settling
from crm.rewards.models import Entry
from crm.rewards.rules import ORDER

TAKE_OVER = "opening_points"  # the option an import has
_SOURCE = "opening"
_NAMES = frozenset(
    "points point pointsbalance pointbalance balanceofpoints loyaltypoints rewardpoints bonuspoints currentpoints"
    " availablepoints punkte punktestand bonuspunkte treuepunkte pointsdefidélité pointsfidélité puntos punti punten"
    " 积分 客户积分 会员积分 可用积分 剩余积分 当前积分 积分余额 點數 紅利點數 ポイント 포인트 баллы".split()
)
_WHOLE = re.compile(r"(\d{1,10}|\d{1,3}(?:[,.'’ \u00a0\u202f]\d{3}){1,3})(?:[.,]0{1,2})?")  # groups, or none
_MOST = 10**9  # points of one customer; more is a slip


def told(person: Person) -> int | None:
    """Return the balance a row names: a whole number above zero; None where it names none."""
    for name, text in (person.extra or {}).items():
        if values.squeezed(name) in _NAMES:
            whole = _WHOLE.fullmatch(str(text).strip())
            points = int(re.sub(r"\D", "", whole[1])) if whole else 0
            return points if 0 < points <= _MOST else None
    return None


def due(people: Sequence[Person], contact_ids: Sequence[int | None]) -> dict[int, int]:
    """Return the balances of a list whose customers have none yet; of two rows of one customer the first counts."""
    found: dict[int, int] = {}
    for person, contact_id in zip(people, contact_ids):
        if contact_id is not None and contact_id not in found and (points := told(person)):
            found[contact_id] = points
    if not found:
        return found
    ours = Q(source__startswith=f"{_SOURCE}:") | Q(source__startswith=f"undo:{_SOURCE}:")
    held = Entry.objects.filter(ours, account__contact__in=bulk.among(sorted(found)))
    sums = held.order_by().values("account__contact_id").annotate(sum=Sum("points"))
    had = {row["account__contact_id"] for row in sums if row["sum"]}
    return {contact_id: points for contact_id, points in found.items() if contact_id not in had}


def take_over(balances: Mapping[int, int], *, import_id: int, name: str, now) -> int:
    """Give each customer the balance they bring, as a gift of today; return how many entries that wrote.

    Where points expire, their time begins today: by the terms of the rule that purchases earn under now.
    """
    zone = settling.shop_zone()
    rule = next((rule for rule in settling.rules_for(ORDER) if rule.covers(now)), None)
    expires_at = rule.terms.of(clock.local_date(now, zone.key), zone.key)[1] if rule else None
    reason = _("Balance brought along in “%(file)s”, import %(number)s") % {"file": name[:80], "number": import_id}
    return ledger.post(
        [
            ledger.Posting(
                contact_id=contact_id, points=points, kind=Entry.Kind.ADJUST, at=now, reason=reason,
                source=f"{_SOURCE}:{import_id}:{contact_id}", expires_at=expires_at,
            )
            for contact_id, points in balances.items()
        ],
        now=now,
    )  # fmt: skip


def of_import(import_id: int) -> dict[str, int]:
    """Return how many customers an import gave a balance, and how many points in all."""
    given = Entry.objects.filter(source__startswith=f"{_SOURCE}:{import_id}:")
    sums = given.aggregate(points=Sum("points"))
    return {"people": given.count(), "points": int(sums["points"] or 0)}


def take_back(import_id: int, *, after: int, most: int, now, reason: str) -> int:
    """Take back the next balances of an import, those after an entry; return the last entry seen, 0 at the end."""
    given = Entry.objects.filter(source__startswith=f"{_SOURCE}:{import_id}:", account__contact__isnull=False)
    columns = ("id", "account__contact_id", "points", "source", "rule_id")
    rows = list(given.filter(id__gt=after).order_by("id").values_list(*columns)[:most])
    ledger.post(
        [
            ledger.Posting(
                contact_id=contact_id, points=-points, kind=Entry.Kind.ADJUST, source=f"undo:{source}", at=now,
                rule_id=rule_id, reason=reason,
            )
            for _entry, contact_id, points, source, rule_id in rows
        ],
        now=now,
    )  # fmt: skip
    return rows[-1][0] if rows else 0


def no_gift() -> Q:
    """Return what tells balances brought along from points that somebody gave by hand."""
    return ~Q(source__startswith=f"{_SOURCE}:") & ~Q(source__startswith=f"undo:{_SOURCE}:")
