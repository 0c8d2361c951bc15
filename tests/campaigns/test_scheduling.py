import datetime as dt
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.campaigns import scheduling, starting
from crm.campaigns.models import Campaign, Message, Rotation

UTC = dt.UTC


def first(count, **plan):
    return list(islice(scheduling.occurrences(**plan), count))


def test_weekly_keeps_local_time_over_the_end_of_summer_time():
    plan = {"repeat": "weekly", "starts_date": dt.date(2026, 10, 18), "send_time": dt.time(9, 0), "zone": "Europe/Berlin"}
    assert [at.astimezone(UTC) for _date, at in first(3, **plan)] == [
        dt.datetime(2026, 10, 18, 7, 0, tzinfo=UTC),
        dt.datetime(2026, 10, 25, 8, 0, tzinfo=UTC),
        dt.datetime(2026, 11, 1, 8, 0, tzinfo=UTC),
    ]


def test_skipped_local_time_moves_forward_and_doubled_one_is_the_first():
    spring = {"repeat": "once", "starts_date": dt.date(2026, 3, 29), "send_time": dt.time(2, 30), "zone": "Europe/Berlin"}
    autumn = spring | {"starts_date": dt.date(2026, 10, 25)}
    assert first(2, **spring) == [(dt.date(2026, 3, 29), dt.datetime(2026, 3, 29, 1, 30, tzinfo=UTC))]
    assert first(2, **autumn) == [(dt.date(2026, 10, 25), dt.datetime(2026, 10, 25, 0, 30, tzinfo=UTC))]


def test_monthly_on_the_31st_falls_on_the_last_day_of_shorter_months():
    plan = {"repeat": "monthly", "starts_date": dt.date(2027, 10, 31), "send_time": dt.time(9, 0), "zone": "UTC"}
    assert [date for date, _at in first(6, **plan)] == [
        dt.date(2027, 10, 31), dt.date(2027, 11, 30), dt.date(2027, 12, 31),
        dt.date(2028, 1, 31), dt.date(2028, 2, 29), dt.date(2028, 3, 31),
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Shanghai"]),
    start=st.dates(dt.date(2000, 1, 1), dt.date(2038, 1, 1)),
    quarter=st.integers(0, 95),
    repeat=st.sampled_from(["weekly", "monthly"]),
)
def test_next_is_always_later_and_on_another_date(zone, start, quarter, repeat):
    plan = first(
        30, repeat=repeat, starts_date=start, send_time=dt.time(quarter // 4, quarter % 4 * 15), zone=zone
    )
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(plan))


@pytest.mark.django_db
class TestSchedule:
    def test_without_a_date_it_starts_now(self, campaign, now):
        made = campaign()
        assert scheduling.schedule(made, now=now) is True
        assert (made.state, made.next_at, made.next_date) == ("scheduled", now, dt.date(2026, 11, 20))
        assert (made.starts_date, made.send_time) == (dt.date(2026, 11, 20), dt.time(10, 0))

    def test_local_time_of_the_shop_counts(self, campaign, now):
        made = campaign(starts_date=dt.date(2026, 12, 1), send_time=dt.time(9, 0), repeat="monthly")
        scheduling.schedule(made, now=now)
        assert made.next_at == dt.datetime(2026, 12, 1, 8, 0, tzinfo=UTC)

    def test_past_time_is_refused(self, campaign, now):
        made = campaign(starts_date=dt.date(2026, 11, 20), send_time=dt.time(9, 59), repeat="weekly")
        with pytest.raises(scheduling.NotPossible, match="passed"):
            scheduling.schedule(made, now=now)
        assert Campaign.objects.get().state == "draft"

    def test_second_time_changes_nothing(self, campaign, now):
        made = campaign()
        stale = Campaign.objects.get()
        scheduling.schedule(made, now=now)
        assert scheduling.schedule(stale, now=now + dt.timedelta(hours=1)) is False
        assert Campaign.objects.get().next_at == now

    def test_changed_draft_is_refused(self, campaign, now):
        made = campaign()
        Campaign.objects.update(version=5)
        with pytest.raises(scheduling.NotPossible, match="changed"):
            scheduling.schedule(made, now=now)

    def test_back_to_draft_only_while_nothing_is_on_its_way(self, started, person, now):
        person()
        made = started(repeat="weekly")
        starting.start_due(now=now)
        assert scheduling.back_to_draft(made, now=now) is False
        assert made.state == "running"

    def test_back_to_draft_takes_it_off_the_schedule(self, started, now):
        made = started()
        assert scheduling.back_to_draft(made, now=now) is True
        assert (made.state, made.next_at, made.starts_date) == ("draft", None, None)


@pytest.mark.django_db
class TestMisfire:
    def test_within_the_grace_it_still_goes_out(self, started, person, now):
        person()
        started()
        assert starting.start_due(now=now + dt.timedelta(hours=6)) == 1

    def test_later_a_repeating_one_is_skipped_and_says_so(self, started, person, now):
        person()
        made = started(repeat="weekly")
        assert starting.start_due(now=now + dt.timedelta(hours=6, seconds=1)) == 0
        made.refresh_from_db()
        assert (made.state, made.next_date) == ("scheduled", dt.date(2026, 11, 27))
        assert made.problem == "The mailing of Nov 20, 2026 was skipped, because this program was not running then."
        assert Message.objects.count() == 0

    def test_later_a_single_one_asks_the_owner_and_goes_on_when_told(self, started, person, now):
        person()
        made = started()
        late = now + dt.timedelta(days=2)
        assert starting.start_due(now=late) == 0
        made.refresh_from_db()
        assert made.state == "paused"
        assert made.problem == "It was due on Nov 20, 2026 while this program was not running. Send it now, or stop it."
        assert scheduling.resume(made, now=late) is True
        assert starting.start_due(now=late) == 1
        assert Rotation.objects.get().local_date == dt.date(2026, 11, 22)
