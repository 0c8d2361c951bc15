"""Find or make the person behind each row of a list.

A row is known by, in this order: the person's number on a platform (ContactKey), the e-mail, the
phone where exactly one person has it and no e-mail speaks against it. Rows of one list that mean
one person are one person. A number of queries that does not grow with the list.

Rows of a customer file (`authoritative`) overwrite what is known, except fields the owner corrected
by hand; rows of an order file only fill what is empty. A blank never erases.
"""

import datetime as dt
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields

from django.utils.translation import gettext as _

from crm.contacts.identity import INVISIBLE, Person, email_key, is_silent, phone_key
from crm.contacts.models import Consent, Contact, ContactKey, Suppression
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
_INSERTED = (
    "id",
    *_COLUMNS,
    "greeting",
    "typed_fields",
    "created_at",
    "updated_at",
    "version",
    "created_by_import",
    "order_count",
    "spent_minor",
    "points_balance",
    "group",
    "stage",
)
assert {f.name for f in fields(Person)} >= {*_TEXT_FIELDS, "email", "phone", "birthday", "tags", "extra"}


class _State:
    """A contact while the list is read: its columns as they are now, and as they were."""

    __slots__ = ("before", "id", "is_new", "row")

    def __init__(self, row: dict | None):
        self.id = row["id"] if row else 0
        self.is_new = row is None
        self.before = dict(row) if row else None
        self.row = row or {
            **dict.fromkeys((*_TEXT_FIELDS, "email", "phone"), ""),
            "email_key": None,
            "address_hash": None,
            "phone_key": None,
            "birthday": None,
            "tags": [],
            "extra": {},
            "consent": "unknown",
            "joined_at": None,
            "typed_fields": [],
            "erased_at": None,
        }

    def blanks(self) -> list[str]:
        """Return the text fields nothing is known about."""
        row = self.row
        return [name for name in _TEXT_FIELDS if not row[name]]


class _List:
    """One call of match: what is known, by each way of knowing it."""

    def __init__(self, people: list[Person], now: dt.datetime):
        self.now = now
        self.silent = [is_silent(person) for person in people]
        self.identities = [
            (
                (person.source, person.key[:200]) if person.key else None,
                email_key(person.email) if person.email else None,
                phone_key(person.phone, person.country) if person.phone else None,
            )
            for person in people
        ]
        self.known: dict[tuple[str, str], int] = {}  # whose number it is
        self.by_key: dict[tuple[str, str], _State] = {}
        self.by_email: dict[str, _State] = {}
        self.by_phone: dict[str, list[_State]] = {}
        self.states: dict[int, _State] = {}
        self.new: list[_State] = []
        self.new_keys: list[tuple[tuple[str, str], _State]] = []
        self.consents: list[tuple[_State, str, str]] = []
        self.suppressed: set[str] = set()

    def look_up(self) -> None:
        keys = {identity[0] for identity in self.identities if identity[0]}
        emails = {identity[1] for identity in self.identities if identity[1]}
        found_keys = []
        for source in sorted({source for source, _value in keys}):
            values = [value for owner, value in keys if owner == source]
            owned = ContactKey.objects.filter(source=source, value__in=bulk.among(values))
            found_keys += bulk.rows(owned.values_list("source", "value", "contact_id"))
        contacts = Contact.objects.values_list(*_READ)
        if emails:
            self._load(contacts.filter(email_key__in=bulk.among(emails)))
        self.known = {(source, value): contact_id for source, value, contact_id in found_keys}
        telling = {identity[0] for identity, says_nothing in zip(self.identities, self.silent) if not says_nothing}
        asked = {key: self.known[key] for key in telling & self.known.keys()}
        if missing := set(asked.values()) - self.states.keys():
            self._load(contacts.filter(id__in=bulk.among(missing)))
        self.by_key = {key: self.states[contact_id] for key, contact_id in asked.items()}
        phones = {  # asked only where the number and the e-mail do not tell
            phone
            for key, address, phone in self.identities
            if phone and key not in self.known and address not in self.by_email
        }
        if phones:
            self._load(contacts.filter(phone_key__in=bulk.among(phones)).order_by("id"))
        if emails:
            hashes = [keyed_hash(address) for address in emails if address not in self.by_email]
            hashes += [state.row["address_hash"] for state in self.by_email.values() if state.row["address_hash"]]
            self.suppressed = set(
                Suppression.objects.filter(address_hash__in=bulk.among(hashes)).values_list("address_hash", flat=True)
            )

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

    def find(self, person: Person, key, address, phone) -> _State | None:
        """Return the person this row means, made new if need be; None if nothing identifies it."""
        state = self.by_key.get(key) if key else None
        if state is None and address:
            state = self.by_email.get(address)
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
        if person.joined_at and (state.is_new or overwrite) and person.joined_at < (row["joined_at"] or self.now):
            row["joined_at"] = person.joined_at
        self._teach_consent(state, person)

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
                self.consents.append((state, "no", _("This address asked never to be written to")))

    def _teach_consent(self, state: _State, person: Person) -> None:
        row, said = state.row, person.consent
        lifts = (
            said == "yes"
            and row["consent"] == "unknown"
            and row["email_key"]
            and row["address_hash"] not in self.suppressed
        )
        if lifts or (said == "no" and row["consent"] != "no"):
            row["consent"] = said
            self.consents.append((state, said, person.consent_detail))


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


def match(people: Iterable[Person], *, now: dt.datetime, import_id: int | None = None) -> Matched:
    """Find or make the person behind each row; never two people for one e-mail. Inside a transaction."""
    people = list(people)
    work = _List(people, now)
    work.look_up()
    found = []
    for person, (key, address, phone), says_nothing in zip(people, work.identities, work.silent):
        if says_nothing and key in work.known:
            found.append(work.known[key])  # nothing to be learned: the person is not even read
            continue
        state = work.find(person, key, address, phone)
        if state is not None:
            work.teach(state, person, address, phone)
        found.append(state)

    for state, contact_id in zip(work.new, bulk.reserve_ids(Contact, len(work.new))):
        state.id = contact_id
    bulk.insert(Contact, _INSERTED, [_inserted(state, now, import_id) for state in work.new])
    changed = _write_changes(work.states.values(), now, import_id)
    bulk.insert(
        ContactKey,
        ("contact_id", "source", "value", "created_by_import"),
        [(state.id, source, value, import_id) for (source, value), state in work.new_keys],
    )
    source = Consent.Source.OWNER if import_id is None else Consent.Source.IMPORT
    bulk.insert(
        Consent,
        ("contact_id", "state", "source", "detail", "at", "created_by_import"),
        [(state.id, said, source, detail[:250], now, import_id) for state, said, detail in work.consents],
    )
    return Matched(
        contact_ids=[state.id if isinstance(state, _State) else state for state in found],
        created=[state.id for state in work.new],
        changed=changed,
    )


def _inserted(state: _State, now: dt.datetime, import_id: int | None) -> list:
    row = state.row
    row["joined_at"] = row["joined_at"] or now
    return [
        state.id,
        *(row[column] for column in _COLUMNS),
        "",
        [],
        now,
        now,
        1,
        import_id,
        0,
        0,
        0,
        "",
        "",
    ]


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
