"""Customers merged at the same time: `python -m tests.concurrency.merging_worker ACT...`, a process for each ACT."""

import datetime as dt
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import django

django.setup()

from crm.accounts.models import Shop  # noqa: E402
from crm.contacts import merging  # noqa: E402
from crm.contacts.matching import Person  # noqa: E402
from crm.contacts.models import Contact, Merge  # noqa: E402
from crm.imports import intake  # noqa: E402
from crm.orders.recording import Purchase  # noqa: E402
from crm.rewards import ledger  # noqa: E402
from tests.concurrency import crowd  # noqa: E402
from tests.contacts.people import person  # noqa: E402
from tests.rewards.conftest import euro_rule  # noqa: E402

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
RING, HELD, ORDERS = 5, 100, 6


def prepare() -> dict:
    """Make five customers of a hundred points each."""
    Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin")
    euro_rule(NOW)
    for number in range(RING):
        one = person(f"Anna {number}", email=f"anna{number}@example.org")
        ledger.adjust(one.pk, points=HELD, reason="start", key=f"start{number}", now=NOW)
    return {}


def merge_pair() -> dict:
    """Merge the same two."""
    keep, drop = _people()[:2]
    try:
        return {"merge": merging.merge(keep, drop_id=drop, now=NOW).pk}
    except merging.CannotMerge as refusal:
        return {"merge": refusal.why}


def merge_ring() -> dict:
    """Merge whoever each became with whoever the next became, beginning anywhere."""
    ids, done = _people(), 0
    for step in range(RING):
        one, next_one = (merging.current_id(ids[(os.getpid() + step + more) % RING]) for more in (0, 1))
        try:
            merging.merge(one, drop_id=next_one, now=NOW)
            done += 1
        except merging.CannotMerge:
            pass
    return {"merged": done}


def undo() -> dict:
    """Undo the one merge there is."""
    return {"undone": merging.undo(Merge.objects.get().pk, now=NOW).undone_at is not None}


def buy() -> dict:
    """Take in orders of the second customer, as a till or a shop reports them."""
    for number in range(ORDERS):
        bought = Purchase(
            source="shop", number=f"{os.getpid()}-{number}", placed_at=NOW, currency="EUR", total_minor=1_000,
            discount_minor=0, shipping_minor=0, tax_minor=0, refunded_minor=0,
            person=Person(source="shop", email="anna1@example.org"),
        )  # fmt: skip
        intake.take_orders([bought], now=NOW)
    return {"orders": ORDERS}


def _people() -> list[int]:
    """Return who there was at the beginning."""
    here = [*Contact.objects.values_list("pk", flat=True), *Merge.objects.values_list("dropped_id", flat=True)]
    return list(range(min(here), min(here) + RING))


ACTS = {act.__name__: act for act in (prepare, merge_pair, merge_ring, undo, buy)}


if __name__ == "__main__":
    crowd.work(ACTS)
