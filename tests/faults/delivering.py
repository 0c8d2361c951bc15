"""A sending process that can be killed: `python -m tests.faults.delivering WHAT [ARGUMENTS]`.

make N        an empty database gets a shop and N people, and a campaign that is due now
make_automation N  the same with an automation: its first messages are due today at ten, its second ones two days later
nursery [DAY]  for every line read, fork a process that sweeps for ever, and print its number; from ten on that day,
               where a second is a minute
end           sweep as it will be when every lease has run out, until nothing is left
end_of_day DAY  the same on a day of the automation
tell          print as JSON what the database says
tell_automation  the same of the automation
"""

import datetime as dt
import json
import os
import signal
import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import Count  # noqa: E402

from crm.accounts.models import Shop  # noqa: E402
from crm.campaigns import automating, scheduling, sending  # noqa: E402
from crm.campaigns.models import Automation, Campaign, Message, Occasion, Outgoing, Rotation, Rules  # noqa: E402
from crm.contacts.models import Contact, Segment, SegmentMember  # noqa: E402
from crm.lib import clock  # noqa: E402
from crm.lib.tokens import keyed_hash  # noqa: E402
from crm.rewards.models import Account, Entry  # noqa: E402

MONDAY = dt.date(2026, 6, 1)  # on which it is switched on, and on which everybody orders for the first time


def people_of_a_shop(count: int) -> list[Contact]:
    call_command("migrate", verbosity=0)
    Shop.objects.create(
        name="Linden", currency="EUR", timezone="Europe/Berlin", sender_email="hello@linden.example",
        address="Am Markt 1, Linden",
    )
    addresses = [f"p{number}@example.com" for number in range(count)]
    return Contact.objects.bulk_create(
        Contact(
            email=address, email_key=address, address_hash=keyed_hash(address), consent="yes", joined_at=clock.now(),
            first_order_at=at(0, hour=15), last_order_at=at(0, hour=15), order_count=1,
        )
        for address in addresses
    )


def at(day: int, *, hour: int = 10) -> dt.datetime:
    """Return an hour of a day after that Monday, by the shop's clock."""
    return clock.at_local(MONDAY + dt.timedelta(days=day), dt.time(hour, 1), "Europe/Berlin")


def make(count: int) -> None:
    people = people_of_a_shop(count)
    segment = Segment.objects.create(slug="all", name="All")
    SegmentMember.objects.bulk_create(SegmentMember(segment=segment, contact=person) for person in people)
    campaign = Campaign.objects.create(
        name="All", segment=segment, points=5, subject="Hello", body="[new](https://linden.example/new)"
    )
    scheduling.schedule(campaign, now=clock.now())


def make_automation(count: int) -> None:
    people_of_a_shop(count)
    Rules.objects.create(most_messages=None)
    welcome = automating.make("welcome", shop=Shop.current())
    Automation.objects.filter(pk=welcome.pk).update(params={"days": 1}, step_count=2)
    welcome.steps.filter(step=3).delete()
    welcome.steps.update(holdout_percent=0, points=5, subject="Hello", body="[new](https://linden.example/new)")
    welcome.steps.filter(step=2).update(wait_days=2)
    welcome.refresh_from_db()
    automating.switch_on(welcome, now=at(0, hour=8))


def nursery(day: int | None = None) -> None:
    """Fork before anything has touched the database: a child starts in milliseconds."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    begun = time.monotonic()
    sending.BATCH = 4  # what a kill leaves claimed waits for its lease: small, so that the other kills find work
    for _line in sys.stdin:
        child = os.fork()
        if not child:
            while True:
                passed = dt.timedelta(minutes=time.monotonic() - begun)
                sending.sweep(now=clock.now() if day is None else at(day) + passed)
                time.sleep(0.02)
        print(child, flush=True)


def end() -> None:
    while Campaign.objects.get().state != "finished":
        sending.sweep(now=clock.now() + dt.timedelta(hours=1))


def end_of_day(day: int) -> None:
    while Rotation.objects.filter(finished_at=None).exists() or not Rotation.objects.filter(
        local_date=MONDAY + dt.timedelta(days=day)
    ):
        sending.sweep(now=at(day, hour=13))


def tell_automation() -> None:
    def of_step(number: int, *states: str) -> list[str]:
        found = Message.objects.filter(rotation__campaign__step=number, state__in=states)
        return list(found.values_list("contact__email", flat=True))

    print(
        json.dumps(
            {
                "sent": [of_step(number, "sent") for number in (1, 2)],
                "uncertain": [of_step(number, "uncertain") for number in (1, 2)],
                "messages": Message.objects.count(),
                "rotations": Rotation.objects.count(),
                "occasions": sorted(Occasion.objects.values_list("contact__email", "step", "ended")),
                "entries": Entry.objects.count(),
                "balances": sorted(set(Account.objects.values_list("balance", flat=True))),
            }
        )
    )


def tell() -> None:
    print(
        json.dumps(
            {
                "states": dict(Message.objects.values_list("state").annotate(Count("pk")).order_by()),
                "uncertain": list(Message.objects.filter(state="uncertain").values_list("contact__email", flat=True)),
                "sent": list(Message.objects.filter(state="sent").values_list("contact__email", flat=True)),
                "outbox": list(Outgoing.objects.values_list("to", flat=True)),
                "rotations": Rotation.objects.count(),
                "entries": Entry.objects.count(),
                "balances": sorted(set(Account.objects.values_list("balance", flat=True))),
                "state": Campaign.objects.get().state,
            }
        )
    )


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    acts = (make, make_automation, nursery, end, end_of_day, tell, tell_automation)
    {act.__name__: act for act in acts}[what](*map(int, arguments))
