"""Customers who have not been here for years are forgotten, if the owner says so, and nobody else."""

import datetime as dt

import pytest

from crm.api.models import Visit
from crm.campaigns.models import Campaign, Click, Link, Message, Rotation
from crm.contacts import consent, forgetting, retention
from crm.contacts.models import Contact, Erasure, PrivacyRecord, Retention
from crm.lib import sweeps
from crm.rewards import ledger
from tests.contacts.people import person
from tests.rewards.conftest import new_order

YEAR = dt.timedelta(days=366)


@pytest.fixture
def quiet(shop, now):
    quiet = person("Quiet", email="quiet@example.com", joined_at=now - 6 * YEAR)
    new_order(quiet, now, placed_at=now - 5 * YEAR)
    return quiet


def click(contact, now):
    campaign = Campaign.objects.create(name="N", subject="S", body="B")
    rotation = Rotation.objects.create(campaign=campaign, local_date=now.date(), started_at=now)
    message = Message.objects.create(rotation=rotation, contact=contact, due_at=now)
    Click.objects.create(message=message, link=Link.objects.create(campaign=campaign, url="u", url_hash="h"), at=now)


SIGNS = {
    "order": lambda contact, at: new_order(contact, at),
    "visit": lambda contact, at: Visit.objects.create(contact=contact, kind="page", event_id="e", at=at),
    "click": click,
    "points": lambda contact, at: ledger.adjust(contact.pk, points=1, reason="x", key="k", now=at),
    "yes": lambda contact, at: consent.record([contact.pk], state="yes", source="page", detail="", at=at),
    "young": lambda contact, at: Contact.objects.filter(pk=contact.pk).update(joined_at=at),
}


@pytest.mark.parametrize("sign", SIGNS)
def test_one_sign_of_life_is_enough(quiet, now, sign):
    assert list(retention.due(3, now=now)) == [quiet]
    SIGNS[sign](quiet, now - 2 * YEAR)
    assert list(retention.due(3, now=now)) == []


def run(now):
    counts, errors = sweeps.run_all(now=now)
    assert errors == {}
    return counts


def test_it_is_off_until_the_owner_says_so(quiet, now):
    assert retention.sweep(now=now) == 0
    retention.choose(3, now=now, by_user=1)
    assert retention.sweep(now=now.replace(hour=0)) == 0, "not before the night run's hour"


def test_the_night_forgets_those_due_batch_by_batch_and_logs_it(quiet, now, monkeypatch):
    monkeypatch.setattr(forgetting, "BATCH", 2)
    here = person("Here", email="here@example.com", joined_at=now - 6 * YEAR)
    new_order(here, now)
    for number in range(4):
        person(f"Old {number}", email=f"old{number}@example.com", joined_at=now - 9 * YEAR)
    retention.choose(3, now=now, by_user=1)
    for _minute in range(5):
        retention.sweep(now=now)
        forgetting.sweep(now=now)
    assert [person.name for person in Contact.objects.alive()] == ["Here"]
    assert PrivacyRecord.objects.filter(act="erased", by_user=None).count() == 5
    assert PrivacyRecord.objects.values_list("count", flat=True).get(act="retention") == 5
    assert (Retention.current().looked_on, Retention.current().found) == (now.date(), 0)
    assert retention.sweep(now=now) == 0
    assert PrivacyRecord.objects.filter(act="retention").count() == 1


def test_who_comes_back_in_the_last_moment_stays(quiet, now):
    retention.choose(3, now=now, by_user=1)
    assert retention.sweep(now=now) == 1
    new_order(quiet, now)
    assert forgetting.sweep(now=now) == 0
    assert Contact.objects.get(pk=quiet.pk).erased_at is None
    assert Erasure.objects.get().ended_at == now


def test_the_owners_word_counts_more_than_the_rule(quiet, now):
    retention.choose(3, now=now, by_user=1)
    retention.sweep(now=now)
    new_order(quiet, now)
    forgetting.ask(quiet.pk, asked=Erasure.Asked.OWNER, now=now, at_once=True, by_user=1)
    assert forgetting.sweep(now=now) == 1
    assert PrivacyRecord.objects.get(act="erased").by_user == 1


def test_switching_it_off_lets_go_what_has_not_begun(quiet, now):
    retention.choose(3, now=now, by_user=1)
    retention.sweep(now=now)
    retention.choose(0, now=now, by_user=1)
    assert forgetting.sweep(now=now) == 0
    assert Contact.objects.alive().count() == 1


def test_the_page_says_how_many_before_it_is_switched_on(owner_client, quiet):
    page = owner_client.get("/customers/privacy/?years=3").content.decode()
    assert "1 customer would be forgotten in the coming night." in page
    assert Retention.current().years == 0
    owner_client.post("/customers/privacy/", {"years": "3"})
    assert Retention.current().years == 3
    assert "In force: forgotten after 3 years." in owner_client.get("/customers/privacy/").content.decode()
    assert owner_client.post("/customers/privacy/", {"years": "4"}).status_code == 422
