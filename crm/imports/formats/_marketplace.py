"""What files of marketplaces, tills and payment services share: relays, signs of money, clocks, rows left out."""

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.imports.formats import base
from crm.imports.formats.base import Addition, BadValue, Group, Options, Purchase, clean
from crm.imports.values import is_scientific, moment_reader
from crm.orders.purchases import REFUNDS, Told

_NOTHING = {"-", "--", "—", "–", "nan", "n/a", "null", "none"}
_RELAY = re.compile(r"@(marketplace\.amazon\.|members\.ebay\.|scs\d*\.tiktok|.*\.tiktokshop\.)", re.IGNORECASE)
_DOLLARS = {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "TWD", "CLP", "COP", "ARS"}
_COUNTRY_BEFORE_SIGN = re.compile(r"^([-−(]?)\s*[A-Z]{1,3}\s+(?=[$£€])")
_ZONES = {  # the names of Rails, which Square writes
    "hawaii": "Pacific/Honolulu", "alaska": "America/Anchorage", "pacific time (us & canada)": "America/Los_Angeles",
    "arizona": "America/Phoenix", "mountain time (us & canada)": "America/Denver",
    "central time (us & canada)": "America/Chicago", "eastern time (us & canada)": "America/New_York",
    "indiana (east)": "America/Indiana/Indianapolis", "saskatchewan": "America/Regina",
    "atlantic time (canada)": "America/Halifax", "newfoundland": "America/St_Johns",
    "puerto rico": "America/Puerto_Rico",
    "london": "Europe/London", "edinburgh": "Europe/London", "dublin": "Europe/Dublin", "lisbon": "Europe/Lisbon",
    "madrid": "Europe/Madrid", "paris": "Europe/Paris", "berlin": "Europe/Berlin", "rome": "Europe/Rome",
    "tokyo": "Asia/Tokyo", "osaka": "Asia/Tokyo", "perth": "Australia/Perth", "adelaide": "Australia/Adelaide",
    "darwin": "Australia/Darwin", "brisbane": "Australia/Brisbane", "sydney": "Australia/Sydney",
    "melbourne": "Australia/Melbourne", "canberra": "Australia/Sydney", "hobart": "Australia/Hobart",
    "auckland": "Pacific/Auckland",
}  # fmt: skip


def said(text: str) -> str:
    """Return the cell's text, or nothing where a dash or the like stands for nothing."""
    text = clean(text)
    return "" if text.casefold() in _NOTHING else text


def address(text: str) -> str:
    """Return an e-mail the shop may keep; a relay's is not the buyer's and must not be written to."""
    text = said(text)
    return "" if _RELAY.search(text) else text


def relay(text: str) -> str:
    """Return a relay's address, which is a key of its own; nothing if the address is the buyer's."""
    text = said(text).lower()
    return text if _RELAY.search(text) else ""


def handle(text: str) -> str:
    """Return a buyer's name or number on a platform, by which to know them; nothing where many would share it.

    Those are masks, and long numbers that a spreadsheet has shortened.
    """
    text = said(text)
    return "" if "*" in text or "•" in text or "＊" in text or is_scientific(text) else text


def amount(text: str) -> str:
    """Return an amount without the country that stands before its sign (US $45.99)."""
    return _COUNTRY_BEFORE_SIGN.sub(r"\1", text.strip())


def currency_of(text: str, default: str) -> str:
    """Return the currency an amount is written in; a bare $ is the shop's own dollar, or the American one."""
    if default not in _DOLLARS and text.strip(" ()-−0123456789.,") == "$":
        return "USD"
    return base.currency_in(text, default)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    name = _ZONES.get(" ".join(name.casefold().split()), name)
    if "/" not in name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@lru_cache(maxsize=64)
def _clock(zone: ZoneInfo, day_first: bool | None) -> Callable:
    return moment_reader(zone, day_first=day_first)


def moment(date: str, time: str, zone: str, options: Options):
    """Return the moment that stands in two or three columns; a zone we do not know is the file's."""
    text, zone = f"{clean(date)} {clean(time)}".strip(), clean(zone)
    if not text:
        raise BadValue(_("The row has no date"))
    if named := _zone(zone) if zone else None:
        found = _clock(named, options.day_first)(text)
    else:
        try:
            found = options.moment(f"{text} {zone}".strip())
        except BadValue:
            found = options.moment(text)
    if found is None:
        raise BadValue(_("The row has no date"))
    return found


def own_number(column: int) -> Callable[[list[str]], str | None]:
    """Return an order_key for files whose every row has its number: one without belongs to no other row."""
    return lambda cells: clean(cells[column]) or None


def leave_out(groups: Iterator[Group], options: Options, why: Callable[[list[str]], str]) -> Iterator[Group]:
    """Yield the groups without the rows `why` gives a code for; each such row is counted under its code."""
    for group in groups:
        kept = []
        for row in group:
            if code := why(row[1]):
                options.warn(code, row[0])
            else:
                kept.append(row)
        if kept:
            yield kept


def refund_without_sale() -> BadValue:
    """Return the reason for a refund whose sale is not in the file: alone it would be an order of its own."""
    return BadValue(
        _(
            "The sale that was refunded is neither in this file nor among your orders: import the file with the sale"
            " first, then this file again"
        )
    )


def refunds_of(source: str, rows: Iterable[tuple[str, int, dt.datetime]]) -> tuple[Told, ...]:
    """Return refunds (number, amount, when) of an order by what they are known by, in whichever file they stand.

    That is their number, else when and how much, and which of several equal ones.
    """
    seen: Counter[str] = Counter()
    found = []
    for number, amount_minor, at in rows:
        key = f"{source}:{number or f'{at.astimezone(dt.UTC):%Y%m%d%H%M%S}:{amount_minor}'}"[:140]
        seen[key] += 1
        found.append((key if seen[key] == 1 else f"{key}#{seen[key]}", amount_minor, at))
    return tuple(found)


def refunds_of_older(
    group: Group, refunds: tuple[Told, ...], *, source: str, number: str, currency: str, tells: str = REFUNDS
) -> Addition:
    """Return refunds whose sale is not in the file: they go to the one in the books, or are rejected.

    A report that leaves tips or taxes out `tells` NET_REFUNDS, so that another may tell all of it.
    """
    purchase = Purchase(
        source=source, number=base.order_number(number), placed_at=refunds[0][2], currency=currency, total_minor=0,
        refunded_minor=sum(amount for _key, amount, _at in refunds), refunds=refunds, line_number=group[0][0],
        tells=tells,
    )  # fmt: skip
    return Addition(purchase, list(base.bad(group, refund_without_sale())))


class Numbers:
    """Numbers for rows that have none: what the row says, and which of several equal rows it is."""

    def __init__(self, options: Options, columns: Sequence[int]):
        self.options, self.fingerprint = options, fingerprint(columns)
        self.occurrences: dict[int, int] = {}

    def of(self, cells: list[str], placed_at) -> str:
        """Return the row's number; the same whenever the file is read again."""
        text = self.fingerprint(cells)
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
        number = f"{placed_at.astimezone(self.options.zone):%Y%m%d}:{digest}"
        if base.checksum(text) in self.options.repeated:  # equal rows are real: two coffees in one minute
            count = self.occurrences[text] = self.occurrences.get(text, 0) + 1
            number += f":{count}" if count > 1 else ""
        return number


def fingerprint(columns: Sequence[int]) -> Callable[[list[str]], str]:
    """Return a function that puts these columns of a row into one text."""
    return lambda cells: "\x1f".join([cells[index].strip() for index in columns])
