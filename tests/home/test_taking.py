"""A suggestion's button leads straight to a draft, made once; nothing is sent."""

import datetime as dt

import pytest
from django.urls import reverse

from crm.campaigns.models import Campaign, Message, Rotation
from crm.contacts import segments
from crm.contacts.models import Contact
from crm.home import actions
from crm.rewards import costing
from tests.conftest import NOW
from tests.home.test_actions import suggestion
from tests.home.tiny import books

DAY = dt.date(2026, 11, 19)
TO_WRITE = "/campaigns/new/?recipe=win-back&segment=slipping-regulars"


@pytest.fixture
def slipping(owner_client):
    ada, bo = books()
    actions.replace_all([suggestion("lost", url=TO_WRITE)], as_of=DAY)
    return segments.replace_members("slipping-regulars", [ada.pk, bo.pk], as_of=DAY, name="Regulars slipping away")


def take(client, key: str = "lost"):
    return client.post(reverse("home:take"), {"key": key})


def test_one_click_makes_the_draft_and_opens_it(slipping, owner_client):
    response = take(owner_client)
    draft = Campaign.objects.get()
    assert (response.status_code, response.url) == (302, reverse("campaigns:edit", args=[draft.pk]))
    assert (draft.segment, draft.state, draft.points) == (slipping, Campaign.State.DRAFT, 1)
    assert Message.objects.count() == 0


def test_a_second_click_goes_on_with_the_same_draft(slipping, owner_client):
    take(owner_client)
    Campaign.objects.update(subject="In my own words", version=4)
    assert take(owner_client).url == reverse("campaigns:edit", args=[Campaign.objects.get().pk])
    Campaign.objects.update(state=Campaign.State.FINISHED)
    take(owner_client)
    assert sorted(Campaign.objects.values_list("state", flat=True)) == ["draft", "finished"]


def test_an_offer_without_a_coupon_can_be_drafted_too(slipping, owner_client):
    url = "/campaigns/new/?recipe=note&segment=slipping-regulars"
    actions.replace_all([suggestion("lost", url=url)], as_of=DAY)
    take(owner_client)
    take(owner_client)
    assert list(Campaign.objects.values_list("name", "subject", "points")) == [
        ("Regulars slipping away", "Some of your stamps expire soon", 0)
    ]


@pytest.mark.parametrize(
    "url",
    ["/insights/demand/?show=short", "/campaigns/new/?recipe=unheard-of", "/campaigns/new/?recipe=welcome&segment=gone"],
)
def test_what_cannot_be_drafted_leads_where_it_says(slipping, owner_client, url):
    actions.replace_all([suggestion("lost", url=url)], as_of=DAY)
    assert take(owner_client).url == url
    assert Campaign.objects.count() == 0


def test_pages_to_look_at_are_links_and_drafts_are_buttons(slipping, owner_client):
    actions.replace_all([suggestion("look", url="/quality/"), suggestion("lost", url=TO_WRITE)], as_of=DAY)
    body = owner_client.get(reverse("home:today")).content.decode()
    assert body.count(f'action="{reverse("home:take")}"') == 1
    assert body.count('<a class="btn btn-primary" href="/quality/">Write</a>') == 1


def test_a_suggestion_that_is_gone_says_so(slipping, owner_client):
    response = owner_client.post(reverse("home:take"), {"key": "gone"}, follow=True)
    assert "This suggestion is not there any more." in response.content.decode()
    assert Campaign.objects.count() == 0


def test_what_the_draft_gives_is_said_in_points_and_money(slipping, owner_client, shop):
    type(shop).objects.update(kind="")
    today = lambda: owner_client.get(reverse("home:today")).content.decode()  # noqa: E731
    assert "<span>Gives 50 points each</span>" in today()
    costing.say_worth(200)  # 100 points are worth 2.00: 2 people, 50 points each
    assert "<span>Gives 50 points each, at most €2 in all</span>" in today()


def test_of_stamps_a_draft_gives_few(slipping, owner_client):
    assert "<span>Gives 1 stamp each</span>" in owner_client.get(reverse("home:today")).content.decode()
    take(owner_client)
    draft = Campaign.objects.get()
    assert (draft.points, "**{{ points_given }} stamps** on" in draft.body) == (1, True)


def test_how_many_of_the_group_may_be_written_to_is_said_beforehand(slipping, owner_client):
    today = lambda: owner_client.get(reverse("home:today")).content.decode()  # noqa: E731
    assert "<span>None of them may be written to yet</span>" in today()
    first = slipping.members.first().contact
    Contact.objects.filter(pk=first.pk).update(consent="yes", email="a@example.com", email_key="a@example.com")
    assert "<span>1 of 2 may be written to</span>" in today()


def test_what_came_of_the_last_one_is_said_with_its_report(slipping, owner_client):
    for name, state, days_ago, sent in (("Old", "finished", 60, 9), ("New", "finished", 20, 40), ("Now", "running", 1, 3)):
        campaign = Campaign.objects.create(name=name, segment=slipping, state=state, window_days=14)
        at = NOW - dt.timedelta(days=days_ago)
        Rotation.objects.create(
            campaign=campaign, local_date=at.date(), started_at=at, finished_at=at, counts={"sent": sent}
        )
    body = owner_client.get(reverse("home:today")).content.decode()
    assert body.count("Last time, ") == 1
    newest = Campaign.objects.get(name="New")
    assert f'<a href="{newest.get_absolute_url()}">Last time, Oct 31, 2026: 40 written to, 0 orders within 14 days</a>' in body


def test_only_a_post_takes(owner_client):
    assert owner_client.get(reverse("home:take")).status_code == 405
