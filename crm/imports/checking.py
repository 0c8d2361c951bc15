"""What an import would do, found out by doing it and taking it back.

Every chunk goes through the door as in a real import. Before its transaction is rolled back the database is asked
what became different; that is counted, and the first of each kind are kept as findings. Since a chunk
does not see the ones before it, what must not be counted twice is remembered in a file beside the database, so that
memory does not grow with the import. A return slip finds its sale only if the sale is in the books or in its chunk.

Finding.details by kind: changed rows {"changes": [[field, before, after], ...], "currency"}; new orders {"placed_at",
"total", "currency", "who", "lines"}; doubles {"why", "other", "other_id", ...}; consents {"before", "after"};
refunds {"before", "after", "currency", "points"}; new people {"email", "phone", "place"}.
"""

import datetime as dt
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from crm.accounts.models import Shop
from crm.contacts import forgotten
from crm.contacts.identity import FORMER_EMAIL, FORMER_PHONE, email_key, phone_key
from crm.contacts.matching import Person
from crm.contacts.models import Contact, ContactKey
from crm.imports import crediting
from crm.imports.formats.base import BadRow
from crm.imports.models import Change, Finding, RejectedRow
from crm.lib import bulk
from crm.orders.models import Order, OrderLine, Product
from crm.orders.purchases import Purchases
from crm.rewards import settling
from crm.rewards.rules import JOINING

KEPT = 500  # findings of a kind; the counts know of all
KEPT_NEW = 100
_DERIVED = {"email_key", "address_hash", "phone_key", "content_hash", "counts", "net_minor", "refunds", "original_id"}
_MODELS = {"contact": Contact, "order": Order, "product": Product}

Kind = Finding.Kind


class Check:
    """The looks at one file's chunks: `begin` before a chunk, `look` inside its transaction, `keep` after it."""

    def __init__(self, import_id: int, *, now: dt.datetime):
        self.import_id, self.now = import_id, now
        self.zone = ZoneInfo(Shop.current().timezone)
        self.counts: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.seen = _Seen()
        self.older_rules = crediting.older_rules()
        self.welcomes = bool(settling.rules_for(JOINING))
        self.sources = {*Order.objects.order_by().values_list("source", flat=True).distinct()}
        self.mark = 0
        self.new_people = 0
        self.rejected: list[BadRow] = []
        self._findings: list[tuple] = []

    def begin(self) -> None:
        """Note where the ledger ends before the next chunk."""
        self.mark = crediting.mark()

    def look(self, batch: Sequence) -> None:
        """Ask the database what this chunk did."""
        changes: dict[str, dict[int, dict]] = defaultdict(dict)
        rows = Change.objects.filter(importing=self.import_id).order_by("id")
        for table, row_id, before in rows.values_list("table", "row_id", "before"):
            changes[table][row_id] = {**before, **changes[table].get(row_id, {})}  # the oldest value counts
        self._people(changes["contact"])
        self._consents(batch)
        self._changed("product", changes["product"])
        self._orders(changes["order"], {*batch.column("source")} if isinstance(batch, Purchases) else set())
        posted = crediting.posted_since(self.mark, now=self.now)
        self.counts.update(points_given=posted.given, points_taken=posted.taken)

    def balances(self, brought: Mapping[int, int]) -> None:
        """Count the points that customers would bring along."""
        self.counts.update(opening_people=len(brought), opening_points=sum(brought.values()))

    def keep(self, rejected: list[BadRow]) -> None:
        """Save what was found since the last time; a check without an import keeps the rejected rows to itself."""
        found, self._findings = self._findings, []
        if not self.import_id:
            self.rejected += rejected
            return
        keep_rejected(rejected, import_id=self.import_id)
        rows = [(self.import_id, kind, label[:300], row_id, details) for kind, label, row_id, details in found]
        bulk.insert(Finding, ("importing_id", "kind", "label", "row_id", "details"), rows)

    def summary(self) -> dict:
        """Return the counts, for the page and for the command line."""
        gifts = crediting.gifts(self.seen.joined())
        return {
            **{name: count for name, count in sorted(self.counts.items()) if count},
            **({"welcome_points": gifts} if gifts else {}),
        }

    def close(self) -> None:
        """Forget everything."""
        self.seen.close()

    def _find(self, kind: Kind, label: str, row_id: int | None, **details) -> None:
        self._findings.append((kind, label, row_id, details))
        self.kept[kind] += 1

    def _room(self, kind: Kind) -> int:
        """Return how many findings of this kind may still be kept."""
        limit = KEPT_NEW if kind in (Kind.ORDER_NEW, Kind.CONTACT_NEW) else KEPT
        return max(limit - self.kept[kind], 0)

    # ---- people

    def _people(self, changed: dict[int, dict]) -> None:
        made = Contact.objects.filter(created_by_import=self.import_id).order_by("id")
        columns = ("id", "name", "email", "phone", "email_key", "phone_key", "postcode", "city", "consent")
        columns += ("joined_at",) if self.welcomes else ()
        new = [_Newcomer(*row) for row in bulk.rows(made.values_list(*columns))]
        keys = defaultdict(list)
        rows = ContactKey.objects.filter(created_by_import=self.import_id)
        for contact_id, source, value in rows.values_list("contact_id", "source", "value"):
            keys[contact_id].append(("k", source, value))
        theirs = {person.id: _identities(person, keys.pop(person.id, [])) for person in new}
        self.seen.add([(identity, 0) for identities in keys.values() for identity in identities])  # of people we knew
        known = self.seen.owners([identity for identities in theirs.values() for identity in identities])
        fresh, numbers, marks = [], {}, []
        for person in new:
            number = next((known[mark] for mark in theirs[person.id] if mark in known), None)
            if number is None:
                self.new_people += 1
                number = self.new_people
                fresh.append(person)
                self.counts[f"new_{person.consent}"] += 1
            numbers[person.id] = number
            marks += [(mark, number) for mark in theirs[person.id]]
            known.update((mark, number) for mark in theirs[person.id])
        self.seen.add(marks)
        if self.welcomes:
            self.seen.note_joined((numbers[person.id], person.joined_at) for person in new if numbers[person.id])
        for person in fresh[: self._room(Kind.CONTACT_NEW)]:
            place = f"{person.postcode} {person.city}".strip()
            self._find(Kind.CONTACT_NEW, person.label, None, email=person.email, phone=person.phone, place=place)
        self._doubles(fresh, numbers)
        self._changed("contact", changed)

    def _doubles(self, new: list["_Newcomer"], numbers: Mapping[int, int]) -> None:
        """Note new people who share a phone, or name and postcode, with somebody known or earlier in the file."""
        if not new:
            return
        phones = {person.phone_key for person in new if person.phone_key}
        names = {person.name for person in new if person.name and person.postcode}
        others = Contact.objects.alive().exclude(created_by_import=self.import_id).order_by("id")
        by_phone, by_place = {}, {}
        for row in others.filter(phone_key__in=bulk.among(phones)).values_list("phone_key", "id", "name", "email"):
            by_phone.setdefault(row[0], row[1:])
        for name, postcode, *row in others.filter(name__in=bulk.among(names)).exclude(postcode="").values_list(
            "name", "postcode", "id", "name", "email"
        ):
            by_place.setdefault((name, postcode), row)
        earlier = self.seen.owners([mark for person in new for mark in person.marks()])
        marks = []
        for person in new:
            mine, why, other = numbers[person.id], "", None
            if other := by_phone.get(person.phone_key):
                why = "phone"
            elif other := by_place.get((person.name, person.postcode)):
                why = "place"
            elif any(earlier.get(mark, mine) != mine for mark in person.marks()):
                why = "file"
            marks += [(mark, mine) for mark in person.marks()]
            earlier.update((mark, mine) for mark in person.marks() if mark not in earlier)
            if not why:
                continue
            self.counts[Kind.CONTACT_DOUBLE] += 1
            if self._room(Kind.CONTACT_DOUBLE):
                shared = {"phone": person.phone} if why == "phone" else {"place": f"{person.name}, {person.postcode}"}
                if other:
                    shared |= {"other": other[1] or other[2], "other_id": other[0]}
                else:
                    shared |= {"phone": person.phone}
                self._find(Kind.CONTACT_DOUBLE, person.label, None, why=why, **shared)
        self.seen.add(marks)

    def _consents(self, batch: Sequence) -> None:
        """Count people whom the file calls subscribers and who said no: an import leaves them alone."""
        if isinstance(batch, Purchases):
            told = zip(*batch.people.columns("source", "consent", "email"))
            yes = {email for source, said, email in told if said == "yes" and source is not None}
        else:
            yes = {item.email for item in batch if isinstance(item, Person) and item.consent == "yes"}
        said_yes = {address for email in yes if email and (address := email_key(email))}
        refused = Contact.objects.filter(email_key__in=bulk.among(said_yes), consent=Contact.ConsentState.NO)
        marks = [("r", contact_id) for contact_id in refused.values_list("id", flat=True)]
        self.counts["stay_no"] += self.seen.count_new(marks)

    # ---- rows that change

    def _changed(self, table: str, changed: dict[int, dict]) -> None:
        """Count rows of the books that change, once each, and keep what changes in the first of them."""
        fresh = self.seen.only_new([(table, row_id) for row_id in changed])
        ids = [row_id for _table, row_id in fresh]
        kind = Kind(f"{table}_changed")
        wanted = ids[: self._room(kind)]
        with_consent = [row_id for row_id in ids if "consent" in changed[row_id]]
        after = _rows(_MODELS[table], {*wanted, *with_consent})
        lines = _lines([row_id for row_id in wanted if "lines" in changed[row_id]])
        wanted = set(wanted)
        for row_id in ids:
            differing = changed[row_id].keys() - _DERIVED
            self.counts[kind] += bool(differing)
            if row_id in wanted and differing:
                row = after[row_id]
                said = [
                    [name, changed[row_id][name], row[name]]
                    for name in row
                    if name in differing and name != "lines" and changed[row_id][name] != row[name]
                ]
                if "lines" in differing:
                    said.append(["lines", [_line(*line[3:]) for line in changed[row_id]["lines"]], lines[row_id]])
                if said:
                    self._find(kind, _label(table, row), row_id, changes=said, currency=row.get("currency", ""))
        for row_id in with_consent:
            row = after[row_id]
            self.counts[f"consent_{row['consent']}"] += 1
            if self._room(Kind.CONSENT):
                before = changed[row_id]["consent"]
                self._find(Kind.CONSENT, _label(table, row), row_id, before=before, after=row["consent"])

    def _orders(self, changed: dict[int, dict], sources: set[str]) -> None:
        self._changed("order", changed)
        given_back = [row_id for row_id, before in changed.items() if "refunded_minor" in before]
        refunded = _rows(Order, given_back)
        points = crediting.posted_for(given_back, self.mark, now=self.now)
        for row_id in given_back:
            row, before = refunded[row_id], changed[row_id]["refunded_minor"]
            if row["refunded_minor"] <= before:
                continue
            moved = points.get(row_id, 0)
            self.counts.update({Kind.REFUND: 1, "refund_points": -moved})
            if self._room(Kind.REFUND):
                self._find(
                    Kind.REFUND, row["number"], row_id, before=before, after=row["refunded_minor"],
                    currency=row["currency"], points=moved,
                )  # fmt: skip
        self._new_orders(sources)

    def _new_orders(self, sources: set[str]) -> None:
        made = Order.objects.filter(created_by_import=self.import_id)
        columns = ("id", "number", "source", "kind", "contact_id", "placed_at", "currency", "total_minor")
        new = made.order_by("id").values_list(*columns)
        if shown := bulk.rows(new[: self._room(Kind.ORDER_NEW)]):
            names = _rows(Contact, {row[4] for row in shown if row[4]})
            lines = _lines([row[0] for row in shown])
            for order_id, number, _source, _kind, contact_id, placed_at, currency, total in shown:
                who = _label("contact", names[contact_id]) if contact_id else ""
                self._find(
                    Kind.ORDER_NEW, number, None, placed_at=placed_at.isoformat(), total=total, currency=currency,
                    who=who, lines=lines[order_id],
                )  # fmt: skip
        for _sale, _rule, points in crediting.older_points(made, self.older_rules).values():
            self.counts.update(older_orders=1, older_points=points)
        if self.sources - sources:  # somebody else's orders are there to compare with
            self._double_orders(bulk.rows(new.filter(kind=Order.Kind.SALE, contact__isnull=False)))

    def _double_orders(self, new: list[tuple]) -> None:
        """Note orders that the same person placed on the same day for the same amount at another source."""
        buyers = {row[4] for row in new}
        sources = {row[2] for row in new}
        others = Order.objects.filter(contact__in=bulk.among(buyers), kind=Order.Kind.SALE).exclude(source__in=sources)
        known = {}
        for contact_id, placed_at, currency, total, *other in bulk.rows(
            others.order_by("id").values_list("contact_id", "placed_at", "currency", "total_minor", "number", "id")
        ):
            known.setdefault((contact_id, self._day(placed_at), currency, total), other)
        for _id, number, _source, _kind, contact_id, placed_at, currency, total in new if known else ():
            if other := known.get((contact_id, self._day(placed_at), currency, total)):
                self.counts[Kind.ORDER_DOUBLE] += 1
                if self._room(Kind.ORDER_DOUBLE):
                    self._find(
                        Kind.ORDER_DOUBLE, number, None, why="order", other=other[0], other_id=other[1], total=total,
                        currency=currency, placed_at=placed_at.isoformat(),
                    )  # fmt: skip

    def _day(self, moment: dt.datetime) -> dt.date:
        return moment.astimezone(self.zone).date()


def keep_rejected(rows: Iterable[BadRow], *, import_id: int) -> None:
    """Save rows that cannot be used, with the reason; of one that names somebody who was erased, the reason alone."""
    rows = list(rows)
    gone = _naming_the_erased(rows)
    bulk.insert(
        RejectedRow,
        ("importing_id", "line_number", "cells", "reason"),
        [
            (import_id, row.line_number, [] if number in gone else row.cells, row.reason[:250])
            for number, row in enumerate(rows)
        ],
    )


def _naming_the_erased(rows: Sequence[BadRow]) -> set[int]:
    """Return which of these rows hold an e-mail address or a phone number of somebody who was erased."""
    if not rows or not forgotten.any_yet():
        return set()
    named = [
        {(FORMER_EMAIL, address) for cell in row.cells if (address := email_key(cell))}
        | {(FORMER_PHONE, phone) for cell in row.cells if (phone := phone_key(cell))}
        for row in rows
    ]
    known = forgotten.look_up(set().union(*named))
    return {number for number, keys in enumerate(named) if keys & known.keys()}


class _Newcomer:
    """Somebody whom this chunk would make."""

    __slots__ = (
        "city", "consent", "email", "email_key", "id", "joined_at", "name", "phone", "phone_key", "postcode",
    )  # fmt: skip

    def __init__(self, id, name, email, phone, email_key, phone_key, postcode, city, consent, joined_at=None):
        self.id, self.name, self.email, self.phone = id, name, email, phone
        self.email_key, self.phone_key, self.postcode, self.city = email_key, phone_key, postcode, city
        self.consent, self.joined_at = consent, joined_at

    @property
    def label(self) -> str:
        return self.name or self.email or self.phone

    def marks(self) -> Iterator[tuple]:
        """Yield what two rows share that may be one person."""
        if self.phone_key:
            yield "p", self.phone_key
        if self.name and self.postcode:
            yield "n", self.name.casefold(), self.postcode.casefold()


def _identities(person: _Newcomer, keys: list[tuple]) -> list[tuple]:
    """Return what the person is surely known by: numbers, the e-mail, else the phone."""
    found = [*keys, *([("e", person.email_key)] if person.email_key else [])]
    return found or ([("p", person.phone_key)] if person.phone_key else [])


class _Seen:
    """What earlier chunks brought, in a database of its own: their rows are rolled back and gone."""

    def __init__(self):
        self.aside = sqlite3.connect("", isolation_level=None)  # no name: a file that SQLite removes by itself
        self.aside.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000;")
        self.aside.execute("CREATE TABLE seen (mark INTEGER PRIMARY KEY, owner INTEGER)")
        self.aside.execute("CREATE TABLE joined (person INTEGER PRIMARY KEY, at REAL)")
        self.aside.execute("BEGIN")

    def owners(self, marks: Iterable[tuple]) -> dict[tuple, int]:
        """Return whose those marks are that were seen before."""
        by_hash = {hash(mark): mark for mark in marks}
        among = "SELECT mark, owner FROM seen WHERE mark IN (SELECT value FROM json_each(?))"
        return {by_hash[mark]: owner for mark, owner in self.aside.execute(among, (json.dumps(list(by_hash)),))}

    def add(self, marks: Iterable[tuple[tuple, int]]) -> None:
        """Note whose a mark is; the first owner stays."""
        rows = [(hash(mark), owner) for mark, owner in marks]
        self.aside.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", rows)

    def only_new(self, marks: Sequence[tuple]) -> list[tuple]:
        """Return the marks that are met for the first time, and note them."""
        known = self.owners(marks)
        fresh = [mark for mark in marks if mark not in known]
        self.add((mark, 0) for mark in fresh)
        return fresh

    def count_new(self, marks: Sequence[tuple]) -> int:
        """Return how many marks are met for the first time, and note them."""
        return len(self.only_new(marks))

    def note_joined(self, people: Iterable[tuple[int, dt.datetime]]) -> None:
        """Note since when somebody new has been here; the earliest moment counts."""
        self.aside.executemany(
            "INSERT INTO joined VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET at = min(at, excluded.at)",
            [(person, at.timestamp()) for person, at in people],
        )

    def joined(self) -> Iterator[dt.datetime]:
        """Yield since when each new person has been here."""
        for (at,) in self.aside.execute("SELECT at FROM joined"):
            yield dt.datetime.fromtimestamp(at, dt.UTC)

    def close(self) -> None:
        self.aside.close()


def _rows(model, ids: Iterable[int]) -> dict[int, dict]:
    """Return rows as JSON keeps them, by their ids."""
    rows = model.objects.filter(id__in=bulk.among(list(ids))).values() if ids else ()
    return {row["id"]: {name: _plain(value) for name, value in row.items()} for row in rows}


def _plain(value):
    return value.isoformat() if isinstance(value, dt.date) else value


def _lines(order_ids: Sequence[int]) -> dict[int, list[list]]:
    """Return the lines of these orders as [name, SKU, quantity, unit price, total]."""
    found = {order_id: [] for order_id in order_ids}
    rows = OrderLine.objects.filter(order__in=bulk.among(order_ids)).order_by("order_id", "position")
    columns = ("order_id", "name", "sku", "quantity", "unit_price_minor", "total_minor")
    for order_id, *line in rows.values_list(*columns) if order_ids else ():
        found[order_id].append(_line(*line))
    return found


def _line(name: str, sku: str, quantity: float, unit_price_minor: int, total_minor: int) -> list:
    return [name or sku, quantity, total_minor]


def _label(table: str, row: Mapping) -> str:
    if table == "order":
        return row["number"]
    return row["name"] or row.get("email") or row.get("phone") or row.get("sku") or str(row["id"])
