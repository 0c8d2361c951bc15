"""Signed tokens for links that work without a login, and hashes that outlive the data they stand for."""

import hashlib
import hmac

from django.conf import settings
from django.core import signing


def sign(purpose: str, value: str | int) -> str:
    """Return a short signed token for one purpose; it does not expire."""
    return _signer(purpose).sign(str(value))


def read(purpose: str, token: str) -> str | None:
    """Return what a token of this purpose stands for, or None if it is not ours."""
    try:
        return _signer(purpose).unsign(token)
    except signing.BadSignature:
        return None


def _signer(purpose: str) -> signing.Signer:
    return signing.Signer(salt=f"regulars.{purpose}", sep=".")  # a colon would have to be escaped in some mails


def keyed_hash(value: str) -> str:
    """Return a keyed hash of an address, so that "never write here" survives erasing the person."""
    return hmac.new(settings.SECRET_KEY.encode(), value.encode(), hashlib.sha256).hexdigest()
