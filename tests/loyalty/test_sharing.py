"""Reports with noise: drawn once, paid for out of the year's budget, never more than that."""

import datetime as dt
from itertools import pairwise

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from crm.contacts.models import Contact
from crm.orders.models import Order
from loyalty import sharing
from loyalty.models import Disclosure, PrivacyYear

pytestmark = pytest.mark.django_db


def customer(now, *, orders=0, spent_minor=0, placed_at=None) -> Contact:
    contact = Contact.objects.create(name="C", joined_at=now, order_count=orders)
    if spent_minor:
        Order.objects.create(
            source="till", number=str(contact.pk), contact=contact, placed_at=placed_at, currency="EUR", counts=True,
            total_minor=spent_minor, net_minor=spent_minor,
        )  # fmt: skip
    return contact


@pytest.fixture
def silent(monkeypatch):
    """No noise, so that what is counted can be compared."""
    monkeypatch.setattr(sharing.noise, "laplace", lambda scale: 0)


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [("2026-11-22", "2025-10-01", "2026-10-01"), ("2026-01-01", "2025-01-01", "2026-01-01"),
     ("2024-04-30", "2023-04-01", "2024-04-01")],
)  # fmt: skip
def test_quarters_are_the_last_four_whole_ones(today, first, last):
    found = sharing.quarters(dt.date.fromisoformat(today))
    assert (found[0][0].isoformat(), found[-1][1].isoformat(), len(found)) == (first, last, 4)
    assert all(end == start for (_first, end), (start, _end) in pairwise(found))


def test_a_report_counts_each_customer_once_and_bounds_what_they_spent(shop, now, silent):
    start, _end = sharing.quarters(now.date())[-1]
    within = dt.datetime.combine(start + dt.timedelta(days=10), dt.time(12), dt.UTC)
    customer(now)
    customer(now, orders=1, spent_minor=2_550, placed_at=within)
    customer(now, orders=4, spent_minor=900_000, placed_at=within)
    customer(now, orders=1, spent_minor=5_000, placed_at=within - dt.timedelta(days=800))
    report = sharing.disclose(shop=shop, strength="light", most_each=100, form_key="a", now=now)
    rows = {name: table["rows"] for name, table in report.tables.items()}
    assert rows["times"] == [[[0, 0], 1], [[1, 1], 2], [[2, 2], 0], [[3, 5], 1], [[6, 10], 0], [[11, None], 0]]
    assert [count for _quarter, count in rows["quarters"]] == [0, 0, 0, 2]
    assert rows["sales"] == [["sales", 25 + 100]]


def test_the_noise_grows_with_what_one_customer_can_change(shop, now):
    blur = sharing.scales(500, most_each=200).scale
    assert {name: float(scale) for name, scale in blur.items()} == {"times": 8, "quarters": 16, "sales": 1600}


def test_one_form_is_one_report_and_pays_once(shop, now):
    first = sharing.disclose(shop=shop, strength="middle", most_each=100, form_key="a", now=now)
    again = sharing.disclose(shop=shop, strength="middle", most_each=100, form_key="a", now=now)
    assert (first.pk, first.tables) == (again.pk, again.tables)
    assert sharing.left(now.year) == PrivacyYear.BUDGET_MILLI - 500


def test_the_budget_of_a_year_is_never_exceeded(shop, now):
    for key in "ab":
        sharing.disclose(shop=shop, strength="light", most_each=100, form_key=key, now=now)
    with pytest.raises(sharing.BudgetSpent):
        sharing.disclose(shop=shop, strength="strong", most_each=100, form_key="c", now=now)
    assert (sharing.left(now.year), Disclosure.objects.count()) == (0, 2)
    with pytest.raises(IntegrityError), transaction.atomic():
        PrivacyYear.objects.update(spent_milli=PrivacyYear.BUDGET_MILLI + 1)
    later = now + dt.timedelta(days=366)
    assert sharing.disclose(shop=shop, strength="strong", most_each=100, form_key="c", now=later).epsilon_milli == 250


def test_the_owner_makes_a_report_and_downloads_it(owner_client, shop, now):
    page = owner_client.get(reverse("loyalty:share"))
    key = page.context["form"].initial["form_key"]
    answer = owner_client.post(
        reverse("loyalty:share"), {"form_key": key, "strength": "light", "most_each": 500}, follow=True
    )
    assert "in numbers, as of" in answer.content.decode()
    report = Disclosure.objects.get()
    lines = b"".join(owner_client.get(reverse("loyalty:shared_csv", args=[report.pk])).streaming_content).decode()
    assert lines.count("\n") == 1 + 6 + 4 + 1


def test_what_is_left_too_little_is_said_and_the_form_kept(owner_client, shop):
    wish = {"strength": "light", "most_each": 500}
    for key in "ab":
        owner_client.post(reverse("loyalty:share"), wish | {"form_key": key})
    answer = owner_client.post(reverse("loyalty:share"), wish | {"form_key": "c"})
    assert answer.status_code == 422
    assert "is not enough. Blur it more" in answer.content.decode()
    assert Disclosure.objects.count() == 2


def test_without_orders_no_report_is_offered(owner_client, shop, now):
    page = owner_client.get(reverse("loyalty:share")).content.decode()
    assert "No numbers to hand on yet" in page and "Make the report" not in page
    customer(now, orders=1, spent_minor=500, placed_at=now)
    page = owner_client.get(reverse("loyalty:share")).content.decode()
    assert "No numbers to hand on yet" not in page and "Make the report" in page
