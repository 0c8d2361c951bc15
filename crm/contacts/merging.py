"""Make two customers one, and two again.

    done = merge(anna.pk, drop_id=anna_again.pk, choices={"email": "drop"}, by="Lena", now=now)
    undo(done.pk, now=now)

- The kept customer takes over everything that hangs on the dropped one, whose row of Contact is deleted: nothing can be
  attached to it any more, whoever still has its number. What else points at a customer belongs to upper floors; each
  registers a mover (`register`), and a test sees that every foreign key to Contact has one. A forgotten one is refused
  by the database, because the dropped row is deleted without cascading.
- Of each field in which the two differ the kept customer's value stays, or the dropped one's where `choices` says
  "drop"; a blank never wins. No import overwrites what was picked. Tags are put together, the earlier beginning holds.
- The stricter word holds: no before yes before unknown, "never give money off" and "no predictions" of either.
  Addresses that asked never to be written to, or that do not exist, stay so (Suppression), whoever has them.
- What the two were known by (`known_by`) keeps leading to the kept customer: numbers on platforms, e-mail, phone.
- Both are locked; whoever merges the same two a second time gets the same Merge. An undo finds in `Merge.details` what
  it needs, for UNDO_FOR; the newest merge of a customer is undone first. What changed since stays as it is:
  `foresee_undo` says so beforehand, in sentences.
"""

import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.db import OperationalError, models, transaction
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.contacts import moving
from crm.contacts.identity import FORMER_EMAIL, FORMER_PHONE
from crm.contacts.matching import phone_and_name
from crm.contacts.models import Consent, Contact, ContactKey, Merge, Pair, Suppression
from crm.lib import attempts, bulk, changes

UNDO_FOR = dt.timedelta(days=30)
KEEP, DROP = "keep", "drop"
PARTS = {  # what is picked as one, and the columns that follow
    "name": ("name",),
    "greeting": ("greeting",),
    "email": ("email", "email_key", "address_hash"),
    "phone": ("phone", "phone_key"),
    "company": ("company",),
    "address": ("street", "postcode", "city", "region", "country"),
    "birthday": ("birthday",),
    "language": ("language",),
}
_DERIVED = {"email_key", "address_hash", "phone_key"}
_SHOWN = [name for names in PARTS.values() for name in names if name not in _DERIVED] + [
    "tags", "never_discount", "no_profiling",
]  # fmt: skip
_COUNTERS = {"version", "updated_at"}
_TRIES, _PAUSE, _HELD_BY_OTHERS = 300, 0.02, "55P03"  # seconds; PostgreSQL's lock_not_available


class Why(models.TextChoices):
    """Why two customers cannot be made one."""

    SELF = "self", gettext_lazy("A customer cannot be merged with themselves.")
    GONE = "gone", gettext_lazy("One of the two is not a customer any more. They may have been merged already.")
    ERASED = "erased", gettext_lazy("One of the two was erased.")
    BUSY = "busy", gettext_lazy("One of the two is being changed all the time. Try again in a moment.")


class CannotMerge(ValueError):
    """The two stay two; `why` says for what reason."""

    def __init__(self, why: Why):
        super().__init__(why.label)
        self.why = why


class CannotUndo(ValueError):
    """The merge stays; the text says why."""


Sentences = Callable[..., list[str]]


class Registered(NamedTuple):
    mover: moving.Mover
    owns: tuple[str, ...]
    tells: Callable[..., Sentences] | None
    changed: Sentences | None


MOVERS: dict[str, Registered] = {}


def register(
    name: str,
    mover: moving.Mover,
    *,
    owns: tuple[str, ...],
    tells: Callable[..., Sentences] | None = None,
    changed: Sentences | None = None,
) -> None:
    """Add a mover of a floor above; `owns` names the foreign keys to Contact it answers for: "orders.Order.contact".

    `tells(keep_id=, drop_id=)` is asked before a merge, and what it returns is called as `told(now=)` after it:
    sentences about what comes of it. `changed(said, keep_id=, drop_id=)` returns sentences about what an undo cannot
    put back.
    """
    MOVERS[name] = Registered(mover, owns, tells, changed)


@dataclass(frozen=True)
class Outlook:
    """What merging two customers comes to, before it is done."""

    kept: Contact  # as they would be, not saved
    sentences: list[str]


def merge(
    keep_id: int, *, drop_id: int, choices: Mapping[str, str] | None = None, by: str = "", now: dt.datetime
) -> Merge:
    """Make two customers one, once; raise CannotMerge, having done nothing."""
    if keep_id == drop_id:
        raise CannotMerge(Why.SELF)
    return attempts.whole(_merge)(keep_id, drop_id, choices or {}, by=by, now=now)


def current_id(contact_id: int) -> int:
    """Return the number of the customer somebody is by now: their own, or whom they were merged into."""
    while kept := Merge.objects.filter(dropped_id=contact_id, undone_at=None).values_list("kept_id", flat=True).first():
        contact_id = kept
    return contact_id


def find(contact_id: int) -> Contact | None:
    """Return the customer with this number, or whom they were merged into; None where there is none."""
    alive = Contact.objects.alive()
    return alive.filter(pk=contact_id).first() or alive.filter(pk=current_id(contact_id)).first()


def led(contact_ids: Collection[int]) -> dict[int, int]:
    """Return, of those of these numbers that are nobody's any more, who each has become."""
    gone = set(contact_ids) - set(Contact.objects.alive().filter(pk__in=contact_ids).values_list("pk", flat=True))
    return {contact_id: person.pk for contact_id in gone if (person := find(contact_id))}


def former_ids(contact_id: int) -> list[int]:
    """Return the numbers of all who were merged into a customer."""
    found, asked = [], [contact_id]
    while asked:
        asked = list(
            Merge.objects.filter(kept_id__in=asked, undone_at=None).order_by("pk").values_list("dropped_id", flat=True)
        )
        found += asked
    return found


def undoable(contact_id: int, *, now: dt.datetime) -> QuerySet[Merge]:
    """Return the merges into a customer that can be undone still, the newest first."""
    return Merge.objects.filter(kept_id=contact_id, undone_at=None, at__gt=now - UNDO_FOR).order_by("-at", "-pk")


def forget_details(*, now: dt.datetime) -> int:
    """Empty what merges kept of the dropped customers once they cannot be undone any more; return how many. A sweep."""
    return Merge.objects.filter(at__lte=now - UNDO_FOR).exclude(details={}).update(details={})


# ---- merging


def _merge(keep_id: int, drop_id: int, choices: Mapping[str, str], *, by: str, now: dt.datetime) -> Merge:
    people = _locked(keep_id, drop_id)
    done = Merge.objects.filter(kept_id=keep_id, dropped_id=drop_id, undone_at=None).first()
    if done:
        return done
    if len(people) < 2:
        raise CannotMerge(Why.GONE)
    keep, drop = people[keep_id], people[drop_id]
    names = names_of(keep, drop)
    if keep.erased_at or drop.erased_at:
        raise CannotMerge(Why.ERASED)
    dropped = moving.written(Contact.objects.filter(pk=drop_id))[0]
    before, known = moving.written(Contact.objects.filter(pk=keep_id))[0], known_by(keep) | known_by(drop)
    consent = _stricter(keep.consent, drop.consent)
    columns = _united(keep, drop, choices) | {"consent": consent, "version": keep.version + 1, "updated_at": now}
    Contact.objects.filter(pk=drop_id).update(email_key=None)  # one e-mail is one person
    Contact.objects.filter(pk=keep_id).update(**columns)
    after = moving.written(Contact.objects.filter(pk=keep_id))[0]
    moved = {}
    for name, registered in MOVERS.items():
        moved[name] = registered.mover.move(keep_id=keep_id, drop_id=drop_id, now=now)
    said = {
        "keys": _remember(keep_id, known - known_by(Contact.objects.get(pk=keep_id))),
        "consents": _log_consent(keep_id, consent, name=names[1], now=now),
        "last_consent": _last_consent(keep_id),
    }
    Contact.objects.filter(pk=drop_id)._raw_delete(using=Contact.objects.db)
    changed = {name: value for name, value in before.items() if after[name] != value}
    details = said | {
        "dropped": dropped,
        "before": changed,
        "after": {name: after[name] for name in changed},
        "moved": moved,
        "names": names,
    }
    done = Merge.objects.create(kept_id=keep_id, dropped_id=drop_id, at=now, by=by, details=details)
    changes.tell(changes.PEOPLE, [keep_id, drop_id])
    return done


def _locked(keep_id: int, drop_id: int) -> dict[int, Contact]:
    """Lock the two and what hangs on them, all or nothing, so that nobody waits in a circle; return who is there."""
    for _attempt in range(_TRIES):
        try:
            with transaction.atomic():
                for registered in MOVERS.values():
                    registered.mover.lock([keep_id, drop_id])
                people = Contact.objects.filter(pk__in=[keep_id, drop_id]).order_by("pk")
                return {person.pk: person for person in people.select_for_update(nowait=True)}
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != _HELD_BY_OTHERS:
                raise
            time.sleep(_PAUSE)
    raise CannotMerge(Why.BUSY)


def _united(keep: Contact, drop: Contact, choices: Mapping[str, str]) -> dict:
    """Return the columns of the kept customer after the merge."""
    columns, typed, apart = {}, {*keep.typed_fields, *drop.typed_fields}, differing(keep, drop)
    for part, names in PARTS.items():
        source = drop if picked(part, keep, drop, choices) == DROP else keep
        columns |= {name: getattr(source, name) for name in names}
        if part in apart:
            typed |= set(names) - _DERIVED
    return columns | {
        "typed_fields": sorted(typed),
        "tags": list(dict.fromkeys([*keep.tags, *drop.tags])),
        "extra": {**drop.extra, **keep.extra},
        "never_discount": keep.never_discount or drop.never_discount,
        "no_profiling": keep.no_profiling or drop.no_profiling,
        "joined_at": min(keep.joined_at, drop.joined_at),
    }


def differing(keep: Contact, drop: Contact) -> list[str]:
    """Return the parts in which the two say different things."""
    return [
        part
        for part in PARTS
        if value_of(keep, part) and value_of(drop, part) and value_of(keep, part) != value_of(drop, part)
    ]


def value_of(contact: Contact, part: str):
    """Return what is picked as one: a value, or the lines of an address."""
    values = [getattr(contact, name) for name in PARTS[part] if name not in _DERIVED]
    return values[0] if len(values) == 1 else ", ".join(filter(None, values))


def picked(part: str, keep: Contact, drop: Contact, choices: Mapping[str, str]) -> str:
    """Return whose value is taken: as chosen, but a blank never wins; unchosen, the kept customer's."""
    if not value_of(drop, part):
        return KEEP
    if not value_of(keep, part):
        return DROP
    return choices.get(part, KEEP)


def likelier(part: str, keep: Contact, drop: Contact) -> str:
    """Guess whose value is the better one: the fuller name or address, else that of who ordered last."""
    mine, theirs = str(value_of(keep, part)), str(value_of(drop, part))
    if part in ("name", "address") and len(mine) != len(theirs):
        return DROP if len(theirs) > len(mine) else KEEP
    is_newer = drop.last_order_at and (not keep.last_order_at or drop.last_order_at > keep.last_order_at)
    return DROP if is_newer and part in ("email", "phone", "address") else KEEP


def names_of(keep: Contact, drop: Contact) -> list[str]:
    """Return what the two are called beside each other: where the names are the same, with what tells them apart."""
    if keep.display_name != drop.display_name:
        return [keep.display_name, drop.display_name]
    return [
        f"{one.display_name} ({one.email or one.phone or _('Customer %(number)s') % {'number': one.pk}})"
        for one in (keep, drop)
    ]


def _stricter(one: str, other: str) -> str:
    """Return the stricter of two permissions to write."""
    return next(state for state in ("no", "yes", "unknown") if state in (one, other))


def _log_consent(contact_id: int, state: str, *, name: str, now: dt.datetime) -> list[int]:
    """Let the log of both end with the word that holds; return the row that takes."""
    newest = Consent.objects.filter(contact=contact_id).order_by("-at", "-pk").first()
    if newest is None or newest.state == state:
        return []
    detail = (_("Merged with %(name)s") % {"name": name})[:250]
    said = {"state": state, "source": Consent.Source.OWNER, "detail": detail, "at": now}
    return [Consent.objects.create(contact_id=contact_id, **said).pk]


def _last_consent(contact_id: int) -> int:
    return Consent.objects.filter(contact=contact_id).aggregate(last=Max("pk"))["last"] or 0


def known_by(contact: Contact) -> set[tuple[str, str]]:
    """Return what a row of a file may name a customer by, beside numbers on platforms, as keys of ContactKey."""
    known = {(FORMER_EMAIL, contact.email_key)} if contact.email_key else set()
    if contact.phone_key:
        numbers = (contact.phone_key, phone_and_name(contact.phone_key, contact.name))
        known |= {(FORMER_PHONE, number) for number in numbers}
    return known


def _remember(contact_id: int, keys: set[tuple[str, str]]) -> list[int]:
    """Let these lead to a customer, as far as they lead to nobody else; return the new rows."""
    rows = [(contact_id, source, value) for source, value in sorted(keys)]
    mine = ContactKey.objects.filter(contact=contact_id, source__in=[FORMER_EMAIL, FORMER_PHONE])
    before = set(mine.values_list("pk", flat=True))
    bulk.insert(ContactKey, ("contact_id", "source", "value"), rows, ignore_conflicts=True)
    return sorted(set(mine.values_list("pk", flat=True)) - before)


# ---- what will happen


def foresee(
    keep_id: int, *, drop_id: int, choices: Mapping[str, str] | None = None, now: dt.datetime
) -> Outlook:
    """Return what merging two customers comes to: it is done and taken back at once, so that every figure is true."""
    tellers = [one.tells(keep_id=keep_id, drop_id=drop_id) for one in MOVERS.values() if one.tells]
    with transaction.atomic():
        merge(keep_id, drop_id=drop_id, choices=choices, now=now)
        outlook = Outlook(Contact.objects.get(pk=keep_id), [text for told in tellers for text in told(now=now)])
        transaction.set_rollback(True)
    return outlook


# ---- and back


def foresee_undo(merge_id: int, *, now: dt.datetime) -> list[str]:
    """Return in sentences what an undo would leave as it is now; raise CannotUndo where it is impossible."""
    done = Merge.objects.get(pk=merge_id)
    kept = _check_undo(done, now=now)
    texts = []
    if stays := _changed_since(done, kept):
        labels = [str(Contact._meta.get_field(name).verbose_name) for name in _SHOWN if name in stays]
        if labels:
            texts.append(_("Changed since and left as it is: %(fields)s.") % {"fields": ", ".join(labels)})
    address = done.details["dropped"]["email_key"]
    if address and Contact.objects.filter(email_key=address).exclude(pk=kept.pk).exists():
        texts.append(_("%(name)s comes back without the e-mail: another customer has it by now.") % {
            "name": done.details["names"][1]
        })  # fmt: skip
    for name, one in MOVERS.items():
        if one.changed and name in done.details["moved"]:
            texts += one.changed(done.details["moved"][name], keep_id=done.kept_id, drop_id=done.dropped_id)
    return texts


def undo(merge_id: int, *, now: dt.datetime) -> Merge:
    """Make two customers of one again, once; raise CannotUndo (or CannotMerge when busy), having done nothing."""
    with transaction.atomic():
        done = Merge.objects.select_for_update().get(pk=merge_id)
        if done.undone_at:
            return done
        _locked(done.kept_id, done.dropped_id)
        kept = _check_undo(done, now=now)
        _give_fields_back(done, kept)
        _bring_back_person(done, now=now)
        for name, registered in MOVERS.items():
            if name in done.details["moved"]:
                registered.mover.back(
                    done.details["moved"][name], keep_id=done.kept_id, drop_id=done.dropped_id, now=now
                )
        _mind_what_was_said(done, now=now)
        done.undone_at, done.details = now, {}
        done.save(update_fields=["undone_at", "details"])
        changes.tell(changes.PEOPLE, [done.kept_id, done.dropped_id])
        return done


def _check_undo(done: Merge, *, now: dt.datetime) -> Contact:
    """Return the kept customer, locked where a transaction can; raise CannotUndo."""
    if done.undone_at:
        raise CannotUndo(_("This merge was undone already."))
    if done.at <= now - UNDO_FOR or not done.details:
        raise CannotUndo(_("A merge can be undone for 30 days. Nothing was changed."))
    people = Contact.objects.filter(pk=done.kept_id)
    kept = (people.select_for_update() if transaction.get_connection().in_atomic_block else people).first()
    if kept is None:
        later = Merge.objects.filter(dropped_id=done.kept_id, undone_at=None).first()
        if later:
            raise CannotUndo(_("%(name)s was merged with somebody else afterwards. Undo that first.") % {
                "name": done.details["names"][0]
            })  # fmt: skip
        raise CannotUndo(_("The customer is there no more."))
    if kept.erased_at:
        raise CannotUndo(Why.ERASED.label)
    newer = Merge.objects.filter(kept_id=done.kept_id, undone_at=None, pk__gt=done.pk).order_by("-pk").first()
    if newer:
        raise CannotUndo(_("%(name)s was merged into this customer afterwards. Undo that first.") % {
            "name": newer.details["names"][1]
        })  # fmt: skip
    return kept


def _changed_since(done: Merge, kept: Contact) -> set[str]:
    """Return the columns that the merge changed and somebody changed again."""
    now_there = moving.written(Contact.objects.filter(pk=kept.pk))[0]
    after = done.details["after"]
    changed = {name for name in after if now_there[name] != after[name]} - _COUNTERS
    for names in PARTS.values():  # what is picked as one goes back as one
        if changed & set(names):
            changed |= set(names) & after.keys()
    return changed


def _give_fields_back(done: Merge, kept: Contact) -> None:
    before, stays = done.details["before"], _changed_since(done, kept)
    columns = {
        name: moving.read(Contact, name, value)
        for name, value in before.items()
        if name not in stays | _COUNTERS
    }
    untouched = kept.version == done.details["after"]["version"]
    version = before["version"] if untouched and not stays else kept.version + 1
    ContactKey.objects.filter(pk__in=done.details["keys"], contact=kept.pk).delete()
    Consent.objects.filter(pk__in=done.details["consents"], contact=kept.pk).delete()
    if columns.get("email_key") and _is_taken(columns["email_key"], by_other_than=kept.pk):
        for name in PARTS["email"]:
            columns.pop(name, None)
    Contact.objects.filter(pk=kept.pk).update(**columns, version=version)


def _bring_back_person(done: Merge, *, now: dt.datetime) -> None:
    row = dict(done.details["dropped"])
    if row["email_key"] and _is_taken(row["email_key"], by_other_than=done.dropped_id):
        row |= {"email": "", "email_key": None, "address_hash": None}
    moving.bring_back(Contact, [row])


def _is_taken(email_key: str, *, by_other_than: int) -> bool:
    return Contact.objects.filter(email_key=email_key).exclude(pk=by_other_than).exists()


def _mind_what_was_said(done: Merge, *, now: dt.datetime) -> None:
    """Let a no that was said since the merge hold for both, and one to an address for whom that belongs to."""
    no = Contact.ConsentState.NO
    both = Contact.objects.filter(pk__in=[done.kept_id, done.dropped_id])
    said = Consent.objects.filter(contact=done.kept_id, pk__gt=done.details["last_consent"]).order_by("-pk").first()
    if said and said.state == no:  # the dropped one's log gets it anyhow: their own merges may be undone next
        people, source = both.filter(Q(pk=done.dropped_id) | ~Q(consent=no)), said.source
    else:
        refused = Suppression.objects.filter(at__gte=done.at).exclude(reason=Consent.Source.BOUNCE)
        people, source = both.filter(address_hash__in=refused.values("address_hash")), Consent.Source.LINK
        people = people.exclude(consent=no)
    for person in list(people):
        Contact.objects.filter(pk=person.pk).update(consent=no)
        Consent.objects.create(
            contact=person, state=no, source=source, at=now, detail=_("Said no while the two were one customer")
        )


class Apart(moving.Mover):
    """The mover of what the owner said about who is not whom."""

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        pairs = Pair.objects.filter(Q(one=drop_id) | Q(other=drop_id))
        apart = {pair.one_id + pair.other_id - drop_id: pair.distinct_at for pair in pairs if pair.distinct_at}
        apart.pop(keep_id, None)
        away = moving.put_away(pairs)
        replaced, made = [], []
        for other, at in apart.items():
            both = {"one_id": min(keep_id, other), "other_id": max(keep_id, other)}
            replaced += moving.put_away(Pair.objects.filter(**both))
            made.append(Pair.objects.create(**both, distinct_at=at).pk)
        return {"away": [*away, *replaced], "made": made}

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        Pair.objects.filter(pk__in=said["made"]).delete()
        moving.bring_back(Pair, said["away"])
