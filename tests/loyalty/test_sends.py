"""Past mailings read as experiments."""

import datetime as dt

import numpy as np
import pytest

from crm.campaigns import scheduling, starting
from crm.campaigns.models import Campaign, Message, Rotation
from crm.contacts.models import Contact, Segment, SegmentMember
from crm.coupons import issuing
from crm.lib.tokens import keyed_hash
from loyalty import dataset, sends
from loyalty.estimators.base import summarise
from loyalty.estimators.rhythm import Rhythm
from loyalty.estimators.rungs import RUNGS
from tests.coupons.conftest import new_coupon
from tests.loyalty.conftest import moment, order

pytestmark = pytest.mark.django_db

FIRST = dt.date(2026, 6, 1)
MAILED = dt.date(2026, 9, 1)
AS_OF = dt.date(2026, 10, 1)


@pytest.fixture
def group(shop):
    return Segment.objects.create(slug="regulars", name="Regulars")


@pytest.fixture
def people(group):
    """Make members who bought once in June: with an address and permission, or with neither."""

    def make(count: int, *, with_address: bool = True, has_bought: bool = True) -> list[Contact]:
        start = Contact.objects.count()
        contacts = Contact.objects.bulk_create(
            Contact(
                name=f"Customer {n}", joined_at=moment(FIRST), consent="yes" if with_address else "unknown",
                email=f"c{n}@example.com" if with_address else "", email_key=f"c{n}@example.com" if with_address else None,
                address_hash=keyed_hash(f"c{n}@example.com") if with_address else None,
            )
            for n in range(start, start + count)
        )  # fmt: skip
        SegmentMember.objects.bulk_create(SegmentMember(segment=group, contact=contact) for contact in contacts)
        if has_bought:
            for contact in contacts:
                order(contact, moment(FIRST))
        return contacts

    return make


def mail(group: Segment, *, on: dt.date = MAILED, campaign: Campaign | None = None, **values) -> Rotation:
    """Start a campaign that day as the shop does, and let everything it sent arrive."""
    if campaign is None:
        texts = {"subject": "Hello", "body": "Come by.", "holdout_percent": 30, "window_days": 14}
        campaign = Campaign.objects.create(name="Hello", segment=group, **(texts | values))
    campaign.refresh_from_db(fields=["state", "version", "next_at", "next_date"])
    campaign.starts_date, campaign.send_time, campaign.repeat = on, dt.time(9), "once"
    campaign.save()
    assert scheduling.schedule(campaign, now=moment(on, 1))
    starting.start_due(now=moment(on, 9))
    rotation = campaign.rotations.get(local_date=on)
    rotation.messages.filter(state=Message.State.QUEUED).update(state=Message.State.SENT, sent_at=moment(on, 9))
    finish(rotation)
    return rotation


def finish(rotation: Rotation) -> None:
    states = rotation.messages.values_list("state", flat=True)
    counts = {state: list(states).count(state) for state in set(states)}
    Rotation.objects.filter(pk=rotation.pk).update(finished_at=moment(rotation.local_date, 10), counts=counts)
    Campaign.objects.filter(pk=rotation.campaign_id).update(state=Campaign.State.DRAFT, next_at=None, next_date=None)


def load(as_of: dt.date = AS_OF):
    past = dataset.load(as_of=as_of)
    rhythm = Rhythm().fit(past, summarise(past))
    return past, sends.load(past, rhythm, margin=0.5, point_minor=2.0)


def contacts_of(past, found, arm: str) -> set[int]:
    return set(past.customer_ids[found.customer[found.arm == RUNGS.index(arm)]].tolist())


def test_sent_and_left_out_are_told_apart_with_their_chances(group, people):
    people(60)
    rotation = mail(group)
    past, found = load()
    held = set(rotation.messages.filter(state="held_out").values_list("contact", flat=True))
    sent = set(rotation.messages.filter(state="sent").values_list("contact", flat=True))
    assert (contacts_of(past, found, "nothing"), contacts_of(past, found, "reminder")) == (held, sent)
    assert found.propensity.tolist() == pytest.approx(np.where(found.arm == 0, len(held) / 60, len(sent) / 60).tolist())
    assert set(found.trial.tolist()) == {rotation.pk}


def test_what_came_of_it_is_counted_to_the_last_day_of_the_window(group, people):
    customers = people(40)
    mail(group)
    order(customers[0], moment(MAILED, 12), 4_000)  # the same day
    order(customers[1], moment(MAILED + dt.timedelta(days=14)), 2_000)  # its last
    order(customers[2], moment(MAILED + dt.timedelta(days=15)))  # a day too late
    order(customers[3], moment(MAILED - dt.timedelta(days=1)))  # before
    past, found = load()
    of = {past.customer_ids[row]: place for place, row in enumerate(found.customer)}
    assert [found.outcome[of[one.pk]] for one in customers[:4]] == [1, 1, 0, 0]
    assert [found.profit[of[one.pk]] for one in customers[:3]] == [2_000, 1_000, 0]
    assert found.features[of[customers[3].pk], sends.NAMES.index("visits")] == 2


def test_a_window_that_is_not_over_says_nothing(group, people):
    people(40)
    mail(group)
    assert load(MAILED + dt.timedelta(days=13))[1] is None
    assert len(load(MAILED + dt.timedelta(days=14))[1]) == 40


def test_a_campaign_that_left_nobody_out_says_nothing(group, people):
    people(40)
    mail(group, holdout_percent=0)
    assert load()[1] is None


def test_a_repeat_counts_only_those_it_met_for_the_first_time(group, people):
    old = people(40)
    first = mail(group)
    new = people(20)
    second = mail(group, on=MAILED + dt.timedelta(days=7), campaign=first.campaign)
    assert second.messages.count() == 60
    past, found = load()
    by_trial = {trial: set(past.customer_ids[found.customer[found.trial == trial]].tolist()) for trial in (first.pk, second.pk)}
    assert by_trial == {first.pk: {one.pk for one in old}, second.pk: {one.pk for one in new}}


def test_a_changed_share_left_out_gives_each_mailing_its_own_chances(group, people):
    people(200)
    first = mail(group, holdout_percent=10)
    people(200)
    campaign = Campaign.objects.get(pk=first.campaign_id)
    campaign.holdout_percent = 50
    second = mail(group, on=MAILED + dt.timedelta(days=7), campaign=campaign)
    _past, found = load()
    held = {
        trial: set(found.propensity[(found.trial == trial) & (found.arm == 0)].round(6).tolist())
        for trial in (first.pk, second.pk)
    }
    left_out = [int(((found.trial == trial) & (found.arm == 0)).sum()) for trial in (first.pk, second.pk)]
    assert held == {first.pk: {round(left_out[0] / 200, 6)}, second.pk: {round(left_out[1] / 200, 6)}}
    assert left_out[0] < 40 < 70 < left_out[1]


def test_people_without_an_address_are_drawn_for_points_but_not_for_a_message(group, people):
    people(30)
    silent = people(30, with_address=False)
    mail(group)
    with_points = mail(group, points=20)
    past, found = load()
    reminded = contacts_of(past, found.rows(found.trial != with_points.pk), "reminder")
    assert (len(found.rows(found.trial != with_points.pk)), reminded & {one.pk for one in silent}) == (30, set())
    trial = found.rows(found.trial == with_points.pk)
    states = dict(with_points.messages.values_list("contact", "state"))
    given = {contact for contact, state in states.items() if state != "held_out"}
    assert (len(trial), contacts_of(past, trial, "points")) == (60, given)
    assert {states[one.pk] for one in silent} == {"points_only", "held_out"}
    assert trial.propensity[trial.arm > 0].tolist() == pytest.approx([len(given) / 60] * len(given))
    assert trial.profit[trial.arm > 0].tolist() == [-40.0] * len(given)


def test_beyond_the_budget_those_left_out_are_left_out_of_the_comparison_too(group, people):
    people(60)
    rotation = mail(group, points=10, points_budget=200)
    last = rotation.messages.exclude(state="held_out").order_by("-contact").values_list("contact", flat=True)[0]
    past, found = load()
    assert rotation.messages.filter(state="held_out", contact__gt=last).exists()
    assert max(past.customer_ids[found.customer]) == last
    assert (found.arm > 0).sum() == 20


def test_a_mailing_stopped_on_its_way_is_no_fair_draw(group, people):
    people(40)
    rotation = mail(group)
    half = list(rotation.messages.filter(state="sent").values_list("pk", flat=True))[::2]
    Message.objects.filter(pk__in=half).update(state=Message.State.STOPPED)
    assert load()[1] is None


def test_a_failed_message_still_counts_as_written_to(group, people):
    """Whose address is dead differs from the others; the draw does not."""
    people(40)
    rotation = mail(group)
    failed = rotation.messages.filter(state="sent").order_by("pk").first()
    Message.objects.filter(pk=failed.pk).update(state=Message.State.FAILED)
    past, found = load()
    assert failed.contact_id in contacts_of(past, found, "reminder")


def test_who_had_not_bought_yet_is_left_out(group, people):
    people(30)
    people(10, has_bought=False)
    mail(group)
    assert len(load()[1]) == 30


@pytest.mark.parametrize(
    ("gives", "arm"), [("percent", "percent"), ("amount", "percent"), ("shipping", "shipping"), ("product", "gift")]
)
def test_a_code_in_the_text_says_what_was_offered(group, people, gives, arm):
    new_coupon("AUTUMN10", gives=gives)
    people(40)
    mail(group, body="Use **AUTUMN10** until Sunday.")
    _past, found = load()
    assert set(found.arm.tolist()) == {0, RUNGS.index(arm)}


def test_a_code_stopped_since_was_an_offer_all_the_same(group, people, now):
    coupon = new_coupon("AUTUMN10")
    people(40)
    rotation = mail(group, body="Use AUTUMN10.")
    coupon.codes.update(stopped_at=now)
    _past, found = load()
    assert set(found.arm.tolist()) == {0, RUNGS.index("percent")}
    assert sends.coupon_trials(found) == {coupon.pk: [rotation.pk]}


def test_one_code_of_many_in_the_text_stands_for_its_coupon(group, people):
    coupon = new_coupon(codes=3)
    code = issuing.text_of(coupon.codes.order_by("number").first())
    people(40)
    rotation = mail(group, body=f"Use {code} until Sunday.")
    assert sends.coupon_trials(load()[1]) == {coupon.pk: [rotation.pk]}


def test_a_note_about_expiring_points_is_told_from_a_reminder(group, people):
    people(40)
    Segment.objects.filter(pk=group.pk).update(slug="offer-note-20260901")
    mail(Segment.objects.get(pk=group.pk))
    _past, found = load()
    assert set(found.arm.tolist()) == {0, RUNGS.index("note")}


def test_a_coupon_knows_its_trials(group, people):
    coupon = new_coupon("AUTUMN10")
    people(40)
    rotation = mail(group, body="Use AUTUMN10.")
    mail(group)
    assert sends.coupon_trials(load()[1]) == {coupon.pk: [rotation.pk]}
