"""Money: Decimal in Python, an integer of minor units with its currency in the database.

SQLite keeps decimals as floats, so 99999999999999.99 would come back as another number;
integers are exact on both databases. Minor units follow ISO 4217: 2 digits, except below.
"""

import re
import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal

DIGITS = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0)
DIGITS |= dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)

_PLAIN = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,6})?")


class BadMoney(ValueError):
    """The text is not an amount we can read without guessing."""


def digits(currency: str) -> int:
    """Return how many decimal digits the currency has."""
    return DIGITS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Return the amount in minor units, rounded half to even ("12.50", EUR -> 1250)."""
    return int((amount * 10 ** digits(currency)).to_integral_value(rounding=ROUND_HALF_EVEN))


def from_minor(minor: int, currency: str) -> Decimal:
    """Return minor units as a Decimal with the currency's digits (1250, EUR -> 12.50)."""
    return Decimal(minor).scaleb(-digits(currency))


def read_plain(text: str) -> Decimal:
    """Read "1234.50" as typed in a form or sent by a program; refuse anything ambiguous."""
    cleaned = unicodedata.normalize("NFKC", text).strip()
    if not _PLAIN.fullmatch(cleaned):
        raise BadMoney(text)
    return Decimal(cleaned)
