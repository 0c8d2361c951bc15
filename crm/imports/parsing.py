"""Read a file into pieces that can be written: everything about a file that needs no database.

A large file is read by a process of its own, beside the one that writes into the database, which takes as long.
It starts from nothing (a fork of a worker with threads could wait for a lock forever), knows no database, and says
what it found on its standard output. While it starts, the file is surveyed here. It is never more than a piece
ahead, so memory stays flat, and it ends when nobody listens any more. A small file is read where it is written:
starting a process would take longer.
"""

import gc
import itertools
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from django.conf import settings
from django.utils import translation

from crm.imports import surveying
from crm.imports.formats import base
from crm.imports.formats.base import Addition, BadRow, Group, Options, Row
from crm.imports.surveying import Look, Survey
from crm.orders.purchases import Item, Purchase, Purchases

CHUNK_ORDERS = CHUNK_LINES = 12_000  # keeps one transaction, for which all others wait on SQLite, under a second
CHUNK_REJECTED = 2_000
OWN_PROCESS_FROM = 25_000  # rows; below, the process would take longer to start than it saves


class ReaderDied(RuntimeError):
    """The process that read the file ended before the file did."""


@dataclass(slots=True)
class Job:
    """What to read, and how."""

    path: Path
    looked: Look
    mapping: Mapping[str, int]
    currency: str
    zone: str
    decimal: str = ""
    day_first: bool | None = None
    source: str = ""
    file_name: str = ""


@dataclass(slots=True)
class Alive:
    """Nothing to say yet."""


@dataclass(slots=True)
class Piece:
    """What a stretch of the file says."""

    items: Sequence  # Purchases, else people or products
    bad: list[BadRow] = field(default_factory=list)
    warned: list[tuple[str, int]] = field(default_factory=list)  # code, line number
    rows: int = 0  # of data, the bad ones too
    additions: list[Addition] = field(default_factory=list)


Say = Callable[[Alive | Survey | Piece], None]


def read(job: Job, say: Say) -> None:
    """Read the file from beginning to end: say what it is like, then piece by piece what it says."""
    surveyed = _survey(job, say)
    _read_pieces(job, surveyed, say)


def _survey(job: Job, say: Say) -> Survey:
    surveyed = surveying.survey(
        job.path, job.looked, mapping=job.mapping, currency=job.currency, decimal=job.decimal,
        day_first=job.day_first, beat=lambda _rows: say(Alive()),
    )  # fmt: skip
    say(surveyed)
    return surveyed


def _read_pieces(job: Job, surveyed: Survey, say: Say) -> None:
    piece, lines = Piece([]), 0
    is_of_orders = job.looked.member.KIND == base.ORDERS

    def counted(some: Iterable[Group]) -> Iterator[Group]:
        for group in some:
            piece.rows += len(group)
            yield group

    def finish() -> None:
        nonlocal piece, lines
        piece.rows += len(groups.bad)
        piece.bad += groups.bad
        groups.bad.clear()
        if is_of_orders:
            piece.items = Purchases.of(piece.items)
        say(piece)
        piece, lines = Piece([]), 0

    options = surveying.options_for(
        job.looked, surveyed, mapping=job.mapping, zone=job.zone, currency=job.currency, source=job.source,
        file_name=job.file_name, warn=lambda code, line_number: piece.warned.append((code, line_number)),
    )  # fmt: skip
    groups = surveying.Groups(job.path, job.looked, surveyed, mapping=job.mapping)

    def read_groups(some: Iterable[Group]) -> None:
        nonlocal piece, lines
        for item in job.looked.member.parse(counted(some), options):
            if _is_full(piece, lines) and not _is_more_of(item, piece):
                finish()
            if isinstance(item, BadRow):
                piece.bad.append(item)
            elif isinstance(item, Addition):
                piece.additions.append(item)
            else:
                piece.items.append(item)
                lines += len(item.lines) if isinstance(item, Purchase) else 3
        finish()

    read_block = _column_reader(job.looked.member, options) if surveyed.is_row_an_order else None
    if read_block is None:
        read_groups(groups)
        return
    rows = groups.rows()
    while True:
        block = list(itertools.islice(rows, CHUNK_ORDERS))
        purchases = read_block(block) if block else None
        if purchases is None:
            read_groups([row] for row in block)
        else:
            piece.items, piece.rows = purchases, len(block)
            finish()
        if len(block) < CHUNK_ORDERS:  # after a full one, rows that cannot be used may be left
            return


def _column_reader(member: ModuleType, options: Options) -> Callable[[list[Row]], Purchases | None] | None:
    return member.in_columns(options) if hasattr(member, "in_columns") else None


def _is_full(piece: Piece, lines: int) -> bool:
    count = len(piece.items) + len(piece.additions)
    return count >= CHUNK_ORDERS or lines >= CHUNK_LINES or len(piece.bad) >= CHUNK_REJECTED


def _is_more_of(item, piece: Piece) -> bool:
    """Tell whether it is one more variant of the product a piece ends with: their stock is added up in one go."""
    return isinstance(item, Item) and bool(piece.items) and item.key == piece.items[-1].key


def read_aside(job: Job, say: Say) -> None:
    """Do as `read`; the pieces of a large file in a process of its own, which starts while we survey."""
    if _rows(job) < OWN_PROCESS_FROM:
        read(job, say)
        return
    language = translation.get_language() or settings.LANGUAGE_CODE
    process = subprocess.Popen(
        [sys.executable, "-c", "from crm.imports import parsing; parsing.main()", language],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=settings.BASE_DIR,
    )  # fmt: skip
    try:
        _listen(process, job, _survey(job, say), say)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()


def _rows(job: Job) -> float:
    """Return about how many rows the file has, by the length of its first ones."""
    head = job.looked.rows
    return job.path.stat().st_size * len(head) / max(sum(len(cell) + 1 for cells in head for cell in cells), 1)


def _listen(process: subprocess.Popen, job: Job, surveyed: Survey, say: Say) -> None:
    with suppress(BrokenPipeError):  # it died; there is nothing to be heard then
        pickle.dump((job, surveyed), process.stdin, pickle.HIGHEST_PROTOCOL)
        process.stdin.close()
    while (heard := _next(process)) is not None:
        if isinstance(heard, BaseException):
            raise heard
        say(heard)


def _next(process: subprocess.Popen) -> Any:
    try:
        return pickle.load(process.stdout)
    except (EOFError, pickle.UnpicklingError):
        raise ReaderDied(f"The process that read the file ended with {process.wait()}.") from None


# ---- the other end


def main() -> None:
    """Read a job and its survey on standard input and say on standard output what the file says."""
    settings.configure(
        USE_TZ=True, USE_I18N=True, LANGUAGES=[(sys.argv[1], "")], LANGUAGE_CODE=sys.argv[1],
        LOCALE_PATHS=[Path(__file__).resolve().parent.parent.parent / "locale"],
    )  # fmt: skip
    from django.apps import apps  # needs the settings

    apps.populate([])
    gc.set_threshold(200_000, 10, 10)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else speaks there

    def say(told: Any) -> None:
        output.write(pickle.dumps(told, pickle.HIGHEST_PROTOCOL))  # at once: dump would go on while the other end waits
        output.flush()

    try:
        with translation.override(sys.argv[1]):
            _read_aloud(*pickle.load(sys.stdin.buffer), say)
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more


def _read_aloud(job: Job, surveyed: Survey, say: Callable[[Any], None]) -> None:
    try:
        _read_pieces(job, surveyed, say)
    except BrokenPipeError:
        raise
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            error = ReaderDied(f"{type(error).__name__}: {error}")
        say(error)
    say(None)
