"""Tell the owner's other programs what changed: signed, tried again for three days, with a log.

Only ids go out, never a name or an amount: the program asks the API for what it may read. A change and the news of it
are written in one transaction, so none is lost; a program must expect the same news twice.
"""

import base64
import datetime as dt
import json
import secrets
from collections.abc import Collection, Iterable

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from crm.accounts import instance
from crm.api import tasks
from crm.api.models import Delivery, Target
from crm.api.providers import generic
from crm.lib import changes, clock, hints, outward
from crm.lib.prepared import Prepared

TOPICS = {
    changes.PEOPLE: _("Customers were added or changed"),
    changes.ORDERS: _("Orders came in or changed, also by a refund"),
    changes.PRODUCTS: _("Products were added or changed"),
    changes.POINTS: _("Points were given or taken"),
}
PAUSES = [dt.timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, 1440, 1440)]
GIVEN_UP_AFTER = dt.timedelta(days=5)
KEPT = dt.timedelta(days=30)
_ACTIVE = Prepared(lambda: Target.objects.filter(is_active=True).values_list("pk", "topics"))
_MOST_IDS = 1_000
_PORTION = 50
_LEASE = dt.timedelta(minutes=2)  # longer than a target may take to answer


def open_target(url: str, *, topics: Collection[str], now: dt.datetime) -> Target:
    """Take an address to be told; raise outward.NotAllowed for one inside a private network."""
    outward.check(url)
    secret = generic.SECRET_PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()
    return Target.objects.create(url=url, topics=sorted(topics), secret=secret, created_at=now)


def announce(topic: str, ids: Iterable[int]) -> None:
    """Write down the news for every target that asked for it, in the transaction of the change."""
    targets = [target_id for target_id, topics in _ACTIVE() if topic in topics]
    if not targets:
        return
    now, ids = clock.now(), sorted(ids)
    portions = [ids[start : start + _MOST_IDS] for start in range(0, len(ids), _MOST_IDS)]
    Delivery.objects.bulk_create(
        Delivery(target_id=target, topic=topic, payload={"ids": portion}, next_at=now, created_at=now)
        for target in targets
        for portion in portions
    )
    if portions:
        hints.hint(tasks.deliver_news)


def deliver_due(*, now: dt.datetime) -> int:
    """Send what is due, oldest first; return how many got through.

    A target that failed is left alone until the next run: it would hold up the worker, and the news of the others.
    """
    due = Delivery.objects.filter(state=Delivery.State.WAITING, next_at__lte=now, target__is_active=True)
    sent, failed = 0, set()
    for _turn in range(_PORTION):
        next_one = due.exclude(target__in=failed).order_by("id").values_list("id", "target_id").first()
        if next_one is None:
            break
        delivery_id, target_id = next_one
        if deliver(delivery_id, now=now):
            sent += 1
        else:
            failed.add(target_id)
    return sent


def deliver(delivery_id: int, *, now: dt.datetime) -> bool:
    """Send one piece of news unless somebody else is at it, or nothing may be sent; return whether it got through."""
    if instance.is_held():
        return False
    waiting = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.WAITING, next_at__lte=now)
    if not waiting.update(next_at=now + _LEASE, tries=F("tries") + 1):
        return False
    delivery = Delivery.objects.select_related("target").get(pk=delivery_id)
    try:
        status = _send(delivery, now=now).status
        answer, got_through = str(status), 200 <= status < 300
    except outward.NotAllowed:
        answer, got_through = str(_("The address leads into a private network.")), False
    except OSError as error:
        answer, got_through = f"{type(error).__name__}: {error}", False
    if got_through:
        Delivery.objects.filter(pk=delivery_id).update(state=Delivery.State.SENT, sent_at=now, answer=answer)
        Target.objects.filter(pk=delivery.target_id).exclude(failing_since=None).update(failing_since=None)
        return True
    given_up = delivery.tries > len(PAUSES)
    Delivery.objects.filter(pk=delivery_id).update(
        state=Delivery.State.FAILED if given_up else Delivery.State.WAITING,
        next_at=now if given_up else now + PAUSES[delivery.tries - 1],
        answer=answer[:300],
    )
    Target.objects.filter(pk=delivery.target_id, failing_since=None).update(failing_since=now)
    Target.objects.filter(pk=delivery.target_id, failing_since__lt=now - GIVEN_UP_AFTER).update(is_active=False)
    return False


def send_again(delivery_id: int, *, now: dt.datetime) -> bool:
    """Let news that was given up wait once more."""
    failed = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.FAILED)
    return bool(failed.update(state=Delivery.State.WAITING, tries=0, next_at=now))


def sweep(*, now: dt.datetime) -> int:
    """Send what is due and forget what was sent long ago."""
    Delivery.objects.filter(created_at__lt=now - KEPT).exclude(state=Delivery.State.WAITING).delete()
    return deliver_due(now=now)


def _send(delivery: Delivery, *, now: dt.datetime) -> outward.Answer:
    event_id, timestamp = f"evt_{delivery.pk}", str(int(now.timestamp()))
    body = json.dumps(
        {"type": f"{delivery.topic}.changed", "timestamp": delivery.created_at.isoformat(), "data": delivery.payload}
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Regulars",
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": generic.sign(event_id, timestamp, body, secret=delivery.target.secret),
    }
    return outward.post(delivery.target.url, body=body, headers=headers)
