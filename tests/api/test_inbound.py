"""Platforms report: signed, once, in any order."""

import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest

from crm.api import inbound
from crm.api.models import Event
from crm.api.providers import generic
from crm.contacts.models import Contact
from crm.orders.models import Order

SECRET = "shpss_not_a_real_one"
SHOPIFY = {
    "id": 5001, "name": "#1001", "created_at": "2026-11-01T10:00:00+01:00", "updated_at": "2026-11-01T10:00:05+01:00",
    "currency": "EUR", "total_price": "30.00", "total_discounts": "0.00", "total_tax": "4.79", "financial_status": "paid",
    "shipping_lines": [{"price": "5.00"}], "email": "ada@example.com", "buyer_accepts_marketing": False,
    "customer": {"id": 900, "first_name": "Ada", "last_name": "Lovelace"},
    "billing_address": {"first_name": "Ada", "last_name": "Lovelace", "city": "Berlin", "country_code": "DE"},
    "line_items": [{"title": "Tea", "quantity": 5, "price": "5.00", "sku": "TEA", "discount_allocations": []}],
}  # fmt: skip
WOO = {
    "id": 727, "number": "727", "status": "processing", "currency": "EUR", "date_created": "2026-11-02T09:00:00",
    "date_created_gmt": "2026-11-02T08:00:00", "date_modified_gmt": "2026-11-02T08:00:10", "total": "29.35",
    "shipping_total": "10.00", "customer_id": 3, "billing": {"first_name": "Bo", "last_name": "Li", "email": "bo@example.com"},
    "line_items": [{"name": "Mug", "sku": "MUG", "quantity": 2, "price": 9.675, "total": "19.35"}], "refunds": [],
}  # fmt: skip


def signed(body: bytes) -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()


@pytest.fixture
def shopify(client, shop, owner, now):
    hook = inbound.open_hook("shopify", secret=SECRET, now=now)

    def report(data, topic="orders/updated", event_id="e-1", signature=None):
        body = json.dumps(data).encode()
        headers = {"X-Shopify-Hmac-Sha256": signature or signed(body), "X-Shopify-Topic": topic, "X-Shopify-Event-Id": event_id}
        return client.post(f"/hooks/{hook.token}/", body, content_type="application/json", headers=headers)

    return report


def read_all(now):
    return inbound.read_waiting(now=now)


def test_a_signed_order_becomes_an_order_of_its_buyer(shopify, now):
    assert shopify(SHOPIFY).status_code == 200
    read_all(dt.datetime.now(dt.UTC))
    order = Order.objects.get()
    assert (order.source, order.number, order.total_minor, order.shipping_minor) == ("shopify", "#1001", 3000, 500)
    assert (order.contact.email, order.contact.name, order.contact.consent) == ("ada@example.com", "Ada Lovelace", "unknown")
    assert list(order.lines.values_list("name", "quantity", "total_minor")) == [("Tea", 5.0, 2500)]
    event = Event.objects.get()
    assert (event.state, event.body) == ("done", {})


def test_a_report_that_is_not_signed_is_refused(shopify):
    assert shopify(SHOPIFY, signature="bm9wZQ==").status_code == 401
    assert Event.objects.count() == 0


@pytest.mark.parametrize("provider", ["shopify", "generic"])
def test_an_unsigned_greeting_is_woocommerces_alone(client, shop, owner, now, provider):
    hook = inbound.open_hook(provider, secret=generic.SECRET_PREFIX + "a2tr", now=now)
    headers = {"Webhook-Id": "m-1", "X-Shopify-Event-Id": "e-1", "X-Shopify-Topic": "orders/updated"}
    answer = client.post(f"/hooks/{hook.token}/", b"webhook_id=1", content_type="application/x-www-form-urlencoded", headers=headers)
    hook.refresh_from_db()
    assert (answer.status_code, hook.last_event_at, Event.objects.count()) == (401, None, 0)


def test_an_unknown_address_is_not_found(client, shop, owner):
    assert client.post("/hooks/nothing/", b"{}", content_type="application/json").status_code == 404


def test_the_same_event_twice_is_one(shopify):
    assert [shopify(SHOPIFY).status_code for _n in range(3)] == [200, 200, 200]
    assert Event.objects.count() == 1


def test_an_older_report_never_wins(shopify):
    later = SHOPIFY | {"total_price": "20.00", "updated_at": "2026-11-01T12:00:00+01:00"}
    shopify(later, event_id="e-2")
    shopify(SHOPIFY, event_id="e-1")
    read_all(dt.datetime.now(dt.UTC))
    assert Order.objects.get().total_minor == 2000
    assert sorted(Event.objects.values_list("event_id", "state")) == [("e-1", "ignored"), ("e-2", "done")]


REFUND = {
    "id": 71, "order_id": 5001, "created_at": "2026-11-03T10:00:00Z",
    "transactions": [{"kind": "refund", "status": "success", "amount": "10.00"}],
}  # fmt: skip


@pytest.mark.parametrize("order_first", [True, False])
def test_refunds_add_up_and_wait_for_their_order(shopify, order_first):
    reports = [(SHOPIFY, "orders/create", "e-1"), (REFUND, "refunds/create", "e-2")]
    now = dt.datetime.now(dt.UTC)
    for report in reports if order_first else reversed(reports):
        shopify(*report)
        read_all(now)
    shopify(REFUND | {"id": 72}, "refunds/create", "e-3")
    for hours in (1, 2):
        read_all(now + dt.timedelta(hours=hours))
    order = Order.objects.get()
    assert (order.refunded_minor, order.net_minor, order.payment) == (2000, 1000, "partly_refunded")
    whole = SHOPIFY | {"updated_at": "2026-11-03T11:00:00Z", "refunds": [REFUND, REFUND | {"id": 72}]}
    shopify(whole, "orders/updated", "e-4")
    read_all(now + dt.timedelta(hours=3))
    assert Order.objects.get().refunded_minor == 2000


def test_a_report_without_its_number_is_shown_as_failed(shopify):
    shopify({key: value for key, value in SHOPIFY.items() if key != "name"})
    read_all(dt.datetime.now(dt.UTC))
    event = Event.objects.get()
    assert (event.state, event.error, Order.objects.count()) == ("failed", "name is missing", 0)


@pytest.mark.parametrize("topic", ["orders/edited", "customers/merge", "orders/delete", "products/update"])
def test_a_report_of_another_kind_is_no_failure(shopify, topic):
    shopify({"order_edit": {"id": 1, "order_id": 5001}, "id": 7}, topic)
    read_all(dt.datetime.now(dt.UTC))
    assert Event.objects.get().state == "ignored"


def test_a_customer_who_unsubscribed_in_the_shop_is_not_written_to(shopify):
    data = {"id": 900, "email": "ada@example.com", "first_name": "Ada", "created_at": "2026-10-01T00:00:00Z",
            "updated_at": "2026-11-01T00:00:00Z", "email_marketing_consent": {"state": "unsubscribed"}}  # fmt: skip
    shopify(data, "customers/update")
    read_all(dt.datetime.now(dt.UTC))
    assert Contact.objects.get().consent == "no"


def test_woocommerce_reports_an_order_and_its_refund(client, shop, owner, now):
    hook = inbound.open_hook("woocommerce", secret=SECRET, now=now)

    def report(data, delivery):
        body = json.dumps(data).encode()
        headers = {"X-WC-Webhook-Signature": signed(body), "X-WC-Webhook-Topic": "order.updated",
                   "X-WC-Webhook-Delivery-ID": delivery}  # fmt: skip
        return client.post(f"/hooks/{hook.token}/", body, content_type="application/json", headers=headers).status_code

    assert client.post(f"/hooks/{hook.token}/", b"webhook_id=1", content_type="application/x-www-form-urlencoded").status_code == 200
    assert report(WOO, "d1") == 200
    refunded = WOO | {"date_modified_gmt": "2026-11-04T08:00:00", "refunds": [{"id": 1, "total": "-9.35"}]}
    assert report(refunded, "d2") == 200
    read_all(dt.datetime.now(dt.UTC))
    order = Order.objects.get()
    assert (order.source, order.number, order.total_minor, order.refunded_minor) == ("woocommerce", "727", 2935, 935)
    assert order.placed_at == dt.datetime(2026, 11, 2, 8, tzinfo=dt.UTC)


@pytest.fixture
def program(client, shop, owner, now):
    secret = generic.SECRET_PREFIX + base64.b64encode(b"k" * 24).decode()
    hook = inbound.open_hook("generic", secret=secret, now=now)

    def report(data, *, event_id="m-1", late=0):
        body, stamp = json.dumps(data).encode(), str(int(dt.datetime.now(dt.UTC).timestamp()) - late)
        headers = {"webhook-id": event_id, "webhook-timestamp": stamp,
                   "webhook-signature": "v1,bad " + generic.sign(event_id, stamp, body, secret=secret)}  # fmt: skip
        return client.post(f"/hooks/{hook.token}/", body, content_type="application/json", headers=headers).status_code

    return report


def test_any_program_reports_an_order_then_a_refund(program):
    order = {"number": "9", "source": "till", "placed_at": "2026-11-01T10:00:00Z", "currency": "EUR", "total": "8.00"}
    refund = {"reference": "x1", "number": "9", "source": "till", "amount": "3.00", "at": "2026-11-02T10:00:00Z"}
    assert program({"type": "order", "data": order}) == 200
    assert program({"type": "refund", "data": refund}, event_id="m-2") == 200
    read_all(dt.datetime.now(dt.UTC))
    assert list(Order.objects.values_list("source", "number", "refunded_minor")) == [("till", "9", 300)]


def test_a_report_of_ten_minutes_ago_is_refused(program):
    assert program({"type": "order", "data": {}}, late=600) == 401


def test_a_report_of_no_time_there_is_is_refused(program):
    assert program({"type": "order", "data": {}}, late=-(10**400)) == 401


def test_a_report_we_cannot_use_says_which_field(program):
    program({"type": "order", "data": {"number": "9"}})
    read_all(dt.datetime.now(dt.UTC))
    assert Event.objects.get().error == "placed_at: Field required"
