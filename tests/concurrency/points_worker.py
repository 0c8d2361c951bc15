"""Processes that move points at the same time: `python -m tests.concurrency.points_worker ACT...`, one for each ACT.

Django is loaded once and forked before anybody has a connection; all begin together, and what each
one tells is printed as one JSON list. DATABASE_URL says where.
"""

import contextlib
import datetime as dt
import os
import random
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import django

django.setup()

from django.db import IntegrityError, transaction  # noqa: E402
from django.db.models import Sum  # noqa: E402

from crm.accounts.models import Shop  # noqa: E402
from crm.contacts import merging  # noqa: E402
from crm.contacts.models import Contact, Merge  # noqa: E402
from crm.lib import bulk  # noqa: E402
from crm.orders import standing  # noqa: E402
from crm.orders.models import Order  # noqa: E402
from crm.rewards import falling_due, ledger, redeeming, settling  # noqa: E402
from crm.rewards.models import Account, Entry, Programme  # noqa: E402
from tests.concurrency import crowd  # noqa: E402
from tests.rewards.conftest import amend, euro_rule, new_contact, new_order  # noqa: E402

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
HELD, TRIES, ORDERS = 100, 20, 30
MIXED, ACTS_EACH = 50, 25


def prepare() -> dict:
    """Make a shop with one customer who holds 100 points, and 30 orders nobody has settled."""
    Shop.objects.create(name="S", currency="EUR", timezone="Europe/Berlin")
    euro_rule(NOW)
    saver = new_contact(NOW, name="Saver")
    ledger.adjust(saver.pk, points=HELD, reason="start", key="start", now=NOW)
    buyers = [new_contact(NOW, name="Buyer") for _ in range(5)]
    for number in range(ORDERS):
        new_order(buyers[number % 5], NOW, 1000 + 100 * number)
    for _ in range(MIXED):
        mixed = new_contact(NOW, name="Mixed")
        settling.settle([new_order(mixed, NOW, 4000, number=f"M{mixed.pk}").pk], now=NOW)
    Programme.objects.create(debt=Programme.Debt.FORGIVE)
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
                row = (account.pk, -1, "adjust", source, "", NOW, None, None, None, NOW, None, None)
                bulk.insert(Entry, ledger.COLUMNS, [row])
                taken += 1
    return {"taken": taken}


def take_once() -> dict:
    """Send one and the same form."""
    entry = ledger.adjust(_saver(), points=-10, reason="coffee", key="one-form", now=NOW)
    return {"entry": entry.pk}


def settle() -> dict:
    """Settle all orders, again and again."""
    ids = list(Order.objects.exclude(number__startswith="M").values_list("pk", flat=True))
    return {"written": sum(settling.settle(ids, now=NOW) for _ in range(3))}


def refund() -> dict:
    """Refund every order a little, each in its own transaction, as the door does."""
    written = 0
    for order_id in Order.objects.exclude(number__startswith="M").order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=order_id)
            amend(order, refunded_minor=min(order.total_minor, order.refunded_minor + 130), payment="partly_refunded")
            written += settling.settle([order_id], now=NOW)
            standing.refresh([order.contact_id])
    return {"written": written}


def redeem() -> dict:
    """Try to redeem ten points many times, each time as a new act."""
    redeemed = 0
    for number in range(TRIES):
        try:
            redeeming.redeem(_saver(), points=10, key=f"{os.getpid()}-{number}", now=NOW)
            redeemed += 1
        except ledger.NotEnoughPoints:
            pass
    return {"redeemed": redeemed}


def redeem_one_order() -> dict:
    """Reserve, commit and give back for one and the same order, all mixed up; every other one commits."""
    held = redeeming.reserve(_saver(), points=10, key="one-order", now=NOW)
    with contextlib.suppress(redeeming.RolledBack):
        (redeeming.commit if os.getpid() % 2 else redeeming.roll_back)("one-order", now=NOW)
    return {"redemption": held.pk}


def mix() -> dict:
    """Earn, spend, reserve, refund, mature, expire, merge and part at random, over the same fifty accounts as all."""
    draw, acts = random.Random(os.getpid()), int(os.environ.get("POINTS_ACTS", ACTS_EACH))
    people = list(Contact.objects.filter(name="Mixed").order_by("pk").values_list("pk", flat=True))
    orders = list(Order.objects.filter(contact__in=people).order_by("pk").values_list("pk", flat=True))
    told = dict.fromkeys(
        ("earned", "spent", "refused", "given back", "refunded", "fell due", "merged", "parted", "gone"), 0
    )
    for number in range(acts):
        try:
            _one_of_a_mix(draw, people, orders, told, now=NOW + dt.timedelta(hours=number), key=f"{os.getpid()}-{number}")
        except (IntegrityError, Account.DoesNotExist):
            told["gone"] += 1  # merged by another process this moment
    return told


def _one_of_a_mix(draw, people, orders, told, *, now, key) -> None:
    what, who, points = draw.random(), merging.current_id(draw.choice(people)), draw.randint(1, 60)
    if what < 0.06:
        try:
            merging.merge(who, drop_id=merging.current_id(draw.choice(people)), now=now)
            told["merged"] += 1
        except merging.CannotMerge:
            told["gone"] += 1
    elif what < 0.12:
        done = Merge.objects.filter(undone_at=None).order_by("-pk").first()
        try:
            told["parted"] += bool(done and merging.undo(done.pk, now=now))
        except merging.CannotUndo:
            told["gone"] += 1
    elif what < 0.3:
        days = draw.choice([None, 1, 5])
        posting = ledger.Posting(
            contact_id=who, points=points, kind=Entry.Kind.CAMPAIGN, source=f"campaign:{key}", at=now,
            activates_at=now + dt.timedelta(hours=draw.randint(1, 48)) if draw.random() < 0.4 else None,
            expires_at=days and now + dt.timedelta(days=days),
        )  # fmt: skip
        told["earned"] += ledger.post([posting], now=now)
    elif what < 0.65:
        try:
            redeeming.reserve(who, points=points, key=key, now=now)
            ended = draw.choice([redeeming.commit, redeeming.commit, redeeming.roll_back])(key, now=now)
            told["spent" if ended.state == "committed" else "given back"] += 1
        except ledger.NotEnoughPoints:
            told["refused"] += 1
    elif what < 0.85:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=draw.choice(orders))
            change = {"cancelled_at": None if order.cancelled_at else now}
            if draw.random() < 0.5:
                change = {"refunded_minor": draw.randint(0, order.total_minor), "payment": "partly_refunded"}
            amend(order, **change)
            told["refunded"] += settling.settle([order.pk], now=now)
            standing.refresh([order.contact_id])
    else:
        told["fell due"] += falling_due.mature(now=now) + falling_due.expire(now=now)


def _saver() -> int:
    return Contact.objects.values_list("pk", flat=True).get(name="Saver")


ALL = (prepare, take, take_naively, take_once, settle, refund, redeem, redeem_one_order, mix)
ACTS = {act.__name__: act for act in ALL}


if __name__ == "__main__":
    crowd.work(ACTS)
