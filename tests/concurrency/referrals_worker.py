"""Friends who arrive at the same time: `python -m tests.concurrency.referrals_worker ACT...`, a process for each ACT."""

import datetime as dt
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import django

django.setup()

from crm.accounts.models import Shop  # noqa: E402
from crm.contacts.models import Contact  # noqa: E402
from crm.imports import invited  # noqa: E402
from crm.orders import standing  # noqa: E402
from crm.orders.models import Order  # noqa: E402
from crm.rewards import referring, rule_changing  # noqa: E402
from tests.concurrency import crowd  # noqa: E402
from tests.portal.conftest import new_person  # noqa: E402
from tests.rewards.conftest import amend, new_order  # noqa: E402

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
FRIENDS, LIMIT = 10, 3


def prepare() -> dict:
    """Make sixteen customers who may send friends, the first of whom has sent ten that have bought."""
    Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin")
    rules = {"referral_friend": {"points": 50}, "referral_advocate": {"points": 100, "most_per_month": LIMIT}}
    for kind, params in rules.items():
        rule_changing.start(kind=kind, params=params, starts_on=NOW.date(), now=NOW)
    advocates = [new_person(f"Advocate {number}") for number in range(16)]
    for number in range(FRIENDS):
        friend = new_person(f"Friend {number}")
        referring.refer(friend.pk, advocate_id=advocates[0].pk, via="till", now=NOW)
        new_order(friend, NOW)
    standing.refresh(list(Contact.objects.values_list("pk", flat=True)))
    return {}


def join() -> dict:
    """Follow the invitation of one customer or another with the same new address."""
    advocate = Contact.objects.filter(name=f"Advocate {os.getpid() % 16}").get()
    referral = invited.join(advocate.pk, email="ben@example.org", name="Ben", language="en", now=NOW)
    return {"advocate": referral and referral.advocate_id}


def reward() -> dict:
    """Reward what is due, as every worker's sweep does."""
    return {"done": referring.reward_due(now=NOW)}


def cancel() -> dict:
    """Cancel all orders, and have the rewards taken back."""
    for order in Order.objects.all():
        amend(order, cancelled_at=NOW)
    return reward()


ACTS = {act.__name__: act for act in (prepare, join, reward, cancel)}


if __name__ == "__main__":
    crowd.work(ACTS)
