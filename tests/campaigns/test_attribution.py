import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.campaigns import attribution, reporting, sending
from crm.campaigns.models import Attribution, Campaign, Click, Link, Message, Rotation, Rules
from crm.orders.models import Order

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def order(now):
    """Make an order that counts: `order(ava, days=2, amount=1500)`."""
    numbers = iter(range(1, 10_000))

    def make(contact, *, days=1.0, amount=2000, **more) -> Order:
        values = {
            "source": "typed", "number": str(next(numbers)), "contact": contact, "placed_at": now + days * DAY,
            "currency": "EUR", "total_minor": amount, "net_minor": amount,
        }
        return Order.objects.create(**(values | more))

    return make


@pytest.fixture
def ava(person):
    return person("Ava Brandt")


@pytest.fixture
def mailing(started):
    """Send a campaign at a time and return it."""

    def make(at, **more) -> Campaign:
        made = started(**more)
        Campaign.objects.filter(pk=made.pk).update(next_at=at, next_date=at.date())
        sending.sweep(now=at)
        made.refresh_from_db()
        return made

    return make


def attribute(*orders, now):
    return attribution.attribute([order.pk for order in orders], now=now)


def links():
    return list(
        Attribution.objects.order_by("order").values_list(
            "order__number", "message__rotation__campaign__name", "amount_minor", "after_click"
        )
    )


def test_order_in_the_window_belongs_to_the_message(mailing, ava, order, now):
    mailing(now, window_days=7)
    inside, late = order(ava, days=6.9), order(ava, days=7.1)
    before = order(ava, days=-1)
    assert attribute(inside, late, before, now=now) == 1
    assert links() == [(inside.number, "Thank you", 2000, False)]


def test_last_sent_message_wins_without_a_click(mailing, ava, order, now):
    mailing(now, name="First"), mailing(now + DAY, name="Second")
    attribute(order(ava, days=2), now=now)
    assert [row[1:] for row in links()] == [("Second", 2000, False)]


def test_last_clicked_message_wins_over_a_later_one(mailing, ava, order, now):
    first = mailing(now, name="First")
    mailing(now + DAY, name="Second")
    message = Message.objects.get(rotation__campaign=first)
    Click.objects.create(message=message, link=Link.objects.get(campaign=first), at=now + 1.5 * DAY)
    attribute(order(ava, days=2), now=now)
    assert [row[1:] for row in links()] == [("First", 2000, True)]


def test_click_after_the_order_does_not_count(mailing, ava, order, now):
    made = mailing(now)
    Click.objects.create(message=Message.objects.get(), link=Link.objects.get(campaign=made), at=now + 2 * DAY)
    attribute(order(ava, days=1), now=now)
    assert [row[3] for row in links()] == [False]


def test_points_without_a_message_count_too_and_held_out_do_not(mailing, person, order, now):
    mia = person("Mia Silent", consent="no")
    mailing(now, points=10)
    Message.objects.create(
        rotation=Rotation.objects.get(), contact=(held := person("Theo Weber")), state="held_out", due_at=now
    )
    attribute(order(mia), order(held), now=now)
    assert [row[1] for row in links()] == ["Thank you"]


def test_refund_changes_the_amount_and_cancelling_removes_it(mailing, ava, order, now):
    mailing(now)
    placed = order(ava)
    attribute(placed, now=now)
    Order.objects.update(refunded_minor=500, net_minor=1500)
    assert attribute(placed, now=now) == 1
    assert [row[2] for row in links()] == [1500]
    Order.objects.update(counts=False, net_minor=0)
    assert attribute(placed, now=now) == 1
    assert links() == []


def test_twice_changes_nothing(mailing, ava, order, now):
    mailing(now)
    placed = order(ava)
    assert [attribute(placed, now=now) for _ in range(2)] == [1, 0]


def test_other_currency_return_slip_and_nobodys_order_do_not_count(mailing, ava, order, now):
    mailing(now)
    made = [order(ava, currency="USD"), order(None), order(ava, kind="return", amount=-100)]
    assert attribute(*made, now=now) == 0


def test_questions_do_not_grow_with_the_orders(mailing, crowd, order, now):
    people = crowd(40)
    mailing(now)
    counts = []
    for some in (people[:1], people[1:]):
        placed = [order(contact) for contact in some]
        with CaptureQueriesContext(connection) as queries:
            assert attribute(*placed, now=now) == len(some)
        counts.append(len(queries))
    assert counts[0] == counts[1]


class TestComparison:
    def groups(self, mailing, crowd, order, now, *, bought, bought_held, people=400):
        crowd(people)
        made = mailing(now, holdout_percent=50, window_days=7)
        held = list(Message.objects.filter(state="held_out").order_by("pk").values_list("contact", flat=True))
        written = list(Message.objects.filter(state="sent").order_by("pk").values_list("contact", flat=True))
        for ids, share in ((written, bought), (held, bought_held)):
            for contact_id in ids[: round(len(ids) * share)]:
                order(None, contact_id=contact_id, days=1)
        return made, len(written), len(held)

    def test_clear_difference_is_told_with_its_interval(self, mailing, crowd, order, now):
        made, written, held = self.groups(mailing, crowd, order, now, bought=0.5, bought_held=0.1)
        found = reporting.compare(made, now=now + 30 * DAY)
        assert (found.written_to.people, found.held_out.people) == (written, held)
        assert found.is_too_early is False
        assert found.is_open is False
        p, q = round(written * 0.5) / written, round(held * 0.1) / held
        error = (p * (1 - p) / (written - 1) + q * (1 - q) / (held - 1)) ** 0.5
        assert found.orders.value == pytest.approx(p - q)
        assert found.orders.low == pytest.approx(p - q - 1.959964 * error)
        assert found.orders.high == pytest.approx(p - q + 1.959964 * error)
        assert found.revenue.value == pytest.approx(2000 * (p - q))

    def test_difference_that_may_be_chance_is_too_early_to_tell(self, mailing, crowd, order, now):
        made, *_ = self.groups(mailing, crowd, order, now, bought=0.2, bought_held=0.18)
        assert reporting.compare(made, now=now).is_too_early is True

    def test_small_groups_are_too_early_to_tell(self, mailing, crowd, order, now):
        made, written, held = self.groups(mailing, crowd, order, now, bought=1, bought_held=0, people=40)
        assert min(written, held) < reporting.FEW
        found = reporting.compare(made, now=now + 30 * DAY)
        assert (found.is_too_early, found.is_too_few, found.has_interval) == (True, True, False)

    def test_orders_outside_the_window_do_not_count(self, mailing, crowd, order, now):
        made, *_ = self.groups(mailing, crowd, order, now, bought=0, bought_held=0)
        order(None, contact_id=Message.objects.first().contact_id, days=8)
        order(None, contact_id=Message.objects.first().contact_id, days=-1)
        found = reporting.compare(made, now=now)
        assert (found.written_to.orders, found.held_out.orders) == (0, 0)

    def test_stopped_mailing_is_not_compared(self, mailing, crowd, order, now):
        made, *_ = self.groups(mailing, crowd, order, now, bought=0.5, bought_held=0.1)
        Message.objects.filter(pk=Message.objects.filter(state="sent").first().pk).update(state="stopped")
        assert reporting.compare(made, now=now) is None

    def test_nobody_held_out_is_not_compared(self, mailing, ava, now):
        assert reporting.compare(mailing(now), now=now) is None


def test_totals_of_many_campaigns_take_the_same_questions(mailing, ava, order, now):
    Rules.objects.create(most_messages=None)
    made = [mailing(now + n * DAY / 24, name=f"C{n}") for n in range(3)]
    attribute(order(ava), now=now)
    counts = []
    for ids in ([made[0].pk], [campaign.pk for campaign in made]):
        with CaptureQueriesContext(connection) as queries:
            found = reporting.totals(ids)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert [(found[c.pk].sent, found[c.pk].orders, found[c.pk].revenue_minor) for c in made] == [
        (1, 0, 0), (1, 0, 0), (1, 1, 2000),
    ]  # fmt: skip
