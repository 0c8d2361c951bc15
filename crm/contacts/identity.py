"""What a row says about a person, and the keys it may be known by. Plain values: no database."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from crm.contacts.calling_codes import CALLING_CODES
from crm.lib.columns import Columns

# Guards that spreadsheets and exports leave around a value, and characters nobody sees.
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad\u202a\u202b\u202c\u202d\u202e\x00"))
_ADDRESS = re.compile(r"[^@\s,;<>()\[\]\"]{1,64}@([^@\s,;<>()\[\]\"./\\]+(\.[^@\s,;<>()\[\]\"./\\]+)+)")
_DOTS_MEAN_NOTHING = {"gmail.com", "googlemail.com"}
_MASK = re.compile(r"[*#xX•＊]")
_SHORTEST_PHONE, _LONGEST_PHONE = 8, 15  # E.164: at most 15 digits; below 8 too many people share one
TYPED = "typed"  # the source of what the owner types
# The sources of what somebody was known by before a merge (ContactKey). No program can call itself that.
FORMER_EMAIL, FORMER_PHONE = "was:email", "was:phone"


@dataclass(slots=True)
class Person:
    """What one row says about a person; empty means the row does not say."""

    source: str
    key: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    company: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    birthday: dt.date | None = None
    language: str = ""
    tags: Iterable[str] = ()
    extra: dict = field(default_factory=dict)
    consent: str = ""  # "", "yes" or "no"
    consent_detail: str = ""
    joined_at: dt.datetime | None = None
    authoritative: bool = False
    line_number: int = 0


class People(Columns[Person]):
    """What many rows say about people, column by column."""

    KIND = Person

    def silent(self) -> list[bool]:
        """Tell of each whether a row of orders says who the person is and nothing about them."""
        telling = [column for column in self.columns(*_TELLING) if any(column)]
        return [not any(said) for said in zip(*telling)] if telling else [True] * len(self)


_TELLING = (
    "name", "email", "phone", "authoritative", "city", "country", "street", "postcode", "region", "company", "consent",
    "extra", "tags", "birthday", "language",
)  # fmt: skip


@lru_cache(maxsize=20_000)
def email_key(text: str) -> str | None:
    """Return what we match an address on: lower case, an international domain in its ASCII form."""
    cleaned = text.translate(INVISIBLE).strip(" \t\r\n'\"<>=\u00a0").lower().removeprefix("mailto:")
    found = _ADDRESS.fullmatch(cleaned)
    if not found or len(cleaned) > 254:
        return None
    if cleaned.isascii():
        return cleaned
    local, _at, domain = cleaned.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return None


@lru_cache(maxsize=20_000)
def phone_key(text: str, country: str = "") -> str | None:
    """Return the number's digits, with the country code where it is known; None for masked and short ones."""
    text = text.translate(INVISIBLE).strip()
    if _MASK.search(text):
        return None
    digits = "".join(str(int(char)) for char in text if char.isdecimal())
    calling = CALLING_CODES.get(country.strip().casefold(), "")
    marked = text.lstrip("'\"(= \u00a0\t").startswith(("+", "＋"))
    if not marked and digits.startswith("00"):
        marked, digits = True, digits[2:]
    if not marked and calling == "1":
        if not (len(digits) == 10 or (len(digits) == 11 and digits[0] == "1")):
            return None
        digits = "1" + digits[-10:]
    elif not marked and calling and not (digits.startswith(calling) and len(digits) > 10):
        digits = calling + (digits if calling == "39" else digits.lstrip("0"))
    if not _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE or len(set(digits)) <= 2:
        return None
    return digits


def mailbox(email_key: str) -> str:
    """Return where mail to an address ends up: what follows a plus is a label."""
    local, at, domain = email_key.rpartition("@")
    local = local.partition("+")[0]
    if domain in _DOTS_MEAN_NOTHING:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}{at}{domain}"
