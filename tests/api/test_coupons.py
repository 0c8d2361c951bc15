"""A web shop checks, reserves, redeems and takes back codes through the API."""

import pytest

from crm.coupons.models import Use
from crm.lib import clock
from crm.orders.models import Product
from tests.coupons.conftest import new_coupon

ORDER = {"codes": ["spring"], "lines": [{"sku": "TEA", "quantity": 2, "total": "10.00"}], "shipping": "5.00"}


@pytest.fixture
def spring(shop):
    return new_coupon(now=clock.now())


def test_check_reserve_redeem(ask, spring):
    assert ask("POST", "/coupons/check", ORDER).json() == [{"code": "spring", "coupon": "Spring", "discount": "1.00"}]
    for _n in range(2):
        held = ask("POST", "/coupons/reserve", ORDER | {"order": "17"}).json()
    assert held == [{"coupon": "Spring", "discount": "1.00", "state": "reserved"}]
    assert ask("POST", "/coupons/redeem", {"order": "17"}).json()[0]["state"] == "redeemed"
    assert Use.objects.count() == 1


def test_what_is_taken_back_cannot_be_redeemed(ask, spring):
    ask("POST", "/coupons/reserve", ORDER | {"order": "17"})
    assert ask("POST", "/coupons/roll-back", {"order": "17"}).json() == {"rolled_back": 1}
    answer = ask("POST", "/coupons/redeem", {"order": "17"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "went_back")


def test_a_product_below_cost_is_not_sold(ask, spring):
    Product.objects.create(key="tea", sku="TEA", name="Tea", cost_minor=500)
    answer = ask("POST", "/coupons/check", ORDER)
    assert (answer.status_code, answer.json()) == (422, {"reason": "no_effect", "detail": "Nothing in this order gets cheaper by it."})


@pytest.mark.parametrize(("path", "body", "status"), [
    ("/coupons/check", ORDER | {"codes": ["nothing"]}, 422),
    ("/coupons/redeem", {"order": "99"}, 404),
    ("/coupons/check", ORDER | {"customer_id": 99}, 404),
])  # fmt: skip
def test_refusals(ask, spring, path, body, status):
    assert ask("POST", path, body).status_code == status


def test_another_basket_under_the_same_order_is_refused(ask, spring):
    ask("POST", "/coupons/reserve", ORDER | {"order": "17"})
    answer = ask("POST", "/coupons/reserve", ORDER | {"order": "17", "shipping": "6.00"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "order_used")


def test_guessing_codes_ends_soon(ask, spring):
    statuses = [ask("POST", "/coupons/check", ORDER | {"codes": [f"GUESS{n}"]}).status_code for n in range(22)]
    assert statuses == [422] * 20 + [429] * 2
