"""Leave a customer out of predictions and personal offers, because they object to them; or let them in again."""

import datetime as dt
from collections.abc import Callable

from django.db import transaction

from crm.contacts import forgetting, segments
from crm.contacts.models import Contact, Segment, SegmentMember
from crm.lib import changes

FORGETTERS: dict[str, Callable[..., int]] = {}
_SCORES = {"group": "", "stage": "", "churn_risk": None, "at_stake_minor": None, "scored_on": None}


def register(name: str, forget: Callable[..., int]) -> None:
    """Add what a floor deletes at once of somebody who objects: `forget(contact_ids=, now=)`."""
    FORGETTERS[name] = forget


@transaction.atomic
def object_to_profiling(contact_id: int, *, now: dt.datetime, by_user: int | None = None) -> bool:
    """Delete a customer's scores and leave them out from now on; tell whether that is news."""
    changed = Contact.objects.profiled().filter(pk=contact_id).update(no_profiling=True, updated_at=now, **_SCORES)
    if not changed:
        return False
    for forget in FORGETTERS.values():
        forget(contact_ids=[contact_id], now=now)
    groups = list(Segment.objects.filter(kind=Segment.Kind.COMPUTED, members__contact=contact_id))
    SegmentMember.objects.filter(contact=contact_id, segment__in=groups).delete()
    for group in groups:
        segments.count_again(group)
    forgetting.record(forgetting.Act.OBJECTED, contact_id, at=now, by_user=by_user, by_customer=by_user is None)
    changes.tell(changes.PEOPLE, [contact_id])
    return True


@transaction.atomic
def admit_to_profiling(contact_id: int, *, now: dt.datetime, by_user: int | None = None) -> bool:
    """Let the next night predict again for somebody who has nothing against it any more."""
    changed = Contact.objects.alive().filter(pk=contact_id, no_profiling=True)
    if not changed.update(no_profiling=False, updated_at=now):
        return False
    forgetting.record(forgetting.Act.ADMITTED, contact_id, at=now, by_user=by_user, by_customer=by_user is None)
    changes.tell(changes.PEOPLE, [contact_id])
    return True
