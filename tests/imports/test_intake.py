import datetime as dt

import pytest

from crm.contacts.matching import Person
from crm.contacts.models import Contact
from crm.imports import intake
from crm.imports.models import Change, Import
from crm.orders.models import Order
from crm.orders.recording import Purchase
from crm.rewards import ledger
from crm.rewards.models import Entry, Rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(shop):
    return Rule.objects.create(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on=dt.date(2020, 1, 1)
    )


@pytest.fixture
def importing(now):
    return Import.objects.create(file_name="a.csv", path="a.csv", size_bytes=1, sha256="0" * 64)


def purchase(number, now, total=1050, key="1", **changes):
    return Purchase("file", number, now, "EUR", total, person=Person("file", key=key, name=f"P{key}"), **changes)


def points():
    return list(Entry.objects.order_by("id").values_list("points", flat=True))


def test_a_list_is_matched_recorded_settled_and_reported(rule, now):
    taken = intake.take_orders([purchase("1", now), purchase("2", now, key="2"), purchase("3", now)], now=now)
    ann, bob, again = taken.contact_ids
    assert (ann, taken.entries) == (again, 3)
    assert list(Contact.objects.order_by("id").values_list("order_count", "spent_minor", "points_balance")) == [
        (2, 2100, 20),
        (1, 1050, 10),
    ]
    assert Contact.objects.get(pk=bob).joined_at == now


def test_the_same_list_twice_changes_nothing(rule, now, importing):
    orders = [purchase("1", now), purchase("2", now)]
    intake.take_orders(orders, now=now, import_id=importing.pk)
    before = list(Order.objects.values()), list(Contact.objects.values()), points()
    taken = intake.take_orders(orders, now=now + dt.timedelta(days=1), import_id=importing.pk)
    assert (taken.recorded.created, taken.recorded.updated, taken.entries) == ([], [], 0)
    assert (list(Order.objects.values()), list(Contact.objects.values()), points()) == before
    assert not Change.objects.exists()


def test_books_that_were_thought_empty_are_asked_after_all(rule, now):
    intake.take_orders([purchase("1", now)], now=now)
    late = [purchase("1", now, total=2000), purchase("2", now)]
    taken = intake.take_orders(late, now=now, are_first=True)
    assert (len(taken.recorded.created), len(taken.recorded.updated)) == (1, 1)
    assert list(Order.objects.order_by("number").values_list("number", "total_minor")) == [("1", 2000), ("2", 1050)]
    assert (points(), Contact.objects.count()) == ([10, 10, 10], 1)


def test_refunded_and_cancelled_orders_give_their_points_back(rule, now):
    intake.take_orders([purchase("1", now), purchase("2", now)], now=now)
    intake.take_orders([purchase("1", now, refunded_minor=500), purchase("2", now, cancelled_at=now)], now=now)
    assert points() == [10, 10, -5, -10]


def test_a_buyer_named_by_id_needs_no_matching(rule, now):
    (ann,) = intake.take_people([Person("typed", name="Ann", email="ann@example.com")], now=now).contact_ids
    order = Purchase("typed", "1", now, "EUR", 1000, contact_id=ann)
    assert intake.take_orders([order], now=now).contact_ids == [ann]
    assert ledger.balance(ann) == 10


def test_an_order_without_a_buyer_is_kept(rule, now):
    assert intake.take_orders([Purchase("file", "1", now, "EUR", 1000)], now=now).contact_ids == [None]
    assert Order.objects.get().contact is None


def test_an_order_whose_buyer_is_gone_finds_a_new_one(rule, now):
    intake.take_orders([purchase("1", now)], now=now)
    Contact.objects.all().delete()
    (found,) = intake.take_orders([purchase("1", now)], now=now).contact_ids
    assert Order.objects.get().contact_id == found


def test_what_an_import_changed_is_journalled(rule, now, importing):
    intake.take_orders([purchase("1", now)], now=now)
    earlier = now - dt.timedelta(days=3)
    new = purchase("2", earlier)
    new.person.city = "Bonn"
    intake.take_orders([purchase("1", now, note="late"), new], now=now, import_id=importing.pk)
    changes = {change.table + str(bool(change.version_after)): change for change in Change.objects.all()}
    assert changes["orderTrue"].before.keys() == {"note", "content_hash"}
    assert changes["contactTrue"].before == {"city": ""}
    assert changes["contactFalse"].before == {"joined_at": now.isoformat()}
    assert changes["contactFalse"].after == {"joined_at": earlier.isoformat()}


def test_typed_refund_and_cancellation(rule, now):
    (order_id,) = intake.take_orders([purchase("1", now)], now=now).recorded.created
    for done in (True, False):
        assert intake.take_refund(order_id, amount_minor=300, key="typed:1", at=now, now=now) is done
    assert points() == [10, -3]
    assert intake.take_cancellation(order_id, at=now, now=now) is True
    assert points() == [10, -3, -7]
    assert list(Contact.objects.values_list("order_count", "spent_minor", "points_balance")) == [(0, 0, 0)]


def test_queries_do_not_grow_with_the_list(rule, now, django_assert_num_queries, django_assert_max_num_queries):
    intake.take_orders([purchase("0", now)], now=now)
    with django_assert_max_num_queries(50) as few:
        intake.take_orders([purchase("1", now, key="a")], now=now)
    with django_assert_num_queries(len(few)):
        intake.take_orders([purchase(str(n), now, key=str(n)) for n in range(100, 140)], now=now)
