"""One reading of one file: look, survey, take in chunk by chunk, count.

The same run serves an import and a dry run; a dry run rolls every chunk back.
"""

import datetime as dt
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts import matching
from crm.contacts.matching import Person
from crm.contacts.models import Contact, ContactKey
from crm.imports import intake, surveying
from crm.imports.formats import base
from crm.imports.formats.base import BadRow
from crm.imports.models import Change, RejectedRow
from crm.imports.surveying import FormatUnknown, Look
from crm.lib import bulk, money
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.orders.recording import Purchase
from crm.rewards.models import Account, Entry

CHUNK_ORDERS = 4_000
CHUNK_LINES = 12_000  # keeps one transaction, and with it everybody else's wait on SQLite, under a second
CHUNK_PEOPLE = 5_000
CHUNK_REJECTED = 2_000
_GC_THRESHOLD = gc.get_threshold()


class Stopped(Exception):
    """The owner stopped the import; what was read until then is kept."""


def look(path: Path, options: Mapping, format: str) -> Look:
    """Return what the head of a file tells, read as the owner said."""
    return surveying.look(
        path, format=format, encoding=options.get("encoding", ""), delimiter=options.get("delimiter", "")
    )


@contextmanager
def _for_many_rows() -> Iterator[None]:
    """Set this process and its connection up for walking through the whole database, and back again."""
    pragmas = {
        "cache_size": -64_000,
        "mmap_size": 0,
        "wal_autocheckpoint": 20_000,
    }  # pages written often are kept, not mapped
    held = {}
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for name, value in pragmas.items():
                cursor.execute(f"PRAGMA {name}")
                held[name] = cursor.fetchone()[0]
                cursor.execute(f"PRAGMA {name} = {value}")
    # Every chunk makes some 100,000 objects that die by themselves; looking for cycles among them costs a fifth.
    gc.set_threshold(200_000, *_GC_THRESHOLD[1:])
    try:
        yield
    finally:
        gc.set_threshold(*_GC_THRESHOLD)
        with connection.cursor() as cursor:
            for name, value in held.items():
                cursor.execute(f"PRAGMA {name} = {value}")


class Run:
    """One reading of one file. Without an import's id it saves nothing."""

    def __init__(
        self, path: Path, *, options: Mapping, format: str, mapping: Mapping[str, int], now: dt.datetime,
        import_id: int | None, beat: Callable[..., None] = lambda **counts: None,
    ):  # fmt: skip
        self.path, self.said, self.format, self.mapping = path, options, format, mapping
        self.now, self.import_id, self.beat = now, import_id, beat
        self.started = time.monotonic()
        self.looked: Look | None = None
        self.rows_total = self.rows_read = self.rejected_count = self.seen = self.nameless = self.chunks = 0
        self.rejected: list[BadRow] = []  # of a dry run: all; else those not written yet
        self.warned: dict[str, list[int]] = {}
        self.doubts: list[str] = []
        self.gross: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()
        self.orders: Counter[str] = Counter()
        self.people: set[int] = set()
        self.former_buyers: set[int] = set()  # of orders that are somebody else's now
        self.new_people: set[tuple] = set()
        self.new_people_count = 0
        self.changed_people: set[int] = set()
        self.products: set[str] = set()
        self.finished = False

    def read(self) -> None:
        """Read the file from beginning to end."""
        with _for_many_rows():
            self._read()

    def _read(self) -> None:
        shop = Shop.current()
        self.looked = looked = look(self.path, self.said, self.format)
        if not self.format and looked.confidence < base.SURE:
            raise FormatUnknown(unknown(looked))
        mapping = self.mapping or looked.mapping
        currency = self.said.get("currency") or shop.currency
        surveyed = surveying.survey(
            self.path, looked, mapping=mapping, currency=currency, decimal=self.said.get("decimal", ""),
            day_first=self.said.get("dayfirst"), beat=lambda rows: self.beat(),
        )  # fmt: skip
        self.rows_total, self.doubts = surveyed.rows_total, surveyed.doubts
        self.beat(rows_total=surveyed.rows_total)
        options = surveying.options_for(
            looked, surveyed, mapping=mapping, zone=self.said.get("timezone") or shop.timezone, currency=currency,
            source=self.said.get("source", ""), warn=self._warn,
        )  # fmt: skip
        groups = surveying.Groups(self.path, looked, surveyed, mapping=mapping)
        try:
            self._take_all(looked.member.parse(self._counted(groups), options), groups)
        except Exception:
            self._conclude()
            raise
        self._conclude()
        foreign = sorted(self.gross.keys() - {shop.currency})
        if foreign:
            self.doubts.append(
                _("The shop counts in %(own)s: amounts in %(other)s are kept, but earn no points and are not added up.")
                % {"own": shop.currency, "other": ", ".join(foreign)}
            )
        self.finished = True

    def _conclude(self) -> None:
        """Bring the standing of everybody in the file up to date, in the order they lie in the database."""
        if self.import_id is None or self.looked.member.KIND != base.ORDERS:
            return
        people = sorted(self.people | self.former_buyers)
        for start in range(0, len(people), CHUNK_PEOPLE):
            intake.conclude(people[start : start + CHUNK_PEOPLE], now=self.now, import_id=self.import_id)

    def _counted(self, groups: surveying.Groups) -> Iterator[base.Group]:
        for group in groups:
            self.rows_read += len(group)
            yield group

    def _take_all(self, items: Iterable, groups: surveying.Groups) -> None:
        batch, lines = [], 0
        for item in items:
            if isinstance(item, BadRow):
                self._reject(item)
                continue
            batch.append(item)
            lines += len(item.lines) if isinstance(item, Purchase) else 3
            if len(batch) >= CHUNK_ORDERS or lines >= CHUNK_LINES or len(self.rejected) >= CHUNK_REJECTED:
                self._flush(batch, groups)
                batch, lines = [], 0
        self._flush(batch, groups)

    def _reject(self, row: BadRow) -> None:
        hidden = self.looked.header.private()
        row.cells = ["" if index in hidden else cell for index, cell in enumerate(row.cells)]
        self.rejected.append(row)
        self.rejected_count += 1

    def _flush(self, batch: list, groups: surveying.Groups) -> None:
        for row in groups.bad:
            self.rows_read += 1
            self._reject(row)
        groups.bad.clear()
        if not batch:
            with transaction.atomic():
                self._end_of_chunk()
        elif self.looked.member.KIND == base.CONTACTS:
            self._count(batch, intake.take_people(batch, **self._through_the_door))
        else:
            for purchase in batch:
                self._tally(purchase)
            taken = intake.take_orders(batch, more_to_come=self.import_id is not None, **self._through_the_door)
            self._count(batch, taken)
            self.orders.update(created=len(taken.recorded.created), updated=len(taken.recorded.updated))
            self.former_buyers |= set(taken.recorded.contact_ids) - self.people
        if self.import_id is not None:
            self.rejected = []
        self.chunks += 1
        if self.chunks & (self.chunks - 1) == 0:  # after 1, 2, 4, 8 … chunks: each time the tables have doubled
            bulk.refresh_statistics(Contact, ContactKey, Order, OrderLine, Refund, Product, Account, Entry)

    @property
    def _through_the_door(self) -> dict:
        return {"now": self.now, "import_id": self.import_id, "finally_": self._end_of_chunk}

    def _end_of_chunk(self) -> None:
        """Show how far we are and keep the rejected rows, in the chunk's transaction; a dry run takes it all back."""
        self.beat(rows_read=self.rows_read)
        if self.import_id is None:
            transaction.set_rollback(True)
            return
        bulk.insert(
            RejectedRow,
            ("importing_id", "line_number", "cells", "reason"),
            [(self.import_id, row.line_number, row.cells, row.reason[:250]) for row in self.rejected],
        )

    def _count(self, batch: list, taken: intake.Taken) -> None:
        self.seen += len(batch)
        self.people.update(filter(None, taken.contact_ids))
        self.changed_people.update(contact_id for contact_id, *_rest in taken.matched.changed)
        if self.import_id is None:
            self._tally_new_people(taken)

    def _tally(self, purchase: Purchase) -> None:
        if purchase.kind == Order.Kind.SALE:
            self.gross[purchase.currency] += purchase.total_minor
            if purchase.refunded_minor:
                self.refunded[purchase.currency] += purchase.refunded_minor
                if purchase.refunded_minor > purchase.total_minor:
                    self._warn("refund_too_large", purchase.line_number)
        else:
            self.gross[purchase.currency] += 0
            self.refunded[purchase.currency] -= purchase.total_minor
        if purchase.person is None:
            self.nameless += 1
        for line in purchase.lines:
            self.products.add(line.key)

    def _tally_new_people(self, taken: intake.Taken) -> None:
        """Count the people a dry run would make: chunks are rolled back, so their keys must be remembered here."""
        made = set(taken.matched.created)
        self.people -= made
        keys: dict[int, set[tuple]] = {}
        for person, contact_id in zip(taken.people, taken.matched.contact_ids):
            if contact_id in made:
                keys.setdefault(contact_id, set()).update(_identities(person))
        for identities in keys.values():
            self.new_people_count += self.new_people.isdisjoint(identities)
            self.new_people |= identities

    def _warn(self, code: str, line_number: int) -> None:
        self.warned.setdefault(code, [0, line_number])[0] += 1

    def result(self, name: str) -> dict:
        """Return what the run came to, in the shape `import_shop --json` prints."""
        products = self.products - {""}
        if self.import_id is None:
            made, changed = self.new_people_count, len(self.changed_people)
            people = {"created": made, "updated": changed, "unchanged": len(self.people) - changed}
            known = Product.objects.filter(key__in=bulk.among(products)).count()
            goods = {"created": len(products) - known, "updated": 0, "unchanged": known}
        else:
            people = self._saved(Contact, "contact", len(self.people))
            goods = self._saved(Product, "product", len(products))
            if self.orders["created"] + self.orders["updated"] < self.seen:  # an interrupted run made some before
                self.orders["created"] = Order.objects.filter(created_by_import=self.import_id).count()
        orders = {"created": self.orders["created"], "updated": self.orders["updated"], "unchanged": 0}
        if self.looked and self.looked.member.KIND == base.ORDERS:
            orders["unchanged"] = self.seen - orders["created"] - orders["updated"]
        return {
            "file": name,
            "format": self.looked.format if self.looked else self.format,
            "kind": self.looked.member.KIND if self.looked else "",
            "rows": self.rows_read,
            "orders": orders,
            "contacts": people,
            "products": goods,
            "gross_total": _decimals(self.gross),
            "refunded_total": _decimals(self.refunded),
            "rejected": self.rejected_count,
            "warnings": [*self.doubts, *self._sentences()],
            "seconds": round(time.monotonic() - self.started, 3),
        }

    def _saved(self, model, table: str, total: int) -> dict[str, int]:
        made = model.objects.filter(created_by_import=self.import_id).count()
        changes = Change.objects.filter(importing=self.import_id, table=table)
        if table == "contact":
            changes = changes.filter(version_after__gt=0)  # a beginning that moved is standing, not an edit
        changed = changes.values("row_id").distinct().count()
        return {"created": made, "updated": changed, "unchanged": max(total - made - changed, 0)}

    def _sentences(self) -> Iterator[str]:
        for code, (count, line_number) in self.warned.items():
            match code:
                case "refund_too_large":
                    yield ngettext(
                        "%(count)s refund was larger than its order (line %(line)s); only the order's total counts as"
                        " given back.",
                        "%(count)s refunds were larger than their orders (first on line %(line)s); only the orders'"
                        " totals count as given back.",
                        count,
                    ) % {"count": count, "line": line_number}  # fmt: skip
                case "no_total_column":
                    yield _(
                        "The file has no column with the orders' totals: they were added up from lines and shipping."
                    )
                case "two_ids_one_number":
                    yield ngettext(
                        "%(count)s order number stands for two ids (line %(line)s); it was read as one order.",
                        "%(count)s order numbers stand for two ids each (first on line %(line)s); each was read as one"
                        " order.",
                        count,
                    ) % {"count": count, "line": line_number}  # fmt: skip
        if self.nameless and self.finished:
            yield ngettext(
                "%(count)s order names no buyer; it is kept without a customer.",
                "%(count)s orders name no buyer; they are kept without a customer.",
                self.nameless,
            ) % {"count": self.nameless}  # fmt: skip


def unknown(looked: Look) -> str:
    """Return the sentence for a file we cannot place."""
    names = ", ".join(f"“{name}”" for name in looked.header.names[:6] if name)
    return _(
        "We do not know this kind of file (columns %(names)s …). Say --format, or import it in the browser and match"
        " its columns there."
    ) % {"names": names}  # fmt: skip


def _identities(person: Person) -> set[tuple]:
    found = {("key", person.source, person.key)} if person.key else set()
    if person.email and (address := matching.email_key(person.email)):
        found.add(("email", address))
    if person.phone and (phone := matching.phone_key(person.phone, person.country)):
        found.add(("phone", phone))
    return found


def _decimals(sums: Mapping[str, int]) -> dict[str, str]:
    return {currency: str(money.from_minor(minor, currency)) for currency, minor in sorted(sums.items())}
