"""What the contact lists share: names in parts, birthdays, labels, several addresses, an answer to "may we write?"."""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterable, Iterator

from crm.contacts.identity import email_key
from crm.imports.formats import _china, base
from crm.imports.formats.base import Header, clean

JOINED = " ::: "  # how address books put several values into one cell
_TOLD = 500  # characters of a column we have no field for


# ---- names

_EAST_ASIAN = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]+")


def full_name(*parts: str) -> str:
    """Return a name from its given, middle and family parts; 太郎 and 山本 make 山本太郎."""
    parts = [clean(part) for part in parts]
    told = [part for part in parts if part]
    if len(told) == 2 and all(map(_is_east_asian, told)):
        return "".join(reversed(told))[:200]
    return base.person_name(*told)


def _is_east_asian(text: str) -> bool:
    return _EAST_ASIAN.fullmatch(text) is not None


# ---- birthdays

_YEAR_FIRST = re.compile(r"(\d{4})[-/.年]\s?(\d{1,2})[-/.月]\s?(\d{1,2})日?(?:[T ].*)?|(\d{4})(\d\d)(\d\d)")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d\d)(?:[T ].*)?")
_YEARLESS = re.compile(r"--(\d\d)-?(\d\d)|(\d{1,2})[-/.月](\d{1,2})日?")
_NAMED = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y")
_NO_YEAR = {1604, 1, 0}  # what address books write for a birthday without a year
_YEARS = range(1880, 2101)


def birthday(text: str, *, day_first: bool | None = None) -> tuple[dt.date | None, dict[str, str]]:
    """Return (the day somebody was born, what to note instead): a day without a year is noted as --MM-DD.

    A birthday nobody can read costs nobody their row: it is noted as it stands.
    """
    text = clean(text)
    if not text or not re.search(r"[1-9]", text):
        return None, {}
    try:
        year, month, day = _parts(text, day_first)
        if year in _NO_YEAR:
            dt.date(2000, month, day)
            return None, {"birthday": f"--{month:02}-{day:02}"}
        if year in _YEARS:
            return dt.date(year, month, day), {}
    except ValueError:
        pass
    return None, {"birthday_text": text[:40]}


def _parts(text: str, day_first: bool | None) -> tuple[int, int, int]:
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = (int(part) for part in found.groups() if part)
        return year, month, day
    if found := _YEAR_LAST.fullmatch(text):
        first, second, year = (int(part) for part in found.groups())
        if len(found[3]) == 2:
            year += 1900 if year > 25 else 2000
        return year, *_month_and_day(first, second, day_first)
    if found := _YEARLESS.fullmatch(text):
        if found[1]:
            return 0, int(found[1]), int(found[2])
        return 0, *_month_and_day(int(found[3]), int(found[4]), day_first)
    for pattern in _NAMED:
        try:
            told = dt.datetime.strptime(text, pattern)
        except ValueError:
            continue
        return told.year, told.month, told.day
    raise ValueError(text)


def _month_and_day(first: int, second: int, day_first: bool | None) -> tuple[int, int]:
    if first > 12 or (day_first and second <= 12):
        return second, first
    return first, second


# ---- several in one cell


def tags(text: str, separators: str = ",;，；、") -> list[str]:
    """Return the labels of a cell."""
    return list(dict.fromkeys(tag for part in re.split(f"[{separators}]", text) if (tag := clean(part)[:40])))


def values(cells: Iterable[str]) -> Iterator[str]:
    """Yield each value of these cells, in order; one cell may hold several."""
    for cell in cells:
        for part in cell.split(JOINED.strip()):
            if value := clean(part):
                yield value


def emails(cells: Iterable[str]) -> list[str]:
    """Return the addresses in these cells that are addresses, the first one first; masked ones are none."""
    found = {}
    for value in values(cells):
        for address in base.addresses(value):
            found.setdefault(email_key(address), address)
    return list(found.values())


_NUMBER = re.compile(r"[+＋]?[\d(][\d\s()./-]{4,}")


def phones(cells: Iterable[str]) -> list[str]:
    """Return the numbers in these cells that are numbers; masked ones are none."""
    told = (_NUMBER.search(value) for value in values(cells) if _china.said(value))
    return list(dict.fromkeys(found[0].strip(" .-/") for found in told if found))


def others(emails: list[str], phones: list[str]) -> dict[str, str]:
    """Return what to note of further addresses and numbers: a person has one of each that we write to."""
    noted = {"other_emails": ", ".join(emails[1:]), "other_phones": ", ".join(phones[1:])}
    return {name: text[:_TOLD] for name, text in noted.items() if text}


def rest(header: Header, used: Collection[int], skipped: Collection[str] = ()) -> Callable[[list[str]], dict[str, str]]:
    """Return a function that tells what the columns we have no field for say of a row.

    Secrets and a platform's own notes are left out.
    """
    hidden = header.private()
    kept = [
        (index, name.strip()[:60])
        for index, name in enumerate(header.names)
        if name.strip() and index not in used and index not in hidden and base.fold(name) not in skipped
    ]
    return lambda cells: {name: text[:_TOLD] for index, name in kept if (text := clean(cells[index]))}


# ---- consent

_YES = {
    "subscribed", "opted in", "opt in", "opt-in", "confirmed", "active", "accepted", "已订阅", "同意", "订阅", "sì",
    "x", "✓",
}  # fmt: skip
_NO = {
    "unsubscribed", "opted out", "opt out", "opt-out", "cleaned", "bounced", "complained", "suppressed", "declined",
    "hard bounce", "spam", "未订阅", "退订", "已退订", "不同意", "拒绝", "no consent", "do not contact",
}  # fmt: skip


def answer(text: str) -> str:
    """Return "yes" or "no" where a cell answers; never asked, blank and words we do not know are no answer."""
    word = clean(text).casefold().replace("_", " ")
    if word in _NO or base.is_no(word):
        return "no"
    return "yes" if word in _YES or base.is_yes(word) else ""
