"""Reports from shop platforms: signed, kept at once, read by the worker, each exactly once and never out of order.

`accept` only checks the signature and writes the row: the platform waits for the answer. `read_waiting` reads what
waits; one that cannot be read now (its order is not known yet) is tried again, and shown to the owner when given up.
"""

import datetime as dt
import secrets
from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from crm.api.models import Event, Hook, Remote
from crm.api.providers import PROVIDERS
from crm.api.providers.base import BadReport, BadSignature, OrderTold, PersonTold, RefundTold, Told, WishTold
from crm.contacts import forgetting, forgotten, requesting
from crm.contacts.models import Erasure
from crm.imports import intake
from crm.lib import foreign_json, money
from crm.orders.models import Order

KEPT = dt.timedelta(days=30)
PAUSES = [dt.timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480, 1440, 2880)]
_PORTION = 200


class NotJson(ValueError):
    """The body of a report is no JSON object."""


class NotKnownYet(RuntimeError):
    """The report speaks of an order that was not reported yet."""


def open_hook(provider: str, *, secret: str, now: dt.datetime) -> Hook:
    """Make an address for a platform to report to."""
    return Hook.objects.create(provider=provider, secret=secret, token=secrets.token_urlsafe(24), created_at=now)


def accept(hook: Hook, *, headers: Mapping[str, str], body: bytes, now: dt.datetime) -> Event | None:
    """Keep a signed report and return it; None for a repeated one or a greeting. Raise BadSignature or NotJson."""
    provider = PROVIDERS[hook.provider]
    if provider.GREETING and body.startswith(provider.GREETING):
        return None
    provider.verify(headers, body, secret=hook.secret, now=now)
    try:
        data = foreign_json.read(body)
    except ValueError:
        raise NotJson from None
    if not isinstance(data, dict):
        raise NotJson
    envelope = provider.envelope(headers, data)
    if not envelope.event_id:
        raise BadSignature
    Hook.objects.filter(pk=hook.pk).update(last_event_at=now)
    try:
        with transaction.atomic():
            return Event.objects.create(
                hook=hook, event_id=envelope.event_id, topic=envelope.topic, body=data, received_at=now, next_at=now
            )
    except IntegrityError:
        return None


def read_waiting(*, now: dt.datetime) -> int:
    """Read the reports that are due, oldest first; return how many."""
    due = Event.objects.filter(state=Event.State.WAITING, next_at__lte=now).order_by("received_at", "id")
    return sum(read(event_id, now=now) for event_id in list(due.values_list("id", flat=True)[:_PORTION]))


def read(event_id: int, *, now: dt.datetime) -> bool:
    """Read one report if it still waits; what goes wrong is written on it. Return whether it was ours to read."""
    try:
        with transaction.atomic():
            mine = Event.objects.filter(pk=event_id, state=Event.State.WAITING)
            if not mine.update(tries=F("tries") + 1):  # the row is locked now: nobody else reads it
                return False
            event = Event.objects.select_related("hook").get(pk=event_id)
            told = PROVIDERS[event.hook.provider].read(event.topic, event.body)
            news = [_take(one, now=now) for one in told]
            state = Event.State.DONE if any(news) else Event.State.IGNORED
            Event.objects.filter(pk=event_id).update(state=state, body={}, error="")
    except NotKnownYet:
        _put_off(event_id, _("The order it speaks of has not been reported yet."), now=now)
    except BadReport as error:
        Event.objects.filter(pk=event_id).update(state=Event.State.FAILED, error=str(error)[:300])
    except Exception as error:
        _put_off(event_id, f"{type(error).__name__}: {error}", now=now)
    return True


def read_again(event_id: int, *, now: dt.datetime) -> bool:
    """Let a report that was given up wait once more; return whether there is still something to read."""
    failed = Event.objects.filter(pk=event_id, state=Event.State.FAILED).exclude(body={})
    return bool(failed.update(state=Event.State.WAITING, next_at=now, tries=0))


def sweep(*, now: dt.datetime) -> int:
    """Read what is due and forget what was read long ago."""
    Event.objects.filter(received_at__lt=now - KEPT).exclude(state=Event.State.WAITING).delete()
    return read_waiting(now=now)


def _put_off(event_id: int, reason: str, *, now: dt.datetime) -> None:
    tries = Event.objects.values_list("tries", flat=True).get(pk=event_id) + 1  # ours was rolled back
    given_up = tries > len(PAUSES)
    Event.objects.filter(pk=event_id).update(
        tries=tries,
        error=reason[:300],
        state=Event.State.FAILED if given_up else Event.State.WAITING,
        next_at=now if given_up else now + PAUSES[tries - 1],
    )


def _take(told: Told, *, now: dt.datetime) -> bool:
    """Bring one thing through the door unless something newer was told of it; return whether it was news."""
    if isinstance(told, OrderTold):
        return _take_order(told, now=now)
    if isinstance(told, PersonTold):
        if not _is_news(told.person.source, "person", told.remote_id, told.told_at):
            return False
        taken = intake.take_people([told.person], now=now)
        if forgotten.among(taken.contact_ids):
            return False
        _remember(told.person.source, "person", told.remote_id, told.told_at)
        return True
    if isinstance(told, WishTold):
        return _take_wish(told, now=now)
    return _take_refund(told, now=now)


def _take_order(told: OrderTold, *, now: dt.datetime) -> bool:
    """Bring an order through the door with every refund told of it so far, in this report or in one of its own."""
    purchase, source = told.purchase, told.purchase.source
    if not _is_news(source, "order", told.remote_id, told.told_at):
        return False
    named = {refund.remote_id: (money.to_minor(refund.amount, purchase.currency), refund.at) for refund in told.refunds}
    known = Remote.objects.filter(source=source, kind="order", remote_id=told.remote_id)
    reported = Remote.objects.filter(source=source, kind="refund", order__in=known.values("order"))
    given = {number: (minor, at) for number, minor, at in reported.values_list("remote_id", "amount_minor", "told_at")}
    given |= named
    if given:
        purchase.refunded_minor = max(purchase.refunded_minor, sum(minor for minor, _at in given.values()))
        purchase.refunded_at = max(at for _minor, at in given.values())
    order_id = intake.take_orders([purchase], now=now).recorded.order_ids[0]
    _remember(source, "order", told.remote_id, told.told_at, order_id=order_id)
    for number, (minor, at) in named.items():
        _remember(source, "refund", number, at, order_id=order_id, amount_minor=minor)
    return True


def _take_wish(told: WishTold, *, now: dt.datetime) -> bool:
    """Let the owner know what somebody asked for; whom nobody here knows needs no answer."""
    if told.wish == "shop":
        return requesting.ask(requesting.Kind.SHOP, via=told.source, now=now)
    contact = requesting.person_of(told.source, key=told.key, email=told.email)
    if contact is None:
        return False
    if told.wish == "copy":
        return requesting.ask(requesting.Kind.COPY, contact_id=contact.pk, via=told.source, now=now)
    is_news = forgetting.open_of(contact.pk) is None
    forgetting.ask(contact.pk, asked=Erasure.Asked.CUSTOMER, now=now)
    return is_news


def _take_refund(told: RefundTold, *, now: dt.datetime) -> bool:
    """Add one refund to what the platform gave back on its order in all."""
    if told.number:
        order = Order.objects.filter(source=told.source, number=told.number, kind=Order.Kind.SALE).first()
    else:
        known = Remote.objects.filter(source=told.source, kind="order", remote_id=told.order_id)
        order = Order.objects.filter(pk__in=known.values("order"), kind=Order.Kind.SALE).first()
    if order is None:
        raise NotKnownYet
    if not _is_news(told.source, "refund", told.remote_id, told.at):
        return False
    minor = money.to_minor(told.amount, order.currency)
    _remember(told.source, "refund", told.remote_id, told.at, order_id=order.pk, amount_minor=minor)
    given = Remote.objects.filter(source=told.source, kind="refund", order=order).aggregate(sum=Sum("amount_minor"))
    return intake.take_refund_sum(order.pk, amount_minor=given["sum"], at=told.at, now=now)


def _is_news(source: str, kind: str, remote_id: str, told_at: dt.datetime) -> bool:
    """Tell whether nothing newer was told: of one second, in which an order is placed and paid, the last word holds."""
    return not Remote.objects.filter(source=source, kind=kind, remote_id=remote_id, told_at__gt=told_at).exists()


def _remember(source: str, kind: str, remote_id: str, told_at: dt.datetime, **columns) -> None:
    Remote.objects.update_or_create(
        source=source, kind=kind, remote_id=remote_id, defaults={"told_at": told_at, **columns}
    )
