"""Whatever two customers did: made one and two again, everything is as before, and the books are right in between."""

import datetime as dt
import itertools
import os

from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm.accounts.models import Shop
from crm.api.models import Visit
from crm.campaigns import attribution
from crm.campaigns.models import Campaign, Click, Link, Message, Rotation
from crm.contacts import consent, merging, segments
from crm.contacts.models import ContactKey, Note, Segment, SegmentMember
from crm.coupons import redeeming as coupons
from crm.coupons.pricing import Basket, Line
from crm.imports import intake
from crm.lib import books
from crm.orders.models import Order
from crm.portal import links
from crm.rewards import falling_due, ledger, levelling, redeeming, referring, rule_changing
from crm.rewards.models import Entry, Membership, Redemption, Referral, Rule
from loyalty.models import Run, Score
from tests.conftest import NOW
from tests.contacts.people import person
from tests.contacts.snapshots import state
from tests.coupons.conftest import new_coupon
from tests.rewards.conftest import amend, euro_rule, new_order
from tests.rewards.test_tiers import levels

DAY = dt.timedelta(days=1)
WORDS = ("SPRING", "SUMMER")


class World:
    """A shop with two customers who may turn out to be one, and a third."""

    def __init__(self):
        self.now, self.numbers = NOW, itertools.count(1)
        self.shop = Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin", language="en")
        euro_rule(self.now, hold_days=2, expiry={"months": 6})
        rule_changing.start(kind="tiers", params=levels(bounds=(3_000, 9_000, 50_000)), starts_on=self.now.date(), now=self.now)
        for kind, points in (("referral_friend", 50), ("referral_advocate", 100)):
            rule_changing.start(kind=kind, params={"points": points}, starts_on=self.now.date(), now=self.now)
        Rule.objects.update(catch_up_from=None)
        self.people = [
            person("Anna Meyer", email="anna@example.org", phone="+491711234567"),
            person("A. Meyer", email="a.meyer@example.com", city="Bonn", tags=["tea"]),
            person("Third", email="third@example.com"),
        ]
        levelling.sweep(now=self.now)
        for word in WORDS:
            new_coupon(word, name=word, most_per_customer=5)
        campaign = Campaign.objects.create(name="News", subject="S", body="B", state="running", points=5)
        self.rotations = [
            Rotation.objects.create(campaign=campaign, local_date=self.now.date() + n * DAY, started_at=self.now)
            for n in range(3)
        ]
        self.link = Link.objects.create(campaign=campaign, url="https://example.com/", url_hash="x")
        self.segments = [Segment.objects.create(slug=f"s{n}", name=f"S{n}") for n in range(2)]
        self.runs = [Run.objects.create(as_of=self.now.date() - DAY, state="done") for _ in range(2)]

    def do(self, act: str, who: int, size: int) -> None:
        getattr(self, act)(self.people[who], size)

    def buy(self, contact, size):
        number, placed_at = str(next(self.numbers)), self.now + dt.timedelta(seconds=1)
        self.now += dt.timedelta(seconds=2)
        order = new_order(contact, self.now, size * 100, number=number, placed_at=placed_at)
        intake._settle([order.pk], now=self.now)
        attribution.attribute([order.pk], now=self.now)

    def refund(self, contact, size):
        order = Order.objects.filter(contact=contact, refunded_minor=0).first()
        if order:
            amend(order, refunded_minor=min(size * 100, order.total_minor), payment="partly_refunded")
            intake._settle([order.pk], now=self.now)
            attribution.attribute([order.pk], now=self.now)

    def get_points(self, contact, size):
        posting = ledger.Posting(
            contact_id=contact.pk, points=size, kind=Entry.Kind.CAMPAIGN, source=f"gift:{next(self.numbers)}",
            at=self.now, activates_at=self.now + 2 * DAY if size % 3 == 0 else None,
            expires_at=self.now + size * DAY if size % 2 else None,
        )  # fmt: skip
        ledger.post([posting], now=self.now)

    def spend(self, contact, size):
        points = min(size, ledger.balance(contact.pk))
        if points > 0:
            key = str(next(self.numbers))
            redeeming.reserve(contact.pk, points=points, key=key, now=self.now, held_for=90 * DAY)
            if size % 2:
                redeeming.commit(key, now=self.now)

    def give_back(self, contact, size):
        held = Redemption.objects.filter(account__contact=contact).order_by("pk").first()
        if held:
            redeeming.roll_back(held.key, now=self.now)

    def wait(self, contact, size):
        self.now += (size // 4) * DAY
        falling_due.mature(now=self.now)
        falling_due.expire(now=self.now)
        levelling.sweep(now=self.now)

    def say(self, contact, size):
        if size % 3 == 0:
            consent.withdraw(contact.pk, source="link", detail="", at=self.now)
        else:
            consent.record([contact.pk], state="yes", source="page", detail="", at=self.now)

    def use_coupon(self, contact, size):
        key, basket = f"k{next(self.numbers)}", Basket([Line(None, 1, 5_000, "", None)], 0)
        try:
            coupons.reserve([WORDS[size % 2]], basket=basket, key=key, now=self.now, contact_id=contact.pk)
        except coupons.Refused:
            return
        coupons.redeem(key, now=self.now) if size % 3 else coupons.roll_back(key, now=self.now)

    def write_to(self, contact, size):
        states = ["queued", "claimed", "sent", "held_out", "failed", "points_only", "retry"]
        chosen, rotation = states[size % len(states)], self.rotations[size % 3]
        if Message.objects.filter(rotation=rotation, contact=contact).exists():
            return
        message = Message.objects.create(
            rotation=rotation, contact=contact, state="queued" if chosen == "claimed" else chosen, points=size % 2 * 5,
            due_at=self.now, sent_at=self.now if chosen in ("sent", "points_only") else None,
        )  # fmt: skip
        if chosen == "sent":
            Click.objects.create(message=message, link=self.link, at=self.now)
        attribution.attribute(list(Order.objects.filter(contact=contact).values_list("pk", flat=True)), now=self.now)

    def visit(self, contact, size):
        Visit.objects.create(contact=contact, kind="page", path="/", event_id=f"event{next(self.numbers)}", at=self.now)

    def note(self, contact, size):
        Note.objects.create(contact=contact, text="x", at=self.now)

    def know(self, contact, size):
        ContactKey.objects.create(contact=contact, source="shopify", value=str(next(self.numbers)))
        SegmentMember.objects.get_or_create(contact=contact, segment=self.segments[size % 2])
        segments.count_again(self.segments[size % 2])

    def score(self, contact, size):
        Score.objects.get_or_create(
            contact=contact, run=self.runs[size % 2],
            defaults={"recency_grade": 1, "frequency_grade": 1, "money_grade": 1, "group": "new", "stage": "x"},
        )  # fmt: skip

    def refer(self, contact, size):
        others = [one for one in self.people if one.pk != contact.pk]
        try:
            referring.refer(contact.pk, advocate_id=others[size % len(others)].pk, via=Referral.Via.TILL, now=self.now)
        except referring.CannotRefer:
            return

    def reward(self, contact, size):
        referring.reward_due(now=self.now + dt.timedelta(seconds=3))

    def replace_link(self, contact, size):
        links.replace(contact.pk, now=self.now)

    def wrong_books(self) -> list[str]:
        return [f"{one.name}: {one.detail}" for one in books.run_all() if not one.ok]


ACTS = [
    "buy", "buy", "buy", "refund", "get_points", "get_points", "spend", "spend", "give_back", "wait", "say",
    "use_coupon", "write_to", "write_to", "visit", "note", "know", "score", "refer", "reward", "replace_link",
]  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 2), st.integers(1, 60)), max_size=25)
SETTINGS = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "max_examples": int(os.environ.get("SEQUENCES", 12)),
    "phases": [Phase.explicit, Phase.reuse, Phase.generate],  # a step costs too much to shrink by
}


def rewarded() -> dict:
    """Return the referrals by what they say; a reward that is given again is another entry."""
    rows = Referral.objects.order_by("pk").values_list("pk", "advocate", "friend", "order_ref", "reward__points")
    return list(rows)


def snapshot() -> dict:
    rows = state()
    rows["rewards.Referral"] = rewarded()
    for row in rows["contacts.Segment"]:
        del row["spent_minor"]  # as of the night; counted anew with its members
    for label in ("rewards.Membership", "contacts.SegmentMember", "loyalty.Score"):
        rows[label].sort(key=lambda row: row["id"])
    return rows


def without_terms(rows: dict) -> None:
    """Leave of the points what there is and is owed, not from when and until when."""
    rows["points"] = {who: (balance, debt) for who, (balance, _pending, debt, _lots) in rows["points"].items()}
    for row in rows["contacts.Contact"]:
        del row["points_balance"]


def order_entries() -> int:
    return Entry.objects.filter(kind=Entry.Kind.ORDER).count()


@given(steps=STEPS, picks=st.sets(st.sampled_from(sorted(merging.PARTS))))
@settings(**SETTINGS)
def test_merge_and_undo_is_nothing(db, steps, picks):
    with transaction.atomic():
        world = World()
        for step in steps:
            world.do(*step)
        assert world.wrong_books() == []
        keep, drop, _third = world.people
        before, entries = snapshot(), order_entries()
        done = merging.merge(keep.pk, drop_id=drop.pk, choices=dict.fromkeys(picks, "drop"), now=world.now)
        assert world.wrong_books() == []
        merging.undo(done.pk, now=world.now)
        assert world.wrong_books() == []
        after = snapshot()
        if order_entries() > entries:  # what a level of the other one gave is taken back: of what waits first
            without_terms(before)
            without_terms(after)
        for label, rows in before.items():
            assert after[label] == rows, label
        transaction.set_rollback(True)


def earned(contact, *, since: dt.datetime, until: dt.datetime) -> dict:
    """Return what each order of a customer placed in between earned."""
    orders = Order.objects.filter(contact=contact, placed_at__gt=since, placed_at__lte=until).values("pk")
    entries = Entry.objects.filter(kind=Entry.Kind.ORDER, order_ref__in=orders, account__contact=contact)
    return dict(entries.order_by().values_list("order_ref").annotate(points=Sum("points")))


LATER = [act for act in ACTS if act not in ("replace_link", "write_to", "know", "score")]
LATER_STEPS = st.lists(st.tuples(st.sampled_from(LATER), st.sampled_from([0, 2]), st.integers(1, 60)), max_size=12)


@given(steps=STEPS, later=LATER_STEPS, afterwards=LATER_STEPS)
@settings(**SETTINGS)
def test_whatever_happens_meanwhile_the_books_are_right_and_no_point_is_lost(db, steps, later, afterwards):
    with transaction.atomic():
        world = World()
        for step in steps:
            world.do(*step)
        keep, drop, _third = world.people
        sum_before = ledger.balance(keep.pk) + ledger.balance(drop.pk)
        has_referred = Referral.objects.exists()
        is_level_free = not Membership.objects.exists()
        done = merging.merge(keep.pk, drop_id=drop.pk, now=world.now)
        assert world.wrong_books() == []
        if is_level_free and not has_referred:
            assert ledger.balance(keep.pk) == sum_before
        world.people[1] = keep
        for step in later:
            world.do(*step)
            assert world.wrong_books() == []
        if world.now >= done.at + merging.UNDO_FOR:
            transaction.set_rollback(True)
            return
        merging.foresee_undo(done.pk, now=world.now)
        sum_before, is_plain = ledger.balance(keep.pk), not (Membership.objects.exists() or Referral.objects.exists())
        own = earned(keep, since=done.at, until=world.now)
        merging.undo(done.pk, now=world.now)
        assert world.wrong_books() == []
        if is_plain:
            assert ledger.balance(keep.pk) + ledger.balance(drop.pk) == sum_before
        assert earned(keep, since=done.at, until=world.now) == own  # by the levels they held then
        world.people[1] = drop
        for step in afterwards:
            world.do(*step)
        assert world.wrong_books() == []
        transaction.set_rollback(True)
