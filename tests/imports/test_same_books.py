"""However an import went, the books say the same: read three times, shuffled, killed anywhere, taken back."""

import itertools
import random
from contextlib import contextmanager

import pytest

from crm.contacts.models import Contact
from crm.imports import parsing, reading, undoing
from crm.imports.models import Import
from crm.lib import bulk
from crm.orders.models import Order
from crm.rewards.models import Rule

from .same_books import books, books_hash
from .test_formats import shopify

pytestmark = pytest.mark.django_db
GOODS = [("Rye loaf", "RYE", 450), ("Honey", "HON", 600), ("Apple cake", "CAKE", 1200)]


class Killed(BaseException):
    """Stands for kill -9: nothing that handles errors sees it."""


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(parsing, "CHUNK_ORDERS", 7)
    monkeypatch.setattr(undoing, "PIECE", 7)


@pytest.fixture(autouse=True)
def rules(shop, now):
    params = {"points": 1, "step_minor": 100, "currency": "EUR"}
    Rule.objects.create(kind="per_amount", params=params, starts_on=now.date().replace(month=3))
    Rule.objects.create(kind="welcome", params={"points": 50}, starts_on=now.date().replace(month=6))


def orders(count: int, *, refunded=(), grown=(), start: int = 0) -> list[list[dict]]:
    """Return the rows of each order, the newest order first, as a platform writes them."""
    found = []
    for number in reversed(range(start, count)):
        person, lines = number % 12, []
        for position in range(1 + number % 3):
            name, sku, price = GOODS[(number + position) % 3]
            many = 1 + number % 4 + (number in grown)
            lines.append((name, sku, price, many))
        total = sum(price * many for _name, _sku, price, many in lines)
        first = {
            "Name": f"#{1000 + number}", "Email": f"guest{person}@example.com", "Currency": "EUR", "Id": 5000 + number,
            "Financial Status": "partially_refunded" if number in refunded else "pending" if number % 11 == 5 else "paid",
            "Refunded Amount": "3.00" if number in refunded else "0.00", "Total": f"{total / 100:.2f}",
            "Created at": f"2026-{1 + number % 11:02}-{1 + number % 27:02} 10:00:00 +0100",
            "Billing Name": f"Guest {person}", "Billing Zip": f"1011{person % 10}", "Source": "web",
            "Accepts Marketing": "yes" if person % 3 == 0 else "no",
            "Cancelled at": "2026-11-01 10:00:00 +0100" if number % 13 == 4 else "",
        }  # fmt: skip
        rows = [
            {"Name": first["Name"], "Lineitem name": name, "Lineitem sku": sku, "Lineitem quantity": many,
             "Lineitem price": f"{price / 100:.2f}"}
            for name, sku, price, many in lines
        ]  # fmt: skip
        rows[0] |= first
        found.append(rows)
    return found


def file_of(orders: list[list[dict]]) -> str:
    return shopify(*(row for rows in orders for row in rows))


FIRST = file_of(orders(36))
SECOND = file_of(orders(44, refunded=(13, 17, 30), grown=(18, 33), start=12))


@contextmanager
def killed(module, name: str, *, call: int):
    """Kill the process at the so-many-th call of a function; tell whether it came to that."""
    function, calls, died = getattr(module, name), itertools.count(1), []

    def dying(*args, **kwargs):
        if next(calls) == call:
            raise Killed
        return function(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, dying)
        try:
            yield died
        except Killed:
            died.append(True)


def test_three_times_is_once(take):
    take(SECOND)
    once = books_hash()
    take(SECOND)
    take(SECOND)
    assert books_hash() == once


def test_orders_in_any_order_come_to_the_same(take, now):
    mixed = orders(44, refunded=(13, 17, 30), grown=(18, 33), start=12)
    take(SECOND)
    expected = books()
    undoing.undo(Import.objects.get().pk, now=now)
    random.Random(3).shuffle(mixed)
    take(file_of(mixed))
    assert books() == expected


@pytest.mark.parametrize("seed", range(3))
def test_killed_anywhere_and_begun_again_comes_to_the_same(take, write, now, seed):
    take(FIRST)
    before = books()
    undisturbed = take(SECOND)
    expected = books()
    undoing.undo(undisturbed.pk, now=now)
    draw = random.Random(seed)
    importing = reading.create(write(SECOND), name="b.csv", options={}, now=now, state="reading")
    for _death in range(4):
        with killed(bulk, "among", call=draw.randint(1, 25)) as died:
            reading.read(importing.pk, now=now)
        assert died
    assert reading.read(importing.pk, now=now).state == "done"
    assert books() == expected
    undoing.undo(importing.pk, now=now)
    assert books() == before


def test_an_undo_leaves_the_books_as_they_were(take, now):
    take(FIRST)
    before = books()
    undoing.undo(take(SECOND).pk, now=now)
    assert books() == before


def test_an_undo_killed_and_begun_again_leaves_them_so_too(take, now):
    take(FIRST)
    before = books()
    importing = take(SECOND)
    undoing.begin(importing.pk, now=now)
    for call in (1, 2, 1):
        with killed(undoing.settling, "settle", call=call) as died:
            undoing.carry_on(importing.pk, now=now)
        assert died
    undoing.carry_on(importing.pk, now=now)
    assert books() == before


def test_what_is_compared_is_not_empty(take):
    take(FIRST)
    take(SECOND)
    assert (Contact.objects.count(), Order.objects.count()) == (12, 44)
    assert [name for name, rows in books().items() if not rows] == ["keys"]
