"""Turn vCards (2.1, 3.0, 4.0) into rows: one card, one row, the columns of HEADER.

The reader works on bytes, because a card of version 2.1 says its encoding for each property, and folds lines within
a character. Pictures, keys and sounds are passed over without being kept.
"""

import binascii
import codecs
import quopri
import re
from collections.abc import Iterator
from typing import IO

from django.utils.translation import gettext as _

from crm.imports.refusals import NotReadable

_MARK = b"begin:vcard"
JOINED = " ::: "  # between several values of one cell
HEADER = (
    "vCard", "UID", "Name", "Given", "Additional", "Family", "Nickname", "Company", "E-mail", "Phone", "Street", "City",
    "Region", "Postcode", "Country", "Birthday", "Categories", "Note", "Language",
)  # fmt: skip
_PASSED_OVER = {"PHOTO", "LOGO", "SOUND", "KEY", "X-MS-CARDPICTURE", "X-MS-OL-DESIGN"}
_MAX_VALUE = 100_000  # bytes of one property that is kept
_MAX_CARD = 4_000_000  # bytes of what is kept of one card
_NOT_TO_CALL = {"FAX", "PAGER", "MODEM", "TELEX", "BBS"}

_NAME = re.compile(rb"(?:[\w-]+\.)?([A-Za-z][\w-]*)((?:;(?:[^\":;]|\"[^\"]*\")*)*):", re.DOTALL)
_PARAMETER = re.compile(rb";((?:[^\";]|\"[^\"]*\")+)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNQUOTED_SEMICOLON = re.compile(r"(?<!\\);")
_UNQUOTED_COMMA = re.compile(r"(?<!\\),")


def begins(head: bytes) -> bool:
    """Tell whether a file that begins so holds vCards, in whatever encoding."""
    return head[:4096].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower().startswith(_MARK)


def rows(binary: IO[bytes], encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells): the header first, then a row for each card; `encoding` is that of the file."""
    yield 0, list(HEADER)
    if encoding.replace("_", "-").startswith("utf-16"):
        binary, encoding = _recoded(binary, encoding), "utf-8"
    card: _Card | None = None
    for number, line in _unfolded(binary):
        folded = line.strip().upper() if line[:1] in b"BbEe \t" else line
        if folded == b"BEGIN:VCARD":
            if card is not None and (card.nested or card.has_agent):
                card.nested, card.has_agent = card.nested + 1, False  # a card within a card is somebody else
                continue
            if card is not None and card.properties:
                yield card.row()  # never closed
            card = _Card(number, encoding)
        elif card is None:
            continue
        elif folded == b"END:VCARD":
            if card.nested:
                card.nested -= 1
                continue
            yield card.row()
            card = None
        else:
            card.take(line)
    if card is not None and card.properties:
        yield card.row()


def _recoded(binary: IO[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the lines of a UTF-16 file in UTF-8."""
    reader = codecs.getreader(encoding)(binary, errors="replace")
    return (line.replace("\x00", "").encode("utf-8", "replace") for line in reader)


def _unfolded(lines) -> Iterator[tuple[int, bytes]]:
    """Yield (number of its first line, property), folded lines and those of quoted-printable put together."""
    held: list[bytes] = []
    size = first = 0
    is_quoted = is_base64 = False

    def put_together() -> bytes:
        return b"".join(held)

    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip(b"\r\n")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if held and is_quoted and held[-1].endswith(b"="):
            held[-1] = held[-1][:-1]
            addition = line
        elif held and line[:1] in (b" ", b"\t") and line.strip():
            addition = line[1:]
        elif held and is_base64 and line and b":" not in line:
            addition = line  # 2.1 does not always begin the lines of a picture with a blank
        else:
            if held:
                yield first, put_together()
            head = line.partition(b":")[0].upper()
            is_quoted, is_base64 = b"QUOTED-PRINTABLE" in head, b"BASE64" in head or b"ENCODING=B" in head
            held, size, first = [line], len(line), number
            continue
        size += len(addition)
        if size <= _MAX_VALUE:
            held.append(addition)
        elif is_quoted:
            held[-1] = held[-1].rstrip(b"=") + (b"=" if addition.endswith(b"=") else b"")
    if held:
        yield first, put_together()


class _Card:
    """One card while it is read."""

    def __init__(self, number: int, encoding: str):
        self.number, self.encoding = number, encoding
        self.properties: dict[str, list[tuple[dict[str, set[str]], str]]] = {}
        self.version, self.size, self.nested, self.has_agent = "", 0, 0, False

    def take(self, line: bytes) -> None:
        """Keep a property, unless it is one of those nobody needs here."""
        found = _NAME.match(line)
        if not found:
            return
        name = found[1].decode("ascii", "replace").upper()
        value = line[found.end() :]
        if name == "AGENT":
            self.has_agent = not value.strip()  # who follows, between BEGIN and END of their own
            return
        if self.nested or name in _PASSED_OVER or (name.startswith("X-") and name != "X-PHONETIC-LAST-NAME"):
            return
        self.size += len(line)
        if self.size > _MAX_CARD:
            raise NotReadable(_("The vCard on line %(line)s never ends.") % {"line": self.number})
        parameters = _parameters(found[2])
        text = self._decoded(value[:_MAX_VALUE], parameters)
        if name == "VERSION":
            self.version = text.strip()
        self.properties.setdefault(name, []).append((parameters, text))

    def _decoded(self, value: bytes, parameters: dict[str, set[str]]) -> str:
        encodings = parameters.get("ENCODING", set())
        if "QUOTED-PRINTABLE" in encodings:
            value = quopri.decodestring(value)
        elif encodings & {"BASE64", "B"}:
            try:
                value = binascii.a2b_base64(value)
            except binascii.Error:
                return ""
        for encoding in (*parameters.get("CHARSET", ()), "utf-8", self.encoding):
            try:
                return value.decode(encoding)
            except (LookupError, UnicodeDecodeError):
                continue
        return value.decode(self.encoding, "replace")

    def row(self) -> tuple[int, list[str]]:
        told = {name: self._all(name) for name in ("EMAIL", "TEL", "ADR", "CATEGORIES")}
        names = [" ".join(map(_plain, _UNQUOTED_COMMA.split(part))) for part in self._parts("N")]
        family, given, additional = (names + [""] * 3)[:3]
        company = _plain(self._parts("ORG")[0])
        phones = [(kinds, _bare(text)) for kinds, text in told["TEL"] if not kinds & _NOT_TO_CALL]
        phones.sort(key=lambda pair: not pair[0] & {"CELL", "PREF", "IPHONE"})
        emails = [(kinds, _bare(text)) for kinds, text in told["EMAIL"]]
        place = self._address(told["ADR"])
        categories = [
            tag.strip() for _kinds, text in told["CATEGORIES"] for tag in map(_plain, _UNQUOTED_COMMA.split(text))
        ]
        cells = [
            self.version or "?", self._one("UID"), self._one("FN"), given, additional, family, self._one("NICKNAME"),
            company, JOINED.join(text for _kinds, text in emails),
            JOINED.join(text for _kinds, text in phones), *place, self._one("BDAY"), ",".join(categories),
            self._one("NOTE"), self._one("LANG"),
        ]  # fmt: skip
        return self.number, [cell.replace("\x00", "") for cell in cells]

    def _all(self, name: str) -> list[tuple[set[str], str]]:
        """Return (kinds, text as it stands) of each property of a name, what is preferred first."""
        found = []
        if name not in self.properties:
            return found
        for parameters, text in self.properties[name]:
            if not text.strip(" ;"):
                continue
            kinds = {kind for told in parameters.get("TYPE", ()) for kind in told.split(",")}
            rank = min((int(text) for text in parameters.get("PREF", ()) if text.isdecimal()), default=101)
            found.append((rank if rank < 101 else 0 if "PREF" in kinds else 101, kinds, text))
        found.sort(key=lambda item: item[0])
        return [(kinds | ({"PREF"} if rank < 101 else set()), text) for rank, kinds, text in found]

    def _one(self, name: str) -> str:
        return next((_plain(text) for _kinds, text in self._all(name)), "")

    def _parts(self, name: str) -> list[str]:
        """Return the parts of the first property of a name, as they stand."""
        text = next((text for _kinds, text in self._all(name)), "")
        return _UNQUOTED_SEMICOLON.split(text)

    @staticmethod
    def _address(addresses: list[tuple[set[str], str]]) -> list[str]:
        """Return street, city, region, postcode and country of the preferred address."""
        for _kinds, text in addresses:
            parts = [" ".join(_plain(part).split()) for part in _UNQUOTED_SEMICOLON.split(text)]
            box, extended, street, city, region, postcode, country = (parts + [""] * 7)[:7]
            if any(parts):
                return [" ".join(filter(None, (street, extended, box))), city, region, postcode, country]
        return [""] * 5


def _parameters(text: bytes) -> dict[str, set[str]]:
    """Return the values of each parameter in capitals; 2.1's bare ones (HOME, BASE64) are put in their place."""
    found: dict[str, set[str]] = {}
    if not text:
        return found
    for raw in _PARAMETER.findall(text):
        name, equals, value = raw.decode("ascii", "replace").strip().partition("=")
        if not equals:
            name, value = "TYPE", name
        for part in value.replace('"', "").upper().split(","):
            place = "ENCODING" if not equals and part in ("QUOTED-PRINTABLE", "BASE64") else name.strip().upper()
            found.setdefault(place, set()).add(part.strip())
    return found


def _plain(text: str) -> str:
    """Return a value without the backslashes that keep its commas, semicolons and line ends."""
    if "\\" not in text and "\r" not in text:
        return text.strip()
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text).replace("\r\n", "\n").strip()


def _bare(text: str) -> str:
    """Return an address or number without the scheme of a link and an extension."""
    text = _plain(text)
    scheme, colon, rest = text.partition(":")
    return rest.partition(";")[0] if colon and scheme.casefold() in ("tel", "mailto") else text
