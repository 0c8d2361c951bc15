"""One sweep does everything that is due, and one failure stops nothing else."""

import json

import pytest
from django.core.management import CommandError, call_command

from crm.home.tasks import sweep
from crm.lib import sweeps


@pytest.fixture
def registry(monkeypatch):
    kinds = {}
    monkeypatch.setattr(sweeps, "SWEEPS", kinds)
    return kinds


def _fails(*, now):
    raise ValueError("no such\nrow")


def test_every_kind_is_swept_with_the_same_now(registry, now):
    seen = []
    sweeps.register("first", lambda *, now: seen.append(now) or 2)
    sweeps.register("second", lambda *, now: seen.append(now) or 0)
    assert sweeps.run_all(now=now) == ({"first": 2, "second": 0}, {})
    assert seen == [now, now]


def test_a_failing_kind_does_not_stop_the_others(registry, now):
    sweeps.register("bad", _fails)
    sweeps.register("good", lambda *, now: 3)
    counts, errors = sweeps.run_all(now=now)
    assert counts == {"bad": 0, "good": 3}
    assert {kind: str(error) for kind, error in errors.items()} == {"bad": "no such\nrow"}


def test_run_due_prints_counts_and_hands_the_time_on(registry, now, capsys):
    seen = []
    sweeps.register("mail", lambda *, now: seen.append(now) or 4)
    call_command("run_due", "--now", "2026-11-20T10:00:00+01:00", "--json")
    assert json.loads(capsys.readouterr().out) == {"mail": 4}
    assert seen == [now]


def test_run_due_takes_a_time_without_a_zone_as_utc(registry, now):
    seen = []
    sweeps.register("mail", lambda *, now: seen.append(now) or 0)
    call_command("run_due", "--now", "2026-11-20T09:00:00")
    assert seen == [now]


def test_run_due_says_what_failed_in_one_line_after_the_counts(registry, capsys):
    sweeps.register("bad", _fails)
    sweeps.register("good", lambda *, now: 1)
    with pytest.raises(CommandError, match=r"^bad: ValueError: no such row$"):
        call_command("run_due")
    assert json.loads(capsys.readouterr().out) == {"bad": 0, "good": 1}


def test_run_due_refuses_a_time_it_cannot_read(registry):
    with pytest.raises(CommandError, match="--now 'soon' is not a time; write 2026-11-20T09:00:00Z"):
        call_command("run_due", "--now", "soon")


def test_the_minute_beat_sweeps_and_logs_failures(registry, caplog):
    sweeps.register("bad", _fails)
    sweeps.register("good", lambda *, now: 1)
    assert sweep() == {"bad": 0, "good": 1}
    assert [record.getMessage() for record in caplog.records] == ["sweep bad failed"]
    assert caplog.records[0].exc_info[0] is ValueError
