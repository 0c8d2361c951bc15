"""What merging means on the other floors: one message, limits of both, links and numbers that keep leading somewhere."""

import datetime as dt

import pytest

from crm.api import visits
from crm.api.models import Visit
from crm.campaigns import rendering, tracking
from crm.campaigns.models import Campaign, Message, Rotation
from crm.contacts import merging
from crm.contacts.models import Contact
from crm.coupons import redeeming as coupons
from crm.coupons.pricing import Basket, Line
from crm.imports import typed
from crm.lib import tokens
from crm.orders.models import Order
from crm.orders.recording import Purchase
from crm.till import selling
from crm.till.selling import Wish
from tests.contacts.people import person
from tests.coupons.conftest import new_coupon

State = Message.State


@pytest.fixture
def anna(shop):
    return person("Anna Meyer", email="anna@example.org", consent="yes")


@pytest.fixture
def twin(shop):
    return person("A. Meyer", email="a.meyer@example.com", consent="yes")


@pytest.fixture
def mailing(shop, now):
    campaign = Campaign.objects.create(name="News", subject="S", body="B", state="running", points=5)
    return Rotation.objects.create(campaign=campaign, local_date=now.date(), started_at=now)


def write(mailing, contact, state, now) -> Message:
    return Message.objects.create(rotation=mailing, contact=contact, state=state, points=5, due_at=now)


@pytest.mark.parametrize(
    ("mine", "theirs", "then"),
    [
        (State.QUEUED, State.QUEUED, (State.QUEUED, State.WITHHELD)),
        (State.QUEUED, State.SENT, (State.WITHHELD, State.SENT)),
        (State.SENT, State.RETRY, (State.SENT, State.WITHHELD)),
        (State.UNCERTAIN, State.CLAIMED, (State.UNCERTAIN, State.WITHHELD)),
        (State.HELD_OUT, State.QUEUED, (State.HELD_OUT, State.WITHHELD)),
        (State.FAILED, State.QUEUED, (State.FAILED, State.QUEUED)),
    ],
)
def test_nobody_is_written_to_twice(anna, twin, mailing, now, mine, theirs, then):
    messages = write(mailing, anna, mine, now), write(mailing, twin, theirs, now)
    done = merging.merge(anna.pk, drop_id=twin.pk, now=now)
    for message, state in zip(messages, then):
        message.refresh_from_db()
        assert (message.contact_id, message.state) == (anna.pk, state)
    assert sum(message.points for message in messages) == 5
    merging.undo(done.pk, now=now)
    for message, contact, state in zip(messages, (anna, twin), (mine, theirs)):
        message.refresh_from_db()
        was = State.QUEUED if state == State.CLAIMED else state
        assert (message.contact_id, message.state, message.points) == (contact.pk, was, 5)


def test_each_message_that_is_not_sent_is_said_once(anna, twin, now):
    campaign = Campaign.objects.create(name="News", subject="S", body="B", state="running")
    third = person("Anne Meyer", email="anne@example.org", consent="yes")
    for days, state, people in ((0, State.RETRY, (anna, twin)), (1, State.QUEUED, (anna, twin, third))):
        day = now.date() + dt.timedelta(days=days)
        mailing = Rotation.objects.create(campaign=campaign, local_date=day, started_at=now)
        for contact in people:
            message = write(mailing, contact, state, now)
            Message.objects.filter(pk=message.pk).update(tried_at=now if state == State.RETRY else None)
    said = merging.foresee(anna.pk, drop_id=twin.pk, now=now).sentences
    assert said == ["2 messages that wait are not sent: they get each once."]
    merging.merge(anna.pk, drop_id=twin.pk, now=now)
    said = merging.foresee(anna.pk, drop_id=third.pk, now=now).sentences
    assert said == ["1 message that waits is not sent: they get it once."]


def test_the_unsubscribe_link_of_the_dropped_one_speaks_for_both(client, owner, anna, twin, mailing, now):
    message = write(mailing, twin, State.SENT, now)
    merging.merge(anna.pk, drop_id=twin.pk, now=now)
    token = tokens.sign("unsubscribe", message.pk)
    assert tracking.message_of(token) == str(message.pk) != rendering.EXAMPLE
    assert client.post(f"/m/u/{token}/").status_code == 200
    assert Contact.objects.get().consent == "no"


def test_limits_count_what_both_used(anna, twin, now):
    new_coupon("SPRING", most_per_customer=2)
    basket = Basket([Line(None, 1, 5_000, "", None)], 0)
    for contact in (anna, twin):
        coupons.reserve(["SPRING"], basket=basket, key=f"k{contact.pk}", now=now, contact_id=contact.pk)
    done = merging.merge(anna.pk, drop_id=twin.pk, now=now)
    with pytest.raises(coupons.Refused):
        coupons.reserve(["SPRING"], basket=basket, key="third", now=now, contact_id=anna.pk)
    coupons.roll_back(f"k{twin.pk}", now=now)
    coupons.reserve(["SPRING"], basket=basket, key="third", now=now, contact_id=anna.pk)
    merging.undo(done.pk, now=now)
    coupons.reserve(["SPRING"], basket=basket, key="fourth", now=now, contact_id=twin.pk)


def test_a_visit_of_the_dropped_one_is_that_of_the_kept_one(anna, twin, now):
    who = visits.token_for(twin.pk)
    merging.merge(anna.pk, drop_id=twin.pk, now=now)
    assert visits.record({"who": who, "kind": "page", "id": "event1234", "path": "/"}, now=now)
    assert Visit.objects.get().contact_id == anna.pk


def test_what_is_typed_for_a_merged_customer_is_the_kept_ones(anna, twin, now):
    merging.merge(anna.pk, drop_id=twin.pk, now=now)
    purchase = Purchase(source="", number="", placed_at=now, currency="EUR", total_minor=900, contact_id=twin.pk)
    order_id = typed.new_order(purchase, form_key="form-1", now=now)
    assert Order.objects.get(pk=order_id).contact == anna
    sold = selling.sell(Wish(contact_id=twin.pk, amount_minor=500), form_key="form-2", agreed_minor=500, now=now)
    assert Order.objects.get(pk=sold).contact == anna
    assert merging.led([anna.pk, twin.pk, 10**9]) == {twin.pk: anna.pk}
