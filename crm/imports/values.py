"""Read what stands in a cell: text without guards, amounts, quantities, moments.

The decimal mark and the order of day and month are decided per column from all its values (the
Evidence classes), never per cell, because "1,234" and "03/04/2024" mean nothing by themselves.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from operator import sub
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.lib import money

UTC = ZoneInfo("UTC")
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad\x00"))
_PUNCTUATION = re.compile(r"[\W_]+")
_SCIENTIFIC = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_EMPTY = {"", "-", "--", "—", "nan", "n/a", "null", "none", "#n/a"}


class BadValue(ValueError):
    """A cell we cannot use; the text says why, for the owner."""


@lru_cache(maxsize=16_384)  # products and cities repeat
def clean(text: str) -> str:
    """Return the cell's text without blanks around it and without the guards spreadsheets need."""
    text = text.strip()
    if not text or (text.isascii() and text[0].isalnum() and text[-1] != '"'):
        return text
    text = text.translate(_INVISIBLE).strip()
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        text = text[2:-1]
    elif len(text) > 1 and text[0] == "'" and text[-1] != "'":
        text = text[1:]
    elif len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return text.strip()


def fold(header: str) -> str:
    """Return a header's name for comparing: case, blanks and line breaks do not matter."""
    return " ".join(unicodedata.normalize("NFKC", header).translate(_INVISIBLE).casefold().replace("_", " ").split())


def squeezed(header: str) -> str:
    """Return a header's name for looking it up: its letters and digits alone."""
    return _PUNCTUATION.sub("", fold(header))


def are_numerals(texts: Sequence[str]) -> bool:
    """Tell whether each of these is nothing but digits, not too many to be a number of somebody or something."""
    return all(texts) and "".join(texts).isdecimal() and max(map(len, texts)) <= 100


def is_scientific(text: str) -> bool:
    """Tell whether a spreadsheet wrote a long number as 1.23457E+17, which loses its digits."""
    return ("E" in text or "e" in text) and _SCIENTIFIC.fullmatch(text.strip()) is not None


# ---- amounts

TOO_LARGE, TOO_MANY = 10**10, 10**6  # of money, of pieces: together they fit a database's whole number

_AMOUNT = re.compile(
    r"(?P<before>-|−|\()?\s*(?:[^\d.,()\-−'’\s]{1,4}\.?)?\s*(?P<inside>-|−)?\s*"
    r"(?P<number>\d[\d.,'’\s]*|[.,]\d+)"
    r"\s*(?:[^\d.,()\-−'’\s]{1,4}\.?)?\s*(?P<after>-|−|\))?\s*(?P<footnote>\(.*\))?"
)  # fmt: skip
_NEARLY_NOTHING = re.compile(r"[+-]?\d(\.\d+)?e-\d{2,3}", re.IGNORECASE)  # what programs write for a sum that is zero
_BLANKS = re.compile(r"[\s'’]")
_GROUPED = {  # 1,234.50 and India's 1,00,000.50, or no groups at all
    mark: re.compile(rf"\d{{1,3}}(?:\{other}\d{{2,3}})*\{other}\d{{3}}(?:\{mark}\d*)?|\d*(?:\{mark}\d*)?")
    for mark, other in ((".", ","), (",", "."))
}


_USUAL_AMOUNTS = re.compile(r"(?:-?\d*(?:\.\d\d)?(?:\n|$))*")  # 12.50, one beneath the other


class AmountEvidence:
    """What a column's values say about its decimal mark."""

    __slots__ = ("commas", "dots", "unclear")

    def __init__(self):
        self.dots = self.commas = self.unclear = 0

    def feed(self, texts: Sequence[str]) -> None:
        """Look at further values of the column."""
        together = "\n".join(texts)
        if _USUAL_AMOUNTS.fullmatch(together):
            self.dots += "." in together
            return
        for text in set(texts):
            if "," in text or "." in text:
                self._feed(text)

    def _feed(self, text: str) -> None:
        number = _number_of(text)
        if number is None:
            return
        _sign, digits = number
        mark = max(digits.rfind("."), digits.rfind(","))
        if mark < 0:
            return
        before, decimal, after = digits[:mark], digits[mark], digits[mark + 1 :]
        other = "," if decimal == "." else "."
        if other not in before and decimal in before:
            decimal = other  # 1.234.567: a mark that repeats groups thousands
        elif other not in before and len(after) == 3 and before.lstrip("0") and len(before) <= 3:
            self.unclear += 1
            return
        if decimal == ".":
            self.dots += 1
        else:
            self.commas += 1

    def decide(self) -> str:
        """Return ".", ",", "both" (each cell speaks for itself) or "" (nothing in the column tells)."""
        if self.dots and self.commas:
            return "both"
        return "." if self.dots else "," if self.commas else ""


def _number_of(text: str) -> tuple[int, str] | None:
    """Return (sign, digits and marks) of an amount, or None if there is none."""
    found = _AMOUNT.fullmatch(unicodedata.normalize("NFKC", text).translate(_INVISIBLE).strip().lstrip("'"))
    if not found:
        return None
    is_negative = bool(found["before"] or found["inside"]) or found["after"] in ("-", "−")
    return -1 if is_negative else 1, _BLANKS.sub("", found["number"])


def read_amount(text: str, mark: str) -> Decimal | None:
    """Return the amount in a cell, None where it is empty; raise BadValue for what cannot be read without guessing."""
    number = _number_of(text)
    if number is None:
        if text.strip().casefold() in _EMPTY:
            return None
        if _NEARLY_NOTHING.fullmatch(text.strip()):
            return Decimal(0)
        raise BadValue(_("“%(text)s” is not an amount") % {"text": text[:40]})
    sign, digits = number
    if mark not in (".", ","):
        mark = _mark_of(digits, text)
    if not _GROUPED[mark].fullmatch(digits):
        raise BadValue(_("“%(text)s” is not written like the other amounts of its column") % {"text": text[:40]})
    plain = digits.replace("," if mark == "." else ".", "").replace(mark, ".")
    amount = Decimal(plain.translate(_ASCII_DIGITS))
    if amount >= TOO_LARGE:
        raise BadValue(_("“%(text)s” is too large to be believed") % {"text": text[:40]})
    return sign * amount


def _mark_of(digits: str, text: str) -> str:
    """Return the decimal mark of one cell in a column that does not tell."""
    evidence = AmountEvidence()
    evidence.feed([digits])
    if evidence.unclear:
        raise BadValue(
            _("“%(text)s” may be thousands or decimals; nothing else in the file tells which") % {"text": text[:40]}
        )
    return evidence.decide() or "."


_ASCII_DIGITS = {ord(char): str(unicodedata.decimal(char)) for char in "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९"}


def minor_reader(currency: str, mark: str) -> Callable[[str], int]:
    """Return a function that reads a cell into minor units; an empty cell is 0."""
    digits = money.digits(currency)
    step = Decimal(10) ** digits

    @lru_cache(maxsize=8192)
    def read(text: str) -> int:
        if not text:
            return 0
        whole, dot, cents = text.partition(mark if mark == "." else ".")
        if mark == "." and dot and len(cents) == digits and cents.isdecimal() and whole.isdecimal() and len(text) < 14:
            return int(whole + cents)
        amount = read_amount(text, mark)
        return 0 if amount is None else int((amount * step).to_integral_value(rounding=ROUND_HALF_EVEN))

    return read


_CENTS = re.compile(r"(?:-?\d{1,10}\.\d\d(?:\n|\Z))+", re.ASCII)  # 12.50, one beneath the other


def usual_minors(texts: Sequence[str]) -> list[int] | None:
    """Return what a column of amounts such as 12.50 is in cents; None where one is written otherwise."""
    together = "\n".join(texts)
    return list(map(int, together.replace(".", "").split("\n"))) if _CENTS.fullmatch(together) else None


def quantity_reader(mark: str) -> Callable[[str], float]:
    """Return a function that reads how many; an empty cell is 1."""

    @lru_cache(maxsize=4096)
    def read(text: str) -> float:
        text = text.strip()
        try:
            many = int(text)
        except ValueError:
            amount = read_amount(text, mark or ".")
            many = 1 if amount is None else float(amount)
        if abs(many) >= TOO_MANY:
            raise BadValue(_("“%(text)s” is too large to be believed") % {"text": text[:40]})
        return many

    return read


# ---- moments

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan janv ene gen januar january enero janvier gennaio januari janeiro",
            "feb fev fév févr february februar febrero février febbraio februari fevereiro",
            "mar mär mrt märz march marzo mars maart março",
            "apr abr avr april abril avril aprile",
            "may mai maj mayo mei maggio maio mag",
            "jun june juni junio juin giugno junho giu",
            "jul juil july juli julio juillet luglio julho lug",
            "aug ago aoû août august agosto augustus",
            "sep sept set september septiembre septembre settembre setembro",
            "oct okt out ott october oktober octubre octobre ottobre outubro",
            "nov november noviembre novembre novembro",
            "dec dez dic des déc december dezember diciembre décembre dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
_OFFSETS = {
    "utc": 0, "gmt": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "akst": -9, "akdt": -8, "hst": -10, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3,
    "msk": 3, "jst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
_CLOCK = (
    r"(?:[T,\s]+(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\.?)?"
    r"\s*(?P<zone>[A-Za-z]{1,4}|(?:UTC|GMT)?\s*[+-]\d{2}:?\d{2})?)?"
)
_NUMERIC = re.compile(
    rf"(?P<a>\d{{1,4}})(?P<sep>[./\-])(?P<b>\d{{1,2}})(?P=sep)(?P<c>\d{{1,4}})\.?{_CLOCK}", re.IGNORECASE
)
_NAMED = re.compile(
    rf"(?:\w{{2,9}}\.?,\s*)?(?:(?P<month1>[^\W\d_]{{3,10}})\.?[\s\-]*(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\.?[\s\-]*(?:de\s+)?(?P<month2>[^\W\d_]{{3,10}})\.?)"
    rf"[,\s\-]*(?:de\s+)?(?P<year>\d{{4}}|\d{{2}}(?=$|\s)){_CLOCK}",
    re.IGNORECASE,
)  # fmt: skip
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日(?:\s*(\d{1,2})[:时](\d{2})(?:[:分](\d{2}))?)?")
_EXCEL_EPOCH = dt.datetime(1899, 12, 30)
_YEARS = range(1980, 2101)


_ISO_DATES = re.compile(r"(?:(?:\d{4}-[^\n]*)?(?:\n|$))*")  # one beneath the other


class DateEvidence:
    """What a column's values say about the order of day and month."""

    __slots__ = ("day_first", "month_first", "unclear")

    def __init__(self):
        self.day_first = self.month_first = self.unclear = 0

    def feed(self, texts: Sequence[str]) -> None:
        """Look at further values of the column."""
        if not _ISO_DATES.fullmatch("\n".join(texts)):
            for text in set(texts):
                self._feed(text)

    def _feed(self, text: str) -> None:
        found = _NUMERIC.match(text.strip().lstrip("'"))
        if not found or len(found["a"]) == 4:
            return
        if int(found["a"]) > 12:
            self.day_first += 1
        elif int(found["b"]) > 12:
            self.month_first += 1
        else:
            self.unclear += 1

    def decide(self) -> bool | None:
        """Return whether the day stands first; None if the column does not tell or contradicts itself."""
        if bool(self.day_first) == bool(self.month_first):
            return None
        return self.day_first > 0


def moment_reader(zone: ZoneInfo, *, day_first: bool | None) -> Callable[[str], dt.datetime | None]:
    """Return a function that reads a cell into a moment in UTC; a time without a zone is the given zone's."""

    @lru_cache(maxsize=4096)
    def read(text: str) -> dt.datetime | None:
        if len(text) == 19:  # 2024-05-01 09:58:12, nearly always: a third of the time the way below takes
            try:
                local = dt.datetime.fromisoformat(f"{text}+00:00")
            except ValueError:
                pass
            else:
                return _believed(local, text) - zone.utcoffset(local)
        if text[19:20] == " " and len(text) == 25:
            text = text[:19] + text[20:]  # 2024-05-01 09:58:12 +0000
        try:
            local = dt.datetime.fromisoformat(text)
        except ValueError:
            local = _read_moment(clean(text), day_first)
            if local is None:
                return None
        _believed(local, text)
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(dt.UTC)

    return read


def usual_moments(texts: Sequence[str], zone: ZoneInfo) -> list[dt.datetime] | None:
    """Return the moments in UTC of a column such as 2024-05-01 09:58:12; None where one is written otherwise."""
    if {*map(len, texts)} != {19}:
        return None
    try:
        local = list(map(dt.datetime.fromisoformat, ("+00:00\n".join(texts) + "+00:00").split("\n")))
    except ValueError:
        return None
    if len(local) != len(texts) or min(local).year not in _YEARS or max(local).year not in _YEARS:
        return None
    return list(map(sub, local, map(zone.utcoffset, local)))


def _believed(moment: dt.datetime, text: str) -> dt.datetime:
    if moment.year not in _YEARS:
        raise BadValue(_("“%(text)s” is not a date we can believe") % {"text": text[:40]})
    return moment


def _read_moment(text: str, day_first: bool | None) -> dt.datetime | None:
    """Read what is not ISO: None where it is empty, else a moment with or without a zone, or BadValue."""
    if text.casefold() in _EMPTY or text.startswith("0000-00-00"):
        return None
    try:
        if found := _NUMERIC.fullmatch(text):
            return _with_clock(found, *_year_month_day(found, day_first, text))
        if (found := _NAMED.fullmatch(text)) and (
            month := _MONTHS.get((found["month1"] or found["month2"]).casefold())
        ):
            return _with_clock(found, _full_year(found["year"]), month, int(found["day1"] or found["day2"]))
        if found := _CHINESE.fullmatch(text):
            return dt.datetime(*(int(part or 0) for part in found.groups()))
        if re.fullmatch(r"\d{5}([.,]\d+)?", text):
            serial = dt.timedelta(days=float(text.replace(",", ".")))
            return (_EXCEL_EPOCH + serial + dt.timedelta(milliseconds=500)).replace(microsecond=0)
        if re.fullmatch(r"\d{10}|\d{13}", text):
            return dt.datetime.fromtimestamp(int(text[:10]), dt.UTC)
        if " " in text or text.endswith(("Z", "z")):  # 2024-05-01 09:58:12 UTC
            stamp, _blank, zone = text.rpartition(" ")
            if zone.casefold() in _OFFSETS:
                return dt.datetime.fromisoformat(stamp).replace(tzinfo=_fixed(zone))
    except (ValueError, OverflowError) as error:
        if isinstance(error, BadValue):
            raise
    raise BadValue(_("“%(text)s” is not a date we can read") % {"text": text[:40]})


def _year_month_day(found: re.Match, day_first: bool | None, text: str) -> tuple[int, int, int]:
    a, b = int(found["a"]), int(found["b"])
    if len(found["a"]) == 4:
        return a, b, int(found["c"])
    if len(found["c"]) not in (2, 4):
        raise ValueError(text)
    if day_first is None:
        if a <= 12 and b <= 12 and a != b:
            raise BadValue(_("In “%(text)s” day and month may be either way round") % {"text": text[:40]})
        day_first = a > 12
    day, month = (a, b) if day_first else (b, a)
    return _full_year(found["c"]), month, day


def _full_year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text) if int(text) < 70 else 1900 + int(text)


def _with_clock(found: re.Match, year: int, month: int, day: int) -> dt.datetime:
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0)
    return dt.datetime(year, month, day, hour, minute, second, tzinfo=_fixed(found["zone"]) if found["zone"] else None)


def _fixed(zone: str) -> dt.tzinfo:
    name = zone.strip().casefold()
    if name in _OFFSETS:
        return dt.timezone(dt.timedelta(hours=_OFFSETS[name]))
    if found := re.fullmatch(r"(?:utc|gmt)?\s*([+-])(\d{2}):?(\d{2})", name):
        offset = dt.timedelta(hours=int(found[2]), minutes=int(found[3]))
        return dt.timezone(-offset if found[1] == "-" else offset)
    raise ValueError(zone)
