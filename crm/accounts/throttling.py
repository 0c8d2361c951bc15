"""Count attempts in the database, which all processes share, so that guessing takes too long to pay."""

import datetime as dt

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from crm.accounts.models import Attempt
from crm.lib.tokens import keyed_hash

_KEPT = dt.timedelta(days=2)


def allow(kind: str, who: str, *, limit: int, per: dt.timedelta, now: dt.datetime) -> bool:
    """Count one attempt of `who` and tell whether it is among the first `limit` of this stretch of time.

    Who it was is kept as a keyed hash. The count is one statement, so that two processes never count as one.
    """
    seconds = int(per.total_seconds())
    window = dt.datetime.fromtimestamp(now.timestamp() // seconds * seconds, dt.UTC)
    table = connection.ops.quote_name(Attempt._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (kind, who, since, count) VALUES (%s, %s, %s, 1) "
            f"ON CONFLICT (kind, who, since) DO UPDATE SET count = {table}.count + 1 RETURNING count",
            [kind, keyed_hash(f"{kind}:{who}"), connection.ops.adapt_datetimefield_value(window)],
        )
        return cursor.fetchone()[0] <= limit


def forget(kind: str, who: str) -> None:
    """Forgive earlier attempts, after one that succeeded."""
    Attempt.objects.filter(kind=kind, who=keyed_hash(f"{kind}:{who}")).delete()


def address_of(request: HttpRequest) -> str:
    """Return where a request comes from; behind a proxy, what the nearest one says."""
    if settings.HTTPS and (forwarded := request.headers.get("X-Forwarded-For", "")):
        return forwarded.rpartition(",")[2].strip()
    return request.META.get("REMOTE_ADDR", "")


def sweep(*, now: dt.datetime) -> int:
    """Remove counts of days gone by."""
    return Attempt.objects.filter(since__lt=now - _KEPT).delete()[0]
