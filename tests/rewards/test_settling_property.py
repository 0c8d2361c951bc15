"""Whatever happens to orders, in whatever order: the entries of each come to what it is due."""

import datetime as dt

from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from crm.accounts.models import Shop
from crm.rewards import ledger, rule_changing, settling
from crm.rewards.models import Account, Entry
from tests.conftest import NOW
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order

STARTS_ON = dt.date(2026, 1, 1)

EVENT = st.one_of(
    st.tuples(st.just("refund"), st.integers(1, 6000)),
    st.tuples(st.just("refund_taken_back"), st.integers(1, 6000)),
    st.tuples(st.just("cancel"), st.none()),
    st.tuples(st.just("count_again"), st.none()),
    st.tuples(st.just("give_to"), st.integers(0, 2)),
    st.tuples(st.just("amount"), st.integers(0, 20000)),
    st.tuples(st.just("settle"), st.none()),
)


def apply(order, people, act, value):
    total, refunded = order.total_minor, order.refunded_minor
    if act == "cancel":
        return amend(order, cancelled_at=NOW)
    if act == "count_again":
        return amend(order, cancelled_at=None)
    if act == "give_to":
        return amend(order, contact=people[value])
    if act == "refund":
        refunded = min(total, refunded + value)
    elif act == "refund_taken_back":
        refunded = max(0, refunded - value)
    elif act == "amount":
        total, refunded = value, min(refunded, value)
    payment = "paid" if not refunded else "refunded" if refunded == total else "partly_refunded"
    return amend(order, total_minor=total, refunded_minor=refunded, payment=payment)


def due(order, *, points, step, shipping_counts) -> int:
    """The rule again in the simplest words, from the order alone."""
    if not order.counts or order.contact is None:
        return 0
    kept = order.total_minor - order.refunded_minor - (0 if shipping_counts else order.shipping_minor)
    return max(0, kept) // step * points


class SettlingTest(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(
        events=st.lists(st.tuples(st.integers(0, 1), EVENT), max_size=12),
        points=st.integers(1, 7),
        step=st.sampled_from([1, 100, 250, 1000]),
        shipping=st.integers(0, 900),
        shipping_counts=st.booleans(),
    )
    def test_entries_come_to_what_is_due(self, events, points, step, shipping, shipping_counts):
        Shop.objects.create(name="S", currency="EUR", timezone="Asia/Shanghai")
        euro_rule(NOW, starts_on=STARTS_ON, points=points, step_minor=step, with_shipping=shipping_counts)
        people = [new_contact(NOW), new_contact(NOW), None]
        orders = [new_order(people[0], NOW, total, shipping_minor=shipping) for total in (8050, 12345)]
        ids = [order.pk for order in orders]
        settling.settle(ids, now=NOW)
        for which, (act, value) in events:
            apply(orders[which], people, act, value)
            if act == "settle":
                settling.settle(ids, now=NOW)
        settling.settle(ids, now=NOW)
        assert settling.settle(ids, now=NOW) == 0

        rule = {"points": points, "step": step, "shipping_counts": shipping_counts}
        owed = {person.pk: 0 for person in people[:2]}
        for order in orders:
            of_order = Entry.objects.filter(order_ref=order.pk).aggregate(total=Sum("points"))["total"] or 0
            assert of_order == due(order, **rule)
            if order.contact is not None:
                owed[order.contact_id] += of_order
        assert {pk: ledger.balance(pk) for pk in owed} == owed
        for account in Account.objects.all():
            assert account.balance == (account.entries.aggregate(total=Sum("points"))["total"] or 0)

    @settings(max_examples=60, deadline=None)
    @given(parts=st.lists(st.integers(1, 3000), max_size=8), cancelled=st.booleans())
    def test_any_split_of_refunds_takes_back_what_was_given(self, parts, cancelled):
        Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin")
        rule = euro_rule(NOW, starts_on=STARTS_ON)
        mia = new_contact(NOW)
        order = new_order(mia, NOW, 8050)
        settling.settle([order.pk], now=NOW)
        rule_changing.end(rule.pk, ends_on=dt.date(2026, 11, 20), now=NOW)
        rule_changing.start(
            kind="per_amount", params={**rule.params, "points": 9}, starts_on=dt.date(2026, 11, 21), now=NOW
        )
        for part in parts:
            apply(order, [mia], "refund", part)
            settling.settle([order.pk], now=NOW + dt.timedelta(days=30))
        assert ledger.balance(mia.pk) == (8050 - min(8050, sum(parts))) // 100
        if cancelled:
            amend(order, cancelled_at=NOW)
            settling.settle([order.pk], now=NOW + dt.timedelta(days=31))
            assert ledger.balance(mia.pk) == 0
