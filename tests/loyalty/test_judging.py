"""Verdicts and shares: what is said of versions as orders come in."""

import datetime as dt
import re

import pytest

from crm.campaigns import automating, running, scheduling, sending, starting, variants
from crm.campaigns.models import Campaign, Message, Rotation, Variant, Verdict
from crm.contacts.models import Contact, Segment, SegmentMember
from crm.lib.tokens import keyed_hash
from loyalty import experiments, judging, tasks
from loyalty.estimators import sequential, sizing
from tests.loyalty.conftest import order

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def sent(shop, now):
    """Send a campaign of two versions to so many people; return it with who got which."""

    def make(count: int, *, letters: str = "B", **more) -> tuple[Campaign, dict[str, list[int]]]:
        segment = Segment.objects.create(slug="all", name="All")
        people = Contact.objects.bulk_create(
            Contact(
                name=f"Person {n}", email=f"p{n}@example.com", email_key=f"p{n}@example.com",
                address_hash=keyed_hash(f"p{n}@example.com"), consent="yes", joined_at=now,
            )
            for n in range(count)
        )
        SegmentMember.objects.bulk_create(SegmentMember(segment=segment, contact=one) for one in people)
        made = Campaign.objects.create(name="Test", segment=segment, subject="Hello", body="Version A", **more)
        for letter in letters:
            Variant.objects.create(campaign=made, letter=letter, subject="Hello", body=f"Version {letter}")
        scheduling.schedule(made, now=now)
        go_out(now=now)
        deal_in_turn("A" + letters)
        return made, got()

    return make


def go_out(*, now):
    """Start what is due and say that it has left, without writing hundreds of mails."""
    starting.start_due(now=now)
    running.start_due(now=now)
    Message.objects.filter(state="queued").update(state="sent", sent_at=now)
    sending.finish(now=now)


def deal_in_turn(letters: str):
    """Deal the versions one after the other: a draw depends on ids, which each database counts for itself."""
    messages = list(Message.objects.order_by("contact").values_list("pk", flat=True))
    for place, letter in enumerate(letters):
        Message.objects.filter(pk__in=messages[place :: len(letters)]).update(variant=letter)


def got(rotation: Rotation | None = None) -> dict[str, list[int]]:
    rows = Message.objects.filter(**({"rotation": rotation} if rotation else {})).order_by("contact")
    letters: dict[str, list[int]] = {}
    for contact, letter in rows.values_list("contact", "variant"):
        letters.setdefault(letter, []).append(contact)
    return letters


def buy(contact_ids, *, at, minor=1_000):
    for contact_id in contact_ids:
        order(Contact(pk=contact_id), at, minor)


def said(language="en") -> str:
    return Verdict.objects.get().text[language]


def test_too_early_says_how_many_are_needed(sent, now):
    made, _letters = sent(120)
    assert judging.judge(made.pk, now=now + DAY / 24) is True
    needed = experiments.rounded(sizing.people(0.0199, 3.0))
    assert said().startswith("This group is too small to tell: to see even 3 times as many orders, about ")
    assert f"about {needed} customers per version are needed; so far it is " in said()


def test_better_version_is_named_with_orders_of_a_hundred(sent, now):
    made, letters = sent(300)
    buy(letters["A"][:5], at=now + DAY)
    buy(letters["B"][:40], at=now + DAY)
    judging.judge(made.pk, now=now + 2 * DAY)
    verdict = Verdict.objects.get()
    per = [round(100 * count / len(letters[letter]), 1) for letter, count in (("B", 40), ("A", 5))]
    assert said() == (
        f"Version B brings more orders: {per[0]} of 100 customers order, against {per[1]} of 100 with version A. "
        "We look at it again and again, and this still holds."
    )
    assert (verdict.leader, verdict.tone) == ("B", "good")
    assert "Revenue per customer with version B, compared with version A: between +€" in verdict.detail["en"]
    assert "in fewer than 1 of 1,000 tests." in verdict.detail["en"]
    low, high = map(int, re.search(r"brings between (\d+)% and (\d+)% more orders", verdict.detail["en"]).groups())
    assert 0 < low < 100 * (per[0] / per[1] - 1) < high


def test_what_was_decided_stays_decided(sent, now):
    made, letters = sent(300)
    buy(letters["B"][:40], at=now + DAY)
    judging.judge(made.pk, now=now + 2 * DAY)
    buy(letters["A"][:40], at=now + 3 * DAY)
    judging.judge(made.pk, now=now + 4 * DAY)
    assert Verdict.objects.get().leader == "B"


def test_equal_versions_have_no_difference_worth_having(sent, now):
    made, letters = sent(400)
    for letter in "AB":
        buy(letters[letter][: len(letters[letter]) * 2 // 3], at=now + DAY)
    judging.judge(made.pk, now=now + 8 * DAY)
    assert said() == (
        "No difference worth having: if one version brings more orders, then by less than 50%. Take the one you like."
    )


def test_the_end_without_an_answer_is_said(sent, now):
    made, letters = sent(100)
    buy(letters["A"][:9], at=now + DAY)
    buy(letters["B"][:4], at=now + DAY)
    judging.judge(made.pk, now=now + 8 * DAY)
    assert said() == "No answer: the difference, if there is one, is too small to be seen in a group of this size."


def test_looking_again_without_news_is_no_look(sent, now):
    made, letters = sent(300)
    buy(letters["A"][:10], at=now + DAY)
    buy(letters["B"][:10], at=now + DAY)
    for hours in range(5):
        judging.judge(made.pk, now=now + 2 * DAY + hours * DAY / 24)
    assert len(Verdict.objects.get().memory["pairs"]["AB"]["information"]) == 1


def test_many_looks_add_up_to_one_error_budget(sent, now):
    made, letters = sent(400, window_days=30)
    for day in range(1, 21):
        buy(letters["A"][3 * day : 3 * day + 3], at=now + day * DAY)
        buy(letters["B"][3 * day : 3 * day + 3], at=now + day * DAY)
        judging.judge(made.pk, now=now + day * DAY + DAY / 2)
    pair = Verdict.objects.get().memory["pairs"]["AB"]
    assert len(pair["limits"]) > 10
    assert min(pair["limits"]) > 1.96
    times = [information / pair["information"][-1] for information in pair["information"]]
    assert sum(map(sum, sequential.crossing(times, pair["limits"], drift=0.0))) <= 0.05 + 1e-9


def test_customers_lost_on_the_way_are_a_warning(sent, now):
    made, letters = sent(300)
    Message.objects.filter(contact__in=letters["B"][:70]).delete()
    judging.judge(made.pk, now=now + DAY)
    verdict = Verdict.objects.get()
    assert verdict.tone == "warn"
    assert verdict.detail["en"].startswith("Careful: the versions reached other numbers of customers")


def test_three_versions_need_the_best_to_beat_each(sent, now):
    made, letters = sent(600)
    Variant.objects.create(campaign=made, letter="C", body="Version C")
    third = letters["A"][100:200]
    Message.objects.filter(contact__in=third).update(variant="C")
    Rotation.objects.update(shares={"A": 1 / 3, "B": 1 / 3, "C": 1 / 3})
    a, b, c = letters["A"][:100], letters["B"][:100], third
    Message.objects.exclude(contact__in=[*a, *b, *c]).delete()
    buy(a[:5], at=now + DAY), buy(c[:30], at=now + DAY), buy(b[:33], at=now + DAY)
    judging.judge(made.pk, now=now + 2 * DAY)
    assert Verdict.objects.get().leader == ""
    assert said().endswith("Between the others nothing is decided yet.")


class TestShares:
    def test_more_of_what_works_goes_out_next_week(self, sent, now):
        made, letters = sent(300, split="learn", repeat="weekly")
        buy(letters["A"][:4], at=now + DAY)
        buy(letters["B"][:25], at=now + DAY)
        judging.judge(made.pk, now=now + 6 * DAY)
        made.refresh_from_db()
        assert made.shares["B"] > 0.8
        assert made.shares["A"] >= 0.1
        assert sum(made.shares.values()) == pytest.approx(1)
        go_out(now=now + 7 * DAY)
        last = Rotation.objects.latest("local_date")
        assert last.shares == made.shares
        assert len(got(last)["B"]) > len(got(last)["A"])

    def test_nothing_known_is_dealt_evenly_enough(self, sent, now):
        made, _letters = sent(60, split="learn", repeat="weekly")
        judging.judge(made.pk, now=now + DAY)
        made.refresh_from_db()
        assert all(0.1 <= share <= 0.9 for share in made.shares.values())

    def test_even_split_stays_even(self, sent, now):
        made, letters = sent(200, repeat="weekly")
        buy(letters["B"][:30], at=now + DAY)
        judging.judge(made.pk, now=now + 2 * DAY)
        made.refresh_from_db()
        assert made.shares == {}
        assert variants.shares(made) == {"A": 0.5, "B": 0.5}


class TestDue:
    def test_new_messages_are_judged_within_minutes_and_then_when_something_happens(self, sent, now):
        made, letters = sent(40)
        assert experiments.due(now=now) == [made.pk]
        assert tasks.sweep_versions(now=now) == 1
        Verdict.objects.update(as_of=now)
        assert experiments.due(now=now + DAY / 2) == []
        Message.objects.filter(contact=letters["A"][0]).update(state="failed")
        Rotation.objects.update(counts={"sent": 39, "failed": 1})
        assert experiments.due(now=now + DAY / 2) == [made.pk]
        assert experiments.due(now=now + DAY / 300) == []

    def test_window_that_closes_is_judged_once_more(self, sent, now):
        made, _letters = sent(40)
        judging.judge(made.pk, now=now + 6 * DAY)
        assert experiments.due(now=now + 8 * DAY) == [made.pk]
        judging.judge(made.pk, now=now + 8 * DAY)
        assert experiments.due(now=now + 9 * DAY) == []

    def test_quiet_weeks_between_monthly_mailings_are_left_alone(self, sent, now):
        made, _letters = sent(40, repeat="monthly")
        assert experiments.due(now=now + 8 * DAY) == [made.pk]
        judging.judge(made.pk, now=now + 8 * DAY)
        assert [experiments.due(now=now + days * DAY) for days in (8, 9, 20)] == [[], [], []]
        Campaign.objects.update(state="stopped")
        assert experiments.due(now=now + 20 * DAY) == [made.pk]
        judging.judge(made.pk, now=now + 20 * DAY)
        assert experiments.due(now=now + 21 * DAY) == []

    def test_a_version_that_waits_for_the_next_mailing_is_not_judged(self, sent, now):
        made, _letters = sent(10, letters="", repeat="weekly")
        Variant.objects.create(campaign=made, letter="B", body="Version B")
        assert experiments.due(now=now + DAY) == []

    def test_one_customer_gives_nothing_to_compare_and_is_told_once(self, sent, now):
        made, _letters = sent(1)
        assert judging.judge(made.pk, now=now) is False
        assert said() == "Only one version has gone out, so there is nothing to compare."
        assert experiments.due(now=now + DAY / 24) == []

    def test_campaigns_of_one_version_are_left_alone(self, sent, now):
        made, _letters = sent(10, letters="")
        assert experiments.due(now=now) == []
        assert judging.judge(made.pk, now=now) is False


class TestBefore:
    def test_the_review_says_what_a_mailing_can_show(self, owner_client, sent):
        made, _letters = sent(60)
        Campaign.objects.update(state="draft", next_at=None, next_date=None)
        page = owner_client.get(f"/campaigns/{made.pk}/review/").content.decode()
        assert "Each version goes to about 30 customers at a time. To see even 3 times as many orders" in page


def test_versions_of_an_automation_are_judged_over_its_days(shop, now):
    """Each day has a few people; together they are the test."""
    welcome = automating.make("welcome", shop=shop)
    welcome.step_count = 1
    welcome.save()
    welcome.steps.update(holdout_percent=0, split="learn")
    step = welcome.steps.get(step=1)
    Variant.objects.create(campaign=step, letter="B", subject="Hello", body="Version B")
    automating.switch_on(welcome, now=now - 9 * DAY)
    people = Contact.objects.bulk_create(
        Contact(
            name=f"Person {n}", email=f"p{n}@example.com", email_key=f"p{n}@example.com",
            address_hash=keyed_hash(f"p{n}@example.com"), consent="yes", joined_at=now,
            first_order_at=now - (8 - n % 8) * DAY,
        )
        for n in range(160)
    )  # fmt: skip
    for days in range(8, -1, -1):
        go_out(now=now - days * DAY + DAY / 24)
    assert step.rotations.count() == 8
    letters = got()
    assert sorted(letters) == ["A", "B"] and len(letters["A"]) + len(letters["B"]) == len(people)
    buy(letters["B"][::2], at=now + DAY / 12)
    assert judging.judge(step.pk, now=now + DAY) is True
    assert Verdict.objects.get(campaign=step).leader in ("", "B")
    shares = variants.shares(Campaign.objects.get(pk=step.pk))
    assert shares["B"] > shares["A"]
