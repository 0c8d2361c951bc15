"""Programs keep the number of a customer: once merged, it answers with whom they became."""

import pytest

from crm.contacts import merging
from crm.orders.models import Order
from tests.contacts.people import person


@pytest.fixture
def merged(shop, now):
    anna, twin = person("Anna Meyer", email="anna@example.org"), person("A. Meyer", email="a.meyer@example.com")
    merging.merge(anna.pk, drop_id=twin.pk, now=now)
    return anna.pk, twin.pk


def test_the_old_number_answers_with_the_kept_customer(ask, merged):
    kept, dropped = merged
    answer = ask("GET", f"/customers/{dropped}")
    assert (answer.status_code, answer.json()["id"], answer.json()["name"]) == (200, kept, "Anna Meyer")
    assert ask("POST", f"/customers/{dropped}/points", {"points": 5, "reason": "sorry"}, idempotency_key="p").json()
    assert ask("GET", f"/customers/{kept}/points").json()["balance"] == 5


def test_orders_for_the_old_number_are_those_of_the_kept_customer(ask, merged):
    kept, dropped = merged
    sale = {"number": "A-1", "placed_at": "2026-11-01T10:00:00+01:00", "currency": "EUR", "total": "12.50"}
    assert ask("POST", "/orders", [sale | {"customer_id": dropped}]).json()["created"] == 1
    assert Order.objects.get().contact_id == kept
    assert len(ask("GET", f"/orders?customer_id={dropped}").json()) == 1
    assert ask("POST", "/orders", [sale | {"number": "A-2", "customer_id": 99_999}]).status_code == 422
