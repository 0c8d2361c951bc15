"""Which message an order followed: the one clicked last before it, else the one sent last, within the window."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from crm.accounts.models import Shop
from crm.campaigns.models import Attribution, Click, Message
from crm.lib import bulk
from crm.orders.models import Order

LONGEST_WINDOW = dt.timedelta(days=90)  # forms.CampaignForm allows no longer one

State = Message.State


@dataclass(frozen=True)
class _Sent:
    message_id: int
    at: dt.datetime
    until: dt.datetime


def attribute(order_ids: Iterable[int], *, now: dt.datetime) -> int:
    """Link these orders to messages, correct what changed, unlink what no longer counts; return how many changed."""
    order_ids = list(order_ids)
    shop = Shop.objects.first()
    if not order_ids or shop is None or not Message.objects.exists():
        return 0
    with transaction.atomic():
        linked = {link.order_id: link for link in Attribution.objects.filter(order__in=bulk.among(order_ids))}
        orders = list(
            Order.objects.counting()
            .filter(pk__in=bulk.among(order_ids), kind=Order.Kind.SALE, currency=shop.currency, contact__isnull=False)
            .values_list("pk", "contact_id", "placed_at", "net_minor")
        )
        wanted = _choose(orders) if orders else {}
        gone = [link.pk for order_id, link in linked.items() if order_id not in wanted]
        fresh = [
            Attribution(order_id=order_id, message_id=message_id, amount_minor=amount, after_click=clicked, at=now)
            for order_id, (message_id, amount, clicked) in wanted.items()
            if order_id not in linked
        ]
        changed = []
        for order_id, (message_id, amount, clicked) in wanted.items():
            link = linked.get(order_id)
            if link and (link.message_id, link.amount_minor, link.after_click) != (message_id, amount, clicked):
                link.message_id, link.amount_minor, link.after_click = message_id, amount, clicked
                changed.append(link)
        if gone:
            Attribution.objects.filter(pk__in=bulk.among(gone)).delete()
        Attribution.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=500)
        Attribution.objects.bulk_update(changed, ["message", "amount_minor", "after_click"], batch_size=200)
    return len(gone) + len(fresh) + len(changed)


def _choose(orders: list[tuple]) -> dict[int, tuple[int, int, bool]]:
    """Return message, amount and whether it was clicked for each order that followed a message."""
    contact_ids = {contact_id for _order_id, contact_id, _placed_at, _net in orders}
    first = min(placed_at for _order_id, _contact_id, placed_at, _net in orders)
    last = max(placed_at for _order_id, _contact_id, placed_at, _net in orders)
    sent: dict[int, list[_Sent]] = defaultdict(list)
    for message_id, contact_id, at, days in Message.objects.filter(
        contact__in=bulk.among(contact_ids),
        state__in=[State.SENT, State.POINTS_ONLY],
        sent_at__gt=first - LONGEST_WINDOW,
        sent_at__lte=last,
    ).values_list("pk", "contact_id", "sent_at", "rotation__campaign__window_days"):
        sent[contact_id].append(_Sent(message_id, at, at + dt.timedelta(days=days)))
    clicks: dict[int, list[dt.datetime]] = defaultdict(list)
    if sent:
        message_ids = [message.message_id for messages in sent.values() for message in messages]
        for message_id, at in Click.objects.filter(message__in=bulk.among(message_ids)).values_list("message_id", "at"):
            clicks[message_id].append(at)
    chosen = {}
    for order_id, contact_id, placed_at, net_minor in orders:
        candidates = []
        for message in sent.get(contact_id, ()):
            if message.at <= placed_at < message.until:
                before = [at for at in clicks[message.message_id] if at <= placed_at]
                candidates.append((bool(before), max(before, default=message.at), message.message_id))
        if candidates:
            clicked, _at, message_id = max(candidates)
            chosen[order_id] = (message_id, net_minor, clicked)
    return chosen
