"""A sending process that can be killed: `python -m tests.faults.delivering WHAT [ARGUMENTS]`.

make N        an empty database gets a shop and N people, and a campaign that is due now
nursery       for every line read, fork a process that sweeps for ever, and print its number
end           sweep as it will be when every lease has run out, until nothing is left
tell          print as JSON what the database says
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
from crm.campaigns import scheduling, sending  # noqa: E402
from crm.campaigns.models import Campaign, Message, Outgoing, Rotation  # noqa: E402
from crm.contacts.models import Contact, Segment, SegmentMember  # noqa: E402
from crm.lib import clock  # noqa: E402
from crm.lib.tokens import keyed_hash  # noqa: E402
from crm.rewards.models import Account, Entry  # noqa: E402


def make(count: int) -> None:
    call_command("migrate", verbosity=0)
    Shop.objects.create(name="Linden", currency="EUR", timezone="Europe/Berlin", sender_email="hello@linden.example")
    segment = Segment.objects.create(slug="all", name="All")
    addresses = [f"p{number}@example.com" for number in range(count)]
    people = Contact.objects.bulk_create(
        Contact(email=address, email_key=address, address_hash=keyed_hash(address), consent="yes", joined_at=clock.now())
        for address in addresses
    )
    SegmentMember.objects.bulk_create(SegmentMember(segment=segment, contact=person) for person in people)
    campaign = Campaign.objects.create(
        name="All", segment=segment, points=5, subject="Hello", body="[new](https://linden.example/new)"
    )
    scheduling.schedule(campaign, now=clock.now())


def nursery() -> None:
    """Fork before anything has touched the database: a child starts in milliseconds."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sending.BATCH = 4  # what a kill leaves claimed waits for its lease: small, so that the other kills find work
    for _line in sys.stdin:
        child = os.fork()
        if not child:
            while True:
                sending.sweep(now=clock.now())
                time.sleep(0.02)
        print(child, flush=True)


def end() -> None:
    while Campaign.objects.get().state != "finished":
        sending.sweep(now=clock.now() + dt.timedelta(hours=1))


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
    {"make": make, "nursery": nursery, "end": end, "tell": tell}[what](*map(int, arguments))
