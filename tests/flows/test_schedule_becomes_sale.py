"""A schedule becomes a sale: compose, schedule, send, click, order, report; and nobody who said no is written to."""

import datetime as dt
import json
import re
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command

from crm.campaigns.models import Attribution, Campaign, Click, Message, Outgoing
from crm.contacts import consent
from crm.contacts.models import Contact, Segment, SegmentMember, Suppression
from crm.imports import intake
from crm.lib import tokens
from crm.orders.recording import Purchase
from crm.rewards.models import Account

MORNING = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)


def command(name: str, *args) -> dict:
    out = StringIO()
    call_command(name, *args, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def people(shop):
    shop.address, shop.sender_email = "Lindenstr. 5, Berlin", "hello@linden.example"
    shop.save()
    segment = Segment.objects.create(slug="regulars", name="Regulars")
    made = []
    for name in ["Ava Brandt", "Theo Weber", "Mia Silent"]:
        email = f"{name.split()[0].lower()}@example.com"
        person = Contact.objects.create(
            name=name, email=email, email_key=email, address_hash=tokens.keyed_hash(email), joined_at=MORNING
        )
        SegmentMember.objects.create(segment=segment, contact=person)
        made.append(person)
    consent.record([p.pk for p in made], state="yes", source="owner", detail="asked at the till", at=MORNING)
    consent.withdraw(made[2].pk, source="link", detail="", at=MORNING)
    return made


def test_a_scheduled_points_campaign_reaches_people_and_is_measured(owner_client, people):
    with time_machine.travel(MORNING, tick=False):
        campaign = Campaign.objects.create(
            name="Thank you", segment=Segment.objects.get(), points=50,
            subject="{{ first_name }}, 50 points for you",
            body="Hello {{ first_name }}, you have {{ points_balance }} points.\n\n[See what is new](https://linden.example/new)",
            starts_date=MORNING.date(), send_time=dt.time(12, 0), repeat="weekly",
        )
        response = owner_client.post(f"/campaigns/{campaign.pk}/schedule/", {"version": campaign.version, "confirm_count": "2"})
        assert response.status_code == 302
        campaign.refresh_from_db()
        assert (campaign.state, campaign.next_at) == ("scheduled", dt.datetime(2026, 11, 20, 11, 0, tzinfo=dt.UTC))

    command("run_due", "--now", "2026-11-20T10:59:00+00:00")
    assert Message.objects.count() == 0
    for _ in range(3):
        command("run_due", "--now", "2026-11-20T11:00:00+00:00")

    assert sorted(Outgoing.objects.values_list("to", flat=True)) == ["ava@example.com", "theo@example.com"]
    ava = Outgoing.objects.get(to="ava@example.com")
    assert ava.subject == "Ava, 50 points for you"
    assert "you have 50 points" in ava.text
    assert ava.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert Account.objects.get(contact=people[0]).balance == 50

    link = re.search(r"https?://[^\s\"]+(/m/c/[^\s\")]+)", ava.html).group(1)
    owner_client.logout()
    with time_machine.travel(MORNING + dt.timedelta(hours=5), tick=False):
        clicked = owner_client.get(link)
    assert clicked.status_code == 302
    assert clicked["Location"].startswith("https://linden.example/new")
    assert Click.objects.count() == 1

    leave = re.search(r"<https?://[^/]+(/m/u/[^>]+)>", ava.headers["List-Unsubscribe"]).group(1)
    assert owner_client.get(leave).status_code == 200
    assert Suppression.objects.count() == 1
    assert owner_client.post(leave, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Suppression.objects.count() == 2

    intake.take_orders(
        [Purchase(source="typed", number="T-1", placed_at=MORNING + dt.timedelta(days=1), currency="EUR",
                  total_minor=2500, contact_id=people[0].pk)],
        now=MORNING + dt.timedelta(days=1),
    )
    sale = Attribution.objects.get()
    assert (sale.message.contact_id, sale.amount_minor, sale.after_click) == (people[0].pk, 2500, True)

    command("run_due", "--now", "2026-11-27T11:00:00+00:00")
    assert sorted(Outgoing.objects.filter(at__date=dt.date(2026, 11, 27)).values_list("to", flat=True)) == ["theo@example.com"]
    assert command("check_books")["ok"] is True
