import datetime as dt
import re

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.campaigns import attribution, recipes, reporting, scheduling, sending, starting, variants, verdicts
from crm.campaigns.models import Campaign, Message, Outgoing, Rotation, Variant, Verdict
from crm.orders.models import Order
from crm.rewards.models import Entry
from tests.conftest import NOW

pytestmark = pytest.mark.django_db

WEEK = dt.timedelta(days=7)


@pytest.fixture
def two(campaign):
    """Make a campaign of two versions."""

    def make(**more) -> Campaign:
        b = {name: more.pop(f"b_{name}") for name in ("subject", "body", "points") if f"b_{name}" in more}
        made = campaign(**more)
        Variant.objects.create(
            campaign=made, letter="B", **({"subject": "Hi {{ first_name }}", "body": "Version B here."} | b)
        )
        return made

    return make


@pytest.fixture
def started_two(two, now):
    def make(**more) -> Campaign:
        made = two(**more)
        scheduling.schedule(made, now=now)
        return made

    return make


def dealt(rotation=None):
    rows = Message.objects.filter(**({"rotation": rotation} if rotation else {}))
    return dict(rows.values_list("contact", "variant"))


def order(contact_id, *, at, minor=1000):
    made = Order.objects.create(
        contact_id=contact_id, source="test", number=f"N{contact_id}-{at:%j%H}", placed_at=at, currency="EUR",
        total_minor=minor, net_minor=minor, payment="paid", counts=True,
    )
    attribution.attribute([made.pk], now=at)
    return made


class TestDealing:
    def test_everybody_gets_one_version_with_its_chance(self, started_two, crowd, now):
        people = crowd(80)
        started_two()
        sending.sweep(now=now)
        letters = list(dealt().values())
        assert len(letters) == len(people) == Outgoing.objects.count()
        assert 20 <= letters.count("A") <= 60
        assert letters.count("A") + letters.count("B") == 80
        assert set(Message.objects.values_list("chance", flat=True)) == {0.5}
        assert Rotation.objects.get().shares == {"A": 0.5, "B": 0.5}
        said = {one.message.variant: one.text.split("\n")[0] for one in Outgoing.objects.select_related("message")}
        assert said["B"] == "Version B here."
        assert said["A"].startswith("Hello Person")

    def test_a_start_that_was_killed_deals_the_same_again(self, started_two, crowd, now, monkeypatch):
        crowd(30)
        started_two()
        monkeypatch.setattr(starting, "PEOPLE_AT_ONCE", 10)
        insert, calls, first = starting.bulk.insert, [], []

        def dies_at_the_second(model, columns, rows, **more):
            calls.append(len(rows))
            first.extend((row[columns.index("contact_id")], row[columns.index("variant")]) for row in rows)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return insert(model, columns, rows, **more)

        monkeypatch.setattr(starting.bulk, "insert", dies_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            starting.start_due(now=now)
        assert Message.objects.count() == 0
        assert starting.start_due(now=now + dt.timedelta(minutes=1)) == 1
        assert dict(first).items() <= dealt().items()
        assert Message.objects.count() == 30

    def test_two_processes_start_it_once_and_nobody_is_written_to_twice(self, started_two, crowd, now, shop):
        crowd(20)
        started_two()
        one, other = Campaign.objects.get(), Campaign.objects.get()
        assert [starting._start(c, now=now, shop=shop) for c in (one, other)] == [1, 0]
        sending.sweep(now=now)
        sending.sweep(now=now)
        assert sorted(Outgoing.objects.values_list("to", flat=True)) == sorted(f"p{n}@example.com" for n in range(20))

    def test_each_mailing_of_a_repeat_draws_anew(self, started_two, crowd, now):
        crowd(60)
        started_two(repeat="weekly")
        sending.sweep(now=now)
        sending.sweep(now=now + WEEK)
        first, second = Rotation.objects.order_by("local_date")
        assert dealt(first) != dealt(second)
        assert dealt(first).keys() == dealt(second).keys()

    def test_shares_of_the_tray_are_dealt_and_recorded(self, started_two, crowd, now):
        crowd(300)
        made = started_two(split="learn")
        assert variants.set_shares(made.pk, {"A": 0.1, "B": 0.9}) is True
        starting.start_due(now=now)
        letters = list(dealt().values())
        assert 15 <= letters.count("A") <= 50
        assert set(Message.objects.values_list("variant", "chance")) == {("A", 0.1), ("B", 0.9)}

    def test_an_even_split_has_no_tray(self, two):
        made = two()
        assert variants.set_shares(made.pk, {"A": 0.1, "B": 0.9}) is False
        assert variants.shares(made) == {"A": 0.5, "B": 0.5}

    @pytest.mark.parametrize("shares", [{"A": 0.5, "B": 0.6}, {"A": 0.5, "C": 0.5}, {"A": 1.2, "B": -0.2}])
    def test_shares_that_cannot_be_are_refused(self, two, shares):
        with pytest.raises(variants.NotPossible):
            variants.set_shares(two(split="learn").pk, shares)

    def test_shares_of_other_versions_are_not_used(self, two):
        made = two(split="learn", shares={"A": 0.2, "B": 0.3, "C": 0.5})
        assert variants.shares(made) == {"A": 0.5, "B": 0.5}

    def test_draws_keep_to_their_shares(self):
        shares = {"A": 0.2, "B": 0.5, "C": 0.3}
        draws = [
            variants.draw(shares, campaign_id=1, local_date=dt.date(2026, 1, 1), contact_id=n)[0] for n in range(4000)
        ]
        assert [round(draws.count(letter) / 4000, 1) for letter in "ABC"] == [0.2, 0.5, 0.3]

    def test_one_version_is_as_it_always_was(self, started, crowd, now):
        crowd(3)
        made = started()
        sending.sweep(now=now)
        assert set(Message.objects.values_list("variant", "chance")) == {("A", 1.0)}
        assert Rotation.objects.get().shares == {}
        assert variants.shares(made) == {}

    def test_held_out_people_have_no_version(self, started_two, crowd, now):
        crowd(100)
        started_two(holdout_percent=50)
        starting.start_due(now=now)
        assert set(Message.objects.filter(state="held_out").values_list("variant", flat=True)) == {""}
        assert set(Message.objects.filter(state="queued").values_list("variant", flat=True)) == {"A", "B"}


class TestPoints:
    def test_each_version_gives_its_own_points(self, started_two, crowd, now):
        crowd(40)
        started_two(points=10, b_points=25)
        sending.sweep(now=now)
        letters = dealt()
        given = dict(Entry.objects.values_list("account__contact", "points"))
        assert given == {contact: 10 if letter == "A" else 25 for contact, letter in letters.items()}

    def test_budget_ends_for_all_versions_at_once(self, started_two, crowd, now):
        crowd(40)
        made = started_two(points=10, b_points=25, points_budget=200)
        sending.sweep(now=now)
        given = sum(Entry.objects.values_list("points", flat=True))
        assert 200 - 25 < given <= 200
        written = sorted(dealt())
        assert written == sorted(range(min(written), max(written) + 1)), "those who came first, whatever their version"
        assert starting.is_budget_used(made) is True

    def test_who_may_not_be_written_to_gets_the_points_of_the_version_drawn(self, started_two, person, now):
        for n in range(20):
            person(f"P{n} Silent", consent="no")
        made = started_two(points=0, b_points=25)
        sending.sweep(now=now)
        assert set(Message.objects.values_list("state", "variant", "points")) == {("points_only", "B", 25)}
        assert reporting.outcomes(made) == []


class TestResults:
    @pytest.fixture
    def sent(self, started_two, crowd, now):
        people = crowd(40)
        made = started_two(holdout_percent=25)
        sending.sweep(now=now)
        return made, people

    def test_versions_add_up_to_what_was_sent(self, sent, now):
        made, _people = sent
        results = reporting.by_variant(reporting.outcomes(made))
        assert [one.letter for one in results] == ["A", "B", ""]
        assert sum(one.sent for one in results) == reporting.totals([made.pk])[made.pk].sent
        assert sum(one.people for one in results) == 40

    def test_orders_and_money_count_for_the_version_drawn_within_the_window(self, sent, now):
        made, people = sent
        letters = dealt()
        for contact in people:
            order(contact.pk, at=now + dt.timedelta(days=1))
            order(contact.pk, at=now + dt.timedelta(days=2), minor=500)
            order(contact.pk, at=now + dt.timedelta(days=8))
        for one in reporting.by_variant(reporting.outcomes(made)):
            count = list(letters.values()).count(one.letter)
            assert (one.people, one.ordered, one.revenue_minor) == (count, count, count * 1500)
            assert (one.ordered_rate, one.revenue_each) == (1.0, 1500)
        assert sum(one.revenue_squared for one in reporting.outcomes(made)) == 40 * 1500**2

    def test_repeats_count_each_mailing_once(self, started_two, crowd, now):
        people = crowd(12)
        made = started_two(repeat="weekly")
        starting.start_due(now=now)
        Message.objects.update(state="sent", sent_at=now)
        sending.finish(now=now)
        starting.start_due(now=now + WEEK)
        for contact in people:
            order(contact.pk, at=now + dt.timedelta(days=1))
            order(contact.pk, at=now + dt.timedelta(days=8), minor=300)
        found = reporting.outcomes(made)
        assert [sum(one.people for one in found), sum(one.ordered for one in found)] == [24, 24]
        first, second = Rotation.objects.order_by("local_date").values_list("pk", flat=True)
        money = {pk: sum(one.revenue_minor for one in found if one.rotation_id == pk) for pk in (first, second)}
        assert money == {first: 12_000, second: 3_600}

    def test_questions_do_not_grow_with_people(self, started_two, crowd, now):
        crowd(3)
        made = started_two()
        sending.sweep(now=now)
        with CaptureQueriesContext(connection) as few:
            reporting.outcomes(made)
        for contact in Message.objects.values_list("contact", flat=True):
            order(contact, at=now + dt.timedelta(days=1))
        with CaptureQueriesContext(connection) as more:
            reporting.outcomes(made)
        assert len(few) == len(more) == 6

    def test_page_shows_counts_without_a_verdict(self, owner_client, sent):
        made, _people = sent
        with time_machine.travel(NOW, tick=False):
            page = owner_client.get(f"/campaigns/{made.pk}/").content.decode()
        rows = re.findall(r"<td>\s*(Version [AB]|Nobody wrote to them)\s*</td>", page)
        assert rows == ["Version A", "Version B", "Nobody wrote to them"]
        assert "The first answer comes a few minutes after the first messages have left." in page

    def test_page_shows_the_verdict_and_what_to_do(self, owner_client, sent):
        made, _people = sent
        verdicts.replace(
            made.pk, tone="good", text={"en": "Version B brings more orders."}, detail={"en": ""}, leader="B", memory={},
            as_of=NOW,
        )
        page = owner_client.get(f"/campaigns/{made.pk}/").content.decode()
        assert "Version B brings more orders." in page
        assert "Do it again with version B" in page
        response = owner_client.post(f"/campaigns/{made.pk}/again/", {"letter": "B"})
        copy = Campaign.objects.get(state="draft")
        assert response["Location"] == f"/campaigns/{copy.pk}/edit/"
        assert (copy.body, copy.variants.count()) == ("Version B here.", 0)

    def test_a_verdict_replaces_the_earlier_one(self, sent):
        made, _people = sent
        for text in ("first", "second"):
            verdicts.replace(made.pk, tone="info", text={"en": text}, detail={}, leader="", memory={}, as_of=NOW)
        assert Verdict.objects.get().text == {"en": "second"}


class TestDeciding:
    def test_only_the_decided_version_goes_out(self, owner_client, started_two, crowd, now):
        crowd(20)
        made = started_two(repeat="weekly")
        sending.sweep(now=now)
        owner_client.post(f"/campaigns/{made.pk}/decide/", {"letter": "B"})
        sending.sweep(now=now + WEEK)
        assert set(dealt(Rotation.objects.latest("local_date")).values()) == {"B"}
        owner_client.post(f"/campaigns/{made.pk}/decide/", {"letter": ""})
        sending.sweep(now=now + 2 * WEEK)
        assert set(dealt(Rotation.objects.latest("local_date")).values()) == {"A", "B"}

    def test_a_version_nobody_wrote_is_not_decided(self, owner_client, started_two):
        made = started_two(repeat="weekly")
        owner_client.post(f"/campaigns/{made.pk}/decide/", {"letter": "D"})
        assert Campaign.objects.get().decided == ""

    def test_doing_it_again_takes_all_versions_along_once(self, two, shop):
        made = two()
        copies = {recipes.again(made, shop=shop).pk for _ in range(2)} | {recipes.again(made, shop=shop, letter="A").pk}
        assert len(copies) == 2
        copy = Campaign.objects.exclude(pk=made.pk).order_by("pk").first()
        assert list(copy.variants.values_list("letter", "body")) == [("B", "Version B here.")]


class TestRemoving:
    def test_what_has_gone_out_stays_readable_and_can_be_sent_again(self, started_two, crowd, now):
        crowd(20)
        made = started_two(repeat="weekly")
        sending.sweep(now=now)
        assert scheduling.back_to_draft(made, now=now) is True
        assert variants.remove(made, "B", now=now) is True
        assert [one.letter for one in variants.to_send(made)] == ["A"]
        assert [(one.letter, one.is_off) for one in variants.every(made)] == [("A", False), ("B", True)]
        assert variants.worded(made, "B").body == "Version B here."
        assert variants.add(made, now=now) == "C", "a letter is never used for something else"

    def test_all_its_texts_are_told_also_before_it_is_kept(self, two):
        made = two(subject="One", body="First", b_subject="Two", b_body="Second")
        assert [variants.texts(one) for one in variants.every(made)] == [["One", "First", "Two", "Second"]] * 2
        assert variants.texts(Campaign(subject="Hello", body="You")) == ["Hello", "You"]

    def test_what_has_not_gone_out_is_deleted(self, two, now):
        made = two()
        assert variants.remove(made, "B", now=now) is True
        assert Variant.objects.count() == 0
        assert variants.add(made, now=now) == "B"

    def test_four_is_the_most(self, two, now):
        made = two()
        assert [variants.add(made, now=now) for _ in range(3)] == ["C", "D", None]

    def test_nothing_changes_off_the_desk(self, started_two, now):
        made = started_two()
        assert variants.add(made, now=now) is None
        assert variants.remove(made, "B", now=now) is False


class TestComposer:
    @pytest.fixture
    def posted(self, segment):
        def make(**more):
            return {
                "name": "Thank you", "segment": segment.pk, "points": "0", "subject": "Hello", "body": "Hi",
                "holdout_percent": "0", "window_days": "7", "version": "1",
            } | more  # fmt: skip

        return make

    def test_adding_saves_and_begins_with_what_a_says(self, owner_client, campaign, posted):
        made = campaign()
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="Changed", then="add"))
        assert response["Location"] == f"/campaigns/{made.pk}/edit/?letter=B"
        assert Variant.objects.values_list("letter", "subject", "body").get() == ("B", "Changed", "Hi")
        assert Campaign.objects.get().version == 3

    def test_each_version_is_written_on_its_own_tab(self, owner_client, two, posted):
        made = two()
        page = owner_client.get(f"/campaigns/{made.pk}/edit/?letter=B").content.decode()
        assert "Version B here.</textarea>" in page
        assert re.findall(r'value="show:(\w)"(?: aria-current="(\w+)")?', page) == [("A", ""), ("B", "page")]
        form = posted(letter="B", subject="New", body="New B", points="5", name="Renamed", split="learn", then="save")
        owner_client.post(f"/campaigns/{made.pk}/edit/", form)
        made.refresh_from_db()
        assert (made.name, made.subject, made.points, made.split) == ("Renamed", "Hello {{ first_name }}", 0, "learn")
        assert Variant.objects.values_list("subject", "body", "points").get() == ("New", "New B", 5)

    def test_going_to_another_tab_saves_first(self, owner_client, two, posted):
        made = two()
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="Mine", then="show:B"))
        assert response["Location"] == f"/campaigns/{made.pk}/edit/?letter=B"
        assert Campaign.objects.get().subject == "Mine"

    def test_autosave_of_a_version_draws_its_preview(self, owner_client, two, posted, person):
        ava, made = person(), two()
        response = owner_client.post(
            f"/campaigns/{made.pk}/edit/", posted(letter="B", subject="For {{ first_name }}"), headers={"HX-Request": "true"}
        )
        page = response.content.decode()
        assert f'src="/campaigns/{made.pk}/preview/?as={ava.pk}&amp;v=2&amp;letter=B"' in page
        assert "<strong>For Ava</strong>" in page

    def test_a_version_changed_elsewhere_is_a_conflict(self, owner_client, two, posted):
        made = two()
        owner_client.post(f"/campaigns/{made.pk}/edit/", posted(letter="B", subject="Theirs"))
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(letter="B", subject="Mine"))
        assert response.status_code == 409
        assert Variant.objects.get().subject == "Theirs"

    def test_a_version_taken_out_elsewhere_is_said(self, owner_client, two, posted):
        made = two()
        owner_client.post(f"/campaigns/{made.pk}/edit/", posted(letter="B", then="remove"))
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(letter="B", subject="Mine"), follow=True)
        assert "This version was taken out in the meantime" in response.content.decode()
        assert Campaign.objects.get().subject == "Hello {{ first_name }}"

    def test_any_version_can_be_tested(self, owner_client, two, posted, person):
        person()
        made = two()
        owner_client.post(f"/campaigns/{made.pk}/edit/", posted(letter="B", body="B for you", then="test"))
        owner_client.post(f"/campaigns/{made.pk}/test/", {"letter": "B"})
        owner_client.post(f"/campaigns/{made.pk}/test/")
        assert [one.text[:9] for one in Outgoing.objects.order_by("pk")] == ["B for you", "B for you", "Hello Ava"]

    def test_preview_shows_the_version_asked_for(self, owner_client, two):
        made = two()
        assert "Version B here." in owner_client.get(f"/campaigns/{made.pk}/preview/?letter=B").content.decode()
        assert "Version B here." not in owner_client.get(f"/campaigns/{made.pk}/preview/").content.decode()


class TestChecks:
    def review(self, client, made):
        page = client.get(f"/campaigns/{made.pk}/review/").content.decode()
        page = re.sub(r"<svg.*?</svg>", "", page, flags=re.S)
        return dict(re.findall(r"</span><span><strong>([^<]*)</strong> ([^<]*)", page))

    def test_every_version_is_checked_and_named(self, owner_client, two, person):
        person()
        checks = self.review(owner_client, two(b_subject=""))
        assert checks["What, version A"] == "A message."
        assert checks["What, version B"].strip() == "The message has no subject."
        assert checks["Versions"] == "2 versions. Each customer gets one of them, drawn by chance."

    def test_versions_that_say_the_same_are_told(self, owner_client, campaign, person, now):
        person()
        made = campaign()
        variants.add(made, now=now)
        made.refresh_from_db()
        assert self.review(owner_client, made)["Versions"].strip() == "Two versions say the same, so there is nothing to learn."

    def test_a_message_against_none_is_refused(self, owner_client, two, person):
        person()
        made = two(points=5, b_body="", b_points=5)
        assert self.review(owner_client, made)["Versions"].strip() == "Some versions have a message and some have none."
        assert owner_client.post(f"/campaigns/{made.pk}/schedule/", {"version": 1, "when": "now"}).status_code == 422

    def test_one_version_is_checked_as_before(self, owner_client, campaign, person):
        person()
        assert set(self.review(owner_client, campaign())) == {
            "Who", "What", "Fields", "Subject", "Links", "Sender", "Postal address",
        }  # fmt: skip
