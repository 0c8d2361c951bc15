"""Processes that move points at the same time: `python -m tests.concurrency.points_worker ACT...`, one for each ACT.

Django is loaded once and forked before anybody has a connection; all begin together, and what each
one tells is printed as one JSON list. DATABASE_URL says where.
"""

import datetime as dt
import json
import multiprocessing
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Sum  # noqa: E402

from crm.accounts.models import Shop  # noqa: E402
from crm.contacts.models import Contact  # noqa: E402
from crm.lib import bulk  # noqa: E402
from crm.orders import standing  # noqa: E402
from crm.orders.models import Order  # noqa: E402
from crm.rewards import ledger, settling  # noqa: E402
from crm.rewards.models import Account, Entry  # noqa: E402
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order  # noqa: E402

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
HELD, TRIES, ORDERS = 100, 20, 30


def prepare() -> dict:
    """Make a shop with one customer who holds 100 points, and 30 orders nobody has settled."""
    Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin")
    euro_rule(NOW)
    saver = new_contact(NOW, name="Saver")
    ledger.adjust(saver.pk, points=HELD, reason="start", key="start", now=NOW)
    buyers = [new_contact(NOW, name="Buyer") for _ in range(5)]
    for number in range(ORDERS):
        new_order(buyers[number % 5], NOW, 1000 + 100 * number)
    standing.refresh(Contact.objects.values_list("pk", flat=True))
    return {}


def take() -> dict:
    """Try to take a point many times, each time as a new act."""
    taken = refused = 0
    for number in range(TRIES):
        try:
            ledger.adjust(_saver(), points=-1, reason="stamp", key=f"{os.getpid()}-{number}", now=NOW)
            taken += 1
        except ledger.NotEnoughPoints:
            refused += 1
    return {"taken": taken, "refused": refused}


def take_naively() -> dict:
    """Do the same the way it looks right: sum, compare, then insert."""
    taken = 0
    for number in range(TRIES):
        with transaction.atomic():
            account = Account.objects.get(contact_id=_saver())
            if account.entries.aggregate(total=Sum("points"))["total"] >= 1:
                time.sleep(0.005)
                source = f"naive:{os.getpid()}-{number}"
                bulk.insert(Entry, ledger.COLUMNS, [(account.pk, -1, "adjust", source, "", NOW, None, None, None, NOW)])
                taken += 1
    return {"taken": taken}


def take_once() -> dict:
    """Send one and the same form."""
    entry = ledger.adjust(_saver(), points=-10, reason="coffee", key="one-form", now=NOW)
    return {"entry": entry.pk}


def settle() -> dict:
    """Settle all orders, again and again."""
    ids = list(Order.objects.values_list("pk", flat=True))
    return {"written": sum(settling.settle(ids, now=NOW) for _ in range(3))}


def refund() -> dict:
    """Refund every order a little, each in its own transaction, as the door does."""
    written = 0
    for order_id in Order.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=order_id)
            amend(order, refunded_minor=min(order.total_minor, order.refunded_minor + 130), payment="partly_refunded")
            written += settling.settle([order_id], now=NOW)
            standing.refresh([order.contact_id])
    return {"written": written}


def _saver() -> int:
    return Contact.objects.values_list("pk", flat=True).get(name="Saver")


ACTS = {act.__name__: act for act in (prepare, take, take_naively, take_once, settle, refund)}


def one_of_many(name, barrier, told):
    connection.ensure_connection()
    barrier.wait()
    told.put(ACTS[name]())
    connection.close()


if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    barrier, told = fork.Barrier(len(sys.argv) - 1), fork.Queue()
    crowd = [fork.Process(target=one_of_many, args=(name, barrier, told)) for name in sys.argv[1:]]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
    if any(process.exitcode for process in crowd):
        sys.exit("a process failed")
    print(json.dumps([told.get() for _ in crowd]))
