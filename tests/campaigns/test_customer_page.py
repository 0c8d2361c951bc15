import datetime as dt

import pytest

from crm.campaigns import customer_page, sending
from crm.campaigns.models import Click, Link, Message, Outgoing
from crm.contacts import consent

pytestmark = pytest.mark.django_db
LATER = dt.timedelta(hours=1)


@pytest.fixture
def ava(person, started, now):
    contact = person("Ava Brandt")
    person("Theo Weber")
    started(name="Thank you")
    sending.sweep(now=now)
    return contact


def test_moments_tell_what_they_got_and_followed(ava, now):
    message = Message.objects.get(contact=ava)
    Click.objects.create(message=message, link=Link.objects.get(), at=now + LATER)
    told = customer_page.moments(contact_id=ava.pk, before=now + 2 * LATER, limit=5)
    assert [(moment.text, moment.detail) for moment in told] == [
        ("Followed a link in “Thank you”.", "https://linden.example/new"),
        ("Got the message “Thank you”.", ""),
    ]
    assert [moment.at for moment in told] == [now + LATER, message.sent_at]


def test_moments_end_before_a_time_and_at_a_limit(ava, now):
    assert customer_page.moments(contact_id=ava.pk, before=now, limit=5) == []
    Click.objects.create(message=Message.objects.get(contact=ava), link=Link.objects.get(), at=now + LATER)
    assert len(customer_page.moments(contact_id=ava.pk, before=now + 2 * LATER, limit=1)) == 1


def test_page_shows_the_panel_with_a_way_to_read_the_message(ava, owner_client):
    page = owner_client.get(ava.get_absolute_url()).content.decode()
    assert f'href="/campaigns/outbox/{Outgoing.objects.get(to="ava@example.com").pk}/"' in page
    assert "Got the message “Thank you”." in page


def test_nobody_written_to_has_no_panel(person):
    assert customer_page.panel(contact=person("Mia"), request=None) is None


def test_mail_that_came_back_is_said_and_the_owner_may_know_better(person, owner_client, now):
    mia = person("Mia")
    consent.note_bounce(mia.email_key, at=now)
    assert "there is no such address" in owner_client.get(mia.get_absolute_url()).content.decode()
    page = owner_client.post(f"/campaigns/customers/{mia.pk}/write-again/", follow=True).content.decode()
    assert "there is no such address" not in page
    assert f"The next campaign writes to {mia.email} again." in page
