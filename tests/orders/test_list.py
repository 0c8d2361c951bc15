"""The order list, its export, and the products page."""

import csv
import datetime as dt
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.orders import counting
from crm.orders.models import Order, Product
from tests.conftest import NOW
from tests.contacts.people import person
from tests.orders.sales import product, sale

pytestmark = pytest.mark.django_db


def queries(client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as log:
        assert client.get(url).status_code == 200
    return len(log)


def test_a_tables_fingerprint_is_no_name_of_where_an_order_came_from(owner_client):
    sale("1", source="file-fbc46c")
    assert "File-fbc46c" not in owner_client.get("/orders/").content.decode()
    assert [order.source_name for order in owner_client.get("/orders/").context["rows"]] == ["Plain file"]


@pytest.mark.parametrize(
    ("source", "number", "shown"),
    [
        ("file-fbc46c", "Vera Lindt:20261121", "2026-11-21"),
        ("file-fbc46c", "Vera Lindt:20261121:0123456789:2", "2026-11-21"),
        ("file-fbc46c", "Vera Lindt:20261121T093000", "2026-11-21"),
        ("file-fbc46c", "Vera Lindt:20261121T093000:2", "2026-11-21"),
        ("file-fbc46c", "R-17", "R-17"),
        ("shopify", "A:20261121", "A:20261121"),
    ],
)
def test_a_number_made_up_of_customer_and_day_is_shown_as_the_day(source, number, shown):
    assert Order(source=source, number=number).shown_number == shown


def numbers(client, query: str) -> list[str]:
    return [order.number for order in client.get(f"/orders/?{query}").context["rows"]]


def rows(response) -> list[dict]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


@pytest.fixture
def orders(shop):
    bread, jam = product("Seeded rye", sku="RYE-1"), product("Plum jam")
    ava = person("Ava Okafor", email="ava@example.com")
    return [
        sale("#1001", (bread, 2, 450), contact=ava, days_ago=1),
        sale("#1002", (jam, 1, 690), days_ago=2, payment="unpaid", counts=False, net_minor=0),
        sale("R-7", days_ago=3, kind="return", total_minor=-450, net_minor=-450, source="plain"),
    ]


def test_empty_shop_offers_the_import_and_a_first_order(owner_client):
    page = owner_client.get("/orders/").content.decode()
    assert "Your orders will be here" in page and 'href="/orders/new/"' in page


@pytest.mark.parametrize(
    "query, expected",
    [
        ("", ["#1001", "#1002", "R-7"]),
        ("q=100", ["#1001", "#1002"]),
        ("q=okafor", ["#1001"]),
        ("q=plum", ["#1002"]),
        ("q=rye-1", ["#1001"]),
        ("q=nothing", []),
        ("payment=unpaid", ["#1002"]),
        ("kind=return", ["R-7"]),
        ("source=plain", ["R-7"]),
        ("since=2026-11-18", ["#1001", "#1002"]),
        ("until=2026-11-17", ["R-7"]),
        ("sort=date", ["R-7", "#1002", "#1001"]),
        ("sort=-total", ["#1001", "#1002", "R-7"]),
        ("sort=total&payment=paid", ["R-7", "#1001"]),
        ("payment=gold&since=soon&product=x&page=no", ["#1001", "#1002", "R-7"]),
    ],
)
def test_filter_finds_exactly_the_orders_it_names(owner_client, orders, query, expected):
    assert numbers(owner_client, query) == expected


def test_product_filter_lists_the_orders_it_is_on(owner_client, orders):
    jam = Product.objects.get(name="Plum jam")
    response = owner_client.get(f"/orders/?product={jam.pk}")
    assert [order.number for order in response.context["rows"]] == ["#1002"]
    assert [chip.text for chip in response.context["conditions"]] == ["With “Plum jam”"]


def test_bad_values_are_named(owner_client, orders):
    assert "We left out “Payment”" in owner_client.get("/orders/?payment=gold").content.decode()


@pytest.mark.parametrize("query", ["", "?q=100", "?payment=paid"])
def test_list_asks_as_often_for_three_as_for_one(owner_client, query):
    sale("#1001", contact=person("P1"))
    one = queries(owner_client, f"/orders/{query}")
    sale("#1002", contact=person("P2"))
    sale("#1003", contact=person("P3"))
    assert queries(owner_client, f"/orders/{query}") == one


def test_export_has_one_row_per_order_in_plain_numbers(owner_client, orders):
    exported = rows(owner_client.get("/orders/export/?payment=paid"))
    assert [(row["Number"], row["Total"], row["Currency"], row["Customer"], row["Placed"]) for row in exported] == [
        ("#1001", "9.00", "EUR", "Ava Okafor", "2026-11-19 10:00"),
        ("R-7", "-4.50", "EUR", "", "2026-11-17 10:00"),
    ]


def test_export_by_line_repeats_the_order(owner_client, orders):
    exported = rows(owner_client.get("/orders/export/?rows=lines&kind=sale"))
    assert [(row["Number"], row["Line"], row["Product"], row["Quantity"], row["Line total"]) for row in exported] == [
        ("#1001", "1", "Seeded rye", "2", "9.00"),
        ("#1002", "1", "Plum jam", "1", "6.90"),
    ]


def test_export_never_holds_a_formula(owner_client, shop):
    sale("=1+1", (product("@SUM(A1)"), 1, 100))
    (row,) = rows(owner_client.get("/orders/export/?rows=lines"))
    assert (row["Number"], row["Product"]) == ("'=1+1", "'@SUM(A1)")


def test_export_of_an_unreadable_filter_goes_back_to_the_list(owner_client, orders):
    assert owner_client.get("/orders/export/?payment=gold")["Location"] == "/orders/?payment=gold"


def test_products_show_what_was_sold_in_orders_that_count_and_when_it_was_counted(owner_client, orders):
    sale("$1", (Product.objects.get(name="Plum jam"), 5, 100), currency="USD")
    assert counting.count_due(now=NOW) == 2
    response = owner_client.get("/orders/products/")
    assert [(row.name, row.sold_quantity, row.earned_minor) for row in response.context["rows"]] == [
        ("Seeded rye", 2, 900), ("Plum jam", 0, 0),
    ]  # fmt: skip
    page = response.content.decode()
    assert "up to Nov 20, 2026 10:00" in page
    assert '<td data-label="Sold" class="num">2</td>' in page and "€9.00" in page


def test_products_not_counted_yet_say_so(owner_client, orders):
    assert "sales are counted within the next minutes" in owner_client.get("/orders/products/").content.decode()


def test_products_are_sorted_as_asked_with_those_no_longer_sold_last(owner_client, orders):
    product("Old bun", is_active=False, sold_quantity=99, earned_minor=99)
    counting.count(currency="EUR", now=NOW)
    listed = {
        sort: [row.name for row in owner_client.get(f"/orders/products/?sort={sort}").context["rows"]]
        for sort in ("sold", "name", "x")
    }
    assert listed == {
        "sold": ["Plum jam", "Seeded rye", "Old bun"],
        "name": ["Plum jam", "Seeded rye", "Old bun"],
        "x": ["Seeded rye", "Plum jam", "Old bun"],
    }


def test_products_are_counted_again_only_after_a_change_and_not_all_the_time(orders):
    Order.objects.update(updated_at=NOW)
    counted = [counting.count_due(now=NOW + dt.timedelta(minutes=minutes)) for minutes in (0, 1, 11, 22)]
    Order.objects.update(updated_at=NOW + dt.timedelta(minutes=25))
    assert [*counted, counting.count_due(now=NOW + dt.timedelta(minutes=33))] == [2, 0, 2, 0, 2]


def test_products_ask_as_often_for_three_as_for_one(owner_client, shop):
    sale("1", (product("A"), 1, 100))
    one = queries(owner_client, "/orders/products/")
    sale("2", (product("B"), 1, 100), (product("C"), 1, 100))
    assert queries(owner_client, "/orders/products/") == one


def test_products_are_searched_by_name_sku_and_category(owner_client, shop):
    product("Rye", sku="R-1"), product("Jam", category="Preserves")
    found = {
        q: [row.name for row in owner_client.get(f"/orders/products/?q={q}").context["rows"]]
        for q in ("r-1", "preser", "zz")
    }
    assert found == {"r-1": ["Rye"], "preser": ["Jam"], "zz": []}


def test_product_keeps_category_price_cost_and_whether_it_is_sold(owner_client, shop):
    rye = product("Rye")
    told = {"category": "Bread", "price_minor": "3.90", "cost_minor": "1.25"}
    response = owner_client.post(f"/orders/products/{rye.pk}/", told)
    assert response["Location"] == "/orders/products/"
    rye.refresh_from_db()
    assert (rye.category, rye.price_minor, rye.cost_minor, rye.is_active) == ("Bread", 390, 125, False)
    assert 'value="1.25"' in owner_client.get(f"/orders/products/{rye.pk}/").content.decode()


@pytest.mark.parametrize("cost", ["-1", "1,25 €", "1.234", "9" * 20])
def test_product_refuses_a_cost_it_cannot_read(owner_client, shop, cost):
    rye = product("Rye")
    response = owner_client.post(f"/orders/products/{rye.pk}/", {"cost_minor": cost})
    assert (response.status_code, response.context["form"]["cost_minor"].value()) == (422, cost)
    assert owner_client.get("/orders/products/999999/").status_code == 404
