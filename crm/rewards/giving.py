"""Give points for what is no purchase: a deed, a birthday, a friend brought.

`give_for` is for whoever sees the deed done, such as a form that was answered:

    giving.give_for([contact.pk], occasion="review", key=f"survey:{answer.pk}", now=now)

`occasion` is a kind of rule (rewards.rules) and `key` names the deed: the same one is given for once, however often it
is told. Without a rule in force nothing happens, so nobody needs to ask first.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import Q

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import bulk, clock
from crm.rewards import ledger, settling
from crm.rewards.earning import InForce
from crm.rewards.models import Entry
from crm.rewards.rules import DEED, YEARLY
from crm.rewards.terms import yearly

MISSED_DAYS = 7  # a box that was off for a week still congratulates


def give_for(contact_ids: Iterable[int], *, occasion: str, key: str, now: dt.datetime) -> int:
    """Give what the rule of an occasion gives, once for each customer and key; return to how many."""
    rule = rule_of(occasion, at=now)
    return give(contact_ids, rule, key=key, at=now, now=now) if rule else 0


def rule_of(occasion: str, *, at: dt.datetime) -> InForce | None:
    """Return the rule of a deed that was in force at a moment."""
    return rules_of([occasion], at=at)[0]


def rules_of(occasions: Sequence[str], *, at: dt.datetime) -> list[InForce | None]:
    """Return the rule of each deed that was in force at a moment, in the order of the occasions."""
    there = {rule.kind.slug: rule for rule in reversed(settling.rules_for(DEED)) if rule.covers(at)}
    return [there.get(occasion) for occasion in occasions]


def give(
    contact_ids: Iterable[int],
    rule: InForce,
    *,
    key: str,
    at: dt.datetime,
    now: dt.datetime,
    order_ref: int | None = None,
) -> int:
    """Give what a rule gives for a deed done `at`, once for each customer and key; return to how many."""
    alive = Contact.objects.alive().filter(pk__in=bulk.among(sorted(set(contact_ids))))
    return _give(alive.values_list("pk", flat=True), rule, key=key, at=at, now=now, order_ref=order_ref)


def take_back(given: Entry, *, now: dt.datetime) -> int:
    """Take back, once, what was given for a deed that did not hold; return how many entries that wrote.

    Its own points go first, then others; what was spent already becomes a debt or is forgiven, as the programme says.
    """
    with transaction.atomic():
        row = (
            given.account_id, -given.points, given.kind, f"{given.source}:back", "", now, given.order_ref,
            given.rule_id, None, now, None, None,
        )  # fmt: skip
        return ledger.append([row])


def source_of(occasion: str, contact_id: int, key: str) -> str:
    """Return the name a gift has in the ledger."""
    return f"{occasion}:{contact_id}:{key}"


def give_for_profiles(*, now: dt.datetime) -> int:
    """Give to everybody whose details are complete and who never got it; return to how many. Once a day."""
    complete = Contact.objects.alive().exclude(Q(name="") | Q(email="") | Q(phone="") | Q(birthday=None))
    got_it = Entry.objects.filter(
        source__startswith="profile:", kind=Entry.Kind.OCCASION, account__contact__isnull=False
    )
    left = complete.exclude(pk__in=got_it.values("account__contact_id"))
    return give_for(left.values_list("pk", flat=True), occasion="profile", key="", now=now)


def give_for_days(*, now: dt.datetime) -> int:
    """Give for the birthdays and anniversaries of today, and of the days nobody was looking; return how many."""
    rules, zone = settling.rules_for(YEARLY), Shop.current().timezone
    if not rules:
        return 0
    given, today = 0, clock.local_date(now, zone)
    for days_ago in reversed(range(MISSED_DAYS)):
        day = today - dt.timedelta(days=days_ago)
        at = clock.day_bounds(day, zone)[0]
        for rule in rules:
            if rule.covers(at):
                people = having_birthday(day) if rule.kind.slug == "birthday" else having_anniversary(day, zone)
                given += _give(people, rule, key=str(day.year), at=at, now=now)
    return given


def having_birthday(day: dt.date) -> list[int]:
    """Return whose birthday is celebrated on a day; who was born on 29 February, on the 28th in a common year."""
    people = Contact.objects.alive().filter(_celebrated_on("birthday", day), birthday__lt=day)
    return list(people.values_list("pk", flat=True))


def having_anniversary(day: dt.date, zone: str) -> list[int]:
    """Return who became a customer on this day of an earlier year, by the shop's calendar."""
    before, after = day - dt.timedelta(days=2), day + dt.timedelta(days=2)  # UTC is never further away than this
    near = Q()
    for one in (before + dt.timedelta(days=n) for n in range((after - before).days + 1)):
        near |= Q(joined_at__month=one.month, joined_at__day=one.day)
    if _is_short_february(day):
        near |= Q(joined_at__month=2, joined_at__day=29)
    joined = Contact.objects.alive().filter(near, joined_at__lt=clock.day_bounds(day, zone)[0])
    found = []
    for pk, joined_at in bulk.rows(joined.values_list("pk", "joined_at")):
        first = clock.local_date(joined_at, zone)
        if first.year < day.year and yearly(first, day.year) == day:
            found.append(pk)
    return found


def _celebrated_on(column: str, day: dt.date) -> Q:
    same = Q(**{f"{column}__month": day.month, f"{column}__day": day.day})
    return same | Q(**{f"{column}__month": 2, f"{column}__day": 29}) if _is_short_february(day) else same


def _is_short_february(day: dt.date) -> bool:
    return (day.month, day.day) == (2, 28) and (day + dt.timedelta(days=1)).month == 3


def _give(
    contact_ids: Collection[int],
    rule: InForce,
    *,
    key: str,
    at: dt.datetime,
    now: dt.datetime,
    order_ref: int | None = None,
) -> int:
    zone = Shop.current().timezone
    activates_at, expires_at = rule.terms.of(clock.local_date(at, zone), zone)
    points = rule.kind.points(None, rule.params)
    before = Entry.objects.filter(  # as somebody they were merged with
        kind=Entry.Kind.OCCASION, account__merged_into__isnull=False, source__startswith=f"{rule.kind.slug}:",
        source__endswith=f":{key}",
    )  # fmt: skip
    got_it = set(before.values_list("account__contact_id", flat=True))
    return ledger.post(
        [
            ledger.Posting(
                contact_id=contact_id,
                points=points,
                kind=Entry.Kind.OCCASION,
                source=source_of(rule.kind.slug, contact_id, key),
                at=at,
                order_ref=order_ref,
                rule_id=rule.rule_id,
                activates_at=activates_at,
                expires_at=expires_at,
            )
            for contact_id in contact_ids
            if contact_id not in got_it
        ],
        now=now,
    )
