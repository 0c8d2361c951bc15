"""One file's way through the house: kept, claimed, read, counted.

The same run serves an import and a dry run; a dry run rolls every chunk back. A run that was
interrupted is simply begun again: what it wrote before is found unchanged, and counted as its own.
"""

import csv
import datetime as dt
import gc
import hashlib
import logging
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts import matching
from crm.contacts.matching import Person
from crm.contacts.models import Contact
from crm.imports import framing, intake, surveying
from crm.imports.formats import FORMATS, base
from crm.imports.formats.base import BadRow
from crm.imports.framing import NotReadable
from crm.imports.models import Change, Import, RejectedRow
from crm.imports.surveying import FormatUnknown, Look
from crm.lib import bulk, money
from crm.orders.models import Order, Product
from crm.orders.recording import Purchase

log = logging.getLogger(__name__)

CHUNK_ORDERS = 2_000
CHUNK_LINES = 10_000  # keeps one transaction, and with it everybody else's wait on SQLite, under a second
CHUNK_REJECTED = 2_000
STALE = dt.timedelta(minutes=5)
REASON = "reason"
_GC_THRESHOLD = gc.get_threshold()


class Stopped(Exception):
    """The owner stopped the import; what was read until then is kept."""


# ---- keeping


def create(
    upload: UploadedFile | Path, *, name: str, options: Mapping, now: dt.datetime, format: str = "",
    state: str = Import.State.WAITING,
) -> Import:  # fmt: skip
    """Keep a file and note what it seems to be; raise NotReadable or FormatUnknown.

    A file that leaves us guessing gets state `mapping` with the guess; otherwise `state`.
    """
    path = Path("imports") / f"{now:%Y-%m}" / f"{uuid.uuid4().hex}{''.join(Path(name).suffixes[-2:])[:20].lower()}"
    kept = settings.MEDIA_ROOT / path
    kept.parent.mkdir(parents=True, exist_ok=True)
    sha256 = _copy(upload, kept)
    try:
        looked = _look(kept, options, format)
        if secret := looked.header.secret():
            _without_secrets(kept, looked, secret)
    except (NotReadable, FormatUnknown):
        kept.unlink()
        raise
    importing = Import(
        file_name=Path(name).name[:250], path=str(path), size_bytes=kept.stat().st_size, sha256=sha256, format=looked.format,
        kind=looked.member.KIND, options=dict(options), mapping=looked.mapping,
        state=state if looked.confidence >= base.SURE else Import.State.MAPPING,
    )  # fmt: skip
    if importing.state == Import.State.READING:
        importing.started_at = importing.heartbeat_at = now
    importing.save()
    return importing


def file_of(importing: Import) -> Path:
    """Return where the kept file lies."""
    return settings.MEDIA_ROOT / importing.path


def look_again(importing: Import) -> Look:
    """Return what the head of a kept file tells, for the page where columns are matched."""
    return _look(file_of(importing), importing.options, importing.format)


def answer(import_id: int, *, format: str, mapping: Mapping[str, int], options: Mapping) -> bool:
    """Take the owner's word for what the columns mean and let the worker read; return whether it still waited for it."""
    importing = Import.objects.get(pk=import_id)
    return bool(
        Import.objects.filter(pk=import_id, state=Import.State.MAPPING).update(
            state=Import.State.WAITING,
            format=format,
            kind=FORMATS[format].KIND,
            mapping=dict(mapping),
            options={**importing.options, **options},
        )  # fmt: skip
    )


def _look(path: Path, options: Mapping, format: str) -> Look:
    return surveying.look(
        path, format=format, encoding=options.get("encoding", ""), delimiter=options.get("delimiter", "")
    )


def _copy(upload: UploadedFile | Path, kept: Path) -> str:
    digest = hashlib.sha256()
    with open(kept, "wb") as target:
        if isinstance(upload, Path):
            with open(upload, "rb") as source:
                shutil.copyfileobj(source, _Hashing(target, digest), 1024 * 1024)
        else:
            for chunk in upload.chunks():
                digest.update(chunk)
                target.write(chunk)
    kept.chmod(0o600)
    return digest.hexdigest()


class _Hashing:
    """A file that also feeds a digest."""

    def __init__(self, file, digest):
        self.file, self.digest = file, digest

    def write(self, block: bytes) -> None:
        self.digest.update(block)
        self.file.write(block)


def _without_secrets(kept: Path, looked: Look, secret: set[int]) -> None:
    """Write the kept file again with the cells of secret columns emptied, line by line where it can be."""
    clean = kept.with_suffix(".clean")
    with open(clean, "w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, delimiter=looked.framing.delimiter)
        above = looked.header_line
        for __, cells in framing.rows(kept, looked.framing, width=looked.width):
            if above:
                above -= 1
            else:
                cells = ["" if index in secret else cell for index, cell in enumerate(cells)]
            writer.writerow(cells)
    clean.chmod(0o600)
    clean.replace(kept)


# ---- claiming


def claim(import_id: int, *, now: dt.datetime) -> bool:
    """Take a waiting import, or one whose reader died; return whether it is ours."""
    free = Q(state=Import.State.WAITING) | Q(state=Import.State.READING, heartbeat_at__lt=now - STALE)
    return bool(
        Import.objects.filter(free, pk=import_id).update(
            state=Import.State.READING, started_at=now, heartbeat_at=now, finished_at=None, error=""
        )
    )


def sweep(*, now: dt.datetime) -> int:
    """Read every import that waits or whose reader died; return how many."""
    free = Q(state=Import.State.WAITING) | Q(state=Import.State.READING, heartbeat_at__lt=now - STALE)
    waiting = list(Import.objects.filter(free).order_by("id").values_list("id", flat=True))
    return sum(claim(import_id, now=now) and bool(read(import_id, now=now)) for import_id in waiting)


def stop(import_id: int) -> None:
    """Ask a reading import to stop after its chunk; one that has not begun is stopped at once."""
    idle = Import.objects.filter(pk=import_id, state__in=[Import.State.WAITING, Import.State.MAPPING])
    if not idle.update(state=Import.State.STOPPED):
        Import.objects.filter(pk=import_id, state=Import.State.READING).update(stop_requested=True)


# ---- reading


def read(import_id: int, *, now: dt.datetime) -> Import:
    """Read a claimed import to its end and return it; what went wrong stands in `error`."""
    with translation.override(Shop.current().language):  # reasons and warnings are kept for the owner to read later
        return _read(import_id, now=now)


def _read(import_id: int, *, now: dt.datetime) -> Import:
    importing = Import.objects.get(pk=import_id)
    started = time.monotonic()

    def clock() -> dt.datetime:
        return now + dt.timedelta(seconds=time.monotonic() - started)

    def beat(**counts) -> None:
        """Show that we are alive, and learn whether to stop."""
        alive = Import.objects.filter(pk=import_id, state=Import.State.READING, stop_requested=False)
        if not alive.update(heartbeat_at=clock(), **counts):
            raise Stopped

    RejectedRow.objects.filter(importing=importing).delete()
    ended: dict = {"state": Import.State.DONE}
    run = Run(file_of(importing), options=importing.options, format=importing.format, mapping=importing.mapping,
              now=now, import_id=import_id, beat=beat)  # fmt: skip
    try:
        run.read()
    except Stopped:
        ended = {"state": Import.State.STOPPED}
    except (NotReadable, FormatUnknown) as error:
        ended = {"state": Import.State.FAILED, "error": str(error)[:500]}
    except Exception as error:
        log.exception("import %s failed", import_id)
        reason = f"{type(error).__name__}: {error}"
        ended = {
            "state": Import.State.FAILED,
            "error": _("We could not read on: %(reason)s") % {"reason": reason[:400]},
        }
    result = run.result(importing.file_name)
    Import.objects.filter(pk=import_id).update(
        **ended, result=result, rows_read=run.rows_read, rows_total=run.rows_total, finished_at=clock(),
        stop_requested=False,
    )  # fmt: skip
    importing.refresh_from_db()
    return importing


def check(
    path: Path, *, name: str, options: Mapping, now: dt.datetime, format: str = "", mapping=None
) -> tuple[dict, list[BadRow]]:
    """Read a file against the books without saving anything; return what an import would say, and the rejected rows."""
    run = Run(path, options=options, format=format, mapping=mapping or {}, now=now, import_id=None)
    run.read()
    return run.result(name), run.rejected


def rejected_csv(importing: Import) -> tuple[list[str], Iterator[list]]:
    """Return (header, rows) of the rejected rows as they stood, with the reason at the end: correct it, import it again."""
    header = look_again(importing).header.names
    rows = importing.rejected_rows.order_by("line_number", "id").values_list("cells", "reason").iterator()
    width = len(header)
    return [*header, REASON], ([*(cells + [""] * width)[:width], reason] for cells, reason in rows)


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
        self.rows_total = self.rows_read = self.rejected_count = self.seen = self.nameless = 0
        self.rejected: list[BadRow] = []  # of a dry run: all; else those not written yet
        self.warned: dict[str, list[int]] = {}
        self.doubts: list[str] = []
        self.gross: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()
        self.orders: Counter[str] = Counter()
        self.people: set[int] = set()
        self.new_people: set[tuple] = set()
        self.new_people_count = 0
        self.changed_people: set[int] = set()
        self.products: set[str] = set()
        self.finished = False

    def read(self) -> None:
        """Read the file from beginning to end."""
        # Every chunk makes some 100,000 objects that die by themselves; looking for cycles among them costs a fifth.
        gc.set_threshold(200_000, *_GC_THRESHOLD[1:])
        try:
            self._read()
        finally:
            gc.set_threshold(*_GC_THRESHOLD)

    def _read(self) -> None:
        shop = Shop.current()
        self.looked = looked = _look(self.path, self.said, self.format)
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
        self._take_all(looked.member.parse(self._counted(groups), options), groups)
        foreign = sorted(self.gross.keys() - {shop.currency})
        if foreign:
            self.doubts.append(
                _("The shop counts in %(own)s: amounts in %(other)s are kept, but earn no points and are not added up.")
                % {"own": shop.currency, "other": ", ".join(foreign)}
            )
        self.finished = True

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
            taken = intake.take_orders(batch, **self._through_the_door)
            self._count(batch, taken)
            self.orders.update(created=len(taken.recorded.created), updated=len(taken.recorded.updated))
        if self.import_id is not None:
            self.rejected = []

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
            [
                (self.import_id, row.line_number, [cell.replace("\x00", "") for cell in row.cells], row.reason[:250])
                for row in self.rejected
            ],
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
                        "%(count)s refund was larger than its order (line %(line)s); only the order's total counts as given back.",
                        "%(count)s refunds were larger than their orders (first on line %(line)s); only the orders' totals"
                        " count as given back.",
                        count,
                    ) % {"count": count, "line": line_number}  # fmt: skip
                case "no_total_column":
                    yield _(
                        "The file has no column with the orders' totals: they were added up from lines and shipping."
                    )
                case "two_ids_one_number":
                    yield ngettext(
                        "%(count)s order number stands for two ids (line %(line)s); it was read as one order.",
                        "%(count)s order numbers stand for two ids each (first on line %(line)s); each was read as one order.",
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
        "We do not know this kind of file (columns %(names)s …). Say --format, or import it in the browser and match its"
        " columns there."
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
