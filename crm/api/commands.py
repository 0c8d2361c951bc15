"""Do what a program asks once, however often it asks under the same key."""

import datetime as dt
import hashlib
from collections.abc import Callable

from django.db import IntegrityError, transaction

from crm.api.models import ApiKey, Command
from crm.lib.attempts import whole


class KeyUsedDifferently(ValueError):
    """The same Idempotency-Key came with another request."""


def act_key(key: ApiKey, idempotency_key: str) -> str:
    """Return a key for what an act writes: another one for every Idempotency-Key, and of bounded length."""
    return f"api:{key.pk}:{hashlib.sha256(idempotency_key.encode()).hexdigest()}"


@whole
def once(
    key: ApiKey, *, idempotency_key: str, request: bytes, act: Callable[[], tuple[int, dict]], now: dt.datetime
) -> tuple[int, dict]:
    """Return (status, answer) of the act, done now or at an earlier time under this key.

    The row that is written first holds others back until the act is done; an act that fails leaves no row, so that a
    corrected request may use the key again. `request` is what must be the same: method, path and body.
    """
    request_hash = hashlib.sha256(request).hexdigest()
    try:
        with transaction.atomic():
            command = Command.objects.create(
                key=key, idempotency_key=idempotency_key, request_hash=request_hash, at=now
            )
    except IntegrityError:
        earlier = Command.objects.get(key=key, idempotency_key=idempotency_key)
        if earlier.request_hash != request_hash:
            raise KeyUsedDifferently(idempotency_key) from None
        return earlier.status, earlier.answer
    status, answer = act()
    Command.objects.filter(pk=command.pk).update(status=status, answer=answer)
    return status, answer
