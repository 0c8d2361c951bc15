"""Read workbooks row by row, as the text a person would see, with dates in ISO form.

XLSX is read as a stream, so memory is that of its shared texts and one row. XLS, XLSB and ODS are read by calamine in
a process of its own with bounded memory and time (calamine_rows.py), because a small file may ask it for hundreds of
gigabytes. docs/decisions/0009-spreadsheets.md says why.
"""

import array
import datetime as dt
import json
import lzma
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO
from xml.etree import ElementTree
from xml.parsers import expat

from django.utils.translation import gettext as _

from crm.imports.refusals import NotReadable

Row = tuple[int, list[str]]

MAX_CELL = 1_000_000  # characters
MAX_COLUMNS = 2_000
MAX_PART = 4 * 1024**3  # bytes of one sheet, unpacked
MAX_TEXTS = 512 * 1024**2  # bytes of the texts that cells share, kept in memory
MAX_SMALL = 32 * 1024**2  # bytes of the parts that describe the others
MAX_RATIO, RATIO_FROM = 200, 64 * 1024**2  # a part this much smaller when packed, and this large, is a trap
HEAD_ROWS = 60
_BLOCK = 64 * 1024
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, expat.ExpatError, ElementTree.ParseError, KeyError,
    IndexError, NotImplementedError, RuntimeError, struct.error, UnicodeError, OverflowError, OSError,
)  # fmt: skip


@contextmanager
def damaged_is_refused(sentence: str = "") -> Iterator[None]:
    """Turn what a damaged or cut package raises into a sentence."""
    try:
        yield
    except _DAMAGED:
        sentence = sentence or _("The spreadsheet is damaged or was cut off. Fetch or save it once more.")
        raise NotReadable(sentence) from None


def choose(heads: Sequence[tuple[str, list[Row]]]) -> tuple[str, tuple[str, ...]]:
    """Return the sheet whose first rows look most like a table of data, and the other sheets that hold one."""
    scores = {name: _score([cells for _number, cells in rows]) for name, rows in heads}
    best = max(scores, key=scores.get, default="")  # of equals the first
    if not scores.get(best):
        raise NotReadable(_("The spreadsheet is empty."))
    return best, tuple(name for name, score in scores.items() if score > 4 and name != best)


def _score(rows: list[list[str]]) -> int:
    """Return how much a sheet looks like data: rows of about one width, more than one cell wide."""
    widths = sorted(sum(map(bool, cells)) for cells in rows if any(cells))
    if not widths:
        return 0
    usual = widths[len(widths) // 2]
    return 1 + (usual > 1) * min(usual, 12) * sum(width * 2 >= usual for width in widths)


# ---- XLSX

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DATE, _MOMENT, _CLOCK = "date", "moment", "clock"
_BUILT_IN = dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 59)), _DATE)
_BUILT_IN |= dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47), _CLOCK) | {22: _MOMENT}
_ZEROES = re.compile(r"0{2,20}")


class Xlsx:
    """A workbook in the format of Office 2007 and later."""

    def __init__(self, path: Path):
        self.path = path

    def heads(self) -> list[tuple[str, list[Row]]]:
        """Return the visible sheets with their first rows."""
        with damaged_is_refused(), zipfile.ZipFile(self.path) as package:
            sheets = _Package(package).sheets
        return [(name, list(islice(self.rows(name), HEAD_ROWS))) for name in sheets]

    def rows(self, sheet: str) -> Iterator[Row]:
        """Yield (row number, cells) of the rows that hold something."""
        with damaged_is_refused(), zipfile.ZipFile(self.path) as package:
            parts = _Package(package)
            done: list[Row] = []
            parser = _sheet_parser(parts.texts(), parts.styles(), parts.epoch, done)
            with parts.open(parts.sheets[sheet]) as part:
                while block := part.read(_BLOCK):
                    parser.Parse(block, False)
                    yield from done
                    done.clear()
                parser.Parse(b"", True)
                yield from done


class _Package:
    """The parts of a workbook."""

    def __init__(self, package: zipfile.ZipFile):
        self.package = package
        self.names = {name.replace("\\", "/").lstrip("/").casefold(): name for name in package.namelist()}
        self.book = self._target(self._related("", "officeDocument"), "") or "xl/workbook.xml"
        book = self._tree(self.book)
        self.folder = self.book.rpartition("/")[0]
        properties = next(_named(book, "workbookPr"), None)
        is_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self.epoch = dt.datetime(1904, 1, 1) if is_1904 else dt.datetime(1899, 12, 30)
        self.sheets = self._sheets(book)

    def _sheets(self, book: ElementTree.Element) -> dict[str, str]:
        """Return the part of each sheet by its name; hidden ones only where all are."""
        targets = {
            relation.get("Id"): self._target(relation.get("Target", ""), self.folder)
            for relation in self._relations(self.book)
            if relation.get("Type", "").endswith("/worksheet")
        }
        shown, hidden = {}, {}
        for sheet in _named(book, "sheet"):
            key = next((value for name, value in sheet.items() if name.endswith("}id")), "")
            if targets.get(key, "").casefold() in self.names:
                (shown if sheet.get("state", "visible") == "visible" else hidden)[sheet.get("name", key)] = targets[key]
        if not shown and not hidden:
            raise NotReadable(_("The spreadsheet has no sheet with rows."))
        return shown or hidden

    def _relations(self, part: str) -> list[ElementTree.Element]:
        folder, _slash, name = part.rpartition("/")
        rels = f"{folder}/_rels/{name}.rels".lstrip("/")
        return list(self._tree(rels)) if rels.casefold() in self.names else []

    def _related(self, part: str, kind: str) -> str:
        found = (r.get("Target", "") for r in self._relations(part) if r.get("Type", "").endswith("/" + kind))
        return next(found, "")

    @staticmethod
    def _target(target: str, folder: str) -> str:
        """Return a target's name in the package; it may be absolute, or relative with "..": a/b/../c is a/c."""
        path = target.replace("\\", "/")
        steps = [] if path.startswith("/") else folder.split("/") if folder else []
        for step in path.split("/"):
            if step == "..":
                steps = steps[:-1]
            elif step not in ("", "."):
                steps.append(step)
        return "/".join(steps)

    def open(self, part: str) -> IO[bytes]:
        info = self.package.getinfo(self.names[part.casefold()])
        if info.flag_bits & 1:
            raise NotReadable(_("The spreadsheet is locked with a password. Save it without one."))
        is_trap = info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1)
        if is_trap or info.file_size > MAX_PART:
            raise _too_large()
        return self.package.open(info)

    def _tree(self, part: str) -> ElementTree.Element:
        with self.open(part) as file:
            content = file.read(MAX_SMALL + 1)
        if len(content) > MAX_SMALL or b"<!DOCTYPE" in content:
            raise NotReadable(_("The spreadsheet is not one that a spreadsheet program writes. Save it as CSV."))
        return ElementTree.fromstring(content)

    def texts(self) -> "_Texts":
        """Return the texts that cells refer to by number."""
        texts = _Texts()
        target = self._target(self._related(self.book, "sharedStrings"), self.folder)
        if target.casefold() in self.names:
            with self.open(target) as part:
                while block := part.read(_BLOCK):
                    texts.parser.Parse(block, False)
                texts.parser.Parse(b"", True)
        return texts

    def styles(self) -> list[str]:
        """Return what kind of number each style of cells shows: "", a date, a moment, a clock, or zeroes in front."""
        target = self._target(self._related(self.book, "styles"), self.folder)
        if target.casefold() not in self.names:
            return []
        tree = self._tree(target)
        codes = {form.get("numFmtId"): form.get("formatCode", "") for form in _named(tree, "numFmt")}
        return [
            _kind(int(style.get("numFmtId") or 0), codes.get(style.get("numFmtId"), ""))
            for styles in _named(tree, "cellXfs")
            for style in styles
        ]


def _named(tree: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Yield the elements of a name in whatever namespace: there is a strict and a usual one."""
    return (element for element in tree.iter() if element.tag.rpartition("}")[2] == name)


def _kind(number: int, code: str) -> str:
    if not code:
        return _BUILT_IN.get(number, "")
    bare = re.sub(r'"[^"]*"|\\.|_.|\*.', "", code.partition(";")[0])
    if _ZEROES.fullmatch(bare):
        return bare
    bare = re.sub(r"\[(h+|m+|s+)\]", r"\1", bare, flags=re.IGNORECASE)
    bare = re.sub(r"\[[^\]]*\]|general|am/pm|a/p", "", bare, flags=re.IGNORECASE).casefold()
    has_clock = "h" in bare or "s" in bare
    has_day = "y" in bare or "d" in bare or ("m" in bare and not has_clock)
    return (_MOMENT if has_clock else _DATE) if has_day else _CLOCK if has_clock else ""


def _too_large() -> NotReadable:
    return NotReadable(_("The spreadsheet is too large when unpacked. Save it as CSV, or split it into several."))


def _parser(start, end, text) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text, parser.buffer_size = True, _BLOCK
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = _no_doctype
    return parser


def _no_doctype(*_declared) -> None:
    raise NotReadable(_("The spreadsheet is not one that a spreadsheet program writes. Save it as CSV."))


class _Texts:
    """The texts that cells share, one after the other as bytes."""

    def __init__(self):
        self.parser = _parser(self._start, self._end, self._text)
        self.bytes, self.ends = bytearray(), array.array("Q", [0])
        self.pieces: list[str] = []
        self.is_open = self.in_phonetic = False  # how a Japanese word sounds is not part of it

    def _start(self, name: str, attributes: dict) -> None:
        tag = name.rpartition(":")[2]
        self.in_phonetic = self.in_phonetic or tag == "rPh"
        self.is_open = tag == "t" and not self.in_phonetic

    def _text(self, piece: str) -> None:
        if self.is_open:
            self.pieces.append(piece)
            if len(self.pieces) > 16 and sum(map(len, self.pieces)) > MAX_CELL:
                raise NotReadable(_("A cell of the file is larger than a million characters."))

    def _end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        self.is_open = False
        if tag == "rPh":
            self.in_phonetic = False
        elif tag == "si":
            self.bytes += _unescaped("".join(self.pieces)).encode("utf-8", "replace")
            self.pieces.clear()
            self.ends.append(len(self.bytes))
            if len(self.bytes) > MAX_TEXTS:
                raise _too_large()

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, number: int) -> str:
        return self.bytes[self.ends[number] : self.ends[number + 1]].decode()


def _sheet_parser(texts: _Texts, styles: list[str], epoch: dt.datetime, done: list[Row]) -> expat.XMLParserType:
    """Return a parser that appends the rows of a sheet to `done`. Closures, because millions of cells come through."""
    pieces: list[str] = []
    cells: list[str] = []
    number = column = size = 0
    place = kind = style = prefix = ""
    is_open = in_phonetic = False

    def start(name: str, attributes: dict) -> None:
        nonlocal number, column, place, kind, style, is_open, in_phonetic, cells, prefix, size
        if prefix:
            name = name.removeprefix(prefix)
        if name == "c":
            place, kind, style = attributes.get("r", ""), attributes.get("t", ""), attributes.get("s", "0")
        elif name == "v" or (name == "t" and not in_phonetic):
            is_open = True
        elif name == "row":
            cells, column = [], 0
            said = attributes.get("r", "")
            number = int(said) if said.isdecimal() and len(said) < 9 else number + 1
        elif name == "rPh":
            in_phonetic = True
        elif ":" in name and name.endswith(":worksheet"):
            prefix = name.removesuffix("worksheet")

    def text(piece: str) -> None:
        nonlocal size
        if is_open:
            pieces.append(piece)
            size += len(piece)
            if size > MAX_CELL:
                raise NotReadable(_("A cell of the file is larger than a million characters."))

    def end(name: str) -> None:
        nonlocal is_open, in_phonetic, column, size
        if prefix:
            name = name.removeprefix(prefix)
        if name == "v" or name == "t":
            is_open = False
        elif name == "c":
            if place:
                column = _column(place.rstrip("0123456789"))
            if pieces:
                raw = pieces[0] if len(pieces) == 1 else "".join(pieces)
                pieces.clear()
                size = 0
                if shown := value(raw):
                    _put(cells, column, shown)
            column += 1
        elif name == "row":
            if cells:
                done.append((number, cells))
        elif name == "rPh":
            in_phonetic = False

    def value(raw: str) -> str:
        if kind == "s":
            return texts[int(raw)] if raw.isdecimal() and int(raw) < len(texts) else ""
        if kind == "" or kind == "n":
            which = int(style) if style.isdecimal() and len(style) < 6 else 0
            return _shown(raw, styles[which] if which < len(styles) else "", epoch)
        if kind == "b":
            return "TRUE" if raw == "1" else "FALSE"
        return _unescaped(raw)

    return _parser(start, end, text)


def _put(cells: list[str], column: int, shown: str) -> None:
    missing = column - len(cells)
    if missing > 0:
        if column >= MAX_COLUMNS:
            raise NotReadable(
                _("The sheet is wider than %(count)s columns: it is not a list of orders, customers or products.")
                % {"count": MAX_COLUMNS}
            )
        cells.extend([""] * missing)
    if missing >= 0:  # else it is a second value for a cell of the row
        cells.append(shown)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


@lru_cache(maxsize=4096)
def _column(letters: str) -> int:
    number = 0
    for letter in letters[:4].upper():
        number = number * 26 + ord(letter) - 64
    return max(number - 1, 0)


@lru_cache(maxsize=16_384)
def _shown(raw: str, kind: str, epoch: dt.datetime) -> str:
    """Return a number as its cell shows it."""
    if not kind:
        return number_text(raw)
    if kind[0] == "0":
        return number_text(raw).zfill(len(kind))
    try:
        seconds = round(float(raw) * 86_400)
        moment = epoch + dt.timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return number_text(raw)
    if kind == _CLOCK and 0 <= seconds < 86_400:
        return moment.time().isoformat()
    return moment.date().isoformat() if kind == _DATE and not seconds % 86_400 else moment.isoformat(" ")


def number_text(raw: str) -> str:
    """Return a number without the noise of its last binary digit; digits that were written out are all kept.

    What a spreadsheet holds as 1.23456789012346E+17 has lost its digits and stays so, to be refused as a number of an
    order.
    """
    if raw.isdecimal():
        return raw
    try:
        value = float(raw)
    except ValueError:
        return raw
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    if re.fullmatch(r"-?\d+(\.0*)?", raw.strip()):
        return raw.strip().partition(".")[0]
    text = f"{value:.15g}"
    if "e" not in text:
        return text
    return format(Decimal(text), "f") if abs(value) < 1e15 else text.upper()


# ---- XLS, XLSB, ODS

_READER = Path(__file__).with_name("calamine_rows.py")


class OldWorkbook:
    """A workbook that calamine reads for us, in a process with bounded memory and time."""

    def __init__(self, path: Path):
        self.path = path

    def heads(self) -> list[tuple[str, list[Row]]]:
        """Return the visible sheets with their first rows."""
        return [(name, list(map(_as_text, rows))) for name, rows in self._said()]

    def rows(self, sheet: str) -> Iterator[Row]:
        """Yield (row number, cells) of the rows that hold something."""
        return map(_as_text, self._said(sheet))

    def _said(self, *sheet: str) -> Iterator[list]:
        reader = subprocess.Popen(
            [sys.executable, "-I", _READER, self.path, *sheet], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            for line in reader.stdout:
                yield json.loads(line)
            match reader.wait():
                case 0:
                    return
                case 2:
                    raise NotReadable(_("The spreadsheet is locked with a password. Save it without one."))
                case 3:
                    raise NotReadable(_("The spreadsheet is damaged or was cut off. Fetch or save it once more."))
                case _:  # it was stopped at its bounds
                    raise _too_large()
        finally:
            reader.kill()
            reader.stdout.close()
            reader.wait()


def _as_text(row: list) -> Row:
    number, cells = row
    return number, [cell if isinstance(cell, str) else number_text(repr(cell)) for cell in cells]
