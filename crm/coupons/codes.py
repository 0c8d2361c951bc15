"""The letters of a code: read as people type them, made so that nobody guesses them, kept as a hash.

32 letters and digits without those that look alike (0 O, 1 I): each carries 5 bits, twelve carry 60. A code is made
from the secret key, its coupon and its number, so it can be shown again and stands nowhere in the database.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterator

from django.conf import settings

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
RANDOM = 12
_GROUP = 4


def fold(text: str) -> str:
    """Return a code as it is compared: capital letters, without blanks and dashes."""
    text = unicodedata.normalize("NFKC", text).upper()
    return "".join(char for char in text if char.isalnum())[:40]


def hashed(text: str) -> str:
    """Return what a code is stored as now."""
    return _hash(settings.SECRET_KEY, fold(text))


def hashes(text: str) -> Iterator[str]:
    """Yield what a code may be stored as: under today's key and under those before it."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield _hash(key, fold(text))


def made(coupon_id: int, number: int, *, prefix: str = "") -> str:
    """Return the code of this number, made under today's key: "TEA-7KQM-R2XW-9FHT"."""
    return _made(settings.SECRET_KEY, coupon_id, number, prefix)


def shown(coupon_id: int, number: int, code_hash: str, *, prefix: str = "") -> str:
    """Return the code of this number as it was handed out, whichever key it was made under; "" if none fits."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        text = _made(key, coupon_id, number, prefix)
        if _hash(key, fold(text)) == code_hash:
            return text
    return ""


def _made(key: str, coupon_id: int, number: int, prefix: str) -> str:
    digest = hmac.digest(key.encode(), f"regulars.coupon.{coupon_id}.{number}".encode(), "sha256")
    bits = int.from_bytes(digest[:8], "big")
    letters = "".join(LETTERS[(bits >> (5 * place)) & 31] for place in range(RANDOM))
    groups = [letters[start : start + _GROUP] for start in range(0, RANDOM, _GROUP)]
    return "-".join([prefix, *groups] if prefix else groups)


def _hash(key: str, folded: str) -> str:
    return hmac.new(key.encode(), b"regulars.code." + folded.encode(), hashlib.sha256).hexdigest()
