"""A hint follows the commit and never fails the one who gives it."""

import logging

import pytest
from celery import current_app
from django.db import transaction

from crm.home.tasks import sweep
from crm.lib import hints, sweeps


@pytest.fixture
def swept(monkeypatch):
    seen = []
    monkeypatch.setattr(sweeps, "SWEEPS", {"mail": lambda *, now: seen.append(now) or 1})
    return seen


@pytest.fixture
def broker_url(monkeypatch):
    """Send for real, to this address."""
    kept = {name: current_app.conf[name] for name in ("task_always_eager", "broker_url", "broker_transport_options")}

    def use(url, **options):
        current_app.conf.update(task_always_eager=False, broker_url=url, broker_transport_options=options)

    yield use
    current_app.conf.update(kept)


def test_a_hint_waits_for_the_commit(db, swept, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        hints.hint(sweep)
        assert swept == []
    assert len(callbacks) == 1
    assert len(swept) == 1


@pytest.mark.django_db(transaction=True)
def test_a_hint_of_a_transaction_rolled_back_is_never_sent(swept):
    class Stop(Exception):
        pass

    with pytest.raises(Stop), transaction.atomic():
        hints.hint(sweep)
        raise Stop
    assert swept == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "redis+socket:///nowhere/broker.sock"])
def test_a_broker_that_is_away_costs_a_log_line(broker_url, caplog, url):
    broker_url(url)
    with caplog.at_level(logging.WARNING, logger="crm.lib.hints"):
        hints.hint(sweep)
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().startswith(
        "the hint for crm.home.tasks.sweep was not sent, the next sweep does it: "
    )


@pytest.mark.django_db(transaction=True)
def test_a_hint_is_one_message_for_the_worker(broker_url, tmp_path):
    broker_url(
        "filesystem://",
        data_folder_in=str(tmp_path), data_folder_out=str(tmp_path), control_folder=str(tmp_path / "control"),
    )  # fmt: skip
    hints.hint(sweep, since="2026-11-20")
    with current_app.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").get(timeout=2)
    assert message.headers["task"] == "crm.home.tasks.sweep"
    assert message.payload[1] == {"since": "2026-11-20"}
