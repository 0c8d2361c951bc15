"""Look at a file before it is read: what it is, and what only the whole of it can tell.

`look` reads the head: encoding, delimiter, where the header stands, which format it is.
`survey` reads everything once and keeps little: how many rows, the decimal mark of each column, the
order of day and month, which orders are scattered over the file. Neither touches the database.
"""

import array
import itertools
import json
import sqlite3
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from operator import ne
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.imports import framing, values
from crm.imports.formats import FORMATS, base, plain
from crm.imports.formats.base import BadRow, Group, Header, Options, Row, checksum, checksums
from crm.imports.framing import Framing, NotReadable

_HEAD_ROWS = 400
_HEADER_WITHIN = 30  # rows; reports put titles and date ranges above the header
_BLOCK_ROWS, _BEAT_ROWS = 1000, 20_000
_KEPT_ROWS, _KEPT_CELLS = 12_000, 100_000  # of a file; a larger one is read again and not kept in memory
_TOTALS = ("total", "sum", "summe", "gesamt", "合计", "总计", "小计", "合計", "итог")
_SUSPECT = {"", " ", *(form for word in _TOTALS for form in (word[0], word[0].upper()))}  # how an unusual row may begin
_MONTH_FIRST = {"USD", "PHP"}  # currencies of countries that write the month first


class FormatUnknown(ValueError):
    """We do not know what kind of file this is; the text says what to do."""


@dataclass(slots=True)
class Look:
    """What the head of a file tells."""

    framing: Framing
    header_line: int  # how many records stand above the first row of data
    header: Header
    width: int  # of most rows
    rows: list[list[str]]  # the first ones, as they stand
    format: str = ""
    confidence: float = 0.0
    evidence: list[tuple[str, float]] = field(default_factory=list)  # every format that thinks it may be its own
    mapping: dict[str, int] = field(default_factory=dict)

    @property
    def member(self) -> ModuleType:
        return FORMATS[self.format]

    def samples(self, count: int = 3) -> list[list[str]]:
        """Return the first few different values of every column, for the owner; none of secret columns."""
        hidden = self.header.secret()
        return [
            []
            if index in hidden
            else list(
                dict.fromkeys(row[index].strip()[:60] for row in self.rows if index < len(row) and row[index].strip())
            )[:count]
            for index in range(len(self.header))
        ]


@dataclass(slots=True)
class Survey:
    """What the whole file tells."""

    rows_total: int = 0
    marks: dict[int, str] = field(default_factory=dict)
    mark: str = "."
    day_first: bool | None = None
    scattered: frozenset[int] = frozenset()  # checksums of order keys whose rows do not stand together
    repeated: frozenset[int] = frozenset()
    is_row_an_order: bool = False
    tags: Counter[str] = field(default_factory=Counter)
    doubts: list[str] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)  # what only the owner can tell: dayfirst, decimal
    kept: list[Row] | None = None  # the rows of a small file, so that it need not be read again
    bad: list[BadRow] = field(default_factory=list)  # what is wrong with others of it


def look(path: Path, *, format: str = "", encoding: str = "", delimiter: str = "") -> Look:
    """Read the head of a file and say what it seems to be; `format` overrules the guess."""
    if format and format not in FORMATS:
        raise FormatUnknown(
            _("There is no format called %(name)s; known are: %(known)s")
            % {"name": format, "known": ", ".join(FORMATS)}
        )
    found = framing.detect(path, encoding=encoding, delimiter=delimiter)
    head = []
    for __, cells in framing.rows(path, found):
        head.append(cells)
        if len(head) >= _HEAD_ROWS:
            break
    rows = [(index, cells) for index, cells in enumerate(head) if any(cell.strip() for cell in cells)]
    if not rows:
        raise NotReadable(_("The file has no rows."))
    candidates = [FORMATS[format]] if format else list(FORMATS.values())
    best = (0.0, rows[0][0], rows[0][1], candidates[-1])
    evidence: dict[str, float] = {}
    for index, cells in rows[:_HEADER_WITHIN]:
        header = Header(cells)
        for member in candidates:
            confidence = member.sniff(header)
            evidence[member.SLUG] = max(confidence, evidence.get(member.SLUG, 0.0))
            if confidence > best[0]:
                best = confidence, index, cells, member
        if best[0] >= base.SURE:
            break  # what stands below is data
    confidence, index, cells, member = best
    if format and not confidence and not hasattr(FORMATS[format], "FIELDS"):  # the owner says what the columns mean
        raise FormatUnknown(
            _("This does not look like “%(label)s”: columns it needs are missing.") % {"label": FORMATS[format].LABEL}
        )
    if not confidence:
        index, cells = _likely_header(rows)
    data = [row for position, row in rows if position > index]
    widths = Counter(len(row) for row in data)
    looked = Look(
        framing=found, header_line=index + 1, header=Header(_trimmed(cells, widths)), rows=data,
        width=_usual_width(widths, len(cells)),
        format=member.SLUG if confidence or format else plain.SLUG, confidence=confidence,
        evidence=sorted(((slug, share) for slug, share in evidence.items() if share), key=lambda pair: -pair[1]),
    )  # fmt: skip
    if looked.format == plain.SLUG:
        guessed = plain.guess(looked.header, data[:200])
        looked.mapping, looked.confidence = guessed.mapping, guessed.confidence
    return looked


def survey(
    path: Path,
    looked: Look,
    *,
    mapping: Mapping[str, int],
    currency: str,
    decimal: str = "",
    day_first: bool | None = None,
    beat: Callable[[int], None] = lambda rows: None,
) -> Survey:
    """Read the whole file once; what the owner said (`decimal`, `day_first`) is taken as said."""
    found = Survey()
    needs = looked.member.needs(looked.header, mapping)
    amounts = {index: values.AmountEvidence() for index in needs.amounts}
    dates = {index: values.DateEvidence() for index in needs.dates}
    order_key, fingerprint = needs.order_key, needs.fingerprint
    groups, prints = array.array("q"), array.array("q")
    last: str | None = None
    count = 0
    kept: list[Row] | None = []
    bad: deque[BadRow] = deque(maxlen=_KEPT_ROWS + 1)
    rows = _padded(path, looked, bad)
    while read := list(itertools.islice(rows, _BLOCK_ROWS)):
        count += len(read)
        if count > _KEPT_ROWS or count * looked.width > _KEPT_CELLS:
            kept = None
        if kept is not None:
            kept += read
        block = [cells for _line_number, cells in read]
        for index, evidence in (*amounts.items(), *dates.items()):
            evidence.feed([cells[index] for cells in block])
        if order_key is not None:
            keys = order_key.of(block) if isinstance(order_key, base.KeyIn) else list(map(order_key, block))
            if all(keys) and all(map(ne, keys, [last, *keys])):  # nearly always: each row an order
                groups.extend(checksums(keys))
                last = keys[-1]
            else:
                for key in keys:
                    if key and key != last:
                        groups.append(checksum(key))
                    last = key or (last if key == "" else None)
        if fingerprint is not None:
            alone = block if order_key is None else [cells for cells, key in zip(block, keys) if key is None]
            if alone:
                prints.extend(checksums(list(map(fingerprint, alone))))
        if needs.tags is not None:
            found.tags += needs.tags(block)
        if count % _BEAT_ROWS == 0:
            beat(count)
            if count > framing.MAX_ROWS:  # a number of eight bytes is kept for each
                raise framing.too_many_rows()
    found.rows_total = count
    if kept is not None and len(bad) <= _KEPT_ROWS:
        found.kept, found.bad = kept, list(bad)
    if left_out := looked.framing.left_out:
        found.doubts.append(
            _("Only the sheet “%(name)s” was read. To import %(others)s as well, save each as a file of its own.")
            % {"name": looked.framing.sheet, "others": ", ".join(f"“{name}”" for name in left_out)}
        )
    found.scattered, found.repeated = _doubles(groups), _doubles(prints)
    found.is_row_an_order = order_key is None or (len(groups) == count and not found.scattered)
    _decide_marks(found, looked, amounts, decimal)
    _decide_order_of_day(found, dates, currency, day_first, needs.day_first)
    return found


def options_for(
    looked: Look, surveyed: Survey, *, mapping: Mapping[str, int], zone: str, currency: str, source: str = "",
    file_name: str = "", warn: Callable[[str, int], None],
) -> Options:  # fmt: skip
    """Return how the format shall read this file."""
    return Options(
        header=looked.header, zone=ZoneInfo(zone), currency=currency, mapping=mapping, marks=surveyed.marks,
        mark=surveyed.mark, day_first=surveyed.day_first, repeated=surveyed.repeated, tags=surveyed.tags, source=source,
        file_name=file_name, warn=warn,
    )  # fmt: skip


class Groups:
    """The rows of a file, those of one order together. Rows out of place wait in a file of their own, not in memory.

    Rows that cannot be told apart or do not fit the header are gathered in `bad` while reading.
    """

    def __init__(self, path: Path, looked: Look, surveyed: Survey, *, mapping: Mapping[str, int]):
        self.path, self.looked, self.surveyed = path, looked, surveyed
        self.order_key = looked.member.needs(looked.header, mapping).order_key
        self.bad: list[BadRow] = []
        self.line_number = 0

    def rows(self) -> Iterator[Row]:
        """Return the rows by themselves."""
        if self.surveyed.kept is not None:
            self.bad += self.surveyed.bad
            return iter(self.surveyed.kept)
        return _padded(self.path, self.looked, self.bad)

    def __iter__(self) -> Iterator[Group]:
        rows = self.rows()
        if self.order_key is None:
            for row in rows:
                yield [row]
            return
        if not self.surveyed.scattered:
            yield from self._together(rows)
            return
        with tempfile.NamedTemporaryFile(prefix="regulars-import-") as file:
            aside = sqlite3.connect(file.name, isolation_level=None)
            aside.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000;")
            aside.execute("CREATE TABLE rows (key TEXT, line INTEGER, cells TEXT)")
            aside.execute("BEGIN")
            yield from self._together(self._without_scattered(rows, aside))
            aside.execute("COMMIT")
            waiting = aside.execute("SELECT key, line, cells FROM rows ORDER BY key, line")
            yield from self._by_key((key, (line, json.loads(cells))) for key, line, cells in waiting)
            aside.close()

    def _without_scattered(self, rows: Iterator[Row], aside: sqlite3.Connection) -> Iterator[Row]:
        scattered, order_key, last = self.surveyed.scattered, self.order_key, None
        for row in rows:
            key = order_key(row[1])
            last = key or (last if key == "" else None)
            if last and checksum(last) in scattered:
                aside.execute("INSERT INTO rows VALUES (?, ?, ?)", (last, row[0], json.dumps(row[1])))
            else:
                yield row

    def _together(self, rows: Iterator[Row]) -> Iterator[Group]:
        order_key, last, group = self.order_key, None, []
        for row in rows:
            key = order_key(row[1])
            if group and key is not None and (key == "" or key == last):
                group.append(row)
                continue
            if group:
                yield group
            last, group = key, [row]
        if group:
            yield group

    @staticmethod
    def _by_key(rows: Iterator[tuple[str, Row]]) -> Iterator[Group]:
        last, group = None, []
        for key, row in rows:
            if group and key != last:
                yield group
                group = []
            last = key
            group.append(row)
        if group:
            yield group


def _padded(path: Path, looked: Look, bad: MutableSequence[BadRow]) -> Iterator[Row]:
    """Return the rows of data, as wide as the header and one empty cell more; blank lines and totals are left out."""
    return itertools.chain.from_iterable(_padded_blocks(path, looked, bad))


def _padded_blocks(path: Path, looked: Look, bad: MutableSequence[BadRow]) -> Iterator[Iterable[Row]]:
    above = looked.header_line
    for block in framing.blocks(path, looked.framing, width=looked.width):
        rows, above = block[above:], max(above - len(block), 0)
        yield rows if _are_usual(rows, looked) else _made_to_fit(rows, looked, bad)


def _are_usual(rows: list[Row], looked: Look) -> bool:
    """Pad the rows where all of them are plain data of the header's width; return whether they are."""
    records = [cells for _line_number, cells in rows]
    if {*map(len, records)} != {len(looked.header)} or {*map(type, records)} != {list}:
        return False
    if not _SUSPECT.isdisjoint([cells[0][:1] for cells in records]):
        return False
    for cells in records:
        cells.append("")
    return True


def _made_to_fit(rows: list[Row], looked: Look, bad: MutableSequence[BadRow]) -> Iterator[Row]:
    """Yield those of the rows that are data, as wide as the header and one empty cell more."""
    width = len(looked.header)
    for line_number, cells in rows:
        if _fits(line_number, cells, looked, bad):
            del cells[width:]
            cells.extend([""] * (width - len(cells) + 1))
            yield line_number, cells


def _fits(line_number: int, cells: list[str], looked: Look, bad: MutableSequence[BadRow]) -> bool:
    """Tell whether an unusual row is data; note in `bad` why it is not, unless it is blank or sums the file up."""
    width = len(looked.header)
    if isinstance(cells, framing.Torn):
        bad.append(BadRow(line_number, cells[:width], _("A quotation mark on this line is never closed")))
        return False
    if not any(cells) or not any(cell.strip() for cell in cells):
        return False
    if cells[0][:6].strip().casefold().startswith(_TOTALS) and _is_total(cells):
        return False
    if len(cells) > width and len(cells) != looked.width and any(cells[width:]):
        reason = _("The row has %(count)s cells, the header %(width)s") % {"count": len(cells), "width": width}
        bad.append(BadRow(line_number, cells, reason))
        return False
    return True


def _is_total(cells: Sequence[str]) -> bool:
    """Tell a line that sums the file up from an order: most of its cells are empty or numbers."""
    others = [cell for cell in cells[1:] if cell.strip()]
    return len(cells) > 2 and len(others) * 2 <= len(cells) and all(any(c.isdigit() for c in cell) for cell in others)


def _likely_header(rows: Sequence[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    """Return the row that looks most like names of columns: many cells, none of them a number."""

    def score(row: tuple[int, list[str]]) -> tuple[int, int]:
        cells = [cell.strip() for cell in row[1] if cell.strip()]
        return sum(not cell[0].isdigit() for cell in cells), -row[0]

    return max(rows[:_HEADER_WITHIN], key=score)


def _trimmed(cells: Sequence[str], widths: Counter[int]) -> list[str]:
    """Return the header without empty cells at its end that no row fills (a header ending in a comma)."""
    names = [cell.strip() for cell in cells]
    widest = max(widths, default=0)
    while len(names) > 1 and not names[-1] and widest < len(names):
        names.pop()
    return names


def _usual_width(widths: Counter[int], header: int) -> int:
    """Return how many cells most rows have; the header's where they do not agree."""
    width, count = max(widths.items(), key=lambda pair: pair[1], default=(header, 0))
    return width if count * 2 > widths.total() else header


def _doubles(sums: array.array) -> frozenset[int]:
    """Return the checksums that occur more than once; of very many a part at a time, for sorting needs memory."""
    parts = len(sums) // 1_000_000 + 1
    found: set[int] = set()
    for part in range(parts):
        ordered = sorted(sums if parts == 1 else (one for one in sums if one % parts == part))
        found.update(one for one, next_one in itertools.pairwise(ordered) if one == next_one)
    return frozenset(found)


def _decide_marks(found: Survey, looked: Look, amounts: Mapping[int, values.AmountEvidence], decimal: str) -> None:
    if decimal:
        found.mark = decimal
        return
    decided = {index: evidence.decide() for index, evidence in amounts.items()}
    known = {mark for mark in decided.values() if mark in (".", ",")}
    found.mark = known.pop() if len(known) == 1 else "."
    found.marks = {
        index: mark or (found.mark if any(decided.values()) else "unknown" if amounts[index].unclear else ".")
        for index, mark in decided.items()
    }
    for index, mark in found.marks.items():
        if mark == "unknown" and "decimal" not in found.asks:
            found.asks.append("decimal")
        if mark in ("both", "unknown"):
            found.doubts.append(
                _("Column “%(name)s” does not write its decimals in one way; rows we could not read are listed below.")
                % {"name": looked.header.names[index]}
            )


def _decide_order_of_day(
    found: Survey, dates: Mapping[int, values.DateEvidence], currency: str, day_first: bool | None, custom: bool | None
) -> None:
    """Decide whether the day stands first: as said, else as the columns tell, else by the platform's custom."""
    if day_first is not None:
        found.day_first = day_first
        return
    told = {decided for evidence in dates.values() if (decided := evidence.decide()) is not None}
    if len(told) == 1:
        found.day_first = told.pop()
        return
    if not any(evidence.unclear for evidence in dates.values()) or told:
        return
    if any(evidence.day_first for evidence in dates.values()):
        return  # the column contradicts itself: only cells that speak for themselves are read
    if custom is not None:
        found.day_first = custom
        return
    found.day_first = currency not in _MONTH_FIRST
    found.asks.append("dayfirst")
    found.doubts.append(
        _("Dates such as 03/04 were read as day/month. If that is wrong, undo and import again with month/day.")
        if found.day_first
        else _("Dates such as 03/04 were read as month/day. If that is wrong, undo and import again with day/month.")
    )
