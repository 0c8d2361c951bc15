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


def test_the_limit_holds_for_campaigns_that_start_at_the_same_moment(crowd):
    crowd.run(["campaigns"])
    crowd.run(["sweep"] * 6)
    crowd.run(["sweep"])
    assert crowd.ask("SELECT COUNT(*), COUNT(DISTINCT contact_id) FROM campaigns_message WHERE state = 'sent'") == [
        (PEOPLE, PEOPLE)
    ]


def test_people_who_say_no_and_become_one_in_the_midst_get_nothing_twice_and_nothing_after_it(crowd):
    crowd.run(["sweep"] * 3 + ["say_no", "merge"] + ["sweep"])
    crowd.run(["sweep"])
    assert crowd.ask("SELECT COUNT(*) FROM contacts_contact") == [(PEOPLE - PEOPLE // 3,)]
    # nobody, nor who they were, got one message of an automation from two rows, whatever happened in between
    assert crowd.ask(
        "SELECT COUNT(*) FROM (SELECT 1 FROM campaigns_outgoing o JOIN campaigns_message m ON m.id = o.message_id "
        "GROUP BY m.rotation_id, o.to HAVING COUNT(*) > 1) AS twice".replace("o.to", 'o."to"')
    ) == [(0,)]
    assert crowd.ask("SELECT COUNT(*) FROM campaigns_message WHERE state IN ('queued', 'claimed', 'retry')") == [(0,)]
    # whoever may be written to has been: one message of the week, or two where both had theirs before they became one
    assert crowd.ask(
        "SELECT COUNT(*) FROM contacts_contact c WHERE c.consent = 'yes' AND NOT EXISTS "
        "(SELECT 1 FROM campaigns_message m WHERE m.contact_id = c.id AND m.state = 'sent')"
    ) == [(0,)]
    assert crowd.ask("SELECT COUNT(*) FROM campaigns_occasion GROUP BY contact_id, key HAVING COUNT(*) > 1") == []
    assert crowd.wrong_books() == []


def test_switched_off_in_the_midst_nothing_waits_and_nobody_is_locked_out(crowd):
    crowd.run(["sweep"] * 4 + ["switch_off"])
    crowd.run(["sweep"])
    assert crowd.ask("SELECT COUNT(*) FROM campaigns_message WHERE state NOT IN ('sent', 'stopped')") == [(0,)]
    assert crowd.ask("SELECT DISTINCT state FROM campaigns_campaign") == [("draft",)]
    assert crowd.ask("SELECT COUNT(*) FROM campaigns_rotation WHERE finished_at IS NULL") == [(0,)]
