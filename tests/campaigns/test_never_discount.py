"""A campaign that carries a coupon leaves out who is never to be given money off."""

import pytest

from crm.campaigns import audience, checklist, scheduling, starting
from crm.campaigns.models import Message
from crm.contacts.models import Contact
from tests.coupons.conftest import new_coupon

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(person):
    return person("Ava Brandt"), person("Ben Okafor", never_discount=True)


def reached(campaign, *, now) -> set[int]:
    starting.start_due(now=now)
    return set(Message.objects.filter(rotation__campaign=campaign).values_list("contact", flat=True))


def test_the_query_leaves_them_out_and_the_checks_say_how_many(campaign, two, shop):
    new_coupon("AUTUMN10")
    one = campaign(body="Use AUTUMN10 today")
    reach = audience.of(one, shop=shop)
    assert (reach.total, reach.locked, set(audience.people(one))) == (1, 1, {two[0]})
    told = {check.name: check.text for check in checklist.read(one, shop=shop, reach=reach)}
    assert told["Money off"] == "The text carries a coupon, so 1 customer marked “never give money off” is left out."


def test_without_a_coupon_they_are_people_like_all_others(campaign, two, shop):
    one = campaign(body="Come by", points=20)
    reach = audience.of(one, shop=shop)
    assert (reach.total, reach.locked, set(audience.people(one))) == (2, 0, set(two))
    assert "Money off" not in [check.name for check in checklist.read(one, shop=shop, reach=reach)]


def test_a_coupon_in_another_version_counts_too(campaign, two, shop):
    new_coupon("AUTUMN10")
    one = campaign(body="Come by")
    one.variants.create(letter="B", subject="Hello", body="Use AUTUMN10")
    assert set(audience.people(one)) == {two[0]}


def test_whoever_is_locked_after_it_was_scheduled_gets_nothing(campaign, two, now, shop):
    new_coupon("AUTUMN10")
    one = campaign(body="Use AUTUMN10 today")
    assert scheduling.schedule(one, now=now)
    Contact.objects.filter(pk=two[0].pk).update(never_discount=True)
    one.refresh_from_db()
    assert reached(one, now=one.next_at) == set()
