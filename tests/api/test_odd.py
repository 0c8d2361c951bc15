"""Characters that no database keeps, and JSON without end, are met with an answer and never with a failure of ours."""

import datetime as dt
import json

import pytest

from crm.api import inbound, keys, visits
from crm.api.models import Event, Visit
from crm.orders.models import Order

from .test_inbound import SHOPIFY, shopify  # noqa: F401 - a fixture
from .test_visits import ada  # noqa: F401 - a fixture

ODD = ["\x00", "\ud800", "a\x00b"]
DEEP = "[" * 3_900


@pytest.fixture(autouse=True)
def answers(client):
    client.raise_request_exception = False


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("where", ["path", "sku", "product"])
def test_a_visit(client, ada, odd, where):  # noqa: F811
    said = {"who": visits.token_for(ada.pk), "kind": "page", "id": "12345678", "path": "/x"}
    said[where] = "/x" + odd
    assert client.post("/visits/", json.dumps(said), content_type="text/plain").status_code == 204
    assert Visit.objects.count() == 1


@pytest.mark.parametrize("body", [DEEP, '{"who": NaN}', '{"who": "1.\\ud800"}'])
def test_a_visit_that_says_nothing(client, ada, body):  # noqa: F811
    assert client.post("/visits/", body, content_type="text/plain").status_code == 204
    assert Visit.objects.count() == 0


@pytest.mark.parametrize("odd", ODD)
def test_a_report(shopify, odd):  # noqa: F811
    assert shopify(SHOPIFY | {"note": f"ring{odd}"}).status_code == 200
    inbound.read_waiting(now=dt.datetime.now(dt.UTC))
    assert (Event.objects.get().state, Order.objects.get().note[:4]) == ("done", "ring")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/customers", [{"name": "A%s", "email": "a@example.com"}]),
        ("/products", [{"name": "A%s"}]),
        ("/orders", [{"number": "9%s", "placed_at": "2026-11-01T10:00:00Z", "currency": "EUR", "total": "8.00"}]),
    ],
)
def test_what_a_program_sends(ask, odd, path, body):
    body = json.loads(json.dumps(body).replace("%s", json.dumps(odd)[1:-1]))
    assert ask("POST", path, body, idempotency_key="k1").status_code == 200


@pytest.mark.parametrize("path", ["/orders?number=%00", "/orders?source=a%00", "/products?sku=%00", "/customers?email=%00"])
def test_what_a_program_asks_for(ask, path):
    answer = ask("GET", path)
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_program_that_nests_without_end(client, ask, now):
    key = keys.create(name="shop", scopes=tuple(keys.SCOPES), now=now)[1]
    answer = client.generic(
        "POST", "/api/v1/customers", DEEP, content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 400
