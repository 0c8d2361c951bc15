"""What programs may ask and do, and what they are refused."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.accounts.models import Shop
from crm.api import keys
from crm.contacts import consent
from crm.contacts.models import Consent, Contact
from crm.lib import clock
from crm.orders.models import Order, Refund
from crm.portal import invitations
from crm.rewards import ledger
from crm.rewards.models import Entry, Referral
from tests.portal.conftest import new_person
from tests.rewards.conftest import new_order

ADA = {"reference": "77", "name": "Ada Lovelace", "email": "Ada@Example.com", "tags": ["vip"]}
SALE = {
    "number": "A-1", "placed_at": "2026-11-01T10:00:00+01:00", "currency": "EUR", "total": "12.50", "shipping": "2.50",
    "lines": [{"name": "Rye bread", "sku": "RYE", "quantity": 2, "unit_price": "5.00"}], "customer": ADA,
}  # fmt: skip


def test_without_a_key_nothing_is_told(client, shop, owner):
    answer = client.get("/api/v1/customers")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Unauthorized"})


def test_a_key_that_was_taken_back_is_refused(client, shop, owner, now):
    key, text = keys.create(name="old", scopes=["customers:read"], now=now)
    keys.revoke(key.pk, now=now)
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"}).status_code == 401


def test_wrong_keys_from_one_address_run_into_a_wall(client, shop, owner):
    statuses = [client.get("/api/v1/me", headers={"Authorization": f"Bearer rg_{n}_x"}).status_code for n in range(32)]
    assert statuses == [401] * 30 + [429] * 2


def test_a_key_may_only_what_its_scopes_say(ask):
    refused = ask("POST", "/customers", [ADA], scopes=("customers:read",))
    assert refused.status_code == 403
    assert refused.json() == {"detail": "This key may not do that: it lacks “customers:write”."}
    assert Contact.objects.count() == 0


def test_a_key_is_kept_as_a_hash_only(db, now):
    key, text = keys.create(name="shop", scopes=["orders:read"], now=now)
    secret = text.split("_", 2)[2]
    assert secret not in str(list(keys.ApiKey.objects.values()))
    assert keys.find(text, now=now) == key
    assert keys.find(text[:-1], now=now) is None


def test_customers_are_added_then_changed_then_left_alone(ask):
    first = ask("POST", "/customers", [ADA, {"phone": "+49 30 1234567", "name": "Bo"}])
    ids = first.json()["ids"]
    assert first.json() == {"ids": ids, "created": 2, "changed": 0, "unchanged": 0}
    again = ask("POST", "/customers", [ADA | {"city": "London"}])
    assert again.json() == {"ids": ids[:1], "created": 0, "changed": 1, "unchanged": 0}
    assert ask("POST", "/customers", [ADA]).json()["unchanged"] == 1
    found = ask("GET", "/customers?email=ADA@example.com").json()
    assert [(row["id"], row["city"], row["tags"], row["spent"]) for row in found] == [(ids[0], "London", ["vip"], "0.00")]


def test_a_person_known_by_nothing_is_refused_with_a_reason(ask):
    answer = ask("POST", "/customers", [{"name": "Nobody"}])
    assert answer.status_code == 422
    assert "reference, email or phone is needed" in answer.json()["detail"][0]["msg"]


def test_a_misspelt_field_is_refused_and_nothing_is_saved(ask):
    answer = ask("POST", "/customers", [ADA | {"e_mail": "x@y.org"}])
    assert (answer.status_code, answer.json()["detail"][0]["loc"][-1]) == (422, "e_mail")
    assert Contact.objects.count() == 0


def test_a_yes_of_a_program_never_undoes_a_no(ask, now):
    pk = ask("POST", "/customers", [ADA]).json()["ids"][0]
    assert ask("POST", f"/customers/{pk}/consent", {"state": "no", "wording": "unsubscribed in the shop"}).status_code == 200
    ask("POST", f"/customers/{pk}/consent", {"state": "yes", "wording": "ticked a box"})
    ask("POST", "/customers", [ADA | {"consent": "yes"}])
    assert Contact.objects.get(pk=pk).consent == "no"
    assert Consent.objects.values_list("state", "source").get() == ("no", "program")


@pytest.mark.parametrize("said", ["yes", "no"])
def test_what_a_program_tells_of_permission_is_logged_as_its_word(ask, said):
    ask("POST", "/customers", [ADA | {"consent": said}])
    assert Consent.objects.values_list("state", "source").get() == (said, "program")
    assert consent.is_suppressed(Contact.objects.get().email_key) == (said == "no")


def test_an_order_comes_in_once_and_says_what_the_newest_request_says(ask):
    first = ask("POST", "/orders", [SALE]).json()
    assert (first["created"], first["changed"]) == (1, 0)
    assert ask("POST", "/orders", [SALE]).json()["unchanged"] == 1
    ask("POST", "/orders", [SALE | {"total": "20.00"}])
    order = ask("GET", f"/orders/{first['ids'][0]}").json()
    assert (order["total"], order["net"], order["lines"][0]["total"]) == ("20.00", "20.00", "10.00")
    assert Order.objects.count() == 1


def test_a_line_costs_what_it_costs_when_it_is_typed_in(ask):
    rows = [{"name": "Cheese", "quantity": 0.575, "unit_price": "1.00"}, {"name": "Tea", "quantity": "2", "unit_price": 3, "total": 5}]
    [pk] = ask("POST", "/orders", [SALE | {"lines": rows}]).json()["ids"]
    told = [(row["quantity"], row["total"]) for row in ask("GET", f"/orders/{pk}").json()["lines"]]
    assert told == [(0.575, "0.58"), (2.0, "5.00")]


def test_an_order_of_an_unknown_customer_is_refused(ask):
    answer = ask("POST", "/orders", [SALE | {"customer": None, "customer_id": 99}])
    assert (answer.status_code, answer.json()) == (422, {"detail": "There is no customer 99."})


def test_the_same_idempotency_key_does_it_once_and_answers_the_same(ask):
    order_id = ask("POST", "/orders", [SALE]).json()["ids"][0]
    answers = [
        ask("POST", f"/orders/{order_id}/refunds", {"amount": "5.00"}, idempotency_key="r-1").json() for _n in range(3)
    ]
    assert answers == [{"id": order_id}] * 3
    assert list(Refund.objects.values_list("amount_minor", flat=True)) == [500]


def test_the_same_key_for_another_request_is_refused(ask):
    order_id = ask("POST", "/orders", [SALE]).json()["ids"][0]
    ask("POST", f"/orders/{order_id}/refunds", {"amount": "5.00"}, idempotency_key="r-1")
    answer = ask("POST", f"/orders/{order_id}/refunds", {"amount": "6.00"}, idempotency_key="r-1")
    assert (answer.status_code, answer.json()) == (422, {"detail": "This Idempotency-Key was used for another request."})


def test_long_idempotency_keys_that_differ_at_the_end_are_two_acts(ask):
    order_id, pk = ask("POST", "/orders", [SALE]).json()["ids"][0], ask("POST", "/customers", [ADA]).json()["ids"][0]
    for end in "ab":
        key = "k" * 199 + end
        ask("POST", f"/orders/{order_id}/refunds", {"amount": "5.00"}, idempotency_key=key)
        ask("POST", f"/customers/{pk}/points", {"points": 5, "reason": "sorry"}, idempotency_key=f"{key[1:]}")
    assert (sum(Refund.objects.values_list("amount_minor", flat=True)), ledger.balance(pk)) == (1_000, 10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"placed_at": "0001-01-01T00:00:00+14:00"},
        {"placed_at": "2101-01-01T00:00:00Z"},
        {"total": "1000000000000"},
        {"lines": [{"name": "Gold", "quantity": 9e8, "unit_price": "900000000000"}]},
    ],
)
def test_what_no_shop_has_sold_is_refused(ask, wrong):
    assert ask("POST", "/orders", [SALE | wrong]).status_code == 422
    assert Order.objects.count() == 0


def test_a_refused_refund_may_be_corrected_under_the_same_key(ask):
    order_id = ask("POST", "/orders", [SALE]).json()["ids"][0]
    refused = ask("POST", f"/orders/{order_id}/refunds", {"amount": "50.00"}, idempotency_key="r-1")
    assert (refused.status_code, refused.json()) == (422, {"detail": "At most 12.50 is left to give back."})
    assert ask("POST", f"/orders/{order_id}/refunds", {"amount": "12.50"}, idempotency_key="r-1").status_code == 200


def test_money_and_points_need_an_idempotency_key(ask):
    pk = ask("POST", "/customers", [ADA]).json()["ids"][0]
    answer = ask("POST", f"/customers/{pk}/points", {"points": 5, "reason": "sorry"})
    assert (answer.status_code, Entry.objects.count()) == (400, 0)


def test_points_are_given_once_and_never_below_zero(ask):
    pk = ask("POST", "/customers", [ADA]).json()["ids"][0]
    for _n in range(2):
        ask("POST", f"/customers/{pk}/points", {"points": 50, "reason": "birthday"}, idempotency_key="p-1")
    short = ask("POST", f"/customers/{pk}/points", {"points": -60, "reason": "bread"}, idempotency_key="p-2")
    assert (short.status_code, short.json()) == (422, {"detail": "The balance is 50 points."})
    told = ask("GET", f"/customers/{pk}/points").json()
    assert (told["balance"], [entry["points"] for entry in told["entries"]], ledger.balance(pk)) == (50, [50], 50)


def test_products_are_added_then_changed_where_something_is_said(ask):
    tea = {"sku": "TEA", "name": "Tea", "price": "5.00"}
    assert ask("POST", "/products", [tea]).json() == {"created": 1, "changed": 0, "unchanged": 0}
    assert ask("POST", "/products", [{"sku": "TEA", "cost": "2.00"}, tea]).json() == {"created": 0, "changed": 1, "unchanged": 0}
    [found] = ask("GET", "/products?sku=TEA").json()
    assert (found["name"], found["price"], found["cost"], found["is_active"]) == ("Tea", "5.00", "2.00", True)


def test_units_on_hand_are_written_and_read_with_their_day(ask, now):
    ask("POST", "/products", [{"sku": "TEA", "name": "Tea", "stock": 12, "stock_on": "2026-11-18"}])
    [found] = ask("GET", "/products?sku=TEA").json()
    assert (found["stock"], found["stock_on"]) == (12.0, "2026-11-18")
    older = ask("POST", "/products", [{"sku": "TEA", "stock": 40, "stock_on": "2026-11-01"}])
    assert older.json() == {"created": 0, "changed": 0, "unchanged": 1}
    ask("POST", "/products", [{"sku": "TEA", "stock": 7.5}])
    [found] = ask("GET", "/products?sku=TEA").json()
    assert (found["stock"], found["stock_on"]) == (7.5, clock.local_date(clock.now(), "Europe/Berlin").isoformat())
    assert ask("POST", "/products", [{"sku": "TEA", "stock": -1}]).status_code == 422


@pytest.mark.parametrize("number", [9 * 10**18 * 2, 10**25])
def test_a_number_that_no_row_can_have_is_refused(ask, number):
    paths = [f"/{name}?ids={number}" for name in ("customers", "orders", "products")]
    paths += [f"/orders?customer_id={number}", f"/customers?after={number}", f"/orders/{number}", f"/customers/{number}"]
    assert [ask("GET", path).status_code for path in paths] == [422] * len(paths)
    basket = {"codes": ["X"], "lines": [{"name": "Tea", "total": "1"}], "customer_id": number}
    asked = [
        ("/orders", [SALE | {"customer": None, "customer_id": number}]),
        ("/coupons/check", basket),
        ("/coupons/redeem", {"order": "1", "order_id": number}),
        (f"/customers/{number}/consent", {"state": "no", "wording": "no"}),
    ]
    assert [ask("POST", path, body).status_code for path, body in asked] == [422] * len(asked)


def test_lists_go_on_after_the_last_id(ask):
    ids = ask("POST", "/customers", [{"reference": str(n)} for n in range(5)]).json()["ids"]
    assert [row["id"] for row in ask("GET", "/customers?limit=2").json()] == ids[:2]
    assert [row["id"] for row in ask("GET", f"/customers?limit=2&after={ids[1]}").json()] == ids[2:4]


def test_a_list_asks_the_same_number_of_questions_for_one_and_three(ask):
    ask("POST", "/orders", [SALE])
    ask("GET", "/orders")

    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            ask("GET", "/orders")
        return len(asked)

    one = count()
    ask("POST", "/orders", [SALE | {"number": "A-2"}, SALE | {"number": "A-3"}])
    assert count() == one


def test_the_description_and_its_page_name_every_operation(client, owner_client, shop):
    schema = client.get("/api/v1/openapi.json").json()
    page = owner_client.get("/settings/connections/reference/").content.decode()
    assert len(schema["paths"]) >= 10
    assert [path for path in schema["paths"] if path not in page] == []


def test_a_box_without_a_shop_answers_no_program(client, db):
    assert Shop.objects.count() == 0
    assert client.get("/api/v1/me").status_code == 302


def test_a_new_customer_may_be_sent_by_another(ask, shop, now):
    anna, ben = new_person("Anna Adler"), new_person("Ben Berg", email="ben@example.org")
    new_order(ben, now)
    code = invitations.code(anna.pk)
    rows = [
        {"email": "cleo@example.org", "name": "Cleo", "referred_by": code},
        {"email": "ben@example.org", "referred_by": code},
        {"email": "dora@example.org"},
    ]
    assert ask("POST", "/customers", rows).status_code == 200
    assert list(Referral.objects.values_list("friend__name", "advocate__name", "via")) == [("Cleo", "Anna Adler", "api")]
    for code in ("nobody", "http://["):
        rows = [{"email": "emil@example.org", "referred_by": code}]
        assert ask("POST", "/customers", rows).status_code == 422
    assert not Contact.objects.filter(email="emil@example.org").exists()
