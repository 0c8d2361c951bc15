"""The shop's settings page."""

import datetime as dt

from django.urls import reverse

from crm.accounts.models import Shop
from crm.orders.models import Order

FORM = {
    "name": "Linden & Loaf", "kind": "cafe", "currency": "USD", "timezone": "Europe/Berlin", "language": "en",
    "address": "Lindenstr. 5, Berlin", "sender_email": "hello@example.com", "write_to": "yes_only", "night_run_hour": "4",
}


def test_settings_are_saved(owner_client):
    response = owner_client.post(reverse("home:settings"), FORM)
    assert response.status_code == 302
    shop = Shop.current()
    assert (shop.currency, shop.address, shop.night_run_hour) == ("USD", "Lindenstr. 5, Berlin", 4)


def test_currency_is_fixed_once_orders_exist(owner_client):
    Order.objects.create(
        source="typed", number="1", placed_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), currency="EUR", total_minor=100
    )
    owner_client.post(reverse("home:settings"), FORM)
    assert Shop.current().currency == "EUR"


def test_impossible_hour_is_refused(owner_client):
    response = owner_client.post(reverse("home:settings"), FORM | {"night_run_hour": "25"})
    assert response.status_code == 422
    assert Shop.current().night_run_hour == 3
