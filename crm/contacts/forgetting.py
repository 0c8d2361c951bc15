"""Erase a person: asked for, thought over for a day, done to the end, remembered as having been done.

    ask(anna.pk, asked=Erasure.Asked.OWNER, by_user=1, now=now)      # due tomorrow; take_back() until then
    sweep(now=tomorrow)                                              # each minute: does what is due

What is erased is everything that tells who somebody was; what must stay in the books (orders, points entries, uses of
coupons) stays with a customer who has no name. The row of Contact is emptied first, in one transaction with the keyed
hashes of all it was known by: from then on nobody finds, reads, scores or writes to that person, and what comes in
again of the time before is told to the nameless customer and teaches nothing (contacts.matching). Then each floor
forgets its part (`register`); a test sees that every foreign key to Contact, and every column that may name a person,
is covered. A part may be done again: whoever was killed half way is finished by the next sweep.

docs/decisions/0016-forgetting.md says what stays, and why.
"""

import calendar
import datetime as dt
import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.db import IntegrityError, connection, transaction

from crm.contacts import erasure_log, forgotten, mentions, merging, signs
from crm.contacts.identity import FORMER_EMAIL, FORMER_PHONE
from crm.contacts.models import (
    Consent,
    Contact,
    ContactKey,
    Erasure,
    ForgottenKey,
    Merge,
    PrivacyRecord,
    Retention,
    Suppression,
)
from crm.contacts.traces import Traces
from crm.lib import bulk, changes
from crm.lib.tokens import keyed_hash

log = logging.getLogger(__name__)

PAUSE = dt.timedelta(hours=24)
RECENTLY = dt.timedelta(hours=1)  # no write takes longer
MOST = 50  # erasures shown at once
BATCH = 200  # people forgotten together; what is looked through is looked through once for all of them
Act = PrivacyRecord.Act

EMPTY = {  # what a nameless customer holds
    "name": "", "greeting": "", "email": "", "email_key": None, "address_hash": None, "phone": "", "phone_key": None,
    "company": "", "street": "", "postcode": "", "city": "", "region": "", "country": "", "birthday": None,
    "language": "", "tags": [], "extra": {}, "consent": Contact.ConsentState.UNKNOWN, "never_discount": False,
    "no_profiling": False, "typed_fields": [], "created_by_import": None, "group": "", "stage": "", "churn_risk": None,
    "at_stake_minor": None, "scored_on": None,
}  # fmt: skip


class NotYet(RuntimeError):
    """Something under way still needs what is to be forgotten; the next sweep tries again."""


class Foreseen(NamedTuple):
    """What erasing somebody comes to on one floor, in sentences."""

    goes: list[str] = []
    stays: list[str] = []


class Part(NamedTuple):
    forget: Callable[..., int]
    foresee: Callable[..., Foreseen] | None
    covers: tuple[str, ...]


PARTS: dict[str, Part] = {}


def register(
    name: str, forget: Callable[..., int], *, foresee: Callable[..., Foreseen] | None = None,
    covers: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Add what a floor forgets: `forget(contact_ids=, now=) -> rows`, idempotent, in transactions of its own.

    `foresee(contact_id=)` says beforehand what goes and what stays. `covers` names the foreign keys to Contact and the
    columns of text it answers for: "orders.Order.contact".
    """
    PARTS[name] = Part(forget, foresee, covers)


# ---- wishes


def open_of(contact_id: int) -> Erasure | None:
    """Return the erasure of a customer that is not over, also one asked for before a merge."""
    everything = [contact_id, *merging.former_ids(contact_id)]
    return Erasure.objects.filter(contact_id__in=everything, done_at=None, ended_at=None).order_by("pk").first()


@transaction.atomic
def ask(
    contact_id: int, *, asked: str, now: dt.datetime, by_user: int | None = None, at_once: bool = False
) -> Erasure:
    """Note that somebody is to be erased: a customer's wish waits for the owner, the owner's is due in a day or now."""
    is_wish = asked == Erasure.Asked.CUSTOMER
    due_at = None if is_wish else now if at_once else now + PAUSE
    found = open_of(contact_id)
    if found is None:
        try:
            with transaction.atomic():
                found = Erasure.objects.create(
                    contact_id=contact_id, asked=asked, asked_at=now, due_at=due_at, by_user=by_user,
                    answer_by=a_month_after(now) if is_wish else None,
                )  # fmt: skip
        except IntegrityError:  # asked twice at once
            found = open_of(contact_id)
        else:
            record(Act.ASKED if is_wish else Act.PLANNED, contact_id, at=now, by_user=by_user, by_customer=is_wish)
            return found
    if is_wish or found.begun_at:
        return found
    is_new = found.due_at is None
    whose = Erasure.Asked.OWNER if found.asked == Erasure.Asked.RETENTION else found.asked
    Erasure.objects.filter(pk=found.pk, begun_at=None).update(
        asked=whose, due_at=min(due_at, found.due_at or due_at), by_user=by_user
    )
    if is_new:
        record(Act.PLANNED, contact_id, at=now, by_user=by_user)
    found.refresh_from_db()
    return found


@transaction.atomic
def take_back(contact_id: int, *, now: dt.datetime, by_user: int | None = None) -> bool:
    """Plan it no longer, as long as it has not begun; a customer's own wish waits for an answer again."""
    found = open_of(contact_id)
    planned = Erasure.objects.filter(pk=found.pk if found else None, begun_at=None, due_at__isnull=False)
    if planned.filter(asked=Erasure.Asked.CUSTOMER).update(due_at=None) or planned.update(ended_at=now):
        record(Act.TAKEN_BACK, contact_id, at=now, by_user=by_user)
        return True
    return False


@transaction.atomic
def end_wish(contact_id: int, *, now: dt.datetime, by_user: int | None = None) -> bool:
    """Let a customer's wish go: the owner (`by_user`) refused it, or the customer thought better of it."""
    found = open_of(contact_id)
    wish = Erasure.objects.filter(pk=found.pk if found else None, asked=Erasure.Asked.CUSTOMER, begun_at=None)
    if not wish.update(ended_at=now):
        return False
    record(Act.REFUSED if by_user else Act.TAKEN_BACK, contact_id, at=now, by_user=by_user, by_customer=not by_user)
    return True


def record(
    act: str, contact_id: int | None = None, *, at: dt.datetime, by_user: int | None = None,
    by_customer: bool = False, count: int | None = None,
) -> None:  # fmt: skip
    """Remember for ever what was done with somebody's data, by numbers alone."""
    PrivacyRecord.objects.create(
        act=act, contact_id=contact_id, at=at, by_user=by_user, by_customer=by_customer, count=count
    )


def foresee(contact_id: int) -> Foreseen:
    """Return what would go and what would stay, told by every floor."""
    told = [part.foresee(contact_id=contact_id) for part in PARTS.values() if part.foresee]
    return Foreseen([text for one in told for text in one.goes], [text for one in told for text in one.stays])


def mentioned(contact: Contact) -> list[mentions.Place]:
    """Return where a customer is named in words about others, which erasing leaves as they are."""
    return mentions.places(_traces(contact), [contact.pk])


def left_to_look_at() -> list[Erasure]:
    """Return the erasures after which a name may still stand somewhere, the newest first."""
    begun = Erasure.objects.filter(begun_at__isnull=False).exclude(mentions=[])
    found = list(begun.order_by("-begun_at", "-pk")[:MOST])
    for row in found:
        row.places = [mentions.Place(*place) for place in row.mentions]
    return found


def looked(erasure_id: int) -> bool:
    """Forget the places where a name stood: the owner has looked."""
    return bool(Erasure.objects.filter(pk=erasure_id).exclude(mentions=[]).update(mentions=[]))


# ---- doing it


def again(*, now: dt.datetime) -> int:
    """Erase once more whom a restored copy of the database brought back; return how many are due for it now.

    Who is not in the copy, because they came after it was made, is remembered all the same: an old file that names
    them must bring nobody back.
    """
    count = 0
    said = erasure_log.read()
    while batch := list(itertools.islice(said, BATCH)):
        people = Contact.objects.filter(pk__in=[line.contact_id for line in batch]).prefetch_related("keys")
        there = {contact.pk: contact for contact in people}
        marks = sorted({mark for line in batch for mark in line.keys})
        known = set(ForgottenKey.objects.filter(key_hash__in=bulk.among(marks)).values_list("key_hash", flat=True))
        for line in batch:
            contact = there.get(line.contact_id)
            if contact is not None and contact.erased_at is None and _speaks_of(line, contact):
                count += erase_again(contact.pk, at=line.at, now=now)
                known |= line.keys  # they are remembered with it
            elif not line.keys <= known and not (contact and contact.erased_at):
                _remember_absent(line, now=now)
                known |= line.keys
    return count


def _speaks_of(line: erasure_log.Line, contact: Contact) -> bool:
    """Tell whether a line of the log is about this customer, and not about another one who had the number."""
    if line.row == _row_mark(contact):
        return True
    return bool(line.keys & {forgotten.hash_of(*key) for key in _known_by(contact)})


@transaction.atomic
def _remember_absent(line: erasure_log.Line, *, now: dt.datetime) -> None:
    """Keep the marks of somebody who is not in the books, with a nameless customer for what they lead to."""
    nameless = Contact.objects.create(joined_at=line.at, erased_at=now)
    forgotten.remember_marks(nameless.pk, line.keys, at=line.at)


def erase_again(contact_id: int, *, at: dt.datetime, now: dt.datetime) -> bool:
    """Have somebody erased with the next sweep who was erased before, as of then; tell whether that is news."""
    if open_of(contact_id) is not None:
        return False
    restored = {"asked": Erasure.Asked.RESTORED, "asked_at": at, "due_at": now}
    Erasure.objects.create(contact_id=contact_id, **restored)
    return True


def sweep(*, now: dt.datetime) -> int:
    """Erase who is due, and finish what was begun; return how many people."""
    if erasure_log.has_news():
        again(now=now)
    due = Erasure.objects.filter(done_at=None, ended_at=None, due_at__lte=now).order_by("due_at", "pk")[:BATCH]
    erasure_ids = list(due.values_list("pk", flat=True))
    _mend(now=now)
    count = carry_out(erasure_ids, now=now) if erasure_ids else 0
    erasure_log.mark_checked()
    return count


def _mend(*, now: dt.datetime) -> None:
    """Empty again whom somebody wrote to who had read the row just before it was erased."""
    named = Contact.objects.exclude(name="", email="", phone="", street="", email_key=None)
    people = list(named.filter(erased_at__gte=now - RECENTLY).values_list("pk", flat=True))
    if people:
        ContactKey.objects.filter(contact__in=people).delete()
        _empty(people, now=now)


def carry_out(erasure_ids: Collection[int], *, now: dt.datetime) -> int:
    """Do these erasures to the end; return how many were finished now."""
    with overwriting():
        begun = list(filter(None, (begin(erasure_id, now=now) for erasure_id in erasure_ids)))
        people = sorted({contact_id for _erasure_id, contact_id in begun})
        if not people:
            return 0
        return _finish(begun, now=now) if _forget_parts(people, now=now) else 0


def _forget_parts(contact_ids: Collection[int], *, now: dt.datetime) -> bool:
    """Have every floor forget its part, whatever happens to another one; tell whether all are done."""
    is_done = True
    for name, part in PARTS.items():
        try:
            part.forget(contact_ids=contact_ids, now=now)
        except NotYet as reason:
            is_done = False
            log.info("erasing goes on in a minute: %s", reason)
        except Exception:
            is_done = False
            log.exception("erasing %s failed and is tried again in a minute", name)
    return is_done


def traces_of(contact_ids: Collection[int]) -> Traces:
    """Return what these people were known by, for parts that have to look through texts."""
    going = Erasure.objects.filter(contact_id__in=contact_ids, done_at=None, begun_at__isnull=False)
    return Traces.read(going.values_list("traces", flat=True))


def keys_of(contact_ids: Collection[int]) -> list[tuple[str, str]]:
    """Return the sources and values these people were known by, as in ContactKey."""
    going = Erasure.objects.filter(contact_id__in=contact_ids, done_at=None, begun_at__isnull=False)
    return [(source, value) for kept in going.values_list("traces", flat=True) for source, value in kept["keys"]]


def label(contact_ids: Collection[int]) -> str:
    """Return what stands where one of these people was named."""
    return Contact(pk=min(contact_ids), erased_at=dt.datetime.min).display_name


@transaction.atomic
def begin(erasure_id: int, *, now: dt.datetime) -> tuple[int, int] | None:
    """Make one person nameless, once; return (erasure, customer), None where nobody is left to erase."""
    row = Erasure.objects.select_for_update().filter(pk=erasure_id, done_at=None, ended_at=None).first()
    if row is None or row.due_at is None or row.due_at > now:
        return None
    contact_id = merging.current_id(row.contact_id)
    contact = Contact.objects.select_for_update().filter(pk=contact_id).first()
    if row.asked == Erasure.Asked.RETENTION and row.begun_at is None and contact is not None:
        years = Retention.current().years
        if not years or not signs.silent(years, now=now).filter(pk=contact_id).exists():
            contact = None  # here again since the night looked
    others = Erasure.objects.filter(contact_id=contact_id, done_at=None, ended_at=None).exclude(pk=row.pk)
    if contact is None or others.exists():
        Erasure.objects.filter(pk=row.pk).update(ended_at=now)
        return None
    if row.begun_at is None:
        moment = row.asked_at if row.asked == Erasure.Asked.RESTORED else now
        row.contact_id, row.begun_at = contact_id, now
        row.traces = {**_traces(contact).as_json(), "keys": sorted(_known_by(contact))}
        row.save(update_fields=["contact_id", "begun_at", "traces"])
        _remember(contact, at=moment)
        ContactKey.objects.filter(contact=contact).delete()
        _empty([contact_id], now=now)
    return row.pk, contact_id


def _empty(contact_ids: Iterable[int], *, now: dt.datetime) -> None:
    """Take all that tells who they were out of the rows; a version of their own lets nobody write over that."""
    for contact in Contact.objects.filter(pk__in=list(contact_ids)):
        was = {name: getattr(contact, name) for name in EMPTY}
        if contact.erased_at is None or was != EMPTY:
            columns = EMPTY | {"erased_at": contact.erased_at or now, "updated_at": now}
            Contact.objects.filter(pk=contact.pk).update(**columns, version=contact.version + 1)


def _finish(begun: Iterable[tuple[int, int]], *, now: dt.datetime) -> int:
    count = 0
    for erasure_id, contact_id in begun:
        places = _places(erasure_id, contact_id)  # takes a while: not under SQLite's write lock
        with transaction.atomic():
            _empty([contact_id], now=now)  # an import that had read the row before may have written since
            row = Erasure.objects.filter(pk=erasure_id, done_at=None)
            if not row.update(done_at=now, traces={}, mentions=places):
                continue
            by = Erasure.objects.get(pk=erasure_id)
            asked = by.asked == Erasure.Asked.CUSTOMER
            record(Act.ERASED, contact_id, at=now, by_user=by.by_user, by_customer=asked)
            changes.tell(changes.PEOPLE, [contact_id])
            count += 1
    return count


def _places(erasure_id: int, contact_id: int) -> list[mentions.Place]:
    """Return where the name still stands, for whom somebody asked: of the hundreds a rule finds nobody would look."""
    row = Erasure.objects.get(pk=erasure_id)
    asked = row.asked in (Erasure.Asked.OWNER, Erasure.Asked.CUSTOMER)
    return mentions.places(Traces.read([row.traces]), [contact_id]) if asked else []


@contextmanager
def overwriting() -> Iterator[None]:
    """Have SQLite overwrite what is deleted, and empty its journal afterwards; PostgreSQL's vacuum does the like."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            if not connection.in_atomic_block:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.execute("PRAGMA secure_delete = FAST")


# ---- what they were known by


def _row_mark(contact: Contact) -> str:
    """Return a keyed hash of the very row: its number may be given to somebody else in a copy that is restored."""
    return forgotten.hash_of("row", f"{contact.pk} {contact.created_at.astimezone(dt.UTC).isoformat()}")


def _known_by(contact: Contact) -> set[forgotten.Key]:
    return merging.known_by(contact) | {(key.source, key.value) for key in contact.keys.all()}


def _remember(contact: Contact, *, at: dt.datetime) -> None:
    """Keep the hashes of all somebody was known by; nobody writes to their addresses on an old word."""
    known = _known_by(contact)
    everybody = [contact.pk, *merging.former_ids(contact.pk)]
    hashes = [forgotten.hash_of(*key) for key in known]
    erasure_log.write(everybody, at=at, hashes=hashes, row=_row_mark(contact))
    forgotten.remember(contact.pk, known, at=at)
    barred = [
        (keyed_hash(value), Consent.Source.ERASED, at) for source, value in sorted(known) if source == FORMER_EMAIL
    ]
    bulk.insert(Suppression, ("address_hash", "reason", "at"), barred, ignore_conflicts=True)


def _traces(contact: Contact) -> Traces:
    """Return what a person is known by in texts, those of customers merged into them included."""
    texts, phones = {contact.name, contact.email, contact.street}, {contact.phone}
    for source, value in _known_by(contact):
        if source == FORMER_PHONE:
            phones.add(value.split(" ")[0])
        else:
            texts.add(value)
    everything = [contact.pk, *merging.former_ids(contact.pk)]
    merges = Merge.objects.filter(kept_id__in=everything).exclude(details={})
    for details in merges.values_list("details", flat=True):
        for row in (details["dropped"], details["before"]):
            texts |= {row.get(name, "") for name in ("name", "email", "street")}
            phones.add(row.get("phone", ""))
    return Traces.of(texts | {turned for text in texts for turned in _turned(text)}, phones)


def _turned(name: str) -> list[str]:
    """Return a name of two words and more as files with a column for each part write it, the last word first."""
    first, _space, last = name.strip().rpartition(" ")
    return [f"{last} {first}", f"{last}, {first}"] if first and "@" not in name else []


def a_month_after(moment: dt.datetime) -> dt.datetime:
    """Return the same day of the next month, or its last day: how long the law gives for an answer."""
    year, month = moment.year + moment.month // 12, moment.month % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
