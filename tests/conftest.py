"""The people and the shop every test may ask for."""

import datetime as dt

import pytest

from crm.accounts.models import Shop, User

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def now():
    """A Friday morning; no test reads the real clock."""
    return NOW


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
