"""Orders of files without numbers, from when they were made of a customer's whole day."""

import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from crm.imports.models import Import
from crm.orders.models import Order

pytestmark = pytest.mark.django_db

MIGRATION = importlib.import_module("crm.imports.migrations.0003_orders_by_moment")
ROWS = (
    "Customer,Date,Product,Amount\n"
    "Anna,2024-01-02 10:00,Tea,3.00\nAnna,2024-01-02 17:30,Mug,9.00\n"
    "Bert,2024-01-02,Tea,3.00\nCleo,2024-01-02 08:15,Tea,3.00\n"
)


def books():
    return sorted(Order.objects.values_list("number", "total_minor", "lines__name"))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_the_same_file_ends_in_the_same_books_as_if_nothing_had_been_there(take, write, shop, zone):
    path = write(ROWS)
    take(path, timezone=zone)
    wanted = books()
    made_by = Import.objects.latest("id").pk
    of_the_day = Order.objects.get(number="Anna:20240102T100000")  # as an older version stored the day
    Order.objects.filter(number="Anna:20240102T173000").delete()
    for order in Order.objects.all():
        Order.objects.filter(pk=order.pk).update(number=order.number.partition("T")[0], content_hash="of before")
    Order.objects.filter(pk=of_the_day.pk).update(total_minor=1200, net_minor=1200)
    Order.objects.create(
        source="shop", number="Dan:20240102", placed_at=of_the_day.placed_at, currency="EUR", total_minor=1, net_minor=1,
        created_by_import=made_by,
    )  # fmt: skip
    MIGRATION.forwards(apps, SimpleNamespace(connection=connection))
    assert sorted(Order.objects.values_list("number", flat=True)) == [
        "Anna:20240102T100000", "Bert:20240102", "Cleo:20240102T081500", "Dan:20240102",
    ]  # fmt: skip
    Order.objects.filter(number="Dan:20240102").delete()
    Import.objects.all().update(sha256="another")  # the file is read, not recognised
    result = take(path, timezone=zone).result
    assert (result["orders"]["created"], books()) == (1, wanted)
