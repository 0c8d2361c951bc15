"""What a backup says of itself, and what is compared when it is read back: how many rows, and their sums."""

import datetime as dt
import hashlib
import hmac
import os
from collections.abc import Callable, Collection
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

FORMAT = 1
KEY_FILE = "secret_key"

SUMS = {
    "points_of_accounts": ("rewards_account", "SELECT COALESCE(SUM(balance), 0) FROM rewards_account"),
    "points_of_entries": ("rewards_entry", "SELECT COALESCE(SUM(points), 0) FROM rewards_entry"),
    "points_left_in_lots": ("rewards_lot", "SELECT COALESCE(SUM(remaining), 0) FROM rewards_lot"),
    "orders_net_minor": ("orders_order", "SELECT COALESCE(SUM(net_minor), 0) FROM orders_order WHERE counts"),
    "gift_cards_minor": ("coupons_code", "SELECT COALESCE(SUM(balance_minor), 0) FROM coupons_code"),
}


def tables(there: Collection[str]) -> list[str]:
    """Return those of these tables that are our models'."""
    return sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)}.intersection(there))


def facts(ask: Callable[[str], list[tuple]], tables: Collection[str]) -> dict[str, dict[str, int]]:
    """Return the number of rows of each table and the sums over some, asked by `ask(sql) -> rows`."""
    rows = {table: ask(f'SELECT COUNT(*) FROM "{table}"')[0][0] for table in tables}
    sums = {name: int(ask(sql)[0][0]) for name, (table, sql) in SUMS.items() if table in rows}
    return {"rows": rows, "sums": sums}


def ask_here(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def describe(facts: dict, *, applied: Collection[tuple[str, str]], now: dt.datetime) -> dict:
    """Return the manifest of a backup with these facts."""
    return {
        "format": FORMAT,
        "made_at": now.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "database": connection.vendor,
        "migrations": sorted(".".join(one) for one in applied),
        "key": fingerprint(settings.SECRET_KEY),
        **facts,
    }


def fingerprint(key: str) -> str:
    """Return what tells one secret key from another and gives neither away."""
    return hmac.new(key.encode(), b"regulars.backup", hashlib.sha256).hexdigest()[:16]


def own_key() -> Path | None:
    """Return the file of the box's own key; None where the environment names the key."""
    return None if os.environ.get("SECRET_KEY", "").strip() else settings.DATA_DIR / KEY_FILE


def unknown(applied: Collection[str]) -> list[str]:
    """Return the migrations, "app.name", that this program does not know: a newer one wrote them."""
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    ours = {app for app, _name in known} | {config.label for config in apps.get_app_configs()}
    replaced = {f"{app}.{name}" for migration in known.values() for app, name in migration.replaces}
    there = {f"{app}.{name}" for app, name in known} | replaced
    return sorted(one for one in applied if one.split(".")[0] in ours and one not in there)
