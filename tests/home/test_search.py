"""One box finds people, orders, products, campaigns and pages."""

import pytest
from django.urls import reverse

from crm.campaigns.models import Campaign
from crm.orders.models import Product
from tests.home.tiny import books, person, sale


@pytest.fixture
def found(owner_client):
    def ask(query: str) -> dict[str, list[str]]:
        response = owner_client.get(reverse("home:search"), {"q": query})
        return {kind.title: [hit.label for hit in kind.hits] for kind in response.context["found"].kinds}

    return ask


def test_people_by_name_and_mail_last_buyers_first(found):
    books()
    person("Ada Zimmer", email="zimmer@example.com", email_key="zimmer@example.com")
    assert found("ada") == {"Customers": ["Ada Brandt", "Ada Zimmer"]}
    assert found("zimmer@") == {"Customers": ["Ada Zimmer"]}


def test_an_exact_order_number_jumps_to_the_order(owner_client):
    books()
    order = sale("#1001", None, days_ago=1, total=100)
    for query in ("#1001", "1001", " 1001 "):
        response = owner_client.get(reverse("home:search"), {"q": query})
        assert (response.status_code, response.url) == (302, order.get_absolute_url())


def test_a_number_two_platforms_share_is_a_list(owner_client, found):
    first = sale("77", None, days_ago=1, total=100)
    second = sale("78", None, days_ago=1, total=100)
    type(second).objects.filter(pk=second.pk).update(number="77", source="other")
    assert found("77") == {"Orders": ["Order 77", "Order 77"]}
    assert first.pk != second.pk


def test_the_beginning_of_a_number_lists_orders(found):
    books()
    assert found("B-") == {"Orders": ["Order B-1", "Order B-2"]}


def test_products_and_campaigns(found):
    Product.objects.create(key="stollen", name="Christmas stollen")
    Campaign.objects.create(name="Stollen is here")
    assert found("stollen") == {"Products": ["Christmas stollen"], "Campaigns": ["Stollen is here"]}


def test_pages_are_found_by_what_people_call_them(found):
    assert found("time zone") == {"Pages and settings": ["Settings"]}
    assert found("churn")["Pages and settings"] == ["Customers you may lose"]


def test_nothing_found_says_so(owner_client, found):
    assert found("qqqq") == {}
    assert "Nothing found" in owner_client.get(reverse("home:search"), {"q": "qqqq"}).content.decode()


def test_an_empty_question_is_a_page(owner_client):
    assert owner_client.get(reverse("home:search")).status_code == 200


def test_htmx_gets_the_matches_alone(owner_client):
    books()
    response = owner_client.get(reverse("home:search"), {"q": "A-1"}, headers={"HX-Request": "true"})
    body = response.content.decode()
    assert (response.status_code, "<html" in body, "Order A-1" in body) == (200, False, True)


def test_the_number_of_queries_does_not_grow(owner_client, django_assert_max_num_queries):
    books()
    owner_client.get(reverse("home:search"), {"q": "ad"})
    with django_assert_max_num_queries(15) as first:
        owner_client.get(reverse("home:search"), {"q": "ad"})
    for n in range(3):
        person(f"Ada {n}")
    with django_assert_max_num_queries(len(first)):
        owner_client.get(reverse("home:search"), {"q": "ad"})
