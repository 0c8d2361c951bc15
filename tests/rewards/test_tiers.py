"""Levels: reached by what counts in whole local days, kept for the days of grace, lost one at a time, never backdated."""

import datetime as dt

import pytest
from django.urls import reverse

from crm.contacts import segments
from crm.contacts.models import Segment, SegmentSize
from crm.lib import books
from crm.rewards import ledger, levelling, moments, rule_changing, settling, tiers
from crm.rewards.models import Membership, Programme, Rule
from crm.rewards.rules import RULES, BadParams
from tests.coupons.conftest import new_coupon
from tests.rewards.conftest import amend, new_contact, new_order

DAY = dt.timedelta(days=1)


def levels(*, basis="spend", months=12, grace_days=30, bounds=(20_000, 50_000, 100_000), percents=(125, 150, 200)):
    names = ("Silver", "Gold", "Platinum")
    return {
        "basis": basis,
        "currency": "EUR",
        "months": months,
        "grace_days": grace_days,
        "levels": [
            {"name": name, "threshold": bound, "percent": percent, "perks": "A free tote bag" if name == "Gold" else ""}
            for name, bound, percent in zip(names, bounds, percents)
        ],
    }


def start(now, *, starts_on=dt.date(2026, 11, 20), is_swept=True, **wishes) -> Rule:
    rule = rule_changing.start(kind="tiers", params=levels(**wishes), starts_on=starts_on, now=now)
    Rule.objects.filter(pk=rule.pk).update(catch_up_from=None)
    if is_swept:
        levelling.sweep(now=now)
    return rule


def buy(contact, now, total_minor, **fields):
    """Take an order in as the door does: it is there, then it is settled."""
    order = new_order(contact, now, total_minor, **fields)
    settling.settle([order.pk], now=now)
    return order


def level(contact) -> int:
    return Membership.objects.filter(contact=contact, until=None).values_list("level", flat=True).first() or 0


def earned(order) -> int:
    return sum(entry.points for entry in order_entries(order))


def order_entries(order):
    return list(ledger.history(order.contact_id).filter(order_ref=order.pk))


def books_are_right():
    wrong = [finding for finding in books.run_all() if finding.name.startswith(("points", "levels")) and not finding.ok]
    assert wrong == []


@pytest.fixture
def ladder(rule, now):
    """Levels that were there before anybody bought anything."""
    return start(now)


def test_everybody_is_placed_by_what_they_bought_before_the_levels_began(rule, mia, now):
    buy(mia, now, 50_000, placed_at=now - 100 * DAY)
    quiet = new_contact(now)
    start(now)
    assert (level(mia), level(quiet)) == (2, 0)
    books_are_right()


def test_order_that_fills_a_level_earns_as_before_and_the_next_one_more(ladder, mia, now):
    first = buy(mia, now, 20_000)
    assert (earned(first), level(mia)) == (200, 1)
    second = buy(mia, now + DAY, 10_000, placed_at=now + DAY)
    assert earned(second) == 100 + 25
    books_are_right()


def test_order_placed_at_the_very_moment_of_rising_is_not_part_of_it(ladder, mia, now):
    order = buy(mia, now, 20_000, placed_at=now)
    settling.settle([order.pk], now=now + DAY)
    assert earned(order) == 200


def test_late_order_earns_by_the_level_of_its_own_day(ladder, mia, now):
    buy(mia, now, 20_000)
    held_before = buy(mia, now + DAY, 10_000, placed_at=now - dt.timedelta(minutes=5))
    held_after = buy(mia, now + DAY, 10_000, placed_at=now + dt.timedelta(minutes=5))
    assert (earned(held_before), earned(held_after)) == (100, 125)


def test_order_dated_ahead_follows_the_level_of_its_day(ladder, mia, now):
    ahead = buy(mia, now, 10_000, placed_at=now + 3 * DAY)
    assert earned(ahead) == 100
    buy(mia, now, 20_000)
    assert earned(ahead) == 125
    books_are_right()


def test_level_is_reached_with_exactly_the_threshold(ladder, mia, now):
    buy(mia, now, 19_999)
    assert level(mia) == 0
    buy(mia, now, 1)
    assert level(mia) == 1


def test_two_levels_at_once_can_be_reached(ladder, mia, now):
    buy(mia, now, 100_000)
    assert level(mia) == 3
    assert Membership.objects.count() == 1


@pytest.mark.parametrize(
    ("placed_at", "counts"),
    [
        # Berlin is one hour ahead: the first local day that counts on 20 November 2026 is 21 November 2025.
        (dt.datetime(2025, 11, 20, 22, 59, 59, tzinfo=dt.UTC), False),
        (dt.datetime(2025, 11, 20, 23, 0, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 11, 20, 22, 59, 59, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 11, 20, 23, 0, 0, tzinfo=dt.UTC), False),
    ],
)
def test_window_is_of_whole_local_days(rule, mia, now, placed_at, counts):
    new_order(mia, now, 20_000, placed_at=placed_at)
    start(now)
    assert tiers.progress(mia.pk, now=now).amount == (20_000 if counts else 0)


def test_window_of_a_short_month(rule, mia, now):
    """On 28 February one month reaches back to 29 January; on 31 March to 1 March."""
    start(now, months=1)
    found = tiers.ladder(now=dt.datetime(2027, 2, 28, 9, tzinfo=dt.UTC))
    assert found.window[0] == dt.datetime(2027, 1, 28, 23, tzinfo=dt.UTC)
    found = tiers.ladder(now=dt.datetime(2027, 3, 31, 9, tzinfo=dt.UTC))
    assert found.window[0] == dt.datetime(2027, 2, 28, 23, tzinfo=dt.UTC)


def test_grace_then_one_level_at_a_time(rule, mia, now):
    new_order(mia, now, 100_000, placed_at=now - 364 * DAY)
    start(now)
    fell = []
    for days in range(70):
        levelling.sweep(now=now + days * DAY)
        fell.append(level(mia))
    # It counts today and no more tomorrow: 30 days of grace, then Gold for 30 days, then Silver.
    assert fell.index(2) == 31 and fell.index(1) == 61
    assert fell == [3] * 31 + [2] * 30 + [1] * 9


def test_without_grace_one_level_a_day_is_lost(rule, mia, now):
    new_order(mia, now, 100_000, placed_at=now - 364 * DAY)
    start(now, grace_days=0)
    held = []
    for days in range(5):
        for _again in range(2):
            levelling.sweep(now=now + days * DAY)
        held.append(level(mia))
    assert held == [3, 2, 1, 0, 0]


def test_box_that_was_off_for_weeks_takes_one_level(rule, mia, now):
    new_order(mia, now, 100_000, placed_at=now - 364 * DAY)
    start(now, grace_days=0)
    levelling.sweep(now=now + 60 * DAY)
    assert level(mia) == 2


def test_order_within_the_grace_keeps_the_level(rule, mia, now):
    new_order(mia, now, 20_000, placed_at=now - 364 * DAY)
    start(now)
    levelling.sweep(now=now + DAY)
    assert Membership.objects.get().falls_on == dt.date(2026, 12, 21)
    buy(mia, now + 10 * DAY, 20_000, placed_at=now + 10 * DAY)
    assert Membership.objects.get().falls_on is None
    levelling.sweep(now=now + 60 * DAY)
    assert level(mia) == 1


def test_refund_lowers_the_spend_but_nobody_falls_before_the_grace_is_over(ladder, mia, now):
    order = buy(mia, now, 20_000)
    later = buy(mia, now + DAY, 10_000, placed_at=now + DAY)
    amend(order, refunded_minor=20_000, payment="refunded", counts=False)
    settling.settle([order.pk], now=now + DAY)
    shown = tiers.progress(mia.pk, now=now + DAY)
    assert (shown.amount, shown.level.name, shown.keeps_until) == (10_000, "Silver", dt.date(2026, 12, 20))
    assert earned(later) == 125  # what was given under the level of its day stays given
    levelling.sweep(now=now + 31 * DAY)
    assert level(mia) == 0
    books_are_right()


def test_other_currencies_do_not_count(ladder, mia, now):
    buy(mia, now, 50_000, currency="USD")
    assert level(mia) == 0


def test_levels_by_points_earned_count_orders_only(rule, mia, now):
    start(now, basis="points", bounds=(200, 500, 1_000))
    ledger.adjust(mia.pk, points=900, reason="sorry", key="a", now=now)
    buy(mia, now, 19_900)
    assert level(mia) == 0
    order = buy(mia, now, 30_100)
    assert (level(mia), tiers.progress(mia.pk, now=now).amount) == (2, 500)
    amend(order, refunded_minor=10_000, payment="partly_refunded")
    settling.settle([order.pk], now=now)
    assert tiers.progress(mia.pk, now=now).amount == 400
    books_are_right()


def test_lowest_level_may_be_everybodys(rule, mia, now):
    start(now, bounds=(0, 50_000, 100_000))
    joined = new_contact(now)
    assert (level(mia), level(joined)) == (1, 0)
    levelling.sweep(now=now + DAY)
    assert level(joined) == 1


def test_new_levels_place_everybody_anew_from_their_first_midnight(ladder, mia, now):
    buy(mia, now, 20_000)
    tomorrow = now + DAY
    start(now, starts_on=dt.date(2026, 11, 21), bounds=(5_000, 10_000, 90_000), is_swept=False)
    early = buy(mia, tomorrow, 10_000, placed_at=dt.datetime(2026, 11, 20, 23, 5, tzinfo=dt.UTC))
    assert earned(early) == 100  # nobody was placed yet
    levelling.sweep(now=tomorrow)
    assert (level(mia), earned(early)) == (2, 150)
    assert Membership.objects.filter(until=None).count() == 1
    books_are_right()


def test_order_before_the_levels_began_earns_the_usual(rule, mia, now):
    order = buy(mia, now, 20_000, placed_at=now - DAY)
    start(now)
    settling.settle([order.pk], now=now)
    assert earned(order) == 200


def test_first_days_order_that_fills_a_level_earns_as_before(rule, mia, now):
    order = buy(mia, now, 20_000)
    start(now)
    assert (level(mia), earned(order)) == (1, 200)
    books_are_right()


def test_ended_levels_multiply_nothing(ladder, mia, now):
    buy(mia, now, 20_000)
    rule_changing.end(ladder.pk, ends_on=dt.date(2026, 11, 20), now=now)
    late = buy(mia, now + 2 * DAY, 10_000, placed_at=now + 2 * DAY)
    assert earned(late) == 100
    assert tiers.progress(mia.pk, now=now + 2 * DAY) is None


def groups():
    found = Segment.objects.filter(slug__startswith="loyalty-level-").order_by("rank")
    return [(group.name, [one.name for one in segments.people(group).order_by("pk")]) for group in found]


def test_each_level_is_a_segment_that_is_filled_once_a_day(ladder, mia, now):
    ada = new_contact(now, name="Ada Brandt")
    assert groups() == [("Silver", []), ("Gold", []), ("Platinum", [])]
    buy(mia, now, 20_000)
    buy(ada, now, 60_000)
    levelling.sweep(now=now + DAY)
    assert groups() == [("Silver", ["Mia Fuchs"]), ("Gold", ["Ada Brandt"]), ("Platinum", [])]
    assert Segment.objects.get(name="Gold").as_of == dt.date(2026, 11, 21)


def test_segments_of_levels_that_ended_go_unless_somebody_speaks_of_them(ladder, mia, now):
    buy(mia, now, 20_000)
    levelling.sweep(now=now + DAY)
    new_coupon(now=now, segment=Segment.objects.get(name="Silver"))
    rule_changing.end(ladder.pk, ends_on=dt.date(2026, 11, 21), now=now + DAY)
    levelling.sweep(now=now + 2 * DAY)
    assert groups() == [("Silver", [])]
    levelling.sweep(now=now + 3 * DAY)
    assert SegmentSize.objects.filter(segment__name="Silver").count() == 3


def test_fewer_levels_are_fewer_segments(ladder, mia, now):
    start(now, starts_on=dt.date(2026, 11, 21), bounds=(5_000, 10_000), is_swept=False)
    levelling.sweep(now=now + DAY)
    assert [name for name, _people in groups()] == ["Silver", "Gold"]


def test_levels_cannot_begin_in_the_past(rule, now):
    with pytest.raises(rule_changing.StartsTooEarly):
        rule_changing.start(kind="tiers", params=levels(), starts_on=dt.date(2026, 11, 19), now=now)


def test_sweep_works_once_a_day_and_again_changes_nothing(ladder, mia, now):
    buy(mia, now, 20_000)
    Programme.objects.update(tiers_done_on=None)
    before = list(Membership.objects.values())
    levelling.sweep(now=now)
    assert list(Membership.objects.values()) == before
    assert Programme.objects.get().tiers_done_on == dt.date(2026, 11, 20)


def test_order_that_another_process_settled_meanwhile_is_settled_again(ladder, mia, now):
    """The row of a rise became visible only after an order placed later was settled without it."""
    buy(mia, now, 20_000)
    row = Membership.objects.get()
    Membership.objects.all().delete()
    order = buy(mia, now + dt.timedelta(seconds=1), 1_000, placed_at=now + dt.timedelta(seconds=1))
    Membership.objects.all().delete()
    row.save(force_insert=True)
    assert earned(order) == 10
    levelling.sweep(now=now + DAY)
    assert earned(order) == 12


def test_progress_says_what_is_missing(ladder, mia, now):
    shown = tiers.progress(mia.pk, now=now)
    assert (shown.level, shown.above.name, shown.missing_words) == (None, "Silver", "€200.00")
    buy(mia, now, 30_000)
    shown = tiers.progress(mia.pk, now=now)
    assert (shown.level.name, shown.above.name, shown.missing_words) == ("Silver", "Gold", "€200.00")
    assert shown.counts_from == dt.date(2025, 11, 21)
    buy(mia, now, 90_000)
    shown = tiers.progress(mia.pk, now=now)
    assert (shown.level.name, shown.above, shown.missing) == ("Platinum", None, 0)


def test_without_levels_there_is_no_progress(rule, mia, now):
    assert tiers.progress(mia.pk, now=now) is None
    assert tiers.counts(now=now) == []


def test_counts_and_preview_agree(rule, mia, now):
    new_order(mia, now, 60_000)
    new_order(new_contact(now), now, 20_000)
    new_contact(now)
    foreseen = [(one.name, people) for one, people in tiers.preview(levels(), now=now)]
    start(now)
    assert foreseen == [(one.name, people) for one, people in tiers.counts(now=now)]
    assert foreseen == [("Silver", 1), ("Gold", 1), ("Platinum", 0)]


def test_timeline_tells_who_rose_and_fell(rule, mia, now):
    new_order(mia, now, 50_000, placed_at=now - 364 * DAY)
    start(now, grace_days=0)
    levelling.sweep(now=now + DAY)
    levelling.sweep(now=now + 2 * DAY)
    told = moments.levels(contact_id=mia.pk, before=now + 9 * DAY, limit=10)
    assert [moment.text for moment in told] == ["Holds no level any more.", "Fell to Silver.", "Reached Gold."]
    assert [moment.text for moment in moments.levels(contact_id=mia.pk, before=now + 9 * DAY, limit=1)] == [
        "Holds no level any more."
    ]


def test_erased_customers_are_not_placed(rule, mia, now):
    mia.erased_at = now
    mia.save()
    new_order(mia, now, 50_000)
    start(now)
    assert Membership.objects.count() == 0


def test_queries_do_not_grow_with_the_customers(rule, now, queries_of):
    start(now)

    def sweep_of(people, *, days):
        for _one in range(people):
            new_order(new_contact(now), now, 20_000, placed_at=now - 10 * DAY)
        return queries_of(lambda: levelling.sweep(now=now + days * DAY))

    assert sweep_of(1, days=3) == sweep_of(6, days=6)
    assert Membership.objects.count() == 7


def test_check_finds_rows_that_overlap_or_mean_no_level(ladder, mia, now):
    buy(mia, now, 20_000)
    Membership.objects.create(
        contact=mia, rule=ladder, level=2, since=now - DAY, until=now + DAY
    )
    assert "levels" in {finding.name for finding in books.run_all() if not finding.ok}
    Membership.objects.filter(level=2).delete()
    assert "levels" not in {finding.name for finding in books.run_all() if not finding.ok}
    Membership.objects.update(level=9)
    assert "levels" in {finding.name for finding in books.run_all() if not finding.ok}


def test_a_level_that_was_changed_behind_the_books_shows_in_the_orders(ladder, mia, now):
    buy(mia, now, 20_000)
    buy(mia, now + DAY, 10_000, placed_at=now + DAY)
    Membership.objects.update(level=2)
    assert "points_of_orders" in {finding.name for finding in books.run_all() if not finding.ok}


@pytest.mark.parametrize(
    "harm",
    [
        {"basis": "visits"},
        {"levels": []},
        {"levels": [{"name": "Silver", "threshold": 1, "percent": 100}]},
        {"levels": [{"name": name, "threshold": 5, "percent": 100} for name in "ab"]},
        {"levels": [{"name": name, "threshold": n, "percent": 99} for n, name in enumerate("ab")]},
        {"months": 0},
        {"grace_days": -1},
        {"currency": "euro"},
    ],
)
def test_senseless_levels_are_refused(harm):
    with pytest.raises(BadParams):
        RULES["tiers"].read(levels() | harm)


def typed(**changes):
    fields = {
        "kind": "tiers", "basis": "spend", "months": "12", "grace_days": "30", "starts_on": "",
        "name_1": "Silver", "threshold_1": "200", "percent_1": "125", "perks_1": "",
        "name_2": "Gold", "threshold_2": "500.00", "percent_2": "150", "perks_2": "A free tote bag",
    }  # fmt: skip
    return fields | changes


@pytest.fixture
def today(monkeypatch, now):
    monkeypatch.setattr("crm.lib.clock.now", lambda: now)
    return "2026-11-20"


def test_page_previews_then_starts_the_levels(owner_client, rule, mia, now, today):
    new_order(mia, now, 60_000)
    url = reverse("rewards:rule_new")
    page = owner_client.post(url, typed(starts_on=today))
    assert page.status_code == 200 and Rule.objects.filter(kind="tiers").count() == 0
    assert page.context["standing"] == [("Silver", 0), ("Gold", 1)]
    assert owner_client.post(url, typed(starts_on=today, confirmed="1")).status_code == 302
    assert [one["threshold"] for one in Rule.objects.get(kind="tiers").params["levels"]] == [20_000, 50_000]
    levelling.sweep(now=now)
    home = owner_client.get(reverse("rewards:home")).content.decode()
    assert "Gold from €500.00: 150% of the usual points, A free tote bag." in home
    panel = owner_client.get(mia.get_absolute_url()).content.decode()
    assert "Gold" in panel and "A free tote bag" in panel


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"threshold_2": "200"}, "threshold_2"),
        ({"threshold_2": "many"}, "threshold_2"),
        ({"name_2": ""}, "name_2"),
        ({"name_4": "Diamond", "threshold_4": "900"}, "name_4"),
        ({"basis": "points", "threshold_1": "1.5", "threshold_2": "500"}, "threshold_1"),
        ({"percent_1": "50"}, "percent_1"),
        ({"starts_on": "2026-11-19"}, "starts_on"),
        ({"name_2": "silver"}, "__all__"),
    ],
)
def test_wrong_levels_are_drawn_again(owner_client, rule, now, today, changes, field):
    page = owner_client.post(reverse("rewards:rule_new"), typed(starts_on=today) | changes)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]


def test_form_for_other_levels_begins_with_those_in_force(owner_client, ladder, now, today):
    page = owner_client.get(reverse("rewards:rule_new"), {"kind": "tiers"})
    form = page.context["form"]
    assert (form["name_3"].value(), form["starts_on"].value()) == ("Platinum", "2026-11-21")
