"""The second step of a login: six digits that an app and this box work out of one secret and the time (RFC 6238)."""

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import unicodedata
from urllib.parse import quote, urlencode

from django.db import transaction

from crm.accounts.models import RecoveryCode, TwoStep, User
from crm.lib import sealed

SECONDS, DIGITS, DRIFT = 30, 6, 1  # a clock may be one step early or late
RECOVERY_CODES = 10
_PURPOSE = "two-step"


class Unreadable(RuntimeError):
    """The secret was sealed with another SECRET_KEY; recovery codes and `manage.py let_in` still work."""


def code(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """Return the digits of a time step: RFC 6238, section 4.2, with the truncation of RFC 4226, section 5.3."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def is_on(user: User) -> bool:
    return TwoStep.objects.filter(user=user, confirmed_at__isnull=False).exists()


def begin(user: User) -> str:
    """Return the secret somebody puts into their app, the same until they have shown that it works."""
    waiting = TwoStep.objects.filter(user=user, confirmed_at=None).first()
    secret = _secret(waiting) if waiting else None
    if secret is None:
        secret = secrets.token_bytes(20)
        kept = {"secret": sealed.seal(_PURPOSE, base64.b32encode(secret).decode()), "last_step": 0}
        TwoStep.objects.update_or_create(user=user, confirmed_at=None, defaults=kept)
    return base64.b32encode(secret).decode()


def address(secret: str, *, user: User, shop_name: str) -> str:
    """Return what the square holds: the key and whose it is, as authenticator apps read it."""
    issuer = shop_name.replace(":", " ")
    return f"otpauth://totp/{quote(f'{issuer}:{user.email}')}?{urlencode({'secret': secret, 'issuer': issuer})}"


@transaction.atomic
def confirm(user: User, typed: str, *, now: dt.datetime) -> list[str] | None:
    """Switch the second step on with a first right code; return the recovery codes, which are not shown again."""
    if not _takes_digits(user, typed, now=now, is_confirmed=False):
        return None
    if not TwoStep.objects.filter(user=user, confirmed_at=None).update(confirmed_at=now):
        return None
    return recovery_codes(user)


@transaction.atomic
def recovery_codes(user: User) -> list[str]:
    """Make ten codes that each stand in for the app once; earlier ones are void."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _each in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, code_hash=_hash(user, one)) for one in codes)
    return ["-".join(one[place : place + 4] for place in range(0, 16, 4)) for one in codes]


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def accept(user: User, typed: str, *, now: dt.datetime) -> bool:
    """Tell whether a code is right; each is accepted once. Raise Unreadable where no digits can be checked here."""
    written = _written(typed)
    if len(written) > DIGITS:
        used = RecoveryCode.objects.filter(user=user, code_hash=_hash(user, written), used_at=None)
        return bool(used.update(used_at=now))
    return _takes_digits(user, written, now=now, is_confirmed=True)


@transaction.atomic
def switch_off(user: User) -> None:
    TwoStep.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


def _takes_digits(user: User, typed: str, *, now: dt.datetime, is_confirmed: bool) -> bool:
    row = TwoStep.objects.filter(user=user, confirmed_at__isnull=not is_confirmed).first()
    if row is None:
        return False
    secret = _secret(row)
    if secret is None:
        raise Unreadable
    here = int(now.timestamp()) // SECONDS
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(code(secret, step).encode(), _written(typed).encode()):
            # One statement, so that two logins at once cannot both use the code.
            return bool(TwoStep.objects.filter(pk=row.pk, last_step__lt=step).update(last_step=step))
    return False


def _written(typed: str) -> str:
    """Return what was typed without spaces and hyphens; digits of a Chinese keyboard are digits."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", typed).lower() if letter.isalnum())


def _secret(row: TwoStep) -> bytes | None:
    text = sealed.unseal(_PURPOSE, row.secret)
    return None if text is None else base64.b32decode(text)


def _hash(user: User, text: str) -> str:
    """Return the hash of a recovery code; it is 80 bits of chance, so a slow hash would protect nothing."""
    return hashlib.sha256(f"{user.pk}:{text}".encode()).hexdigest()
