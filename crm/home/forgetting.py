"""Suggestions that name somebody go when that person is erased."""

import datetime as dt
from collections.abc import Collection

from crm.contacts import forgetting
from crm.home.models import Action

COVERS = ("home.Action.title", "home.Action.evidence", "home.Action.why", "home.Action.button", "home.Action.url")


def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Delete suggestions that name these people."""
    traces = forgetting.traces_of(contact_ids)
    rows = Action.objects.values_list("pk", "title", "evidence", "why", "button", "url") if traces else ()
    naming = [pk for pk, *said in rows if traces.are_in(said)]
    return Action.objects.filter(pk__in=naming).delete()[0]
