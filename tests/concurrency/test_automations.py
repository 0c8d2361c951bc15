"""Sweeps at the same time, on both databases: one message for each person, whatever wants to write to them."""

import pytest

from tests.concurrency.automations_worker import PEOPLE

WORKER = "automations_worker"

pytestmark = pytest.mark.slow


def test_the_limit_holds_across_automations_and_processes(crowd):
    crowd.run(["sweep"] * 6)
    crowd.run(["sweep"])
    assert crowd.ask("SELECT state, COUNT(*), COUNT(DISTINCT contact_id) FROM campaigns_message GROUP BY state") == [
        ("sent", PEOPLE, PEOPLE)
    ]
    assert crowd.ask("SELECT COUNT(*) FROM campaigns_outgoing") == [(PEOPLE,)]
    assert crowd.ask("SELECT SUM(points), COUNT(*) FROM rewards_entry") == [(5 * PEOPLE, PEOPLE)]
    assert crowd.ask("SELECT COUNT(*) FROM campaigns_occasion") == [(2 * PEOPLE,)]
    assert crowd.wrong_books() == []
