"""What every shop format speaks.

A format is one module in this folder, named in the table of `__init__`. It is pure: rows of text in,
plain values out, no models. It offers

    SLUG, LABEL, KIND (ORDERS, CONTACTS or PRODUCTS), SOURCE (whose numbers these are)
    sniff(header) -> float                how sure it is, 0 to 1, by the names of the columns alone
    needs(header, mapping) -> Needs       what the survey must find out before reading
    parse(groups, options) -> Iterator[Purchase | Person | Item | BadRow]

and, where it is worth it, for files in which each row is an order by itself

    in_columns(options) -> (list[Row]) -> Purchases | None     None where a row is written otherwise: parse reads it

`groups` are lists of (line number, cells): all rows of one order (or person) together, wherever they
stood in the file. Cells are padded to the header's width, plus one empty cell, so that a column the file does
not have can be read at index `options.missing`.
"""

import datetime as dt
import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.contacts.identity import Person, email_key
from crm.imports.values import BadValue, clean, fold, minor_reader, moment_reader, quantity_reader
from crm.orders.purchases import Item, Purchase, PurchaseLine

Row = tuple[int, list[str]]
Group = list[Row]
T = TypeVar("T")

ORDERS, CONTACTS, PRODUCTS = "orders", "contacts", "products"
SURE = 0.5  # from here on a file is read without asking

_SECRET = re.compile(
    r"(user )?pass(word|wd)?( hash)?|.*password.*|.*session tokens?.*|.*\b(access|auth|api|rp) (token|key)|secret"
    r"|.*\b(card|cc|pan) (number|suffix|last ?4?|digits|fingerprint|exp (month|year))|last ?4|cvv|iban"
    r"|(.* )?ip( address)?|.*\buser agent"
    r"|.*\b(national|citizen) id.*|cpf( .*)?|.*\btax identifier value|(national ?)?registration ?number|order key"
)
_PRIVATE = re.compile(r"note attributes|payment (reference|id)s?|transaction id|device id")


@dataclass(slots=True)
class BadRow:
    """A row we cannot use, as it stood, and why."""

    line_number: int
    cells: list[str]
    reason: str


@dataclass(slots=True)
class Addition:
    """What adds to an order the books know, such as a refund of an older sale; else its rows are set aside."""

    purchase: Purchase
    bad: list[BadRow]


class Header:
    """The names of a file's columns."""

    def __init__(self, names: Sequence[str]):
        self.names = list(names)
        self.index: dict[str, int] = {}
        for index, name in enumerate(names):
            self.index.setdefault(fold(name), index)

    def __contains__(self, name: str) -> bool:
        return name in self.index

    def __len__(self) -> int:
        return len(self.names)

    def find(self, *names: str) -> int | None:
        """Return the place of the first of these (folded) names that the file has."""
        return next((self.index[name] for name in names if name in self.index), None)

    def share(self, names: Sequence[str]) -> float:
        """Return which part of these names the file has."""
        return sum(name in self.index for name in names) / len(names)

    def secret(self) -> set[int]:
        """Return the columns that are never stored: passwords, tokens, card digits, addresses of machines."""
        return {index for index, name in enumerate(self.names) if _SECRET.fullmatch(fold(name))}

    def private(self) -> set[int]:
        """Return the columns that are kept out of everything we show or store about a row."""
        return self.secret() | {index for index, name in enumerate(self.names) if _PRIVATE.fullmatch(fold(name))}


@dataclass(slots=True)
class Needs:
    """What a format wants to know about the whole file before it reads it."""

    order_key: Callable[[list[str]], str | None] | None = None  # rows of one key belong together; "" = to the row above
    amounts: tuple[int, ...] = ()
    dates: tuple[int, ...] = ()
    fingerprint: Callable[[list[str]], str] | None = None  # of rows without a number of their own
    tags: Callable[[list[list[str]]], Counter[str]] | None = None  # words for some rows, counted
    day_first: bool | None = None  # how the platform writes dates, where the column itself does not tell


@dataclass(slots=True)
class Options:
    """How to read this file, as the survey found it and the owner said it."""

    header: Header
    zone: ZoneInfo
    currency: str
    mapping: Mapping[str, int] = field(default_factory=dict)
    marks: Mapping[int, str] = field(default_factory=dict)  # column -> decimal mark
    mark: str = "."  # of the columns nothing is known about
    day_first: bool | None = None
    repeated: frozenset[int] = frozenset()  # checksums of fingerprints that occur more than once
    tags: Counter[str] = field(default_factory=Counter)  # how often Needs.tags said what
    source: str = ""
    file_name: str = ""  # as the platform called it: some say there what no column says
    warn: Callable[[str, int], None] = lambda code, line_number: None
    _moments: Callable | None = None
    _minors: dict = field(default_factory=dict)
    _quantities: dict = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """Return the index of the empty cell at the end of every row."""
        return len(self.header)

    def columns(self, aliases: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Return the place of each field by the folded names it may have; `missing` where the file has none."""
        found = {name: self.header.find(*names) for name, names in aliases.items()}
        return {name: self.missing if index is None else index for name, index in found.items()}

    def minor(self, column: int, currency: str) -> Callable[[str], int]:
        """Return a function that reads this column's cells into minor units."""
        mark = self.marks.get(column, self.mark)
        reader = self._minors.get((mark, currency))
        if reader is None:
            reader = self._minors[mark, currency] = minor_reader(currency, mark)
        return reader

    def quantity(self, column: int) -> Callable[[str], float]:
        """Return a function that reads this column's cells into a number of pieces."""
        mark = self.marks.get(column, self.mark)
        reader = self._quantities.get(mark)
        if reader is None:
            reader = self._quantities[mark] = quantity_reader(mark)
        return reader

    @property
    def moment(self) -> Callable[[str], dt.datetime | None]:
        if self._moments is None:
            self._moments = moment_reader(self.zone, day_first=self.day_first)
        return self._moments


class Format(Protocol):
    """The shape of a format module."""

    SLUG: str
    LABEL: str | Promise
    KIND: str
    SOURCE: str

    def sniff(self, header: Header) -> float: ...

    def needs(self, header: Header, mapping: Mapping[str, int]) -> Needs: ...

    def parse(self, groups: Iterator[Group], options: Options) -> Iterator[Purchase | Person | Item | BadRow]: ...


def checksum(text: str) -> int:
    """Return a number of eight bytes that stands for a text in every process; rarely another text has the same."""
    if len(text) < 19 and text.isdecimal():
        return int(text)
    said = text.encode("utf-8", "surrogatepass")
    return zlib.crc32(said) << 31 ^ zlib.adler32(said)


def checksums(texts: Sequence[str]) -> Iterable[int]:
    """Return the checksum of each; of short numbers, nearly always, all in one go."""
    if all(texts) and max(map(len, texts)) < 19 and "".join(texts).isdecimal():
        return map(int, texts)
    return map(checksum, texts)


@dataclass(slots=True, frozen=True)
class KeyIn:
    """An order_key that reads one column, and asks `otherwise` of a row with nothing there."""

    column: int
    otherwise: Callable[[list[str]], str | None] = lambda cells: ""

    def __call__(self, cells: list[str]) -> str | None:
        return cells[self.column].strip() or self.otherwise(cells)

    def of(self, block: list[list[str]]) -> list[str | None]:
        """Return the key of each row."""
        column = self.column
        keys = [cells[column].strip() for cells in block]
        return keys if all(keys) else list(map(self, block))


def once(group: Group, telling: int) -> Group:
    """Return the rows of an order without exact repeats: the same row twice is one row.

    `telling` is a column that usually differs from row to row; only where it does not are rows compared.
    """
    if len(group) == 1 or len({cells[telling] for _line, cells in group}) == len(group):
        return group
    seen, rows = set(), []
    for row in group:
        text = "\x1f".join(row[1])
        if text not in seen:
            seen.add(text)
            rows.append(row)
    return rows


def merged(group: Group, columns: Sequence[int]) -> list[str]:
    """Return the first row with each of these columns filled from the first row that has it."""
    first = group[0][1]
    if len(group) > 1:
        for column in columns:
            if not first[column]:
                for _line, cells in group[1:]:
                    if cells[column]:
                        first[column] = cells[column]
                        break
    return first


def each_order(
    groups: Iterator[Group],
    options: Options,
    aliases: Mapping[str, Sequence[str]],
    build: Callable[[Group, list[str], dict[str, int], Options], Purchase | BadRow],
    *,
    of_the_line: Collection[str],
    telling: str = "item",
) -> Iterator[Purchase | BadRow]:
    """Return what `build(rows, cells, column, options)` makes of each order, or its rows as bad where it cannot.

    `rows` are those of the order without exact repeats; `cells` is its first row with the columns of the order filled
    from the first row that has them (those `of_the_line` stay as they stand); `telling` is a field that usually
    differs from row to row.
    """
    column = options.columns(aliases)
    of_the_order = [index for name, index in column.items() if name not in of_the_line and index != options.missing]

    def order(group: Group) -> Purchase | BadRow:
        rows = once(group, column[telling])
        return build(rows, merged(rows, of_the_order), column, options)

    return each(groups, order)


def each(groups: Iterator[Group], build: Callable[[Group], T]) -> Iterator[T | BadRow]:
    """Yield what `build(group)` makes of each group, or its rows as bad where it cannot."""
    for group in groups:
        try:
            yield build(group)
        except BadValue as error:
            yield from bad(group, error)


def bad(group: Group, error: BadValue | str) -> Iterator[BadRow]:
    """Yield every row of an order that cannot be used."""
    for line_number, cells in group:
        yield BadRow(line_number, cells[:-1], str(error))


def required_moment(text: str, options: Options) -> dt.datetime:
    """Return the moment in a cell that must have one."""
    moment = options.moment(text)
    if moment is None:
        raise BadValue(_("The row has no date"))
    return moment


def required_total(text: str, minor: Callable[[str], int]) -> int:
    """Return the total of an order, which must be there and not negative."""
    if not text.strip():
        raise BadValue(_("The order has no total"))
    total = minor(text)
    if total < 0:
        raise BadValue(_("The order's total is negative"))
    return total


def joined(text: str, options: Options, line_number: int, moment: Callable | None = None) -> dt.datetime | None:
    """Return when somebody joined; a day nobody can read costs a warning, not the row."""
    try:
        return (moment or options.moment)(text)
    except BadValue:
        options.warn("joined_unread", line_number)
        return None


def price(text: str, minor: Callable[[str], int]) -> int | None:
    """Return the price of a product, None where the cell does not say."""
    if not text.strip():
        return None
    amount = minor(text)
    if amount < 0:
        raise BadValue(_("The price “%(text)s” is negative") % {"text": text[:40]})
    return amount


def stock(cells: Sequence[str], column: int, options: Options) -> float | None:
    """Return how many are on hand; None where the cell holds no number, 0 where more were sold than there were."""
    text = clean(cells[column])
    if not text:
        return None
    try:
        return max(options.quantity(column)(text), 0)
    except BadValue:
        return None  # "InStock", "parent": a word and no count


def birthday(text: str) -> dt.date | None:
    """Return a day written as year, month, day; None for anything else, since a birthday is not worth a row."""
    try:
        return dt.date.fromisoformat(clean(text)[:10])
    except ValueError:
        return None


@lru_cache(maxsize=256)
def currency_code(text: str, default: str) -> str:
    """Return the currency of a row: three letters, else the one of the file."""
    code = text.strip().upper()
    if len(code) == 3 and code.isascii() and code.isalpha():
        return code
    if code:
        raise BadValue(_("“%(text)s” is not a currency code such as EUR") % {"text": text[:20]})
    return default


_SIGNS = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB", "₴": "UAH", "₫": "VND", "₪": "ILS",
    "zł": "PLN", "kč": "CZK", "ft": "HUF", "r$": "BRL", "us$": "USD", "ca$": "CAD", "a$": "AUD", "au$": "AUD",
    "nz$": "NZD", "hk$": "HKD", "mx$": "MXN", "s$": "SGD",
}  # fmt: skip
_BETWEEN_ADDRESSES = re.compile(r"[;,，；\s]+")
_ITALIAN_ID = re.compile(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", re.IGNORECASE)
_BESIDE_NUMBER = re.compile(r"[\d.,'’\s()+\-−]+")


@lru_cache(maxsize=4096)
def currency_in(text: str, default: str) -> str:
    """Return the currency whose sign or code stands beside an amount; `default` where none does or it means many."""
    sign = _BESIDE_NUMBER.sub("", clean(text))
    if len(sign) == 3 and sign.isascii() and sign.isalpha():
        return sign.upper()
    return _SIGNS.get(sign.casefold(), default)


def order_number(text: str) -> str:
    """Return an order's number as text, refusing one whose digits a spreadsheet has lost."""
    if text.isdecimal():  # nearly always
        return text[:120]
    number = clean(text)
    if "E+" in number.upper():
        raise BadValue(
            _("“%(text)s” is not the whole number: a spreadsheet shortened it. Export again and do not open it there")
            % {"text": number[:40]}
        )
    if not number:
        raise BadValue(_("The row has no order number"))
    return number[:120]


def person_name(*parts: str) -> str:
    """Return the parts that say something, with one blank between them."""
    return " ".join([said for part in parts if part and (said := clean(part))])[:200]


def addresses(text: str) -> Iterator[str]:
    """Yield the e-mail addresses of a cell; masked ones are none."""
    for part in _BETWEEN_ADDRESSES.split(text):
        part = part.strip("<>()\"'").removeprefix("mailto:")
        if "*" not in part and email_key(part):
            yield part


def first_email(text: str) -> str:
    """Return the e-mail of a cell; the first one where it holds several."""
    text = clean(text)
    return text if text.count("@") < 2 else next(addresses(text), text)


@lru_cache(maxsize=4096)
def company(text: str) -> str:
    """Return a company's name; nothing where the cell holds a person's number: some shops ask for it there."""
    text = clean(text)
    letters = sum(char.isalpha() for char in text)
    is_number = letters <= 2 and sum(char.isdecimal() for char in text) >= 7
    return "" if is_number or _ITALIAN_ID.fullmatch(text) else text


def person_of(cells: Sequence[str], column: Mapping[str, int], *, source: str, line_number: int, **said) -> Person:
    """Return the person of a row whose columns go by the usual names; what is `said` is taken as said."""

    def text(name: str) -> str:
        return clean(cells[column.get(name, -1)])  # the last cell is the empty one

    name, street, more = text("name"), text("street"), text("street2")
    return Person(
        source=source, line_number=line_number,
        **{
            "name": name[:200] if name else person_name(text("first"), text("middle"), text("last")),
            "email": first_email(cells[column.get("email", -1)]), "phone": text("phone"),
            "company": company(cells[column.get("company", -1)]),
            "street": f"{street} {more}".strip() if more else street, "postcode": text("zip"), "city": text("city"),
            "region": text("region"), "country": text("country"),
        } | said,
    )  # fmt: skip


def lines_of(
    rows: Group, column: Mapping[str, int], options: Options, currency: str
) -> list[PurchaseLine]:
    """Return the lines of an order whose columns go by the usual names: a price of one, less the line's discount."""
    minor, quantity = options.minor(column["price"], currency), options.quantity(column["quantity"])
    item, sku, count, price = (column[name] for name in ("item", "sku", "quantity", "price"))
    variant, whole, discount, category = (
        column.get(name, options.missing) for name in ("variant", "line_total", "line_discount", "category")
    )
    lines = []
    for _line_number, cells in rows:
        if not cells[item] and not cells[sku]:
            continue
        many, unit, said = quantity(cells[count]), minor(cells[price]), cells[whole].strip()
        lines.append(
            PurchaseLine(
                name=", ".join(filter(None, (clean(cells[item]), clean(cells[variant])))), sku=clean(cells[sku]),
                quantity=many, unit_price_minor=unit, category=clean(cells[category]),
                total_minor=minor(said) if said else round(unit * many) - abs(minor(cells[discount])),
            )
        )  # fmt: skip
    return lines


def is_yes(text: str) -> bool:
    return text.strip().casefold() in {"yes", "true", "1", "y", "subscribed", "ja", "oui", "sí", "si", "是"}


def is_no(text: str) -> bool:
    return text.strip().casefold() in {"no", "false", "0", "n", "unsubscribed", "nein", "non", "否"}


__all__ = [
    "CONTACTS", "ORDERS", "PRODUCTS", "SURE", "Addition", "BadRow", "BadValue", "Format", "Group", "Header", "Item",
    "KeyIn", "Needs", "Options", "Person", "Purchase", "PurchaseLine", "Row", "addresses", "bad", "birthday",
    "checksum", "checksums", "clean", "company", "currency_code", "currency_in", "each", "each_order", "first_email",
    "fold", "is_no", "is_yes", "joined", "lines_of", "merged", "once", "order_number", "person_name", "person_of",
    "price", "required_moment", "required_total", "stock",
]  # fmt: skip
