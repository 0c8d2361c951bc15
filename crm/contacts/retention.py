"""Forget customers who have not been here for years, once the owner has said after how many.

Each night, in small batches: who has given no sign of life since then (contacts.signs). A batch becomes erasures that
are due at once; contacts.forgetting does them, asks once more whether each is still silent, and the next batch waits
until they are done.
"""

import datetime as dt

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from crm.accounts.models import Shop
from crm.contacts import forgetting, signs
from crm.contacts.models import Contact, Erasure, Retention
from crm.lib import clock


def due(years: int, *, now: dt.datetime) -> QuerySet[Contact]:
    """Return who would be forgotten after so many years of silence, those left out who are being erased anyhow."""
    asked = Erasure.objects.filter(contact_id=OuterRef("pk"), done_at=None, ended_at=None)
    return signs.silent(years, now=now).filter(~Exists(asked))


@transaction.atomic
def choose(years: int, *, now: dt.datetime, by_user: int | None = None) -> None:
    """Set after how many years customers are forgotten; 0 is never. What is due but not begun is let go."""
    rule, _made = Retention.objects.get_or_create(pk=1)
    if rule.years == years:
        return
    Retention.objects.filter(pk=1).update(years=years, looked_on=None, found=0)
    planned = Erasure.objects.filter(asked=Erasure.Asked.RETENTION, begun_at=None, done_at=None, ended_at=None)
    planned.update(ended_at=now)
    forgetting.record(forgetting.Act.RULE, at=now, by_user=by_user, count=years)


def sweep(*, now: dt.datetime) -> int:
    """Plan the next batch of the night, unless the one before is not done; return how many customers."""
    rule, shop = Retention.objects.exclude(years=0).first(), Shop.objects.first()
    if rule is None or shop is None or now < shop.night_of(now):
        return 0
    today = clock.local_date(now, shop.timezone)
    if rule.looked_on == today or _is_under_way():
        return 0
    people = list(due(rule.years, now=now).order_by("pk").values_list("pk", flat=True)[: forgetting.BATCH])
    with transaction.atomic():
        mine = Retention.objects.filter(pk=1, years=rule.years, looked_on=rule.looked_on, found=rule.found)
        if people and mine.update(found=F("found") + len(people)):
            of_all = {"asked": Erasure.Asked.RETENTION, "asked_at": now, "due_at": now}
            Erasure.objects.bulk_create([Erasure(contact_id=pk, **of_all) for pk in people], ignore_conflicts=True)
        if not people and mine.update(looked_on=today, found=0) and rule.found:
            forgetting.record(forgetting.Act.RETENTION, at=now, count=rule.found)
    return len(people)


def _is_under_way() -> bool:
    return Erasure.objects.filter(asked=Erasure.Asked.RETENTION, done_at=None, ended_at=None).exists()

