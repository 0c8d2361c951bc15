"""Signed tokens for links that work without a login, and hashes that outlive the data they stand for."""

import hashlib
import hmac

from django.conf import settings
from django.core import signing


def sign(purpose: str, value: str | int) -> str:
    """Return a short signed token for one purpose; it does not expire."""
    return signing.Signer(salt=f"regulars.{purpose}").sign(str(value)).replace(":", ".")


def read(purpose: str, token: str) -> str | None:
    """Return what a token of this purpose stands for, or None if it is not ours."""
    value, dot, signature = token.rpartition(".")
    if not dot:
        return None
    try:
        return signing.Signer(salt=f"regulars.{purpose}").unsign(f"{value}:{signature}")
    except signing.BadSignature:
        return None


def keyed_hash(value: str) -> str:
    """Return a keyed hash of an address, so that "never write here" survives erasing the person."""
    return hmac.new(settings.SECRET_KEY.encode(), value.encode(), hashlib.sha256).hexdigest()
