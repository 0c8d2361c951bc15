"""These pages read the clock; here it stands near NOW. Mia and Nora bought something; the box keeps its mail in the outbox."""

import datetime as dt

import pytest
import time_machine

from crm.contacts import matching
from crm.contacts.models import Contact
from crm.listening import hearing
from crm.listening.models import Conversation, Via
from crm.orders.models import Order, OrderLine, Product
from tests.conftest import NOW

KEY = "0123456789abcdef0123456789abcdef"


def key(number: int) -> str:
    """Return the key of one drawn form."""
    return f"{number:032x}"


def new_person(name: str, *, email: str = "", phone: str = "", **fields) -> Contact:
    keys = matching.key_columns(email=email, phone=phone)
    values = {"name": name, "email": email, "phone": phone, "joined_at": NOW - dt.timedelta(days=400)} | keys | fields
    return Contact.objects.create(**values)


def new_order(contact, number: str, *products: Product, days_ago: int = 3) -> Order:
    order = Order.objects.create(
        source="typed", number=number, contact=contact, placed_at=NOW - dt.timedelta(days=days_ago), currency="EUR",
        total_minor=1250,
    )  # fmt: skip
    for position, product in enumerate(products):
        OrderLine.objects.create(order=order, product=product, position=position, name=product.name)
    return order


def say(text: str = "Is the rye free of milk?", *, now=NOW, **words) -> Conversation:
    """Let somebody say something; return the conversation as it is then."""
    line, _is_new = hearing.hear(hearing.Words(**({"text": text, "via": Via.MAIL} | words)), now=now)
    return line.conversation


@pytest.fixture(autouse=True)
def near_now():
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def shop(shop):
    """The shop of the other tests is a café and gives stamps; this one speaks of points."""
    shop.kind, shop.sender_email = "shop", "hello@linden.example"
    shop.save()
    return shop


@pytest.fixture
def mia(shop):
    return new_person("Mia Fuchs", email="mia.fuchs@example.com", phone="+49 30 5557001", consent="yes")


@pytest.fixture
def nora(shop):
    return new_person("Nora Lind", email="nora@example.org", consent="yes")
