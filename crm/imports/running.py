"""One reading of one file: look, survey, take in chunk by chunk, count.

The same run serves an import and a check; a check looks at what each chunk did and rolls it back.
"""

import datetime as dt
import functools
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import compress
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts.models import Consent, Contact, ContactKey
from crm.imports import intake, opening, parsing, recognising, reconciling, skipping, surveying
from crm.imports.checking import Check, keep_rejected
from crm.imports.formats import base
from crm.imports.formats.base import Addition, BadRow
from crm.imports.models import Change
from crm.imports.surveying import FormatUnknown, Look
from crm.lib import bulk, indexing, money
from crm.orders.cataloguing import Catalogued, Item
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.orders.purchases import LINES, ONLY_REFUNDS, Purchase, Purchases
from crm.rewards.models import Account, Entry

CHUNK_ORDERS = parsing.CHUNK_ORDERS
CHUNK_PEOPLE = 5_000
_ASIDE_FROM = 5_000  # rows; fewer are written as fast with their indexes
_OF_ORDERS, _OF_PEOPLE = (Order, OrderLine, Refund), (Contact, ContactKey, Consent)
_GC_THRESHOLD = gc.get_threshold()


class Stopped(Exception):
    """The owner stopped the import; what was read until then is kept."""


def look(path: Path, options: Mapping, format: str) -> Look:
    """Return what the head of a file tells, read as the owner said."""
    return surveying.look(
        path, format=format, encoding=options.get("encoding", ""), delimiter=options.get("delimiter", "")
    )


@contextmanager
def for_many_rows() -> Iterator[None]:
    """Set this process and its connection up for walking through the whole database, and back again."""
    pragmas = {"cache_size": -40_000, "mmap_size": 0, "wal_autocheckpoint": 20_000}  # pages written often are kept
    if not connection.in_atomic_block:
        pragmas["temp_store"] = 1  # an index is sorted in a file
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
    """One reading of one file. With a `check` it saves nothing."""

    def __init__(
        self, path: Path, *, name: str, options: Mapping, format: str, mapping: Mapping[str, int], now: dt.datetime,
        import_id: int, beat: Callable[..., None] = lambda **counts: None, check: Check | None = None,
        surveyed: Callable[[surveying.Survey], None] = lambda survey: None,
    ):  # fmt: skip
        self.path, self.name, self.said, self.format, self.mapping = path, name, options, format, mapping
        self.now, self.import_id, self.beat = now, import_id, beat
        self.check, self.when_surveyed = check, surveyed
        self.started = time.monotonic()
        self.currency = ""  # the shop's
        self.are_first = False  # no orders were in the books before
        self.looked: Look | None = None
        self.rows_total = self.rows_read = self.rejected_count = self.seen = self.nameless = self.chunks = 0
        self.without_sale = 0  # refunds and the like whose order the books do not know yet
        self.rejected: list[BadRow] = []  # those not written yet
        self.warned: dict[str, list[int]] = {}
        self.doubts: list[str] = []
        self.gross: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()
        self.stored: Counter[str] = Counter()  # what the books hold of the same orders
        self.stored_of_chunk: Counter[str] = Counter()
        self.orders: Counter[str] = Counter()
        self.people: set[int] = set()
        self.former_buyers: set[int] = set()  # of orders that are somebody else's now
        self.changed_people: set[int] = set()
        self.products: set[str] = set()
        self.finished = False

    def read(self) -> None:
        """Read the file from beginning to end."""
        with for_many_rows():
            try:
                self._read()
            finally:
                if self.check is None:
                    indexing.build()

    def _read(self) -> None:
        shop = Shop.current()
        self.currency = shop.currency
        self.are_first = not Order.objects.exists()
        self.looked = looked = look(self.path, self.said, self.format)
        if not self.format and looked.confidence < base.SURE:
            raise FormatUnknown(unknown(looked))
        job = parsing.Job(
            self.path, looked, mapping=self.mapping or looked.mapping,
            currency=self.said.get("currency") or shop.currency, zone=self.said.get("timezone") or shop.timezone,
            decimal=self.said.get("decimal", ""), day_first=self.said.get("dayfirst"),
            source=self.said.get("source", ""), file_name=self.name,
        )  # fmt: skip
        try:
            parsing.read_aside(job, self._hear)
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

    def _set_indexes_aside(self) -> None:
        """Set indexes aside where most of what will be in the tables is in this file."""
        if self.check is not None or self.rows_total < _ASIDE_FROM:
            return
        if max(Order.objects.count(), Contact.objects.count()) * 2 <= self.rows_total:
            indexing.set_aside(*_OF_ORDERS, *_OF_PEOPLE, keep=["phone_key"])

    def _conclude(self) -> None:
        """Bring the standing of everybody in the file up to date, in the order they lie in the database."""
        if self.check is not None or self.looked.member.KIND != base.ORDERS:
            return
        people = sorted(self.people | self.former_buyers)
        is_small = self.seen <= CHUNK_ORDERS and len(people) <= CHUNK_PEOPLE
        with transaction.atomic() if is_small else nullcontext():  # each transaction waits for the disk
            indexing.build(*_OF_ORDERS)
            for start in range(0, len(people), CHUNK_PEOPLE):
                intake.conclude(people[start : start + CHUNK_PEOPLE], now=self.now, import_id=self.import_id)
            indexing.build()

    def _hear(self, told: parsing.Alive | surveying.Survey | parsing.Piece) -> None:
        match told:
            case parsing.Alive():
                self.beat()
            case surveying.Survey():
                self.rows_total, self.doubts = told.rows_total, told.doubts
                self.beat(rows_total=told.rows_total)
                self.when_surveyed(told)
                self._set_indexes_aside()
            case parsing.Piece():
                self._take(told)

    def _reject(self, row: BadRow) -> None:
        hidden = self.looked.header.private()
        row.cells = ["" if index in hidden else cell for index, cell in enumerate(row.cells)]
        self.rejected.append(row)
        self.rejected_count += 1

    def _take(self, piece: parsing.Piece) -> None:
        batch = piece.items
        if piece.additions:
            batch = Purchases.of([*batch, *self._to_known_orders(piece.additions)])
        self.rows_read += piece.rows
        for code, line_number in piece.warned:
            self._warn(code, line_number)
        for row in piece.bad:
            self._reject(row)
        if self.check is not None:
            self.check.begin()
        if not batch:
            with transaction.atomic():
                self._end_of_chunk(batch, None)
        elif self.looked.member.KIND == base.CONTACTS:
            self._count(batch, intake.take_people(batch, **self._through_the_door(batch)))
        elif self.looked.member.KIND == base.PRODUCTS:
            self._tally_products(batch)
            intake.take_products(batch, **self._through_the_door(batch))
        else:
            self._tally(batch)
            if Order.Kind.RETURN in batch.column("kind"):
                indexing.build(*_OF_ORDERS)  # a slip looks for its sale
            said = self._through_the_door(batch)
            taken = intake.take_orders(batch, more_to_come=True, are_first=self.are_first, **said)
            self._count(batch, taken)
            self.orders.update(created=len(taken.recorded.created), updated=len(taken.recorded.updated))
            self.former_buyers |= set(taken.recorded.contact_ids) - self.people
        if self.check is not None:
            with transaction.atomic():  # the chunk's own is rolled back
                self.beat(rows_read=self.rows_read)
                self.check.keep(self.rejected)
        self.stored += self.stored_of_chunk  # now that the transaction stands
        self.stored_of_chunk = Counter()
        self.rejected = []
        self.chunks += 1
        if self.chunks & (self.chunks - 1) == 0:  # after 1, 2, 4, 8 … chunks: each time the tables have doubled
            bulk.refresh_statistics(Contact, ContactKey, Order, OrderLine, Refund, Product, Account, Entry)

    def _to_known_orders(self, additions: list[Addition]) -> list[Purchase]:
        """Return what adds to orders the books know, with their dates; set the rows of the others aside."""
        known: dict[tuple[str, str], tuple[dt.datetime, str]] = {}
        for source in {item.purchase.source for item in additions}:
            numbers = [item.purchase.number for item in additions if item.purchase.source == source]
            orders = Order.objects.filter(source=source, number__in=bulk.among(numbers), kind=Order.Kind.SALE)
            rows = orders.values_list("number", "placed_at", "currency")
            known |= {(source, number): (placed_at, currency) for number, placed_at, currency in rows}
        found = []
        for item in additions:
            purchase = item.purchase
            placed_at, currency = known.get((purchase.source, purchase.number), (None, ""))
            if placed_at and not (purchase.only_refunds and purchase.currency != currency):
                purchase.placed_at = placed_at
                found.append(purchase)
                continue
            self.without_sale += 1
            for row in item.bad:
                if placed_at:
                    row.reason = _("The sale that was refunded is in another currency")
                self._reject(row)
        return found

    def _through_the_door(self, batch: Sequence) -> dict:
        return {
            "now": self.now,
            "import_id": self.import_id,
            "finally_": functools.partial(self._end_of_chunk, batch),
        }

    def _end_of_chunk(self, batch: Sequence, taken: intake.Taken | Catalogued | None) -> None:
        """Show how far we are and keep the rejected rows, in the chunk's transaction; a check takes it all back."""
        if isinstance(batch, Purchases):
            self.stored_of_chunk = reconciling.stored(batch, taken.recorded.order_ids if taken else ())
        balances = self._balances(batch, taken)
        if self.check is not None:
            self.check.look(batch)
            self.check.balances(balances)
            transaction.set_rollback(True)
            return
        if balances:
            opening.take_over(balances, import_id=self.import_id, name=self.name, now=self.now)
        self.beat(rows_read=self.rows_read)
        keep_rejected(self.rejected, import_id=self.import_id)

    def _balances(self, batch: Sequence, taken: intake.Taken | Catalogued | None) -> dict[int, int]:
        """Return the points that customers bring along, where somebody wants to know."""
        is_asked = self.check is not None or self.said.get(opening.TAKE_OVER)
        if taken is None or not is_asked or self.looked.member.KIND != base.CONTACTS:
            return {}
        return opening.due(batch, taken.contact_ids)

    def _count(self, batch: Sequence, taken: intake.Taken) -> None:
        self.seen += len(batch)
        self.people.update(filter(None, taken.contact_ids))
        self.changed_people.update(contact_id for contact_id, *_rest in taken.matched.changed)
        if self.check is not None:
            self.people -= set(taken.matched.created)  # rolled back; their numbers mean nothing

    def _tally(self, purchases: Purchases) -> None:
        """Count what the file says: of a file that tells lines only, what the lines come to."""
        told = purchases.columns("kind", "currency", "total_minor", "refunded_minor", "tells", "lines", "line_number")
        kinds, currencies, totals, *particular, _line_numbers = told
        if Order.Kind.RETURN not in kinds and not any(map(any, particular)):  # whole sales and no more
            for currency in {*currencies}:
                self.gross[currency] += sum(compress(totals, map(currency.__eq__, currencies)))
            self.nameless += purchases.people.column("source").count(None)
            return
        for kind, currency, total, refunded, tells, lines, line_number, named in zip(
            *told, purchases.people.column("source")
        ):
            if kind == Order.Kind.SALE:
                self.gross[currency] += sum(line.total_minor for line in lines) if tells == LINES else total
                if refunded:
                    self.refunded[currency] += refunded
                    if refunded > total and tells not in ONLY_REFUNDS:
                        self._warn("refund_too_large", line_number)
            else:
                self.gross[currency] += 0
                self.refunded[currency] -= total
            if named is None and tells not in ONLY_REFUNDS:
                self.nameless += 1
            for line in lines:
                self.products.add(line.key)

    def _tally_products(self, items: list[Item]) -> None:
        for item in items:
            self.products.add(item.key)
            if item.currency not in ("", self.currency) and (item.price_minor or item.cost_minor):
                self._warn("foreign_price", item.line_number)

    def _warn(self, code: str, line_number: int) -> None:
        self.warned.setdefault(code, [0, line_number])[0] += 1

    def result(self, name: str) -> dict:
        """Return what the run came to, in the shape `import_shop --json` prints."""
        products = self.products - {""}
        if self.check is not None:
            changed = len(self.changed_people & self.people)
            people = {"created": self.check.new_people, "updated": changed, "unchanged": len(self.people) - changed}
            known = Product.objects.filter(key__in=bulk.among(products)).count()
            filled = self.check.counts["product_changed"]
            goods = {"created": len(products) - known, "updated": filled, "unchanged": known - filled}
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
            "stored_total": _decimals(self.stored),
            "refunded_total": _decimals(self.refunded),
            "without_buyer": self.nameless,
            "without_sale": self.without_sale,
            "read_as": recognising.read_as(Shop.current()),
            "rejected": self.rejected_count,
            "skipped": skipping.count(self.warned),
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
                case "foreign_price":
                    yield ngettext(
                        "%(count)s product has a price in another currency than the shop's %(own)s (line %(line)s); the"
                        " price was left out.",
                        "%(count)s products have a price in another currency than the shop's %(own)s (first on line"
                        " %(line)s); these prices were left out.",
                        count,
                    ) % {"count": count, "line": line_number, "own": self.currency}  # fmt: skip
                case "net_sales_without_buyers":
                    yield _(
                        "This report names no e-mail addresses and only net sales, without tax and shipping: its orders"
                        " are kept without customers. An export of the orders by a plugin tells all of it."
                    )
                case "no_total_column":
                    yield _(
                        "The file has no column with the orders' totals: they were added up from lines and shipping."
                    )
                case "joined_unread":
                    yield ngettext(
                        "%(count)s date since when somebody is a customer could not be read and was left out (line"
                        " %(line)s).",
                        "%(count)s dates since when people are customers could not be read and were left out (first on"
                        " line %(line)s).",
                        count,
                    ) % {"count": count, "line": line_number}  # fmt: skip
                case "status_in_file_name":
                    yield _(
                        "Only the name of Mailchimp's file tells who is subscribed, and this name does not: nobody's"
                        " answer was changed. Give it its name back (subscribed…, unsubscribed…, cleaned…) and import"
                        " it again."
                    )
                case "two_ids_one_number":
                    yield ngettext(
                        "%(count)s order number stands for two ids (line %(line)s); it was read as one order.",
                        "%(count)s order numbers stand for two ids each (first on line %(line)s); each was read as one"
                        " order.",
                        count,
                    ) % {"count": count, "line": line_number}  # fmt: skip
                case left_out if left_out.startswith(skipping.PREFIX):
                    yield skipping.sentence(left_out, count, line_number)
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


def _decimals(sums: Mapping[str, int]) -> dict[str, str]:
    return {currency: str(money.from_minor(minor, currency)) for currency, minor in sorted(sums.items())}
