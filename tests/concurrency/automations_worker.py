"""Sweeps at the same time: `python -m tests.concurrency.automations_worker ACT...`, a process for each ACT."""

import datetime as dt
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import django

django.setup()

from crm.accounts.models import Shop  # noqa: E402
from crm.campaigns import automating, scheduling, sending, tracking  # noqa: E402
from crm.campaigns.models import Automation, Campaign, Message, Rules  # noqa: E402
from crm.contacts import consent, merging  # noqa: E402
from crm.contacts.models import Contact, Segment, SegmentMember  # noqa: E402
from crm.lib.tokens import keyed_hash  # noqa: E402
from tests.campaigns.automations import DAY, at, buy  # noqa: E402
from tests.concurrency import crowd  # noqa: E402

MONDAY = dt.date(2026, 6, 1)
PEOPLE = 30


def prepare() -> dict:
    """Switch two automations on that want to write to the same people on the same day; the limit allows one."""
    shop = Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin", write_to="buyers")
    Rules.objects.create(most_messages=1)
    for slug in ("welcome", "how-was-it"):
        made = automating.make(slug, shop=shop)
        Automation.objects.filter(pk=made.pk).update(params={"days": 1}, ends_on_order=False)
        made.refresh_from_db()
        made.steps.update(holdout_percent=0, points=5)
        automating.switch_on(made, now=at(MONDAY, 8))
    for number in range(PEOPLE):
        email = f"p{number}@example.org"
        one = Contact.objects.create(
            name=f"P {number}", email=email, email_key=email, address_hash=keyed_hash(email), consent="yes",
            joined_at=at(MONDAY, 9),
        )
        buy(one, at(MONDAY, 15))
    return {}


def sweep() -> dict:
    return {"done": sending.sweep(now=at(MONDAY + DAY))}


def say_no() -> dict:
    """Unsubscribe every third person while they are written to, by whatever they got or beforehand."""
    for contact in Contact.objects.order_by("pk")[::3]:
        message = Message.objects.filter(contact=contact).select_related("rotation__campaign").first()
        if message:
            tracking.unsubscribe(message, one_click=True, now=at(MONDAY + DAY))
        else:
            consent.withdraw(contact.pk, source="owner", detail="", at=at(MONDAY + DAY))
    return {}


def merge() -> dict:
    """Make one of every two people but those who say no."""
    people = [pk for place, pk in enumerate(Contact.objects.order_by("pk").values_list("pk", flat=True)) if place % 3]
    for keep, drop in zip(people[::2], people[1::2]):
        merging.merge(keep, drop_id=drop, choices={}, by="Lena", now=at(MONDAY + DAY))
    return {"merged": len(people) // 2}


def switch_off() -> dict:
    for automation in Automation.objects.order_by("-pk"):
        automating.switch_off(automation, now=at(MONDAY + DAY))
    return {}


def campaigns() -> dict:
    """Two campaigns to everybody, due at the moment of the automations."""
    for name in ("One", "Two"):
        segment = Segment.objects.create(slug=name, name=name)
        SegmentMember.objects.bulk_create(SegmentMember(segment=segment, contact=one) for one in Contact.objects.all())
        made = Campaign.objects.create(name=name, segment=segment, subject="News", body="News.")
        scheduling.schedule(made, now=at(MONDAY + DAY, 9))
    return {}


ACTS = {act.__name__: act for act in (prepare, sweep, say_no, merge, switch_off, campaigns)}


if __name__ == "__main__":
    crowd.work(ACTS)
