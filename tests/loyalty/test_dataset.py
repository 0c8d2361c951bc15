"""The books as arrays: what counts, in which zone, and nothing that happened later."""

import datetime as dt

import pytest

from crm.contacts.models import Contact
from crm.orders.models import OrderLine, Product
from loyalty import dataset
from loyalty.dates import date_of, day_number
from loyalty.estimators.base import NotEnoughData, summarise
from tests.loyalty.conftest import moment, order, person, refund

pytestmark = pytest.mark.django_db
MAY = dt.date(2026, 5, 10)
JUNE = dt.date(2026, 6, 10)


def spend(as_of: dt.date) -> dict[int, tuple[int, float]]:
    """Return visits and net spend by contact."""
    history = dataset.load(as_of=as_of)
    today = history.upto(history.as_of)
    s = summarise(today)
    ids = today.customer_ids[s.customer].tolist()
    return {contact: (visits, spent) for contact, visits, spent in zip(ids, s.visits.tolist(), s.spend.tolist())}


def test_only_paid_sales_of_known_people_in_the_shops_currency_count(shop):
    ada, ben = person("Ada"), person("Ben")
    order(ada, moment(MAY), 1_000)
    order(ada, moment(MAY), 700, payment="unpaid", counts=False, net_minor=0)
    order(ada, moment(MAY), 700, currency="USD")
    order(ben, moment(MAY), 700, payment="unknown", counts=False, net_minor=0)
    order(None, moment(MAY), 700)
    assert spend(JUNE) == {ada.pk: (1, 1_000)}


def test_days_are_those_of_the_shops_zone(shop):
    """Berlin is two hours ahead in May: 22:30 in London's winter clock is the next day there."""
    ada = person()
    order(ada, dt.datetime(2026, 5, 10, 22, 30, tzinfo=dt.UTC))
    order(ada, dt.datetime(2026, 1, 10, 22, 30, tzinfo=dt.UTC))
    history = dataset.load(as_of=JUNE)
    assert [date_of(day) for day in history.order_day] == [dt.date(2026, 1, 10), dt.date(2026, 5, 11)]
    assert len(dataset.load(as_of=dt.date(2026, 5, 10)).order_day) == 1
    assert len(dataset.load(as_of=dt.date(2026, 5, 11)).order_day) == 2


def test_a_refund_is_known_from_its_day(shop):
    ada = person()
    one = order(ada, moment(MAY), 1_000, net_minor=600, refunded_minor=400, payment="partly_refunded")
    refund(one, 400, moment(JUNE))
    assert spend(JUNE - dt.timedelta(days=1)) == {ada.pk: (1, 1_000)}
    assert spend(JUNE) == {ada.pk: (1, 600)}


def test_an_order_given_back_whole_counted_until_then(shop):
    ada = person()
    order(ada, moment(dt.date(2026, 4, 1)), 300)
    one = order(ada, moment(MAY), 1_000, net_minor=0, refunded_minor=1_000, payment="refunded", counts=False)
    refund(one, 1_000, moment(JUNE))
    assert spend(JUNE - dt.timedelta(days=1)) == {ada.pk: (2, 1_300)}
    assert spend(JUNE) == {ada.pk: (1, 300)}
    before = dataset.load(as_of=JUNE).upto(day_number(MAY))
    assert summarise(before).visits.tolist() == [2]


def test_a_cancelled_order_counted_until_then(shop):
    ada = person()
    order(ada, moment(dt.date(2026, 4, 1)), 300)
    order(ada, moment(MAY), 1_000, net_minor=0, counts=False, cancelled_at=moment(JUNE))
    assert spend(JUNE - dt.timedelta(days=1)) == {ada.pk: (2, 1_300)}
    assert spend(JUNE) == {ada.pk: (1, 300)}


def test_a_return_slip_lowers_money_and_is_no_purchase(shop):
    ada = person()
    order(ada, moment(MAY), 1_000)
    order(ada, moment(JUNE), -250, kind="return", net_minor=-250)
    assert spend(JUNE) == {ada.pk: (1, 750)}


def test_lines_point_at_their_order_and_product(shop):
    ada, ben = person("Ada"), person("Ben")
    bread, tea = (
        Product.objects.create(key="bread", name="Bread"),
        Product.objects.create(key="tea", name="Tea", is_active=False),
    )
    late, early = order(ada, moment(JUNE)), order(ada, moment(MAY))
    other = order(ben, moment(MAY))
    for one, product in ((late, tea), (early, bread), (other, tea)):
        OrderLine.objects.create(order=one, product=product, position=1, quantity=2, total_minor=500)
    OrderLine.objects.create(order=early, product=None, position=2, quantity=1)
    OrderLine.objects.create(order=early, product=tea, position=3, quantity=-1)
    history = dataset.load(as_of=JUNE)
    told = [
        (
            int(history.customer_ids[history.order_customer[o]]),
            date_of(history.order_day[o]),
            int(history.product_ids[p]),
        )
        for o, p in zip(history.line_order, history.line_product)
    ]
    assert told == [(ada.pk, MAY, bread.pk), (ada.pk, JUNE, tea.pk), (ben.pk, MAY, tea.pk)]
    assert history.product_active.tolist() == [True, False]


def test_erased_people_are_left_out(shop):
    ada, ben = person("Ada"), person("Ben")
    order(ada, moment(MAY))
    order(ben, moment(MAY))
    Contact.objects.filter(pk=ben.pk).update(erased_at=moment(JUNE))
    assert list(spend(JUNE)) == [ada.pk]


def test_no_orders_is_said_so(shop):
    with pytest.raises(NotEnoughData, match="There are 0 orders"):
        dataset.load(as_of=JUNE)


def test_the_number_of_queries_does_not_grow(past, django_assert_num_queries):
    with django_assert_num_queries(7):  # the shop, erased people, orders, refunds, slips, lines, products
        dataset.load(as_of=dt.date(2026, 11, 18))
