"""What the shop's own books suggest: points about to expire, people kept twice; beside the analyst's suggestions."""

import datetime as dt

import pytest
from django.urls import reverse

from crm.accounts.models import Shop
from crm.contacts.models import Contact, Segment
from crm.home import actions, suggesting
from crm.home.models import Action, Inspection
from crm.home.quality import inspecting
from crm.lib import clock
from crm.rewards import holding, ledger
from crm.rewards.models import Entry
from tests.home.test_actions import suggestion
from tests.home.tiny import books, person, sale

DAY = dt.timedelta(days=1)


def give(contact, points: int, *, now, expires_in: int) -> None:
    ledger.post(
        [
            ledger.Posting(
                contact_id=contact.pk, points=points, kind=Entry.Kind.ADJUST, source=f"adjust:{contact.pk}-{expires_in}",
                at=now, expires_at=now + expires_in * DAY,
            )
        ],
        now=now,
    )  # fmt: skip


@pytest.fixture
def holders(shop, now):
    """Ada (usually 23.33), Bo (10.00) and Cy (never bought) hold points that expire within 30 days, Dora later ones."""
    ada, bo = books()
    cy, dora = person("Cy"), person("Dora")
    for one, points, days in ((ada, 100, 5), (ada, 20, 20), (bo, 50, 29), (cy, 30, 10), (dora, 70, 60)):
        give(one, points, now=now, expires_in=days)
    return [ada, bo, cy]


def renew(now) -> int:
    return suggesting.renew(shop=Shop.current(), now=now)


def test_points_about_to_expire_are_a_message_to_exactly_their_holders(holders, now):
    assert renew(now) == 1
    said = Action.objects.get()
    assert said.title["en"] == "Remind 3 customers of points that expire soon"
    assert said.evidence["en"] == "200 points of theirs expire up to Dec 20, 2026. They need not be lost."
    members = Segment.objects.get(slug="points-expiring").members.values_list("contact_id", flat=True)
    assert set(members) == {one.pk for one in holders}
    usual = sum(round(one.spent_minor / one.order_count) for one in Contact.objects.filter(order_count__gt=0))
    assert (said.gain_low_minor, said.gain_high_minor) == (round(usual * 0.05), round(usual * 0.15))
    assert (said.cost_minor, said.as_of) == (0, dt.date(2026, 11, 20))


def test_it_is_one_click_from_its_draft(holders, owner_client, now):
    renew(now)
    response = owner_client.post(reverse("home:take"), {"key": "expiring:points-expiring"}, follow=True)
    assert response.redirect_chain[-1][0].startswith("/campaigns/")
    assert "Some of your stamps expire soon" in response.content.decode()


def test_it_goes_when_the_points_are_gone(holders, now):
    renew(now)
    assert renew(now + 31 * DAY) == 0
    assert (Action.objects.count(), Segment.objects.get(slug="points-expiring").member_count) == (0, 0)


def test_the_last_day_of_the_first_warning_belongs_to_it(shop, now):
    last_day = clock.local_date(now, shop.timezone) + 30 * DAY
    for name in ("Ada", "Bo", "Cy"):
        midnight = clock.day_bounds(last_day, shop.timezone)[1]
        one = ledger.Posting(
            contact_id=person(name).pk, points=10, kind=Entry.Kind.ADJUST, source=f"adjust:{name}", at=now,
            expires_at=midnight,
        )  # fmt: skip
        ledger.post([one], now=now)
    assert {row.points for row in holding.warnings(now=now)["first"]} == {10}
    assert renew(now) == 1


def test_fewer_than_three_are_no_suggestion(shop, now):
    give(person("Ada"), 10, now=now, expires_in=3)
    assert renew(now) == 0
    assert not Segment.objects.filter(slug="points-expiring").exists()


def test_people_kept_twice_are_told_after_the_daily_look(shop, now):
    for _n in range(2):
        person("Ada Brandt", postcode="10115")
    inspecting.ask(now=now)
    inspecting.inspect_due(now=now)
    said = Action.objects.get()
    assert said.title["en"] == "Look at 1 pair of customers who may be one person"
    assert (said.gain_low_minor, said.cost_minor) == (None, None)
    Contact.objects.filter(pk=Contact.objects.latest("pk").pk).update(name="Zoe Weiss", postcode="80331")
    inspecting.ask(now=now)
    inspecting.inspect_due(now=now)
    assert (Action.objects.count(), Inspection.objects.count()) == (0, 2)


def test_the_night_and_the_books_replace_only_their_own(holders, now):
    actions.replace_all([suggestion("k1")], as_of=now.date())
    renew(now)
    assert set(Action.objects.values_list("key", flat=True)) == {"k1", "expiring:points-expiring"}
    actions.replace_all([suggestion("k2")], as_of=now.date())
    renew(now)
    assert set(Action.objects.values_list("key", flat=True)) == {"k2", "expiring:points-expiring"}


def test_the_number_of_queries_does_not_grow(holders, now, django_assert_max_num_queries):
    renew(now)
    with django_assert_max_num_queries(40) as first:
        renew(now)
    for n in range(3):
        one = person(f"Person {n}")
        sale(f"N-{n}", one, days_ago=n, total=100)
        give(one, 10, now=now, expires_in=2)
    renew(now)
    with django_assert_max_num_queries(len(first)):
        renew(now)
