"""Where a score comes from: one customer's fingerprint is the night's, and what changed since is found."""

import datetime as dt
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.orders.models import Order, OrderLine, Product
from loyalty import auditing, dataset, pasts, pipeline
from loyalty.estimators.base import summarise
from loyalty.models import Run, Score
from tests.loyalty.conftest import LAST_DAY, moment, order, person, refund

pytestmark = pytest.mark.django_db

BEFORE = LAST_DAY - dt.timedelta(days=40)


@pytest.fixture
def odd_books(shop) -> Shop:
    """People with all that can happen to an order before and after BEFORE."""
    tea = Product.objects.create(key="tea", name="Tea")
    for place in range(12):
        who = person(f"Odd {place}")
        for back in (90, 60, 41, 40, 39, 10):
            one = order(who, moment(LAST_DAY - dt.timedelta(days=back), 22), 1_000 + place * 7 + back)
            OrderLine.objects.create(order=one, product=tea, position=1, quantity=0.35 + place, total_minor=700 + back)
            if place % 3 == 0 and back in (60, 39):
                Order.objects.filter(pk=one.pk).update(
                    cancelled_at=moment(LAST_DAY - dt.timedelta(days=back - 21 if back == 60 else 5)), counts=False,
                    net_minor=0,
                )  # fmt: skip
            if place % 3 == 1 and back == 60:
                refund(one, 300, moment(LAST_DAY - dt.timedelta(days=50)))
                refund(one, one.total_minor - 300, moment(LAST_DAY - dt.timedelta(days=20)))
                Order.objects.filter(pk=one.pk).update(payment="refunded", counts=False, net_minor=0)
            if place % 3 == 2 and back == 90:
                refund(one, one.total_minor, moment(LAST_DAY - dt.timedelta(days=80)))
                Order.objects.filter(pk=one.pk).update(payment="refunded", counts=False, net_minor=0)
            if place == 4:
                Order.objects.filter(pk=one.pk).update(currency="USD")
        if place % 4 == 0:
            order(who, moment(LAST_DAY - dt.timedelta(days=45)), -500, kind="return", net_minor=-500)
        if place % 4 == 1:
            order(who, moment(LAST_DAY - dt.timedelta(days=45)), 900, payment="unpaid", counts=False, net_minor=0)
    return shop


@pytest.mark.parametrize("as_of", [BEFORE, LAST_DAY])
def test_one_customer_is_read_as_the_night_reads_everybody(odd_books, as_of):
    history = dataset.load(as_of=as_of)
    pages = pasts.read(history.customer_ids.tolist(), as_of=as_of, shop=odd_books, with_lines=True)
    assert [auditing.fingerprint(pages[who]) for who in history.customer_ids.tolist()] == auditing.fingerprints(
        history
    ).tolist()
    summary = summarise(history.upto(history.as_of))
    who = history.customer_ids[summary.customer].tolist()
    assert [(len(pages[one].days), pages[one].days[0], pages[one].days[-1], pages[one].spent) for one in who] == list(
        zip(summary.visits.tolist(), summary.first_day.tolist(), summary.last_day.tolist(), summary.spend.tolist())
    )
    assert len(set(auditing.fingerprints(history).tolist())) == len(history.customer_ids)


def test_a_night_done_again_has_the_same_scores_from_the_same_inputs(past_night, now):
    again = pipeline.run(as_of=LAST_DAY, now=now)
    names = [field.attname for field in Score._meta.concrete_fields if field.attname not in ("id", "run_id")]
    first = list(past_night.scores.order_by("contact_id").values_list(*names))
    assert list(again.scores.order_by("contact_id").values_list(*names)) == first
    assert again.inputs == past_night.inputs
    assert again.cut_points == past_night.cut_points
    assert len(first) == past_night.customers
    out = StringIO()
    call_command("audit_scores", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["run"], told["scores"], told["same"], told["is_clean"]) == (again.pk, len(first), len(first), True)
    assert (told["changed"], told["gone"], told["added"]) == ([], [], [])
    assert told["code"] == {"then": again.inputs["code"], "now": auditing.code(), "is_same": True}


def test_the_audit_names_who_was_changed_removed_and_added(past_night):
    first, second, third = Contact.objects.filter(orders__isnull=False).distinct().order_by("id")[:3]
    Order.objects.filter(pk=first.orders.first().pk).update(total_minor=7)
    second.orders.all().delete()
    OrderLine.objects.filter(pk=OrderLine.objects.filter(order__contact=third).first().pk).update(quantity=3)
    newcomer = person("Newcomer")
    order(newcomer, moment(LAST_DAY))
    out = StringIO()
    call_command("audit_scores", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["changed"], told["gone"], told["added"]) == ([first.pk, third.pk], [second.pk], [newcomer.pk])
    assert told["same"] == past_night.customers - 3
    assert told["is_clean"] is False
    text = StringIO()
    call_command("audit_scores", stdout=text)
    assert "2 were computed from orders that have changed since" in text.getvalue()


def test_what_comes_after_the_runs_date_changes_nothing(past_night):
    someone = Contact.objects.filter(orders__isnull=False).first()
    order(someone, moment(LAST_DAY + dt.timedelta(days=1)))
    score = past_night.scores.select_related("run").get(contact=someone)
    found = auditing.origin(score, shop=Shop.current())
    assert (found.is_same, found.changed, found.later) == (True, 0, 1)
    assert found.orders == someone.orders.count() - 1


def test_the_page_says_how_many_orders_changed_since(past_night):
    Order.objects.update(updated_at=moment(LAST_DAY))
    someone = Contact.objects.filter(orders__isnull=False).first()
    one = someone.orders.first()
    one.total_minor += 500
    one.save()
    found = auditing.origin(past_night.scores.select_related("run").get(contact=someone), shop=Shop.current())
    assert (found.is_same, found.changed) == (False, 1)
    one.delete()
    found = auditing.origin(past_night.scores.select_related("run").get(contact=someone), shop=Shop.current())
    assert (found.is_same, found.changed) == (False, 0)


def test_without_a_run_the_audit_says_so(shop):
    with pytest.raises(CommandError, match="No night run has finished yet"):
        call_command("audit_scores")
    Run.objects.create(as_of=LAST_DAY)
    with pytest.raises(CommandError, match="No night run has finished yet"):
        call_command("audit_scores")
