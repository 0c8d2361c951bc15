"""These pages read the clock; here it stands near NOW. Mia has points; Nora has a page of her own, full of her things."""

import datetime as dt

import pytest
import time_machine

from crm.contacts import matching
from crm.contacts.models import Contact
from crm.rewards import ledger
from crm.rewards.models import Reward
from tests.conftest import NOW


def new_person(name: str, *, email: str = "", phone: str = "", **fields) -> Contact:
    keys = matching.key_columns(email=email, phone=phone)
    values = {"name": name, "email": email, "phone": phone, "joined_at": NOW - dt.timedelta(days=400)} | keys | fields
    return Contact.objects.create(**values)


def new_reward(**fields) -> Reward:
    """Five euros off for 100 points."""
    return Reward.objects.create(**{"kind": "money", "name": "Money off", "points": 100, "worth_minor": 500} | fields)


def give(contact, points: int, *, reason: str = "for waiting so kindly") -> None:
    ledger.adjust(contact.pk, points=points, reason=reason, key=f"test-{contact.pk}-{reason}", now=NOW)


@pytest.fixture(autouse=True)
def near_now():
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def shop(shop):
    """The shop of the other tests is a café and gives stamps; this one speaks of points."""
    shop.kind = "shop"
    shop.save()
    return shop


@pytest.fixture
def mia(shop, owner):
    return new_person("Mia Fuchs", email="mia.fuchs@example.com", phone="+49 30 5557001")


@pytest.fixture
def nora(shop, owner):
    return new_person("Nora Winter", email="nora@example.org", phone="+49 30 5557002")
