"""WAL only where the build cannot lose what was committed."""

import sqlite3 as standard
import sys

import pytest

from crm.lib import sqlite


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 9), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_safe_builds_are_known(version, expected):
    assert sqlite.is_wal_safe(version) is expected


def _builds():
    builds = [standard]
    try:
        import pysqlite3
    except ImportError:
        return builds
    return builds if pysqlite3 is standard else [*builds, pysqlite3]


@pytest.mark.parametrize("build", _builds(), ids=lambda build: f"{build.__name__} {build.sqlite_version}")
def test_connections_start_in_the_mode_their_build_may_use(monkeypatch, tmp_path, build):
    monkeypatch.setitem(sys.modules, "sqlite3", build)
    connection = build.connect(tmp_path / "shop.sqlite3")
    for statement in sqlite.journal_pragmas().split(";"):
        connection.execute(statement)
    found = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "cache_size", "temp_store", "mmap_size")
    }
    connection.close()
    assert found == {
        "journal_mode": "wal" if sqlite.is_wal_safe(build.sqlite_version_info) else "delete",
        "synchronous": 2,
        "cache_size": -16000,
        "temp_store": 2,
        "mmap_size": 1 << 30,
    }


def test_a_folder_from_a_safe_build_stays_safe_on_an_old_one(monkeypatch, tmp_path):
    """The pragma turns a WAL file back to the rollback journal, so no old build ever writes in WAL mode."""
    path = tmp_path / "shop.sqlite3"
    connection = standard.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE kept (x)")
    connection.close()
    monkeypatch.setattr(sqlite, "is_wal_safe", lambda version: False)
    connection = standard.connect(path)
    for statement in sqlite.journal_pragmas().split(";"):
        connection.execute(statement)
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    assert connection.execute("SELECT count(*) FROM kept").fetchone()[0] == 0
    connection.close()


def test_django_uses_the_build_that_was_chosen():
    from django.db.backends.sqlite3 import base

    assert base.Database.sqlite_version_info == sys.modules["sqlite3"].sqlite_version_info


@pytest.mark.django_db
def test_the_shops_own_connection_is_strict():
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("this run is on PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys")
        assert cursor.fetchone() == (1,)
    assert connection.transaction_mode == "IMMEDIATE"
