"""A file whose orders all stand as it left them is not read again; anything else is."""

import datetime as dt

import pytest

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.imports import intake, parsing, reading, recognising, undoing
from crm.imports.models import RejectedRow
from crm.lib import indexing
from crm.orders.models import Order

pytestmark = pytest.mark.django_db

ROWS = "order,date,customer,amount\n" + "".join(f"{n},2024-01-{n:02},c{n % 3},{n}.50\n" for n in range(1, 10))
FILE = ROWS + "10,never,c1,1.00\n11,2024-02-01,,3.00\n"
UNCHANGED = {"created": 0, "updated": 0, "unchanged": 10}


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def readings(monkeypatch):
    """Count how often a file was really read."""
    read, counted = parsing.read, []
    monkeypatch.setattr(parsing, "read", lambda job, say: counted.append(job) or read(job, say))
    return counted


def told(importing) -> dict:
    return {name: value for name, value in importing.result.items() if name != "seconds"}


def test_the_same_answer_without_reading(take, readings, now, monkeypatch):
    first = take(FILE)
    again = take(FILE, now=now + dt.timedelta(days=1))
    assert (len(readings), again.state, again.rows_read, again.rows_total) == (1, "done", 11, 11)
    assert again.result["orders"] == UNCHANGED
    assert again.result["contacts"] == {"created": 0, "updated": 0, "unchanged": 3}
    assert list(again.rejected_rows.values_list("line_number", "cells", "reason")) == list(
        first.rejected_rows.values_list("line_number", "cells", "reason")
    )
    monkeypatch.setattr(recognising, "earlier", lambda importing: None)
    read = take(FILE, now=now + dt.timedelta(days=2))
    assert (len(readings), told(read)) == (2, told(again))
    assert RejectedRow.objects.count() == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda now: Order.objects.filter(number="3").delete(),
        lambda now: intake.take_refund(Order.objects.get(number="3").pk, amount_minor=100, key="a", at=now, now=now),
        lambda now: Contact.objects.all()[0].delete(),
        lambda now: Shop.objects.update(timezone="America/New_York"),
        lambda now: Shop.objects.update(currency="USD"),
    ],
    ids=["gone", "refunded", "buyer gone", "zone", "currency"],
)
def test_whatever_changed_is_read(take, readings, now, change):
    take(FILE)
    change(now)
    take(FILE, now=now + dt.timedelta(days=1))
    assert len(readings) == 2


def test_other_bytes_other_options_and_what_was_taken_back_are_read(take, readings, now):
    first = take(FILE)
    take(FILE.replace("9.50", "9.60"), now=now + dt.timedelta(days=1))
    take(FILE, currency="USD", now=now + dt.timedelta(days=2))
    assert len(readings) == 3
    undoing.undo(first.pk, now=now + dt.timedelta(days=3))
    take(FILE, now=now + dt.timedelta(days=4))
    assert len(readings) == 4


def test_only_what_the_file_says_about_a_buyer_changed(take, readings, now):
    """The order's hash is another one then, though nothing else about it is."""
    head = "order,date,customer,amount,city\n"
    take(head + "1,2024-01-13,c1,5.00,Berlin\n")
    take(head + "1,2024-01-13,c1,5.00,Bonn\n", now=now + dt.timedelta(days=1))
    third = take(head + "1,2024-01-13,c1,5.00,Berlin\n", now=now + dt.timedelta(days=2))
    assert (len(readings), third.result["orders"]["unchanged"]) == (3, 1)


def test_a_file_that_was_only_partly_new_is_read(take, readings, now):
    take(ROWS)
    take(FILE, now=now + dt.timedelta(days=1))
    take(FILE, now=now + dt.timedelta(days=2))
    assert len(readings) == 3


def test_indexes_left_by_a_killed_import_are_built_by_the_sweep(take, now, shop):
    importing = take(FILE)
    indexing.set_aside(Order)
    left = len(indexing.waiting())
    type(importing).objects.filter(pk=importing.pk).update(state="reading", heartbeat_at=now)
    assert reading.build_indexes(now=now + dt.timedelta(minutes=1)) == 0
    assert reading.build_indexes(now=now + dt.timedelta(minutes=6)) == left
    assert indexing.waiting() == []
