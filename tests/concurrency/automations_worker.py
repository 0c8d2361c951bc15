"""Sweeps at the same time: `python -m tests.concurrency.automations_worker ACT...`, a process for each ACT."""

import datetime as dt
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import django

django.setup()

from crm.accounts.models import Shop  # noqa: E402
from crm.campaigns import automating, sending  # noqa: E402
from crm.campaigns.models import Automation, Rules  # noqa: E402
from crm.contacts.models import Contact  # noqa: E402
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


ACTS = {act.__name__: act for act in (prepare, sweep)}


if __name__ == "__main__":
    crowd.work(ACTS)
