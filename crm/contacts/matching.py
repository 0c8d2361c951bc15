"""Find or make the person behind each row of a list.

A row is known by, in this order: the person's number on a platform (ContactKey), the e-mail, the
phone where exactly one person has it and no e-mail speaks against it. Rows of one list that mean
one person are one person. A number of queries that does not grow with the list.

Rows of a customer file (`authoritative`) overwrite what is known, except fields the owner corrected
by hand; rows of an order file only fill what is empty. A blank never erases.

What somebody was known by who was erased (contacts.forgotten) leads to the nameless customer who remains, as long as
the row tells of the time before: it happened earlier, or says not when. Such a row teaches nothing. A row that happened
since is told of somebody new.
"""

import datetime as dt
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import compress
from operator import itemgetter, not_
from typing import NamedTuple

from django.db.models import Max
from django.utils.translation import gettext as _

from crm.contacts import forgotten
from crm.contacts.identity import (
    FORMER_EMAIL,
    FORMER_PHONE,
    INVISIBLE,
    TYPED,
    People,
    Person,
    email_key,
    phone_key,
)
from crm.contacts.models import Consent, Contact, ContactKey, Merge, Suppression
from crm.lib import bulk
from crm.lib.tokens import keyed_hash


@dataclass(slots=True)
class Matched:
    """`contact_ids` stands beside the people, None where nothing identifies the row."""

    contact_ids: list[int | None]
    created: list[int]
    changed: list[tuple[int, dict, int]]  # id, what it held before, its version now


def key_columns(*, email: str, phone: str, country: str = "") -> dict:
    """Return the columns of Contact that follow from what was typed."""
    address = email_key(email) if email else None
    return {
        "email_key": address,
        "address_hash": keyed_hash(address) if address else None,
        "phone_key": phone_key(phone, country) if phone else None,
    }


_TEXT_FIELDS = ("name", "company", "street", "postcode", "city", "region", "country", "language")
_COLUMNS = (
    *_TEXT_FIELDS,
    "email",
    "email_key",
    "address_hash",
    "phone",
    "phone_key",
    "birthday",
    "tags",
    "extra",
    "consent",
    "joined_at",
)
_READ = (*_COLUMNS, "typed_fields", "erased_at", "version", "created_by_import", "id")
_LIMITS = {column: Contact._meta.get_field(column).max_length for column in (*_TEXT_FIELDS, "email", "phone")}
_read_row = itemgetter(*_COLUMNS)
assert {f.name for f in fields(Person)} >= {*_TEXT_FIELDS, "email", "phone", "birthday", "tags", "extra"}


_NOBODY = {
    **dict.fromkeys((*_TEXT_FIELDS, "email", "phone"), ""),
    "email_key": None,
    "address_hash": None,
    "phone_key": None,
    "birthday": None,
    "tags": [],  # lists are replaced, never changed
    "extra": {},
    "consent": "unknown",
    "joined_at": None,
    "typed_fields": [],
    "erased_at": None,
}


class _State:
    """A contact while the list is read: its columns as they are now, and as they were."""

    __slots__ = ("before", "id", "is_new", "row")

    def __init__(self, row: dict | None):
        self.id = row["id"] if row else 0
        self.is_new = row is None
        self.before = dict(row) if row else None
        self.row = row or _NOBODY.copy()

    def blanks(self) -> list[str]:
        """Return the text fields nothing is known about."""
        row = self.row
        return [name for name in _TEXT_FIELDS if not row[name]]


class _Said(NamedTuple):
    """A yes or no to log."""

    state: _State
    said: str
    detail: str
    source: str  # of the row
    address: str | None = None  # the one the row named, which need not be the one we have

    def address_hashes(self) -> set[str]:
        named = {keyed_hash(self.address)} if self.address else set()
        return (named | {self.state.row["address_hash"]}) - {None}


class _List:
    """One call of match: what is known, by each way of knowing it."""

    def __init__(self, people: People, now: dt.datetime):
        self.now, self.people = now, people
        self.silent = people.silent()
        sources, keys, emails, phones, countries = people.columns("source", "key", "email", "phone", "country")
        self.identities = list(
            zip(
                [(source, key[:200]) if key else None for source, key in zip(sources, keys)],
                [email_key(email) if email else None for email in emails],
                [phone_key(phone, country) if phone else None for phone, country in zip(phones, countries)],
            )
        )
        self.known: dict[tuple[str, str], int] = {}  # whose number it is
        self.by_key: dict[tuple[str, str], _State] = {}
        self.by_email: dict[str, _State] = {}
        self.by_phone: dict[str, list[_State]] = {}
        self.by_former: dict[str, _State] = {}  # a number and a name somebody had before a merge
        self.states: dict[int, _State] = {}
        self.new: list[_State] = []
        self.new_keys: list[tuple[tuple[str, str], _State]] = []
        self.consents: list[_Said] = []
        self.again: list[_Said] = []  # a no of somebody who said no before
        self.suppressed: dict[str, str] = {}  # with the reason
        self.gone: dict[forgotten.Key, tuple[int, dt.datetime]] = {}

    def look_up(self) -> None:
        keys = {identity[0] for identity in self.identities if identity[0]}
        emails = {identity[1] for identity in self.identities if identity[1]}
        any_gone = None
        for source in sorted({source for source, _value in keys}):
            values = [value for owner, value in keys if owner == source]
            owned = ContactKey.objects.filter(source=source, value__in=bulk.among(values))
            owners = bulk.rows(owned.values_list("value", "contact_id", forgotten.any_condition()))
            self.known |= {(source, value): contact_id for value, contact_id, _any_gone in owners}
            any_gone = owners[0][2] if owners else any_gone  # told along, which spares asking
        contacts = Contact.objects.values_list(*_READ)
        if emails:
            self._load(contacts.filter(email_key__in=bulk.among(emails)))
        telling = {identity[0] for identity in compress(self.identities, map(not_, self.silent))}
        asked = {key: self.known[key] for key in telling & self.known.keys()}
        if missing := set(asked.values()) - self.states.keys():
            self._load(contacts.filter(id__in=bulk.among(missing)))
        self.by_key = {key: self.states[contact_id] for key, contact_id in asked.items()}
        self._load_former(FORMER_EMAIL, emails - self.by_email.keys(), contacts)
        phones = {  # asked only where the number and the e-mail do not tell
            phone
            for key, address, phone in self.identities
            if phone and key not in self.known and address not in self.by_email
        }
        if phones:
            self._load(contacts.filter(phone_key__in=bulk.among(phones)).order_by("id"))
            named = {
                phone_and_name(phone, name)
                for name, (_key, _address, phone) in zip(self.people.column("name"), self.identities)
                if phone in phones
            }
            self._load_former(FORMER_PHONE, phones | named, contacts)
        if emails:
            hashes = [keyed_hash(address) for address in emails if address not in self.by_email]
            hashes += [state.row["address_hash"] for state in self.by_email.values() if state.row["address_hash"]]
            barred = Suppression.objects.filter(address_hash__in=bulk.among(hashes))
            self.suppressed = dict(barred.values_list("address_hash", "reason"))
        if forgotten.any_yet() if any_gone is None else any_gone:
            named = {key for position in range(len(self.identities)) for key in self._keys(position)}
            self.gone = forgotten.look_up(named)

    def _keys(self, position: int) -> Iterator[forgotten.Key]:
        """Yield what a row may name somebody by who was erased, the surest first."""
        key, address, phone = self.identities[position]
        if key:
            yield key
        if address:
            yield FORMER_EMAIL, address
        if phone:  # a family may share it: a name speaks for or against it
            name = self.people.column("name")[position]
            yield FORMER_PHONE, phone_and_name(phone, name) if name else phone

    def erased(self, position: int, happened_at: dt.datetime | None) -> int | None:
        """Return the nameless customer a row of the time before an erasure is told to; None for any other row."""
        key, address, phone = self.identities[position]
        if key in self.known and key not in self.gone:
            return None
        for one in self._keys(position):
            if one not in self.gone:
                continue
            if one[0] == FORMER_PHONE and (address or self._has_phone(phone, position)):
                continue
            contact_id, at = self.gone[one]
            if happened_at is None or happened_at <= at:
                return contact_id
        return None

    def _has_phone(self, phone: str, position: int) -> bool:
        """Tell whether somebody living has the number, and no other name than the row's."""
        name = _folded(self.people.column("name")[position] or "")
        return any(not name or _folded(state.row["name"]) in ("", name) for state in self.by_phone.get(phone, []))

    def _load_former(self, source: str, values: set[str], contacts) -> None:
        """Load who was known by these e-mails or phones before a merge (contacts.merging)."""
        if not values or not ContactKey.objects.filter(source=source).exists():
            return
        found = ContactKey.objects.filter(source=source, value__in=bulk.among(values))
        owners = dict(found.values_list("value", "contact_id"))
        if missing := set(owners.values()) - self.states.keys():
            self._load(contacts.filter(id__in=bulk.among(missing)))
        for value, contact_id in owners.items():
            state = self.states[contact_id]
            if source == FORMER_EMAIL:
                self.by_email.setdefault(value, state)
            elif " " in value:
                self.by_former[value] = state
            elif state not in self.by_phone.setdefault(value, []):
                self.by_phone[value].append(state)

    def _load(self, contacts) -> None:
        for values in bulk.rows(contacts):
            if values[-1] in self.states:
                continue
            row = dict(zip(_READ, values))
            state = self.states[values[-1]] = _State(row)
            if row["email_key"]:
                self.by_email[row["email_key"]] = state
            if row["phone_key"]:
                self.by_phone.setdefault(row["phone_key"], []).append(state)

    def find(self, person: Person | None, key, address, phone) -> _State | None:
        """Return the person this row means, made new if need be; None if nothing identifies it.

        A row that says nothing about the person needs none: it has neither e-mail nor phone.
        """
        state = self.by_key.get(key) if key else None
        if state is None and address:
            state = self.by_email.get(address)
        if state is None and phone:
            former = self.by_former.get(phone_and_name(phone, person.name))
            state = former if former and not (address and former.row["email_key"]) else None
        if state is None and phone:
            state = _owner_of_phone(self.by_phone.get(phone, []), person, address)
        if state is None:
            if not (key or address or phone):
                return None
            state = _State(None)
            self.new.append(state)
        if key and key not in self.by_key:
            self.by_key[key] = state
            self.new_keys.append((key, state))
        return state

    def teach(self, state: _State, person: Person, address: str | None, phone: str | None) -> None:
        """Write what the row says into the person."""
        row = state.row
        if row["erased_at"]:
            return
        typed, overwrite = row["typed_fields"], person.authoritative
        for name in _TEXT_FIELDS if overwrite else state.blanks():
            value = getattr(person, name)
            if value and name not in typed:
                row[name] = value[: _LIMITS[name]]
        if person.birthday and (overwrite or not row["birthday"]) and "birthday" not in typed:
            row["birthday"] = person.birthday
        self._teach_address(state, person, address, "email" not in typed)
        if person.phone and (overwrite or not row["phone"]) and "phone" not in typed:
            text = person.phone.translate(INVISIBLE).strip()[: _LIMITS["phone"]]
            if text != row["phone"]:
                row["phone"], row["phone_key"] = text, phone
                if phone:
                    self.by_phone.setdefault(phone, []).append(state)
        if person.tags and "tags" not in typed and (added := [tag for tag in person.tags if tag not in row["tags"]]):
            row["tags"] = [*row["tags"], *dict.fromkeys(added)]
        if person.extra:
            row["extra"] = {**row["extra"], **person.extra} if overwrite else {**person.extra, **row["extra"]}
        self.teach_beginning(state, person.joined_at, overwrite)
        self._teach_consent(state, person, address)

    def teach_beginning(self, state: _State, joined_at: dt.datetime | None, overwrite: bool) -> None:
        """Write since when the person is known, where a row says it of somebody new."""
        if joined_at and (state.is_new or overwrite) and joined_at < (state.row["joined_at"] or self.now):
            state.row["joined_at"] = joined_at

    def _teach_address(self, state: _State, person: Person, address: str | None, may_change: bool) -> None:
        row = state.row
        if not address or not may_change or (row["email_key"] and not person.authoritative):
            return
        if self.by_email.setdefault(address, state) is not state:
            return  # another person's address: never two people for one e-mail
        if address != row["email_key"]:
            row["email"] = person.email.translate(INVISIBLE).strip(" \t\r\n'\"<>=\u00a0")[:254]
            row["email_key"], row["address_hash"] = address, keyed_hash(address)
            if state.is_new and row["address_hash"] in self.suppressed and row["consent"] != "no":
                row["consent"] = "no"
                detail = (
                    _("Somebody with this address was erased; only a new yes counts")
                    if self.suppressed[row["address_hash"]] == Consent.Source.ERASED
                    else _("This address asked never to be written to")
                )
                self.consents.append(_Said(state, "no", detail, person.source))

    def _teach_consent(self, state: _State, person: Person, address: str | None) -> None:
        row, said = state.row, person.consent
        if not said:
            return
        theirs = address if address and self.by_email.get(address, state) is state else None
        told = _Said(state, said, person.consent_detail, person.source, theirs)
        lifts = (
            said == "yes"
            and row["consent"] == "unknown"
            and row["email_key"]
            and row["address_hash"] not in self.suppressed
        )
        if lifts or (said == "no" and row["consent"] != "no"):
            row["consent"] = said
            self.consents.append(told)
        elif said == "no" and not state.is_new:
            self.again.append(told)


def _owner_of_phone(owners: list[_State], person: Person, address: str | None) -> _State | None:
    """Return who a number means: families and shops share phones, so a name or an e-mail may speak against it."""
    if len(owners) > 1:
        owners = sorted(owners, key=lambda state: state.id or sys.maxsize)  # new ones last, in the order of the list
    candidates = [state for state in owners if not (address and state.row["email_key"])]
    name = _folded(person.name)
    for state in candidates:
        if name and _folded(state.row["name"]) == name:
            return state
    if person.authoritative and name:
        candidates = [state for state in candidates if not state.row["name"]]
    if len(owners) > 1:  # never guess between people; one without an e-mail is where phone-only rows go
        candidates = [state for state in candidates if not (address or state.row["email_key"])]
    return candidates[0] if candidates else None


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def phone_and_name(phone: str, name: str) -> str:
    """Return a key for a number that several people may share."""
    return f"{phone} {_folded(name)}"[:200]


def match(
    people: Iterable[Person], *, now: dt.datetime, import_id: int | None = None,
    happened_at: Sequence[dt.datetime | None] = (),
) -> Matched:  # fmt: skip
    """Find or make the person behind each row; never two people for one e-mail. Inside a transaction.

    `happened_at` says beside each row when what it tells of took place; without it, when they joined.
    """
    people = People.of(people)
    if all(people.silent()) and (done := _match_numbers(people, now, import_id)):
        return done
    work = _List(people, now)
    work.look_up()
    found, joined = [], people.column("joined_at")
    happened_at = happened_at or joined
    for position, ((key, address, phone), says_nothing) in enumerate(zip(work.identities, work.silent)):
        if work.gone and (nameless := work.erased(position, happened_at[position])):
            found.append(nameless)
            continue
        if says_nothing and key in work.known:
            found.append(work.known[key])  # nothing to be learned: the person is not even read
            continue
        person = None if says_nothing else people[position]
        state = work.find(person, key, address, phone)
        if state is not None and person is None:
            work.teach_beginning(state, joined[position], False)
        elif state is not None:
            work.teach(state, person, address, phone)
        found.append(state)

    new = [_read_row(state.row) for state in work.new]
    for state, contact_id in zip(work.new, _insert(dict(zip(_COLUMNS, zip(*new))), len(new), now, import_id)):
        state.id = contact_id
    changed = _write_changes(work.states.values(), now, import_id)
    _insert_keys([(state.id, *key) for key, state in work.new_keys], import_id)
    _log_consents([*work.consents, *_news_to_merged(work.again)], now, import_id)
    return Matched(
        contact_ids=[state.id if isinstance(state, _State) else state for state in found],
        created=[state.id for state in work.new],
        changed=changed,
    )


def _match_numbers(people: People, now: dt.datetime, import_id: int | None) -> Matched | None:
    """Do as match for rows that tell a number and nothing else, as most tables of orders do.

    None, having done nothing, where anybody was ever erased: then more must be asked.
    """
    sources, keys, joined = people.columns("source", "key", "joined_at")
    done, is_asked = Matched([None] * len(people), [], []), False
    for source in dict.fromkeys(sources):
        own = [key[:200] if key and owner == source else "" for owner, key in zip(sources, keys)]
        if not any(own):
            continue
        owned = ContactKey.objects.filter(source=source, value__in=bulk.among({*own} - {""}))
        rows = bulk.rows(owned.values_list("value", "contact_id", forgotten.any_condition()))
        if not is_asked and (rows[0][2] if rows else forgotten.any_yet()):
            return None
        is_asked, known = True, {value: contact_id for value, contact_id, _any_gone in rows}
        begun: dict[str, dt.datetime] = {}  # since when a new person is known
        for key, joined_at in [said for said in zip(own, joined) if said[0] not in known]:
            if key:
                begun[key] = min(joined_at or now, begun.get(key, now))
        columns = {name: [_NOBODY[name]] * len(begun) for name in _COLUMNS} | {"joined_at": list(begun.values())}
        new = _insert(columns, len(begun), now, import_id)
        _insert_keys([(contact_id, source, key) for key, contact_id in zip(begun, new)], import_id)
        done.created += new
        known |= zip(begun, new)
        done.contact_ids = list(map(known.get, own, done.contact_ids))
    return done


def _news_to_merged(again: list[_Said]) -> list[_Said]:
    """Return each first no since a merge of somebody who said no before: undoing the merge asks for it."""
    by_id = {one.state.id: one for one in again}
    merges = Merge.objects.filter(kept_id__in=bulk.among(list(by_id)), undone_at=None).exclude(details={})
    merged = dict(merges.order_by("pk").values_list("kept_id", "details__last_consent")) if by_id else {}
    if not merged:
        return []
    no = Consent.objects.filter(contact__in=bulk.among(list(merged)), state=Contact.ConsentState.NO)
    newest = dict(no.order_by().values_list("contact").annotate(newest=Max("pk")))
    return [by_id[contact_id] for contact_id, last in merged.items() if newest.get(contact_id, 0) <= last]


def _log_consents(consents: list[_Said], now: dt.datetime, import_id: int | None) -> None:
    """Note every yes and no. What an undo cannot take back also bars the address: a no that no file told."""
    rows = [
        (one.state.id, one.said, _who_told(one.source, import_id), one.detail[:250], now, import_id)
        for one in consents
    ]
    bulk.insert(Consent, ("contact_id", "state", "source", "detail", "at", "created_by_import"), rows)
    barred = [
        (address_hash, row[2], now)
        for one, row in zip(consents, rows)
        if one.said == "no" and import_id is None
        for address_hash in one.address_hashes()
    ]
    bulk.insert(Suppression, ("address_hash", "reason", "at"), barred, ignore_conflicts=True)


def _who_told(source: str, import_id: int | None) -> str:
    """Return who told of a yes or no: a file, the owner who typed it, or a program."""
    if import_id is not None:
        return Consent.Source.IMPORT
    return Consent.Source.OWNER if source == TYPED else Consent.Source.PROGRAM


def _insert(columns: dict[str, Sequence], count: int, now: dt.datetime, import_id: int | None) -> list[int]:
    """Write so many new people of whom _COLUMNS are known; return their ids."""
    if not count:
        return []
    contact_ids = bulk.reserve_ids(Contact, count)
    columns["joined_at"] = [moment or now for moment in columns["joined_at"]]
    the_same = {
        "greeting": "", "typed_fields": [], "created_at": now, "updated_at": now, "version": 1,
        "created_by_import": import_id, "order_count": 0, "spent_minor": 0, "points_balance": 0, "group": "",
        "stage": "",
    }  # fmt: skip
    columns |= {name: [value] * count for name, value in the_same.items()}
    bulk.insert_columns(Contact, {"id": contact_ids, **columns})
    return contact_ids


def _insert_keys(rows: list[tuple[int, str, str]], import_id: int | None) -> None:
    columns = ("contact_id", "source", "value", "created_by_import")
    bulk.insert(ContactKey, columns, [(*row, import_id) for row in rows])


def _write_changes(states: Iterable[_State], now: dt.datetime, import_id: int | None) -> list[tuple[int, dict, int]]:
    """Update the people who changed. What an import itself made keeps version 1, so that undo knows it is untouched."""
    changed, rows = [], []
    for state in states:
        if state.row == state.before:
            continue
        own = import_id is not None and state.before["created_by_import"] == import_id
        version = state.before["version"] + (0 if own else 1)
        rows.append([*(state.row[column] for column in _COLUMNS), now, version, state.id])
        if not own:
            before = {
                column: value.isoformat() if isinstance(value, dt.date) else value
                for column, value in state.before.items()
                if value != state.row[column]
            }
            changed.append((state.id, before, version))
    bulk.update(Contact, (*_COLUMNS, "updated_at", "version"), rows)
    return changed
