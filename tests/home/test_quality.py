"""Every check finds its own case, says nothing of clean data, and leaves everything as it is."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.contacts.models import Contact
from crm.home.models import Inspection
from crm.home.quality import CHECKS, inspecting
from crm.home.quality.base import Scene
from crm.home.quality.orders import far_out_minor
from crm.imports.models import Import
from crm.orders.models import Order, OrderLine
from tests.conftest import NOW
from tests.contacts.people import person
from tests.orders.sales import product, sale


def found(slug: str, shop) -> list[str]:
    rows = CHECKS[slug].rows(Scene(shop, NOW, NOW.date()))
    return sorted(row.display_name if isinstance(row, Contact) else str(row) for row in rows)


@pytest.fixture
def clean(shop):
    """A small shop with nothing wrong: one customer who was asked, one product, one order."""
    ada = person("Ada", email="ada@example.com", phone="030 1234567", consent="yes", order_count=1, birthday=dt.date(1990, 2, 3))
    tea = product("Tea", price_minor=500, cost_minor=200, category="Drinks")
    sale("1", (tea, 2, 500), contact=ada)
    return shop, ada, tea


@pytest.mark.parametrize("slug", CHECKS)
def test_clean_data_is_not_complained_about(clean, slug):
    assert found(slug, clean[0]) == []


PEOPLE = [
    ("unreachable", {"name": "Bo", "order_count": 2}, ["Bo"]),
    ("bad_email", {"name": "Bo", "email": "bo at example"}, ["Bo"]),
    ("bad_phone", {"name": "Bo", "phone": "138****1234"}, ["Bo"]),
    ("same_phone", {"name": "Bo", "phone": "+49 30 1234567"}, ["Ada", "Bo"]),
    ("masked", {"name": "张**"}, ["张**"]),
    ("masked", {"name": "Bo", "email": "x1y2@marketplace.amazon.de"}, ["Bo"]),
    ("nameless", {"name": "", "email": "bo@example.com"}, ["bo@example.com"]),
    ("odd_birthday", {"name": "Bo", "birthday": dt.date(2027, 1, 1)}, ["Bo"]),
    ("odd_birthday", {"name": "Bo", "birthday": dt.date(1900, 1, 1)}, ["Bo"]),
    ("not_asked", {"name": "Bo", "email": "bo@example.com"}, ["Bo"]),
]


@pytest.mark.parametrize(("slug", "values", "expected"), PEOPLE)
def test_people(clean, slug, values, expected):
    person(**values)
    assert found(slug, clean[0]) == expected


def test_the_same_name_counts_only_in_the_same_place(shop):
    for name, postcode in [("Ada", "10115"), ("Ada", "10115"), ("Ada", "20095"), ("Bo", "10115"), ("Bo", ""), ("Bo", "")]:
        person(name, postcode=postcode)
    assert found("same_name_place", shop) == ["Ada", "Ada"]


def test_the_erased_are_nobody(clean):
    person("Bo", order_count=3, erased_at=NOW)
    assert found("unreachable", clean[0]) == []


ORDERS = [
    ("no_buyer", {"contact": None}),
    ("in_future", {"days_ago": -3}),
    ("ancient", {"days_ago": 365 * 40}),
    ("for_nothing", {"total_minor": 0, "net_minor": 0}),
    ("unknown_payment", {"payment": "unknown", "counts": False, "net_minor": 0}),
    ("foreign", {"currency": "USD"}),
    ("refund_too_early", {"cancelled_at": NOW - dt.timedelta(days=9), "counts": False, "net_minor": 0}),
    ("order_twice", {}),
]


@pytest.mark.parametrize(("slug", "values"), ORDERS)
def test_orders(clean, slug, values):
    shop, ada, tea = clean
    sale("2", (tea, 2, 500), **{"contact": ada, **values})
    assert found(slug, shop) == (["1", "2"] if slug == "order_twice" else ["2"])


def test_an_order_without_lines_and_a_return_without_its_sale(clean):
    shop, ada, tea = clean
    sale("2", (tea, 1, 500), contact=ada)
    OrderLine.objects.filter(order__number="2").delete()
    sale("R1", (tea, -1, 500), contact=ada, kind="return")
    assert (found("no_lines", shop), found("lone_return", shop)) == (["2"], ["R1"])


def test_an_order_is_unusual_only_where_enough_others_say_what_is_usual(clean):
    shop, ada, tea = clean
    for number in range(2, 40):
        sale(str(number), (tea, 1, 400 + 10 * number), contact=ada)
    sale("slip", (tea, 1, 6_000_00), contact=ada)
    assert found("far_out", shop) == ["slip"]
    Order.objects.filter(number__in=[str(number) for number in range(2, 30)]).delete()
    assert far_out_minor(shop) is None


PRODUCTS = [
    ("no_price", {"cost_minor": 1, "category": "x"}, ["Mug"]),
    ("no_cost", {"price_minor": 1, "category": "x"}, ["Mug"]),
    ("no_category", {"price_minor": 1, "cost_minor": 1}, ["Mug"]),
    ("below_cost", {"price_minor": 100, "cost_minor": 101}, ["Mug"]),
]


@pytest.mark.parametrize(("slug", "values", "expected"), PRODUCTS)
def test_products(clean, slug, values, expected):
    product("Mug", **values)
    assert found(slug, clean[0]) == expected


def test_products_of_one_name_are_one_in_any_case(clean):
    clean[2].__class__.objects.create(key="sku-9", name="TEA")
    assert found("same_product", clean[0]) == ["TEA", "Tea"]


def test_each_local_day_is_looked_at_once_and_the_trend_remembers(clean):
    shop = clean[0]
    assert inspecting.inspect_due(now=NOW) == 1
    assert inspecting.inspect_due(now=NOW + dt.timedelta(hours=1)) == 0
    person("Bo", order_count=1)
    assert inspecting.inspect_due(now=NOW + dt.timedelta(days=31)) == 1
    _inspection, findings = inspecting.latest()
    first = findings[0]
    assert (first.check.slug, first.count, first.out_of, first.counts, first.before) == ("unreachable", 1, 2, [0, 1], 0)
    assert shop is not None


def test_a_file_that_came_in_since_is_looked_at_before_the_night(clean):
    inspecting.inspect_due(now=NOW)
    later = NOW + dt.timedelta(hours=1)
    read = Import.objects.create(state="reading", file_name="a.csv", path="a", size_bytes=1, sha256="0")
    assert inspecting.inspect_due(now=later) == 0
    Import.objects.filter(pk=read.pk).update(state=Import.State.DONE, finished_at=later)
    assert [inspecting.inspect_due(now=later + dt.timedelta(minutes=m)) for m in (1, 2)] == [1, 0]


def test_only_the_newest_keeps_examples(clean):
    person("Bo", order_count=1)
    inspecting.inspect_due(now=NOW)
    inspecting.inspect_due(now=NOW + dt.timedelta(days=1))
    kept = [len(one.findings["unreachable"]["ids"]) for one in Inspection.objects.order_by("pk")]
    assert kept == [0, 1]


def test_the_page_names_what_to_do_and_links_examples(clean, owner_client, django_capture_on_commit_callbacks):
    bo = person("Bo", order_count=1)
    empty = owner_client.get("/quality/").content.decode()
    assert "Not looked at yet" in empty
    with django_capture_on_commit_callbacks(execute=True):
        owner_client.post("/quality/look-again/")
    answer = owner_client.get("/quality/").content.decode()
    assert "Bought, but cannot be reached" in answer
    assert f'href="{bo.get_absolute_url()}"' in answer
    assert "of 2 customers" in answer


def test_the_page_asks_the_same_number_of_questions_for_one_and_three_findings(clean, owner_client):
    def count() -> int:
        inspecting.ask(now=NOW)
        inspecting.inspect_due(now=NOW)
        owner_client.get("/quality/")
        with CaptureQueriesContext(connection) as asked:
            owner_client.get("/quality/")
        return len(asked)

    person("Bo", order_count=1)
    one = count()
    person("Cy", order_count=1)
    person("Di", order_count=1)
    assert count() == one


def test_each_count_leads_to_exactly_its_rows(clean, owner_client):
    shop = clean[0]
    bo = person("Bo", email="bo@example.com", phone="030 1234567", birthday=dt.date(1900, 1, 1))
    person("张**", email="bo at example", phone="138****1234", order_count=1)
    person("", email="c@example.com")
    mug = product("Mug", price_minor=100, cost_minor=900)
    product("Pot", price_minor=None, cost_minor=None, category="")
    sale("2", (mug, 1, 500), contact=None, days_ago=14_000)
    sale("3", contact=bo, payment="unknown", counts=False)
    filled, addresses = [], set()
    for slug in [slug for slug, check in CHECKS.items() if not check.page]:
        rows = owner_client.get(f"/quality/{slug}/").context["rows"]
        assert sorted(name for name, _address, _facts in rows) == found(slug, shop)
        addresses |= {address for _name, address, _facts in rows}
        filled += [slug] if rows else []
    assert len(filled) > 10
    assert {owner_client.get(address).status_code for address in addresses} == {200}


def test_all_rows_of_a_finding_in_pages(clean, owner_client):
    tea = clean[2]
    for number in range(60):
        sale(f"n{number}", (tea, 1, 500), contact=None)
    inspecting.inspect(inspecting.ask(now=NOW), shop=clean[0], now=NOW)
    page = owner_client.get("/quality/").content.decode()
    assert 'href="/quality/no_buyer/"' in page and "See all 60" in page
    first, second = (owner_client.get(f"/quality/no_buyer/?page={number}").context["rows"] for number in (1, 2))
    assert (len(first), len(second), len({address for _name, address, _facts in [*first, *second]})) == (50, 10, 60)


def test_who_may_be_one_person_is_mended_on_its_own_page(clean, owner_client):
    assert owner_client.get("/quality/alike/")["Location"] == "/customers/duplicates/"
    assert owner_client.get("/quality/nothing/").status_code == 404
