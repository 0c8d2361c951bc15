"""What goes together and who behaves alike, from the night to the page."""

import pytest

from crm.orders.models import Product
from loyalty.models import Found, Run
from loyalty.stages import patterns
from loyalty.views import patterns as pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(whole_night) -> Run:
    return whole_night


def test_a_night_keeps_its_patterns(night):
    kinds = set(Found.objects.filter(run=night).values_list("kind", flat=True))
    assert {patterns.PAIRS, patterns.RULES, patterns.CLOCKS, patterns.STEPS, patterns.GROUPS} <= kinds
    groups = Found.objects.get(run=night, kind=patterns.GROUPS).data
    assert sum(row["size"] for row in groups["rows"]) == night.customers
    assert len(groups["rows"]) == groups["chosen"]["groups"]


def test_both_pages_show_them(night, owner_client):
    together = owner_client.get("/insights/together/")
    assert together.status_code == 200
    for first, second, row in together.context["pairs"]:
        assert (first, second) == tuple(Product.objects.get(pk=pk).name for pk in row["products"])
    alike = owner_client.get("/insights/alike/")
    assert alike.status_code == 200
    assert sum(group.size for group in alike.context["groups"]) == night.customers
    assert owner_client.get("/insights/alike/picture.json").status_code == 200


def test_without_a_night_the_pages_say_so(owner_client):
    assert owner_client.get("/insights/together/").status_code == 200
    assert owner_client.get("/insights/alike/").status_code == 200
    assert owner_client.get("/insights/alike/picture.json").status_code == 404


def test_a_group_is_named_by_what_sets_it_apart():
    marks = [["visits", 20, 3], ["quiet", 4, 40], ["spend", 5, 1]]
    other = [["quiet", 4, 40], ["visits", 20, 3], ["age", 5, 9]]
    assert pages._names([marks, other, [["visits", 3, 3]]]) == [
        "Come often, here only recently", "Here only recently, new", "Like everybody",
    ]
