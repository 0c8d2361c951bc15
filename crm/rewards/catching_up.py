"""Apply changed rules to the past, piece by piece; a crash loses nothing: the work is kept on the rule's row."""

import datetime as dt

from django.db import transaction

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import clock
from crm.orders.models import Order
from crm.rewards import settling
from crm.rewards.models import Rule
from crm.rewards.rules import ORDER, RULES


def catch_up(*, now: dt.datetime) -> int:
    """Finish what waits on every rule; return the entries written."""
    written = 0
    for rule_id in Rule.objects.filter(catch_up_from__isnull=False).order_by("pk").values_list("pk", flat=True):
        while (entries := _one_piece(rule_id, now=now)) is not None:
            written += entries
    return written


def _one_piece(rule_id: int, *, now: dt.datetime) -> int | None:
    """Do the next piece of a rule's work in a transaction of its own; None when there is none left."""
    with transaction.atomic():
        rule = Rule.objects.select_for_update().filter(pk=rule_id, catch_up_from__isnull=False).first()
        if rule is None:
            return None
        since, _next_day = clock.day_bounds(rule.catch_up_from, Shop.current().timezone)
        if RULES[rule.kind].occasion == ORDER:
            rows, act = Order.objects.filter(placed_at__gte=since), settling.settle
        else:
            rows, act = Contact.objects.filter(joined_at__gte=since), settling.welcome
        rows = rows.filter(pk__gt=rule.catch_up_after_id).order_by("pk")
        ids = list(rows.values_list("pk", flat=True)[: settling.CHUNK])
        if not ids:
            rule.catch_up_from, rule.catch_up_after_id = None, 0
        else:
            rule.catch_up_after_id = ids[-1]
        rule.save(update_fields=["catch_up_from", "catch_up_after_id"])
        return act(ids, now=now) if ids else None
