"""An order at a glance: the drawer beside the list."""

import pytest
from django.urls import reverse

from tests.orders.sales import product, sale

HTMX = {"HX-Request": "true"}


@pytest.fixture
def order(owner_client):
    return sale("1001", (product("Rye loaf"), 2, 450), (product("Honey"), 1, 800))


def test_it_shows_what_was_bought_and_the_way_to_the_whole_page(order, owner_client):
    body = owner_client.get(reverse("orders:glance", args=[order.pk]), headers=HTMX).content.decode()
    assert body.lstrip().startswith('<dialog class="drawer" data-open')
    assert (body.count("Rye loaf"), body.count("Honey"), body.count("€17.00")) == (1, 1, 1)
    assert (f'href="{order.get_absolute_url()}"' in body, "<html" in body) == (True, False)


def test_opened_by_hand_it_is_the_whole_page(order, owner_client):
    response = owner_client.get(reverse("orders:glance", args=[order.pk]))
    assert (response.status_code, response.url) == (302, order.get_absolute_url())


def test_an_order_that_is_not_there(owner_client):
    assert owner_client.get(reverse("orders:glance", args=[999]), headers=HTMX).status_code == 404
