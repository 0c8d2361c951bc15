"""One order's page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.orders import panels
from crm.orders.models import Refund
from tests.conftest import NOW
from tests.contacts.people import person
from tests.orders.sales import product, sale

pytestmark = pytest.mark.django_db


def test_page_shows_lines_amounts_customer_refunds_and_returns(owner_client):
    ava = person("Ava Okafor")
    order = sale("#1001", (product("Rye"), 2, 450), contact=ava, refunded_minor=100, net_minor=800, payment="partly_refunded",
                 discount_minor=50, coupon_code="AUTUMN")  # fmt: skip
    Refund.objects.create(order=order, key="typed:1", amount_minor=100, at=NOW, reason="Stale")
    slip = sale("R-1", kind="return", total_minor=-200, net_minor=-200, original=order)
    page = owner_client.get(f"/orders/{order.pk}/").content.decode()
    for text in ("Order #1001", "Rye", "€4.50", "€9.00", "Partly refunded", "€1.00", "Stale", "€8.00", "€0.50", "AUTUMN", "Shopify",
                 f'href="/customers/{ava.pk}/"', f'href="/orders/{slip.pk}/"'):  # fmt: skip
        assert text in page
    assert f'href="/orders/{order.pk}/"' in owner_client.get(f"/orders/{slip.pk}/").content.decode()


def test_amounts_are_written_in_the_orders_own_currency(owner_client):
    order = sale("¥1", (product("Tea"), 1, 1200), currency="JPY")
    page = owner_client.get(f"/orders/{order.pk}/").content.decode()
    assert "¥1,200" in page and "Not in EUR" in page


def test_page_asks_as_often_for_three_lines_as_for_one(owner_client):
    def queries(pk: int) -> int:
        owner_client.get(f"/orders/{pk}/")
        with CaptureQueriesContext(connection) as log:
            owner_client.get(f"/orders/{pk}/")
        return len(log)

    rye, jam, tea = product("Rye"), product("Jam"), product("Tea")
    one, three = sale("1", (rye, 1, 100)), sale("3", (rye, 1, 100), (jam, 1, 100), (tea, 1, 100))
    assert queries(one.pk) == queries(three.pk)


def test_unknown_order_is_not_found(owner_client, shop):
    assert owner_client.get("/orders/999999/").status_code == 404


def test_a_cancelled_order_says_so_and_cannot_be_refunded(owner_client):
    order = sale("1", (product("Rye"), 1, 100), cancelled_at=NOW, counts=False, net_minor=0)
    page = owner_client.get(f"/orders/{order.pk}/").content.decode()
    assert "Cancelled on Nov 20, 2026" in page
    assert f"/orders/{order.pk}/refund/" not in page


def test_panels_of_upper_floors_are_drawn(owner_client, monkeypatch):
    monkeypatch.setattr(panels.PANELS, "registered", {})
    panels.register("points", lambda *, order, request: {"number": order.number}, "404.html")
    order = sale("1", (product("Rye"), 1, 100))
    assert len(owner_client.get(f"/orders/{order.pk}/").context["panels"]) == 1
