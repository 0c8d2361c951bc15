"""The report card of what offers changed."""

import datetime as dt

import pytest
import time_machine
from django.core.management import CommandError, call_command

from crm.contacts.models import Contact
from loyalty.report_cards import uplift as cards
from tests.loyalty.conftest import moment, order
from tests.loyalty.test_commands import answer
from tests.loyalty.test_sends import MAILED, group, mail, people  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailed(group, people):  # noqa: F811
    """Mail 60 of whom every second one written to orders the next day, and nobody who was left out."""
    people(60)
    rotation = mail(group)
    sent = list(rotation.messages.filter(state="sent").order_by("pk").values_list("contact", flat=True))
    for contact in Contact.objects.filter(pk__in=sent[::2]):
        order(contact, moment(MAILED + dt.timedelta(days=1)), 2_000)
    order(rotation.messages.filter(state="held_out").earliest("pk").contact, moment(dt.date(2026, 9, 30)))  # too late
    return len(sent)


def test_card_says_what_the_offer_changed(mailed):
    with time_machine.travel(moment(dt.date(2026, 10, 1)), tick=False):
        card = answer("report_card", "uplift")
        called = cards.in_words(card).splitlines()
    offer = card["offers"]["reminder"]
    assert (card["sends"], card["left_out"], list(card["offers"])) == (mailed, 60 - mailed, ["reminder"])
    assert offer["orders"]["effect"] == pytest.approx(((mailed + 1) // 2) / mailed, abs=1e-5)
    assert (offer["orders"]["base"], offer["evidence"], offer["candidates"]) == (0.0, "alike", {})
    assert called[0] == f"60 customers, {mailed} sends and {60 - mailed} left out by chance, known on 2026-10-01"
    assert called[1].endswith("it works; nothing shows that it works better for some")


def test_card_knows_nothing_of_what_came_after_its_cut(mailed):
    with pytest.raises(CommandError) as caught, time_machine.travel(moment(dt.date(2026, 10, 1)), tick=False):
        call_command("report_card", "uplift", "--cut", "2026-09-05")
    assert str(caught.value) == "0 customers were drawn on the smaller side of sent to and left out; at least 2 are needed."
