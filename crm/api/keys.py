"""Keys of programs: made once, shown once, kept as a hash, taken back with one click."""

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.api.models import ApiKey
from crm.lib import bulk

SCOPES = {
    "customers:read": _("Read customers"),
    "customers:write": _("Add and change customers"),
    "orders:read": _("Read orders and products"),
    "orders:write": _("Add orders, refunds and products"),
    "points:read": _("Read points"),
    "points:write": _("Give and take points"),
    "coupons:read": _("Check coupons"),
    "coupons:write": _("Redeem coupons"),
}
_MARK = "rg"
_USED_EVERY = dt.timedelta(minutes=1)


def create(*, name: str, scopes: Iterable[str], now: dt.datetime) -> tuple[ApiKey, str]:
    """Make a key; return it with its text, which nobody can read again later."""
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name, prefix=prefix, secret_hash=_hash(secret), scopes=sorted(scopes), created_at=now
    )
    return key, f"{_MARK}_{prefix}_{secret}"


def find(text: str, *, now: dt.datetime) -> ApiKey | None:
    """Return the key this text opens, or None; when it was last used is noted once a minute."""
    mark, _first, rest = text.partition("_")
    prefix, _second, secret = rest.partition("_")
    key = ApiKey.objects.filter(prefix=prefix, revoked_at=None).first() if mark == _MARK else None
    if key is None or not hmac.compare_digest(key.secret_hash, _hash(secret)):
        return None
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USED_EVERY)
    if key.last_used_at is None or key.last_used_at < now - _USED_EVERY:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    return key


def revoke(key_id: int, *, now: dt.datetime) -> bool:
    """Take a key back; return whether it was still good."""
    return bool(ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=now))


def stay_revoked(ask_old, carried, now: dt.datetime) -> None:
    """Take keys back again that were taken back after the backup was made that is restored (keeping.carrying)."""
    prefixes = [prefix for (prefix,) in ask_old("SELECT prefix FROM api_apikey WHERE revoked_at IS NOT NULL")]
    carried.keys += ApiKey.objects.filter(prefix__in=bulk.among(prefixes), revoked_at=None).update(revoked_at=now)


def _hash(secret: str) -> str:
    """Return the hash of a secret; it is 256 bits of chance, so a slow hash would protect nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
