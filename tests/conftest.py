"""The people and the shop every test may ask for, and the services some tests need.

A test marked `postgres`, `redis` or `browser` is skipped where that service is missing. With
REQUIRE_SERVICES=1, as .ci/run sets it, the missing service is a failure instead.
"""

import datetime as dt
import os
import secrets
import shutil
from urllib.parse import urlsplit

import pytest
from hypothesis import settings as hypothesis_settings

from crm.accounts.models import Shop, User
from crm.lib import env
from crm.rewards import triggers

# A landing must not depend on luck: CI draws the same examples each time, everybody else draws new ones.
hypothesis_settings.register_profile("ci", derandomize=True)
if env.flag("CI"):
    hypothesis_settings.load_profile("ci")

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_chromium() -> str | None:
    return env.text("CHROMIUM") or next((path for name in BROWSERS if (path := shutil.which(name))), None)


SERVICES = {
    "postgres": (lambda: env.text("TEST_POSTGRES_URL"), "PostgreSQL is missing: set TEST_POSTGRES_URL"),
    "redis": (lambda: env.text("TEST_REDIS_URL"), "Redis is missing: set TEST_REDIS_URL"),
    "browser": (find_chromium, "Chromium is missing: install it or set CHROMIUM"),
}


def pytest_runtest_setup(item):
    for mark, (find, reason) in SERVICES.items():
        if item.get_closest_marker(mark) and not find():
            if env.flag("REQUIRE_SERVICES"):
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)


@pytest.fixture
def now():
    """A Friday morning; no test reads the real clock."""
    return NOW


@pytest.fixture(autouse=True)
def points_can_be_emptied(request):
    """Empty the points ledger after a test without a transaction of its own: the flush that follows may not."""
    mark = request.node.get_closest_marker("django_db")
    needs = {"transactional_db", "live_server"} & set(request.fixturenames)
    if not needs and not (mark and mark.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    triggers.empty()


@pytest.fixture
def shop(db):
    return Shop.objects.create(name="Linden & Loaf", currency="EUR", timezone="Europe/Berlin", language="en", kind="cafe")


@pytest.fixture
def owner(db):
    return User.objects.create_user(email="lena@example.com", name="Lena Hartmann", password="correct horse battery")


@pytest.fixture
def owner_client(client, shop, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def postgres_url():
    """An empty PostgreSQL database of its own; mark the test `postgres`."""
    import psycopg

    server = os.environ["TEST_POSTGRES_URL"]
    name = f"regulars_{secrets.token_hex(4)}"
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    maintenance = env.database(server, sqlite_init="", default_path=None)
    where = {
        "host": maintenance["HOST"] or None,
        "port": maintenance["PORT"] or None,
        "user": maintenance["USER"] or None,
        "password": maintenance["PASSWORD"] or None,
        "dbname": "postgres",
    }
    with psycopg.connect(**where, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield url
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def redis_url():
    """A Redis or Valkey server that is emptied before and after; mark the test `redis`."""
    import redis

    url = os.environ["TEST_REDIS_URL"]
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
