"""Turn a file into rows: of text with its encoding, delimiter and quotes, or of a workbook's sheet.

A file is known by what it holds, never by the end of its name: a shop's .xls may be a page of HTML.
"""

import codecs
import csv
import gzip
import io
import itertools
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from crm.imports import archives, markup, spreadsheets, vcards
from crm.imports.refusals import NotReadable

MAX_CELL = 1_000_000  # characters; exports hold pictures and pages of HTML in a cell
MAX_LINE = 4 * MAX_CELL
MAX_LINES = 2_000  # of one record; more means that a quote was opened and never closed
MAX_TORN = 200  # each costs reading MAX_LINES again
MAX_UNPACKED = 8 * 1024**3
MAX_ROWS = 20_000_000
_HEAD = 256 * 1024
_BLOCK = 1024 * 1024
_BLOCK_LINES = 200
Row = spreadsheets.Row
_DELIMITERS = ",;\t|"

csv.field_size_limit(MAX_CELL)


class Torn(list):
    """The cells of a line that cannot be told apart, because a quote on it is never closed."""


_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an empty one's
_PAGE = re.compile(rb"<(!doctype html|\?xml|!--|html|head|meta|body|table|style|div|center|font|p)")
TEXT, HTML, VCARD = "text", "html", "vcard"
_BOOKS = {
    "xlsx": spreadsheets.Xlsx,
    "calamine": spreadsheets.OldWorkbook,
    "xml": markup.SpreadsheetXml,
}


@dataclass(frozen=True)
class Framing:
    """How the bytes of a file become rows."""

    encoding: str
    delimiter: str
    quoting: int = csv.QUOTE_MINIMAL
    escape: str | None = None
    skip_lines: int = 0  # a "sep=" line before everything
    has_nulls: bool = False  # to be left out: no database keeps them in a text
    layout: str = TEXT
    sheet: str = ""  # of a workbook, the one that is read
    left_out: tuple[str, ...] = ()  # its other sheets that hold a table


def detect(path: Path, *, encoding: str = "", delimiter: str = "") -> Framing:
    """Find out how to read a file; what is given is taken as said. Reads it once, to know the encoding for certain."""
    layout = _layout(path)
    if layout in _BOOKS:
        sheet, left_out = spreadsheets.choose(_BOOKS[layout](path).heads())
        return Framing("utf-8", ",", layout=layout, sheet=sheet, left_out=left_out)
    with _open(path) as file:
        head = file.read(_HEAD)
    if not head.strip():
        raise NotReadable(_("The file is empty."))
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise NotReadable(_("The archive holds a spreadsheet or another archive. Unpack it and import what is inside."))
    if head.startswith((b"Rar!\x1a", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ")):
        raise NotReadable(_("This is an archive of a kind we do not unpack. Unpack it and import what is inside."))
    if head.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff")):
        raise NotReadable(_("This is a picture or a PDF, not a table. Export the orders as CSV."))
    if layout == TEXT and vcards.begins(head):
        layout = VCARD
    said = encoding or (markup.charset(head) if layout == HTML else "")
    try:
        encoding, has_nulls = _scan(path, codecs.lookup(said).name if said else _marked(head), layout)
        text = head.decode(encoding, errors="ignore").replace("\x00", "")
    except LookupError:
        raise NotReadable(_("There is no encoding called %(name)s.") % {"name": said}) from None
    if layout == HTML:
        spreadsheets.choose(markup.HtmlTable(path, encoding).heads())
        return Framing(encoding, ",", layout=layout)
    if layout == VCARD:
        return Framing(encoding, ",", layout=layout)
    skip = 0
    first = text.lstrip("\ufeff").partition("\n")[0].strip("\r ")
    if found := re.fullmatch(r"\"?sep=(.)\"?", first, re.IGNORECASE):
        delimiter, skip = delimiter or found[1], 1
    lines = text.lstrip("\ufeff").splitlines(keepends=True)[skip:]
    if len(head) == _HEAD:
        lines = lines[:-1] or lines  # the last one is cut
    delimiter = delimiter or _delimiter(lines)
    quoting = csv.QUOTE_MINIMAL
    if delimiter == "\t" and not _quotes_cells(lines[:200]):
        quoting = csv.QUOTE_NONE  # Amazon's files: a quote is an inch
    body = "".join(lines)
    backslashes = (
        '\\"' in body
        and re.search(r'[^\\]\\"[^,;\t\r\n"]', body)
        and '""' not in re.sub(r'(?<=[,;\t\n])""', "", body)
    )
    return Framing(encoding, delimiter, quoting, "\\" if backslashes else None, skip, has_nulls)


def _quotes_cells(lines: list[str]) -> bool:
    """Tell whether a quote at the beginning of a cell opens it: another ends it, or the cell runs over line ends."""
    cells = [cell for line in lines for cell in line.rstrip("\r\n").split("\t") if cell.startswith('"')]
    if all(len(cell) > 1 and cell.endswith('"') for cell in cells):
        return bool(cells)
    return len({line.count("\t") for line in lines if line.strip()}) > 1


def rows(path: Path, framing: Framing, *, width: int = 0) -> Iterator[Row]:
    """Yield (number of line or row, cells) of each record; with `width`, a quote that swallowed lines is noticed."""
    return itertools.chain.from_iterable(blocks(path, framing, width=width))


def blocks(path: Path, framing: Framing, *, width: int = 0) -> Iterator[list[Row]]:
    """Yield what `rows` does, some hundred records at a time."""
    if framing.layout != TEXT:
        records = _records_of_no_text(path, framing)
        while block := list(itertools.islice(records, _BLOCK_LINES)):
            yield block
        return
    with _open(path) as binary, io.TextIOWrapper(binary, framing.encoding, "replace", newline="") as text:
        lines = itertools.islice(text, framing.skip_lines, None)
        if framing.has_nulls:
            lines = (line.replace("\x00", "") for line in lines)
        yield from _records(lines, framing, width, framing.skip_lines)


def _records_of_no_text(path: Path, framing: Framing) -> Iterator[Row]:
    if framing.layout == HTML:
        yield from markup.HtmlTable(path, framing.encoding).rows("")
    elif framing.layout == VCARD:
        with _open(path) as binary:
            yield from vcards.rows(binary, framing.encoding)
    else:
        yield from _BOOKS[framing.layout](path).rows(framing.sheet)


def members(path: Path) -> list[tuple[str, Path]] | None:
    """Unpack an archive into (name, temporary file) of each file, for the caller to remove; None if it is none."""
    with open(path, "rb") as file:
        is_zip = file.read(4) in _ZIP
    return archives.unpack(path) if is_zip and archives.kind_of(path) == "archive" else None


def _layout(path: Path) -> str:
    """Return what the file is, by its first bytes."""
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(_ZIP):
        kind = archives.kind_of(path)
        return TEXT if kind == "archive" else kind
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "calamine"
    text = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if not text.startswith(b"<"):
        return TEXT
    if b"urn:schemas-microsoft-com:office:spreadsheet" in text and text.startswith(b"<?xml"):
        return "xml"
    return HTML if _PAGE.match(text) else TEXT


def _records(lines: Iterable[str], framing: Framing, width: int, number: int) -> Iterator[list[Row]]:
    """Cut lines into records. Where every line closes its quotes, a line is a record and the reader runs unwatched."""
    lines = iter(lines)
    dialect = {
        "delimiter": framing.delimiter,
        "quoting": framing.quoting,
        "escapechar": framing.escape,
        "skipinitialspace": True,
    }
    watched = _Watched(lines, dialect, framing, width)
    while block := list(itertools.islice(lines, _BLOCK_LINES)):
        if not framing.escape and (framing.quoting == csv.QUOTE_NONE or _are_closed(block)):
            try:
                yield list(enumerate(csv.reader(block, **dialect), start=number + 1))
                number += len(block)
                continue
            except csv.Error:
                raise NotReadable(_("A cell of the file is larger than a million characters.")) from None
        watched.again.extend(block)
        watched.number = number
        yield list(watched.records())
        number = watched.number


def _are_closed(lines: list[str]) -> bool:
    return '"' not in "".join(lines) or all(line.count('"') % 2 == 0 for line in lines)


class _Watched:
    """Reads lines whose quotes run over line ends, and notices a quote that is never closed."""

    def __init__(self, lines: Iterator[str], dialect: dict, framing: Framing, width: int):
        self.lines, self.dialect, self.framing, self.width = lines, dialect, framing, width
        self.again: deque[str] = deque()  # lines waiting to be read
        self.record: list[str] = []  # the physical lines of the record being read
        self.number = self.torn = 0
        self.is_over = False

    def _feed(self) -> Iterator[str]:
        while len(self.record) < MAX_LINES:
            line = self.again.popleft() if self.again else next(self.lines, None)
            if line is None:
                self.is_over = True
                return
            self.record.append(line)
            self.number += 1
            yield line

    def records(self) -> Iterator[Row]:
        """Yield the records of the waiting lines, reading on where the last of them needs more."""
        record = self.record
        while self.again:
            self.is_over = is_torn = False
            reader = csv.reader(self._feed(), **self.dialect)
            try:
                for cells in reader:
                    is_torn = len(record) >= MAX_LINES or _is_torn(record, cells, self)
                    if is_torn:
                        break
                    yield self.number - len(record) + 1, cells
                    record.clear()
                    if not self.again:
                        break
            except csv.Error:
                is_torn = True
            if is_torn and record:
                self.torn += 1
                if self.torn > MAX_TORN:
                    raise NotReadable(_("The file is damaged: too many quotation marks are never closed."))
                self.number -= len(record) - 1
                yield self.number, Torn(record[0].rstrip("\r\n").split(self.framing.delimiter))
                self.again.extendleft(reversed(record[1:]))
            record.clear()


def _is_torn(record: list[str], cells: list[str], watched: _Watched) -> bool:
    """Tell whether a record came about only because a quote was not closed where it should be."""
    if watched.framing.quoting == csv.QUOTE_NONE:
        return False
    if watched.is_over and sum(line.count('"') for line in record) % 2 and not watched.framing.escape:
        return True
    if len(record) == 1 or record[0].count('"') % 2 == 0:
        return False
    is_first = watched.number - len(record) == watched.framing.skip_lines  # a header may be wider than its rows
    if watched.width and len(cells) != watched.width and not is_first:
        return True
    try:  # text after a closing quote: it closed what an earlier line had left open
        next(csv.reader(record, **watched.dialect, strict=True))
    except csv.Error:
        return True
    return False


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacking it if it is packed; raise NotReadable where the packing is damaged."""
    with open(path, "rb") as file:
        mark = file.read(4)
    if mark in _ZIP:
        with archives.only_member(path) as binary:
            yield binary
        return
    try:
        with gzip.open(path, "rb") if mark.startswith(b"\x1f\x8b") else open(path, "rb") as binary:
            yield binary
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise NotReadable(_("The packed file is damaged or was cut off. Fetch it once more.")) from None


def _scan(path: Path, known: str, layout: str) -> tuple[str, bool]:
    """Read the whole file once; return (its encoding, whether it holds null characters)."""
    decoder = None if known else codecs.getincrementaldecoder("utf-8")()
    odd, size, since_line_end, line_ends, has_nulls = None, 0, 0, 0, False
    with _open(path) as file:
        while block := file.read(_BLOCK):
            size += len(block)
            since_line_end = len(block) - 1 - end if (end := _line_end(block)) >= 0 else since_line_end + len(block)
            if size > MAX_UNPACKED:
                raise NotReadable(_("The file is too large when unpacked. Split it into several."))
            line_ends += block.count(b"\n")
            if line_ends > MAX_ROWS:
                raise too_many_rows()
            if since_line_end > MAX_LINE and layout != HTML:
                raise NotReadable(_("The file has a line of many million characters: it is not a table of text."))
            has_nulls = has_nulls or b"\x00" in block
            if decoder and odd is None:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    odd = block
    if known:
        return known, has_nulls and not known.startswith("utf-16")
    if odd is None:
        try:
            decoder.decode(b"", final=True)
            return "utf-8", has_nulls
        except UnicodeDecodeError:
            odd = b""
    return _code_page(odd), has_nulls


def too_many_rows() -> NotReadable:
    return NotReadable(
        _("The file has more than %(count)s million rows. Split it into several.") % {"count": MAX_ROWS // 1_000_000}
    )


def _line_end(block: bytes) -> int:
    return max(block.rfind(b"\n"), block.rfind(b"\r"))


def _marked(head: bytes) -> str:
    """Return the encoding a byte order mark or the pattern of null bytes tells, or nothing."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:4096]
    if sample.count(0) > len(sample) // 4:
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    return ""


def _code_page(block: bytes) -> str:
    """Tell the encodings apart that say nothing of themselves, by which bytes stand beside each other."""
    lines = [line for line in block.splitlines() if not line.isascii()][:300]
    if _is_japanese(lines):
        return "cp932"
    joined = b"".join(lines)
    high = sum(byte >= 0x80 for byte in joined)
    if sum(map(len, re.findall(rb"[\x80-\xff]{2,}", joined))) < 0.6 * high:
        return "cp1252"  # accents stand alone
    if high >= 12 and len(re.findall(rb"[\xa8\xb8\xc0-\xff]", joined)) > 0.95 * high:
        return "cp1251"  # Chinese uses the bytes below as well
    return "gb18030" if _is_chinese(lines) else "cp1252"


def _is_japanese(lines: list[bytes]) -> bool:
    """Tell Shift-JIS: pairs that begin low, while Chinese begins high, and do not all end in a letter, as in ’s."""
    chars = low = high = torn = 0
    for line in lines:
        try:
            text = line.decode("cp932")
        except UnicodeDecodeError:
            torn += 1
            continue
        for code in (char.encode("cp932", "replace") for char in text if char >= "\x80"):
            chars += 1
            low += code[0] <= 0x9F
            high += code[-1] >= 0x80 and len(code) == 2
    return torn * 10 <= len(lines) and low > 0.6 * chars and high > 0.3 * chars


def _is_chinese(lines: list[bytes]) -> bool:
    wide = chinese = torn = 0
    for line in lines:
        try:
            text = line.decode("gb18030")
        except UnicodeDecodeError:
            torn += 1
            continue
        for char in text:
            if char >= "\x80":
                wide += 1
                chinese += "\u4e00" <= char <= "\u9fff" or "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uffef"
    return torn * 10 <= len(lines) and chinese > 0.8 * wide


def _delimiter(lines: list[str]) -> str:
    """Return the delimiter that cuts the first lines into the most rows of one width."""
    best, best_score = ",", 0.0
    for candidate in _DELIMITERS:
        try:
            widths = [
                len(row) for row in csv.reader(lines[:60], delimiter=candidate, skipinitialspace=True) if any(row)
            ]
        except csv.Error:
            continue
        if not widths:
            continue
        usual = max(set(widths), key=lambda width: (widths.count(width) * (width - 1), width))
        score = (usual > 1) * widths.count(usual) / len(widths) * min(usual, 12)
        if score > best_score:
            best, best_score = candidate, score
    return best
