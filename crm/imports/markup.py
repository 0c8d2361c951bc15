"""Read tables out of files that are called .xls but hold HTML, or the XML of Excel 2003."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from typing import IO
from xml.parsers import expat

from django.utils.translation import gettext as _

from crm.imports.refusals import NotReadable
from crm.imports.spreadsheets import HEAD_ROWS, MAX_CELL, MAX_COLUMNS, Row, damaged_is_refused, number_text

_BLOCK = 64 * 1024
_UNSEEN = {"script", "style", "head", "title"}
_SAID_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{2,20})", re.IGNORECASE)
_SPREADSHEET = "urn:schemas-microsoft-com:office:spreadsheet"


def charset(head: bytes) -> str:
    """Return the encoding a page says it is in, or nothing."""
    found = _SAID_CHARSET.search(head)
    return found[1].decode() if found else ""


class HtmlTable:
    """The rows of a page's tables, one after the other; a table within a cell is text of that cell."""

    def __init__(self, path: Path, encoding: str):
        self.path, self.encoding = path, encoding

    def heads(self) -> list[tuple[str, list[Row]]]:
        return [("", list(islice(self.rows(""), HEAD_ROWS)))]

    def rows(self, sheet: str) -> Iterator[Row]:
        """Yield (row number, cells) of the rows that hold something."""
        reader = _HtmlReader()
        with open(self.path, encoding=self.encoding, errors="replace", newline="") as text:
            while block := text.read(_BLOCK):
                reader.feed(block)
                if len(reader.rawdata) > MAX_CELL:
                    raise NotReadable(_("The page is damaged: a mark in it is never closed."))
                yield from reader.done
                reader.done.clear()
        reader.close()
        reader.end_row()
        yield from reader.done
        if not reader.tables:
            raise NotReadable(
                _("This is a web page without a table; perhaps the shop asked to log in again. Export the file anew.")
            )


class _HtmlReader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.done: list[Row] = []
        self.number = self.tables = self.depth = self.unseen = self.span = self.size = 0
        self.cells: list[str] = []
        self.pieces: list[str] | None = None  # of the open cell

    def handle_starttag(self, tag: str, attrs) -> None:
        if tag == "table":
            self.tables += 1
            self.depth += 1
        elif self.depth > 1:
            return
        elif tag == "tr":
            self.end_row()
            self.number += 1
        elif tag in ("td", "th"):
            self.end_cell()
            self.pieces, self.size = [], 0
            span = dict(attrs).get("colspan") or "1"
            self.span = min(int(span), MAX_COLUMNS) if span.isdecimal() and len(span) < 6 else 1
        elif tag in ("br", "p", "div") and self.pieces:
            self.pieces.append(" ")
        elif tag in _UNSEEN:
            self.unseen += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            if self.depth == 1:
                self.end_row()
            self.depth = max(self.depth - 1, 0)
        elif self.depth > 1:
            return
        elif tag in ("td", "th"):
            self.end_cell()
        elif tag == "tr":
            self.end_row()
        elif tag in _UNSEEN:
            self.unseen = max(self.unseen - 1, 0)

    def handle_data(self, data: str) -> None:
        if self.pieces is not None and not self.unseen:
            self.size += len(data)
            if self.size > MAX_CELL:
                raise NotReadable(_("A cell of the file is larger than a million characters."))
            self.pieces.append(data)

    def end_cell(self) -> None:
        if self.pieces is None:
            return
        self.cells.append(" ".join("".join(self.pieces).split()))
        self.cells.extend([""] * (self.span - 1))
        self.pieces = None
        if len(self.cells) > MAX_COLUMNS:
            raise NotReadable(
                _("The sheet is wider than %(count)s columns: it is not a list of orders, customers or products.")
                % {"count": MAX_COLUMNS}
            )

    def end_row(self) -> None:
        self.end_cell()
        if any(self.cells):
            self.done.append((self.number, self.cells))
        self.cells = []


class SpreadsheetXml:
    """A workbook in the XML of Excel 2003, which many shop programs still write."""

    def __init__(self, path: Path):
        self.path = path

    def heads(self) -> list[tuple[str, list[Row]]]:
        """Return the sheets with their first rows."""
        heads: dict[str, list[Row]] = {}
        for sheet, row in self._all():
            rows = heads.setdefault(sheet, [])
            if len(rows) < HEAD_ROWS:
                rows.append(row)
        return list(heads.items())

    def rows(self, sheet: str) -> Iterator[Row]:
        """Yield (row number, cells) of the rows that hold something."""
        return (row for name, row in self._all() if name == sheet)

    def _all(self) -> Iterator[tuple[str, Row]]:
        reader = _XmlReader()
        with damaged_is_refused(), open(self.path, "rb") as file:
            yield from _parsed(reader, file)


def _parsed(reader: "_XmlReader", file: IO[bytes]) -> Iterator[tuple[str, Row]]:
    while block := file.read(_BLOCK):
        reader.parser.Parse(block, False)
        yield from reader.done
        reader.done.clear()
    reader.parser.Parse(b"", True)
    yield from reader.done


class _XmlReader:
    def __init__(self):
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self.start, self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.done: list[tuple[str, Row]] = []
        self.sheet, self.sheets, self.number = "", 0, 0
        self.cells: list[str] = []
        self.pieces: list[str] | None = None
        self.column = self.size = 0
        self.type = ""

    def start(self, name: str, attributes: dict) -> None:
        space, _brace, tag = name.rpartition("}")
        if space != _SPREADSHEET:
            return
        match tag:
            case "Worksheet":
                self.sheets += 1
                self.sheet, self.number = attributes.get(f"{_SPREADSHEET}}}Name", "") or str(self.sheets), 0
            case "Row":
                self.cells, self.column = [], 0
                self.number = self._index(attributes) or self.number + 1
            case "Cell":
                self.column = (self._index(attributes) or self.column + 1) - 1
            case "Data":
                self.pieces, self.size, self.type = [], 0, attributes.get(f"{_SPREADSHEET}}}Type", "")

    @staticmethod
    def _index(attributes: dict) -> int:
        said = attributes.get(f"{_SPREADSHEET}}}Index", "")
        return int(said) if said.isdecimal() and len(said) < 8 else 0

    def end(self, name: str) -> None:
        space, _brace, tag = name.rpartition("}")
        if space != _SPREADSHEET:
            return
        if tag == "Data" and self.pieces is not None:
            self.put("".join(self.pieces))
            self.pieces = None
        elif tag == "Cell":
            self.column += 1
        elif tag == "Row" and any(self.cells):
            self.done.append((self.sheet, (self.number, self.cells)))

    def put(self, text: str) -> None:
        if self.column >= MAX_COLUMNS:
            raise NotReadable(
                _("The sheet is wider than %(count)s columns: it is not a list of orders, customers or products.")
                % {"count": MAX_COLUMNS}
            )
        missing = self.column - len(self.cells)
        if missing < 0:
            return
        if self.type == "Number":
            text = number_text(text)
        elif self.type == "DateTime":
            text = text.removesuffix("T00:00:00.000").replace("T", " ").removesuffix(".000")
        elif self.type == "Boolean":
            text = "TRUE" if text == "1" else "FALSE"
        self.cells += [""] * missing + [text]

    def text(self, piece: str) -> None:
        if self.pieces is not None:
            self.size += len(piece)
            if self.size > MAX_CELL:
                raise NotReadable(_("A cell of the file is larger than a million characters."))
            self.pieces.append(piece)

    @staticmethod
    def refuse(*_declared) -> None:
        raise NotReadable(_("The spreadsheet is not one that a spreadsheet program writes. Save it as CSV."))
