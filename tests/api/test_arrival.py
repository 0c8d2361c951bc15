"""What a platform reports may arrive in any order, and more than once: the books end the same."""

import datetime as dt
import itertools
import json

import pytest

from crm.api import inbound
from crm.orders.models import Order

from .test_inbound import SECRET, SHOPIFY, program, signed  # noqa: F401 - a fixture

DAY = "2026-11-01T"


def _shopify(second, *, status, refunds=()):
    rows = [{"id": number, "transactions": [{"kind": "refund", "status": "success", "amount": amount}]} for number, amount in refunds]
    return {**SHOPIFY, "updated_at": f"{DAY}10:00:{second:02}+01:00", "financial_status": status, "refunds": rows}


def _refund(number, amount, second):
    return {
        "id": number, "order_id": 5001, "created_at": f"{DAY}10:00:{second:02}+01:00",
        "transactions": [{"kind": "refund", "status": "success", "amount": amount}],
    }  # fmt: skip


REPORTS = [
    ("orders/create", _shopify(5, status="pending")),
    ("orders/updated", _shopify(6, status="paid")),
    ("refunds/create", _refund(71, "4.00", 8)),
    ("orders/updated", _shopify(9, status="partially_refunded", refunds=[(71, "4.00")])),
    ("refunds/create", _refund(72, "6.00", 12)),
]


@pytest.fixture
def report(client, shop, owner, now):
    """Return a function that sends one of Shopify's reports."""
    hook = inbound.open_hook("shopify", secret=SECRET, now=now)
    numbers = itertools.count()

    def send(topic, data):
        body = json.dumps(data).encode()
        headers = {"X-Shopify-Hmac-Sha256": signed(body), "X-Shopify-Topic": topic, "X-Shopify-Event-Id": f"e{next(numbers)}"}
        assert client.post(f"/hooks/{hook.token}/", body, content_type="application/json", headers=headers).status_code == 200

    return send


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(REPORTS))))[::7])
def test_shopifys_reports_in_any_order_and_twice_end_the_same(report, order):
    clock = dt.datetime.now(dt.UTC)
    for index in [*order, *order[::2]]:
        report(*REPORTS[index])
        clock += dt.timedelta(minutes=2)
        inbound.read_waiting(now=clock)
    inbound.read_waiting(now=clock + dt.timedelta(days=1))
    (found,) = Order.objects.all()
    assert (found.payment_word, found.refunded_minor, found.net_minor, found.counts) == ("partially_refunded", 1000, 2000, True)
    assert {f"{refund.at:%S}" for refund in found.refunds.all()} == {"12"}


def test_an_order_paid_in_the_second_it_was_placed_is_paid(report):
    report("orders/create", _shopify(5, status="pending"))
    report("orders/paid", _shopify(5, status="paid"))
    inbound.read_waiting(now=dt.datetime.now(dt.UTC))
    assert list(Order.objects.values_list("payment", "counts")) == [("paid", True)]


def test_an_order_of_a_program_keeps_the_refund_that_was_reported_by_itself(program):  # noqa: F811
    order = {"number": "9", "source": "till", "placed_at": "2026-11-01T10:00:00Z", "currency": "EUR", "total": "8.00"}
    refund = {"reference": "x1", "number": "9", "source": "till", "amount": "3.00", "at": "2026-11-02T10:00:00Z"}
    program({"type": "order", "data": order})
    program({"type": "refund", "data": refund}, event_id="m-2")
    program({"type": "order", "data": order | {"total": "9.00"}, "timestamp": "2026-11-03T10:00:00Z"}, event_id="m-3")
    inbound.read_waiting(now=dt.datetime.now(dt.UTC))
    assert list(Order.objects.values_list("total_minor", "refunded_minor")) == [(900, 300)]
