"""The ledger against the same in the simplest words (reference_ledger.py), over sequences of acts nobody thought of.

A few here; SEQUENCES says how many of up to 50 acts each the slow test runs: 20, and 5,000 in `make prove`.
"""

import datetime as dt
import itertools
import os
from collections import Counter

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crm.accounts.models import Shop
from crm.contacts import merging
from crm.lib import books
from crm.rewards import falling_due, ledger, lots, redeeming, settling
from crm.rewards.models import Account, Entry, Lot, Redemption
from tests.conftest import NOW
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order
from tests.rewards.reference_ledger import ReferenceLedger, Refused

DAY = dt.timedelta(days=1)
POINTS = st.integers(1, 120)


class PointsMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.now, self.numbers = NOW, itertools.count(1)
        self.reference, self.orders = ReferenceLedger(), []
        self.gone, self.has_parted = set(), False  # redemptions of those who parted again
        self.waiting = []  # whose books are left alone while those of somebody else are written

    @initialize(hold_days=st.sampled_from([0, 3]), months=st.sampled_from([None, 1]))
    def open_shop(self, hold_days, months):
        Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin")
        terms = {"hold_days": hold_days} | ({"expiry": {"months": months}} if months else {})
        row = euro_rule(NOW, **terms)
        self.terms = settling.in_force(
            row.kind, row.params, rule_id=row.pk, starts_on=row.starts_on, ends_on=None, zone="Europe/Berlin"
        ).terms
        self.mia = new_contact(NOW)

    def teardown(self):
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @rule(points=POINTS, hold=st.sampled_from([None, 1, 4]), life=st.sampled_from([None, 2, 5, 9]))
    def earn(self, points, hold, life):
        active_at, expires_at = hold and self.now + hold * DAY, life and self.now + (life + (hold or 0)) * DAY
        source = f"campaign:{next(self.numbers)}"
        posting = ledger.Posting(
            contact_id=self.mia.pk, points=points, kind=Entry.Kind.CAMPAIGN, source=source, at=self.now,
            activates_at=active_at, expires_at=expires_at,
        )  # fmt: skip
        for _ in range(2):
            ledger.post([posting], now=self.now)
        self.reference.earn(points, origin="gift", now=self.now, active_at=active_at, expires_at=expires_at)

    @rule(points=POINTS)
    def spend_by_hand(self, points):
        self._both(
            lambda key: ledger.adjust(self.mia.pk, points=-points, reason="coffee", key=key, now=self.now),
            lambda _key: self.reference.spend(points, now=self.now),
        )

    @rule(points=POINTS)
    def reserve(self, points):
        self._both(
            lambda key: redeeming.reserve(self.mia.pk, points=points, key=key, now=self.now),
            lambda key: self.reference.reserve(key, points, now=self.now),
        )

    def _both(self, act, in_reference):
        key = str(next(self.numbers))
        try:
            in_reference(key)
        except Refused:
            with pytest.raises(ledger.NotEnoughPoints):
                act(key)
            self.reference.fall_due(now=self.now)
            self.fall_due()  # a refusal is rolled back, with what had fallen due
        else:
            act(key)
            act(key)

    @precondition(lambda self: self.reference.held)
    @rule(data=st.data(), commits=st.booleans())
    def end_reservation(self, data, commits):
        key = data.draw(st.sampled_from(sorted(self.reference.held)))
        if not commits:
            redeeming.roll_back(key, now=self.now)
            self.reference.roll_back(key, now=self.now)
        elif self.reference.held[key][0] == "back":
            with pytest.raises(redeeming.RolledBack):
                redeeming.commit(key, now=self.now)
        else:
            redeeming.commit(key, now=self.now)
            self.reference.commit(key)

    @rule(total=st.integers(0, 12_000))
    def order(self, total):
        order = new_order(self.mia, self.now, total, placed_at=self.now)
        self.orders.append(order)
        self._settle(order)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), refunded=st.integers(0, 12_000), is_cancelled=st.booleans())
    def change_order(self, data, refunded, is_cancelled):
        order = data.draw(st.sampled_from(self.orders))
        refunded = min(refunded, order.total_minor)
        payment = "partly_refunded" if refunded else "paid"
        amend(order, refunded_minor=refunded, payment=payment, cancelled_at=self.now if is_cancelled else None)
        self._settle(order)

    def _settle(self, order):
        settling.settle([order.pk], now=self.now)
        assert settling.settle([order.pk], now=self.now) == 0
        due = (order.total_minor - order.refunded_minor) // 100 if order.counts else 0
        day = order.placed_at.date()  # nine in the morning: the same day in Berlin
        active_at, expires_at = self.terms.of(day, "Europe/Berlin")
        self.reference.settle(order.pk, due, now=self.now, active_at=active_at, expires_at=expires_at)

    @rule(days=st.integers(1, 12))
    def wait(self, days):
        self.now += days * DAY

    @rule()
    def fall_due(self):
        falling_due.mature(now=self.now)
        falling_due.expire(now=self.now)
        for reference in (self.reference, *self.waiting):
            reference.fall_due(now=self.now)

    @rule(acts=st.lists(st.tuples(st.sampled_from(["earn", "spend", "reserve", "order", "refund"]), POINTS), max_size=6),
          is_undone=st.booleans())  # fmt: skip
    def merge_somebody(self, acts, is_undone):
        """Somebody else did this and that, and turns out to be the same person; or not, after all."""
        kept, kept_orders = self.mia, self.orders
        self.waiting.append(self.reference)
        self.mia, self.reference, self.orders = new_contact(NOW, name="Kim"), ReferenceLedger(), []
        for act, points in acts:
            match act:
                case "earn":
                    self.earn(points=points, hold=points % 3 or None, life=points % 7 or None)
                case "spend":
                    self.spend_by_hand(points=points)
                case "reserve":
                    self.reserve(points=points)
                case "order":
                    self.order(total=points * 100)
                case "refund" if self.orders:
                    amend(self.orders[0], refunded_minor=self.orders[0].total_minor, payment="partly_refunded")
                    self._settle(self.orders[0])
        other, other_reference, other_orders = self.mia, self.reference, self.orders
        self.mia, self.reference, self.orders = kept, self.waiting.pop(), kept_orders
        done = merging.merge(kept.pk, drop_id=other.pk, now=self.now)
        if is_undone:
            merging.undo(done.pk, now=self.now)
            other_reference.merge(ReferenceLedger(), now=self.now)
            assert self._open_lots(other) == other_reference.open_lots(now=self.now)
            self.gone |= other_reference.held.keys()
            self.has_parted = True
        else:
            for order in other_orders:
                order.contact = kept
            self.orders += other_orders
            self.reference.merge(other_reference, now=self.now)

    @rule()
    def forgive(self):
        assert ledger.forgive(self.mia.pk, now=self.now) == self.reference.debt
        self.reference.forgive()

    @invariant()
    def is_the_same(self):
        if not hasattr(self, "mia"):
            return
        reference, account = self.reference, self._account(self.mia)
        assert (account.available, account.pending, account.debt) == (
            reference.available, reference.pending, reference.debt,
        )  # fmt: skip
        assert self._open_lots(self.mia) == reference.open_lots(now=self.now)
        if not self.has_parted:  # what came back stands in new lots
            lots_there = Lot.objects.filter(account=account.pk).order_by("pk").values_list("remaining", "state")
            assert list(lots_there) == [(lot.left, lot.state) for lot in reference.lots]
        self.mia.refresh_from_db()
        assert self.mia.points_balance == account.available
        there = Redemption.objects.exclude(key__in=self.gone).values_list("key", "state")
        assert dict(there) == {key: state for key, (state, _parts) in reference.held.items()}

    def _account(self, contact):
        return Account.objects.to_spend_from().filter(contact=contact).first() or Account()

    def _open_lots(self, contact):
        """Return what somebody holds by its terms, those that fell due counted as active."""
        held = Counter()
        rows = Lot.objects.filter(account=self._account(contact).pk, remaining__gt=0)
        for points, state, active_at, expires_at in rows.values_list(
            "remaining", "state", "activates_at", "expires_at"
        ):
            held[state == "pending" and active_at > self.now and active_at, expires_at] += points
        return held

    def check_books(self):
        return [finding for finding in books.run_all() if not finding.ok and finding.name.startswith("points")]


class PointsMachineWithBooks(PointsMachine):
    def teardown(self):
        wrong = self.check_books() if hasattr(self, "mia") else []
        super().teardown()
        assert wrong == []


QUICK = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes; set it when something fails
}


def test_the_ledger_does_what_the_simplest_one_does(db):
    run_state_machine_as_test(PointsMachineWithBooks, settings=settings(max_examples=12, stateful_step_count=25, **QUICK))


@pytest.mark.slow
def test_the_ledger_does_what_the_simplest_one_does_many_times(db):
    sequences = int(os.environ.get("SEQUENCES", 20))
    run_state_machine_as_test(
        PointsMachineWithBooks, settings=settings(max_examples=sequences, stateful_step_count=50, **QUICK)
    )


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("_in_order", lambda lots_, taking, real=lots._in_order: reversed(list(real(lots_, taking)))),
        ("_origin", lambda *origin: None),
    ],
)
@pytest.mark.slow
def test_a_ledger_that_uses_the_wrong_lots_is_caught(db, monkeypatch, name, broken):
    monkeypatch.setattr(lots, name, broken)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(
            PointsMachineWithBooks,
            settings=settings(max_examples=60, stateful_step_count=30, **QUICK),
        )
