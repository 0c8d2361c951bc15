"""What visits, reports of platforms and requests of programs hold of people who are erased."""

import datetime as dt
from collections.abc import Collection, Iterator

from django.db import transaction
from django.db.models import F, Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Concat
from django.utils.translation import ngettext

from crm.api.models import Command, Event, Remote, Visit
from crm.contacts import forgetting
from crm.contacts.forgetting import Foreseen, NotYet
from crm.lib import bulk
from crm.lib.templatetags import say

COVERS = (
    "api.Visit.contact", "api.Event.body", "api.Event.error", "api.Remote.remote_id", "api.Command.idempotency_key",
    "api.Command.answer",
)  # fmt: skip


def forget(*, contact_ids: Collection[int], now: dt.datetime) -> int:
    """Delete visits, reports that could not be read, and the numbers platforms know the people by."""
    with transaction.atomic():
        count = Visit.objects.filter(contact__in=bulk.among(contact_ids)).delete()[0]
        for source, value in forgetting.keys_of(contact_ids):
            count += Remote.objects.filter(source=source, kind="person", remote_id=value).delete()[0]
    return count + _forget_reports(contact_ids) + _forget_keys(contact_ids)


def _forget_reports(contact_ids: Collection[int]) -> int:
    """Empty the reports that name the people; one that was just received is read first."""
    traces = forgetting.traces_of(contact_ids)
    if not traces:
        return 0
    kept = Event.objects.exclude(body={}, error="")
    naming = [pk for pk, *said in kept.values_list("pk", "body", "error").iterator() if traces.are_in(said)]
    events = Event.objects.filter(pk__in=bulk.among(naming))
    fresh = events.filter(state=Event.State.WAITING, tries=0)
    done = events.exclude(pk__in=fresh.values("pk")).update(body={}, error="")
    events.filter(state=Event.State.WAITING, tries__gt=0).update(state=Event.State.IGNORED)
    if fresh.exists():
        raise NotYet("a report that names one of them is about to be read")
    return done


def _forget_keys(contact_ids: Collection[int]) -> int:
    """Replace keys in which a program wrote whom a request was about; what it did is done once all the same."""
    traces = forgetting.traces_of(contact_ids)
    if not traces:
        return 0
    naming = [pk for pk, key in _keys() if traces.are_in(key)]
    return Command.objects.filter(pk__in=bulk.among(naming)).update(
        idempotency_key=Concat(Value("forgotten:"), Cast(F("pk"), CharField(max_length=30)))
    )


def _keys() -> Iterator[tuple[int, str]]:
    return Command.objects.values_list("pk", "idempotency_key").iterator(chunk_size=5_000)


def foresee(*, contact_id: int) -> Foreseen:
    """Say how many visits are known."""
    visits = Visit.objects.filter(contact=contact_id).count()
    if not visits:
        return Foreseen()
    text = ngettext("%(count)s visit to the website", "%(count)s visits to the website", visits)
    return Foreseen([text % {"count": say.number(visits)}])
