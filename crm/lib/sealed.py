"""Keep a text in the database so that nobody can read it without this box's SECRET_KEY."""

import base64
import hashlib
import hmac

from django.conf import settings


def seal(purpose: str, text: str) -> str:
    """Return a text encrypted for one purpose."""
    return _box(purpose).encrypt(text.encode()).decode()


def unseal(purpose: str, sealed: str) -> str | None:
    """Return what was sealed, or None where the key is another one: a copy of the database on another box."""
    from cryptography.fernet import InvalidToken

    try:
        return _box(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _box(purpose: str):
    from cryptography.fernet import Fernet, MultiFernet  # 8 MB that an idle box need not hold

    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    derived = [hmac.digest(key.encode(), f"regulars.{purpose}".encode(), hashlib.sha256) for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])
